/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* syscall */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ioctl/node.h"
#include "virtgpu/hostmem.h"

/*
 * The helper program maps the dma-buf on its standard input, and exits with 0 or the errno of
 * mmap(). Its arguments are the process id of the application and the device number of the render
 * node.
 *
 * In Linux 7.3 the first mapping of a deferred blob blocks for ever if hostmem is full, and no
 * signal ends the wait (docs/virtgpu.md). So a child of the helper makes the mapping. The child
 * holds nothing that another process needs.
 *
 * While the application runs, the layer starts further helpers when a blob is closed. Once one of
 * them maps the blob, the kernel wakes the blocked child. The layer does not see every close. So
 * the helper probes hostmem itself from time to time, and starts another child if there is room.
 * After the application's end only the helper can wake the child.
 */

#define PROBE_INTERVAL_MS 2000
/* How long the kernel may take to free the range of the probe's own blob. */
#define SETTLING_MS 250
/* How many further children a helper starts at most. Another process can take the room first, or
 * the helper cannot probe: then the new child stays blocked as well. */
#define ATTEMPTS 16

static uint64_t now_ms(void)
{
	return vmb_clock_ns() / 1000000;
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

/* The only functions that a probe needs. */
static const struct vmb_system_ops system_ops = {
	.reopen = reopen,
	.hostmem_size = hostmem_size,
	.now_ms = now_ms,
};

/* Probes for room for the dma-buf, as vmb_hostmem_probe(). Keeps no file of the device open. */
static int probe(dev_t device)
{
	off_t size = lseek(STDIN_FILENO, 0, SEEK_END);
	int fd = vmb_node_open(device);
	struct vmb_hostmem hostmem;

	if (fd < 0) {
		return fd;
	}
	int ret = vmb_hostmem_init(&hostmem, &system_ops, vmb_ioctl_libc, fd);
	if (ret == 0) {
		ret = vmb_hostmem_probe(&hostmem, (uint64_t)size);
		vmb_hostmem_finish(&hostmem);
	}
	close(fd);
	return ret;
}

/* struct prctl_mm_map of a 64-bit kernel, which accepts no other size, also from 32-bit programs.
 * The struct in the kernel's header contains a pointer, so its size depends on the program. */
struct bounds {
	uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	uint64_t auxv;
	uint32_t auxv_size;
	uint32_t exe_fd;
};

/*
 * A blocked child holds its mmap lock. A reader of /proc/PID/cmdline or /proc/PID/environ, such as
 * ps, waits for that lock unless the recorded arguments and environment are empty (get_mm_cmdline()
 * and environ_read() in Linux). So this function makes both empty. The kernel sets all bounds at
 * once; the child needs none of the others. A 32-bit kernel, and a kernel without
 * CONFIG_CHECKPOINT_RESTORE, refuse the call, and such readers wait.
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

	prctl(PR_SET_MM, PR_SET_MM_MAP, &bounds, sizeof(bounds), 0);
}

/* Runs in a child. The file lock lets vmb_helper_is_blocked_on() find the child, and ends with the
 * child. */
static int map_first_page(void)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	fcntl(STDIN_FILENO, F_SETLK, &lock);
	hide_arguments();
	/* One page is enough: the kernel takes the range of the whole blob. */
	void *map = mmap(
		NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, STDIN_FILENO, 0);

	return map == MAP_FAILED ? errno : 0;
}

static int open_process(pid_t process)
{
	return (int)syscall(SYS_pidfd_open, process, 0);
}

/* Starts another child if its mapping is likely to succeed. Returns whether a child was started.
 * is_alone: the application has ended. */
static bool start_another_child(struct pollfd *child, bool is_alone, dev_t device)
{
	int ret = probe(device);

	if (ret == 0) {
		/* Wait for the range of the probe's blob. Another helper may map the blob
		 * meanwhile, which ends this helper's child. */
		poll(child, 1, SETTLING_MS);
	}
	/* If the probe itself failed and the application has ended, assume that there is room. */
	if (child->revents || (is_alone ? ret == -ENOSPC : ret < 0)) {
		return false;
	}
	if (fork() == 0) {
		_exit(map_first_page());
	}
	return true;
}

/* Returns when the child has ended. The kernel wakes all children of a blob when one of them finds
 * room. */
static void wait_for_child(pid_t child, pid_t application, dev_t device)
{
	struct pollfd ends[] = {
		{ .fd = open_process(child), .events = POLLIN },
		{ .fd = open_process(application), .events = POLLIN },
	};
	bool is_alone = ends[1].fd < 0 && errno == ESRCH;
	int attempts = 0;
	int ended;

	while (ends[0].fd >= 0 && !ends[0].revents &&
		(ended = poll(ends, 2, attempts < ATTEMPTS ? PROBE_INTERVAL_MS : -1)) >= 0) {
		if (ends[1].revents) {
			ends[1] = (struct pollfd){ .fd = -1 };
			is_alone = true;
		} else if (ended == 0) {
			attempts += start_another_child(&ends[0], is_alone, device);
		}
	}
}

int main(int count, char **arguments)
{
	pid_t application = count > 1 ? (pid_t)strtol(arguments[1], NULL, 10) : 0;
	dev_t device = count > 2 ? (dev_t)strtoull(arguments[2], NULL, 10) : 0;
	sigset_t all;
	int status;

	/* A service manager or the end of a session sends signals to all processes. The helper
	 * blocks them, and keeps probing until it gets SIGKILL. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	pid_t child = fork();
	if (child < 0) {
		/* EINVAL is reserved for the mapping itself. */
		return errno == EINVAL ? ENOEXEC : errno;
	}
	if (child == 0) {
		_exit(map_first_page());
	}
	wait_for_child(child, application, device);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
		return ECHILD;
	}
	return WEXITSTATUS(status);
}
