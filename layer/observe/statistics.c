/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* open_memstream */
#include "observe/statistics.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_text.h"
#include "base/output.h"

static void write_counter(FILE *out, const char *key, _Atomic uint64_t *counter)
{
	vmb_json_write_number(out, key, atomic_load_explicit(counter, memory_order_relaxed));
}

static void write_kernel_driver(FILE *out, const struct vmb_device *device)
{
	const struct vmb_figures *figures = device->figures;

	while (figures && !figures->kernel_driver[0]) {
		figures = figures->next;
	}
	if (figures) {
		vmb_json_write_string(out, "kernel_driver", figures->kernel_driver);
	} else {
		fprintf(out, "\"kernel_driver\":null,");
	}
}

static uint64_t system_calls(const struct vmb_device *device)
{
	uint64_t calls = 0;

	for (struct vmb_figures *figures = device->figures; figures; figures = figures->next) {
		calls += figures->system_calls ? figures->system_calls(figures->state) : 0;
	}
	return calls;
}

static void write_object(FILE *out, struct vmb_device *device)
{
	const struct vmb_physical_device *physical = device->physical;
	struct vmb_statistics *statistics = &device->statistics;

	fputc('{', out);
	vmb_json_write_string(out, "device", physical->name);
	vmb_json_write_string(out, "driver", physical->driver);
	vmb_json_write_string(out, "driver_info", physical->driver_info);
	write_kernel_driver(out, device);
	vmb_json_write_string(out, "route", vmb_route_name(physical->route));
	vmb_json_write_string(out, "reason", physical->reason);
	fprintf(out, "\"active\":%s,", device->route != VMB_ROUTE_NATIVE ? "true" : "false");
	write_counter(out, "buffers", &statistics->buffers);
	write_counter(out, "images", &statistics->images);
	write_counter(out, "bind_calls", &statistics->bind_calls);
	write_counter(out, "batches", &statistics->batches);
	write_counter(out, "binds", &statistics->binds);
	write_counter(out, "map_ops", &statistics->map_ops);
	write_counter(out, "sparse_ops", &statistics->sparse_ops);
	write_counter(out, "unmap_ops", &statistics->unmap_ops);
	vmb_json_write_number(out, "system_calls", system_calls(device));
	write_counter(out, "bytes_bound_peak", &statistics->bytes_bound_peak);
	for (struct vmb_figures *figures = device->figures; figures; figures = figures->next) {
		if (figures->write) {
			figures->write(figures->state, out);
		}
	}
	fprintf(out, "\"bytes_bound_final\":%" PRIu64 "}\n",
		atomic_load_explicit(&statistics->bytes_bound, memory_order_relaxed));
}

/* Appends the line with one write, which keeps the lines of several processes apart. */
static int write_line(const char *path, const char *line, size_t size)
{
	bool is_stdout = strcmp(path, "-") == 0;
	size_t written;
	int fd = is_stdout ? STDOUT_FILENO : vmb_output_open(path, O_WRONLY);

	if (fd < 0) {
		return fd;
	}
	if (is_stdout) {
		int ret = vmb_output_wait(fd);
		if (ret < 0) {
			return ret;
		}
		fflush(stdout);
	}
	int ret = vmb_output_write(fd, line, size, &written);
	if (!is_stdout) {
		close(fd);
	}
	return ret;
}

void vmb_statistics_write(struct vmb_device *device)
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
		vmb_instance_log(instance, VMB_LOG_WARN, "cannot write statistics: out of memory");
		return;
	}
	write_object(out, device);
	if (fclose(out) != 0 || !text) {
		vmb_instance_log(instance, VMB_LOG_WARN, "cannot write statistics: out of memory");
		free(text);
		return;
	}
	int ret = write_line(path, text, size);
	if (ret < 0) {
		vmb_instance_log(instance, VMB_LOG_WARN, "cannot write statistics to '%s': %s",
			path, vmb_output_error(ret));
	}
	free(text);
}
