/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hook_library.h"

/* Runs with hook_libs/preloaded preloaded. Each ioctl() of a library calls the preloaded function
 * once and the handler once. */

static int *preloaded_calls;

static void expect(const struct library *library, int bytes, int handler_calls)
{
	int before = *preloaded_calls;

	handled = 0;
	assert_int_equal(pipe_bytes(library), bytes);
	assert_int_equal(*preloaded_calls, before + 1);
	assert_int_equal(handled, handler_calls);
}

static void test_bound(void **state)
{
	struct library library;

	library_open(&library, *state);
	expect(&library, PIPE_BYTES, 0);
	assert_int_equal(vmb_hook_acquire(add_to_bytes), 0);
	expect(&library, PIPE_BYTES + ADDED, 1);
	vmb_hook_release();
	expect(&library, PIPE_BYTES, 0);
	library_close(&library);
}

static void test_unbound(void **state)
{
	struct library library;

	library_open(&library, *state);
	assert_int_equal(vmb_hook_acquire(add_to_bytes), 0);
	expect(&library, PIPE_BYTES + ADDED, 1);
	expect(&library, PIPE_BYTES + ADDED, 1);
	vmb_hook_release();
	expect(&library, PIPE_BYTES, 0);
	library_close(&library);
}

static int find_preloaded(void **state)
{
	(void)state;
	preloaded_calls = dlsym(RTLD_DEFAULT, "preloaded_calls");
	return preloaded_calls ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_bound, "lazy_driver"),
		cmocka_unit_test_prestate(test_unbound, "lazy_driver"),
		cmocka_unit_test_prestate(test_bound, "time64_driver"),
		cmocka_unit_test_prestate(test_unbound, "time64_driver"),
		cmocka_unit_test_prestate(test_bound, "relro_driver"),
		cmocka_unit_test_prestate(test_bound, "noplt_driver"),
	};

	return cmocka_run_group_tests_name("hook, preloaded", tests, find_preloaded, NULL);
}
