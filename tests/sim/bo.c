/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "bo.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct vmb_sim_bo *vmb_sim_bo_ref(struct vmb_sim_bo *bo)
{
	bo->refs++;
	return bo;
}

void vmb_sim_bo_unref(struct vmb_sim_bo *bo)
{
	if (--bo->refs) {
		return;
	}
	if (bo->memfd >= 0) {
		close(bo->memfd);
	}
	free(bo);
}

int vmb_sim_bo_populate(struct vmb_sim_bo *bo)
{
	if (bo->memfd >= 0) {
		return 0;
	}
	int fd = memfd_create("vmbind_sim_bo", MFD_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	if (ftruncate(fd, (off_t)bo->size)) {
		int error = -errno;
		close(fd);
		return error;
	}
	bo->memfd = fd;
	return 0;
}
