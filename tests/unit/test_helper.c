/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create, pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "helper_report.h"
#include "virtgpu/helper.h"

/*
 * Tests the helper process. HELPER is the path of the real program. STAND_IN is the path of a
 * stand-in (helper_stand_in.c), which reports its inherited state, fails or hangs. A memfd stands
 * in for the dma-buf.
 */

/* Timeouts in ms. LONG is enough for a slow machine. SHORT is for a helper that hangs. */
#define LONG 30000
#define SHORT 100

/* The device number that the helper gets. */
#define DEVICE makedev(226, 129)

struct file {
	int fd;
	struct helper_page *page;
};

static struct file open_file(enum helper_order order)
{
	struct file file = { .fd = memfd_create("test", MFD_CLOEXEC) };
	size_t size = (size_t)sysconf(_SC_PAGESIZE);

	assert_true(file.fd >= 0);
	assert_int_equal(ftruncate(file.fd, (off_t)size), 0);
	file.page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
	assert_true(file.page != MAP_FAILED);
	file.page->order = order;
	return file;
}

static void close_file(struct file *file)
{
	munmap(file->page, (size_t)sysconf(_SC_PAGESIZE));
	close(file->fd);
}

static atomic_int child_signals;

static void on_child(int signal_number)
{
	(void)signal_number;
	child_signals++;
}

/* Fails if the application has a child or got a SIGCHLD. */
static void expect_no_children(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(child_signals, 0);
	/* With __WALL, waitpid() also returns children that send no SIGCHLD. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(errno, ECHILD);
}

static bool has_ended(int pid)
{
	char path[64], name[64], state = 'X';

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *file = fopen(path, "r");
	if (!file) {
		return true;
	}
	int count = fscanf(file, "%*d (%63[^)]) %c", name, &state);
	fclose(file);
	return count != 2 || state == 'Z' || state == 'X';
}

static void wait_for_end(int pid)
{
	while (!has_ended(pid)) {
		usleep(1000);
	}
}

static void test_maps(void **state)
{
	struct file file = open_file(HELPER_REPORT);
	char path[64];

	(void)state;
	assert_int_equal(vmb_helper_run(HELPER, file.fd, DEVICE, LONG), 0);
	/* The helper can map a read-only dma-buf. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file.fd);
	int read_only = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read_only >= 0);
	assert_int_equal(vmb_helper_run(HELPER, read_only, DEVICE, LONG), 0);
	/* The result is the errno of mmap(). */
	int write_only = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(write_only >= 0);
	assert_int_equal(vmb_helper_run(HELPER, write_only, DEVICE, LONG), -EACCES);
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	assert_true(vmb_helper_run(HELPER, pipes[1], DEVICE, LONG) < 0);
	close(pipes[0]);
	close(pipes[1]);
	close(read_only);
	close(write_only);
	close_file(&file);
	expect_no_children();
}

static void test_inherits_nothing(void **state)
{
	struct file file = open_file(HELPER_REPORT);
	sigset_t blocked, before, after;
	int leaked[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		/* dup() clears close-on-exec. */
		leaked[i] = dup(STDERR_FILENO);
	}
	assert_int_equal(dup2(STDERR_FILENO, 200), 200);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigaddset(&blocked, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	assert_int_equal(vmb_helper_run(STAND_IN, file.fd, DEVICE, LONG), 0);
	pthread_sigmask(SIG_SETMASK, &before, &after);
	assert_true(sigismember(&after, SIGUSR1) == 1 && sigismember(&after, SIGTERM) == 1);
	assert_int_equal(sigismember(&after, SIGINT), 0);
	signal(SIGPIPE, SIG_DFL);

	assert_int_not_equal(file.page->pid, 0);
	assert_int_not_equal(file.page->parent, getpid());
	assert_int_equal(file.page->descriptors, 1);
	assert_int_equal(file.page->is_first_open, 1);
	assert_int_equal(file.page->environment, 0);
	assert_int_equal(file.page->arguments, 3);
	assert_int_equal(file.page->application, getpid());
	assert_int_equal(file.page->device, DEVICE);
	assert_string_equal(file.page->blocked, "0000000000000000");
	assert_string_equal(file.page->ignored, "0000000000000000");
	/* The descriptors of this process are still open. */
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(close(leaked[i]), 0);
	}
	assert_int_equal(close(200), 0);
	close_file(&file);
	expect_no_children();
}

/* The application closed its standard input, so the dma-buf has descriptor 0. */
static void test_lowest_descriptor(void **state)
{
	struct file file = open_file(HELPER_REPORT);
	int standard_input = dup(STDIN_FILENO);

	(void)state;
	assert_int_equal(dup3(file.fd, STDIN_FILENO, O_CLOEXEC), STDIN_FILENO);
	int ret = vmb_helper_run(STAND_IN, STDIN_FILENO, DEVICE, LONG);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) & FD_CLOEXEC);
	if (standard_input >= 0) {
		dup2(standard_input, STDIN_FILENO);
		close(standard_input);
	}
	assert_int_equal(ret, 0);
	assert_int_equal(file.page->descriptors, 1);
	assert_int_equal(file.page->is_first_open, 1);
	close_file(&file);
}

static void test_results(void **state)
{
	struct file file = open_file(HELPER_FAIL);

	(void)state;
	assert_int_equal(vmb_helper_run(STAND_IN, file.fd, DEVICE, LONG), -ENOMEM);
	file.page->order = HELPER_DIE;
	assert_int_equal(vmb_helper_run(STAND_IN, file.fd, DEVICE, LONG), -ECHILD);
	assert_int_equal(vmb_helper_run("/nonexistent/helper", file.fd, DEVICE, LONG), -ENOENT);
	assert_int_equal(vmb_helper_run("/proc/self/status", file.fd, DEVICE, LONG), -EACCES);
	assert_int_equal(vmb_helper_run(STAND_IN, -1, DEVICE, LONG), -EBADF);
	/* The layer gets the result even if the application ignores SIGCHLD. */
	signal(SIGCHLD, SIG_IGN);
	file.page->order = HELPER_FAIL;
	assert_int_equal(vmb_helper_run(STAND_IN, file.fd, DEVICE, LONG), -ENOMEM);
	signal(SIGCHLD, on_child);
	close_file(&file);
	expect_no_children();
}

static void test_left_behind(void **state)
{
	struct file file = open_file(HELPER_HANG);
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	/* The call returns after a short timeout. The helper still starts and keeps running. */
	assert_int_equal(vmb_helper_run(STAND_IN, file.fd, DEVICE, SHORT), -EINPROGRESS);
	while (!file.page->pid) {
		usleep(1000);
	}
	int pid = file.page->pid;
	assert_false(has_ended(pid));
	while (!file.page->is_locked) {
		usleep(1000);
	}
	assert_true(vmb_helper_is_blocked_on(file.fd));
	expect_no_children();
	/* The helper has no copy of the pipe. */
	struct pollfd end = { .fd = pipes[0], .events = POLLIN };
	close(pipes[1]);
	assert_int_equal(poll(&end, 1, 0), 1);
	assert_true(end.revents & POLLHUP);
	close(pipes[0]);
	file.page->go_on = 1;
	wait_for_end(pid);
	assert_false(vmb_helper_is_blocked_on(file.fd));
	expect_no_children();
	close_file(&file);
	assert_true(vmb_helper_is_blocked_on(-1));
}

/* If the waiting process is killed, the layer counts the blob as unmapped. */
static void test_waiting_process_killed(void **state)
{
	struct file file = open_file(HELPER_KILL_PARENT);

	(void)state;
	assert_int_equal(vmb_helper_run(STAND_IN, file.fd, DEVICE, LONG), -ECHILD);
	wait_for_end(file.page->pid);
	expect_no_children();
	close_file(&file);
}

/* Makes a system call fail, as some sandboxes do. */
static void forbid(unsigned call, unsigned error)
{
	struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {
		.len = sizeof(instructions) / sizeof(instructions[0]),
		.filter = instructions,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0) {
		_exit(77);
	}
}

/* If waiting fails, the helper may still be blocked. */
static void test_cannot_wait(void **state)
{
	struct file file = open_file(HELPER_HANG);
	int status;

	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		forbid(SYS_pidfd_open, ENOMEM);
		_exit(-vmb_helper_run(STAND_IN, file.fd, DEVICE, SHORT));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	while (!file.page->pid) {
		usleep(1000);
	}
	file.page->go_on = 1;
	wait_for_end(file.page->pid);
	child_signals = 0;
	assert_int_equal(WEXITSTATUS(status), ECHILD);
	close_file(&file);
	expect_no_children();
}

/* EINVAL means that the host refuses the blob. A failure to start must return another error. */
static void test_cannot_start(void **state)
{
	static const unsigned calls[] = { SYS_clone, SYS_execve, SYS_dup3 };
	struct file file = open_file(HELPER_REPORT);
	int status;

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			forbid(calls[i], EINVAL);
			_exit(-vmb_helper_run(HELPER, file.fd, DEVICE, LONG));
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), ENOEXEC);
	}
	child_signals = 0;
	close_file(&file);
	expect_no_children();
}

/* The application can still wait for its own children. */
static void test_beside_children(void **state)
{
	struct file file = open_file(HELPER_REPORT);
	int status;

	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		pause();
		_exit(1);
	}
	assert_int_equal(vmb_helper_run(STAND_IN, file.fd, DEVICE, LONG), 0);
	assert_int_equal(waitpid(-1, &status, WNOHANG), 0);
	assert_int_equal(child_signals, 0);
	kill(child, SIGKILL);
	assert_int_equal(wait(&status), child);
	assert_int_equal(child_signals, 1);
	child_signals = 0;
	close_file(&file);
	expect_no_children();
}

/* A subreaper does not inherit a helper that ends before the timeout. */
static void test_beside_subreaper(void **state)
{
	struct file file = open_file(HELPER_REPORT);

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	assert_int_equal(vmb_helper_run(STAND_IN, file.fd, DEVICE, LONG), 0);
	assert_int_equal(vmb_helper_run("/nonexistent/helper", file.fd, DEVICE, LONG), -ENOENT);
	expect_no_children();
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
	close_file(&file);
}

#define RUNS 25
static atomic_bool is_over;
static atomic_int seen;

/* Reaps all children in a thread, as some applications do. */
static void *reap(void *argument)
{
	(void)argument;
	while (!is_over) {
		seen += waitpid(-1, NULL, WNOHANG) > 0;
	}
	return NULL;
}

/* Uses errno and the allocator while helpers start. */
static void *allocate(void *argument)
{
	(void)argument;
	while (!is_over) {
		errno = 12345;
		free(malloc(1 + (size_t)rand() % 10000));
		if (errno != 12345) {
			seen++;
		}
	}
	return NULL;
}

static void *run_many(void *argument)
{
	struct file file = open_file(HELPER_REPORT);
	atomic_int *failures = argument;

	for (size_t i = 0; i < RUNS; i++) {
		*failures += vmb_helper_run(HELPER, file.fd, DEVICE, LONG) != 0;
	}
	close_file(&file);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t runners[3], reaper, allocator;
	atomic_int failures = 0;

	(void)state;
	assert_int_equal(pthread_create(&reaper, NULL, reap, NULL), 0);
	assert_int_equal(pthread_create(&allocator, NULL, allocate, NULL), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&runners[i], NULL, run_many, &failures), 0);
	}
	for (size_t i = 0; i < 3; i++) {
		pthread_join(runners[i], NULL);
	}
	is_over = true;
	pthread_join(reaper, NULL);
	pthread_join(allocator, NULL);
	assert_int_equal(failures, 0);
	assert_int_equal(seen, 0);
	expect_no_children();
}

static int set_up(void **state)
{
	(void)state;
	child_signals = 0;
	return signal(SIGCHLD, on_child) == SIG_ERR ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_inherits_nothing),
		cmocka_unit_test(test_lowest_descriptor),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_waiting_process_killed),
		cmocka_unit_test(test_cannot_wait),
		cmocka_unit_test(test_cannot_start),
		cmocka_unit_test(test_beside_children),
		cmocka_unit_test(test_beside_subreaper),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("helper", tests, set_up, NULL);
}
