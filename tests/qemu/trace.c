// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <uapi/panthor.h>
#include <unistd.h>

#include "gpuvas.h"

/*
 * A library to preload on the real kernel. It writes the process's panthor ioctls to the file
 * VMBIND_SIM_OPS, a line of JSON each. The format, the variable and vmbind_sim_mark() are those of
 * the simulated kernel (tests/sim). After the line of a mark follow the kernel's mappings, a line
 * for each VM.
 */

#define EXPORT __attribute__((visibility("default")))

typedef int ioctl_fn(int, unsigned long, ...);

/* Protects output: threads write whole lines. */
static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static ioctl_fn *next_ioctl;
static int output = -1;

static void start(void)
{
	const char *path = getenv("VMBIND_SIM_OPS");

	next_ioctl = (ioctl_fn *)dlsym(RTLD_NEXT, "ioctl");
	if (path) {
		output = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	}
}

static void fail(const char *message)
{
	fprintf(stderr, "trace: %s: %s\n", message, strerror(errno));
	abort();
}

/* A line is built in memory, and written at once. */
struct line {
	FILE *file;
	char *text;
	size_t size;
};

static void begin_line(struct line *line)
{
	*line = (struct line){ 0 };
	line->file = open_memstream(&line->text, &line->size);
	if (!line->file) {
		fail("out of memory");
	}
}

static void end_line(struct line *line)
{
	size_t written = 0;

	fputc('\n', line->file);
	if (fclose(line->file)) {
		fail("out of memory");
	}
	pthread_mutex_lock(&output_lock);
	while (written < line->size) {
		ssize_t n = write(output, line->text + written, line->size - written);

		if (n < 0) {
			fail("VMBIND_SIM_OPS");
		}
		written += n;
	}
	pthread_mutex_unlock(&output_lock);
	free(line->text);
}

static void print_flag(FILE *file, bool *first, bool set, const char *name)
{
	if (set) {
		fprintf(file, "%s\"%s\"", *first ? "" : ",", name);
		*first = false;
	}
}

static void print_syncs(FILE *file, const struct drm_panthor_obj_array *syncs)
{
	const char *array = (const char *)(uintptr_t)syncs->array;

	for (uint32_t i = 0; i < syncs->count; i++) {
		struct drm_panthor_sync_op sync;

		memcpy(&sync, array + i * (size_t)syncs->stride, sizeof(sync));
		fprintf(file, "%s{\"op\":\"%s\",\"handle\":%u,\"value\":%" PRIu64 "}", i ? "," : "",
			sync.flags & DRM_PANTHOR_SYNC_OP_SIGNAL ? "signal" : "wait", sync.handle,
			sync.timeline_value);
	}
}

static const char *type_name(uint32_t flags)
{
	switch (flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) {
	case DRM_PANTHOR_VM_BIND_OP_TYPE_MAP:
		return "map";
	case DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP:
		return "unmap";
	default:
		return "sync_only";
	}
}

static void print_op(FILE *file, const struct drm_panthor_vm_bind_op *op)
{
	bool first = true;

	fprintf(file, "{\"type\":\"%s\",\"flags\":[", type_name(op->flags));
	print_flag(file, &first, op->flags & DRM_PANTHOR_VM_BIND_OP_MAP_READONLY, "readonly");
	print_flag(file, &first, op->flags & DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC, "noexec");
	print_flag(file, &first, op->flags & DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED, "uncached");
	print_flag(file, &first, op->flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE, "sparse");
	fprintf(file,
		"],\"bo\":%u,\"offset\":%" PRIu64 ",\"va\":%" PRIu64 ",\"size\":%" PRIu64
		",\"syncs\":[",
		op->bo_handle, op->bo_offset, op->va, op->size);
	print_syncs(file, &op->syncs);
	fputs("]}", file);
}

static void print_ops(FILE *file, const struct drm_panthor_obj_array *ops, uint32_t count)
{
	const char *array = (const char *)(uintptr_t)ops->array;

	for (uint32_t i = 0; i < count; i++) {
		struct drm_panthor_vm_bind_op op = { 0 };

		memcpy(&op, array + i * (size_t)ops->stride,
			ops->stride < sizeof(op) ? ops->stride : sizeof(op));
		fputs(i ? "," : "", file);
		print_op(file, &op);
	}
}

static void print_result(FILE *file, int err)
{
	fprintf(file, ",\"result\":%d,\"errno\":\"%s\"", err ? -1 : 0,
		err ? strerrorname_np(err) : "");
}

/* count: the number of ops in the request; the kernel changes bind->ops.count. */
static void print_vm_bind(
	FILE *file, const struct drm_panthor_vm_bind *bind, uint32_t count, int err)
{
	bool async = bind->flags & DRM_PANTHOR_VM_BIND_ASYNC;

	fprintf(file, ",\"vm\":%u,\"async\":%s", bind->vm_id, async ? "true" : "false");
	print_result(file, err);
	if (err && !async) {
		fprintf(file, ",\"failed_index\":%u", bind->ops.count);
	} else {
		fputs(",\"failed_index\":null", file);
	}
	fputs(",\"ops\":[", file);
	print_ops(file, &bind->ops, count);
	fputs("]", file);
}

static void print_bo_create(FILE *file, const struct drm_panthor_bo_create *create, int err)
{
	bool first = true;

	fprintf(file, ",\"size\":%" PRIu64 ",\"flags\":[", create->size);
	print_flag(file, &first, create->flags & DRM_PANTHOR_BO_NO_MMAP, "no_mmap");
	print_flag(file, &first, create->flags & DRM_PANTHOR_BO_WB_MMAP, "wb_mmap");
	fprintf(file, "],\"vm\":%u,\"handle\":%u", create->exclusive_vm_id, create->handle);
	print_result(file, err);
}

static void begin_ioctl(struct line *line, const char *name, int fd)
{
	begin_line(line);
	fprintf(line->file, "{\"ioctl\":\"%s\",\"fd\":%d", name, fd);
}

static void end_ioctl(struct line *line)
{
	fputc('}', line->file);
	end_line(line);
}

/* argument: the request after the ioctl. */
static void trace(int fd, unsigned long request, const void *argument, uint32_t count, int err)
{
	const struct drm_panthor_vm_create *vm_create = argument;
	const struct drm_panthor_vm_destroy *vm_destroy = argument;
	const struct drm_gem_close *gem_close = argument;
	struct line line;

	if (request == DRM_IOCTL_PANTHOR_VM_BIND) {
		begin_ioctl(&line, "vm_bind", fd);
		print_vm_bind(line.file, argument, count, err);
	} else if (request == DRM_IOCTL_PANTHOR_BO_CREATE) {
		begin_ioctl(&line, "bo_create", fd);
		print_bo_create(line.file, argument, err);
	} else if (request == DRM_IOCTL_GEM_CLOSE) {
		begin_ioctl(&line, "gem_close", fd);
		fprintf(line.file, ",\"handle\":%u", gem_close->handle);
		print_result(line.file, err);
	} else if (request == DRM_IOCTL_PANTHOR_VM_CREATE) {
		begin_ioctl(&line, "vm_create", fd);
		fprintf(line.file, ",\"vm\":%u", vm_create->id);
		print_result(line.file, err);
	} else if (request == DRM_IOCTL_PANTHOR_VM_DESTROY) {
		begin_ioctl(&line, "vm_destroy", fd);
		fprintf(line.file, ",\"vm\":%u", vm_destroy->id);
		print_result(line.file, err);
	} else {
		return;
	}
	end_ioctl(&line);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	uint32_t count = 0;
	void *argument;
	int result, err;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	pthread_once(&once, start);
	if (request == DRM_IOCTL_PANTHOR_VM_BIND) {
		count = ((struct drm_panthor_vm_bind *)argument)->ops.count;
	}
	result = next_ioctl(fd, request, argument);
	err = errno;
	if (output >= 0) {
		trace(fd, request, argument, count, result ? err : 0);
	}
	errno = err;
	return result;
}

static void print_map(FILE *file, const struct gpuva_map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct gpuva *va = &map->vas[i];

		fprintf(file,
			"%s{\"va\":%" PRIu64 ",\"size\":%" PRIu64 ",\"object\":%" PRIu64
			",\"offset\":%" PRIu64 "}",
			i ? "," : "", va->va, va->size, va->object, va->offset);
	}
}

EXPORT int vmbind_sim_mark(const char *text);
EXPORT int vmbind_sim_mark(const char *text)
{
	struct gpuva_map *maps;
	struct line line;
	size_t count;
	int err;

	pthread_once(&once, start);
	if (output < 0) {
		return 0;
	}
	begin_line(&line);
	fprintf(line.file, "{\"mark\":\"%s\"}", text);
	end_line(&line);

	err = gpuvas_read(&maps, &count);
	if (err) {
		return err;
	}
	for (size_t i = 0; i < count; i++) {
		begin_line(&line);
		fputs("{\"map\":[", line.file);
		print_map(line.file, &maps[i]);
		fprintf(line.file, "],\"vm\":%zu}", i + 1);
		end_line(&line);
	}
	gpuvas_free(maps, count);
	return 0;
}
