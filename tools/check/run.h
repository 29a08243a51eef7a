/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_RUN_H
#define VMB_CHECK_RUN_H

#include "check.h"
#include "survey.h"

/* A run of the checks on one device, with or without the layer. */
struct run {
	enum layer_use use;
	const struct survey_device *device;
	struct check_result *results; /* one for each check */
};

/* The checks that the user selected, in the order of their tables. */
struct check_list {
	const struct check **checks;
	size_t count;
};

/* patterns: beginnings of names, as --only has them; all checks if pattern_count is 0. Returns 0,
 * -ENOMEM, or -ENOENT with the pattern that fits no check in *unknown. */
int check_list_init(struct check_list *list, const char *const *patterns, size_t pattern_count,
	const char **unknown);
void check_list_finish(struct check_list *list);

/* Called before each check and after it; result is NULL before it. */
typedef void run_progress(const struct check *check, const struct check_result *result, void *user);

/* Runs each check in a process of its own. A process that hangs, crashes or ends is a failed check.
 * Returns 0 or -ENOMEM. */
int run_init(struct run *run, const struct check_list *list, const struct survey_device *device,
	enum layer_use use, const struct vmb_query_options *options, run_progress *progress,
	void *user);
void run_finish(struct run *run);

size_t run_count(const struct run *run, const struct check_list *list, enum check_status status);

#endif
