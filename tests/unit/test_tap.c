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

#include "hook_library.h"
#include "ioctl/intercept.h"

/*
 * Which ioctls of a driver's library a tap looks at. Of those that it leaves alone, what the kernel says of
 * each tells which descriptor it came with. For the others a panthor stands here that knows one
 * descriptor, whatever it is of.
 */

static struct {
	int fd;
	/* The last VM_BIND's only op. */
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
		/* The first one of a file. */
		((struct drm_panthor_vm_create *)arg)->id = 1;
	} else if (request == DRM_IOCTL_PANTHOR_VM_BIND) {
		const struct drm_panthor_vm_bind *bind = arg;
		assert_int_equal(bind->ops.count, 1);
		memcpy(&panthor.op, (const void *)(uintptr_t)bind->ops.array, sizeof(panthor.op));
	}
	return 0;
}

/* The program's own, which is seen by all libraries. */
__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...)
{
	va_list list;

	va_start(list, request);
	void *arg = va_arg(list, void *);
	va_end(list);
	return fd >= 0 && fd == panthor.fd && _IOC_TYPE(request) == DRM_IOCTL_BASE
		? panthor_ioctl(request, arg)
		: (int)syscall(SYS_ioctl, fd, request, arg);
}

struct fixture {
	struct library library;
	struct vmb_tap *tap;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	panthor.fd = -1;
	library_open(&fixture.library, "lazy_driver");
	assert_int_equal(vmb_tap_create(&fixture.tap), 0);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	vmb_tap_destroy(fixture->tap);
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

/* No descriptor at all is nobody's, also while a tap knows none. */
static void test_no_descriptor(void **state)
{
	assert_int_equal(error_of(*state, -1, DRM_IOCTL_VERSION), EBADF);
}

#define HOLE 7

/* What a driver does in its vkCreateDevice. */
static void create_device(const struct fixture *fixture, struct vmb_tap *tap, int fd)
{
	struct drm_panthor_vm_create create = { 0 };
	struct vmb_scope scope;

	vmb_scope_begin(&scope, tap, VMB_SCOPE_DEVICE);
	assert_int_equal(fixture->library.call(fd, DRM_IOCTL_PANTHOR_VM_CREATE, &create), 0);
	assert_int_equal(vmb_scope_end(&scope), 0);
}

/* What reaches the kernel when the driver maps the hole: the BO, 0 for the sparse op. */
static uint32_t map_hole(const struct fixture *fixture, int fd)
{
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP,
		.bo_handle = HOLE,
		.size = 4096,
	};
	struct drm_panthor_vm_bind bind = {
		.vm_id = 1,
		.ops = DRM_PANTHOR_OBJ_ARRAY(1, &op),
	};

	assert_int_equal(fixture->library.call(fd, DRM_IOCTL_PANTHOR_VM_BIND, &bind), 0);
	return panthor.op.bo_handle;
}

/* Ioctls go where the driver sends them, wherever the tap's own would go. */
static void test_other_descriptor(void **state)
{
	struct fixture *fixture = *state;
	int ours = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int other = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(ours >= 0 && other >= 0);
	fixture->tap->panthor.fd = -1;
	fixture->tap->panthor.ioctl = ioctl;
	fixture->tap->panthor.minor = 9;
	atomic_store(&fixture->tap->panthor.hole, HOLE);
	atomic_store(&fixture->tap->fd, ours);
	assert_int_equal(error_of(fixture, other, DRM_IOCTL_VERSION), ENOTTY);
	assert_int_equal(error_of(fixture, ours, DRM_IOCTL_VERSION), ENOTTY);
	panthor.fd = ours;
	assert_int_equal(map_hole(fixture, ours), 0);
	panthor.fd = other;
	assert_int_equal(map_hole(fixture, other), HOLE);
	/* Not an ioctl of DRM. */
	assert_int_equal(error_of(fixture, ours, _IO('v', 0)), ENOTTY);
	close(ours);
	close(other);
}

/* The device of a tap could not be created, its descriptor is closed, and the number given to the driver of
 * another one before the tap goes. Whichever of the two is found first. */
static void test_closed_descriptor(void **state)
{
	struct fixture *fixture = *state;
	struct vmb_tap *taps[2] = { fixture->tap };

	assert_int_equal(vmb_tap_create(&taps[1]), 0);
	for (unsigned failed = 0; failed < 2; failed++) {
		struct vmb_tap *other = taps[1 - failed];
		panthor.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(panthor.fd >= 0);
		create_device(fixture, taps[failed], panthor.fd);
		assert_true(vmb_tap_is_live(taps[failed]));
		create_device(fixture, other, panthor.fd);
		assert_true(vmb_tap_is_live(other));
		atomic_store(&other->panthor.hole, HOLE);
		assert_int_equal(map_hole(fixture, panthor.fd), 0);
		vmb_tap_destroy(taps[failed]);
		assert_int_equal(map_hole(fixture, panthor.fd), 0);
		vmb_tap_destroy(other);
		assert_int_equal(map_hole(fixture, panthor.fd), HOLE);
		close(panthor.fd);
		/* In the other order. */
		assert_int_equal(vmb_tap_create(&taps[1]), 0);
		assert_int_equal(vmb_tap_create(&taps[0]), 0);
	}
	vmb_tap_destroy(taps[0]);
	fixture->tap = taps[1];
}

/* The tap in a library that is loaded at run time, as the layer is. */
struct module {
	void *handle;
	const struct library *driver;
	struct vmb_tap *(*tap)(void);
	bool (*create_device)(struct vmb_tap *tap,
		int (*call)(int fd, unsigned long request, void *argument), int fd);
	void (*destroy)(struct vmb_tap *tap);
};

static void module_open(struct module *module, const struct library *driver)
{
	module->handle = dlopen(library_path("tap_module"), RTLD_NOW | RTLD_LOCAL);
	assert_non_null(module->handle);
	module->driver = driver;
	module->tap = (struct vmb_tap * (*)(void)) dlsym(module->handle, "module_tap");
	module->create_device = (bool (*)(struct vmb_tap *, int (*)(int, unsigned long, void *),
		int))dlsym(module->handle, "module_create_device");
	module->destroy = (void (*)(struct vmb_tap *))dlsym(module->handle, "module_destroy");
	assert_true(module->tap && module->create_device && module->destroy);
}

/* Whether the thread has memory for the module's thread-local variables, which it gets when it first looks
 * at one. */
static bool has_variables(const struct module *module)
{
	void *variables = NULL;

	assert_int_equal(dlinfo(module->handle, RTLD_DI_TLS_DATA, &variables), 0);
	return variables;
}

/* Of a file that no tap is for. */
static void *call_driver(void *data)
{
	const struct module *module = data;
	struct drm_version version = { 0 };

	module->driver->call(STDIN_FILENO, DRM_IOCTL_VERSION, &version);
	return has_variables(module) ? data : NULL;
}

static bool looks_for_scope(struct module *module)
{
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, call_driver, module), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	return result;
}

/* What is not for us costs no memory, in no thread; only while a descriptor is looked for. */
static void test_other_threads(void **state)
{
	struct library driver;
	struct module module;

	(void)state;
	library_open(&driver, "lazy_driver");
	module_open(&module, &driver);
	panthor.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(panthor.fd >= 0);
	/* Where the dynamic linker has reserved room for them there is nothing to see. */
	if (has_variables(&module)) {
		skip();
	}
	struct vmb_tap *tap = module.tap();
	assert_non_null(tap);
	assert_true(looks_for_scope(&module));
	assert_true(module.create_device(tap, driver.call, panthor.fd));
	assert_true(has_variables(&module));
	assert_false(looks_for_scope(&module));
	struct vmb_tap *second = module.tap();
	assert_true(looks_for_scope(&module));
	module.destroy(second);
	assert_false(looks_for_scope(&module));
	module.destroy(tap);
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
