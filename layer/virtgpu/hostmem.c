/* SPDX-License-Identifier: MIT */
#include "virtgpu/hostmem.h"

#include <errno.h>
#include <sys/stat.h>
#include <uapi/virtgpu.h>
#include <unistd.h>

/* The assumed size of a hostmem whose size is unknown: larger than any. In bytes. */
#define LARGE (UINT64_C(64) << 30)
/* The device has few mmap() offsets. Probes of several processes can use them up. Then the kernel
 * seems to ignore the hint, so the layer repeats the observation. */
#define OBSERVATIONS 5
#define OBSERVATION_INTERVAL_MS 10
/* How long the kernel may take to free the range of a closed blob: it waits for the host's answer.
 * Measured: a few milliseconds, and more than 50 in an emulated guest on a busy machine. */
#define SETTLING_MS 250

/* 0 if the kernel does not know the parameter. */
static uint32_t get_parameter(const struct vmb_hostmem *hostmem, int fd, uint64_t parameter)
{
	int value = 0;
	struct drm_virtgpu_getparam get = {
		.param = parameter,
		.value = (uintptr_t)&value,
	};

	return vmb_ioctl_retry(hostmem->ioctl, fd, DRM_IOCTL_VIRTGPU_GETPARAM, &get) == 0
		? (uint32_t)value
		: 0;
}

/* A probe needs a context that creates a blob of new shared memory for blob_id 0. Venus and native
 * contexts do. Returns 0 if the device has neither. */
static uint32_t choose_capset(const struct vmb_hostmem *hostmem, int fd)
{
	uint32_t capsets = get_parameter(hostmem, fd, VIRTGPU_PARAM_SUPPORTED_CAPSET_IDs);

	if (!get_parameter(hostmem, fd, VIRTGPU_PARAM_HOST_VISIBLE)) {
		return 0;
	}
	if (capsets & (1u << VIRTGPU_DRM_CAPSET_VENUS)) {
		return VIRTGPU_DRM_CAPSET_VENUS;
	}
	return capsets & (1u << VIRTGPU_DRM_CAPSET_DRM) ? VIRTGPU_DRM_CAPSET_DRM : 0;
}

int vmb_hostmem_init(struct vmb_hostmem *hostmem, const struct vmb_system_ops *system,
	vmb_ioctl_fn ioctl, int fd)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct stat node;

	if (fstat(fd, &node) < 0) {
		return -errno;
	}
	*hostmem = (struct vmb_hostmem){
		.system = system,
		.ioctl = ioctl,
		.device = node.st_rdev,
		.size = system->hostmem_size(fd),
	};
	uint64_t alignment = get_parameter(hostmem, fd, VIRTGPU_PARAM_BLOB_ALIGNMENT);
	hostmem->unit = alignment > page ? alignment : page;
	hostmem->capset = choose_capset(hostmem, fd);
	hostmem->fd = system->reopen(fd);
	return hostmem->fd < 0 ? hostmem->fd : 0;
}

void vmb_hostmem_finish(struct vmb_hostmem *hostmem)
{
	if (hostmem->fd >= 0) {
		close(hostmem->fd);
	}
	hostmem->fd = -1;
}

static int init_context(const struct vmb_hostmem *hostmem, int fd)
{
	struct drm_virtgpu_context_set_param parameters[] = {
		{ VIRTGPU_CONTEXT_PARAM_CAPSET_ID, hostmem->capset },
		{ VIRTGPU_CONTEXT_PARAM_NUM_RINGS, 1 },
	};
	struct drm_virtgpu_context_init init = {
		.num_params = sizeof(parameters) / sizeof(parameters[0]),
		.ctx_set_params = (uintptr_t)parameters,
	};

	return vmb_ioctl_retry(hostmem->ioctl, fd, DRM_IOCTL_VIRTGPU_CONTEXT_INIT, &init);
}

/*
 * Returns an open file with a context for a probe's blob. A Venus context creates any number of
 * blobs, so the layer keeps one context. A native context creates only one blob of this kind, so
 * each probe opens a new file.
 */
static int open_context(struct vmb_hostmem *hostmem)
{
	bool is_kept = hostmem->capset == VIRTGPU_DRM_CAPSET_VENUS;

	if (!hostmem->capset) {
		return -ENODEV;
	}
	if (is_kept && hostmem->has_context) {
		return hostmem->fd;
	}
	int fd = is_kept ? hostmem->fd : hostmem->system->reopen(hostmem->fd);
	if (fd < 0) {
		return fd;
	}
	int ret = init_context(hostmem, fd);
	if (ret < 0) {
		if (!is_kept) {
			close(fd);
		}
		return ret;
	}
	hostmem->has_context = is_kept;
	return fd;
}

static void close_context(const struct vmb_hostmem *hostmem, int fd)
{
	if (fd != hostmem->fd) {
		close(fd);
	}
}

/* Creates a mappable blob of new shared memory and closes it. */
static int probe_blob(struct vmb_hostmem *hostmem, uint64_t size, uint32_t hints)
{
	struct drm_virtgpu_resource_create_blob blob = {
		.blob_mem = VIRTGPU_BLOB_MEM_HOST3D,
		.blob_flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE,
		.size = size,
		.blob_hints = hints,
	};
	int fd = open_context(hostmem);

	if (fd < 0) {
		return fd;
	}
	int ret = vmb_ioctl_retry(
		hostmem->ioctl, fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &blob);
	if (ret == 0) {
		struct drm_gem_close close = { .handle = blob.bo_handle };
		ret = vmb_ioctl_retry(hostmem->ioctl, fd, DRM_IOCTL_GEM_CLOSE, &close);
	}
	close_context(hostmem, fd);
	return ret;
}

static enum vmb_honoured observe(struct vmb_hostmem *hostmem)
{
	uint64_t beyond = (hostmem->size ? hostmem->size / hostmem->unit * hostmem->unit : LARGE) +
		hostmem->unit;

	if (probe_blob(hostmem, beyond, 0) != -ENOSPC) {
		return VMB_HONOURED_UNKNOWN;
	}
	switch (probe_blob(hostmem, beyond, DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING)) {
	case 0:
		return VMB_HONOURED_YES;
	case -ENOSPC:
		return VMB_HONOURED_NO;
	default:
		return VMB_HONOURED_UNKNOWN;
	}
}

enum vmb_honoured vmb_hostmem_honoured(struct vmb_hostmem *hostmem)
{
	bool is_older = hostmem->system->is_older();
	enum vmb_honoured honoured = observe(hostmem);

	/* A kernel of this release should honour the hint: observe again. */
	for (int i = 1; i < OBSERVATIONS && honoured == VMB_HONOURED_NO && !is_older; i++) {
		hostmem->system->sleep_ms(OBSERVATION_INTERVAL_MS);
		honoured = observe(hostmem);
	}
	return honoured == VMB_HONOURED_UNKNOWN && is_older ? VMB_HONOURED_NO : honoured;
}

const char *vmb_honoured_name(enum vmb_honoured honoured)
{
	static const char *const names[] = {
		[VMB_HONOURED_UNKNOWN] = "unknown",
		[VMB_HONOURED_NO] = "no",
		[VMB_HONOURED_YES] = "yes",
	};

	return names[honoured];
}

int vmb_hostmem_probe(struct vmb_hostmem *hostmem, uint64_t size)
{
	int ret = probe_blob(hostmem, size, 0);

	if (ret == 0) {
		vmb_hostmem_freed(hostmem);
	}
	return ret;
}

void vmb_hostmem_freed(struct vmb_hostmem *hostmem)
{
	atomic_store_explicit(
		&hostmem->freed_at_ms, hostmem->system->now_ms(), memory_order_relaxed);
	atomic_store_explicit(&hostmem->was_freed, true, memory_order_release);
}

bool vmb_hostmem_is_settling(const struct vmb_hostmem *hostmem)
{
	if (!atomic_load_explicit(&hostmem->was_freed, memory_order_acquire)) {
		return false;
	}
	/* Load this time before reading the clock: another thread may store a later one. */
	uint64_t freed_at = atomic_load_explicit(&hostmem->freed_at_ms, memory_order_relaxed);
	return hostmem->system->now_ms() - freed_at < SETTLING_MS;
}
