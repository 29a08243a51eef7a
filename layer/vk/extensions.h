/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_EXTENSIONS_H
#define VMB_VK_EXTENSIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Lists of extension names, as create infos have them. */

bool vmb_extensions_contain(const char *const *names, uint32_t count, const char *name);

/*
 * A copy of a list with those of more added that it lacks; *count becomes its length. The names
 * themselves are borrowed, the list is freed with free(). NULL if memory is short.
 */
const char **vmb_extensions_add(
	const char *const *names, uint32_t *count, const char *const *more, uint32_t more_count);

#endif
