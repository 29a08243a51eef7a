/* SPDX-License-Identifier: MIT */
#include "vk/extensions.h"

#include <stdlib.h>
#include <string.h>

bool vmb_extensions_contain(const char *const *names, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0) {
			return true;
		}
	}
	return false;
}

const char **vmb_extensions_add(
	const char *const *names, uint32_t *count, const char *const *more, uint32_t more_count)
{
	/* The extra entry: calloc() of 0 entries may return NULL without a failure. */
	const char **all = calloc((size_t)*count + more_count + 1, sizeof(*all));

	if (!all) {
		return NULL;
	}
	for (uint32_t i = 0; i < *count; i++) {
		all[i] = names[i];
	}
	for (uint32_t i = 0; i < more_count; i++) {
		if (!vmb_extensions_contain(all, *count, more[i])) {
			all[(*count)++] = more[i];
		}
	}
	return all;
}
