/* SPDX-License-Identifier: MIT */
/* The facts that vmbind-info reads from the kernel. Wrapped libc calls simulate the device. */

#define _GNU_SOURCE /* fmemopen */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <uapi/drm.h>
#include <uapi/panthor.h>
#include <uapi/virtgpu.h>
#include <unistd.h>

#include "kernel_facts.h"

#define HOSTMEM (UINT64_C(256) << 20)

static struct {
	int open_error;
	const char *driver;
	int major;
	int minor;
	const char *resources; /* the PCI device's file, NULL if there is none */
	const char *debugfs;
	bool honours; /* the hint to defer a mapping */
	int blob_error; /* the error of every blob creation */
	bool has_no_hostmem;
	int capsets;
	const char *release;
} kernel;

int __wrap_uname(struct utsname *name);
int __wrap_uname(struct utsname *name)
{
	memset(name, 0, sizeof(*name));
	strcpy(name->release, kernel.release);
	return 0;
}

/* The symbol names with _FILE_OFFSET_BITS=64. */
int __wrap_open64(const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	if (strncmp(path, "/dev/dri/renderD", 16) != 0) {
		return __real_open64(path, flags);
	}
	errno = kernel.open_error;
	return kernel.open_error ? -1 : __real_open64("/dev/null", flags);
}

FILE *__wrap_fopen64(const char *path, const char *mode);
FILE *__real_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode)
{
	const char *content = NULL;

	if (strncmp(path, "/sys/", 5) != 0) {
		return __real_fopen64(path, mode);
	}
	if (strstr(path, "/device/../resource")) {
		content = kernel.resources;
	} else if (strcmp(path, "/sys/kernel/debug/dri/128/virtio-gpu-host-visible-mm") == 0) {
		content = kernel.debugfs;
	}
	errno = ENOENT;
	return content ? fmemopen((void *)(uintptr_t)content, strlen(content), "r") : NULL;
}

static int answer_version(struct drm_version *version)
{
	size_t length = strlen(kernel.driver);

	memcpy(version->name, kernel.driver,
		length < version->name_len ? length : version->name_len);
	version->version_major = kernel.major;
	version->version_minor = kernel.minor;
	return 0;
}

static int answer_query(const struct drm_panthor_dev_query *query)
{
	const struct drm_panthor_mmu_info mmu = { .page_size_bitmap = 0x201000 };

	if (query->type != DRM_PANTHOR_DEV_QUERY_MMU_INFO || kernel.minor < 9) {
		return EINVAL;
	}
	memcpy((void *)(uintptr_t)query->pointer, &mmu, sizeof(mmu));
	return 0;
}

static int answer_parameter(const struct drm_virtgpu_getparam *get)
{
	int value;

	switch (get->param) {
	case VIRTGPU_PARAM_HOST_VISIBLE:
		value = !kernel.has_no_hostmem;
		break;
	case VIRTGPU_PARAM_SUPPORTED_CAPSET_IDs:
		value = kernel.capsets;
		break;
	default:
		return EINVAL;
	}
	memcpy((void *)(uintptr_t)get->value, &value, sizeof(value));
	return 0;
}

static int answer_blob(const struct drm_virtgpu_resource_create_blob *create)
{
	bool deferred = create->blob_hints & DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING;

	if (kernel.blob_error) {
		return kernel.blob_error;
	}
	return create->size <= HOSTMEM || (kernel.honours && deferred) ? 0 : ENOSPC;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	int error;

	(void)fd;
	va_start(args, request);
	void *arg = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case DRM_IOCTL_VERSION:
		error = answer_version(arg);
		break;
	case DRM_IOCTL_PANTHOR_DEV_QUERY:
		error = answer_query(arg);
		break;
	case DRM_IOCTL_VIRTGPU_GETPARAM:
		error = answer_parameter(arg);
		break;
	case DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB:
		error = answer_blob(arg);
		break;
	case DRM_IOCTL_VIRTGPU_CONTEXT_INIT:
	case DRM_IOCTL_GEM_CLOSE:
		error = 0;
		break;
	default:
		error = ENOTTY;
	}
	errno = error;
	return error ? -1 : 0;
}

static struct vmb_kernel_facts read_facts(void)
{
	struct vmb_kernel_facts facts = { .has_node = true, .node = 128 };

	vmb_kernel_facts_read(&facts);
	return facts;
}

static int reset(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.capsets = 1 << VIRTGPU_DRM_CAPSET_VENUS;
	kernel.release = "7.3.0";
	return 0;
}

static void test_no_node(void **state)
{
	(void)state;
	kernel.open_error = ENOENT;
	assert_int_equal(read_facts().error, -ENOENT);
	kernel.open_error = EACCES;
	assert_int_equal(read_facts().error, -EACCES);
}

static void test_panthor(void **state)
{
	(void)state;
	kernel.driver = "panthor";
	kernel.major = 1;
	kernel.minor = 8;
	struct vmb_kernel_facts facts = read_facts();
	assert_int_equal(facts.error, 0);
	assert_string_equal(facts.driver.name, "panthor");
	assert_int_equal(facts.sparse, VMB_NO);
	assert_int_equal(facts.page_sizes, 0);
	kernel.minor = 9;
	facts = read_facts();
	assert_int_equal(facts.sparse, VMB_YES);
	assert_int_equal(facts.page_sizes, 0x201000);
	assert_int_equal(facts.hostmem, 0);
	assert_int_equal(facts.defers, VMB_UNKNOWN);
}

static void test_other(void **state)
{
	(void)state;
	kernel.driver = "amdgpu";
	kernel.major = 3;
	struct vmb_kernel_facts facts = read_facts();
	assert_int_equal(facts.error, 0);
	assert_int_equal(facts.sparse, VMB_UNKNOWN);
	assert_int_equal(facts.defers, VMB_UNKNOWN);
}

#ifdef VMB_HAS_VIRTGPU

static void test_virtgpu(void **state)
{
	(void)state;
	kernel.driver = "virtio_gpu";
	/* The BARs: registers and the hostmem region of 256 MiB. */
	kernel.resources = "0x00000000fe000000 0x00000000fe003fff 0x0000000000140204\n"
			   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			   "0x0000008000000000 0x000000800fffffff 0x000000000014220c\n";
	kernel.honours = true;
	struct vmb_kernel_facts facts = read_facts();
	assert_int_equal(facts.hostmem, HOSTMEM);
	assert_int_equal(facts.defers, VMB_YES);
	assert_false(facts.has_hostmem_used);
	kernel.honours = false;
	kernel.debugfs = "0x0000008000000000-0x0000008001000000: 16777216: used\n"
			 "0x0000008001000000-0x0000008010000000: 251658240: free\n"
			 "total: 268435456, used 16777216 free 251658240\n";
	facts = read_facts();
	assert_int_equal(facts.defers, VMB_NO);
	assert_true(facts.has_hostmem_used);
	assert_int_equal(facts.hostmem_used, 16777216);
	/* A sysfs without the PCI device's resource file. */
	kernel.resources = NULL;
	kernel.debugfs = "Host allocations not visible to guest\n";
	facts = read_facts();
	assert_int_equal(facts.hostmem, 0);
	assert_int_equal(facts.defers, VMB_NO);
	assert_false(facts.has_hostmem_used);
}

static void check_defers(bool by_default, bool if_on)
{
	const struct vmb_kernel_facts facts = read_facts();

	assert_false(vmb_kernel_facts_defers(&facts, VMB_DEFER_OFF));
	assert_int_equal(vmb_kernel_facts_defers(&facts, VMB_DEFER_AUTO), by_default);
	assert_int_equal(vmb_kernel_facts_defers(&facts, VMB_DEFER_ON), if_on);
}

/* As find_obstacle() in layer/virtgpu/decide.c. */
static void test_defers(void **state)
{
	(void)state;
	kernel.driver = "virtio_gpu";
	kernel.honours = true;
	check_defers(true, true);
	kernel.honours = false;
	check_defers(false, false);
	/* If probing fails, the kernel release decides, if it is known. */
	kernel.blob_error = ENOMEM;
	check_defers(false, true);
	kernel.release = "7.2.0";
	check_defers(false, false);
	/* If probing is impossible, the layer does not defer. */
	reset(NULL);
	kernel.driver = "virtio_gpu";
	kernel.honours = true;
	kernel.has_no_hostmem = true;
	check_defers(false, false);
	kernel.has_no_hostmem = false;
	kernel.capsets = 0;
	check_defers(false, false);
	kernel.open_error = EACCES;
	check_defers(false, false);
}

#else

/* A kernel that honours the hint, and a layer without the feature. */
static void test_virtgpu(void **state)
{
	(void)state;
	kernel.driver = "virtio_gpu";
	kernel.honours = true;
	const struct vmb_kernel_facts facts = read_facts();
	assert_int_equal(facts.error, 0);
	assert_int_equal(facts.hostmem, 0);
	assert_int_equal(facts.defers, VMB_UNKNOWN);
	assert_false(vmb_kernel_facts_defers(&facts, VMB_DEFER_AUTO));
	assert_false(vmb_kernel_facts_defers(&facts, VMB_DEFER_ON));
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_no_node, reset),
		cmocka_unit_test_setup(test_panthor, reset),
		cmocka_unit_test_setup(test_other, reset),
		cmocka_unit_test_setup(test_virtgpu, reset),
#ifdef VMB_HAS_VIRTGPU
		cmocka_unit_test_setup(test_defers, reset),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
