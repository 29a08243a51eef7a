/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <uapi/drm.h>

#include "drm/tap.h"
#include "hook_library.h"

/* Which ioctls of a driver's library a tap leaves alone: what the kernel says of each tells which
 * descriptor it came with. */

struct fixture {
	struct library library;
	struct vmb_tap *tap;
};

static int set_up(void **state)
{
	static struct fixture fixture;

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
	struct vmb_drm_version version = { 0 };

	errno = 0;
	assert_int_equal(fixture->library.call(fd, request, &version), -1);
	return errno;
}

/* No descriptor at all is nobody's, also while a tap knows none. */
static void test_no_descriptor(void **state)
{
	assert_int_equal(error_of(*state, -1, VMB_IOCTL_VERSION), EBADF);
}

static void test_other_descriptor(void **state)
{
	struct fixture *fixture = *state;
	int ours = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int other = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(ours >= 0 && other >= 0);
	/* Where ours would be passed on to. */
	fixture->tap->panthor.fd = -1;
	atomic_store(&fixture->tap->fd, ours);
	assert_int_equal(error_of(fixture, other, VMB_IOCTL_VERSION), ENOTTY);
	assert_int_equal(error_of(fixture, ours, VMB_IOCTL_VERSION), EBADF);
	/* Not an ioctl of DRM. */
	assert_int_equal(error_of(fixture, ours, _IO('v', 0)), ENOTTY);
	close(ours);
	close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_descriptor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_descriptor, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
