/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpu.h"
#include "statistics.h"

static const struct check *const tables[] = {
	vmb_buffer_checks,
	vmb_buffer_limit_checks,
	vmb_queue_checks,
	vmb_image_checks,
	vmb_speed_checks,
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static bool is_selected(const struct check *check, const char *pattern)
{
	return strncmp(check->name, pattern, strlen(pattern)) == 0;
}

static bool is_wanted(
	const struct check *check, const char *const *patterns, size_t count, bool *used)
{
	bool wanted = count == 0;

	for (size_t i = 0; i < count; i++) {
		if (is_selected(check, patterns[i])) {
			used[i] = true;
			wanted = true;
		}
	}
	return wanted;
}

int check_list_init(struct check_list *list, const char *const *patterns, size_t pattern_count,
	const char **unknown)
{
	bool *used = calloc(pattern_count + 1, sizeof(*used));
	size_t most = 0;
	int ret = 0;

	*list = (struct check_list){ 0 };
	for (size_t i = 0; i < TABLES; i++) {
		for (const struct check *check = tables[i]; check->name; check++) {
			most++;
		}
	}
	list->checks = calloc(most, sizeof(const struct check *));
	if (!used || !list->checks) {
		free(used);
		return -ENOMEM;
	}
	for (size_t i = 0; i < TABLES; i++) {
		for (const struct check *check = tables[i]; check->name; check++) {
			if (is_wanted(check, patterns, pattern_count, used)) {
				list->checks[list->count++] = check;
			}
		}
	}
	for (size_t i = 0; i < pattern_count; i++) {
		if (!used[i]) {
			*unknown = patterns[i];
			ret = -ENOENT;
		}
	}
	free(used);
	return ret;
}

void check_list_finish(struct check_list *list)
{
	free(list->checks);
	*list = (struct check_list){ 0 };
}

/* The memory that a check's process shares with the parent. */
struct check_answer {
	struct vmb_answer answer; /* first */
	struct check_result result;
};

struct check_task {
	const struct check *check;
	const struct survey_choice *choice;
	enum layer_use use;
	const char *statistics; /* the file for the layer's statistics; NULL for none */
};

/* Turns "FILE:LINE: VK_ERROR_X: vkCall(...)" into a sentence. */
static void fail_call(const char *message)
{
	const char *result = strstr(message, ": ");
	const char *call = result ? strstr(result + 2, ": ") : NULL;

	if (!call) {
		check_fail("%s", message);
	}
	check_fail("%.*s returned %.*s", (int)strcspn(call + 2, "("), call + 2,
		(int)(call - result - 2), result + 2);
}

static void check_query(struct vmb_answer *answer, const void *data)
{
	const struct check_task *task = data;
	static struct gpu gpu;

	check_begin(&((struct check_answer *)answer)->result, &answer->is_complete);
	vku_on_failure = fail_call;
	if (layer_use_apply(task->use) < 0 ||
		(task->statistics && setenv("VMBIND_STATS", task->statistics, 1) != 0)) {
		check_skip("the process has no memory");
	}
	gpu_init(&gpu, task->choice);
	task->check->run(&gpu, task->check->data);
	check_step("After the check: ");
	gpu_finish(&gpu);
	answer->is_complete = true;
}

static void take_problem(
	struct check_result *result, const struct vmb_problem *problem, unsigned timeout)
{
	result->status = CHECK_FAIL;
	switch (problem->kind) {
	case VMB_PROBLEM_HUNG:
		snprintf(result->text, sizeof(result->text), "the check did not end within %u s",
			timeout);
		break;
	case VMB_PROBLEM_CRASHED:
		snprintf(result->text, sizeof(result->text), "the driver crashed: %s",
			strsignal(problem->detail));
		break;
	case VMB_PROBLEM_NO_CHILD:
		result->status = CHECK_SKIP;
		snprintf(result->text, sizeof(result->text), "no process could be created: %s",
			strerror(problem->detail));
		break;
	default:
		snprintf(result->text, sizeof(result->text),
			"the driver ended the process with status %d", problem->detail);
		break;
	}
}

static struct check_result run_check(const struct check_task *task, struct check_answer *answer,
	const struct vmb_query_options *options)
{
	memset(answer, 0, sizeof(*answer));
	answer->result.kernel_ops = -1;
	struct vmb_problem problem = vmb_query_run(options, check_query, &answer->answer, task);
	if (problem.kind != VMB_PROBLEM_NONE) {
		take_problem(&answer->result, &problem, options->timeout);
	} else if (task->statistics) {
		answer->result.kernel_ops = statistics_read_ops(task->statistics);
	}
	return answer->result;
}

int run_init(struct run *run, const struct check_list *list, const struct survey_device *device,
	enum layer_use use, const struct vmb_query_options *options, run_progress *progress,
	void *user)
{
	struct check_answer *answer = vmb_answer_alloc(sizeof(*answer));
	int ret = 0;

	*run = (struct run){ .use = use, .device = device };
	run->results = calloc(list->count, sizeof(*run->results));
	if (!answer || !run->results) {
		ret = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct check *check = list->checks[i];
		struct check_task task = { .check = check, .choice = &device->choice, .use = use };
		char path[64];

		progress(check, NULL, user);
		if (check->is_figure && statistics_create(path, sizeof(path))) {
			task.statistics = path;
		}
		run->results[i] = run_check(&task, answer, options);
		if (task.statistics) {
			unlink(path);
		}
		progress(check, &run->results[i], user);
	}
out:
	vmb_answer_free(answer, sizeof(*answer));
	return ret;
}

void run_finish(struct run *run)
{
	free(run->results);
	*run = (struct run){ 0 };
}

size_t run_count(const struct run *run, const struct check_list *list, enum check_status status)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		count += run->results[i].status == status;
	}
	return count;
}
