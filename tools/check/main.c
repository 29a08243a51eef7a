/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/names.h"
#include "compare.h"
#include "options.h"
#include "report.h"
#include "report_json.h"
#include "report_text.h"
#include "report_write.h"
#include "run.h"

/* Everything that one call of the program works on. Without --compare there is one run. */
struct session {
	struct options options;
	struct check_list list;
	struct vmb_settings settings;
	struct vmb_report facts;
	struct survey *surveys[2];
	struct run runs[2];
	size_t run_count;
	bool shows_progress;
};

static enum status no_memory(void)
{
	fprintf(stderr, "vmbind-check: out of memory\n");
	return STATUS_NOTHING;
}

static enum status make_list(struct session *session)
{
	const struct options *options = &session->options;
	const char *unknown = NULL;
	int ret = check_list_init(&session->list, options->only, options->only_count, &unknown);

	if (ret == -ENOENT) {
		fprintf(stderr, "vmbind-check: no check has a name that begins with '%s'\n",
			unknown);
		return STATUS_USAGE;
	}
	return ret < 0 ? no_memory() : STATUS_PASS;
}

static enum layer_use use_of_run(const struct session *session, size_t run)
{
	if (!session->options.compare) {
		return LAYER_AS_IS;
	}
	return run == 0 ? LAYER_OFF : LAYER_ON;
}

static enum status make_survey(struct session *session, size_t run)
{
	enum layer_use use = use_of_run(session, run);
	struct vmb_problem problem;
	char text[256];

	session->surveys[run] = survey_run(&session->options.query, use, &problem);
	if (!session->surveys[run]) {
		return no_memory();
	}
	if (problem.kind != VMB_PROBLEM_NONE) {
		vmb_problem_describe(&problem, text, sizeof(text));
		fprintf(stderr, "vmbind-check: the list of devices %s\n", text);
		return STATUS_NOTHING;
	}
	const struct survey *survey = session->surveys[run];
	/* The loader ignores a layer that it does not find. */
	if (use == LAYER_ON && survey->count > 0 && !survey->devices[0].has_layer) {
		fprintf(stderr,
			"vmbind-check: the Vulkan loader does not find %s;\n"
			"if it is not installed, set VK_ADD_LAYER_PATH to its manifest's "
			"directory\n",
			VMB_LAYER_NAME);
		return STATUS_NOTHING;
	}
	return STATUS_PASS;
}

static const struct survey_device *find_same(
	const struct survey *survey, const struct survey_device *device)
{
	for (uint32_t i = 0; i < survey->count; i++) {
		const struct survey_choice *choice = &survey->devices[i].choice;
		if (choice->nth == device->choice.nth &&
			strcmp(choice->name, device->choice.name) == 0) {
			return &survey->devices[i];
		}
	}
	return NULL;
}

static enum status no_device(const struct session *session, const struct survey *survey)
{
	const char *wanted = session->options.device;

	if (wanted) {
		fprintf(stderr, "vmbind-check: no device is called '%s'\n", wanted);
	} else {
		fprintf(stderr, "vmbind-check: none of %u devices has sparse resources\n",
			survey->count);
	}
	for (uint32_t i = 0; i < survey->count; i++) {
		fprintf(stderr, "  %u: %s\n", i, survey->devices[i].choice.name);
	}
	return STATUS_NOTHING;
}

/* The device that has sparse resources in the last run. */
static enum status choose_device(struct session *session)
{
	size_t last = session->run_count - 1;
	const struct survey *survey = session->surveys[last];
	const struct survey_device *device = survey_find(survey, session->options.device);

	if (!device) {
		return no_device(session, survey);
	}
	if (!survey_has_sparse(device)) {
		fprintf(stderr, "vmbind-check: %s has no sparse resources%s\n", device->choice.name,
			device->has_layer ? "" : " without the layer");
		return STATUS_NOTHING;
	}
	session->runs[last].device = device;
	if (last > 0) {
		session->runs[0].device = find_same(session->surveys[0], device);
	}
	if (!session->runs[0].device) {
		fprintf(stderr, "vmbind-check: without the layer there is no %s\n",
			device->choice.name);
		return STATUS_NOTHING;
	}
	return STATUS_PASS;
}

/* Names the running check on a terminal. */
static void show_progress(const struct check *check, const struct check_result *result, void *user)
{
	const struct session *session = user;

	if (session->shows_progress) {
		fprintf(stderr, result ? "\r\033[K" : "\r\033[K%s ...", check->name);
		fflush(stderr);
	}
	if (result && !session->options.json && !session->options.compare) {
		text_write_result(stdout, check, result);
		fflush(stdout);
	}
}

static enum status run_all(struct session *session)
{
	for (size_t i = 0; i < session->run_count; i++) {
		struct run *run = &session->runs[i];
		if (run_init(run, &session->list, run->device, use_of_run(session, i),
			    &session->options.query, show_progress, session) < 0) {
			return no_memory();
		}
	}
	return STATUS_PASS;
}

static enum status verdict(const struct session *session)
{
	const struct run *first = &session->runs[0];
	const struct run *last = &session->runs[session->run_count - 1];
	const struct check_list *list = &session->list;
	bool is_worse = session->run_count == 2 &&
		compare_count(first, last, list, CHANGE_WORSE) > 0;

	if (is_worse || run_count(last, list, CHECK_FAIL) > 0) {
		return STATUS_FAIL;
	}
	return run_count(last, list, CHECK_SKIP) == list->count ? STATUS_NOTHING : STATUS_PASS;
}

static enum status report(struct session *session)
{
	const struct check_list *list = &session->list;
	const struct run *runs = session->runs;

	if (session->options.json) {
		if (json_write(stdout, &session->facts, runs, session->run_count, list) < 0) {
			return no_memory();
		}
	} else if (session->run_count == 2) {
		text_write_comparison(stdout, &runs[0], &runs[1], list);
	} else {
		text_write_summary(stdout, &runs[0], list);
	}
	return verdict(session);
}

static enum status check(struct session *session)
{
	enum status status = STATUS_PASS;

	session->run_count = session->options.compare ? 2 : 1;
	session->shows_progress = isatty(STDERR_FILENO);
	for (size_t i = 0; i < session->run_count && status == STATUS_PASS; i++) {
		status = make_survey(session, i);
	}
	if (status == STATUS_PASS) {
		status = choose_device(session);
	}
	if (status != STATUS_PASS) {
		return status;
	}
	if (vmb_report_init(&session->facts, &session->options.query, &session->settings) < 0) {
		return no_memory();
	}
	if (!session->options.json) {
		vmb_report_write_text(&session->facts, stdout, false);
		fputc('\n', stdout);
		text_write_device(stdout, &session->runs[session->run_count - 1]);
		fflush(stdout);
	}
	status = run_all(session);
	return status == STATUS_PASS ? report(session) : status;
}

static enum status run_session(struct session *session)
{
	const VkInstanceCreateInfo no_info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO };
	enum status status = make_list(session);

	if (status != STATUS_PASS) {
		return status;
	}
	if (session->options.list) {
		text_write_list(stdout, &session->list);
		return STATUS_PASS;
	}
	if (vmb_settings_init(&session->settings, &no_info) < 0) {
		return no_memory();
	}
	return check(session);
}

int main(int argc, char **argv)
{
	static struct session session;
	enum status status;

	if (options_parse(argc, argv, &session.options, &status)) {
		status = run_session(&session);
		vmb_report_finish(&session.facts);
		vmb_settings_finish(&session.settings);
		check_list_finish(&session.list);
		for (size_t i = 0; i < 2; i++) {
			run_finish(&session.runs[i]);
			vmb_answer_free(session.surveys[i], sizeof(*session.surveys[i]));
		}
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "vmbind-check: cannot write: %s\n", strerror(errno));
		return STATUS_NOTHING;
	}
	return (int)status;
}
