/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plan_model.h"
#include "provide/memory_cache.h"
#include "scenarios.h"

#define MIB (UINT64_C(1) << 20)

/*
 * Blanks separate the steps. Memory is a letter and its size in MiB.
 *   +<letter><size>    put the memory into the cache; the cache has room
 *   !<letter><size>    put the memory into the cache; the cache has no room
 *   -<letter><size>    take memory of this size; the cache returns this memory
 *   ?<size>            take memory of this size; the cache has none
 *   ^<letter><size>    evict; the cache returns this memory
 *   0                  evict; the cache is empty
 */
struct scenario {
	const char *name;
	const char *steps;
};

static const struct scenario scenarios[] = {
	{ "empty", "?1 0 ?1" },
	{ "put and taken", "+a1 -a1 ?1 0" },
	{ "only the requested size is taken", "+a2 ?1 ?3 -a2" },
	{ "the newest memory is taken", "+a1 +b1 +c1 -c1 -b1 -a1 ?1" },
	{ "the newest memory of the size is taken", "+a1 +b2 +c1 +d2 -c1 -d2 -a1 -b2 0" },
	{ "the oldest memory is evicted", "+a1 +b2 +c3 ^a1 ^b2 ^c3 0" },
	{ "the oldest remaining memory is evicted", "+a1 +b2 +c3 -a1 ^b2 -c3 0" },
	{ "taking from the middle keeps the order", "+a1 +b2 +c3 +d4 -b2 -c3 ^a1 ^d4 0" },
	{ "memory that is put again is the newest", "+a1 +b1 -b1 -a1 +a1 +b1 ^a1 -b1" },
	{ "the largest memory", "+a32 -a32" },
	{ "full of bytes", "+a32 +b32 !c1 ^a32 +c1 !d32 +e31 !f1 -b32 +d32" },
	{ "one MiB free", "+a32 +b31 !c2 +c1 !d1 -b31 +d31 !e1 ^a32 ^c1 ^d31 0" },
};

static struct vmb_cached_memory *make_memory(char letter, uint64_t size)
{
	static struct vmb_cached_memory memories[256];
	struct vmb_cached_memory *memory = &memories[(unsigned char)letter];

	memory->size = size;
	return memory;
}

static void run_step(struct vmb_memory_cache *cache, const char *text)
{
	bool named = strchr("+!-^", text[0]) != NULL;
	struct vmb_cached_memory *memory = make_memory(named ? text[1] : ' ',
		text[0] == '0' ? 0 : strtoull(text + 1 + named, NULL, 10) * MIB);

	switch (text[0]) {
	case '+':
	case '!':
		assert_int_equal(vmb_memory_cache_put(cache, memory), text[0] == '+');
		break;
	case '-':
		assert_ptr_equal(vmb_memory_cache_take(cache, memory->size), memory);
		break;
	case '?':
		assert_null(vmb_memory_cache_take(cache, memory->size));
		break;
	case '^':
		assert_ptr_equal(vmb_memory_cache_evict(cache), memory);
		break;
	default:
		assert_null(vmb_memory_cache_evict(cache));
		break;
	}
}

static void empty_cache(struct vmb_memory_cache *cache)
{
	while (vmb_memory_cache_evict(cache)) {
	}
	assert_int_equal(cache->count, 0);
	assert_int_equal(cache->bytes, 0);
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	struct vmb_memory_cache cache = { 0 };

	for (const char *text = scenario->steps; *text; text += strspn(text, " ")) {
		run_step(&cache, text);
		text += strcspn(text, " ");
	}
	empty_cache(&cache);
}

/* Small memory reaches the limit on entries before the limit on bytes. */
static void test_full_of_entries(void **state)
{
	static struct vmb_cached_memory memories[VMB_CACHE_ENTRIES];
	struct vmb_cached_memory more = { .size = 8192 };
	struct vmb_memory_cache cache = { 0 };

	(void)state;
	for (uint32_t i = 0; i < VMB_CACHE_ENTRIES; i++) {
		memories[i].size = 4096;
		assert_true(vmb_memory_cache_put(&cache, &memories[i]));
	}
	assert_false(vmb_memory_cache_put(&cache, &more));
	assert_ptr_equal(vmb_memory_cache_evict(&cache), &memories[0]);
	assert_true(vmb_memory_cache_put(&cache, &more));
	assert_false(vmb_memory_cache_put(&cache, &memories[0]));
	assert_ptr_equal(vmb_memory_cache_take(&cache, 8192), &more);
	for (uint32_t i = 1; i < VMB_CACHE_ENTRIES; i++) {
		assert_ptr_equal(vmb_memory_cache_evict(&cache), &memories[i]);
	}
	assert_null(vmb_memory_cache_evict(&cache));
}

/* The model: the memory in the order in which it was put. A size of 0 marks removed memory. */
#define MAX_STEPS 600
struct kept {
	struct vmb_cached_memory all[MAX_STEPS];
	uint64_t sizes[MAX_STEPS];
	size_t all_count;
};

static size_t kept_count(const struct kept *kept, uint64_t *bytes)
{
	size_t count = 0;

	*bytes = 0;
	for (size_t i = 0; i < kept->all_count; i++) {
		count += kept->sizes[i] != 0;
		*bytes += kept->sizes[i];
	}
	return count;
}

static void check_put(struct vmb_memory_cache *cache, struct kept *kept, uint64_t size)
{
	struct vmb_cached_memory *memory = &kept->all[kept->all_count];
	uint64_t bytes;
	bool room = kept_count(kept, &bytes) < VMB_CACHE_ENTRIES && bytes + size <= 64 * MIB;

	memory->size = size;
	assert_int_equal(vmb_memory_cache_put(cache, memory), room);
	if (room) {
		kept->sizes[kept->all_count++] = size;
	}
}

/* Expects the memory with this index, or NULL for SIZE_MAX. */
static void check_removed(struct kept *kept, const struct vmb_cached_memory *memory, size_t index)
{
	assert_ptr_equal(memory, index == SIZE_MAX ? NULL : &kept->all[index]);
	if (memory) {
		kept->sizes[index] = 0;
	}
}

static void check_take(struct vmb_memory_cache *cache, struct kept *kept, uint64_t size)
{
	size_t i = kept->all_count;

	while (i > 0 && kept->sizes[i - 1] != size) {
		i--;
	}
	check_removed(kept, vmb_memory_cache_take(cache, size), i - 1);
}

static void check_evict(struct vmb_memory_cache *cache, struct kept *kept)
{
	size_t i = 0;

	while (i < kept->all_count && !kept->sizes[i]) {
		i++;
	}
	check_removed(kept, vmb_memory_cache_evict(cache), i < kept->all_count ? i : SIZE_MAX);
}

static void run_round(uint64_t seed)
{
	static const uint64_t sizes[] = { 4096, 8192, 65536, MIB, 5 * MIB, 31 * MIB, 32 * MIB };
	/* With an odd seed, all sizes are small and the cache holds much memory. */
	size_t size_count = seed % 2 ? 3 : sizeof(sizes) / sizeof(sizes[0]);
	uint64_t random = seed;
	struct vmb_memory_cache cache = { 0 };
	static struct kept kept;
	uint64_t bytes;

	kept.all_count = 0;
	for (size_t i = 0; i < MAX_STEPS; i++) {
		uint64_t bits = model_random(&random);
		uint64_t size = sizes[(bits >> 32) % size_count];
		if (bits % 8 < 5) {
			check_put(&cache, &kept, size);
		} else if (bits % 8 < 7) {
			check_take(&cache, &kept, size);
		} else {
			check_evict(&cache, &kept);
		}
		assert_int_equal(cache.count, kept_count(&kept, &bytes));
		assert_int_equal(cache.bytes, bytes);
	}
	empty_cache(&cache);
}

static void test_random(void **state)
{
	uint64_t seed = model_seed();
	size_t rounds = model_rounds(40);

	(void)state;
	print_message("VMB_SEED=%" PRIu64 " VMB_ROUNDS=%zu\n", seed, rounds);
	for (size_t i = 0; i < rounds; i++) {
		run_round(seed + i);
	}
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_full_of_entries),
	cmocka_unit_test(test_random),
};

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = { .test_func = test_scenario };

	return run_scenarios(
		"memory_cache", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
