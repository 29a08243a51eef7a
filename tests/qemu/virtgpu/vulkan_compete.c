// SPDX-License-Identifier: MIT
#include <pthread.h>

#include "app.h"
#include "process.h"

/*
 * Threads, devices and processes compete for hostmem. Mappings may fail with
 * VK_ERROR_MEMORY_MAP_FAILED. No other error may occur, and mapped memory keeps its contents.
 */

#define WORKERS 4
#define ROUNDS 6
#define EACH 6

struct work {
	const struct app *app;
	uint32_t seed;
	unsigned allocated, mapped, refused, errors;
	size_t wrong;
};

static void count(struct work *work, VkResult result)
{
	work->mapped += result == VK_SUCCESS;
	work->refused += result == VK_ERROR_MEMORY_MAP_FAILED;
	work->errors += result != VK_SUCCESS && result != VK_ERROR_MEMORY_MAP_FAILED;
}

/* Allocates memory, maps all objects but the last, compares the mapped ones, and frees all. */
static void work_round(struct work *work, uint32_t seed)
{
	VkDeviceMemory memory[EACH];
	VkResult result, mapped[EACH];
	unsigned allocated = app_allocate_many(work->app, true, memory, EACH, &result);

	work->allocated += allocated;
	for (unsigned i = 0; i + 1 < allocated; i++) {
		mapped[i] = app_visit(work->app, memory[i], seed + i, NULL);
		count(work, mapped[i]);
	}
	for (unsigned i = 0; i + 1 < allocated; i++) {
		if (mapped[i] == VK_SUCCESS &&
			app_visit(work->app, memory[i], seed + i, &work->wrong) != VK_SUCCESS) {
			work->errors++;
		}
	}
	app_free_many(work->app, memory, allocated);
}

static void *run_work(void *argument)
{
	struct work *work = argument;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		work_round(work, work->seed + i * EACH);
	}
	return NULL;
}

static void report_work(const struct work *works, unsigned count)
{
	struct work sum = { 0 };

	for (unsigned i = 0; i < count; i++) {
		sum.allocated += works[i].allocated;
		sum.mapped += works[i].mapped;
		sum.refused += works[i].refused;
		sum.errors += works[i].errors;
		sum.wrong += works[i].wrong;
	}
	report("\"attempted\": %u, \"allocated\": %u, \"mapped\": %u, \"refused\": %u, "
	       "\"errors\": %u, \"wrong\": %zu",
		count * ROUNDS * EACH, sum.allocated, sum.mapped, sum.refused, sum.errors,
		sum.wrong);
}

static void run_threads(const struct app *apps, unsigned app_count)
{
	struct work works[WORKERS];
	pthread_t threads[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++) {
		works[i] = (struct work){ .app = &apps[i % app_count], .seed = i * 1000 };
		if (pthread_create(&threads[i], NULL, run_work, &works[i]) != 0) {
			fail("cannot start a thread");
		}
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
	}
	report_work(works, WORKERS);
}

static void compete(unsigned app_count)
{
	struct app apps[2];

	for (unsigned i = 0; i < app_count; i++) {
		app_init(&apps[i]);
	}
	run_threads(apps, app_count);
	for (unsigned i = 0; i < app_count; i++) {
		app_finish(&apps[i]);
	}
	wait_until_used(0);
	mark("end");
}

void vulkan_threads(void)
{
	compete(1);
}

void vulkan_devices(void)
{
	compete(2);
}

static int run_process(void *argument)
{
	struct work work = { .seed = *(uint32_t *)argument };
	struct app app;

	app_init(&app);
	work.app = &app;
	run_work(&work);
	report_work(&work, 1);
	app_finish(&app);
	return 0;
}

static void start_processes(int (*run)(void *), uint32_t seeds[WORKERS], pid_t pids[WORKERS])
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		seeds[i] = i * 1000;
		pids[i] = process_start(run, &seeds[i]);
	}
}

void vulkan_processes(void)
{
	uint32_t seeds[WORKERS];
	pid_t pids[WORKERS];
	unsigned ended = 0;

	start_processes(run_process, seeds, pids);
	for (unsigned i = 0; i < WORKERS; i++) {
		ended += process_wait(pids[i], 120000) == 0;
	}
	report("\"processes\": %d, \"ended\": %u", WORKERS, ended);
	wait_until_used(0);
	mark("end");
}

static int run_forever(void *argument)
{
	for (;;) {
		run_process(argument);
	}
	return 0;
}

/* Kills processes while they run. */
void vulkan_killed(void)
{
	uint32_t seeds[WORKERS];
	pid_t pids[WORKERS];
	unsigned killed = 0;

	start_processes(run_forever, seeds, pids);
	for (unsigned i = 0; i < WORKERS; i++) {
		/* Each process is killed at a different point of its work. */
		killed += process_kill(pids[i], 3000 + 137 * i);
	}
	report("\"processes\": %d, \"killed\": %u", WORKERS, killed);
	wait_until_used(0);
	mark("end");
}
