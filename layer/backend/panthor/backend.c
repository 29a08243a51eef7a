/* SPDX-License-Identifier: MIT */
#include "backend/panthor/backend.h"

#include <errno.h>
#include <stdlib.h>

#include "backend/panthor/probe.h"
#include "backend/panthor/translator.h"
#include "backend/panthor/vm.h"

#define NO_SHARING "the driver cannot share semaphores"

static const struct vmb_backend_extension extensions[] = {
	{ VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME, 0, NO_SHARING },
	{ VK_KHR_EXTERNAL_SEMAPHORE_EXTENSION_NAME, VK_API_VERSION_1_1, NO_SHARING },
	{ VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME, VK_API_VERSION_1_2,
		"the driver has no timeline semaphores" },
};

struct vmb_backend_watch {
	struct vmb_intercept *intercept;
	struct vmb_panthor_call call;
};

static int watch_begin(struct vmb_trace *trace, struct vmb_backend_watch **out)
{
	struct vmb_backend_watch *watch = calloc(1, sizeof(*watch));

	if (!watch) {
		return -ENOMEM;
	}
	int ret = vmb_intercept_create(&vmb_panthor_translator, &watch->intercept);
	if (ret < 0) {
		free(watch);
		return ret;
	}
	struct vmb_panthor *panthor = vmb_intercept_state(watch->intercept);
	panthor->trace = trace;
	vmb_panthor_call_begin(&watch->call, watch->intercept, VMB_PANTHOR_CALL_CREATE_DEVICE);
	*out = watch;
	return 0;
}

static void watch_end(struct vmb_backend_watch *watch)
{
	vmb_driver_call_end(&watch->call.base);
}

static void watch_destroy(struct vmb_backend_watch *watch)
{
	if (watch) {
		vmb_intercept_destroy(watch->intercept);
		free(watch);
	}
}

static int create(const struct vmb_vm_config *config, struct vmb_vm **vm)
{
	struct vmb_backend_watch *watch = config->watch;

	if (!watch || !vmb_intercept_is_live(watch->intercept)) {
		return -ENODEV;
	}
	int ret = vmb_panthor_vm_create(watch->intercept, config->trace, vm);
	if (ret == 0) {
		free(watch);
	}
	return ret;
}

static const VkDriverId drivers[] = { VK_DRIVER_ID_MESA_PANVK, 0 };

static const char *explain(int error)
{
	return error == -ENODEV
		? "another library handles the driver's ioctls, for example one in LD_PRELOAD: "
		  "run the program without that library"
		: "the layer could not create its BO for unbound ranges: memory is short";
}

const struct vmb_backend vmb_panthor_backend = {
	.name = "panthor",
	.drivers = drivers,
	.kernel_driver = "panthor",
	.wrong_kernel_driver = "the kernel driver of the device is not panthor",
	.extensions = extensions,
	.extension_count = sizeof(extensions) / sizeof(extensions[0]),
	.reason = "the driver has no sparse resources, and panthor can make them",
	.granularity = 4096,
	/* panvk 26.1 and 26.2 report no sparseResidencyAliased on the same hardware. Their source
	 * names https://gitlab.freedesktop.org/panfrost/mesa/-/issues/237. */
	.aliases = false,
	.watch_begin = watch_begin,
	.watch_end = watch_end,
	.watch_destroy = watch_destroy,
	.create = create,
	.explain = explain,
	.probes_device = true,
	.probe = vmb_panthor_probe,
};
