/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vk.h"

void bench_table_init(struct bench_table *table, size_t columns, const char *const *headings)
{
	table->columns = columns;
	table->cells = 0;
	for (size_t i = 0; i < columns; i++) {
		bench_cell(table, "%s", headings[i]);
	}
}

static char *next_cell(struct bench_table *table)
{
	if (table->cells >= table->columns * BENCH_TABLE_ROWS) {
		vku_fail("a table has more than %d rows", BENCH_TABLE_ROWS);
	}
	return table->text[table->cells++];
}

void bench_cell(struct bench_table *table, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(next_cell(table), BENCH_TABLE_CELL, format, args);
	va_end(args);
}

/* Large ratios are too noisy for more digits. */
static int decimals(double value)
{
	return value < 9.95 ? 3 : value < 99.5 ? 1 : 0;
}

void bench_cell_ratio(struct bench_table *table, const struct bench_summary *ratio)
{
	int digits = decimals(ratio->median);

	bench_cell(table, "%.*f (%.*f–%.*f)", digits, ratio->median, digits, ratio->low, digits,
		ratio->high);
}

void bench_cell_range(struct bench_table *table, const struct bench_summary *summary, double by)
{
	bench_cell(table, "%.0f (%.0f–%.0f)", summary->median / by, summary->low / by,
		summary->high / by);
}

void bench_cell_time(struct bench_table *table, double ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	size_t unit = 0;

	while (fabs(ns) >= 999.5 && unit < 3) {
		ns /= 1000;
		unit++;
	}
	bench_cell(table, "%.*f %s", fabs(ns) < 99.5 ? 1 : 0, ns, units[unit]);
}

void bench_cell_ns(struct bench_table *table, double ns)
{
	bench_cell(table, "%.*f", fabs(ns) < 99.5 ? 1 : 0, ns);
}

/* Counts the characters of UTF-8 text. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++) {
		width += (*text & 0xc0) != 0x80;
	}
	return width;
}

static void print_padding(char with, size_t count)
{
	while (count-- > 0) {
		putchar(with);
	}
}

static void print_row(const struct bench_table *table, size_t row, const size_t *widths)
{
	for (size_t i = 0; i < table->columns; i++) {
		const char *text = table->text[row * table->columns + i];
		size_t padding = widths[i] - width_of(text);

		printf("| ");
		print_padding(' ', i == 0 ? 0 : padding);
		printf("%s ", text);
		print_padding(' ', i == 0 ? padding : 0);
	}
	printf("|\n");
}

static void print_rule(const struct bench_table *table, const size_t *widths)
{
	for (size_t i = 0; i < table->columns; i++) {
		printf("| ");
		print_padding('-', widths[i] - (i > 0));
		printf(i == 0 ? " " : ": ");
	}
	printf("|\n");
}

void bench_table_print(const struct bench_table *table)
{
	size_t widths[BENCH_TABLE_COLUMNS] = { 0 };

	if (table->cells == table->columns) {
		return;
	}
	for (size_t i = 0; i < table->cells; i++) {
		size_t *width = &widths[i % table->columns];
		if (width_of(table->text[i]) > *width) {
			*width = width_of(table->text[i]);
		}
	}
	print_row(table, 0, widths);
	print_rule(table, widths);
	for (size_t row = 1; row < table->cells / table->columns; row++) {
		print_row(table, row, widths);
	}
	printf("\n");
	fflush(stdout);
}

static struct {
	unsigned met;
	unsigned places;
} targets[BENCH_TARGETS];

void bench_cell_target(struct bench_table *table, enum bench_target target, bool met)
{
	targets[target].met += met;
	targets[target].places++;
	bench_cell(table, met ? "met" : "missed");
}

void bench_targets_print(void)
{
	static const char *const headings[] = { "target", "met in", " " };
	static const char *const labels[BENCH_TARGETS] = {
		[BENCH_FASTER_THAN_DRIVER] = "faster than the driver's own sparse resources",
		[BENCH_ONE_OP] = "binding pages in order in one call is one op",
		[BENCH_OWN_COST] = "the layer's own cost per bind is below 200 ns",
		[BENCH_OTHER_CALLS] = "calls not about sparse resources take at most 1.02 times",
		[BENCH_NATIVE] = "the native route cannot be distinguished from no layer",
		[BENCH_LAYER_SHARE] =
			"the layer's time per vkQueueBindSparse is below 5 % of the driver's",
		[BENCH_JOINED] = "binds that join take at most a twentieth of the driver's time",
		[BENCH_NOT_JOINED] = "binds that do not join take at most 1.02 times",
		[BENCH_JOIN_COST] =
			"joining takes 20 ns for a bind, 15 in order, 60 in another order",
	};
	struct bench_table table;

	bench_table_init(&table, 3, headings);
	for (int i = 0; i < BENCH_TARGETS; i++) {
		if (targets[i].places == 0) {
			continue;
		}
		bench_cell(&table, "%s", labels[i]);
		bench_cell(&table, "%u of %u", targets[i].met, targets[i].places);
		bench_cell(&table, targets[i].met == targets[i].places ? "met" : "missed");
	}
	bench_table_print(&table);
}
