/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "vk.h"

/* Reads a line "Name:  123 kB". Returns bytes. */
static uint64_t read_size(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	size_t length = strlen(name);
	uint64_t size = 0;
	bool found = false;
	char line[256];

	while (file && !found && fgets(line, sizeof(line), file)) {
		found = strncmp(line, name, length) == 0 && line[length] == ':' &&
			sscanf(line + length + 1, "%" SCNu64, &size) == 1;
	}
	if (file) {
		fclose(file);
	}
	if (!found) {
		vku_fail("%s has no %s", path, name);
	}
	return size * 1024;
}

uint64_t machine_memory(void)
{
	return read_size("/proc/meminfo", "MemTotal");
}

uint64_t process_memory(void)
{
	const char *rollup = "/proc/self/smaps_rollup";

	/* Rss counts a page once for each mapping, and the demo maps pages at several places. Pss
	 * counts each page once. Files are left out: the share of a library depends on the number
	 * of processes that use it. */
	return read_size(rollup, "Pss_Anon") + read_size(rollup, "Pss_Shmem") +
		read_size("/proc/self/status", "VmPTE");
}

double monotonic_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
