/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of a fuzz target's input, read from the front. The end of the input reads as zeros. */
struct input {
	const uint8_t *data;
	size_t size;
};

/* Every target defines this function, which libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts with a message: libFuzzer then saves the input. */
static inline void expect(bool good, const char *error)
{
	if (!good) {
		fprintf(stderr, "fuzz: %s\n", error);
		abort();
	}
}

static inline void input_bytes(struct input *input, void *out, size_t size)
{
	size_t taken = size < input->size ? size : input->size;

	memset(out, 0, size);
	if (taken) {
		memcpy(out, input->data, taken);
		input->data += taken;
		input->size -= taken;
	}
}

static inline uint8_t input_u8(struct input *input)
{
	uint8_t value;

	input_bytes(input, &value, sizeof(value));
	return value;
}

static inline uint32_t input_u32(struct input *input)
{
	uint32_t value;

	input_bytes(input, &value, sizeof(value));
	return value;
}

static inline uint64_t input_u64(struct input *input)
{
	uint64_t value;

	input_bytes(input, &value, sizeof(value));
	return value;
}

/* A number below count, which is at most 256. */
static inline size_t input_below(struct input *input, size_t count)
{
	return input_u8(input) % count;
}

/* True for one of 32 values. */
static inline bool input_rarely(struct input *input)
{
	return input_u8(input) >= 248;
}

/* Memory of exactly this size, so that AddressSanitizer finds an access past its end. */
static inline void *exact_memory(size_t size)
{
	void *memory = calloc(1, size ? size : 1);

	expect(memory, "out of memory");
	return memory;
}

#endif
