// SPDX-License-Identifier: MIT
#include "gpu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define DEVICE "/dev/dri/renderD128"
#define WAIT_SECONDS 100

unsigned int failures;
static int fd = -1;

void check(bool ok, const char *format, ...)
{
	va_list arguments;

	fputs(ok ? "PASS " : "FAIL ", stdout);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	failures += !ok;
}

static int call(unsigned long request, void *argument)
{
	return ioctl(fd, request, argument) ? errno : 0;
}

static void need(int err, const char *name)
{
	if (err) {
		printf("FAIL %s: %s\n", name, strerror(err));
		exit(1);
	}
}

#define NEED(request, argument) need(call(request, argument), #request)

void gpu_open(void)
{
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	need(fd < 0 ? errno : 0, DEVICE);
}

uint32_t vm_create(void)
{
	struct drm_panthor_vm_create create = { .user_va_range = USER_VA_RANGE };

	NEED(DRM_IOCTL_PANTHOR_VM_CREATE, &create);
	return create.id;
}

void vm_destroy(uint32_t vm)
{
	struct drm_panthor_vm_destroy destroy = { .id = vm };

	NEED(DRM_IOCTL_PANTHOR_VM_DESTROY, &destroy);
}

bool vm_usable(uint32_t vm)
{
	struct drm_panthor_vm_get_state state = { .vm_id = vm };

	NEED(DRM_IOCTL_PANTHOR_VM_GET_STATE, &state);
	return state.state == DRM_PANTHOR_VM_STATE_USABLE;
}

uint32_t bo_create(uint64_t size)
{
	struct drm_panthor_bo_create create = { .size = size, .flags = DRM_PANTHOR_BO_NO_MMAP };

	NEED(DRM_IOCTL_PANTHOR_BO_CREATE, &create);
	return create.handle;
}

void bo_close(uint32_t handle)
{
	struct drm_gem_close close = { .handle = handle };

	NEED(DRM_IOCTL_GEM_CLOSE, &close);
}

int vm_bind(uint32_t vm, uint32_t flags, const struct drm_panthor_vm_bind_op *ops, uint32_t count,
	uint32_t *failed)
{
	struct drm_panthor_vm_bind bind = {
		.vm_id = vm,
		.flags = flags,
		.ops = DRM_PANTHOR_OBJ_ARRAY(count, ops),
	};
	int err = call(DRM_IOCTL_PANTHOR_VM_BIND, &bind);

	if (failed) {
		*failed = bind.ops.count;
	}
	return err;
}

int vm_bind_one(uint32_t vm, struct drm_panthor_vm_bind_op op)
{
	return vm_bind(vm, 0, &op, 1, NULL);
}

uint32_t syncobj_create(void)
{
	struct drm_syncobj_create create = { 0 };

	NEED(DRM_IOCTL_SYNCOBJ_CREATE, &create);
	return create.handle;
}

void syncobj_destroy(uint32_t handle)
{
	struct drm_syncobj_destroy destroy = { .handle = handle };

	NEED(DRM_IOCTL_SYNCOBJ_DESTROY, &destroy);
}

void syncobj_signal(uint32_t handle)
{
	struct drm_syncobj_array array = {
		.handles = (uintptr_t)&handle,
		.count_handles = 1,
	};

	NEED(DRM_IOCTL_SYNCOBJ_SIGNAL, &array);
}

int syncobj_wait(uint32_t handle, uint64_t point)
{
	struct timespec now;
	struct drm_syncobj_timeline_wait wait = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
	};

	clock_gettime(CLOCK_MONOTONIC, &now);
	wait.timeout_nsec = (now.tv_sec + WAIT_SECONDS) * INT64_C(1000000000);
	return call(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &wait);
}

struct gpuva_map last_vm_map(void)
{
	struct gpuva_map *maps, last;
	size_t count;

	need(-gpuvas_read(&maps, &count), "gpuvas");
	need(count ? 0 : ENOENT, "a VM in gpuvas");
	last = maps[count - 1];
	maps[count - 1] = (struct gpuva_map){ 0 };
	gpuvas_free(maps, count);
	return last;
}
