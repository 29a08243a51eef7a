/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hook_library.h"

/* Run with hook_libs/preloaded preloaded: it sees what the libraries send, once, and so does the
 * handler. */

static int *preloaded_calls;

static void expect(const struct library *library, int answer, int calls_of_handler)
{
	int before = *preloaded_calls;

	handled = 0;
	assert_int_equal(waiting_bytes(library), answer);
	assert_int_equal(*preloaded_calls, before + 1);
	assert_int_equal(handled, calls_of_handler);
}

static void test_bound(void **state)
{
	struct library library;

	library_open(&library, *state);
	expect(&library, PIPE_BYTES, 0);
	assert_int_equal(vmb_hook_acquire(add_to_answer), 0);
	expect(&library, PIPE_BYTES + ADDED, 1);
	vmb_hook_release();
	expect(&library, PIPE_BYTES, 0);
	library_close(&library);
}

static void test_unbound(void **state)
{
	struct library library;

	library_open(&library, *state);
	assert_int_equal(vmb_hook_acquire(add_to_answer), 0);
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
