/* SPDX-License-Identifier: MIT */
#include "backend/host/backend.h"

#include "backend/host/probe.h"
#include "backend/host/vm.h"

#define NO_IMPORT "the driver cannot import host memory"

static const struct vmb_backend_extension extensions[] = {
	{ VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME, 0, NO_IMPORT },
	{ VK_KHR_EXTERNAL_MEMORY_EXTENSION_NAME, VK_API_VERSION_1_1, NO_IMPORT },
	{ VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME, VK_API_VERSION_1_2,
		"the driver has no timeline semaphores" },
};

static int create(const struct vmb_vm_config *config, struct vmb_vm **vm)
{
	return vmb_host_vm_create(config->granularity, config->trace, vm);
}

const struct vmb_backend vmb_host_backend = {
	.name = "host",
	.for_cpu = true,
	.extensions = extensions,
	.extension_count = sizeof(extensions) / sizeof(extensions[0]),
	.reason = "the driver has no sparse resources, and its device sees remapped host memory",
	.probe_failed = "the device does not see remapped host memory",
	.create = create,
	.probe = vmb_host_probe,
};
