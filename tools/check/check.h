/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_H
#define VMB_CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A check: one property of sparse resources, judged by what the GPU reads and writes. run.c runs
 * each check in a process of its own. The process ends with the first failure.
 */

struct gpu;

struct check {
	const char *name; /* GROUP.NAME, for --only and for reports */
	const char *title; /* what is true if the check passes, for people */
	/* Returns if the check passes, calls check_skip() or check_fail() otherwise. */
	void (*run)(struct gpu *gpu, const void *data);
	const void *data;
	bool is_figure; /* run calls check_figure() and judges nothing */
};

/* One table for each source file of checks; a check without a name ends it. */
extern const struct check vmb_buffer_checks[];
extern const struct check vmb_buffer_limit_checks[];
extern const struct check vmb_queue_checks[];
extern const struct check vmb_image_checks[];
extern const struct check vmb_speed_checks[];

enum check_status {
	CHECK_PASS,
	CHECK_FAIL,
	CHECK_SKIP,
	CHECK_FIGURE,
};

#define CHECK_TEXT_SIZE 512

/* What a check's process reports to its parent. */
struct check_result {
	enum check_status status;
	/* Why a check failed or was skipped, or what was measured; empty after PASS. */
	char text[CHECK_TEXT_SIZE];
	double value; /* of a figure, in seconds, or in binds per second */
	const char *unit; /* a literal */
	/* Operations of the layer on the kernel's address space; -1 if they were not counted. */
	int64_t kernel_ops;
};

/* Called once in the check's process. The functions below write *result, and set *is_complete
 * before they end the process. */
void check_begin(struct check_result *result, bool *is_complete);

/* End the check's process. Each has one sentence without a full stop. */
_Noreturn void check_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void check_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Describes what the check does now; check_fail() puts the text before its sentence. */
void check_step(const char *format, ...) __attribute__((format(printf, 1, 2)));
void check_figure(double value, const char *unit, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
