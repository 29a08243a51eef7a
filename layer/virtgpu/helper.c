/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* clone, CLONE_VM and its kin, __WCLONE */
#include "virtgpu/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * vmb_helper_run() starts a process, which starts the helper. Until the helper's execve() both
 * share the memory of the application:
 *
 *   the application's thread      waits
 *     └─ the middle process       exits without SIGCHLD, and wait() does not return it
 *          └─ the helper          a child of the middle process, which waits with a timeout
 *
 * CLONE_VFORK stops the application's thread until the middle process has ended, so both processes
 * may use the thread's thread-local storage, such as errno. Both make system calls directly. A
 * function of the C library, a sanitizer or an interposed library could be cancelled, or take a
 * lock that another thread of the application holds.
 */
struct start {
	const char *path;
	char application[16]; /* process id: the helper waits for the application's end */
	char device[24]; /* device number: the helper probes the hostmem of this device */
	int dmabuf;
	unsigned timeout_ms;
	char *helper_stack; /* its upper end */
	int exec_error; /* of execve(), a negative errno */
	/* The result of vmb_helper_run(). Written last: the middle process can be killed at any
	 * time. */
	int result;
};

#define STACK_SIZE ((size_t)64 << 10)
/* The size of the kernel's signal set; sigset_t of the C library may be larger. */
#define SIGNALS 64
#define SIGNAL_SET_SIZE (SIGNALS / 8)

#ifdef __SANITIZE_THREAD__
/* The sanitizer's clone() assumes that the child has its own memory. */
int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);
#define clone __clone
#endif

/* For functions of the two processes: their stacks are unknown to the sanitizers. */
#define UNINSTRUMENTED __attribute__((no_sanitize("address", "thread")))

/* The result if no helper was started. -EINVAL is reserved for the helper's mmap(). */
UNINSTRUMENTED static int start_error(int error)
{
	return error == EINVAL ? -ENOEXEC : -error;
}

UNINSTRUMENTED static int exec_helper(void *argument)
{
	struct start *start = argument;
	char *const arguments[] = { (char *)(uintptr_t)start->path, start->application,
		start->device, NULL };
	char *const environment[] = { NULL };
	const uint64_t none = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, SIGNAL_SET_SIZE);
	if (syscall(SYS_execve, start->path, arguments, environment) < 0) {
		start->exec_error = start_error(errno);
	}
	syscall(SYS_exit_group, 0);
	return 0;
}

UNINSTRUMENTED static int wait_for_helper(const struct start *start, pid_t helper)
{
	const struct {
		long s;
		long ns;
	} timeout = {
		start->timeout_ms / 1000,
		start->timeout_ms % 1000 * 1000000L,
	};
	struct pollfd ended = { .events = POLLIN };
	int status;

	ended.fd = (int)syscall(SYS_pidfd_open, helper, 0);
	if (ended.fd < 0) {
		return -ECHILD;
	}
	if (syscall(SYS_ppoll, &ended, 1, &timeout, NULL, SIGNAL_SET_SIZE) != 1) {
		return -EINPROGRESS;
	}
	if (syscall(SYS_wait4, helper, &status, 0, NULL) != helper || !WIFEXITED(status)) {
		return -ECHILD;
	}
	return -WEXITSTATUS(status);
}

/* The middle process. Closes its copies of the application's descriptors at once: a copy of a
 * pipe's end would keep the pipe open. */
UNINSTRUMENTED static int start_helper(void *argument)
{
	/* All zeros is SIG_DFL with no flags on every architecture. */
	static const unsigned char by_default[64];
	struct start *start = argument;

	/* Both branches clear FD_CLOEXEC. */
	long moved = start->dmabuf == STDIN_FILENO
		? syscall(SYS_fcntl, STDIN_FILENO, F_SETFD, 0)
		: syscall(SYS_dup3, start->dmabuf, STDIN_FILENO, 0);
	if (moved < 0 || syscall(SYS_close_range, STDIN_FILENO + 1, UINT_MAX, 0) < 0) {
		start->result = start_error(errno);
		syscall(SYS_exit_group, 0);
	}
	/* execve() keeps ignored signals ignored. And if SIGCHLD is ignored, the kernel drops the
	 * helper's exit status. */
	for (int i = 1; i <= SIGNALS; i++) {
		syscall(SYS_rt_sigaction, i, by_default, NULL, SIGNAL_SET_SIZE);
	}
	pid_t helper = clone(
		exec_helper, start->helper_stack, CLONE_VM | CLONE_VFORK | SIGCHLD, start);
	if (helper < 0) {
		start->result = start_error(errno);
	} else if (start->exec_error < 0) {
		/* The helper has ended. */
		syscall(SYS_wait4, helper, NULL, 0, NULL);
		start->result = start->exec_error;
	} else {
		start->result = wait_for_helper(start, helper);
	}
	syscall(SYS_exit_group, 0);
	return 0;
}

static int run_with_stacks(struct start *start, char *stacks)
{
	const uint64_t all = UINT64_MAX;
	uint64_t before;

	start->helper_stack = stacks + 2 * STACK_SIZE;
	/* No signal handler of the application may run in the middle process: it would change the
	 * application's memory. */
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGNAL_SET_SIZE);
	pid_t middle = clone(start_helper, stacks + STACK_SIZE, CLONE_VM | CLONE_VFORK, start);
	int ret = middle < 0 ? start_error(errno) : 0;
	if (middle >= 0) {
		/* waitpid() is a cancellation point. */
		syscall(SYS_wait4, middle, NULL, __WCLONE, NULL);
		ret = start->result;
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGNAL_SET_SIZE);
	return ret;
}

int vmb_helper_run(const char *path, int dmabuf, dev_t device, unsigned timeout_ms)
{
	struct start start = {
		.path = path,
		.dmabuf = dmabuf,
		.timeout_ms = timeout_ms,
		/* Stays if the middle process is killed before it writes a result. */
		.result = -ECHILD,
	};
	snprintf(start.application, sizeof(start.application), "%ld", (long)getpid());
	snprintf(start.device, sizeof(start.device), "%llu", (unsigned long long)device);
	char *stacks = mmap(NULL, 2 * STACK_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stacks == MAP_FAILED) {
		return start_error(errno);
	}
	int ret = run_with_stacks(&start, stacks);
	munmap(stacks, 2 * STACK_SIZE);
	return ret;
}

bool vmb_helper_is_blocked_on(int dmabuf)
{
	/* The helper's child holds a read lock during its mapping. */
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(dmabuf, F_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}
