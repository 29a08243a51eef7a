/* SPDX-License-Identifier: MIT */
#include "report_text.h"

#include <string.h>

#include "compare.h"

#define COLUMNS 80

/* Writes words from this column on, and in further lines from the same column on. */
static void write_wrapped(FILE *out, size_t column, const char *text)
{
	size_t at = column;

	for (const char *word = text; *word;) {
		size_t length = strcspn(word, " ");
		if (at > column && at + 1 + length > COLUMNS) {
			fprintf(out, "\n%*s", (int)column, "");
			at = column;
		}
		bool is_first = at == column;
		fprintf(out, "%s%.*s", is_first ? "" : " ", (int)length, word);
		at += length + (is_first ? 0 : 1);
		word += length;
		word += strspn(word, " ");
	}
	fputc('\n', out);
}

static const char *status_word(enum check_status status)
{
	switch (status) {
	case CHECK_PASS:
		return "PASS";
	case CHECK_FAIL:
		return "FAIL";
	case CHECK_SKIP:
		return "SKIP";
	default:
		return "TIME";
	}
}

#define NAME_WIDTH 22
#define INDENT 6

void text_write_list(FILE *out, const struct check_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		fprintf(out, "%-*s ", NAME_WIDTH, list->checks[i]->name);
		write_wrapped(out, NAME_WIDTH + 1, list->checks[i]->title);
	}
}

static const char *use_words(const struct run *run)
{
	if (run->use == LAYER_ON) {
		return "without and with VK_LAYER_VMBIND_sparse";
	}
	return run->device->has_layer ? "with VK_LAYER_VMBIND_sparse"
				      : "without VK_LAYER_VMBIND_sparse";
}

void text_write_device(FILE *out, const struct run *run)
{
	const struct survey_device *device = run->device;
	uint32_t version = device->api_version;
	char text[1024];

	snprintf(text, sizeof(text), "Checks of %s, %s %s, Vulkan %u.%u.%u, %s",
		device->choice.name, device->driver, device->driver_info,
		VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version),
		VK_API_VERSION_PATCH(version), use_words(run));
	write_wrapped(out, 0, text);
	fputc('\n', out);
}

static void write_ops(FILE *out, const struct check_result *result)
{
	if (result->kernel_ops >= 0) {
		fprintf(out, "%*s%lld operation%s of the layer on the address space\n",
			INDENT + NAME_WIDTH + 1, "", (long long)result->kernel_ops,
			result->kernel_ops == 1 ? "" : "s");
	}
}

void text_write_result(FILE *out, const struct check *check, const struct check_result *result)
{
	bool is_skip = result->status == CHECK_SKIP;

	fprintf(out, "%s  %-*s ", status_word(result->status), NAME_WIDTH, check->name);
	if (result->status == CHECK_FIGURE) {
		write_wrapped(out, INDENT + NAME_WIDTH + 1, result->text);
		write_ops(out, result);
		return;
	}
	write_wrapped(out, INDENT + NAME_WIDTH + 1, is_skip ? result->text : check->title);
	if (result->status == CHECK_FAIL) {
		fprintf(out, "%*s", INDENT, "");
		write_wrapped(out, INDENT, result->text);
	}
}

void text_write_summary(FILE *out, const struct run *run, const struct check_list *list)
{
	fprintf(out, "\n%zu passed, %zu failed, %zu skipped.\n", run_count(run, list, CHECK_PASS),
		run_count(run, list, CHECK_FAIL), run_count(run, list, CHECK_SKIP));
}

static void write_compared_figure(FILE *out, const struct check *check,
	const struct check_result *without, const struct check_result *with)
{
	bool is_rate = strcmp(with->unit, "1/s") == 0;
	double scale = is_rate ? 1 : 1e3;
	const char *unit = is_rate ? "1/s" : "ms";

	fprintf(out, "%-*s %10.*f %10.*f %-3s  %.2f times as fast\n", NAME_WIDTH, check->name,
		is_rate ? 0 : 3, without->value * scale, is_rate ? 0 : 3, with->value * scale, unit,
		compare_speed(without, with));
}

static void write_compared(FILE *out, const struct check *check, const struct check_result *without,
	const struct check_result *with)
{
	static const char *const notes[] = {
		[CHANGE_NONE] = "",
		[CHANGE_MENDED] = "MENDED: ",
		[CHANGE_ADDED] = "ADDED: ",
		[CHANGE_WORSE] = "WORSE: ",
	};
	enum change change = compare_results(without, with);
	char text[CHECK_TEXT_SIZE];

	if (without->status == CHECK_FIGURE && with->status == CHECK_FIGURE) {
		write_compared_figure(out, check, without, with);
		return;
	}
	fprintf(out, "%-*s %-7s  %-4s  ", NAME_WIDTH, check->name, status_word(without->status),
		status_word(with->status));
	snprintf(text, sizeof(text), "%s%s", notes[change],
		with->status == CHECK_FIGURE ? with->text : check->title);
	write_wrapped(out, NAME_WIDTH + 16, text);
	if (with->status == CHECK_FAIL) {
		fprintf(out, "%*s", INDENT, "");
		write_wrapped(out, INDENT, with->text);
	}
}

void text_write_comparison(
	FILE *out, const struct run *without, const struct run *with, const struct check_list *list)
{
	size_t worse = compare_count(without, with, list, CHANGE_WORSE);
	size_t mended = compare_count(without, with, list, CHANGE_MENDED);
	size_t added = compare_count(without, with, list, CHANGE_ADDED);

	fprintf(out, "%-*s without  with\n", NAME_WIDTH, "");
	for (size_t i = 0; i < list->count; i++) {
		write_compared(out, list->checks[i], &without->results[i], &with->results[i]);
	}
	fprintf(out, "\nWith the layer %zu checks pass that failed, and %zu that were skipped.\n",
		mended, added);
	if (worse > 0) {
		fprintf(out,
			"\n*** WORSE: %zu of the checks got worse by enabling the layer. ***\n"
			"Please report this at the layer's project, with this output.\n",
			worse);
	} else {
		fprintf(out, "No check got worse.\n");
	}
}
