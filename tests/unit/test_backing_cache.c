/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/host/backing_cache.h"
#include "plan_model.h"
#include "scenarios.h"

#define MIB (UINT64_C(1) << 20)

/*
 * Blanks separate the steps. A backing is a letter and its size in MiB.
 *   +<letter><size>    put the backing into the cache; the cache has room
 *   !<letter><size>    put the backing into the cache; the cache has no room
 *   -<letter><size>    take memory of this size; the cache returns this backing
 *   ?<size>            take memory of this size; the cache has none
 *   ^<letter><size>    evict; the cache returns this backing
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
	{ "the newest backing is taken", "+a1 +b1 +c1 -c1 -b1 -a1 ?1" },
	{ "the newest backing of the size is taken", "+a1 +b2 +c1 +d2 -c1 -d2 -a1 -b2 0" },
	{ "the oldest backing is evicted", "+a1 +b2 +c3 ^a1 ^b2 ^c3 0" },
	{ "the oldest remaining backing is evicted", "+a1 +b2 +c3 -a1 ^b2 -c3 0" },
	{ "taking from the middle keeps the order", "+a1 +b2 +c3 +d4 -b2 -c3 ^a1 ^d4 0" },
	{ "a backing that is put again is the newest", "+a1 +b1 -b1 -a1 +a1 +b1 ^a1 -b1" },
	{ "the largest backing", "+a32 -a32" },
	{ "full of bytes", "+a32 +b32 !c1 ^a32 +c1 !d32 +e31 !f1 -b32 +d32" },
	{ "one MiB free", "+a32 +b31 !c2 +c1 !d1 -b31 +d31 !e1 ^a32 ^c1 ^d31 0" },
};

static struct vmb_backing make_backing(char letter, uint64_t size)
{
	return (struct vmb_backing){
		.id = (uint32_t)letter,
		.offset = (uint64_t)letter << 40,
		.size = size,
		.map = (void *)((uintptr_t)letter << 12),
	};
}

static void check_same(const struct vmb_backing *backing, const struct vmb_backing *expected)
{
	assert_int_equal(backing->id, expected->id);
	assert_int_equal(backing->offset, expected->offset);
	assert_int_equal(backing->size, expected->size);
	assert_ptr_equal(backing->map, expected->map);
}

static void run_step(struct vmb_backing_cache *cache, const char *text)
{
	bool named = strchr("+!-^", text[0]) != NULL;
	struct vmb_backing backing = make_backing(named ? text[1] : ' ',
		text[0] == '0' ? 0 : strtoull(text + 1 + named, NULL, 10) * MIB);
	struct vmb_backing other = make_backing('.', 0);

	switch (text[0]) {
	case '+':
	case '!':
		assert_int_equal(vmb_backing_cache_put(cache, &backing), text[0] == '+');
		return;
	case '-':
		assert_true(vmb_backing_cache_take(cache, backing.size, &other));
		break;
	case '?':
		assert_false(vmb_backing_cache_take(cache, backing.size, &other));
		return;
	case '^':
		assert_true(vmb_backing_cache_evict(cache, &other));
		break;
	default:
		assert_false(vmb_backing_cache_evict(cache, &other));
		return;
	}
	check_same(&other, &backing);
}

static void empty_cache(struct vmb_backing_cache *cache)
{
	struct vmb_backing backing;

	while (vmb_backing_cache_evict(cache, &backing)) {
	}
	assert_int_equal(cache->count, 0);
	assert_int_equal(cache->bytes, 0);
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	struct vmb_backing_cache cache;

	vmb_backing_cache_clear(&cache);
	for (const char *text = scenario->steps; *text; text += strspn(text, " ")) {
		run_step(&cache, text);
		text += strcspn(text, " ");
	}
	empty_cache(&cache);
}

/* Small backings reach the limit on entries before the limit on bytes. */
static void test_full_of_entries(void **state)
{
	static struct vmb_backing_cache cache;
	struct vmb_backing out;

	(void)state;
	vmb_backing_cache_clear(&cache);
	for (uint32_t i = 0; i < VMB_CACHE_ENTRIES; i++) {
		struct vmb_backing backing = { .id = i, .size = 4096 };
		assert_true(vmb_backing_cache_put(&cache, &backing));
	}
	struct vmb_backing more = { .id = VMB_CACHE_ENTRIES, .size = 8192 };
	assert_false(vmb_backing_cache_put(&cache, &more));
	assert_true(vmb_backing_cache_evict(&cache, &out));
	assert_int_equal(out.id, 0);
	assert_true(vmb_backing_cache_put(&cache, &more));
	assert_false(vmb_backing_cache_put(&cache, &out));
	assert_true(vmb_backing_cache_take(&cache, 8192, &out));
	assert_int_equal(out.id, VMB_CACHE_ENTRIES);
	for (uint32_t i = 1; i < VMB_CACHE_ENTRIES; i++) {
		assert_true(vmb_backing_cache_evict(&cache, &out));
		assert_int_equal(out.id, i);
	}
	assert_false(vmb_backing_cache_evict(&cache, &out));
}

/* The model: the backings in the order in which they were put. An id of 0 marks a removed
 * backing. */
#define MAX_STEPS 600
struct kept {
	struct vmb_backing all[MAX_STEPS];
	size_t all_count;
};

static size_t kept_count(const struct kept *kept, uint64_t *bytes)
{
	size_t count = 0;

	*bytes = 0;
	for (size_t i = 0; i < kept->all_count; i++) {
		count += kept->all[i].id != 0;
		*bytes += kept->all[i].id ? kept->all[i].size : 0;
	}
	return count;
}

static void check_put(struct vmb_backing_cache *cache, struct kept *kept, uint64_t size)
{
	struct vmb_backing backing = { .id = 1 + (uint32_t)kept->all_count, .size = size };
	uint64_t bytes;
	bool room = kept_count(kept, &bytes) < VMB_CACHE_ENTRIES && bytes + size <= 64 * MIB;

	assert_int_equal(vmb_backing_cache_put(cache, &backing), room);
	if (room) {
		kept->all[kept->all_count++] = backing;
	}
}

static void check_take(struct vmb_backing_cache *cache, struct kept *kept, uint64_t size)
{
	struct vmb_backing backing;
	size_t i = kept->all_count;

	while (i > 0 && !(kept->all[i - 1].id && kept->all[i - 1].size == size)) {
		i--;
	}
	assert_int_equal(vmb_backing_cache_take(cache, size, &backing), i > 0);
	if (i > 0) {
		check_same(&backing, &kept->all[i - 1]);
		kept->all[i - 1].id = 0;
	}
}

static void check_evict(struct vmb_backing_cache *cache, struct kept *kept)
{
	struct vmb_backing backing;
	size_t i = 0;

	while (i < kept->all_count && !kept->all[i].id) {
		i++;
	}
	assert_int_equal(vmb_backing_cache_evict(cache, &backing), i < kept->all_count);
	if (i < kept->all_count) {
		check_same(&backing, &kept->all[i]);
		kept->all[i].id = 0;
	}
}

static void run_round(uint64_t seed)
{
	static const uint64_t sizes[] = { 4096, 8192, 65536, MIB, 5 * MIB, 31 * MIB, 32 * MIB };
	/* With an odd seed, all sizes are small and the cache holds many backings. */
	size_t size_count = seed % 2 ? 3 : sizeof(sizes) / sizeof(sizes[0]);
	uint64_t random = seed;
	struct vmb_backing_cache cache;
	struct kept kept = { .all_count = 0 };
	uint64_t bytes;

	vmb_backing_cache_clear(&cache);
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
		"backing_cache", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
