/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include "virtgpu/decide.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* Timeout of a helper that maps ordinary memory, which cannot block. */
#define PROBE_TIMEOUT_MS 2000

/* Whether this process can start a helper. A sandbox may forbid that. */
static bool probe_helper(const struct vmb_virtgpu *virtgpu)
{
	int page = memfd_create("vmbind", MFD_CLOEXEC);

	if (page < 0) {
		return false;
	}
	int ret = ftruncate(page, sysconf(_SC_PAGESIZE)) < 0
		? -errno
		: virtgpu->system->run_helper(
			  virtgpu->helper, page, virtgpu->hostmem.device, PROBE_TIMEOUT_MS);
	close(page);
	return ret == 0;
}

/* Returns the reason why no blob is deferred; NULL if blobs are deferred. */
static const char *find_obstacle(struct vmb_virtgpu *virtgpu)
{
	struct vmb_hostmem *hostmem = &virtgpu->hostmem;

	if (vmb_hostmem_init(hostmem, virtgpu->system, virtgpu->ioctl, virtgpu->fd) < 0) {
		return "the layer cannot open the device";
	}
	virtgpu->has_hostmem = true;
	virtgpu->facts.hostmem_size = hostmem->size;
	if (virtgpu->request == VMB_DEFER_OFF) {
		return "deferral is turned off";
	}
	if (!hostmem->capset) {
		return "the layer cannot probe hostmem on this device";
	}
	virtgpu->facts.honoured = vmb_hostmem_honoured(hostmem);
	if (virtgpu->facts.honoured == VMB_HONOURED_NO) {
		return "the kernel ignores the hint";
	}
	if (virtgpu->facts.honoured == VMB_HONOURED_UNKNOWN && virtgpu->request != VMB_DEFER_ON) {
		return "the layer could not check that the kernel honours the hint";
	}
	if (virtgpu->system->find_helper(virtgpu->helper, sizeof(virtgpu->helper)) < 0) {
		return "the helper program is not installed";
	}
	return probe_helper(virtgpu) ? NULL : "the helper program cannot be started";
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
