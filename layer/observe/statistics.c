/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* open_memstream, O_CLOEXEC */
#include "observe/statistics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_text.h"
#include "ioctl/intercept.h"
#include "vk/device.h"

void vmb_stats_ops(struct vmb_stats *stats, const struct vmb_op *ops, size_t count)
{
	uint64_t of_kind[] = { [VMB_OP_MAP] = 0, [VMB_OP_SPARSE] = 0, [VMB_OP_UNMAP] = 0 };

	for (size_t i = 0; i < count; i++) {
		of_kind[ops[i].kind]++;
	}
	vmb_count(&stats->map_ops, of_kind[VMB_OP_MAP]);
	vmb_count(&stats->sparse_ops, of_kind[VMB_OP_SPARSE]);
	vmb_count(&stats->unmap_ops, of_kind[VMB_OP_UNMAP]);
}

void vmb_stats_bound(struct vmb_stats *stats, uint64_t from, uint64_t to)
{
	uint64_t now = atomic_fetch_add_explicit(
			       &stats->bytes_bound, to - from, memory_order_relaxed) +
		(to - from);
	uint64_t peak = atomic_load_explicit(&stats->bytes_bound_peak, memory_order_relaxed);

	while (to > from && now > peak &&
		!atomic_compare_exchange_weak_explicit(&stats->bytes_bound_peak, &peak, now,
			memory_order_relaxed, memory_order_relaxed)) {
	}
}

static void write_string(FILE *out, const char *key, const char *value)
{
	char bytes[VMB_JSON_CHARACTER_MAX];
	size_t size;

	fprintf(out, "\"%s\":\"", key);
	while ((size = vmb_json_character(&value, bytes))) {
		fwrite(bytes, 1, size, out);
	}
	fprintf(out, "\",");
}

static void write_number(FILE *out, const char *key, _Atomic uint64_t *value)
{
	fprintf(out, "\"%s\":%" PRIu64 ",", key, atomic_load_explicit(value, memory_order_relaxed));
}

static void write_kernel_driver(FILE *out, const struct vmb_device *device)
{
	char name[64];

	if (device->tap) {
		snprintf(name, sizeof(name), "panthor 1.%" PRIu32, device->tap->panthor.minor);
		write_string(out, "kernel_driver", name);
	} else if (device->virtgpu) {
		write_string(out, "kernel_driver", "virtio_gpu");
	} else {
		fprintf(out, "\"kernel_driver\":null,");
	}
}

static void write_panthor(FILE *out, struct vmb_panthor_stats *stats)
{
	write_number(out, "vm_bind_driver_ioctls", &stats->driver_ioctls);
	write_number(out, "vm_bind_driver_ops", &stats->driver_ops);
	write_number(out, "vm_bind_sent_ioctls", &stats->sent_ioctls);
	write_number(out, "vm_bind_sent_ops", &stats->sent_ops);
	write_number(out, "sparse_ranges", &stats->sparse_ranges);
	write_number(out, "sparse_bytes", &stats->sparse_bytes);
}

/* What was found out; nothing, if no blob was created that it mattered for. */
static void write_virtgpu_facts(FILE *out, const struct vmb_virtgpu_facts *facts)
{
	enum vmb_honoured honoured = facts ? facts->honoured : VMB_HONOURED_UNKNOWN;

	fprintf(out, "\"deferring\":%s,", facts && facts->defers ? "true" : "false");
	write_string(out, "reason", facts ? facts->reason : "no blob could be deferred");
	write_string(out, "honoured", vmb_honoured_name(honoured));
	if (facts && facts->window) {
		fprintf(out, "\"window_bytes\":%" PRIu64, facts->window);
	} else {
		fprintf(out, "\"window_bytes\":null");
	}
}

/* The numbers of the driver's open file, which several devices may share. */
static void write_virtgpu(FILE *out, const struct vmb_tap *tap)
{
	struct vmb_virtgpu_stats none = { 0 };
	struct vmb_virtgpu *virtgpu = vmb_tap_is_live(tap) ? tap->virtgpu : NULL;
	struct vmb_virtgpu_stats *stats = virtgpu ? &virtgpu->stats : &none;

	fprintf(out, "\"virtgpu\":{");
	write_number(out, "blobs", &stats->created);
	write_number(out, "blobs_hinted", &stats->hinted);
	write_number(out, "blobs_mapped_later", &stats->mapped_later);
	fprintf(out, "\"blobs_never_mapped\":%" PRIu64 ",", stats->hinted - stats->mapped_later);
	write_number(out, "blobs_refused", &stats->refused);
	write_number(out, "bytes_promised", &stats->bytes_promised);
	write_number(out, "bytes_promised_peak", &stats->bytes_promised_peak);
	write_number(out, "bytes_mapped", &stats->bytes_mapped);
	write_number(out, "bytes_mapped_peak", &stats->bytes_mapped_peak);
	write_virtgpu_facts(out, virtgpu ? vmb_virtgpu_facts(virtgpu) : NULL);
	fprintf(out, "},");
}

static void write_object(FILE *out, struct vmb_device *device)
{
	const struct vmb_physical_device *physical = device->physical;
	struct vmb_stats *stats = &device->stats;
	_Atomic uint64_t none = 0;

	fputc('{', out);
	write_string(out, "device", physical->name);
	write_string(out, "driver", physical->driver);
	write_string(out, "driver_info", physical->driver_info);
	write_kernel_driver(out, device);
	write_string(out, "route", vmb_route_name(physical->route));
	write_string(out, "reason", physical->reason);
	fprintf(out, "\"active\":%s,", device->route != VMB_ROUTE_NATIVE ? "true" : "false");
	write_number(out, "buffers", &stats->buffers);
	write_number(out, "images", &stats->images);
	write_number(out, "bind_calls", &stats->bind_calls);
	write_number(out, "batches", &stats->batches);
	write_number(out, "binds", &stats->binds);
	write_number(out, "map_ops", &stats->map_ops);
	write_number(out, "sparse_ops", &stats->sparse_ops);
	write_number(out, "unmap_ops", &stats->unmap_ops);
	write_number(out, "system_calls", device->vm ? &device->vm->system_calls : &none);
	write_number(out, "bytes_bound_peak", &stats->bytes_bound_peak);
	if (device->tap) {
		write_panthor(out, &device->tap->panthor.stats);
	}
	if (device->virtgpu) {
		write_virtgpu(out, device->virtgpu);
	}
	fprintf(out, "\"bytes_bound_final\":%" PRIu64 "}\n",
		atomic_load_explicit(&stats->bytes_bound, memory_order_relaxed));
}

static void write_all(const struct vmb_instance *instance, int fd, const char *text, size_t size)
{
	/* One write, so that the lines of several processes do not mix; the rest is for pipes. */
	while (size > 0) {
		ssize_t written = write(fd, text, size);
		if (written < 0 && errno == EINTR) {
			continue;
		}
		if (written < 0) {
			vmb_instance_log(instance, VMB_LOG_ERROR, "cannot write statistics: %s",
				strerror(errno));
			return;
		}
		text += written;
		size -= (size_t)written;
	}
}

void vmb_stats_write(struct vmb_device *device)
{
	const struct vmb_instance *instance = device->physical->instance;
	const char *path = instance->settings.stats;
	char *text = NULL;
	size_t size = 0;

	if (!path) {
		return;
	}
	FILE *out = open_memstream(&text, &size);
	if (!out) {
		vmb_instance_log(instance, VMB_LOG_ERROR, "cannot write statistics: out of memory");
		return;
	}
	write_object(out, device);
	if (fclose(out) != 0 || !text) {
		vmb_instance_log(instance, VMB_LOG_ERROR, "cannot write statistics: out of memory");
		free(text);
		return;
	}
	if (strcmp(path, "-") == 0) {
		fflush(stdout);
		write_all(instance, STDOUT_FILENO, text, size);
	} else {
		int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (fd < 0) {
			vmb_instance_log(instance, VMB_LOG_ERROR, "cannot open '%s': %s", path,
				strerror(errno));
		} else {
			write_all(instance, fd, text, size);
			close(fd);
		}
	}
	free(text);
}
