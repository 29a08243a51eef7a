/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <uapi/panthor.h>

/*
 * A preload library that interposes ioctl(), as tracers do. It counts the VM_BINDs of a process and
 * their ops, and writes the counts as JSON to the file PANVK_TRACER when the process ends.
 */

typedef int (*ioctl_fn)(int fd, unsigned long request, ...);

static atomic_ulong ioctls;
static atomic_ulong ops;
static atomic_ulong sparse_ops;

static void count(const struct drm_panthor_vm_bind *bind)
{
	const struct drm_panthor_vm_bind_op *op = (const void *)(uintptr_t)bind->ops.array;

	ioctls++;
	ops += bind->ops.count;
	for (uint32_t i = 0; i < bind->ops.count; i++) {
		sparse_ops += (op[i].flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE) != 0;
	}
}

__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...)
{
	static _Atomic(ioctl_fn) next_ioctl;
	ioctl_fn next = next_ioctl;
	va_list args;

	va_start(args, request);
	void *arg = va_arg(args, void *);
	va_end(args);
	if ((uint32_t)request == DRM_IOCTL_PANTHOR_VM_BIND) {
		count(arg);
	}
	if (!next) {
		next = (ioctl_fn)dlsym(RTLD_NEXT, "ioctl");
		next_ioctl = next;
	}
	return next(fd, request, arg);
}

__attribute__((destructor)) static void write_counts(void)
{
	const char *path = getenv("PANVK_TRACER");
	FILE *file = path ? fopen(path, "we") : NULL;

	if (file) {
		fprintf(file, "{\"ioctls\":%lu,\"ops\":%lu,\"sparse\":%lu}\n", ioctls, ops,
			sparse_ops);
		fclose(file);
	}
}
