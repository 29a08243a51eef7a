/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* getopt_long */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "report_write.h"
#include "timeout.h"

/* vmbind-info(1) documents the values. */
enum status {
	STATUS_GAIN = 0,
	STATUS_NO_GAIN = 1,
	STATUS_USAGE = 2,
	STATUS_NOTHING = 3,
};

#define TIMEOUT_DEFAULT 10 /* seconds */

struct options {
	bool json;
	struct vmb_query_options query;
};

static void print_help(FILE *out)
{
	fprintf(out,
		"Usage: vmbind-info [OPTION...]\n"
		"Reports for each Vulkan device what the layer VK_LAYER_VMBIND_sparse does on the\n"
		"device and why, and whether the layer is enabled in this environment.\n"
		"\n"
		"  --json             write JSON; vmbind-info(1) describes the format\n"
		"  --timeout SECONDS  time limit for each query of a driver; default %d\n"
		"  --verbose          write the output of drivers and the loader to stderr\n"
		"  --help             print this help\n"
		"  --version          print the version\n"
		"\n"
		"Exit status: 0 if the layer improves a device, 1 if it improves none, 2 for\n"
		"wrong arguments, 3 if no device could be queried.\n",
		TIMEOUT_DEFAULT);
}

/* False if the program should end with *status. */
static bool parse_options(int argc, char **argv, struct options *options, enum status *status)
{
	static const struct option known[] = {
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
		switch (option) {
		case 'j':
			options->json = true;
			break;
		case 't':
			if (!vmb_timeout_parse("vmbind-info", optarg, &options->query.timeout)) {
				return false;
			}
			break;
		case 'v':
			options->query.verbose = true;
			break;
		case 'h':
			print_help(stdout);
			*status = STATUS_GAIN;
			return false;
		case 'V':
			printf("vmbind-info %s\n", VMB_VERSION);
			*status = STATUS_GAIN;
			return false;
		default:
			print_help(stderr);
			return false;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "vmbind-info: unexpected argument '%s'\n", argv[optind]);
		print_help(stderr);
		return false;
	}
	return true;
}

static bool wants_color(void)
{
	/* https://no-color.org: a value that is not empty disables colour. */
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
		!(term && strcmp(term, "dumb") == 0);
}

static enum status write_report(const struct options *options, const struct vmb_settings *settings)
{
	struct vmb_report report;
	enum status status = STATUS_NOTHING;

	if (vmb_report_init(&report, &options->query, settings) < 0) {
		fprintf(stderr, "vmbind-info: out of memory\n");
	} else {
		if (options->json) {
			vmb_report_write_json(&report, stdout);
		} else {
			vmb_report_write_text(&report, stdout, wants_color());
		}
		if (vmb_report_has_answers(&report)) {
			status = vmb_report_has_gains(&report) ? STATUS_GAIN : STATUS_NO_GAIN;
		}
	}
	vmb_report_finish(&report);
	return status;
}

int main(int argc, char **argv)
{
	const VkInstanceCreateInfo no_info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO };
	struct vmb_settings settings;
	struct options options;
	enum status status;

	if (parse_options(argc, argv, &options, &status)) {
		/* Read in the parent: the children disable the layer in their environment. */
		if (vmb_settings_init(&settings, &no_info) < 0) {
			fprintf(stderr, "vmbind-info: out of memory\n");
			return STATUS_NOTHING;
		}
		status = write_report(&options, &settings);
		vmb_settings_finish(&settings);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "vmbind-info: cannot write: %s\n", strerror(errno));
		return STATUS_NOTHING;
	}
	return (int)status;
}
