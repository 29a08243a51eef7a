/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hook_library.h"

/* Some threads call ioctl() through the libraries while other threads acquire and release the
 * hook. */

#define CALLERS 2
#define USERS 2
#ifdef __SANITIZE_THREAD__
/* The sanitizer makes loading a library slow, and every round loads libraries. */
#define ROUNDS 250
#else
#define ROUNDS 5000
#endif

static const char *const names[CALLERS] = { "lazy_driver", "relro_driver" };

struct arena {
	struct library libraries[CALLERS];
	/* The main thread is a user of the hook during the whole test. */
	bool is_held;
	atomic_int users_left;
	atomic_size_t next_caller;
	/* A wrong number of bytes, or 0. */
	atomic_int wrong;
	atomic_int failed;
};

static bool is_expected(const struct arena *arena, int bytes)
{
	return bytes == PIPE_BYTES + ADDED || (bytes == PIPE_BYTES && !arena->is_held);
}

static void *run_caller(void *argument)
{
	struct arena *arena = argument;
	const struct library *library = &arena->libraries[atomic_fetch_add(&arena->next_caller, 1)];

	while (atomic_load(&arena->users_left) > 0) {
		int bytes = pipe_bytes(library);
		if (!is_expected(arena, bytes)) {
			arena->wrong = bytes;
		}
	}
	return NULL;
}

static void *run_user(void *argument)
{
	struct arena *arena = argument;

	for (size_t i = 0; i < ROUNDS; i++) {
		int ret = vmb_hook_acquire(add_to_bytes);
		if (ret < 0) {
			arena->failed = ret;
			break;
		}
		vmb_hook_release();
	}
	arena->users_left--;
	return NULL;
}

/* Loads and unloads a library. The hook must not write to the library in between. */
static void *run_loader(void *argument)
{
	struct arena *arena = argument;

	while (atomic_load(&arena->users_left) > 0) {
		struct library library;
		library_open(&library, "noplt_driver");
		int bytes = pipe_bytes(&library);
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
		assert_int_equal(pthread_create(&threads[count++], NULL, run_caller, arena), 0);
	}
	for (size_t i = 0; i < USERS; i++) {
		assert_int_equal(pthread_create(&threads[count++], NULL, run_user, arena), 0);
	}
	assert_int_equal(pthread_create(&threads[count++], NULL, run_loader, arena), 0);
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
		/* Bind the slot first: binding during the hook may overwrite a thunk (hook.h). */
		assert_int_equal(pipe_bytes(&arena->libraries[i]), PIPE_BYTES);
	}
}

static void close_libraries(struct arena *arena)
{
	for (size_t i = 0; i < CALLERS; i++) {
		assert_int_equal(pipe_bytes(&arena->libraries[i]), PIPE_BYTES);
		library_close(&arena->libraries[i]);
	}
}

static void test_users_without_a_permanent_one(void **state)
{
	struct arena arena = { 0 };

	(void)state;
	open_libraries(&arena);
	run_threads(&arena);
	assert_int_equal(vmb_hook_count(), 0);
	close_libraries(&arena);
}

static void test_users_beside_a_permanent_one(void **state)
{
	struct arena arena = { .is_held = true };

	(void)state;
	open_libraries(&arena);
	assert_int_equal(vmb_hook_acquire(add_to_bytes), 0);
	run_threads(&arena);
	vmb_hook_release();
	assert_int_equal(vmb_hook_count(), 0);
	close_libraries(&arena);
}

static void *run_slow_loader(void *argument)
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

/* The hook does not write to a library that the dynamic linker is still relocating. */
static void test_library_in_relocation(void **state)
{
	atomic_bool is_loading = true;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, run_slow_loader, &is_loading), 0);
	while (is_loading) {
		assert_int_equal(vmb_hook_acquire(add_to_bytes), 0);
		vmb_hook_release();
	}
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users_without_a_permanent_one),
		cmocka_unit_test(test_users_beside_a_permanent_one),
		cmocka_unit_test(test_library_in_relocation),
	};

	return cmocka_run_group_tests_name("hook, threads", tests, NULL, NULL);
}
