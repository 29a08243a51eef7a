/* SPDX-License-Identifier: MIT */
#include "backend/host/backend.h"

#include <errno.h>

#include "backend/host/mapping.h"
#include "backend/host/vm.h"

#define NO_IMPORT "the driver cannot import host memory"

static const struct vmb_backend_extension extensions[] = {
	{ VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME, 0, NO_IMPORT },
	{ VK_KHR_EXTERNAL_MEMORY_EXTENSION_NAME, VK_API_VERSION_1_1, NO_IMPORT },
	{ VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME, VK_API_VERSION_1_2,
		"the driver has no timeline semaphores" },
};

/* On these drivers the test suite shows that the device sees remapped host memory. */
static const VkDriverId drivers[] = { VK_DRIVER_ID_MESA_LLVMPIPE, VK_DRIVER_ID_GOOGLE_SWIFTSHADER,
	0 };

static int create(const struct vmb_vm_config *config, struct vmb_vm **vm)
{
	return vmb_host_vm_create(config->granularity, config->trace, vm);
}

static const char *explain(int error)
{
	switch (-error) {
	case EFBIG:
		return "the limit on file sizes (ulimit -f) leaves no memory for sparse resources";
	case EMFILE:
	case ENFILE:
		return "the process cannot open another file (ulimit -n)";
	case ENOMEM:
		return "the process is out of memory or mappings";
	case EPERM:
	case EACCES:
	case ENOSYS:
		return "the process is not permitted to call memfd_create(2)";
	default:
		return "memfd_create(2) failed";
	}
}

static const char *probe(const struct vmb_probe_device *device, uint64_t *address_space)
{
	struct vmb_vm *vm = device->vm;
	struct vmb_backing backing;

	if (vm->impl->memory_create(vm, vm->granularity, &backing) < 0) {
		return "the process has no memory or no addresses for sparse resources";
	}
	vm->impl->memory_destroy(vm, &backing);
	*address_space = vmb_host_address_space();
	return NULL;
}

const struct vmb_backend vmb_host_backend = {
	.name = "host",
	.drivers = drivers,
	.extensions = extensions,
	.extension_count = sizeof(extensions) / sizeof(extensions[0]),
	.reason = "the driver has no sparse resources, and its device sees remapped host memory",
	/* lavapipe 26.1 has the same alignment for sparse images. With pages of 4 KiB an
	 * application needs 16 times as many binds and mappings. */
	.granularity = 65536,
	/* The CPU keeps its caches coherent for all virtual addresses of a page. */
	.aliases = true,
	.imports = true,
	.create = create,
	.explain = explain,
	.probe = probe,
};
