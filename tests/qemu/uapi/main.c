// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "gpu.h"

/* Tests of panthor's uAPI on the real kernel, without Vulkan and libraries. */

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "map", test_map },
	{ "errors", test_errors },
	{ "async", test_async },
	{ "limits", test_limits },
	{ "cost", test_cost },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc == 2 && i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (strcmp(argv[1], tests[i].name) == 0) {
			gpu_open();
			tests[i].run();
			return failures > 0;
		}
	}
	fprintf(stderr, "usage: vmbind-vm-uapi map|errors|async|limits|cost\n");
	return 2;
}
