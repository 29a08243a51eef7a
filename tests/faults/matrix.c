/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dl_iterate_phdr, strerrorname_np */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "application.h"
#include "calls.h"
#include "vk.h"

/*
 * Each system call of the layer fails once, with each errno of its manual page, in a real run.
 *
 *	faults_matrix          each call site fails in the first set-up that reaches it: the first
 *	                       call with each errno, the second and the last with one errno
 *	faults_matrix --all [NUMBER]
 *	                       in each set-up, or in the set-up of this number, the first, the
 *	                       second and the last call of each call site fail with each errno
 *
 * A run without faults finds the call sites of a set-up. Then each fault gets a process, which runs
 * the application twice: with the fault and without. Every Vulkan call succeeds with correct data,
 * or fails once with an error that the specification permits. Afterwards the process has the
 * descriptors, threads and mappings that it had before.
 */

#define PROCESS_SECONDS 120
/* The driver's caches may grow by less, and a sparse buffer is larger. */
#define MAPPING_TOLERANCE (UINT64_C(400) << 20)

struct setup {
	const char *name;
	struct calls_kernel kernel;
	rlim_t file_size; /* 0: no limit */
	bool has_trace; /* the trace file exists, and its array is closed */
};

static const struct setup setups[] = {
	{ .name = "ordinary" },
	{ .name = "locked memory", .kernel = { .locks = true }, .has_trace = true },
	{ .name = "committed memory, Linux 6.1, sandbox",
		.kernel = { .commits = true, .is_old = true, .is_sandboxed = true } },
	{ .name = "files of 64 MiB", .file_size = 64 << 20, .has_trace = true },
};

struct usage {
	size_t files;
	size_t threads;
	size_t layer_mappings;
	uint64_t mapped;
};

struct figures {
	unsigned faults;
	unsigned outcomes[OUTCOMES];
	unsigned not_reached;
	unsigned failures;
	unsigned crashes;
};

/* Files of the running process. */
static char directory[] = "/tmp/vmbind-faults-XXXXXX";
static char trace_path[64], stats_path[64], log_path[64];

static size_t count_entries(const char *path)
{
	DIR *entries = opendir(path);
	size_t count = 0;

	while (entries && readdir(entries)) {
		count++;
	}
	if (entries) {
		closedir(entries);
	}
	return count;
}

static struct usage measure(void)
{
	struct usage usage = {
		.files = count_entries("/proc/self/fd"),
		.threads = count_entries("/proc/self/task"),
	};
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps && fgets(line, sizeof(line), maps)) {
		unsigned long start, end;
		if (sscanf(line, "%lx-%lx", &start, &end) == 2) {
			usage.mapped += end - start;
		}
		usage.layer_mappings += strstr(line, "memfd:vmbind") != NULL;
	}
	if (maps) {
		fclose(maps);
	}
	return usage;
}

static void check_mappings(const struct usage *before, const struct usage *after)
{
	if (after->layer_mappings > before->layer_mappings) {
		vku_fail("%zu mappings of the layer's memory are left", after->layer_mappings);
	}
	if (after->mapped > before->mapped + MAPPING_TOLERANCE) {
		vku_fail("%llu MiB of mappings are left",
			(unsigned long long)(after->mapped - before->mapped) >> 20);
	}
}

static bool fails(const char *function)
{
	return calls->nth && strcmp(calls_function(calls->key), function) == 0;
}

/* The layer leaks the driver's objects of a lost device on purpose: the driver may use them. */
static void check_leaks(const struct usage *before, enum outcome outcome)
{
	struct usage after = measure();

	/* /proc lists a joined thread slightly longer. */
	for (int i = 0; i < 2000 && after.threads > before->threads && outcome != OUTCOME_LOST;
		i++) {
		usleep(1000);
		after = measure();
	}
	/* The kernel keeps a mapping that munmap(2) does not remove. */
	if (!fails("munmap")) {
		check_mappings(before, &after);
	}
	if (outcome != OUTCOME_LOST && after.files != before->files) {
		vku_fail("%zu descriptors, not %zu", after.files, before->files);
	}
	if (outcome != OUTCOME_LOST && after.threads > before->threads) {
		vku_fail("%zu threads, not %zu", after.threads, before->threads);
	}
}

static void write_trace(void)
{
	static const char text[] =
		"[\n{\"ph\":\"M\",\"cat\":\"__metadata\",\"name\":\"process_name\",\"pid\":1,"
		"\"tid\":1,\"ts\":0,\"args\":{\"name\":\"earlier\"}}\n]\n";
	FILE *file = fopen(trace_path, "we");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
		vku_fail("cannot write %s", trace_path);
	}
}

static void prepare_process(const struct setup *setup)
{
	int log = open(log_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	close(log);
	alarm(PROCESS_SECONDS);
	unlink(stats_path);
	unlink(trace_path);
	if (setup->has_trace) {
		write_trace();
	}
	if (setup->file_size) {
		const struct rlimit limit = { setup->file_size, RLIM_INFINITY };
		setrlimit(RLIMIT_FSIZE, &limit);
	}
}

/* Runs in a process of its own. Its exit status is the outcome plus 10. */
static void live_twice(const struct setup *setup)
{
	prepare_process(setup);
	struct usage before = measure();
	atomic_store(&calls->is_armed, true);
	enum outcome outcome = application_run(calls->nth != 0);
	atomic_store(&calls->is_armed, false);
	check_leaks(&before, outcome);
	if (calls->nth) {
		before = measure();
		if (application_run(false) != OUTCOME_UNNOTICED) {
			vku_fail("the second run failed");
		}
		check_leaks(&before, OUTCOME_UNNOTICED);
	}
	fflush(NULL);
	_exit(10 + (int)outcome);
}

static void print_log(void)
{
	char line[512];
	FILE *file = fopen(log_path, "re");

	while (file && fgets(line, sizeof(line), file)) {
		printf("    %s", line);
	}
	if (file) {
		fclose(file);
	}
}

static int run_process(const struct setup *setup)
{
	int status = 0;

	for (size_t i = 0; i < CALLS_MAX_SITES; i++) {
		atomic_store(&calls->sites[i].calls, 0);
	}
	atomic_store(&calls->is_armed, false);
	atomic_store(&calls->injected, 0);
	calls->kernel = setup->kernel;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		live_twice(setup);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		vku_fail("fork() failed");
	}
	return status;
}

static void inject(
	const struct setup *setup, struct figures *figures, uint64_t key, unsigned nth, int error)
{
	calls->key = key;
	calls->nth = nth;
	calls->error = error;
	int status = run_process(setup);
	bool exited = WIFEXITED(status) && WEXITSTATUS(status) >= 10;

	if (exited && !atomic_load(&calls->injected)) {
		figures->not_reached++;
		return;
	}
	figures->faults++;
	if (exited) {
		figures->outcomes[WEXITSTATUS(status) - 10]++;
		return;
	}
	figures->failures++;
	figures->crashes += WIFSIGNALED(status);
	printf("%s: call %u of %s at 0x%llx fails with %s: status 0x%x\n", setup->name, nth,
		calls_function(key), (unsigned long long)calls_offset(key), strerrorname_np(error),
		(unsigned)status);
	print_log();
}

static void run_site(
	const struct setup *setup, struct figures *figures, uint64_t key, unsigned count, bool all)
{
	const int *errors = calls_errors(key);

	/* Without its limit the layer could not avoid SIGXFSZ. Only a sandbox refuses the limit. */
	if (setup->file_size && strcmp(calls_function(key), "getrlimit") == 0) {
		return;
	}
	for (const int *error = errors; *error; error++) {
		inject(setup, figures, key, 1, *error);
		if (count > 2 && (all || error == errors)) {
			inject(setup, figures, key, 2, *error);
		}
		if (count > 1 && (all || error == errors)) {
			inject(setup, figures, key, count, *error);
		}
	}
}

struct known_site {
	uint64_t key;
	unsigned calls;
};

/* Returns whether the call site is new. */
static bool learn(uint64_t key)
{
	static uint64_t known[CALLS_MAX_SITES];
	size_t i = 0;

	while (known[i] && known[i] != key) {
		i++;
	}
	bool is_new = !known[i];
	known[i] = key;
	return is_new;
}

static void run_setup(const struct setup *setup, struct figures *total, bool all)
{
	static struct known_site sites[CALLS_MAX_SITES];
	struct figures figures = { 0 };
	size_t site_count = 0;

	memset(calls->sites, 0, sizeof(calls->sites));
	calls->nth = 0;
	int status = run_process(setup);
	if (status != (10 + OUTCOME_UNNOTICED) << 8) {
		print_log();
		vku_fail("%s: the run without a fault ends with status 0x%x", setup->name,
			(unsigned)status);
	}
	for (; site_count < CALLS_MAX_SITES && calls->sites[site_count].key; site_count++) {
		sites[site_count].key = calls->sites[site_count].key;
		sites[site_count].calls = calls->sites[site_count].calls;
	}
	for (size_t i = 0; i < site_count; i++) {
		if (learn(sites[i].key) || all) {
			run_site(setup, &figures, sites[i].key, sites[i].calls, all);
		}
	}
	printf("%s: %zu call sites, %u faults: %u unnoticed, %u errors, %u native, %u lost "
	       "devices; %u failures, %u crashes; %u not reached\n",
		setup->name, site_count, figures.faults, figures.outcomes[OUTCOME_UNNOTICED],
		figures.outcomes[OUTCOME_ERROR], figures.outcomes[OUTCOME_NATIVE],
		figures.outcomes[OUTCOME_LOST], figures.failures, figures.crashes,
		figures.not_reached);
	total->faults += figures.faults;
	total->failures += figures.failures;
	total->crashes += figures.crashes;
}

static int keep(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size;
	(void)data;
	if (*info->dlpi_name) {
		dlopen(info->dlpi_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
	}
	return 0;
}

/* Loads the driver and the layer once for all processes, and fills the driver's caches. */
static void warm_up(void)
{
	struct vku vk;

	vku_instance_init(&vk, &(struct vku_options){ 0 });
	dl_iterate_phdr(keep, NULL);
	vku_finish(&vk);
	application_run(false);
}

static void prepare_files(void)
{
	if (!mkdtemp(directory)) {
		vku_fail("mkdtemp() failed");
	}
	snprintf(trace_path, sizeof(trace_path), "%s/trace", directory);
	snprintf(stats_path, sizeof(stats_path), "%s/stats", directory);
	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	setenv("VMBIND_TRACE", trace_path, 1);
	setenv("VMBIND_STATS", stats_path, 1);
}

int main(int argc, char **argv)
{
	struct figures total = { 0 };
	bool all = argc > 1 && strcmp(argv[1], "--all") == 0;
	size_t first = 0, end = sizeof(setups) / sizeof(setups[0]);

	if (argc > 2) {
		first = strtoul(argv[2], NULL, 10);
		end = first < end ? first + 1 : end;
	}

	calls = mmap(
		NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (calls == MAP_FAILED) {
		vku_fail("mmap() failed");
	}
	prepare_files();
	warm_up();
	for (size_t i = first; i < end; i++) {
		run_setup(&setups[i], &total, all);
	}
	unlink(trace_path);
	unlink(stats_path);
	unlink(log_path);
	rmdir(directory);
	printf("%u faults, %u failures, %u crashes\n", total.faults, total.failures, total.crashes);
	return total.faults && !total.failures ? 0 : 1;
}
