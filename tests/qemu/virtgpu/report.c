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
 * The kernel walks its list of what is in the window without the list's lock
 * (virtio_gpu_debugfs_host_visible_mm() in Linux 7.3), and oopses if something is taken out
 * meanwhile. That is done by work on the first CPU, where all interrupts are sent to
 * (irqaffinity=0): not as long as a thread there has a real-time priority.
 */
static void keep_work_off(bool off)
{
	const struct sched_param priority = { .sched_priority = off ? 1 : 0 };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (int cpu = 0; cpu < (off ? 1 : CPU_SETSIZE); cpu++) {
		CPU_SET(cpu, &cpus);
	}
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0 ||
		sched_setscheduler(0, off ? SCHED_FIFO : SCHED_OTHER, &priority) < 0) {
		fail("a CPU cannot be kept for oneself: %s", strerror(errno));
	}
}

static bool read_used(const char *path, uint64_t *used)
{
	FILE *file = fopen(path, "r");
	char line[256];
	bool found = false;

	keep_work_off(true);
	while (file && fgets(line, sizeof(line), file)) {
		const char *total = strstr(line, "total:");

		found = found || (total && sscanf(total, "total: %*u, used %" SCNu64, used) == 1);
	}
	keep_work_off(false);
	if (file) {
		fclose(file);
	}
	return found;
}

uint64_t window_used(void)
{
	uint64_t used = 0;
	bool known = false;
	glob_t found;

	/* A file for each device, of which one has a window. */
	if (glob("/sys/kernel/debug/dri/*/virtio-gpu-host-visible-mm", 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc && !known; i++) {
			known = read_used(found.gl_pathv[i], &used);
		}
		globfree(&found);
	}
	if (!known) {
		fail("debugfs does not tell how much of the window is used");
	}
	return used;
}

void wait_until_used(uint64_t bytes)
{
	double deadline = milliseconds() + 60000;
	uint64_t used;

	while ((used = window_used()) != bytes && milliseconds() < deadline) {
		usleep(10000);
	}
	if (used != bytes) {
		printf("%" PRIu64 " bytes of the window are used after a minute, not %" PRIu64 "\n",
			used, bytes);
		fflush(stdout);
	}
}

void mark(const char *at)
{
	static unsigned count;
	char name[16], before[16];

	/* The kernel calls a context what the thread is called. */
	snprintf(name, sizeof(name), "vm:%d.%u", getpid(), count++);
	prctl(PR_GET_NAME, before);
	prctl(PR_SET_NAME, name);
	close(gpu_open_context());
	prctl(PR_SET_NAME, before);
	report("\"mark\": \"%s\", \"at\": \"%s\", \"used\": %" PRIu64, name, at, window_used());
}

double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}
