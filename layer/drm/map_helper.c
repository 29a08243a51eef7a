/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* syscall */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Maps the dma-buf that is its standard input, and ends: the exit status is 0, or the errno of mmap. The
 * argument is the process id of the application that it does so for.
 *
 * A program of its own because of Linux 7.3, where the first mapping of a deferred blob sleeps for
 * ever, and cannot be killed, if the window of the device is full (docs/virtgpu.md). It may happen
 * to the child that makes the mapping, which has nothing that anybody would miss. As long as the
 * application lives it is for the layer to have another helper wake that child. When it is gone there
 * is room, since all that it had in the window was closed, and nobody else is left to do it.
 */

/* When a mapping is tried again for an application that is gone, in ms: then, and each time after twice as
 * long. Each that finds the window full sleeps as the first does, so there are not many. */
#define FIRST_DELAY 50
#define LAST_DELAY 60000
#define TRIES 16

/*
 * While it sleeps this process holds the lock of its memory, which who reads its arguments or environment
 * in /proc has to wait for: ps, pgrep -f and their kin. They do not if there are none (get_mm_cmdline() and
 * environ_read() in Linux). The kernel wants all of the bounds at once, and this process has no use for the
 * others. Without CONFIG_CHECKPOINT_RESTORE it refuses, and nothing is lost.
 */
static void hide_arguments(void)
{
	const uint64_t begin = (uint64_t)(uintptr_t)hide_arguments;
	const uint64_t end = begin + 1;
	struct prctl_mm_map bounds = {
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

static int map_first_page(void)
{
	hide_arguments();
	/* The kernel makes room for the whole blob, whatever part of it is mapped. */
	void *map = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
		STDIN_FILENO, 0);

	return map == MAP_FAILED ? errno : 0;
}

static int open_process(pid_t process)
{
	return (int)syscall(SYS_pidfd_open, process, 0);
}

/* Until the child has ended. The kernel wakes all that sleep on a blob when one of them can map it. */
static void wait_for(pid_t child, pid_t application)
{
	struct pollfd ends[] = {
		{ .fd = open_process(child), .events = POLLIN },
		{ .fd = open_process(application), .events = POLLIN },
	};
	int delay = ends[1].fd < 0 && errno == ESRCH ? FIRST_DELAY : -1;
	int tries = 0;
	int ended;

	while (ends[0].fd >= 0 && !ends[0].revents && (ended = poll(ends, 2, delay)) >= 0) {
		if (ends[1].revents) {
			ends[1] = (struct pollfd){ .fd = -1 };
			delay = FIRST_DELAY;
		} else if (ended == 0) {
			if (fork() == 0) {
				_exit(map_first_page());
			}
			delay = delay < LAST_DELAY / 2 ? 2 * delay : LAST_DELAY;
			delay = ++tries < TRIES ? delay : -1;
		}
	}
}

int main(int count, char **arguments)
{
	pid_t application = count > 1 ? (pid_t)strtol(arguments[1], NULL, 10) : 0;
	sigset_t all;
	int status;

	/* What ends all of the application, from its terminal or as a service that is stopped, must not end
	 * this: until SIGKILL comes there is time to try the mapping again. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	pid_t child = fork();
	if (child < 0) {
		return errno;
	}
	if (child == 0) {
		return map_first_page();
	}
	wait_for(child, application);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
		return ECHILD;
	}
	return WEXITSTATUS(status);
}
