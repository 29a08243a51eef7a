/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/map.h"
#include "fail_alloc.h"
#include "plan_model.h"

/* A sequence of keys: first, first + step, first + 2 * step and so on. */
struct shape {
	const char *name;
	uint64_t first;
	uint64_t step;
	size_t keys; /* at most, in the random and the thread tests */
};

#define MAX_KEYS 1000

static const struct shape shapes[] = {
	{ "small numbers", 1, 1, MAX_KEYS },
	{ "pages", UINT64_C(0x7f0000001000), 4096, MAX_KEYS },
	{ "pointers", UINT64_C(0x555555554010), 48, MAX_KEYS },
	{ "the largest numbers", UINT64_MAX, UINT64_MAX, MAX_KEYS },
	/* In each table of this test all keys have the same home slot, so searches are long. */
	{ "all keys in the first slot", UINT64_C(1) << 52, UINT64_C(1) << 52, 200 },
	{ "all keys in a late slot", 1, UINT64_C(1) << 52, 200 },
	/* The first home slot is four slots before the end of the table. Four keys share each home
	 * slot. The keys are multiples of the inverse of the constant in map.c. */
	{ "around the end of the table", UINT64_C(0x8d00b6ed9937733d), UINT64_C(0x664ddccf40000000),
		200 },
	{ "few home slots", 1, UINT64_C(1) << 36, MAX_KEYS },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* A value of the map, with its own key. */
struct object {
	uint64_t key;
};

static uint64_t key_of(const struct shape *shape, size_t index)
{
	return shape->first + shape->step * index;
}

static void make_objects(struct object *objects, const struct shape *shape, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		objects[i].key = key_of(shape, i);
	}
}

static void test_empty(void **state)
{
	static struct vmb_map map = VMB_MAP_INITIALIZER;

	(void)state;
	assert_null(vmb_map_find(&map, 1));
	assert_null(vmb_map_remove(&map, 1));
	assert_null(vmb_map_pop(&map));
	vmb_map_finish(&map);
}

static void test_one_key(void **state)
{
	int first, second;
	struct vmb_map map;

	(void)state;
	vmb_map_init(&map);
	assert_int_equal(vmb_map_insert(&map, 7, &first), 0);
	assert_ptr_equal(vmb_map_find(&map, 7), &first);
	assert_null(vmb_map_find(&map, 8));
	assert_int_equal(vmb_map_insert(&map, 7, &second), 0);
	assert_int_equal(map.count, 1);
	assert_ptr_equal(vmb_map_find(&map, 7), &second);
	assert_ptr_equal(vmb_map_remove(&map, 7), &second);
	assert_null(vmb_map_find(&map, 7));
	assert_null(vmb_map_remove(&map, 7));
	assert_int_equal(vmb_map_insert(&map, 7, &first), 0);
	assert_ptr_equal(vmb_map_pop(&map), &first);
	assert_null(vmb_map_pop(&map));
	assert_int_equal(map.count, 0);
	vmb_map_finish(&map);
	vmb_map_finish(&map);
}

/* A key changes without memory, also if the table is as full as possible. */
static void test_change_key(void **state)
{
	struct object objects[33];
	struct vmb_map map;

	(void)state;
	vmb_map_init(&map);
	for (uint64_t count = 1; count <= 33; count++) {
		assert_int_equal(vmb_map_insert(&map, count, &objects[count - 1]), 0);
		fail_alloc_after(0);
		vmb_map_change_key(&map, count, count + 100);
		fail_alloc_after(FAIL_NEVER);
		assert_null(vmb_map_find(&map, count));
		assert_int_equal(map.count, count);
	}
	vmb_map_change_key(&map, 101, 102);
	assert_int_equal(map.count, 32);
	assert_ptr_equal(vmb_map_find(&map, 102), &objects[0]);
	vmb_map_finish(&map);
}

/* A filled map keeps its entries, and an empty map can be filled again. */
static void test_finish_empty(void **state)
{
	static struct vmb_map map = VMB_MAP_INITIALIZER;
	int object;

	(void)state;
	vmb_map_finish_empty(&map);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(vmb_map_insert(&map, 7, &object), 0);
		vmb_map_finish_empty(&map);
		assert_ptr_equal(vmb_map_find(&map, 7), &object);
		assert_ptr_equal(vmb_map_remove(&map, 7), &object);
		/* An empty map has no table, so a leak checker reports no leak. */
		vmb_map_finish_empty(&map);
		assert_null(map.table);
		assert_null(vmb_map_find(&map, 7));
	}
}

/* A map and its model: expected[i] is the value of key i. */
struct round {
	const struct shape *shape;
	uint64_t seed;
	uint64_t random;
	struct vmb_map map;
	struct object objects[MAX_KEYS][2];
	struct object *expected[MAX_KEYS];
	size_t count;
};

static void check_key(struct round *round, size_t index)
{
	if (vmb_map_find(&round->map, key_of(round->shape, index)) != round->expected[index]) {
		fail_msg("VMB_SEED=%" PRIu64 " VMB_ROUNDS=1: %s: wrong value of key %zu",
			round->seed, round->shape->name, index);
	}
}

static void check_all(struct round *round, size_t keys)
{
	assert_int_equal(round->map.count, round->count);
	for (size_t i = 0; i < keys; i++) {
		check_key(round, i);
	}
	/* This key is in none of the shapes. */
	assert_null(vmb_map_find(&round->map, UINT64_C(0x0123456789abcdef)));
}

static void step(struct round *round, size_t keys, bool filling)
{
	uint64_t bits = model_random(&round->random);
	size_t index = (bits >> 32) % keys;
	uint64_t key = key_of(round->shape, index);

	if (bits % 8 < (filling ? 6 : 2)) {
		struct object *object = &round->objects[index][bits >> 8 & 1];
		assert_int_equal(vmb_map_insert(&round->map, key, object), 0);
		round->count += round->expected[index] == NULL;
		round->expected[index] = object;
	} else {
		assert_ptr_equal(vmb_map_remove(&round->map, key), round->expected[index]);
		round->count -= round->expected[index] != NULL;
		round->expected[index] = NULL;
	}
	check_key(round, index);
	check_key(round, (index + 1) % keys);
}

/* Pops every remaining entry once. */
static void pop_all(struct round *round)
{
	for (; round->count; round->count--) {
		struct object *object = vmb_map_pop(&round->map);
		assert_non_null(object);
		size_t index = (size_t)(object - &round->objects[0][0]) / 2;
		assert_ptr_equal(object, round->expected[index]);
		round->expected[index] = NULL;
	}
	assert_null(vmb_map_pop(&round->map));
}

static void run_round(const struct shape *shape, uint64_t seed)
{
	struct round *round = calloc(1, sizeof(*round));

	assert_non_null(round);
	round->shape = shape;
	round->seed = seed;
	round->random = seed;
	vmb_map_init(&round->map);
	/* 24 keys fit into the first table. */
	size_t keys = seed % 3 == 0 ? 24 : 1 + model_random(&round->random) % shape->keys;
	for (size_t i = 0; i < 6 * keys; i++) {
		step(round, keys, i % (3 * keys) < 2 * keys);
		if (i % 64 == 0) {
			check_all(round, keys);
		}
	}
	check_all(round, keys);
	pop_all(round);
	check_all(round, keys);
	vmb_map_finish(&round->map);
	free(round);
}

static void test_random(void **state)
{
	uint64_t seed = model_seed();
	size_t rounds = model_rounds(9);

	(void)state;
	print_message("VMB_SEED=%" PRIu64 " VMB_ROUNDS=%zu\n", seed, rounds);
	for (size_t i = 0; i < rounds; i++) {
		for (size_t k = 0; k < SHAPES; k++) {
			run_round(&shapes[k], seed + i);
		}
	}
}

/* The map keeps all keys at each count, also just before and after the table grows. */
static void test_growth(void **state)
{
	static struct object objects[3000];
	const struct shape *shape = &shapes[1];
	struct vmb_map map;

	(void)state;
	make_objects(objects, shape, 3000);
	vmb_map_init(&map);
	for (size_t i = 0; i < 3000; i++) {
		assert_int_equal(vmb_map_insert(&map, objects[i].key, &objects[i]), 0);
		size_t from = (i & (i + 1)) == 0 || (i & (i - 1)) == 0 ? 0 : i;
		for (size_t k = from; k <= i; k++) {
			assert_ptr_equal(vmb_map_find(&map, objects[k].key), &objects[k]);
		}
		assert_null(vmb_map_find(&map, key_of(shape, i + 1)));
	}
	assert_int_equal(map.count, 3000);
	for (size_t i = 0; i < 3000; i++) {
		assert_ptr_equal(vmb_map_remove(&map, objects[i].key), &objects[i]);
		assert_null(vmb_map_find(&map, objects[i].key));
	}
	vmb_map_finish(&map);
}

/* The table keeps its size while keys are inserted and removed at the same rate. */
static void test_no_growth_at_constant_count(void **state)
{
	struct vmb_map map;
	int value;

	(void)state;
	vmb_map_init(&map);
	fail_alloc_after(FAIL_NEVER);
	for (uint64_t key = 1; key <= 100000; key++) {
		assert_int_equal(vmb_map_insert(&map, key, &value), 0);
		if (key > 20) {
			assert_ptr_equal(vmb_map_remove(&map, key - 20), &value);
		}
	}
	assert_int_equal(fail_alloc_count(), 1);
	assert_int_equal(map.count, 20);
	vmb_map_finish(&map);
}

static void test_growth_without_memory(void **state)
{
	static struct object objects[500];
	size_t failures = 0;
	struct vmb_map map;

	(void)state;
	make_objects(objects, &shapes[2], 500);
	vmb_map_init(&map);
	for (size_t i = 0; i < 500; i++) {
		fail_alloc_after(0);
		int ret = vmb_map_insert(&map, objects[i].key, &objects[i]);
		fail_alloc_after(FAIL_NEVER);
		if (ret != 0) {
			failures++;
			assert_int_equal(ret, -ENOMEM);
			assert_int_equal(map.count, i);
			assert_null(vmb_map_find(&map, objects[i].key));
			assert_int_equal(vmb_map_insert(&map, objects[i].key, &objects[i]), 0);
		}
		for (size_t k = 0; k <= i; k++) {
			assert_ptr_equal(vmb_map_find(&map, objects[k].key), &objects[k]);
		}
	}
	/* The first table has 64 slots. The table doubles when half of its slots are in use. */
	assert_int_equal(failures, 5);
	vmb_map_finish(&map);
}

/*
 * Tests with threads. The index of a key selects the key's role. Of eight keys two stay in the map,
 * and one is never in the map. One writer each inserts and removes the other five keys. Writers
 * thus move entries next to the keys that stay.
 */
#define WRITERS 2
#define READERS 3

enum role {
	ALWAYS_IN,
	NEVER_IN,
	CHANGES,
};

struct arena {
	struct vmb_map map;
	struct object objects[MAX_KEYS];
	size_t keys;
	size_t steps;
	uint64_t seed;
	atomic_int writers_left;
	atomic_size_t next_thread;
	/* 1 plus the index of a key with a wrong result, or 0 if all results are right. */
	atomic_size_t wrong;
};

static enum role role_of(size_t index)
{
	static const enum role roles[] = { ALWAYS_IN, CHANGES, CHANGES, NEVER_IN, CHANGES,
		ALWAYS_IN, CHANGES, CHANGES };

	return roles[index % 8];
}

static bool may_find(const struct object *object, const void *found, size_t index)
{
	switch (role_of(index)) {
	case ALWAYS_IN:
		return found == object;
	case NEVER_IN:
		return found == NULL;
	default:
		return found == NULL || found == object;
	}
}

static void *read_map(void *argument)
{
	struct arena *arena = argument;

	while (atomic_load(&arena->writers_left) > 0) {
		for (size_t i = 0; i < arena->keys; i++) {
			struct object *object = &arena->objects[i];
			if (!may_find(object, vmb_map_find(&arena->map, object->key), i)) {
				atomic_store(&arena->wrong, i + 1);
			}
		}
	}
	return NULL;
}

static void *write_map(void *argument)
{
	struct arena *arena = argument;
	size_t writer = atomic_fetch_add(&arena->next_thread, 1);
	uint64_t random = arena->seed + writer;
	bool there[MAX_KEYS] = { false };

	for (size_t i = 0; i < arena->steps; i++) {
		/* Each step uses more keys, so the table grows while the readers run. */
		size_t keys = arena->keys * (i + 1) / arena->steps + 1;
		size_t index = model_random(&random) % (keys < arena->keys ? keys : arena->keys);
		struct object *object = &arena->objects[index];
		bool wrong;

		if (role_of(index) != CHANGES || index / 8 % WRITERS != writer) {
			continue;
		}
		if (there[index]) {
			wrong = vmb_map_remove(&arena->map, object->key) != object;
		} else {
			wrong = vmb_map_insert(&arena->map, object->key, object) != 0;
		}
		there[index] = !there[index];
		wrong |= (vmb_map_find(&arena->map, object->key) == object) != there[index];
		if (wrong) {
			atomic_store(&arena->wrong, index + 1);
		}
	}
	atomic_fetch_sub(&arena->writers_left, 1);
	return NULL;
}

static void run_threads(struct arena *arena)
{
	pthread_t threads[WRITERS + READERS];

	atomic_store(&arena->writers_left, WRITERS);
	for (size_t i = 0; i < WRITERS + READERS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL,
					 i < WRITERS ? write_map : read_map, arena),
			0);
	}
	for (size_t i = 0; i < WRITERS + READERS; i++) {
		pthread_join(threads[i], NULL);
	}
}

static void test_readers_and_writers(void **state)
{
	const struct shape *shape = *state;
	struct arena *arena = calloc(1, sizeof(*arena));

	assert_non_null(arena);
	arena->seed = model_seed();
	print_message("VMB_SEED=%" PRIu64 "\n", arena->seed);
	arena->keys = shape->keys;
	arena->steps = 40000;
	make_objects(arena->objects, shape, arena->keys);
	vmb_map_init(&arena->map);
	for (size_t i = 0; i < arena->keys; i++) {
		if (role_of(i) == ALWAYS_IN) {
			assert_int_equal(vmb_map_insert(&arena->map, arena->objects[i].key,
						 &arena->objects[i]),
				0);
		}
	}
	run_threads(arena);
	if (arena->wrong) {
		fail_msg("VMB_SEED=%" PRIu64 ": wrong value of key %zu", arena->seed,
			arena->wrong - 1);
	}
	vmb_map_finish(&arena->map);
	free(arena);
}

/* A reader waits while the version is odd: a writer is changing the table. */
struct waiting {
	struct vmb_map map;
	atomic_bool found;
	int value;
};

static void *find_one(void *argument)
{
	struct waiting *waiting = argument;

	atomic_store(&waiting->found, vmb_map_find(&waiting->map, 1) == &waiting->value);
	return NULL;
}

static void test_reader_waits(void **state)
{
	static struct waiting waiting;
	pthread_t thread;

	(void)state;
	vmb_map_init(&waiting.map);
	assert_int_equal(vmb_map_insert(&waiting.map, 1, &waiting.value), 0);
	atomic_fetch_add(&waiting.map.version, 1);
	assert_int_equal(pthread_create(&thread, NULL, find_one, &waiting), 0);
	usleep(20000);
	bool too_early = atomic_load(&waiting.found);
	atomic_fetch_add(&waiting.map.version, 1);
	pthread_join(thread, NULL);
	assert_false(too_early);
	assert_true(waiting.found);
	vmb_map_finish(&waiting.map);
}

#define POPPERS 4

struct popping {
	struct vmb_map map;
	struct object objects[MAX_KEYS];
	pthread_barrier_t start;
};

static void *pop_some(void *argument)
{
	struct popping *popping = argument;
	struct object *object;

	pthread_barrier_wait(&popping->start);
	while ((object = vmb_map_pop(&popping->map))) {
		/* The final check fails if two threads pop the same object. */
		object->key++;
	}
	return NULL;
}

static void pop_by_threads(struct popping *popping)
{
	pthread_t threads[POPPERS];

	for (size_t i = 0; i < MAX_KEYS; i++) {
		popping->objects[i].key = i;
		assert_int_equal(vmb_map_insert(&popping->map, i + 1, &popping->objects[i]), 0);
	}
	for (size_t i = 0; i < POPPERS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, pop_some, popping), 0);
	}
	for (size_t i = 0; i < POPPERS; i++) {
		pthread_join(threads[i], NULL);
	}
	for (size_t i = 0; i < MAX_KEYS; i++) {
		assert_int_equal(popping->objects[i].key, i + 1);
	}
	assert_int_equal(popping->map.count, 0);
}

static void test_popping_by_threads(void **state)
{
	static struct popping popping;

	(void)state;
	vmb_map_init(&popping.map);
	pthread_barrier_init(&popping.start, NULL, POPPERS);
	for (size_t i = 0; i < 10; i++) {
		pop_by_threads(&popping);
	}
	pthread_barrier_destroy(&popping.start);
	vmb_map_finish(&popping.map);
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_empty),
	cmocka_unit_test(test_one_key),
	cmocka_unit_test(test_change_key),
	cmocka_unit_test(test_finish_empty),
	cmocka_unit_test(test_random),
	cmocka_unit_test(test_growth),
	cmocka_unit_test(test_no_growth_at_constant_count),
	cmocka_unit_test(test_growth_without_memory),
	cmocka_unit_test(test_reader_waits),
	cmocka_unit_test(test_popping_by_threads),
};
#define OTHERS (sizeof(others) / sizeof(others[0]))

int main(void)
{
	struct CMUnitTest tests[OTHERS + SHAPES];

	memcpy(tests, others, sizeof(others));
	for (size_t i = 0; i < SHAPES; i++) {
		tests[OTHERS + i] = (struct CMUnitTest){
			.name = shapes[i].name,
			.test_func = test_readers_and_writers,
			.initial_state = (void *)&shapes[i],
		};
	}
	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
