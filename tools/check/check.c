/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of this process, which runs one check. */
static struct check_result *current;
static bool *current_is_complete;
static char step[CHECK_TEXT_SIZE];

void check_begin(struct check_result *result, bool *is_complete)
{
	current = result;
	current_is_complete = is_complete;
}

static _Noreturn void end_check(enum check_status status, const char *format, va_list args)
{
	current->status = status;
	snprintf(current->text, sizeof(current->text), "%s", status == CHECK_FAIL ? step : "");
	size_t length = strlen(current->text);
	vsnprintf(current->text + length, sizeof(current->text) - length, format, args);
	*current_is_complete = true;
	/* Work may be pending, and exit handlers of drivers may hang. */
	_exit(0);
}

void check_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end_check(CHECK_FAIL, format, args);
}

void check_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end_check(CHECK_SKIP, format, args);
}

void check_step(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(step, sizeof(step), format, args);
	va_end(args);
}

void check_figure(double value, const char *unit, const char *format, ...)
{
	va_list args;

	current->status = CHECK_FIGURE;
	current->value = value;
	current->unit = unit;
	va_start(args, format);
	vsnprintf(current->text, sizeof(current->text), format, args);
	va_end(args);
}
