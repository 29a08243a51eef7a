/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "mmap.h"
#include "pages.h"
#include "sections.h"
#include "table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A side of a comparison: a work, executed on a buffer or directly. */
struct job {
	struct bench_work work;
	enum bench_list before; /* the binds before the work */
	struct bench_buffer *buffer; /* NULL: use direct */
	struct bench_direct *direct;
};

static void do_work(const struct job *job, enum bench_list list, bool one_call)
{
	const struct bench_work work = { .list = list, .one_call = one_call };

	if (job->buffer) {
		bench_buffer_run(job->buffer, &work);
	} else {
		bench_direct_run(job->direct, &work);
	}
}

static void prepare(void *data)
{
	const struct job *job = data;

	do_work(job, job->before, true);
}

static void run(void *data, unsigned iterations)
{
	const struct job *job = data;

	(void)iterations; /* always 1: see compare() */
	do_work(job, job->work.list, job->work.one_call);
}

/* Unbinds all pages. A process may have 65,530 mappings, less than three times BENCH_PAGES. */
static void restore(void *data)
{
	do_work(data, BENCH_NULL_WHOLE, true);
}

/* Compares a with b. Tables show the processor time, which does not depend on other load of the
 * machine. */
struct comparison {
	struct bench_result result[BENCH_CLOCKS]; /* of a */
	double other; /* processor time of b */
};

static struct comparison compare(struct job *a, struct job *b)
{
	static const struct bench_effort effort = { .rounds = 11, .turns = 1, .iterations = 1 };
	struct bench_side sides[] = {
		{ .prepare = prepare, .run = run, .restore = restore, .data = b },
		{ .prepare = prepare, .run = run, .restore = restore, .data = a },
	};

	bench_measure(sides, COUNT(sides), &effort);
	return (struct comparison){
		.result = { sides[1].result[BENCH_WALL], sides[1].result[BENCH_PROCESS] },
		.other = sides[0].result[BENCH_PROCESS].time.median,
	};
}

struct row {
	const char *label;
	struct bench_work work;
	enum bench_list before;
};

static const struct row rows[] = {
	{ "bind in order, each", { BENCH_CONTIGUOUS, false }, BENCH_UNBOUND },
	{ "bind in order, at once", { BENCH_CONTIGUOUS, true }, BENCH_UNBOUND },
	{ "bind scattered, each", { BENCH_SCATTERED, false }, BENCH_UNBOUND },
	{ "bind scattered, at once", { BENCH_SCATTERED, true }, BENCH_UNBOUND },
	{ "unbind in order, each", { BENCH_NULL_PAGES, false }, BENCH_CONTIGUOUS },
	{ "unbind in order, at once", { BENCH_NULL_PAGES, true }, BENCH_CONTIGUOUS },
	{ "unbind all", { BENCH_NULL_WHOLE, true }, BENCH_CONTIGUOUS },
	{ "unbind all, scattered", { BENCH_NULL_WHOLE, true }, BENCH_SCATTERED },
};

/* The ops and system calls of the layer for a row: the difference of two devices. The first device
 * executes only the row's "before" binds. Ops come from the layer's statistics, and system calls
 * from the interposed mmap(). */
static struct bench_stats count(
	const char *route, const struct bench_pages *pages, const struct row *row)
{
	struct bench_stats stats[2];
	uint64_t calls = 0;

	for (int i = 0; i < 2; i++) {
		struct bench_subject subject;
		struct bench_buffer buffer;

		bench_stats_begin();
		bench_subject_init(&subject, route);
		bench_buffer_init(&buffer, &subject, pages);
		struct job job = { .work = row->work, .before = row->before, .buffer = &buffer };
		prepare(&job);
		if (i == 1) {
			calls = atomic_load(&bench_mmap_calls);
			run(&job, 1);
			calls = atomic_load(&bench_mmap_calls) - calls;
		}
		bench_buffer_finish(&buffer);
		bench_subject_finish(&subject);
		stats[i] = bench_stats_end();
	}
	if (calls != stats[1].system_calls - stats[0].system_calls) {
		vku_fail("the layer's system_calls statistic is wrong");
	}
	return (struct bench_stats){ .ops = stats[1].ops - stats[0].ops, .system_calls = calls };
}

/* Adds the cells that all tables share. */
static struct bench_stats add_row(struct bench_table *table, const char *route,
	const struct row *row, const struct bench_pages *pages, const struct comparison *comparison)
{
	const struct bench_result *result = &comparison->result[BENCH_PROCESS];
	struct bench_stats stats = count(route, pages, row);

	bench_cell(table, "%s", row->label);
	bench_cell_ns(table, result->time.median / BENCH_PAGES);
	bench_cell_ns(table, comparison->other / BENCH_PAGES);
	bench_cell_ratio(table, &result->ratio);
	bench_cell(table, "%llu", (unsigned long long)stats.ops);
	bench_cell(table, "%llu", (unsigned long long)stats.system_calls);
	return stats;
}

static void against_mmap(struct bench_buffer *buffer, struct bench_direct *direct)
{
	static const char *const headings[] = { "ns per page", "layer", "mmap", "layer : mmap",
		"ops", "calls", "target" };
	struct bench_table table;

	bench_table_init(&table, COUNT(headings), headings);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct job a = { .work = row->work, .before = row->before, .buffer = buffer };
		struct job b = { .work = row->work, .before = row->before, .direct = direct };
		struct comparison comparison = compare(&a, &b);

		struct bench_stats stats = add_row(&table, "auto", row, buffer->pages, &comparison);
		if (row->work.list == BENCH_CONTIGUOUS && row->work.one_call) {
			bench_cell_target(&table, BENCH_ONE_OP, stats.ops == 1);
		} else {
			bench_cell(&table, " ");
		}
	}
	bench_table_print(&table);
}

static void dry_run(void *data, unsigned iterations)
{
	atomic_store(&bench_mmap_dry, true);
	run(data, iterations);
	atomic_store(&bench_mmap_dry, false);
}

/* The time of a job whose mmap calls do nothing. */
static struct bench_summary dry_cost(struct job *job)
{
	static const struct bench_effort effort = { .rounds = 11, .turns = 3, .iterations = 1 };
	struct bench_side side = { .run = dry_run, .restore = restore, .data = job };

	bench_measure(&side, 1, &effort);
	return side.result[BENCH_PROCESS].time;
}

/* The layer's time besides mmap calls, measured in two ways. The first way skips the mmap calls.
 * The second way subtracts the time of the same calls made directly: a small difference of large
 * times. */
static void own_cost(struct bench_buffer *buffer, struct bench_direct *direct)
{
	static const char *const headings[] = { "ns per page", "the layer's own cost",
		"layer - mmap", "target" };
	static const struct {
		struct row row;
		enum bench_list direct;
	} costs[] = {
		{ { "bind in order, at once", { BENCH_CONTIGUOUS, true }, BENCH_UNBOUND },
			BENCH_WHOLE },
		{ { "bind in order, each", { BENCH_CONTIGUOUS, false }, BENCH_UNBOUND },
			BENCH_CONTIGUOUS },
		{ { "bind scattered, at once", { BENCH_SCATTERED, true }, BENCH_UNBOUND },
			BENCH_SORTED },
		{ { "bind scattered, each", { BENCH_SCATTERED, false }, BENCH_UNBOUND },
			BENCH_SCATTERED },
	};
	struct bench_table table;

	bench_table_init(&table, COUNT(headings), headings);
	for (size_t i = 0; i < COUNT(costs); i++) {
		struct job a = { .work = costs[i].row.work, .buffer = buffer };
		struct job b = { .work = { .list = costs[i].direct }, .direct = direct };
		struct bench_summary dry = dry_cost(&a);
		struct comparison comparison = compare(&a, &b);
		const struct bench_summary *more = &comparison.result[BENCH_PROCESS].more;

		bench_cell(&table, "%s", costs[i].row.label);
		bench_cell_range(&table, &dry, BENCH_PAGES);
		bench_cell_range(&table, more, BENCH_PAGES);
		bench_cell_target(
			&table, BENCH_OWN_COST, dry.median / BENCH_PAGES < BENCH_OWN_COST_NS);
	}
	bench_table_print(&table);
}

/* One NULL bind against unbinding page by page, both with the layer. */
static void null_against_pages(struct bench_buffer *buffer)
{
	static const char *const headings[] = { "us", "one NULL bind", "page unbinds", "ratio" };
	static const struct row others[] = {
		{ "against a call for each", { BENCH_NULL_PAGES, false }, BENCH_CONTIGUOUS },
		{ "against one call", { BENCH_NULL_PAGES, true }, BENCH_CONTIGUOUS },
	};
	struct bench_table table;

	bench_table_init(&table, COUNT(headings), headings);
	for (size_t i = 0; i < COUNT(others); i++) {
		struct job pages = {
			.work = others[i].work,
			.before = others[i].before,
			.buffer = buffer,
		};
		struct job whole = pages;

		whole.work = (struct bench_work){ .list = BENCH_NULL_WHOLE, .one_call = true };
		struct comparison comparison = compare(&pages, &whole);
		const struct bench_result *result = &comparison.result[BENCH_PROCESS];
		bench_cell(&table, "%s", others[i].label);
		bench_cell(&table, "%.1f", comparison.other / 1000);
		bench_cell(&table, "%.1f", result->time.median / 1000);
		bench_cell_ratio(&table, &result->ratio);
	}
	bench_table_print(&table);
}

static void print_heading(const char *heading, const struct bench_pages *pages)
{
	printf("### %s: %u pages of %llu KiB\n\n", heading, BENCH_PAGES,
		(unsigned long long)pages->page / 1024);
}

void bench_sparse_against_mmap(void)
{
	struct bench_subject subject;
	struct bench_pages pages;
	struct bench_buffer buffer;
	struct bench_direct direct;

	bench_subject_init(&subject, "auto");
	bench_pages_init(&pages, bench_page_size(&subject), BENCH_PAGES);
	bench_buffer_init(&buffer, &subject, &pages);
	bench_direct_init(&direct, &pages);
	print_heading("Sparse binds against the same mmap(2) calls made directly", &pages);
	against_mmap(&buffer, &direct);
	own_cost(&buffer, &direct);
	print_heading("A NULL bind of all pages against unbinding page by page", &pages);
	null_against_pages(&buffer);
	bench_direct_finish(&direct);
	bench_buffer_finish(&buffer);
	bench_pages_finish(&pages);
	bench_subject_finish(&subject);
}

static void against_driver(struct bench_buffer *layer, struct bench_buffer *driver)
{
	static const char *const headings[] = { "ns per page", "layer", "driver", "layer : driver",
		"ops", "calls", "wall", "target" };
	struct bench_table table;

	bench_table_init(&table, COUNT(headings), headings);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct job a = { .work = row->work, .before = row->before, .buffer = layer };
		struct job b = { .work = row->work, .before = row->before, .buffer = driver };
		struct comparison comparison = compare(&a, &b);

		add_row(&table, "provide", row, layer->pages, &comparison);
		bench_cell(&table, "%.3f", comparison.result[BENCH_WALL].ratio.median);
		bench_cell_target(&table, BENCH_FASTER_THAN_DRIVER,
			comparison.result[BENCH_PROCESS].ratio.median < 1);
	}
	bench_table_print(&table);
}

void bench_sparse_against_driver(void)
{
	struct bench_subject subjects[2];
	struct bench_buffer buffers[2];
	struct bench_pages pages;
	VkDeviceSize page = 0;

	for (int i = 0; i < 2; i++) {
		bench_subject_init(&subjects[i], i == 0 ? "provide" : NULL);
		VkDeviceSize size = bench_page_size(&subjects[i]);
		page = size > page ? size : page;
	}
	bench_pages_init(&pages, page, BENCH_PAGES);
	for (int i = 0; i < 2; i++) {
		bench_buffer_init(&buffers[i], &subjects[i], &pages);
	}
	print_heading("The provide route against the driver's own sparse resources", &pages);
	against_driver(&buffers[0], &buffers[1]);
	for (int i = 0; i < 2; i++) {
		bench_buffer_finish(&buffers[i]);
		bench_subject_finish(&subjects[i]);
	}
	bench_pages_finish(&pages);
}
