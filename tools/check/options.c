/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* getopt_long */
#include "options.h"

#include <getopt.h>
#include <stdio.h>

#include "timeout.h"

#define TIMEOUT_DEFAULT 60 /* seconds */

static void print_help(FILE *out)
{
	fprintf(out,
		"Usage: vmbind-check [OPTION...]\n"
		"Checks a Vulkan device's sparse resources by the data that the GPU sees.\n"
		"\n"
		"  --compare          run all checks without and with VK_LAYER_VMBIND_sparse\n"
		"  --device DEVICE    a number from 0 on, or a part of the name; default:\n"
		"                     the first with sparse resources, a GPU before a CPU\n"
		"  --only NAME        the checks whose names begin with NAME; may be repeated\n"
		"  --list             list the checks\n"
		"  --json             write JSON; vmbind-check(1) describes the format\n"
		"  --timeout SECONDS  time limit for each check; default %d\n"
		"  --verbose          write the output of drivers and layers to stderr\n"
		"  --help             print this help\n"
		"  --version          print the version\n"
		"\n"
		"Exit status: 0 if no check failed, 1 if one failed or got worse, 2 if there is\n"
		"nothing to check, 3 for wrong arguments.\n",
		TIMEOUT_DEFAULT);
}

static bool add_only(struct options *options, const char *name)
{
	if (options->only_count == ONLY_MAX) {
		fprintf(stderr, "vmbind-check: more than %d times --only\n", ONLY_MAX);
		return false;
	}
	options->only[options->only_count++] = name;
	return true;
}

/* False if the program should end with *status. */
static bool take_option(int option, struct options *options, enum status *status)
{
	switch (option) {
	case 'c':
		options->compare = true;
		return true;
	case 'd':
		options->device = optarg;
		return true;
	case 'o':
		return add_only(options, optarg);
	case 'l':
		options->list = true;
		return true;
	case 'j':
		options->json = true;
		return true;
	case 't':
		return vmb_timeout_parse("vmbind-check", optarg, &options->query.timeout);
	case 'v':
		options->query.verbose = true;
		return true;
	case 'h':
		print_help(stdout);
		*status = STATUS_PASS;
		return false;
	case 'V':
		printf("vmbind-check %s\n", VMB_VERSION);
		*status = STATUS_PASS;
		return false;
	default:
		print_help(stderr);
		return false;
	}
}

bool options_parse(int argc, char **argv, struct options *options, enum status *status)
{
	static const struct option known[] = {
		{ "compare", no_argument, NULL, 'c' },
		{ "device", required_argument, NULL, 'd' },
		{ "only", required_argument, NULL, 'o' },
		{ "list", no_argument, NULL, 'l' },
		{ "json", no_argument, NULL, 'j' },
		{ "timeout", required_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*options = (struct options){ .query.timeout = TIMEOUT_DEFAULT };
	*status = STATUS_USAGE;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (!take_option(option, options, status)) {
			return false;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "vmbind-check: unexpected argument '%s'\n", argv[optind]);
		print_help(stderr);
		return false;
	}
	return true;
}
