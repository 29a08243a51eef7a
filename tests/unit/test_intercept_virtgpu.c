/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* syscall */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "hook_library.h"
#include "uapi/virtgpu.h"
#include "virtgpu.h"
#include "virtgpu/intercept.h"

/*
 * Tests how an intercept learns the open file of a driver on virtio_gpu. A library stands in for
 * the driver. The library's calls of ioctl() go through the hook to the simulated kernel.
 */

#define PAGE VMB_SIM_GPU_PAGE
#define DEFER DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING

/* Linked with --wrap=vmb_helper_find,--wrap=vmb_helper_run. */
int __wrap_vmb_helper_find(char *path, size_t size);
int __wrap_vmb_helper_run(const char *path, int dmabuf, dev_t device, unsigned timeout_ms);

int __wrap_vmb_helper_find(char *path, size_t size)
{
	return vmb_sim_gpu_find_helper(path, size);
}

int __wrap_vmb_helper_run(const char *path, int dmabuf, dev_t device, unsigned timeout_ms)
{
	return vmb_sim_gpu_run_helper(path, dmabuf, device, timeout_ms);
}

static const char *kernel_driver;

static int get_version(struct drm_version *version)
{
	version->version_major = 0;
	version->version_minor = 1;
	strncpy(version->name, kernel_driver, version->name_len);
	return 0;
}

/* All libraries call this ioctl() instead of the C library's. */
__attribute__((visibility("default"))) int ioctl(int fd, libc_request libc, ...)
{
	unsigned long request = (unsigned int)libc;
	va_list list;

	va_start(list, libc);
	void *arg = va_arg(list, void *);
	va_end(list);
	if (_IOC_TYPE(request) != DRM_IOCTL_BASE) {
		return (int)syscall(SYS_ioctl, fd, request, arg);
	}
	return request == DRM_IOCTL_VERSION ? get_version(arg)
					    : vmb_sim_gpu_ioctl(fd, request, arg);
}

static struct library driver;

/* Creates a blob and returns the hints that the kernel got. */
static uint32_t create(int fd)
{
	struct drm_virtgpu_resource_create_blob blob = {
		.blob_mem = VIRTGPU_BLOB_MEM_HOST3D,
		.blob_flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE,
		.size = PAGE,
	};

	errno = 12345;
	assert_int_equal(driver.call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &blob), 0);
	assert_int_equal(errno, 12345);
	return vmb_sim_gpu_last_hints();
}

static uint32_t create_in(struct vmb_intercept *intercept, bool is_allocation, int fd)
{
	struct vmb_virtgpu_call call;

	vmb_virtgpu_call_begin(&call, intercept, is_allocation);
	uint32_t hints = create(fd);
	assert_int_equal(vmb_driver_call_end(&call.base), 0);
	return hints;
}

static struct vmb_intercept *create_intercept(void)
{
	const struct vmb_virtgpu_driver driver_facts = {
		.request = VMB_DEFER_AUTO,
		.late_types = UINT32_MAX,
	};
	struct vmb_intercept *intercept = NULL;

	assert_int_equal(vmb_virtgpu_intercept_create(&driver_facts, &intercept), 0);
	return intercept;
}

static void test_learns(void **state)
{
	int fd = vmb_sim_gpu_open();

	(void)state;
	struct vmb_intercept *intercept = create_intercept();
	assert_int_equal(create(fd), 0);
	assert_false(vmb_intercept_is_live(intercept));
	/* A blob that the driver creates for its device shows the descriptor. */
	assert_int_equal(create_in(intercept, false, fd), 0);
	assert_true(vmb_intercept_is_live(intercept));
	assert_int_equal(create_in(intercept, true, fd), DEFER);
	assert_int_equal(create(fd), 0);
	vmb_intercept_destroy(intercept);
	assert_int_equal(create(fd), 0);
	close(fd);
	vmb_sim_gpu_finish();
}

/* If the driver creates no blob for its device, the first allocation shows the descriptor. */
static void test_learns_late(void **state)
{
	int fd = vmb_sim_gpu_open();

	(void)state;
	struct vmb_intercept *intercept = create_intercept();
	assert_int_equal(create_in(intercept, true, fd), DEFER);
	assert_int_equal(create_in(intercept, true, fd), DEFER);
	vmb_intercept_destroy(intercept);
	close(fd);
	vmb_sim_gpu_finish();
}

/* If the driver only imports memory, the first import shows the descriptor. */
static void test_learns_by_import(void **state)
{
	int fd = vmb_sim_gpu_open();
	int elsewhere = vmb_sim_gpu_open();
	struct drm_virtgpu_resource_create_blob blob = {
		.blob_mem = VIRTGPU_BLOB_MEM_HOST3D,
		.blob_flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE,
		.size = PAGE,
		.blob_hints = DEFER,
	};
	struct vmb_virtgpu_call call;

	(void)state;
	assert_int_equal(
		vmb_sim_gpu_ioctl(elsewhere, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &blob), 0);
	struct drm_prime_handle prime = { .handle = blob.bo_handle };
	assert_int_equal(vmb_sim_gpu_ioctl(elsewhere, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
	struct vmb_intercept *intercept = create_intercept();
	vmb_virtgpu_call_begin(&call, intercept, true);
	assert_int_equal(driver.call(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime), 0);
	assert_int_equal(vmb_driver_call_end(&call.base), 0);
	struct drm_virtgpu_map map = { .handle = prime.handle };
	assert_int_equal(driver.call(fd, DRM_IOCTL_VIRTGPU_MAP, &map), 0);
	assert_int_equal(vmb_sim_gpu_map(fd, prime.handle), VMB_SIM_GPU_MAPPED);
	close(prime.fd);
	vmb_intercept_destroy(intercept);
	close(elsewhere);
	close(fd);
	vmb_sim_gpu_finish();
}

static void test_other_kernel_drivers(void **state)
{
	int fd = vmb_sim_gpu_open();

	(void)state;
	struct vmb_intercept *intercept = create_intercept();
	kernel_driver = "virtio_gpu2";
	assert_int_equal(create_in(intercept, true, fd), 0);
	assert_false(vmb_intercept_is_live(intercept));
	kernel_driver = "virtio_gpu";
	vmb_intercept_destroy(intercept);
	close(fd);
	vmb_sim_gpu_finish();
}

/* The driver uses one file for two devices of an instance. */
static void test_shared_file(void **state)
{
	int fd = vmb_sim_gpu_open();

	(void)state;
	struct vmb_intercept *first = create_intercept();
	struct vmb_intercept *second = create_intercept();
	assert_int_equal(create_in(first, true, fd), DEFER);
	assert_int_equal(create_in(second, true, fd), DEFER);
	assert_ptr_equal(vmb_virtgpu_intercept_file(first), vmb_virtgpu_intercept_file(second));
	assert_int_equal(vmb_virtgpu_intercept_file(first)->statistics.hinted, 2);
	vmb_intercept_destroy(first);
	struct drm_virtgpu_map map = { .handle = 1 };
	assert_int_equal(driver.call(fd, DRM_IOCTL_VIRTGPU_MAP, &map), 0);
	assert_int_equal(vmb_sim_gpu_map(fd, 1), VMB_SIM_GPU_MAPPED);
	assert_int_equal(create_in(second, true, fd), DEFER);
	vmb_intercept_destroy(second);
	close(fd);
	vmb_sim_gpu_finish();
}

/* Each of two devices has a file. An allocation of one device may use the file of the other. */
static void test_two_files(void **state)
{
	int fds[2] = { vmb_sim_gpu_open(), vmb_sim_gpu_open() };
	struct vmb_intercept *intercepts[2] = { create_intercept(), create_intercept() };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(create_in(intercepts[i], true, fds[i]), DEFER);
	}
	assert_ptr_not_equal(vmb_virtgpu_intercept_file(intercepts[0]),
		vmb_virtgpu_intercept_file(intercepts[1]));
	assert_int_equal(create_in(intercepts[0], true, fds[1]), 0);
	assert_int_equal(create_in(intercepts[1], true, fds[1]), DEFER);
	vmb_intercept_destroy(intercepts[0]);
	/* The descriptor is reused for another file. */
	close(fds[0]);
	assert_int_equal(vmb_sim_gpu_open(), fds[0]);
	assert_int_equal(create_in(intercepts[1], true, fds[0]), 0);
	vmb_intercept_destroy(intercepts[1]);
	close(fds[0]);
	close(fds[1]);
	vmb_sim_gpu_finish();
}

static void *create_elsewhere(void *argument)
{
	uint32_t *hints = argument;

	*hints = create((int)*hints);
	return NULL;
}

/* A thread of the driver that creates a blob during vkAllocateMemory is not part of the call. */
static void test_threads(void **state)
{
	int fd = vmb_sim_gpu_open();
	uint32_t hints = (uint32_t)fd;
	struct vmb_virtgpu_call call;
	pthread_t thread;

	(void)state;
	struct vmb_intercept *intercept = create_intercept();
	assert_int_equal(create_in(intercept, true, fd), DEFER);
	vmb_virtgpu_call_begin(&call, intercept, true);
	assert_int_equal(pthread_create(&thread, NULL, create_elsewhere, &hints), 0);
	pthread_join(thread, NULL);
	vmb_driver_call_end(&call.base);
	assert_int_equal(hints, 0);
	vmb_intercept_destroy(intercept);
	close(fd);
	vmb_sim_gpu_finish();
}

/* Creates a blob and returns the handle. */
static uint32_t make(struct vmb_intercept *intercept, bool is_allocation, int fd)
{
	struct drm_virtgpu_resource_create_blob blob = {
		.blob_mem = VIRTGPU_BLOB_MEM_HOST3D,
		.blob_flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE,
		.size = PAGE,
	};
	struct vmb_virtgpu_call call;

	vmb_virtgpu_call_begin(&call, intercept, is_allocation);
	assert_int_equal(driver.call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &blob), 0);
	assert_int_equal(vmb_driver_call_end(&call.base), 0);
	return blob.bo_handle;
}

/* Creates a deferred blob. */
static uint32_t allocate(struct vmb_intercept *intercept, int fd)
{
	return make(intercept, true, fd);
}

static void close_handle(int fd, uint32_t handle)
{
	struct drm_gem_close closed = { .handle = handle };

	assert_int_equal(driver.call(fd, DRM_IOCTL_GEM_CLOSE, &closed), 0);
}

/* Gets the offset of a blob. Returns whether mmap() of the blob succeeds without blocking. */
static bool is_guarded(int fd, uint32_t handle)
{
	struct drm_virtgpu_map map = { .handle = handle };

	return driver.call(fd, DRM_IOCTL_VIRTGPU_MAP, &map) == 0 &&
		vmb_sim_gpu_map(fd, handle) == VMB_SIM_GPU_MAPPED;
}

/* Two intercepts share a descriptor. A search finds `first` before `second`. */
struct sharing {
	int fd;
	struct vmb_intercept *first;
	struct vmb_intercept *second;
};

static void share(struct sharing *sharing)
{
	struct vmb_intercept *intercepts[2] = { create_intercept(), create_intercept() };
	const struct vmb_intercept *intercept = intercepts[0];

	while (intercept && intercept != intercepts[1]) {
		intercept = intercept->next;
	}
	sharing->first = intercept ? intercepts[0] : intercepts[1];
	sharing->second = intercept ? intercepts[1] : intercepts[0];
	sharing->fd = vmb_sim_gpu_open();
	allocate(sharing->first, sharing->fd);
	allocate(sharing->second, sharing->fd);
	assert_ptr_equal(vmb_virtgpu_intercept_file(sharing->first),
		vmb_virtgpu_intercept_file(sharing->second));
}

/* A thread may find the intercept of a descriptor just before another device reuses the
 * intercept. */
static void test_intercept_reused(void **state)
{
	struct sharing sharing;
	int other = vmb_sim_gpu_open();

	(void)state;
	share(&sharing);
	vmb_intercept_destroy(sharing.first);
	struct vmb_intercept *again = create_intercept();
	assert_ptr_equal(again, sharing.first);
	allocate(again, other);
	atomic_store(&again->fd, sharing.fd);
	assert_true(is_guarded(sharing.fd, allocate(sharing.second, sharing.fd)));
	atomic_store(&again->fd, other);
	vmb_intercept_destroy(again);

	/* The intercept learned the other descriptor, but had no memory for the file. */
	again = create_intercept();
	assert_ptr_equal(again, sharing.first);
	/* The file is the first member of the state. */
	memset(vmb_intercept_state(again), 0, sizeof(void *));
	atomic_store(&again->fd, sharing.fd);
	assert_true(is_guarded(sharing.fd, allocate(sharing.second, sharing.fd)));
	atomic_store(&again->fd, -1);
	vmb_intercept_destroy(again);
	vmb_intercept_destroy(sharing.second);
	close(sharing.fd);
	close(other);
	vmb_sim_gpu_finish();
}

#define ROUNDS 1000

static void create_device_on(int fd)
{
	struct vmb_intercept *intercept = create_intercept();

	close_handle(fd, make(intercept, false, fd));
	vmb_intercept_destroy(intercept);
}

struct visitor {
	int fds[2];
	atomic_bool is_done;
};

static void *create_devices(void *argument)
{
	struct visitor *visitor = argument;

	for (size_t i = 0; i < ROUNDS; i++) {
		create_device_on(visitor->fds[i % 2]);
	}
	visitor->is_done = true;
	return NULL;
}

/* Many devices reuse one intercept. Each device uses the file of another device or a file of its
 * own, in turn. */
static void test_intercept_reused_by_threads(void **state)
{
	struct sharing sharing;
	pthread_t thread;

	(void)state;
	share(&sharing);
	vmb_intercept_destroy(sharing.first);
	struct visitor visitor = { .fds = { sharing.fd, vmb_sim_gpu_open() } };
	assert_int_equal(pthread_create(&thread, NULL, create_devices, &visitor), 0);
	while (!visitor.is_done) {
		uint32_t handle = allocate(sharing.second, sharing.fd);
		assert_true(is_guarded(sharing.fd, handle));
		close_handle(sharing.fd, handle);
	}
	pthread_join(thread, NULL);
	vmb_intercept_destroy(sharing.second);
	close(sharing.fd);
	close(visitor.fds[1]);
	vmb_sim_gpu_finish();
}

static int set_up(void **state)
{
	static const struct vmb_sim_gpu_config config = {
		.hostmem = 64 * PAGE,
		.capsets = 1u << VIRTGPU_DRM_CAPSET_VENUS,
	};

	(void)state;
	kernel_driver = "virtio_gpu";
	vmb_sim_gpu_init(&config);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_learns),
		TEST(test_learns_late),
		TEST(test_learns_by_import),
		TEST(test_other_kernel_drivers),
		TEST(test_shared_file),
		TEST(test_two_files),
		TEST(test_threads),
		TEST(test_intercept_reused),
		TEST(test_intercept_reused_by_threads),
	};

	library_open(&driver, "relro_driver");
	int failed = cmocka_run_group_tests_name("intercept_virtgpu", tests, NULL, NULL);
	library_close(&driver);
	return failed;
}
