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
 * Takes the tour three times, in a process each: as it should be done, and in two naive ways, page
 * by page. Then compares what each has cost. The tour itself is in tour.c.
 */

/* What the layer counted (docs/statistics.md), if it is there and had something to do. */
struct layer_counts {
	bool active;
	uint64_t binds, ops, system_calls;
};

struct run {
	struct tour_result *result; /* shared with the process that takes the tour */
	FILE *statistics; /* a file without a name */
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

/* A process for each, because VMBIND_STATS is of a process, and memory, too. */
static bool take_tour(struct run *run, enum way way)
{
	char path[64];
	int status;

	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		snprintf(path, sizeof(path), "/dev/fd/%d", fileno(run->statistics));
		setenv("VMBIND_STATS", path, 1);
		tour(way, way == WAY_RUNS, run->result);
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

/* As much JSON as one flat line of numbers needs. */
static uint64_t number(const char *json, const char *field)
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
		.binds = number(json, "binds"),
		.ops = number(json, "map_ops") + number(json, "sparse_ops") +
			number(json, "unmap_ops"),
		.system_calls = number(json, "system_calls"),
	};
}

static void print_row(const char *name, bool known, const uint64_t *values)
{
	printf("%-32s", name);
	for (int way = 0; way < WAY_COUNT; way++) {
		if (known) {
			printf("%15" PRIu64, values[way]);
		} else {
			printf("%15s", "?");
		}
	}
	printf("\n");
}

static void print_table(const struct run *runs)
{
	uint64_t calls[WAY_COUNT], binds[WAY_COUNT], ops[WAY_COUNT], system_calls[WAY_COUNT];
	uint64_t remaps[WAY_COUNT], kib[WAY_COUNT], ms[WAY_COUNT];

	for (int way = 0; way < WAY_COUNT; way++) {
		const struct run *run = &runs[way];
		calls[way] = run->result->calls;
		binds[way] = run->result->binds;
		ops[way] = run->layer.ops;
		system_calls[way] = run->layer.system_calls;
		remaps[way] = run->result->remaps;
		kib[way] = run->result->memory / 1024;
		ms[way] = (uint64_t)(run->result->seconds * 1000);
	}
	const bool layer = runs[WAY_RUNS].layer.active;
	/* None on a device that is not the CPU. */
	const bool remapped = remaps[WAY_RUNS] > 0;
	printf("\nThe same work in three ways        a bind for   a bind for a    a call for\n"
	       "                                     each run  page, at once     each page\n");
	print_row("vkQueueBindSparse calls", true, calls);
	print_row("binds asked for", true, binds);
	print_row("ops executed, says the layer", layer, ops);
	print_row("system calls, says the layer", layer, system_calls);
	print_row("mmap(MAP_FIXED) calls seen", remapped, remaps);
	print_row("memory used at most, KiB", true, kib);
	print_row("time of the tour, ms", true, ms);
}

/* What the layer says of itself against what was seen from outside. */
static bool check(const struct run *run, const char *name)
{
	if (!run->layer.active) {
		return true;
	}
	if (run->layer.binds != run->result->binds) {
		fprintf(stderr,
			"NOT AS PROMISED: %s: the layer saw %" PRIu64 " of %" PRIu64 " binds\n",
			name, run->layer.binds, run->result->binds);
		return false;
	}
	if (run->result->remaps != 0 && run->layer.ops != run->result->remaps) {
		fprintf(stderr,
			"NOT AS PROMISED: %s: %" PRIu64 " ops in %" PRIu64 " mmap() calls\n", name,
			run->layer.ops, run->result->remaps);
		return false;
	}
	return true;
}

static bool compare(const struct run *runs)
{
	bool ok = check(&runs[WAY_RUNS], "runs") && check(&runs[WAY_PAGES], "pages") &&
		check(&runs[WAY_CALLS], "calls");

	if (ok && runs[WAY_RUNS].layer.active &&
		runs[WAY_PAGES].layer.ops != runs[WAY_RUNS].layer.ops) {
		fprintf(stderr,
			"NOT AS PROMISED: neighbouring pages of one call were not merged\n");
		ok = false;
	}
	return ok;
}

int main(int argc, char **argv)
{
	struct run runs[WAY_COUNT];
	bool ok = true;

	if (argc > 1) {
		fprintf(stderr,
			"%s: a tour of sparse buffers, on a CPU driver, or on the device\n"
			"whose name contains $VMB_TEST_DEVICE\n",
			argv[0]);
		return 2;
	}
	for (int way = 0; way < WAY_COUNT && ok; way++) {
		run_init(&runs[way]);
	}
	for (int way = 0; way < WAY_COUNT && ok; way++) {
		ok = take_tour(&runs[way], (enum way)way);
		read_statistics(&runs[way]);
	}
	if (ok) {
		print_table(runs);
		ok = compare(runs);
		printf("\n%s\n", ok ? "All as promised." : "Something was not as promised.");
	}
	for (int way = 0; way < WAY_COUNT; way++) {
		run_finish(&runs[way]);
	}
	return ok ? 0 : 1;
}
