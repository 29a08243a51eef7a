/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hook_library.h"

/* Threads that call through the libraries while others take the hook and let go of it. */

#define CALLERS 2
#define USERS 2
#ifdef __SANITIZE_THREAD__
/* Which makes loading a library, and so each round, slow. */
#define ROUNDS 250
#else
#define ROUNDS 5000
#endif

static const char *const names[CALLERS] = { "lazy_driver", "relro_driver" };

struct arena {
	struct library libraries[CALLERS];
	/* Somebody has the hook all the time. */
	bool is_held;
	atomic_int users_left;
	atomic_size_t next_caller;
	/* The first answer that was wrong, or 0. */
	atomic_int wrong;
	atomic_int failed;
};

static bool is_answer(const struct arena *arena, int bytes)
{
	return bytes == PIPE_BYTES + ADDED || (bytes == PIPE_BYTES && !arena->is_held);
}

static void *call(void *argument)
{
	struct arena *arena = argument;
	const struct library *library = &arena->libraries[atomic_fetch_add(&arena->next_caller, 1)];

	while (atomic_load(&arena->users_left) > 0) {
		int bytes = waiting_bytes(library);
		if (!is_answer(arena, bytes)) {
			arena->wrong = bytes;
		}
	}
	return NULL;
}

static void *use(void *argument)
{
	struct arena *arena = argument;

	for (size_t i = 0; i < ROUNDS; i++) {
		int ret = vmb_hook_acquire(add_to_answer);
		if (ret < 0) {
			arena->failed = ret;
			break;
		}
		vmb_hook_release();
	}
	arena->users_left--;
	return NULL;
}

/* A library that comes and goes: hooked or not, it must never be written to in between. */
static void *load(void *argument)
{
	struct arena *arena = argument;

	while (atomic_load(&arena->users_left) > 0) {
		struct library library;
		library_open(&library, "noplt_driver");
		int bytes = waiting_bytes(&library);
		if (bytes != PIPE_BYTES && bytes != PIPE_BYTES + ADDED) {
			arena->wrong = bytes;
		}
		library_close(&library);
	}
	return NULL;
}

static void run_threads(struct arena *arena)
{
	pthread_t threads[CALLERS + USERS + 1];
	size_t count = 0;

	arena->users_left = USERS;
	for (size_t i = 0; i < CALLERS; i++) {
		assert_int_equal(pthread_create(&threads[count++], NULL, call, arena), 0);
	}
	for (size_t i = 0; i < USERS; i++) {
		assert_int_equal(pthread_create(&threads[count++], NULL, use, arena), 0);
	}
	assert_int_equal(pthread_create(&threads[count++], NULL, load, arena), 0);
	for (size_t i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(arena->failed, 0);
	assert_int_equal(arena->wrong, 0);
}

static void open_libraries(struct arena *arena)
{
	for (size_t i = 0; i < CALLERS; i++) {
		library_open(&arena->libraries[i], names[i]);
		/* Binding a slot may undo the hook (hook.h): not here. */
		assert_int_equal(waiting_bytes(&arena->libraries[i]), PIPE_BYTES);
	}
}

static void close_libraries(struct arena *arena)
{
	for (size_t i = 0; i < CALLERS; i++) {
		assert_int_equal(waiting_bytes(&arena->libraries[i]), PIPE_BYTES);
		library_close(&arena->libraries[i]);
	}
}

static void test_last_user_comes_and_goes(void **state)
{
	struct arena arena = { 0 };

	(void)state;
	open_libraries(&arena);
	run_threads(&arena);
	assert_int_equal(vmb_hook_count(), 0);
	close_libraries(&arena);
}

static void test_one_user_stays(void **state)
{
	struct arena arena = { .is_held = true };

	(void)state;
	open_libraries(&arena);
	assert_int_equal(vmb_hook_acquire(add_to_answer), 0);
	run_threads(&arena);
	vmb_hook_release();
	assert_int_equal(vmb_hook_count(), 0);
	close_libraries(&arena);
}

static void *load_slowly(void *argument)
{
	atomic_bool *is_loading = argument;

	for (size_t i = 0; i < 5; i++) {
		struct library library;
		library_open(&library, "slow_driver");
		library_close(&library);
	}
	*is_loading = false;
	return NULL;
}

/* What the dynamic linker is still writing to is not touched. */
static void test_library_half_loaded(void **state)
{
	atomic_bool is_loading = true;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, load_slowly, &is_loading), 0);
	while (is_loading) {
		assert_int_equal(vmb_hook_acquire(add_to_answer), 0);
		vmb_hook_release();
	}
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_user_comes_and_goes),
		cmocka_unit_test(test_one_user_stays),
		cmocka_unit_test(test_library_half_loaded),
	};

	return cmocka_run_group_tests_name("hook, threads", tests, NULL, NULL);
}
