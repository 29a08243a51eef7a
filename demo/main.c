/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tour.h"

/*
 * Runs the tour once in each bind mode, each time in a process of its own, and compares the costs.
 * tour.c contains the tour.
 */

/* The layer's statistics of one run (docs/statistics.md). All 0 if the layer is not active. */
struct layer_counts {
	bool active;
	uint64_t binds, ops, system_calls;
};

struct run {
	struct tour_result *result; /* shared with the child process */
	FILE *statistics; /* an unnamed temporary file */
	struct layer_counts layer;
};

static void run_init(struct run *run)
{
	*run = (struct run){
		.result = mmap(NULL, sizeof(*run->result), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		.statistics = tmpfile(),
	};
	if (run->result == MAP_FAILED || !run->statistics) {
		perror("vmbind-demo");
		exit(1);
	}
}

static void run_finish(struct run *run)
{
	munmap(run->result, sizeof(*run->result));
	fclose(run->statistics);
}

/* The memory and the statistics are per process, so each run has a process of its own. */
static bool run_tour(struct run *run, enum bind_mode mode)
{
	char path[64];
	int status;

	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		snprintf(path, sizeof(path), "/dev/fd/%d", fileno(run->statistics));
		setenv("VMBIND_STATS", path, 1);
		tour(mode, mode == BIND_RUNS, run->result);
		exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0) {
		perror("vmbind-demo");
		return false;
	}
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "vmbind-demo: %s\n", strsignal(WTERMSIG(status)));
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 && run->result->complete;
}

/* Finds a number in one flat line of JSON. */
static uint64_t json_number(const char *json, const char *field)
{
	char key[64];

	snprintf(key, sizeof(key), "\"%s\":", field);
	const char *at = strstr(json, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void read_statistics(struct run *run)
{
	char json[4096] = "";

	rewind(run->statistics);
	if (!fgets(json, sizeof(json), run->statistics)) {
		return;
	}
	run->layer = (struct layer_counts){
		.active = strstr(json, "\"active\":true") != NULL,
		.binds = json_number(json, "binds"),
		.ops = json_number(json, "map_ops") + json_number(json, "sparse_ops") +
			json_number(json, "unmap_ops"),
		.system_calls = json_number(json, "system_calls"),
	};
}

static void print_row(const char *name, bool known, const uint64_t *values)
{
	printf("%-32s", name);
	for (int mode = 0; mode < BIND_MODE_COUNT; mode++) {
		if (known) {
			printf("%15" PRIu64, values[mode]);
		} else {
			printf("%15s", "?");
		}
	}
	printf("\n");
}

static void print_table(const struct run *runs)
{
	uint64_t calls[BIND_MODE_COUNT], binds[BIND_MODE_COUNT], ops[BIND_MODE_COUNT];
	uint64_t system_calls[BIND_MODE_COUNT], remaps[BIND_MODE_COUNT];
	uint64_t kib[BIND_MODE_COUNT], ms[BIND_MODE_COUNT];

	for (int mode = 0; mode < BIND_MODE_COUNT; mode++) {
		const struct run *run = &runs[mode];
		calls[mode] = run->result->calls;
		binds[mode] = run->result->binds;
		ops[mode] = run->layer.ops;
		system_calls[mode] = run->layer.system_calls;
		remaps[mode] = run->result->remaps;
		kib[mode] = run->result->peak_memory / 1024;
		ms[mode] = (uint64_t)(run->result->seconds * 1000);
	}
	const bool has_layer = runs[BIND_RUNS].layer.active;
	/* Only CPU drivers bind with mmap(). */
	const bool remapped = remaps[BIND_RUNS] > 0;
	printf("\nThe same tour in three modes      one bind for   one bind for   one call for\n"
	       "                                      each run      each page      each page\n");
	print_row("vkQueueBindSparse calls", true, calls);
	print_row("requested binds", true, binds);
	print_row("executed ops (layer's count)", has_layer, ops);
	print_row("system calls (layer's count)", has_layer, system_calls);
	print_row("mmap(MAP_FIXED) calls", remapped, remaps);
	print_row("peak memory, KiB", true, kib);
	print_row("duration, ms", true, ms);
}

/* Compares the layer's statistics with the counts of the demo. */
static bool check_run(const struct run *run, const char *name)
{
	if (!run->layer.active) {
		return true;
	}
	if (run->layer.binds != run->result->binds) {
		fprintf(stderr,
			"CHECK FAILED: %s: the layer counted %" PRIu64 " of %" PRIu64 " binds\n",
			name, run->layer.binds, run->result->binds);
		return false;
	}
	if (run->result->remaps != 0 && run->layer.ops != run->result->remaps) {
		fprintf(stderr, "CHECK FAILED: %s: %" PRIu64 " ops, but %" PRIu64 " mmap() calls\n",
			name, run->layer.ops, run->result->remaps);
		return false;
	}
	return true;
}

static bool check_runs(const struct run *runs)
{
	bool ok = check_run(&runs[BIND_RUNS], "runs") && check_run(&runs[BIND_PAGES], "pages") &&
		check_run(&runs[BIND_CALLS], "calls");

	if (ok && runs[BIND_RUNS].layer.active &&
		runs[BIND_PAGES].layer.ops != runs[BIND_RUNS].layer.ops) {
		fprintf(stderr, "CHECK FAILED: neighbouring pages of one call were not merged\n");
		ok = false;
	}
	return ok;
}

int main(int argc, char **argv)
{
	struct run runs[BIND_MODE_COUNT];
	bool ok = true;

	if (argc > 1) {
		fprintf(stderr,
			"Usage: %s\n"
			"Demonstrates sparse buffers on a CPU driver, or on the device whose name\n"
			"contains $VMB_TEST_DEVICE.\n",
			argv[0]);
		return 2;
	}
	for (int mode = 0; mode < BIND_MODE_COUNT && ok; mode++) {
		run_init(&runs[mode]);
	}
	for (int mode = 0; mode < BIND_MODE_COUNT && ok; mode++) {
		ok = run_tour(&runs[mode], (enum bind_mode)mode);
		read_statistics(&runs[mode]);
	}
	if (ok) {
		print_table(runs);
		ok = check_runs(runs);
		printf("\n%s\n", ok ? "All checks passed." : "A check failed.");
	}
	for (int mode = 0; mode < BIND_MODE_COUNT; mode++) {
		run_finish(&runs[mode]);
	}
	return ok ? 0 : 1;
}
