/* SPDX-License-Identifier: MIT */
#include "context.h"

#include <stdarg.h>
#include <stdio.h>

#include "measure.h"

void tour_print(const struct tour *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (t->verbose) {
		vprintf(format, args);
	}
	va_end(args);
	/* Keep the order relative to messages on stderr. */
	fflush(stdout);
}

double tour_memory_mib(struct tour *t)
{
	uint64_t now = process_memory();
	uint64_t more = now > t->memory_before ? now - t->memory_before : 0;

	if (more > t->peak_memory) {
		t->peak_memory = more;
	}
	return (double)more / (double)MIB;
}

uint32_t tour_generation(uint32_t number)
{
	return number << 24;
}

void tour_expect_memory(const struct tour *t, VkDeviceSize offset, uint32_t first, uint64_t words,
	const char *subject)
{
	pages_expect((const uint32_t *)(const void *)(t->map + offset), first, words, subject);
}

struct pages tour_neighbours(
	const struct tour *t, uint32_t buffer, VkDeviceSize offset, VkDeviceSize size)
{
	return (struct pages){
		.buffer = t->buffers[buffer],
		.offset = offset,
		.count = (uint32_t)(size / t->page),
		.stride = t->page,
	};
}
