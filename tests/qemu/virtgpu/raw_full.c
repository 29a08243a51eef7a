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
 * The reason for the layer's guard. A process that maps a deferred blob on a full hostmem blocks.
 * Neither a signal nor freed room wakes the process. A mapping of the same blob by another process
 * does: the guard's helpers rely on that, and this case ends with it.
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
	pid_t blocked = process_start(map_dma_buf, &dma_buf);
	bool blocks = process_blocks_in(blocked, "virtio_gpu_vram_mmap", 10000);
	kill(blocked, SIGKILL);
	sleep(1);
	bool survives_kill = process_state(blocked) == 'D';
	gpu_close(fd, handles[--count]);
	wait_until_used(count * BLOB_SIZE);
	sleep(1);
	bool blocks_with_room = process_state(blocked) == 'D';
	report("\"blocks\": %d, \"survives_kill\": %d, \"blocks_with_room\": %d", blocks,
		survives_kill, blocks_with_room);
	int second = process_wait(process_start(map_dma_buf, &dma_buf), 10000);
	report("\"second_process\": %d, \"blocked_process\": %d", second,
		process_wait(blocked, 10000));
	mark("woken");
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

static int exec_helper(void *argument)
{
	const struct helped *helped = argument;
	char application[16], device[24];

	snprintf(application, sizeof(application), "%d", (int)helped->application);
	snprintf(device, sizeof(device), "%llu", (unsigned long long)helped->device);
	dup2(helped->dma_buf, STDIN_FILENO);
	execl(RAW_HELPER, RAW_HELPER, application, device, NULL);
	return errno;
}

/* Waits until a child of the helper blocks in the mapping, and returns the child. Returns 0 if none
 * does within the limit. */
static pid_t find_blocked_child(pid_t helper)
{
	pid_t child = process_child(helper, 30000);

	return child && process_blocks_in(child, "virtio_gpu_vram_mmap", 30000) ? child : 0;
}

static dev_t device_of(int fd)
{
	struct stat node;

	return fstat(fd, &node) < 0 ? 0 : node.st_rdev;
}

/* Fills hostmem, then creates a deferred blob and exports it. Returns false if the kernel refuses
 * the blob. The caller closes the handle *room to make room for it. */
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

/* The layer's helper on a full hostmem. Its application stays alive. */
void raw_patient(void)
{
	int fd = gpu_open_context();
	struct helped helped;
	uint32_t room;

	if (!prepare(fd, &helped, &room)) {
		return;
	}
	pid_t helper = process_start(exec_helper, &helped);
	find_blocked_child(helper);
	int while_full = process_wait(helper, 4000);
	unsigned children = process_children(helper);
	gpu_close(fd, room);
	report("\"while_full\": %d, \"children\": %u, \"with_room\": %d", while_full, children,
		process_wait(helper, 40000));
	mark("mapped");
}

/* The layer's helper on a full hostmem. The test sends SIGTERM to the helper's process group, then
 * kills its application. */
static void orphan(bool can_probe)
{
	int fd = gpu_open_context();
	struct helped helped;
	uint32_t room;

	if (!prepare(fd, &helped, &room)) {
		return;
	}
	helped.application = process_start(wait_to_be_killed, NULL);
	helped.device = can_probe ? helped.device : 0;
	pid_t helper = process_start(exec_helper, &helped);
	find_blocked_child(helper);
	int while_full = process_wait(helper, 2000);
	kill(-helper, SIGTERM);
	int stopped = process_wait(helper, 500);
	if (!can_probe) {
		gpu_close(fd, room);
		stopped = process_wait(helper, 5000);
	}
	kill(helped.application, SIGKILL);
	process_wait(helped.application, 2000);
	if (can_probe) {
		gpu_close(fd, room);
	}
	report("\"while_full\": %d, \"stopped\": %d, \"orphaned\": %d", while_full, stopped,
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

/* Reads the files in /proc that ps and similar programs read, of a blocked child of the helper. */
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
	pid_t helper = process_start(exec_helper, &helped);
	pid_t child = find_blocked_child(helper);
	report("\"blocks\": %d, \"locked\": %d", child != 0, is_locked(helped.dma_buf));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		report("\"file\": \"%s\", \"readable\": %d", names[i],
			process_file_readable(child, names[i], 10000));
	}
	gpu_close(fd, room);
	int ended = process_wait(helper, 40000);
	report("\"with_room\": %d, \"unlocked\": %d", ended, !is_locked(helped.dma_buf));
}

/* Closes the blob's handle before the layer's helper maps the blob; then while the helper is
 * blocked. */
void raw_close(void)
{
	uint32_t handles[RAW_BLOBS], deferred;
	int fd = gpu_open_context();
	int err = gpu_create(fd, RAW_DEFER, &deferred);

	report("\"deferred\": \"%s\"", strerror(-err));
	struct helped helped = { gpu_export(fd, deferred), getpid(), 0 };
	pid_t helper = process_start(exec_helper, &helped);
	gpu_close(fd, deferred);
	int with_room = process_wait(helper, 10000);
	close(helped.dma_buf);
	wait_until_used(0);
	mark("closed");

	unsigned count = fill(fd, handles);
	err = gpu_create(fd, RAW_DEFER, &deferred);
	if (err < 0) {
		report("\"with_room\": %d, \"while_full\": \"%s\"", with_room, strerror(-err));
		return;
	}
	helped.dma_buf = gpu_export(fd, deferred);
	helper = process_start(exec_helper, &helped);
	int while_full = process_wait(helper, 2000);
	gpu_close(fd, deferred);
	gpu_close(fd, handles[--count]);
	wait_until_used(count * BLOB_SIZE);
	int second = process_wait(process_start(exec_helper, &helped), 10000);
	report("\"with_room\": %d, \"while_full\": %d", with_room, while_full);
	report("\"second_helper\": %d, \"blocked_helper\": %d", second,
		process_wait(helper, 10000));
	close(helped.dma_buf);
	wait_until_used(count * BLOB_SIZE);
	mark("woken");
}
