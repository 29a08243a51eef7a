/* SPDX-License-Identifier: MIT */
#include "virtgpu/decide.h"

#include <errno.h>

static const char *helper_obstacle(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
		return "the helper program vmbind-map-helper is missing: install it with the layer";
	case -EPERM:
		return "the layer does not start vmbind-map-helper: "
		       "another user can change the helper program or its directory";
	default:
		return "the helper program vmbind-map-helper cannot be executed: check its "
		       "permissions";
	}
}

/* Returns the reason why no blob is deferred; NULL if blobs are deferred. */
static const char *find_obstacle(struct vmb_virtgpu *virtgpu)
{
	struct vmb_hostmem *hostmem = &virtgpu->hostmem;

	if (vmb_hostmem_init(hostmem, virtgpu->system, virtgpu->ioctl, virtgpu->fd) < 0) {
		return "the layer cannot open the render node: "
		       "check the permissions of /dev/dri";
	}
	virtgpu->has_hostmem = true;
	virtgpu->facts.hostmem_size = hostmem->size;
	if (virtgpu->request == VMB_DEFER_OFF) {
		return "the setting defer_blobs (VMBIND_DEFER_BLOBS) is off";
	}
	if (!hostmem->capset) {
		return "the device has no hostmem, "
		       "or no Venus or native context to probe it";
	}
	virtgpu->facts.honoured = vmb_hostmem_honoured(hostmem);
	if (virtgpu->facts.honoured == VMB_HONOURED_NO) {
		return "the kernel ignores the hint: Linux 7.3 and later honour the hint";
	}
	if (virtgpu->facts.honoured == VMB_HONOURED_UNKNOWN && virtgpu->request != VMB_DEFER_ON) {
		return "the layer could not check that the kernel honours the hint: "
		       "VMBIND_DEFER_BLOBS=on defers all the same";
	}
	int ret = virtgpu->system->find_helper(virtgpu->helper, sizeof(virtgpu->helper));
	if (ret < 0) {
		return helper_obstacle(ret);
	}
	return vmb_guard_can_map(hostmem, virtgpu->helper)
		? NULL
		: "the helper program vmbind-map-helper does not start: a sandbox may forbid it";
}

bool vmb_virtgpu_decide(struct vmb_virtgpu *virtgpu)
{
	if (atomic_load_explicit(&virtgpu->has_facts, memory_order_acquire)) {
		return virtgpu->facts.defers;
	}
	pthread_mutex_lock(&virtgpu->decide_lock);
	if (!virtgpu->has_facts) {
		const char *obstacle = find_obstacle(virtgpu);
		virtgpu->facts.defers = !obstacle;
		virtgpu->facts.reason = obstacle ? obstacle : "the guard makes first mappings";
		atomic_store_explicit(&virtgpu->has_facts, true, memory_order_release);
	}
	pthread_mutex_unlock(&virtgpu->decide_lock);
	return virtgpu->facts.defers;
}

bool vmb_virtgpu_defers(const struct vmb_virtgpu *virtgpu)
{
	return atomic_load_explicit(&virtgpu->has_facts, memory_order_acquire) &&
		virtgpu->facts.defers;
}
