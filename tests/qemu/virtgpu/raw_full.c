// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "raw.h"

/*
 * Why the layer has a guard. A process that maps a deferred blob while the window is full sleeps,
 * and neither a signal nor room that becomes free wakes it. Another process's mapping of the same
 * blob does, which is what the guard's helpers live on, and what ends this case.
 */

static int map_dma_buf(void *argument)
{
	const int *dma_buf = argument;
	void *memory = mmap(NULL, BLOB_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *dma_buf, 0);

	return memory == MAP_FAILED ? errno : 0;
}

static unsigned fill(int fd, uint32_t *handles)
{
	unsigned count = 0;

	while (count < RAW_BLOBS && gpu_create(fd, 0, &handles[count]) == 0) {
		count++;
	}
	return count;
}

void raw_full(void)
{
	uint32_t handles[RAW_BLOBS], deferred;
	int fd = gpu_open_context();
	unsigned count = fill(fd, handles);
	int err;

	mark("full");
	err = gpu_create(fd, RAW_DEFER, &deferred);
	report("\"created\": %u, \"deferred\": \"%s\"", count, strerror(-err));
	if (err < 0) {
		return;
	}
	int dma_buf = gpu_export(fd, deferred);
	pid_t sleeper = process_start(map_dma_buf, &dma_buf);
	bool sleeps = process_sleeps_in(sleeper, "virtio_gpu_vram_mmap", 10000);
	kill(sleeper, SIGKILL);
	sleep(1);
	bool survives = process_state(sleeper) == 'D';
	gpu_close(fd, handles[--count]);
	wait_until_used(count * BLOB_SIZE);
	sleep(1);
	bool stays = process_state(sleeper) == 'D';
	report("\"sleeps\": %d, \"survives_kill\": %d, \"stays_with_room\": %d", sleeps, survives,
		stays);
	int rescue = process_wait(process_start(map_dma_buf, &dma_buf), 10000);
	report("\"rescue\": %d, \"sleeper\": %d", rescue, process_wait(sleeper, 10000));
	mark("rescued");
}

static int wait_to_be_killed(void *argument)
{
	(void)argument;
	pause();
	return 0;
}

struct helped {
	int dma_buf;
	pid_t application;
	dev_t device;
};

static int become_helper(void *argument)
{
	const struct helped *helped = argument;
	char application[16], device[24];

	snprintf(application, sizeof(application), "%d", (int)helped->application);
	snprintf(device, sizeof(device), "%llu", (unsigned long long)helped->device);
	dup2(helped->dma_buf, STDIN_FILENO);
	execl(RAW_HELPER, RAW_HELPER, application, device, NULL);
	return errno;
}

/* The child of a helper that sleeps on the mapping, however long it took to come to that; 0 if it
 * does not. */
static pid_t find_sleeper(pid_t helper)
{
	pid_t child = process_child(helper, 30000);

	return child && process_sleeps_in(child, "virtio_gpu_vram_mmap", 30000) ? child : 0;
}

static dev_t device_of(int fd)
{
	struct stat node;

	return fstat(fd, &node) < 0 ? 0 : node.st_rdev;
}

/* Fills the window, and has a deferred blob exported that there is no room for; false if that
 * cannot be created. *room is a handle to be closed. */
static bool prepare(int fd, struct helped *helped, uint32_t *room)
{
	uint32_t handles[RAW_BLOBS], deferred;
	unsigned count = fill(fd, handles);
	int err = gpu_create(fd, RAW_DEFER, &deferred);

	report("\"deferred\": \"%s\"", strerror(-err));
	if (err < 0) {
		return false;
	}
	*room = handles[count - 1];
	*helped = (struct helped){ gpu_export(fd, deferred), getpid(), device_of(fd) };
	return true;
}

/* The layer's helper, on a full window, for an application that lives. */
void raw_patient(void)
{
	int fd = gpu_open_context();
	struct helped helped;
	uint32_t room;

	if (!prepare(fd, &helped, &room)) {
		return;
	}
	pid_t helper = process_start(become_helper, &helped);
	find_sleeper(helper);
	int full = process_wait(helper, 4000);
	unsigned children = process_children(helper);
	gpu_close(fd, room);
	report("\"full\": %d, \"children\": %u, \"room\": %d", full, children,
		process_wait(helper, 40000));
	mark("mapped");
}

/* The same, for an application that is killed then. What stops all of them is polite first. */
static void orphan(bool can_look)
{
	int fd = gpu_open_context();
	struct helped helped;
	uint32_t room;

	if (!prepare(fd, &helped, &room)) {
		return;
	}
	helped.application = process_start(wait_to_be_killed, NULL);
	helped.device = can_look ? helped.device : 0;
	pid_t helper = process_start(become_helper, &helped);
	find_sleeper(helper);
	int full = process_wait(helper, 2000);
	kill(-helper, SIGTERM);
	int stopped = process_wait(helper, 500);
	if (!can_look) {
		gpu_close(fd, room);
		stopped = process_wait(helper, 5000);
	}
	kill(helped.application, SIGKILL);
	process_wait(helped.application, 2000);
	if (can_look) {
		gpu_close(fd, room);
	}
	report("\"full\": %d, \"stopped\": %d, \"alone\": %d", full, stopped,
		process_wait(helper, 20000));
	mark("mapped");
}

void raw_orphan(void)
{
	orphan(true);
}

void raw_orphan_blind(void)
{
	orphan(false);
}

static bool is_locked(int dma_buf)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(dma_buf, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* What ps and its kin read of the child of the layer's helper that sleeps. */
void raw_look(void)
{
	static const char *const names[] = { "stat", "statm", "status", "comm", "cmdline",
		"environ", "wchan", "maps", "smaps", "smaps_rollup" };
	int fd = gpu_open_context();
	struct helped helped;
	uint32_t room;

	if (!prepare(fd, &helped, &room)) {
		return;
	}
	pid_t helper = process_start(become_helper, &helped);
	pid_t child = find_sleeper(helper);
	report("\"sleeps\": %d, \"locked\": %d", child != 0, is_locked(helped.dma_buf));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		report("\"file\": \"%s\", \"can_be_read\": %d", names[i],
			process_can_be_read(child, names[i], 10000));
	}
	gpu_close(fd, room);
	int ended = process_wait(helper, 40000);
	report("\"room\": %d, \"unlocked\": %d", ended, !is_locked(helped.dma_buf));
}

/* The layer's helper, on a blob whose handle is closed before it has mapped it; then while it
 * sleeps. */
void raw_close(void)
{
	uint32_t handles[RAW_BLOBS], deferred;
	int fd = gpu_open_context();
	int err = gpu_create(fd, RAW_DEFER, &deferred);

	report("\"deferred\": \"%s\"", strerror(-err));
	struct helped helped = { gpu_export(fd, deferred), getpid(), 0 };
	pid_t helper = process_start(become_helper, &helped);
	gpu_close(fd, deferred);
	int room = process_wait(helper, 10000);
	close(helped.dma_buf);
	wait_until_used(0);
	mark("closed");

	unsigned count = fill(fd, handles);
	err = gpu_create(fd, RAW_DEFER, &deferred);
	if (err < 0) {
		report("\"room\": %d, \"full\": \"%s\"", room, strerror(-err));
		return;
	}
	helped.dma_buf = gpu_export(fd, deferred);
	helper = process_start(become_helper, &helped);
	int full = process_wait(helper, 2000);
	gpu_close(fd, deferred);
	gpu_close(fd, handles[--count]);
	wait_until_used(count * BLOB_SIZE);
	int rescue = process_wait(process_start(become_helper, &helped), 10000);
	report("\"room\": %d, \"full\": %d, \"rescue\": %d, \"sleeper\": %d", room, full, rescue,
		process_wait(helper, 10000));
	close(helped.dma_buf);
	wait_until_used(count * BLOB_SIZE);
	mark("rescued");
}
