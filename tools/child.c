/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vk/result_name.h"

const char *vmb_stage_name(enum vmb_stage stage)
{
	static const char *const names[VMB_STAGE_COUNT] = {
		[VMB_STAGE_START] = "startup",
		[VMB_STAGE_LOADER] = "the load of the Vulkan loader",
		[VMB_STAGE_LAYERS] = "vkEnumerateInstanceLayerProperties",
		[VMB_STAGE_INSTANCE] = "vkCreateInstance",
		[VMB_STAGE_ENUMERATE] = "vkEnumeratePhysicalDevices",
		[VMB_STAGE_PROPERTIES] = "vkGetPhysicalDeviceProperties2",
		[VMB_STAGE_FEATURES] = "vkGetPhysicalDeviceFeatures",
		[VMB_STAGE_KERNEL] = "a query of the kernel driver",
		[VMB_STAGE_DECIDE] = "the layer's probe of the device",
	};

	return names[stage];
}

const char *vmb_problem_name(enum vmb_problem_kind kind)
{
	switch (kind) {
	case VMB_PROBLEM_FAILED:
		return "failed";
	case VMB_PROBLEM_CRASHED:
		return "crashed";
	case VMB_PROBLEM_EXITED:
		return "exited";
	case VMB_PROBLEM_HUNG:
		return "hung";
	case VMB_PROBLEM_NO_CHILD:
		return "no-child";
	default:
		return "none";
	}
}

static void describe_failure(const struct vmb_problem *problem, char *text, size_t size)
{
	const char *where = vmb_stage_name(problem->stage);
	const char *result = vmb_result_name(problem->detail);

	if (problem->detail == 0) {
		snprintf(text, size, "failed in %s", where);
	} else if (result) {
		snprintf(text, size, "failed in %s: %s", where, result);
	} else {
		snprintf(text, size, "failed in %s: VkResult %d", where, problem->detail);
	}
}

void vmb_problem_describe(const struct vmb_problem *problem, char *text, size_t size)
{
	const char *where = vmb_stage_name(problem->stage);

	switch (problem->kind) {
	case VMB_PROBLEM_FAILED:
		describe_failure(problem, text, size);
		break;
	case VMB_PROBLEM_CRASHED:
		snprintf(text, size, "crashed in %s: %s", where, strsignal(problem->detail));
		break;
	case VMB_PROBLEM_EXITED:
		snprintf(text, size, "ended the process in %s with status %d", where,
			problem->detail);
		break;
	case VMB_PROBLEM_HUNG:
		snprintf(
			text, size, "hung in %s and was killed after %d s", where, problem->detail);
		break;
	case VMB_PROBLEM_NO_CHILD:
		snprintf(text, size, "could not be queried: %s", strerror(problem->detail));
		break;
	default:
		snprintf(text, size, "answered");
		break;
	}
}

void *vmb_answer_alloc(size_t size)
{
	void *answer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return answer == MAP_FAILED ? NULL : answer;
}

void vmb_answer_free(void *answer, size_t size)
{
	if (answer) {
		munmap(answer, size);
	}
}

/* Keeps the output of drivers out of the report. */
static void child_redirect_output(bool verbose)
{
	int fd = verbose ? STDERR_FILENO : open("/dev/null", O_RDWR);

	if (fd < 0) {
		return;
	}
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

static _Noreturn void child_run(const struct vmb_query_options *options, vmb_query *query,
	struct vmb_answer *answer, const void *data, const sigset_t *mask)
{
	const struct rlimit no_core = { 0, 0 };

	/* End with the parent. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	sigprocmask(SIG_SETMASK, mask, NULL);
	child_redirect_output(options->verbose);
	query(answer, data);
	/* Skip the drivers' exit handlers, which may hang. */
	_exit(0);
}

static struct timespec deadline_in(time_t seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now.tv_sec += seconds;
	return now;
}

/* False if the deadline has passed. */
static bool time_left(const struct timespec *deadline, struct timespec *left)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left->tv_sec = deadline->tv_sec - now.tv_sec;
	left->tv_nsec = deadline->tv_nsec - now.tv_nsec;
	if (left->tv_nsec < 0) {
		left->tv_nsec += 1000000000;
		left->tv_sec--;
	}
	return left->tv_sec >= 0;
}

/* False if the child has not ended in time. The caller blocks SIGCHLD. */
static bool child_wait(pid_t child, time_t seconds, int *status)
{
	const struct timespec deadline = deadline_in(seconds);
	struct timespec left;
	sigset_t ended;

	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	do {
		if (waitpid(child, status, WNOHANG) == child) {
			return true;
		}
		if (!time_left(&deadline, &left)) {
			return false;
		}
	} while (sigtimedwait(&ended, NULL, &left) >= 0 || errno == EINTR || errno == EAGAIN);
	return false;
}

static struct vmb_problem problem_of_child(const struct vmb_answer *answer, int status)
{
	struct vmb_problem problem = { .stage = answer->stage };

	if (WIFSIGNALED(status)) {
		problem.kind = VMB_PROBLEM_CRASHED;
		problem.detail = WTERMSIG(status);
	} else if (WEXITSTATUS(status) != 0) {
		problem.kind = VMB_PROBLEM_EXITED;
		problem.detail = WEXITSTATUS(status);
	} else if (!answer->is_complete && answer->result != VK_SUCCESS) {
		problem.kind = VMB_PROBLEM_FAILED;
		problem.detail = answer->result;
	} else if (!answer->is_complete) {
		/* The driver called exit(0), or the loader is missing. */
		problem.kind = answer->stage == VMB_STAGE_LOADER ? VMB_PROBLEM_FAILED
								 : VMB_PROBLEM_EXITED;
	}
	return problem;
}

struct vmb_problem vmb_query_run(const struct vmb_query_options *options, vmb_query *query,
	struct vmb_answer *answer, const void *data)
{
	struct vmb_problem problem = { .kind = VMB_PROBLEM_NONE };
	sigset_t ended, mask;
	int status;

	/* The child would write the buffered output again. */
	fflush(NULL);
	/* If the parent's parent ignored SIGCHLD, children would leave no status. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ended, &mask);
	pid_t child = fork();
	if (child == 0) {
		child_run(options, query, answer, data, &mask);
	}
	if (child < 0) {
		problem = (struct vmb_problem){ VMB_PROBLEM_NO_CHILD, VMB_STAGE_START, errno };
	} else if (child_wait(child, (time_t)options->timeout, &status)) {
		problem = problem_of_child(answer, status);
	} else {
		problem = (struct vmb_problem){
			VMB_PROBLEM_HUNG,
			answer->stage,
			(int)options->timeout,
		};
		kill(child, SIGKILL);
		/* The child may sleep in the kernel for ever. Do not wait for its end. */
		child_wait(child, 1, &status);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return problem;
}
