/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "vk.h"

/* The value of a line "Name:  123 kB", in bytes. */
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

uint64_t memory_of_machine(void)
{
	return read_size("/proc/meminfo", "MemTotal");
}

uint64_t memory_used(void)
{
	const char *rollup = "/proc/self/smaps_rollup";

	/* Not Rss, which counts a page once for each place where it is mapped; and pages mapped at
	 * several places are what this program is about. Pss counts each once. Without files: how
	 * much of a library is ours depends on who else has it loaded. */
	return read_size(rollup, "Pss_Anon") + read_size(rollup, "Pss_Shmem") +
		read_size("/proc/self/status", "VmPTE");
}

double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
