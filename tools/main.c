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

/* As in vmbind-info(1). */
enum status {
	STATUS_GAIN = 0,
	STATUS_NO_GAIN = 1,
	STATUS_USAGE = 2,
	STATUS_NOTHING = 3,
};

#define LIMIT_DEFAULT 10
#define LIMIT_MAX 3600

struct options {
	bool json;
	struct vmb_asking asking;
};

static void print_help(FILE *out)
{
	fprintf(out,
		"Usage: vmbind-info [OPTION...]\n"
		"Tells for each Vulkan device what the layer VK_LAYER_VMBIND_sparse does there,\n"
		"and why; and whether the layer is enabled in this environment.\n"
		"\n"
		"  --json             for programs: vmbind-info(1) describes the format\n"
		"  --timeout SECONDS  how long a driver may take to answer; default %d\n"
		"  --verbose          let through to stderr what drivers print\n"
		"  --help             this\n"
		"  --version          the version\n"
		"\n"
		"Exit status: 0 if a device gains from the layer, 1 if none does, 2 for an\n"
		"option that is not known, 3 if no device could be asked.\n",
		LIMIT_DEFAULT);
}

static bool parse_limit(const char *text, unsigned *limit)
{
	char *end;

	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value < 1 || value > LIMIT_MAX) {
		fprintf(stderr, "vmbind-info: --timeout takes 1 to %d seconds, not '%s'\n",
			LIMIT_MAX, text);
		return false;
	}
	*limit = (unsigned)value;
	return true;
}

/* False if the program is to end, with that status. */
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

	*options = (struct options){ .asking.limit = LIMIT_DEFAULT };
	*status = STATUS_USAGE;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'j':
			options->json = true;
			break;
		case 't':
			if (!parse_limit(optarg, &options->asking.limit)) {
				return false;
			}
			break;
		case 'v':
			options->asking.verbose = true;
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
		fprintf(stderr, "vmbind-info: what is '%s'?\n", argv[optind]);
		print_help(stderr);
		return false;
	}
	return true;
}

static bool wants_color(void)
{
	/* https://no-color.org: set to anything but nothing. */
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
		!(term && strcmp(term, "dumb") == 0);
}

static enum status tell(const struct options *options, const struct vmb_settings *settings)
{
	struct vmb_report report;
	enum status status = STATUS_NOTHING;

	if (vmb_report_init(&report, &options->asking, settings) < 0) {
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
		/* Before the children take the layer out of the environment. */
		if (vmb_settings_init(&settings, &no_info) < 0) {
			fprintf(stderr, "vmbind-info: out of memory\n");
			return STATUS_NOTHING;
		}
		status = tell(&options, &settings);
		vmb_settings_finish(&settings);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "vmbind-info: cannot write: %s\n", strerror(errno));
		return STATUS_NOTHING;
	}
	return (int)status;
}
