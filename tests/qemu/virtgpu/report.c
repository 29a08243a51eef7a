// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "report.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "gpu.h"

void report(const char *members, ...)
{
	va_list arguments;

	va_start(arguments, members);
	putchar('{');
	vprintf(members, arguments);
	puts("}");
	fflush(stdout);
	va_end(arguments);
}

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
	fflush(stdout);
	_exit(1);
}

/*
 * virtio_gpu_debugfs_host_visible_mm() of Linux 7.3 walks the list of hostmem's ranges without
 * the list's lock. The kernel oopses if a work item removes a range meanwhile. These work items run
 * on the first CPU, which gets all interrupts (irqaffinity=0). A thread with a real-time priority
 * on that CPU holds them off.
 */
static void block_kernel_work(bool block)
{
	const struct sched_param priority = { .sched_priority = block ? 1 : 0 };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (int cpu = 0; cpu < (block ? 1 : CPU_SETSIZE); cpu++) {
		CPU_SET(cpu, &cpus);
	}
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0 ||
		sched_setscheduler(0, block ? SCHED_FIFO : SCHED_OTHER, &priority) < 0) {
		fail("cannot hold off kernel work on the first CPU: %s", strerror(errno));
	}
}

static bool read_used(const char *path, uint64_t *used)
{
	FILE *file = fopen(path, "r");
	char line[256];
	bool found = false;

	block_kernel_work(true);
	while (file && fgets(line, sizeof(line), file)) {
		const char *total = strstr(line, "total:");

		found = found || (total && sscanf(total, "total: %*u, used %" SCNu64, used) == 1);
	}
	block_kernel_work(false);
	if (file) {
		fclose(file);
	}
	return found;
}

uint64_t hostmem_used(void)
{
	uint64_t used = 0;
	bool known = false;
	glob_t found;

	/* Each device has a file; one device has hostmem. */
	if (glob("/sys/kernel/debug/dri/*/virtio-gpu-host-visible-mm", 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc && !known; i++) {
			known = read_used(found.gl_pathv[i], &used);
		}
		globfree(&found);
	}
	if (!known) {
		fail("debugfs has no usage of hostmem");
	}
	return used;
}

void wait_until_used(uint64_t bytes)
{
	double deadline = milliseconds() + 60000;
	uint64_t used;

	while ((used = hostmem_used()) != bytes && milliseconds() < deadline) {
		usleep(10000);
	}
	if (used != bytes) {
		printf("%" PRIu64 " bytes of hostmem are used after a minute, not %" PRIu64 "\n",
			used, bytes);
		fflush(stdout);
	}
}

void mark(const char *at)
{
	static unsigned count;
	char name[16], before[16];

	/* The kernel names a context after the thread. */
	snprintf(name, sizeof(name), "vm:%d.%u", getpid(), count++);
	prctl(PR_GET_NAME, before);
	prctl(PR_SET_NAME, name);
	close(gpu_open_context());
	prctl(PR_SET_NAME, before);
	report("\"mark\": \"%s\", \"at\": \"%s\", \"used\": %" PRIu64, name, at, hostmem_used());
}

double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}
