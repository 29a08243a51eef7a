/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include "subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOOK_UP(subject, name) \
	(subject)->name = (PFN_vk##name)vku_device_function( \
		&(subject)->vk, "vk" #name, "vk" #name "KHR")

void bench_subject_init(struct bench_subject *subject, const char *route)
{
	const struct vku_options options = {
		.name = "vmbind-bench",
		.without_layers = route == NULL,
	};

	/* The layer reads its settings in vkCreateInstance. */
	if (route) {
		setenv("VMBIND_ROUTE", route, 1);
	}
	vku_init(&subject->vk, &options);
	LOOK_UP(subject, AllocateMemory);
	LOOK_UP(subject, FreeMemory);
	LOOK_UP(subject, MapMemory);
	LOOK_UP(subject, UnmapMemory);
	LOOK_UP(subject, CreateBuffer);
	LOOK_UP(subject, DestroyBuffer);
	LOOK_UP(subject, QueueSubmit);
	LOOK_UP(subject, QueueBindSparse);
	LOOK_UP(subject, QueueWaitIdle);
	LOOK_UP(subject, WaitForFences);
	LOOK_UP(subject, ResetFences);
}

void bench_subject_finish(struct bench_subject *subject)
{
	vku_finish(&subject->vk);
}

/* A memfd, which the layer opens as /dev/fd/N. */
static int stats_file = -1;

void bench_stats_begin(void)
{
	char path[32];

	stats_file = memfd_create("stats", 0);
	if (stats_file < 0) {
		vku_fail("memfd_create failed for the statistics");
	}
	snprintf(path, sizeof(path), "/dev/fd/%d", stats_file);
	setenv("VMBIND_STATS", path, 1);
}

static uint64_t number(const char *json, const char *key)
{
	char quoted[64];

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	const char *found = strstr(json, quoted);
	if (!found) {
		vku_fail("the layer's statistics have no %s", key);
	}
	return strtoull(found + strlen(quoted), NULL, 10);
}

struct bench_stats bench_stats_end(void)
{
	char json[4096];
	ssize_t size = pread(stats_file, json, sizeof(json) - 1, 0);

	close(stats_file);
	unsetenv("VMBIND_STATS");
	if (size <= 0) {
		vku_fail("the layer is not active: ./run bench enables it");
	}
	json[size] = '\0';
	return (struct bench_stats){
		.ops = number(json, "map_ops") + number(json, "sparse_ops") +
			number(json, "unmap_ops"),
		.system_calls = number(json, "system_calls"),
	};
}
