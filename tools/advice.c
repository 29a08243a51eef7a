/* SPDX-License-Identifier: MIT */
#include "advice.h"

#include <assert.h>
#include <errno.h>

/* The versions are those that docs/panthor.md and README.md tell of. */
#define MESA_26_2 VK_MAKE_API_VERSION(0, 26, 2, 0)

static bool is_panvk_without_sparse(const struct vmb_device_answer *device)
{
	return device->driver_id == VK_DRIVER_ID_MESA_PANVK && !device->features.sparseBinding;
}

static bool is_panvk_before_26_2(const struct vmb_device_answer *device)
{
	return device->driver_id == VK_DRIVER_ID_MESA_PANVK && device->features.sparseBinding &&
		device->properties.driverVersion < MESA_26_2;
}

static bool is_lavapipe_without_sparse(const struct vmb_device_answer *device)
{
	return device->driver_id == VK_DRIVER_ID_MESA_LLVMPIPE && !device->features.sparseBinding;
}

static bool is_kernel_without_sparse(const struct vmb_device_answer *device)
{
	return device->kernel.sparse == VMB_NO;
}

static bool is_kernel_eager(const struct vmb_device_answer *device)
{
	return device->kernel.hostmem > 0 && device->kernel.defers == VMB_NO;
}

static bool is_hostmem_small(const struct vmb_device_answer *device)
{
	return device->kernel.hostmem > 0 && device->kernel.hostmem < device->mappable_heap;
}

static bool is_hostmem_full(const struct vmb_device_answer *device)
{
	return device->kernel.has_hostmem_used &&
		device->kernel.hostmem_used > device->kernel.hostmem / 4 * 3;
}

static bool is_node_missing(const struct vmb_device_answer *device)
{
	return device->kernel.error == -ENOENT;
}

static bool is_node_closed(const struct vmb_device_answer *device)
{
	return device->kernel.error == -EACCES || device->kernel.error == -EPERM;
}

/* It does the same to an application with the layer. */
static bool is_spoiled_by_trial(const struct vmb_device_answer *device)
{
	return !device->is_decided && device->answer.stage == VMB_STAGE_DECIDE;
}

static const struct {
	bool (*applies)(const struct vmb_device_answer *device);
	struct vmb_advice advice;
} rules[] = {
	{ is_panvk_without_sparse,
		{ "newer-mesa",
			"Mesa 26.2 or newer: panvk has sparse resources of its own there, "
			"those of images with residency" } },
	{ is_panvk_before_26_2,
		{ "newer-mesa",
			"Mesa 26.2 or newer: panvk's own sparse resources are right there, "
			"and need no layer" } },
	{ is_lavapipe_without_sparse,
		{ "newer-mesa",
			"a newer Mesa (26.1 was tried): "
			"lavapipe has sparse resources of its own there, those of images "
			"with residency" } },
	{ is_kernel_without_sparse,
		{ "newer-kernel",
			"Linux 7.3 or newer (panthor 1.9): a range without memory is one op there, "
			"and not 2 MiB of memory mapped over it again and again" } },
	{ is_kernel_eager,
		{ "newer-kernel",
			"Linux 7.3 or newer in the guest: "
			"memory takes its place in hostmem when it is mapped, and not before" } },
	{ is_hostmem_small,
		{ "larger-hostmem",
			"a larger hostmem: less than the device's memory can be mapped" } },
	{ is_hostmem_full,
		{ "larger-hostmem", "a larger hostmem: more than three quarters are in use" } },
	{ is_node_missing,
		{ "render-node",
			"the device's render node in this environment: "
			"a container has to be given it" } },
	{ is_node_closed,
		{ "render-node",
			"access to the device's render node: "
			"the group render has it on most systems" } },
	{ is_spoiled_by_trial,
		{ "native-route",
			"VMBIND_ROUTE=native wherever the layer is enabled: "
			"it keeps the layer from the trial" } },
};
#define RULES (sizeof(rules) / sizeof(rules[0]))
static_assert(RULES <= VMB_ADVICE_MAX, "room for all");

size_t vmb_advise(const struct vmb_device_answer *device, struct vmb_advice advice[VMB_ADVICE_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < RULES; i++) {
		if (rules[i].applies(device)) {
			advice[count++] = rules[i].advice;
		}
	}
	return count;
}
