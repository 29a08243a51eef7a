/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_EXTENSIONS_H
#define VMB_VK_EXTENSIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Lists of extension names, as in VkInstanceCreateInfo and VkDeviceCreateInfo. Pure. */

bool vmb_extensions_contain(const char *const *names, uint32_t count, const char *name);

/*
 * Copies a list of *count names and adds the names in more that the list lacks. Sets *count to the
 * new length. The copy borrows the names. The caller frees the copy with free(). NULL if memory is
 * short.
 */
const char **vmb_extensions_add(
	const char *const *names, uint32_t *count, const char *const *more, uint32_t more_count);

#endif
