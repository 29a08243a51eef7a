// SPDX-License-Identifier: MIT
#include "raw.h"

#include <stdio.h>
#include <string.h>

/* Tests of virtio_gpu's uAPI on the real kernel, without Vulkan and libraries. */

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "life.plain", raw_life_plain },
	{ "life.eager", raw_life_eager },
	{ "life.deferred", raw_life_deferred },
	{ "fit.eager", raw_fit_eager },
	{ "fit.deferred", raw_fit_deferred },
	{ "requests", raw_requests },
	{ "refused", raw_refused },
	{ "late", raw_late },
	{ "full", raw_full },
	{ "patient", raw_patient },
	{ "orphan", raw_orphan },
	{ "orphan.blind", raw_orphan_blind },
	{ "look", raw_look },
	{ "close", raw_close },
	{ "import", raw_import },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) == 0) {
			/* The kernel releases the hostmem of the previous case asynchronously. */
			wait_until_used(0);
			cases[i].run();
			return 0;
		}
	}
	fprintf(stderr, "usage: vmbind-vm-raw CASE\n");
	return 2;
}
