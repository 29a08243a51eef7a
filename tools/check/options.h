/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_OPTIONS_H
#define VMB_CHECK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "child.h"

/* vmbind-check(1) documents the values. */
enum status {
	STATUS_PASS = 0,
	STATUS_FAIL = 1,
	STATUS_NOTHING = 2,
	STATUS_USAGE = 3,
};

#define ONLY_MAX 64

struct options {
	bool json;
	bool list;
	bool compare;
	const char *device; /* NULL: the first with sparse resources */
	const char *only[ONLY_MAX];
	size_t only_count;
	struct vmb_query_options query;
};

/* False if the program should end with *status. */
bool options_parse(int argc, char **argv, struct options *options, enum status *status);

#endif
