/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* RTLD_DEFAULT, dlinfo */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fail_alloc.h"
#include "hook_library.h"
#include "scenarios.h"

/* Linked with -Wl,--wrap=mprotect. Bit n makes call n of the hook to mprotect() fail. */
static uint64_t failing_mprotects;

int __real_mprotect(void *start, size_t size, int protection);
int __wrap_mprotect(void *start, size_t size, int protection);

int __wrap_mprotect(void *start, size_t size, int protection)
{
	bool fails = failing_mprotects & 1;

	failing_mprotects >>= 1;
	if (fails) {
		errno = EACCES;
		return -1;
	}
	return __real_mprotect(start, size, protection);
}

/* Reads the lines of /proc/self/maps of a library: addresses and protection. */
static void read_maps(const char *name, char *lines, size_t size)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char file[64], line[4096];
	size_t length = 0;

	assert_non_null(maps);
	snprintf(file, sizeof(file), "/%s.so\n", name);
	lines[0] = '\0';
	while (fgets(line, sizeof(line), maps)) {
		if (strstr(line, file)) {
			int added = snprintf(lines + length, size - length, "%s", line);
			assert_in_range(added, 1, size - length - 1);
			length += (size_t)added;
		}
	}
	fclose(maps);
}

#define MAPS_BYTES 4096

static void expect_maps(const char *name, const char *expected)
{
	char maps[MAPS_BYTES];

	read_maps(name, maps, sizeof(maps));
	assert_string_equal(maps, expected);
}

static void expect_unhooked(const struct library *library)
{
	handled = 0;
	assert_int_equal(pipe_bytes(library), PIPE_BYTES);
	assert_int_equal(handled, 0);
}

static void expect_hooked(const struct library *library)
{
	handled = 0;
	assert_int_equal(pipe_bytes(library), PIPE_BYTES + ADDED);
	assert_int_equal(handled, 1);
}

static void acquire(void)
{
	assert_int_equal(vmb_hook_acquire(add_to_bytes), 0);
}

/* The slot of ioctl(): the only word of the library that the hook changes. */
static uintptr_t *find_slot(const struct library *library)
{
	struct image image;
	uintptr_t *slot;

	image_init(&image, library);
	acquire();
	assert_int_equal(image_changes(&image, &slot), 1);
	vmb_hook_release();
	assert_int_equal(image_changes(&image, NULL), 0);
	image_finish(&image);
	return slot;
}

/* Scenarios with one library each. */

struct scenario {
	const char *name;
	bool is_hooked;
	/* The library calls ioctl() before the hook, so the slot is bound. */
	bool is_called;
	const char *library;
};

static const struct scenario scenarios[] = {
	{ "driver with lazy binding, unbound", true, false, "lazy_driver" },
	{ "driver with lazy binding, bound", true, true, "lazy_driver" },
	{ "driver with 64-bit time, unbound", true, false, "time64_driver" },
	{ "driver with 64-bit time, bound", true, true, "time64_driver" },
	{ "driver with full RELRO", true, true, "relro_driver" },
	{ "driver without a PLT", true, true, "noplt_driver" },
	{ "driver without PLT and RELRO", true, true, "norelro_driver" },
	{ "libdrm, unbound", true, false, "libdrm" },
	{ "libdrm, bound", true, true, "libdrm" },
	{ "libdrm_amdgpu", false, true, "libdrm_amdgpu" },
	{ "soname that begins like libdrm's", false, true, "libdrm_named" },
	{ "neither driver nor libdrm", false, false, "not_driver" },
};
static const struct scenario_table table = SCENARIO_TABLE(scenarios);

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	size_t slots = scenario->is_hooked ? 1 : 0;
	void (*expect)(const struct library *) = scenario->is_hooked ? expect_hooked
								     : expect_unhooked;
	struct library library;
	struct image image;
	char maps[MAPS_BYTES];

	library_open(&library, scenario->library);
	if (scenario->is_called) {
		expect_unhooked(&library);
	}
	read_maps(scenario->library, maps, sizeof(maps));
	image_init(&image, &library);
	for (int i = 0; i < 2; i++) {
		acquire();
		assert_int_equal(image_changes(&image, NULL), slots);
		assert_int_equal(vmb_hook_count(), slots);
		expect_maps(scenario->library, maps);
		vmb_hook_release();
		assert_int_equal(image_changes(&image, NULL), 0);
		assert_int_equal(vmb_hook_count(), 0);
		expect_maps(scenario->library, maps);
	}
	acquire();
	expect(&library);
	expect(&library);
	vmb_hook_release();
	expect_unhooked(&library);
	expect_maps(scenario->library, maps);
	image_finish(&image);
	library_close(&library);
}

static void test_real_libdrm(void **state)
{
	struct library library = { .handle = dlopen("libdrm.so.2", RTLD_LAZY | RTLD_LOCAL) };

	(void)state;
	if (!library.handle) {
		skip();
	}
	library.call = (int (*)(int, unsigned long, void *))dlsym(library.handle, "drmIoctl");
	assert_non_null(library.call);
	acquire();
	expect_hooked(&library);
	vmb_hook_release();
	expect_unhooked(&library);
	acquire();
	expect_hooked(&library);
	vmb_hook_release();
	expect_unhooked(&library);
	library_close(&library);
}

/* This symbol makes a library a Vulkan driver. The hook still leaves the program alone. */
__attribute__((visibility("default"))) void vk_icdGetInstanceProcAddr(void);
void vk_icdGetInstanceProcAddr(void)
{
}

static int call_directly(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument);
}

static void test_program_is_left_alone(void **state)
{
	const struct library program = { .call = call_directly };

	(void)state;
	acquire();
	expect_unhooked(&program);
	vmb_hook_release();
}

/* Tests of the handler. */

static int handle_without_kernel(vmb_ioctl_fn next, int fd, unsigned long request, void *argument)
{
	(void)next;
	assert_int_equal(fd, 12345);
	assert_int_equal(request, 0xfedcba98);
	*(int *)argument = 54321;
	errno = EXDEV;
	return -7;
}

static void test_arguments_and_errno(void **state)
{
	struct library library;
	int value = 0;

	(void)state;
	library_open(&library, "lazy_driver");
	assert_int_equal(vmb_hook_acquire(handle_without_kernel), 0);
	errno = 0;
	assert_int_equal(library.call(12345, 0xfedcba98, &value), -7);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(value, 54321);
	vmb_hook_release();
	library_close(&library);
}

static void test_error_of_kernel(void **state)
{
	struct library library;
	int value = 0;

	(void)state;
	library_open(&library, "relro_driver");
	acquire();
	errno = 0;
	assert_int_equal(library.call(-1, FIONREAD, &value), -1);
	assert_int_equal(errno, EBADF);
	vmb_hook_release();
	library_close(&library);
}

static void test_users(void **state)
{
	struct library library;

	(void)state;
	library_open(&library, "lazy_driver");
	acquire();
	acquire();
	assert_int_equal(vmb_hook_acquire(handle_without_kernel), -EBUSY);
	vmb_hook_release();
	expect_hooked(&library);
	vmb_hook_release();
	expect_unhooked(&library);
	assert_int_equal(vmb_hook_acquire(handle_without_kernel), 0);
	vmb_hook_release();
	library_close(&library);
}

/* Libraries that are loaded and unloaded. */

static void test_loaded_later(void **state)
{
	struct library first, later;

	(void)state;
	library_open(&first, "lazy_driver");
	acquire();
	library_open(&later, "relro_driver");
	expect_hooked(&first);
	expect_unhooked(&later);
	acquire();
	expect_hooked(&first);
	expect_hooked(&later);
	vmb_hook_release();
	vmb_hook_release();
	expect_unhooked(&first);
	expect_unhooked(&later);
	library_close(&first);
	library_close(&later);
}

static void test_loaded_again(void **state)
{
	static const char *const names[] = { "lazy_driver", "relro_driver" };
	struct library library;

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		const char *name = names[i & 1];
		bool is_called = i & 2, is_called_before = i & 4;
		library_open(&library, name);
		if (is_called_before) {
			expect_unhooked(&library);
		}
		acquire();
		library_close(&library);
		library_open(&library, name);
		if (is_called) {
			expect_unhooked(&library);
		}
		acquire();
		expect_hooked(&library);
		vmb_hook_release();
		vmb_hook_release();
		expect_unhooked(&library);
		library_close(&library);
	}
}

static void test_unloaded_while_hooked(void **state)
{
	char maps[MAPS_BYTES];
	struct library library;

	(void)state;
	library_open(&library, "relro_driver");
	acquire();
	library_close(&library);
	/* The hook does not keep the library loaded. */
	read_maps("relro_driver", maps, sizeof(maps));
	assert_string_equal(maps, "");
	vmb_hook_release();
	assert_int_equal(vmb_hook_count(), 0);
}

/* Interposers: other hooks that patch the same slot. */

static vmb_ioctl_fn interposer_next;
static int interposer_calls;

static int interposer(int fd, unsigned long request, ...)
{
	va_list arguments;

	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	interposer_calls++;
	return interposer_next(fd, request, argument);
}

static void interpose(uintptr_t *slot)
{
	interposer_next = (vmb_ioctl_fn)*slot;
	*slot = (uintptr_t)interposer;
}

/* One ioctl() calls the interposer once and the handler handler_calls times. */
static void expect_interposed(const struct library *library, int handler_calls)
{
	handled = 0;
	interposer_calls = 0;
	assert_int_equal(pipe_bytes(library), PIPE_BYTES + handler_calls * ADDED);
	assert_int_equal(interposer_calls, 1);
	assert_int_equal(handled, handler_calls);
}

static void test_interposer_before(void **state)
{
	struct library first, second;

	(void)state;
	library_open(&first, "lazy_driver");
	library_open(&second, "relro_driver");
	expect_unhooked(&first);
	uintptr_t *slot = find_slot(&first);
	interpose(slot);

	acquire();
	expect_interposed(&first, 1);
	interposer_calls = 0;
	expect_hooked(&second);
	assert_int_equal(interposer_calls, 0);
	vmb_hook_release();
	assert_int_equal(*slot, (uintptr_t)interposer);
	expect_interposed(&first, 0);
	expect_unhooked(&second);

	/* The interposer patches the slot again. */
	acquire();
	*slot = (uintptr_t)interposer;
	expect_interposed(&first, 0);
	acquire();
	expect_interposed(&first, 1);
	vmb_hook_release();
	vmb_hook_release();
	expect_interposed(&first, 0);
	library_close(&first);
	library_close(&second);
}

static uintptr_t base_of(const struct library *library)
{
	struct link_map *map;

	assert_int_equal(dlinfo(library->handle, RTLD_DI_LINKMAP, &map), 0);
	return map->l_addr;
}

/* The hook forgets the slot of an unloaded library, even if the library is loaded at the same
 * address again. */
static void test_interposer_in_library_loaded_again(void **state)
{
	struct library library;

	(void)state;
	library_open(&library, "lazy_driver");
	uintptr_t offset = (uintptr_t)find_slot(&library) - base_of(&library);
	acquire();
	library_close(&library);
	acquire();
	library_open(&library, "lazy_driver");
	expect_unhooked(&library);
	interpose((uintptr_t *)(base_of(&library) + offset));
	acquire();
	expect_interposed(&library, 1);
	vmb_hook_release();
	vmb_hook_release();
	vmb_hook_release();
	expect_interposed(&library, 0);
	library_close(&library);
}

static void test_interposer_after(void **state)
{
	struct library library;

	(void)state;
	library_open(&library, "lazy_driver");
	expect_unhooked(&library);
	uintptr_t *slot = find_slot(&library);
	uintptr_t original = *slot;

	acquire();
	interpose(slot);
	expect_interposed(&library, 1);
	/* Another walk changes nothing, with a user and without. */
	acquire();
	expect_interposed(&library, 1);
	vmb_hook_release();
	expect_interposed(&library, 1);
	vmb_hook_release();
	assert_int_equal(*slot, (uintptr_t)interposer);
	expect_interposed(&library, 0);
	acquire();
	assert_int_equal(*slot, (uintptr_t)interposer);
	expect_interposed(&library, 1);
	vmb_hook_release();
	expect_interposed(&library, 0);

	/* The interposer restores the thunk. */
	*slot = (uintptr_t)interposer_next;
	expect_unhooked(&library);
	acquire();
	expect_hooked(&library);
	vmb_hook_release();
	assert_int_equal(*slot, original);
	expect_unhooked(&library);
	library_close(&library);
}

/* An interposer from before the hook restores the original function and drops the thunk. */
static void test_interposer_restores_original(void **state)
{
	struct library library;

	(void)state;
	library_open(&library, "lazy_driver");
	expect_unhooked(&library);
	uintptr_t *slot = find_slot(&library);
	uintptr_t original = *slot;

	interpose(slot);
	acquire();
	*slot = original;
	expect_unhooked(&library);
	acquire();
	expect_hooked(&library);
	vmb_hook_release();
	vmb_hook_release();
	assert_int_equal(*slot, original);
	expect_unhooked(&library);
	library_close(&library);
}

/* Another hook restores the thunk after the hook has no users. */
static void test_thunk_restored(void **state)
{
	struct library library;

	(void)state;
	library_open(&library, "lazy_driver");
	uintptr_t *slot = find_slot(&library);
	acquire();
	uintptr_t thunk = *slot;
	vmb_hook_release();
	*slot = thunk;
	expect_unhooked(&library);
	acquire();
	expect_hooked(&library);
	vmb_hook_release();
	expect_unhooked(&library);
	library_close(&library);
}

/* Late binding in another thread overwrites the thunk. The next walk patches the slot again. */
static void test_bound_during_patch(void **state)
{
	struct library library;

	(void)state;
	library_open(&library, "lazy_driver");
	uintptr_t *slot = find_slot(&library);
	acquire();
	*slot = (uintptr_t)dlsym(RTLD_DEFAULT, "ioctl");
	acquire();
	expect_hooked(&library);
	vmb_hook_release();
	vmb_hook_release();
	expect_unhooked(&library);
	library_close(&library);
}

/* Errors. */

#define DRIVERS 3

static void open_drivers(struct library libraries[DRIVERS], struct image images[DRIVERS])
{
	static const char *const names[DRIVERS] = { "lazy_driver", "relro_driver", "noplt_driver" };

	for (size_t i = 0; i < DRIVERS; i++) {
		library_open(&libraries[i], names[i]);
		expect_unhooked(&libraries[i]);
		image_init(&images[i], &libraries[i]);
	}
}

static void close_drivers(struct library libraries[DRIVERS], struct image images[DRIVERS])
{
	for (size_t i = 0; i < DRIVERS; i++) {
		image_finish(&images[i]);
		library_close(&libraries[i]);
	}
}

static void expect_unchanged(struct library libraries[DRIVERS], const struct image images[DRIVERS])
{
	for (size_t i = 0; i < DRIVERS; i++) {
		assert_int_equal(image_changes(&images[i], NULL), 0);
		expect_unhooked(&libraries[i]);
	}
}

static void test_no_memory(void **state)
{
	struct library libraries[DRIVERS];
	struct image images[DRIVERS];
	uint64_t good = 0;
	int ret = -ENOMEM;

	(void)state;
	open_drivers(libraries, images);
	for (; ret < 0; good++) {
		fail_alloc_after(good);
		ret = vmb_hook_acquire(add_to_bytes);
		fail_alloc_after(FAIL_NEVER);
		if (ret < 0) {
			assert_int_equal(ret, -ENOMEM);
			expect_unchanged(libraries, images);
		}
	}
	assert_in_range(good, 2, 100);
	vmb_hook_release();
	expect_unchanged(libraries, images);
	close_drivers(libraries, images);
}

/* Two slots are read-only, so the hook makes four calls: unprotect, protect, unprotect, protect. */
static void test_no_protection(void **state)
{
	struct library libraries[DRIVERS];
	struct image images[DRIVERS];
	char relro[MAPS_BYTES], noplt[MAPS_BYTES];

	(void)state;
	open_drivers(libraries, images);
	read_maps("relro_driver", relro, sizeof(relro));
	read_maps("noplt_driver", noplt, sizeof(noplt));
	for (uint64_t call = 0; call < 4; call++) {
		failing_mprotects = UINT64_C(1) << call;
		assert_int_equal(vmb_hook_acquire(add_to_bytes), -EACCES);
		assert_int_equal(failing_mprotects, 0);
		expect_maps("relro_driver", relro);
		expect_maps("noplt_driver", noplt);
		expect_unchanged(libraries, images);
	}
	acquire();
	expect_hooked(&libraries[1]);
	vmb_hook_release();
	expect_unchanged(libraries, images);
	close_drivers(libraries, images);
}

/* The hook has a user. Libraries that were hooked before the error stay hooked. */
static void test_no_protection_later(void **state)
{
	struct library first, later;

	(void)state;
	library_open(&first, "lazy_driver");
	acquire();
	library_open(&later, "relro_driver");
	failing_mprotects = 1;
	assert_int_equal(vmb_hook_acquire(add_to_bytes), -EACCES);
	expect_hooked(&first);
	expect_unhooked(&later);
	vmb_hook_release();
	expect_unhooked(&first);
	library_close(&first);
	library_close(&later);
}

/* The hook has no users, and an interposer still calls a thunk. */
static void test_no_protection_at_first(void **state)
{
	struct library first, later;

	(void)state;
	library_open(&first, "lazy_driver");
	uintptr_t *slot = find_slot(&first);
	acquire();
	interpose(slot);
	vmb_hook_release();
	library_open(&later, "relro_driver");
	failing_mprotects = 1;
	assert_int_equal(vmb_hook_acquire(add_to_bytes), -EACCES);
	expect_interposed(&first, 0);
	library_close(&first);
	library_close(&later);
}

/* A thunk that cannot be removed calls the original function. The next release removes it. */
static void test_no_protection_to_restore(void **state)
{
	struct library library;
	struct image image;

	(void)state;
	library_open(&library, "relro_driver");
	image_init(&image, &library);
	acquire();
	failing_mprotects = 1;
	vmb_hook_release();
	assert_int_equal(image_changes(&image, NULL), 1);
	expect_unhooked(&library);
	acquire();
	expect_hooked(&library);
	vmb_hook_release();
	assert_int_equal(image_changes(&image, NULL), 0);
	image_finish(&image);
	library_close(&library);
}

/* The hook in a separate library. */

struct module {
	void *handle;
	int (*acquire)(vmb_hook_handler handler);
	void (*release)(void);
};

static void module_open(struct module *module)
{
	module->handle = dlopen(library_path("hook_module"), RTLD_NOW | RTLD_LOCAL);
	assert_non_null(module->handle);
	module->acquire = (int (*)(vmb_hook_handler))dlsym(module->handle, "module_acquire");
	module->release = (void (*)(void))dlsym(module->handle, "module_release");
	assert_true(module->acquire && module->release);
}

static bool module_is_loaded(void)
{
	char maps[MAPS_BYTES];

	read_maps("hook_module", maps, sizeof(maps));
	return maps[0] != '\0';
}

static void test_module_stays_loaded_after_patch(void **state)
{
	struct library library;
	struct module module;

	(void)state;
	/* Without a library to hook, the module can be unloaded. */
	module_open(&module);
	assert_int_equal(module.acquire(add_to_bytes), 0);
	module.release();
	dlclose(module.handle);
	assert_false(module_is_loaded());

	module_open(&module);
	library_open(&library, "lazy_driver");
	expect_unhooked(&library);
	uintptr_t *slot = find_slot(&library);
	assert_int_equal(module.acquire(add_to_bytes), 0);
	interpose(slot);
	module.release();
	dlclose(module.handle);
	assert_true(module_is_loaded());
	expect_interposed(&library, 0);
	library_close(&library);
}

/* Two instances of the hook, as in two layers. The first instance is released first. */
static void test_two_hooks(void **state)
{
	struct library library;
	struct module module;

	(void)state;
	module_open(&module);
	library_open(&library, "relro_driver");
	acquire();
	assert_int_equal(module.acquire(add_to_bytes), 0);
	handled = 0;
	assert_int_equal(pipe_bytes(&library), PIPE_BYTES + 2 * ADDED);
	assert_int_equal(handled, 2);
	vmb_hook_release();
	expect_hooked(&library);
	module.release();
	expect_unhooked(&library);
	dlclose(module.handle);
	library_close(&library);
}

/*
 * This test runs last because thunks stay assigned: one to the C library's ioctl(), others to the
 * functions of earlier tests.
 */

#define NEXTS VMB_HOOK_THUNKS

static int call_next(size_t index, int fd, unsigned long request, void *argument)
{
	interposer_calls += (int)index;
	return interposer_next(fd, request, argument);
}

#define NEXT(index) \
	static int next_##index(int fd, unsigned long request, ...) \
	{ \
		va_list arguments; \
\
		va_start(arguments, request); \
		void *argument = va_arg(arguments, void *); \
		va_end(arguments); \
		return call_next(index, fd, request, argument); \
	}

NEXT(1)
NEXT(2)
NEXT(3)
NEXT(4)
NEXT(5)
NEXT(6)
NEXT(7)
NEXT(8)

static const vmb_ioctl_fn all_nexts[NEXTS] = {
	next_1,
	next_2,
	next_3,
	next_4,
	next_5,
	next_6,
	next_7,
	next_8,
};

static void expect_next(const struct library *library, size_t index)
{
	interposer_calls = 0;
	expect_hooked(library);
	assert_int_equal(interposer_calls, index);
}

static void test_too_many_functions(void **state)
{
	struct library library, other;
	size_t failed = 0;

	(void)state;
	library_open(&other, "noplt_driver");
	library_open(&library, "lazy_driver");
	expect_unhooked(&library);
	uintptr_t *slot = find_slot(&library);
	interposer_next = (vmb_ioctl_fn)*slot;
	for (size_t i = 0; i < NEXTS; i++) {
		*slot = (uintptr_t)all_nexts[i];
		int ret = vmb_hook_acquire(add_to_bytes);
		if (ret == 0) {
			assert_int_equal(failed, 0);
			expect_next(&library, i + 1);
			vmb_hook_release();
			expect_unhooked(&library);
		} else {
			failed++;
			assert_int_equal(ret, -ENOSPC);
			expect_unhooked(&other);
		}
		assert_int_equal(*slot, (uintptr_t)all_nexts[i]);
	}
	assert_in_range(failed, 1, NEXTS - 1);
	/* The first functions keep their thunks. */
	*slot = (uintptr_t)all_nexts[0];
	acquire();
	expect_next(&library, 1);
	vmb_hook_release();
	library_close(&library);
	library_close(&other);
}

int main(void)
{
	const struct CMUnitTest each = cmocka_unit_test(test_scenario);
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_real_libdrm),
		cmocka_unit_test(test_program_is_left_alone),
		cmocka_unit_test(test_arguments_and_errno),
		cmocka_unit_test(test_error_of_kernel),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_loaded_later),
		cmocka_unit_test(test_loaded_again),
		cmocka_unit_test(test_unloaded_while_hooked),
		cmocka_unit_test(test_interposer_before),
		cmocka_unit_test(test_interposer_in_library_loaded_again),
		cmocka_unit_test(test_interposer_after),
		cmocka_unit_test(test_interposer_restores_original),
		cmocka_unit_test(test_thunk_restored),
		cmocka_unit_test(test_bound_during_patch),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_protection),
		cmocka_unit_test(test_no_protection_at_first),
		cmocka_unit_test(test_no_protection_later),
		cmocka_unit_test(test_no_protection_to_restore),
		cmocka_unit_test(test_module_stays_loaded_after_patch),
		cmocka_unit_test(test_two_hooks),
		cmocka_unit_test(test_too_many_functions),
	};

	return run_scenarios("hook", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
