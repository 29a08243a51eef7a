/* SPDX-License-Identifier: MIT */
#include "advice.h"

#include <assert.h>
#include <errno.h>

/* docs/panthor.md explains the versions. */
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

/* The probe crashed or hung, as it would in an application with the layer. */
static bool is_broken_by_probe(const struct vmb_device_answer *device)
{
	return !device->is_decided && device->answer.stage == VMB_STAGE_DECIDE;
}

static const struct {
	bool (*applies)(const struct vmb_device_answer *device);
	struct vmb_advice advice;
} rules[] = {
	{ is_panvk_without_sparse,
		{ "newer-mesa",
			"Mesa 26.2 or newer: panvk has its own sparse resources, "
			"including images with residency" } },
	{ is_panvk_before_26_2,
		{ "newer-mesa",
			"Mesa 26.2 or newer: panvk's own sparse resources are correct "
			"and need no layer" } },
	{ is_lavapipe_without_sparse,
		{ "newer-mesa",
			"a newer Mesa (26.1 is tested): lavapipe has its own sparse resources, "
			"including images with residency" } },
	{ is_kernel_without_sparse,
		{ "newer-kernel",
			"Linux 7.3 or newer (panthor 1.9): one op makes a range sparse, "
			"instead of repeated maps of 2 MiB" } },
	{ is_kernel_eager,
		{ "newer-kernel",
			"Linux 7.3 or newer in the guest: memory takes hostmem when it is mapped, "
			"not when it is allocated" } },
	{ is_hostmem_small,
		{ "larger-hostmem",
			"a larger hostmem: the device's mappable memory does not fit" } },
	{ is_hostmem_full,
		{ "larger-hostmem", "a larger hostmem: more than three quarters are in use" } },
	{ is_node_missing,
		{ "render-node",
			"the device's render node: the node is missing in this environment, "
			"for example a container" } },
	{ is_node_closed,
		{ "render-node",
			"access to the device's render node: "
			"on most systems the group render has access" } },
	{ is_broken_by_probe,
		{ "native-route",
			"VMBIND_ROUTE=native wherever the layer is enabled: "
			"the layer then does not probe the device" } },
};
#define RULES (sizeof(rules) / sizeof(rules[0]))
static_assert(RULES <= VMB_ADVICE_MAX, "the caller's array holds every advice");

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
