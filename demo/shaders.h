/* SPDX-License-Identifier: MIT */
#ifndef VMB_DEMO_SHADERS_H
#define VMB_DEMO_SHADERS_H

#include "vk.h"

/* Invocations in a workgroup of stamp and read. */
#define SHADER_GROUP 128

/*
 * The shaders stamp and read work on pages at equal distances in a storage buffer. Invocation i
 * handles word i of these pages: word i % page_words of page i / page_words.
 */
struct pages_push {
	uint32_t page_words;
	uint32_t stride_words; /* from one page to the next */
	uint32_t first; /* stamp: the number of the first word */
};

struct shaders {
	/* pages[i] = stamp_word(first + i) */
	struct vku_program stamp;
	/* results[i] = pages[i] */
	struct vku_program read;
	/* For each invocation i: *table[i] = table[i + 1], for a table of 64-bit addresses. */
	struct vku_program link;
	/* p = table[0]; then count times: p = *p, results[i] = p. Push constant: the count. */
	struct vku_program walk;
};

/* link and walk need device addresses. */
void shaders_init(struct shaders *shaders, const struct vku *vk, bool with_addresses);
void shaders_finish(struct shaders *shaders, const struct vku *vk);

/* A bijection whose values differ strongly between neighbouring numbers. */
static inline uint32_t stamp_word(uint32_t number)
{
	return number * UINT32_C(2654435761);
}

#endif
