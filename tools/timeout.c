/* SPDX-License-Identifier: MIT */
#include "timeout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MAX 3600 /* seconds */

bool vmb_timeout_parse(const char *program, const char *text, unsigned *timeout)
{
	char *end;

	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value < 1 || value > TIMEOUT_MAX) {
		fprintf(stderr, "%s: --timeout must be 1 to %d seconds, not '%s'\n", program,
			TIMEOUT_MAX, text);
		return false;
	}
	*timeout = (unsigned)value;
	return true;
}
