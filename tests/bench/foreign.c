/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <uapi/drm.h>
#include <unistd.h>

#include "backend/panthor/translator.h"
#include "ioctl/intercept.h"
#include "sections.h"
#include "table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROW_SECONDS 1.5
#define INTERCEPTS 8

/* An ioctl that a hooked library makes, and that the layer passes on unchanged. */
struct foreign {
	const char *label;
	int fd;
	unsigned long request;
	unsigned intercepts; /* number of devices with the layer */
};

struct job {
	const struct foreign *foreign;
	int (*call)(int fd, unsigned long request, void *argument);
	int driver; /* the descriptor of the devices with the layer */
	unsigned count;
	struct vmb_intercept *intercepts[INTERCEPTS];
};

static void run(void *data, unsigned iterations)
{
	const struct job *job = data;
	struct drm_version argument = { 0 };

	for (unsigned i = 0; i < iterations; i++) {
		job->call(job->foreign->fd, job->foreign->request, &argument);
	}
}

/* Hooking evicts cache lines. Warm them up, since they are not the cost of a call. */
static void warm_up(void *data)
{
	run(data, 100);
}

static void create_intercepts(void *data)
{
	struct job *job = data;

	for (job->count = 0; job->count < job->foreign->intercepts; job->count++) {
		if (vmb_intercept_create(&vmb_panthor_translator, &job->intercepts[job->count]) <
			0) {
			vku_fail("the intercept cannot be created");
		}
		atomic_store(&job->intercepts[job->count]->fd, job->driver);
	}
	if (vmb_hook_count() == 0) {
		vku_fail("the stand-in driver has no ioctl() slot to hook");
	}
	warm_up(data);
}

static void destroy_intercepts(void *data)
{
	struct job *job = data;

	while (job->count > 0) {
		vmb_intercept_destroy(job->intercepts[--job->count]);
	}
}

static void add_row(struct bench_table *table, struct job *job)
{
	struct bench_side sides[] = {
		{ .prepare = warm_up, .run = run, .data = job },
		{ .prepare = create_intercepts,
			.restore = destroy_intercepts,
			.run = run,
			.data = job },
	};
	struct bench_effort effort = bench_effort_for(sides, COUNT(sides), ROW_SECONDS);

	bench_measure(sides, COUNT(sides), &effort);
	const struct bench_result *without = &sides[0].result[BENCH_WALL];
	const struct bench_result *with = &sides[1].result[BENCH_WALL];
	bench_cell(table, "%s", job->foreign->label);
	bench_cell_ns(table, without->time.median);
	bench_cell_ns(table, with->time.median);
	bench_cell(table, "%.1f (%.1f–%.1f)", with->more.median, with->more.low, with->more.high);
	bench_cell_ratio(table, &with->ratio);
}

void bench_foreign_ioctls(void)
{
	static const char *const headings[] = { "ns per ioctl(2)", "without", "with the hook",
		"more", "with : without" };
	void *library = dlopen(BENCH_DRIVER, RTLD_NOW | RTLD_LOCAL);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct job job = { .driver = open("/dev/zero", O_RDWR | O_CLOEXEC) };
	const struct foreign foreigns[] = {
		{ "not of DRM, of no descriptor", -1, FIOCLEX, 1 },
		{ "not of DRM, which does something", null, FIOCLEX, 1 },
		{ "of DRM, of another descriptor", null, DRM_IOCTL_VERSION, 1 },
		{ "the same, 8 devices with the layer", null, DRM_IOCTL_VERSION, INTERCEPTS },
	};
	struct bench_table table;

	if (!library || null < 0 || job.driver < 0) {
		vku_fail("cannot open the stand-in driver, /dev/null or /dev/zero");
	}
	job.call = (int (*)(int, unsigned long, void *))dlsym(library, "call_ioctl");
	printf("### The hook's time in an ioctl(2) that the layer passes on\n\n"
	       "The first row is the cheapest ioctl(2): the kernel finds no file.\n\n");
	bench_table_init(&table, COUNT(headings), headings);
	for (size_t i = 0; i < COUNT(foreigns); i++) {
		job.foreign = &foreigns[i];
		add_row(&table, &job);
	}
	bench_table_print(&table);
	close(job.driver);
	close(null);
	dlclose(library);
}
