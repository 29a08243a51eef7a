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

#include "drm/panthor.h"

static void read_panthor(struct vmb_kernel_facts *facts, int fd)
{
	struct vmb_panthor_mmu_info mmu = { 0 };
	struct vmb_panthor_dev_query query = {
		.type = VMB_PANTHOR_DEV_QUERY_MMU_INFO,
		.size = sizeof(mmu),
		.pointer = (uintptr_t)&mmu,
	};

	facts->sparse = facts->driver.minor >= VMB_PANTHOR_SPARSE_MINOR ? VMB_YES : VMB_NO;
	/* From 1.9 on; an older one refuses it, and does not say. */
	if (ioctl(fd, VMB_IOCTL_PANTHOR_DEV_QUERY, &query) == 0) {
		facts->page_sizes = mmu.page_size_bitmap;
	}
}

void vmb_kernel_facts_read(struct vmb_kernel_facts *facts)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/dri/renderD%" PRIu32, facts->node);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		facts->error = -errno;
		return;
	}
	facts->error = vmb_kernel_driver_ask(ioctl, fd, &facts->driver);
	if (facts->error == 0 && strcmp(facts->driver.name, "panthor") == 0 &&
		facts->driver.major == 1) {
		read_panthor(facts, fd);
	}
	close(fd);
}
