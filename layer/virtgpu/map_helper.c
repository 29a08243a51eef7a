/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* syscall */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ioctl/node.h"
#include "virtgpu/hostmem.h"

/*
 * Maps the dma-buf that is its standard input, and ends: the exit status is 0, or the errno of
 * mmap. The arguments are the process id of the application that it does so for, and the number of
 * the device.
 *
 * A program of its own because of Linux 7.3, where the first mapping of a deferred blob sleeps for
 * ever, and cannot be killed, if the hostmem of the device is full (docs/virtgpu.md). It may happen
 * to the child that makes the mapping, which has nothing that anybody would miss.
 *
 * As long as the application lives the layer has another helper wake that child when something of
 * the hostmem is given back that it knows of. What it does not know of is found here: now and then
 * this process looks for room, and if there is some tries the mapping once more. When the
 * application is gone there is room soon, since all that it had in the hostmem was closed, and
 * nobody else is left to do it.
 */

/* When is looked for room, in ms: then, and each time after twice as long. */
#define FIRST_DELAY 1000
#define FIRST_DELAY_ALONE 50 /* once the application is gone */
#define LAST_DELAY 60000
/* Until the room that was found can be used, in ms: it was taken to find it. */
#define SETTLING 250
/* How often the mapping is tried again at most. Somebody else may be quicker, and then that one
 * sleeps, too. */
#define TRIES 16

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int reopen(int fd)
{
	struct stat node;

	return fstat(fd, &node) < 0 ? -errno : vmb_node_open(node.st_rdev);
}

static uint64_t hostmem_size(int fd)
{
	(void)fd;
	return 0;
}

/* What it takes to probe. */
static const struct vmb_system_ops probing = {
	.reopen = reopen,
	.hostmem_size = hostmem_size,
	.now_ms = now_ms,
};

/* As vmb_hostmem_probe. Nothing of the device is kept open. */
static int probe(dev_t device)
{
	off_t size = lseek(STDIN_FILENO, 0, SEEK_END);
	int fd = vmb_node_open(device);
	struct vmb_hostmem hostmem;

	if (fd < 0) {
		return fd;
	}
	int ret = vmb_hostmem_init(&hostmem, &probing, ioctl, fd);
	if (ret == 0) {
		ret = vmb_hostmem_probe(&hostmem, (uint64_t)size);
		vmb_hostmem_finish(&hostmem);
	}
	close(fd);
	return ret;
}

/* struct prctl_mm_map as a 64-bit kernel has it, which wants no other size from 32-bit programs
 * either. The headers' own has a pointer in it. */
struct bounds {
	uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	uint64_t auxv;
	uint32_t auxv_size;
	uint32_t exe_fd;
};

_Static_assert(sizeof(struct bounds) == 104, "a 64-bit kernel's");
_Static_assert(sizeof(void *) < 8 || sizeof(struct bounds) == sizeof(struct prctl_mm_map),
	"the same in a 64-bit program");
_Static_assert(offsetof(struct bounds, auxv) == offsetof(struct prctl_mm_map, auxv),
	"the same up to the pointer");

/*
 * While it sleeps this process holds the lock of its memory, which who reads its arguments or
 * environment in /proc has to wait for: ps, pgrep -f and their kin. They do not if there are none
 * (get_mm_cmdline() and environ_read() in Linux). The kernel wants all of the bounds at once, and
 * this process has no use for the others. Without CONFIG_CHECKPOINT_RESTORE it refuses, and nothing
 * is lost.
 */
static void hide_arguments(void)
{
	const uint64_t begin = (uint64_t)(uintptr_t)hide_arguments;
	const uint64_t end = begin + 1;
	const struct bounds bounds = {
		.start_code = begin,
		.end_code = end,
		.start_data = begin,
		.end_data = begin,
		.start_brk = end,
		.brk = end,
		.start_stack = begin,
		.arg_start = begin,
		.arg_end = begin,
		.env_start = begin,
		.env_end = begin,
		.exe_fd = (uint32_t)-1,
	};
	struct prctl_mm_map native = { .exe_fd = (uint32_t)-1 };

	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &bounds, sizeof(bounds), 0) == 0) {
		return;
	}
	/* A 32-bit kernel. */
	memcpy(&native, &bounds, offsetof(struct prctl_mm_map, auxv));
	prctl(PR_SET_MM, PR_SET_MM_MAP, &native, sizeof(native), 0);
}

/* In a process of its own. Its lock tells that it is at it, and goes with it:
 * vmb_helper_is_blocked_on(). */
static int map_first_page(void)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	fcntl(STDIN_FILENO, F_SETLK, &lock);
	hide_arguments();
	/* The kernel makes room for the whole blob, whatever part of it is mapped. */
	void *map = mmap(
		NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, STDIN_FILENO, 0);

	return map == MAP_FAILED ? errno : 0;
}

static int open_process(pid_t process)
{
	return (int)syscall(SYS_pidfd_open, process, 0);
}

/* Starts another child on the mapping if it is likely to succeed. Whether one was started. */
static bool try_again(struct pollfd *child, bool is_alone, dev_t device)
{
	int ret = probe(device);

	if (ret == 0) {
		/* One of another helper's may be quicker, and wake ours. */
		poll(child, 1, SETTLING);
	}
	/* Where it is not known, there is room if there ever is. */
	if (child->revents || (is_alone ? ret == -ENOSPC : ret < 0)) {
		return false;
	}
	if (fork() == 0) {
		_exit(map_first_page());
	}
	return true;
}

/* Until the child has ended. The kernel wakes all that sleep on a blob when one of them can map
 * it. */
static void wait_for(pid_t child, pid_t application, dev_t device)
{
	struct pollfd ends[] = {
		{ .fd = open_process(child), .events = POLLIN },
		{ .fd = open_process(application), .events = POLLIN },
	};
	bool is_alone = ends[1].fd < 0 && errno == ESRCH;
	int delay = is_alone ? FIRST_DELAY_ALONE : FIRST_DELAY;
	int tries = 0;
	int ended;

	while (ends[0].fd >= 0 && !ends[0].revents && (ended = poll(ends, 2, delay)) >= 0) {
		if (ends[1].revents) {
			ends[1] = (struct pollfd){ .fd = -1 };
			is_alone = true;
			delay = FIRST_DELAY_ALONE;
		} else if (ended == 0) {
			tries += try_again(&ends[0], is_alone, device);
			delay = delay < LAST_DELAY / 2 ? 2 * delay : LAST_DELAY;
			delay = tries < TRIES ? delay : -1;
		}
	}
}

int main(int count, char **arguments)
{
	pid_t application = count > 1 ? (pid_t)strtol(arguments[1], NULL, 10) : 0;
	dev_t device = count > 2 ? (dev_t)strtoull(arguments[2], NULL, 10) : 0;
	sigset_t all;
	int status;

	/* What ends all of the application, from its terminal or as a service that is stopped, must
	 * not end this: until SIGKILL comes there is time to try the mapping again. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	pid_t child = fork();
	if (child < 0) {
		/* That the mapping was not even tried must not read as that it cannot be made. */
		return errno == EINVAL ? ENOEXEC : errno;
	}
	if (child == 0) {
		_exit(map_first_page());
	}
	wait_for(child, application, device);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
		return ECHILD;
	}
	return WEXITSTATUS(status);
}
