// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app.h"

/*
 * An application with children, and several ways to wait for them. It maps memory meanwhile. The
 * layer's helpers must not be visible to it: no SIGCHLD, and no result of wait().
 */

#define EACH 4

static atomic_int signals;
static unsigned retries;

static void count_signal(int number)
{
	(void)number;
	atomic_fetch_add(&signals, 1);
}

/* Maps EACH new memory objects, and returns how many mappings succeed. */
static unsigned map_new_memory(const struct app *app)
{
	VkDeviceMemory memory[EACH];
	unsigned mapped = 0;
	VkResult last;
	unsigned count = app_allocate_many(app, true, memory, EACH, &last);

	for (unsigned i = 0; i < count; i++) {
		mapped += app_visit_with_retries(app, memory[i], i, &retries) == VK_SUCCESS;
	}
	app_free_many(app, memory, count);
	return mapped;
}

static const char *wait_result(void)
{
	return waitpid(-1, NULL, WNOHANG | __WALL) < 0 ? strerror(errno) : "a child";
}

static void without_children(const struct app *app)
{
	int before = atomic_load(&signals);
	unsigned mapped = map_new_memory(app);

	report("\"way\": \"handler\", \"mapped\": %u, \"signals\": %d, \"wait\": \"%s\"", mapped,
		atomic_load(&signals) - before, wait_result());
}

static void while_ignored(const struct app *app)
{
	unsigned mapped;

	signal(SIGCHLD, SIG_IGN);
	mapped = map_new_memory(app);
	signal(SIGCHLD, count_signal);
	report("\"way\": \"ignored\", \"mapped\": %u, \"signals\": 0, \"wait\": \"%s\"", mapped,
		wait_result());
}

static void *wait_loop(void *argument)
{
	pid_t *waited = argument;
	pid_t pid;

	/* waited[0] is the first child, waited[1] the last of any others. */
	while ((pid = wait(NULL)) > 0 || errno == EINTR) {
		if (pid > 0) {
			waited[waited[0] ? 1 : 0] = pid;
		}
	}
	return NULL;
}

/* A thread calls wait() in a loop. Its child lives until the mappings are done. */
static void with_wait_loop(const struct app *app)
{
	pid_t waited[2] = { 0, 0 };
	int before = atomic_load(&signals), ends[2];
	pthread_t thread;
	pid_t child;

	if (pipe(ends) < 0 || (child = fork()) < 0) {
		fail("cannot start a process: %s", strerror(errno));
	}
	if (child == 0) {
		char byte;

		close(ends[1]);
		_exit(read(ends[0], &byte, 1) < 0);
	}
	close(ends[0]);
	if (pthread_create(&thread, NULL, wait_loop, waited) != 0) {
		fail("cannot start a thread");
	}
	unsigned mapped = map_new_memory(app);
	close(ends[1]);
	pthread_join(thread, NULL);
	report("\"way\": \"wait loop\", \"mapped\": %u, \"signals\": %d, \"wait\": \"%s\"", mapped,
		atomic_load(&signals) - before,
		waited[0] == child && !waited[1] ? "its own child" : "an unknown child");
}

struct starter {
	atomic_bool stop;
	unsigned started, wrong;
};

/* Starts programs in a loop. Each checks its inherited files: vulkan_descriptors(). */
static void *start_programs(void *argument)
{
	struct starter *starter = argument;

	while (!atomic_load(&starter->stop)) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			execl("/proc/self/exe", "vmbind-vm-vulkan", "descriptors", NULL);
			_exit(127);
		}
		starter->started++;
		starter->wrong += child < 0 || waitpid(child, &status, 0) != child || status != 0;
	}
	return NULL;
}

static void while_starting(const struct app *app)
{
	struct starter starter = { .stop = false };
	pthread_t thread;
	unsigned mapped;

	if (pthread_create(&thread, NULL, start_programs, &starter) != 0) {
		fail("cannot start a thread");
	}
	mapped = map_new_memory(app);
	atomic_store(&starter.stop, true);
	pthread_join(thread, NULL);
	report("\"way\": \"exec\", \"mapped\": %u, \"started\": %u, "
	       "\"wrong\": %u, \"wait\": \"%s\"",
		mapped, starter.started, starter.wrong, wait_result());
}

void vulkan_children(void)
{
	const struct sigaction action = { .sa_handler = count_signal, .sa_flags = SA_RESTART };
	struct app app;

	sigaction(SIGCHLD, &action, NULL);
	app_init(&app);
	without_children(&app);
	while_ignored(&app);
	with_wait_loop(&app);
	while_starting(&app);
	report("\"retries\": %u", retries);
	app_finish(&app);
	wait_until_used(0);
	mark("end");
}

/* The program that while_starting() starts: fails if it has a file besides the standard ones. */
void vulkan_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;
	int others = 0;

	while (directory && (entry = readdir(directory))) {
		int fd = atoi(entry->d_name);

		others += fd > 2 && fd != dirfd(directory);
	}
	_exit(others > 0);
}
