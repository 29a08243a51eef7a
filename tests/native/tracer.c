/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * A preload library that writes the ioctls that change the GPU's address space, as lines of JSON to
 * the file VMBIND_NATIVE_OPS. The lines have the form of those of the simulated kernel
 * (tests/sim/stream.c). VMBIND_NATIVE_DRIVER names the driver.
 *
 * The structures hold the members that the library reads. Their names and values are those of
 * amdgpu_drm.h, nouveau_drm.h and asahi_drm.h of Linux 7.3.
 */

struct drm_amdgpu_gem_va {
	uint32_t handle;
	uint32_t _pad;
	uint32_t operation;
	uint32_t flags;
	uint64_t va_address;
	uint64_t offset_in_bo;
	uint64_t map_size;
};

#define AMDGPU_VA_OP_MAP 1
#define AMDGPU_VA_OP_REPLACE 4
#define AMDGPU_VM_PAGE_PRT (1 << 4)

struct drm_nouveau_vm_bind {
	uint32_t op_count;
	uint32_t flags;
	uint32_t wait_count;
	uint32_t sig_count;
	uint64_t wait_ptr;
	uint64_t sig_ptr;
	uint64_t op_ptr;
};

struct drm_nouveau_vm_bind_op {
	uint32_t op;
	uint32_t flags;
	uint32_t handle;
	uint32_t pad;
	uint64_t addr;
	uint64_t bo_offset;
	uint64_t range;
};

#define DRM_NOUVEAU_VM_BIND_OP_MAP 0
#define DRM_NOUVEAU_VM_BIND_SPARSE (1 << 8)

struct drm_asahi_vm_bind {
	uint32_t vm_id;
	uint32_t num_binds;
	uint32_t stride;
	uint32_t pad;
	uint64_t userptr;
};

struct drm_asahi_gem_bind_op {
	uint32_t flags;
	uint32_t handle;
	uint64_t offset;
	uint64_t range;
	uint64_t addr;
};

#define DRM_ASAHI_BIND_UNBIND (1 << 0)
#define DRM_ASAHI_BIND_SINGLE_PAGE (1 << 3)

static FILE *stream;

static void write_op(
	uint32_t index, const char *type, uint32_t bo, uint64_t offset, uint64_t va, uint64_t size)
{
	fprintf(stream,
		"%s{\"type\":\"%s\",\"bo\":%" PRIu32 ",\"offset\":%" PRIu64 ",\"va\":%" PRIu64
		",\"size\":%" PRIu64 "}",
		index ? "," : "", type, bo, offset, va, size);
}

static void write_amdgpu(const void *argument)
{
	const struct drm_amdgpu_gem_va *va = argument;
	const char *type = "unmap";

	if (va->operation == AMDGPU_VA_OP_MAP || va->operation == AMDGPU_VA_OP_REPLACE) {
		type = va->flags & AMDGPU_VM_PAGE_PRT ? "sparse" : "map";
	}
	write_op(0, type, va->handle, va->offset_in_bo, va->va_address, va->map_size);
}

static void write_nouveau(const void *argument)
{
	const struct drm_nouveau_vm_bind *bind = argument;
	const struct drm_nouveau_vm_bind_op *ops = (const void *)(uintptr_t)bind->op_ptr;

	for (uint32_t i = 0; i < bind->op_count; i++) {
		const char *type = ops[i].flags & DRM_NOUVEAU_VM_BIND_SPARSE       ? "sparse"
			: ops[i].op == DRM_NOUVEAU_VM_BIND_OP_MAP && ops[i].handle ? "map"
										   : "unmap";
		write_op(i, type, ops[i].handle, ops[i].bo_offset, ops[i].addr, ops[i].range);
	}
}

static void write_asahi(const void *argument)
{
	const struct drm_asahi_vm_bind *bind = argument;
	const char *ops = (const char *)(uintptr_t)bind->userptr;

	for (uint32_t i = 0; i < bind->num_binds; i++) {
		const struct drm_asahi_gem_bind_op *op = (const void *)(ops +
			(size_t)i * bind->stride);
		const char *type = op->flags & DRM_ASAHI_BIND_UNBIND ? "unmap"
			: op->flags & DRM_ASAHI_BIND_SINGLE_PAGE     ? "sparse"
								     : "map";
		write_op(i, type, op->handle, op->offset, op->addr, op->range);
	}
}

static const struct driver {
	const char *name;
	unsigned number; /* of the ioctl */
	void (*write)(const void *argument);
} drivers[] = {
	{ "radv", 0x48, write_amdgpu },
	{ "nvk", 0x51, write_nouveau },
	{ "honeykrisp", 0x44, write_asahi },
};

static const struct driver *driver;

__attribute__((constructor)) static void open_stream(void)
{
	const char *path = getenv("VMBIND_NATIVE_OPS");
	const char *name = getenv("VMBIND_NATIVE_DRIVER");

	for (size_t i = 0; name && i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (strcmp(drivers[i].name, name) == 0) {
			driver = &drivers[i];
		}
	}
	stream = path && driver ? fopen(path, "ae") : NULL;
}

/* tests/panvk/mark.c calls this function. */
__attribute__((visibility("default"))) int vmbind_sim_mark(const char *text);

int vmbind_sim_mark(const char *text)
{
	if (!stream) {
		return -ENODEV;
	}
	fprintf(stream, "{\"mark\":\"%s\"}\n", text);
	return fflush(stream) == 0 ? 0 : -errno;
}

__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int fd, unsigned long request, ...);
	va_list args;

	va_start(args, request);
	void *argument = va_arg(args, void *);
	va_end(args);
	if (!next) {
		next = (int (*)(int, unsigned long, ...))(uintptr_t)dlsym(RTLD_NEXT, "ioctl");
	}
	int ret = next(fd, request, argument);
	if (stream && ret == 0 && _IOC_TYPE(request) == 'd' && _IOC_NR(request) == driver->number) {
		fprintf(stream, "{\"ioctl\":\"vm_bind\",\"ops\":[");
		driver->write(argument);
		fprintf(stream, "]}\n");
		fflush(stream);
	}
	return ret;
}
