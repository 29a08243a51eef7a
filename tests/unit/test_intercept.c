/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dlinfo, syscall */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <uapi/drm.h>
#include <uapi/panthor.h>

#include "backend/panthor/translator.h"
#include "hook_library.h"
#include "ioctl/intercept.h"

/*
 * These tests check which ioctls of a driver's library an intercept handles. The program's ioctl()
 * emulates panthor on one descriptor. Other ioctls go to the kernel, whose errno shows the
 * descriptor of the call.
 */

static struct {
	int fd;
	/* The op of the last VM_BIND */
	struct drm_panthor_vm_bind_op op;
} panthor = { .fd = -1 };

static int panthor_ioctl(unsigned long request, void *arg)
{
	if (request == DRM_IOCTL_VERSION) {
		struct drm_version *version = arg;
		version->version_major = 1;
		version->version_minor = 9;
		strncpy(version->name, "panthor", version->name_len);
	} else if (request == DRM_IOCTL_PANTHOR_VM_CREATE) {
		/* The kernel gives the first VM of a file the id 1. */
		((struct drm_panthor_vm_create *)arg)->id = 1;
	} else if (request == DRM_IOCTL_PANTHOR_VM_BIND) {
		const struct drm_panthor_vm_bind *bind = arg;
		assert_int_equal(bind->ops.count, 1);
		memcpy(&panthor.op, (const void *)(uintptr_t)bind->ops.array, sizeof(panthor.op));
	}
	return 0;
}

/* The program's definition takes precedence over libc's in all libraries. */
__attribute__((visibility("default"))) int ioctl(int fd, libc_request libc, ...)
{
	unsigned long request = (unsigned int)libc;
	va_list list;

	va_start(list, libc);
	void *arg = va_arg(list, void *);
	va_end(list);
	return fd >= 0 && fd == panthor.fd && _IOC_TYPE(request) == DRM_IOCTL_BASE
		? panthor_ioctl(request, arg)
		: (int)syscall(SYS_ioctl, fd, request, arg);
}

struct fixture {
	struct library library;
	struct vmb_intercept *intercept;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	panthor.fd = -1;
	library_open(&fixture.library, "lazy_driver");
	assert_int_equal(vmb_intercept_create(&vmb_panthor_translator, &fixture.intercept), 0);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	vmb_intercept_destroy(fixture->intercept);
	library_close(&fixture->library);
	return 0;
}

static int error_of(const struct fixture *fixture, int fd, unsigned long request)
{
	struct drm_version version = { 0 };

	errno = 0;
	assert_int_equal(fixture->library.call(fd, request, &version), -1);
	return errno;
}

/* An intercept that has no descriptor yet ignores the descriptor -1. */
static void test_no_descriptor(void **state)
{
	assert_int_equal(error_of(*state, -1, DRM_IOCTL_VERSION), EBADF);
}

#define NULL_MEMORY 7

/* Creates a VM, as a driver does in vkCreateDevice. */
static void create_device(const struct fixture *fixture, struct vmb_intercept *intercept, int fd)
{
	struct drm_panthor_vm_create create = { 0 };
	struct vmb_panthor_call call;

	vmb_panthor_call_begin(&call, intercept, VMB_PANTHOR_CALL_CREATE_DEVICE);
	assert_int_equal(fixture->library.call(fd, DRM_IOCTL_PANTHOR_VM_CREATE, &create), 0);
	assert_int_equal(vmb_driver_call_end(&call.base), 0);
}

/* Maps the null memory. Returns the BO that reaches the kernel, or 0 for a sparse op. */
static uint32_t map_null_memory(const struct fixture *fixture, int fd)
{
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP,
		.bo_handle = NULL_MEMORY,
		.size = 4096,
	};
	struct drm_panthor_vm_bind bind = {
		.vm_id = 1,
		.ops = DRM_PANTHOR_OBJ_ARRAY(1, &op),
	};

	assert_int_equal(fixture->library.call(fd, DRM_IOCTL_PANTHOR_VM_BIND, &bind), 0);
	return panthor.op.bo_handle;
}

/* The intercept changes ioctls on its own descriptor only. Each ioctl keeps its descriptor. */
static void test_other_descriptor(void **state)
{
	struct fixture *fixture = *state;
	int ours = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int other = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(ours >= 0 && other >= 0);
	struct vmb_panthor *known = vmb_intercept_state(fixture->intercept);
	known->intercept = fixture->intercept;
	known->fd = -1;
	known->ioctl = vmb_ioctl_libc;
	known->minor = 9;
	atomic_store(&known->null_memory, NULL_MEMORY);
	atomic_store(&fixture->intercept->fd, ours);
	assert_int_equal(error_of(fixture, other, DRM_IOCTL_VERSION), ENOTTY);
	assert_int_equal(error_of(fixture, ours, DRM_IOCTL_VERSION), ENOTTY);
	panthor.fd = ours;
	assert_int_equal(map_null_memory(fixture, ours), 0);
	panthor.fd = other;
	assert_int_equal(map_null_memory(fixture, other), NULL_MEMORY);
	/* The type 'v' is outside DRM. */
	assert_int_equal(error_of(fixture, ours, _IO('v', 0)), ENOTTY);
	close(ours);
	close(other);
}

/* Device creation failed and the driver closed the descriptor. Another device's driver gets the
 * number before the first intercept is destroyed. The test covers both orders of the intercepts in
 * the list. */
static void test_closed_descriptor(void **state)
{
	struct fixture *fixture = *state;
	struct vmb_intercept *intercepts[2] = { fixture->intercept };

	assert_int_equal(vmb_intercept_create(&vmb_panthor_translator, &intercepts[1]), 0);
	for (unsigned failed = 0; failed < 2; failed++) {
		struct vmb_intercept *other = intercepts[1 - failed];
		panthor.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(panthor.fd >= 0);
		create_device(fixture, intercepts[failed], panthor.fd);
		assert_true(vmb_intercept_is_live(intercepts[failed]));
		create_device(fixture, other, panthor.fd);
		assert_true(vmb_intercept_is_live(other));
		struct vmb_panthor *known = vmb_intercept_state(other);
		atomic_store(&known->null_memory, NULL_MEMORY);
		assert_int_equal(map_null_memory(fixture, panthor.fd), 0);
		vmb_intercept_destroy(intercepts[failed]);
		assert_int_equal(map_null_memory(fixture, panthor.fd), 0);
		vmb_intercept_destroy(other);
		assert_int_equal(map_null_memory(fixture, panthor.fd), NULL_MEMORY);
		close(panthor.fd);
		/* The next round has the other order. */
		assert_int_equal(vmb_intercept_create(&vmb_panthor_translator, &intercepts[1]), 0);
		assert_int_equal(vmb_intercept_create(&vmb_panthor_translator, &intercepts[0]), 0);
	}
	vmb_intercept_destroy(intercepts[0]);
	fixture->intercept = intercepts[1];
}

/* A library that contains the intercept. Like the layer, the library is loaded at run time. */
struct module {
	void *handle;
	const struct library *driver;
	struct vmb_intercept *(*create)(void);
	bool (*create_device)(struct vmb_intercept *intercept,
		int (*call)(int fd, unsigned long request, void *argument), int fd);
	void (*destroy)(struct vmb_intercept *intercept);
};

static void module_open(struct module *module, const struct library *driver)
{
	module->handle = dlopen(library_path("intercept_module"), RTLD_NOW | RTLD_LOCAL);
	assert_non_null(module->handle);
	module->driver = driver;
	module->create = (struct vmb_intercept * (*)(void)) dlsym(module->handle, "module_create");
	module->create_device = (bool (*)(struct vmb_intercept *,
		int (*)(int, unsigned long, void *), int))dlsym(module->handle,
		"module_create_device");
	module->destroy = (void (*)(struct vmb_intercept *))dlsym(module->handle, "module_destroy");
	assert_true(module->create && module->create_device && module->destroy);
}

/* Returns whether the thread has memory for the module's thread-local variables. The dynamic linker
 * allocates the memory at the first access. */
static bool has_variables(const struct module *module)
{
	void *variables = NULL;

#ifdef RTLD_DI_TLS_DATA
	assert_int_equal(dlinfo(module->handle, RTLD_DI_TLS_DATA, &variables), 0);
#else
	/* musl allocates the memory with the library. */
	(void)module;
	skip();
#endif
	return variables;
}

/* Calls an ioctl on a file without an intercept. Returns NULL if the thread has no thread-local
 * variables of the module afterwards. */
static void *call_driver(void *data)
{
	const struct module *module = data;
	struct drm_version version = { 0 };

	module->driver->call(STDIN_FILENO, DRM_IOCTL_VERSION, &version);
	return has_variables(module) ? data : NULL;
}

static bool looks_for_call(struct module *module)
{
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, call_driver, module), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	return result;
}

/* The ioctls of other threads allocate thread-local memory only while an intercept awaits its
 * descriptor. */
static void test_other_threads(void **state)
{
	struct library driver;
	struct module module;

	(void)state;
	library_open(&driver, "lazy_driver");
	module_open(&module, &driver);
	panthor.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(panthor.fd >= 0);
	/* With static TLS, each thread has the variables from its start. */
	if (has_variables(&module)) {
		skip();
	}
	struct vmb_intercept *intercept = module.create();
	assert_non_null(intercept);
	assert_true(looks_for_call(&module));
	assert_true(module.create_device(intercept, driver.call, panthor.fd));
	assert_true(has_variables(&module));
	assert_false(looks_for_call(&module));
	struct vmb_intercept *second = module.create();
	assert_true(looks_for_call(&module));
	module.destroy(second);
	assert_false(looks_for_call(&module));
	module.destroy(intercept);
	close(panthor.fd);
	dlclose(module.handle);
	library_close(&driver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_descriptor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_descriptor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_closed_descriptor, set_up, tear_down),
		cmocka_unit_test(test_other_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
