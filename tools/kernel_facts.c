/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "kernel_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <uapi/panthor.h>
#include <unistd.h>

#include "backend/panthor/translator.h"
#ifdef VMB_HAS_VIRTGPU
#include "virtgpu/hostmem.h"
#endif

static void read_panthor(struct vmb_kernel_facts *facts, int fd)
{
	struct drm_panthor_mmu_info mmu = { 0 };
	struct drm_panthor_dev_query query = {
		.type = DRM_PANTHOR_DEV_QUERY_MMU_INFO,
		.size = sizeof(mmu),
		.pointer = (uintptr_t)&mmu,
	};

	facts->sparse = facts->driver.minor >= VMB_PANTHOR_SPARSE_MINOR ? VMB_YES : VMB_NO;
	/* panthor before 1.9 refuses the query. The page sizes then stay unknown. */
	if (ioctl(fd, DRM_IOCTL_PANTHOR_DEV_QUERY, &query) == 0) {
		facts->page_sizes = mmu.page_size_bitmap;
	}
}

#ifdef VMB_HAS_VIRTGPU

/* Only root can read debugfs. The last line is the sum of the others. */
static void read_hostmem_used(struct vmb_kernel_facts *facts)
{
	char path[80], line[256];

	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%" PRIu32 "/virtio-gpu-host-visible-mm",
		facts->node);
	FILE *file = fopen(path, "re");
	if (!file) {
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "total: %*u, used %" SCNu64, &facts->hostmem_used) == 1) {
			facts->has_hostmem_used = true;
		}
	}
	fclose(file);
}

static void read_virtgpu(struct vmb_kernel_facts *facts, int fd)
{
	static const enum vmb_known known[] = {
		[VMB_HONOURED_UNKNOWN] = VMB_UNKNOWN,
		[VMB_HONOURED_NO] = VMB_NO,
		[VMB_HONOURED_YES] = VMB_YES,
	};
	struct vmb_hostmem hostmem;

	if (vmb_hostmem_init(&hostmem, &vmb_system_linux, vmb_ioctl_libc, fd) < 0) {
		return;
	}
	facts->hostmem = hostmem.size;
	facts->probes = hostmem.capset != 0;
	facts->defers = known[vmb_hostmem_honoured(&hostmem)];
	vmb_hostmem_finish(&hostmem);
	read_hostmem_used(facts);
}

#else

/* The layer is built without the feature, and defers nothing. */
static void read_virtgpu(struct vmb_kernel_facts *facts, int fd)
{
	(void)facts;
	(void)fd;
}

#endif

void vmb_kernel_facts_read(struct vmb_kernel_facts *facts)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/dri/renderD%" PRIu32, facts->node);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		facts->error = -errno;
		return;
	}
	facts->error = vmb_kernel_driver_ask(vmb_ioctl_libc, fd, &facts->driver);
	if (facts->error == 0 && strcmp(facts->driver.name, "panthor") == 0 &&
		facts->driver.major == 1) {
		read_panthor(facts, fd);
	}
	if (facts->error == 0 && strcmp(facts->driver.name, "virtio_gpu") == 0) {
		read_virtgpu(facts, fd);
	}
	close(fd);
}

/* The same decision as in find_obstacle() in layer/virtgpu/decide.c. */
bool vmb_kernel_facts_defers(const struct vmb_kernel_facts *facts, enum vmb_defer request)
{
	if (!facts->probes) {
		return false;
	}
	switch (request) {
	case VMB_DEFER_OFF:
		return false;
	case VMB_DEFER_ON:
		return facts->defers != VMB_NO;
	default:
		return facts->defers == VMB_YES;
	}
}
