// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "app.h"

/* Makes an application's calls on the real driver and kernel, and reports the results. */

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "fit", vulkan_fit },
	{ "plain", vulkan_plain },
	{ "late", vulkan_late },
	{ "refused", vulkan_refused },
	{ "full", vulkan_full },
	{ "never", vulkan_never },
	{ "export", vulkan_export },
	{ "threads", vulkan_threads },
	{ "devices", vulkan_devices },
	{ "processes", vulkan_processes },
	{ "killed", vulkan_killed },
	{ "children", vulkan_children },
	{ "cost", vulkan_cost },
};

int main(int argc, char **argv)
{
	/* The case "children" starts this program: do not wait for free hostmem. */
	if (argc == 2 && strcmp(argv[1], "descriptors") == 0) {
		vulkan_descriptors();
	}
	for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) == 0) {
			/* The kernel releases the hostmem of the previous case asynchronously. */
			wait_until_used(0);
			cases[i].run();
			return 0;
		}
	}
	fprintf(stderr, "usage: vmbind-vm-vulkan CASE\n");
	return 2;
}
