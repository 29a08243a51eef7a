/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_CLOEXEC, mkstemp */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "plan_model.h"
#include "uapi/virtgpu.h"
#include "virtgpu.h"
#include "virtgpu/file.h"
#include "virtgpu/translator.h"

/*
 * Tests the virtio_gpu translator and the guard on a simulated kernel (tests/sim/virtgpu.h). After
 * each mapping that the layer passes on, the test asks the simulated kernel for the result of
 * mmap(). The application must never block.
 */

#define PAGE VMB_SIM_GPU_PAGE
#define HOSTMEM (64 * PAGE)
#define HOST3D VIRTGPU_BLOB_MEM_HOST3D
#define MAPPABLE VIRTGPU_BLOB_FLAG_USE_MAPPABLE
#define SHAREABLE VIRTGPU_BLOB_FLAG_USE_SHAREABLE
#define CROSS_DEVICE VIRTGPU_BLOB_FLAG_USE_CROSS_DEVICE
#define DEFER DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING
#define VENUS (1u << VIRTGPU_DRM_CAPSET_VENUS)
#define DRM (1u << VIRTGPU_DRM_CAPSET_DRM)

/* Stands in for another thread or process: runs once while the layer waits for room. */
static void (*while_waiting)(void);

static void sleep_ms(unsigned ms)
{
	void (*function)(void) = while_waiting;

	while_waiting = NULL;
	if (function) {
		function();
	}
	vmb_sim_gpu_sleep_ms(ms);
}

/* A second device number, for which the simulation uses first_device. 0: no second device. */
static dev_t second_device;
static dev_t first_device;

static int run_helper(const char *path, int dmabuf, dev_t device, unsigned timeout_ms)
{
	return vmb_sim_gpu_run_helper(path, dmabuf,
		second_device && device == second_device ? first_device : device, timeout_ms);
}

/* The helper program takes no lock, as in an older layer. */
static bool has_no_locks;

static bool is_blocked_on(int dmabuf)
{
	return !has_no_locks && vmb_sim_gpu_is_blocked_on(dmabuf);
}

static const struct vmb_system_ops simulated = {
	.reopen = vmb_sim_gpu_reopen,
	.hostmem_size = vmb_sim_gpu_hostmem_size,
	.is_older = vmb_sim_gpu_is_older,
	.now_ms = vmb_sim_gpu_now_ms,
	.sleep_ms = sleep_ms,
	.find_helper = vmb_sim_gpu_find_helper,
	.run_helper = run_helper,
	.is_blocked_on = is_blocked_on,
};

static const struct vmb_sim_gpu_config ordinary = {
	.hostmem = HOSTMEM,
	.capsets = VENUS | DRM,
	.settling_ms = 3,
	.helper_ms = 1,
};

/* A simulated process: a driver with an open file, and a guard. */
struct process {
	struct vmb_guard guard;
	struct vmb_virtgpu *virtgpu;
	int fd;
};

static struct vmb_virtgpu *get(struct vmb_guard *guard, int fd, enum vmb_defer request)
{
	const struct vmb_virtgpu_driver driver = {
		.ioctl = vmb_sim_gpu_ioctl,
		.fd = fd,
		.request = request,
		/* As for Venus. test_types() tests other drivers. */
		.late_types = UINT32_MAX,
	};

	return vmb_virtgpu_get(&simulated, guard, &driver);
}

static void start(struct process *process, enum vmb_defer request)
{
	process->guard = (struct vmb_guard)VMB_GUARD_INITIALIZER;
	process->fd = vmb_sim_gpu_open();
	process->virtgpu = get(&process->guard, process->fd, request);
	assert_non_null(process->virtgpu);
}

static void stop(struct process *process)
{
	vmb_virtgpu_put(process->virtgpu, NULL);
	close(process->fd);
}

static struct process app;

static void begin(const struct vmb_sim_gpu_config *config, enum vmb_defer request)
{
	vmb_sim_gpu_init(config);
	start(&app, request);
}

static void end(void)
{
	stop(&app);
	vmb_sim_gpu_finish();
}

static int call(struct process *process, unsigned long request, void *arg)
{
	return vmb_virtgpu_ioctl(
		process->virtgpu, NULL, vmb_sim_gpu_ioctl, process->fd, request, arg);
}

struct wanted {
	uint32_t mem;
	uint32_t flags;
	uint32_t hints;
	uint64_t size;
	bool is_driver_own; /* not created for vkAllocateMemory */
};

/* Uses the struct of Linux 7.3. Returns the handle, or 0 with errno set. */
static uint32_t create(struct process *process, const struct wanted *wanted)
{
	struct drm_virtgpu_resource_create_blob blob = {
		.blob_mem = wanted->mem ? wanted->mem : HOST3D,
		.blob_flags = wanted->flags,
		.size = wanted->size,
		.blob_id = 7,
		.blob_hints = wanted->hints,
	};
	struct vmb_virtgpu_call call = { .is_allocation = true };
	int ret = vmb_virtgpu_ioctl(process->virtgpu, wanted->is_driver_own ? NULL : &call,
		vmb_sim_gpu_ioctl, process->fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &blob);
	vmb_virtgpu_end(process->virtgpu, &call);

	assert_int_equal(blob.blob_hints, wanted->hints);
	return ret < 0 ? 0 : blob.bo_handle;
}

static uint32_t allocate(struct process *process, uint64_t pages)
{
	const struct wanted wanted = { .flags = MAPPABLE, .size = pages * PAGE };

	return create(process, &wanted);
}

static uint32_t create_eager(struct process *process, uint64_t pages)
{
	const struct wanted wanted = {
		.flags = MAPPABLE,
		.size = pages * PAGE,
		.is_driver_own = true,
	};

	return create(process, &wanted);
}

/* Maps as a driver does: gets the offset, then calls mmap(). Returns 0 or a negative errno. */
static int map(struct process *process, uint32_t handle)
{
	struct drm_virtgpu_map map = { .handle = handle };

	if (call(process, DRM_IOCTL_VIRTGPU_MAP, &map) < 0) {
		return -errno;
	}
	assert_true(map.offset != 0);
	switch (vmb_sim_gpu_map(process->fd, handle)) {
	case VMB_SIM_GPU_MAPPED:
		return 0;
	case VMB_SIM_GPU_REFUSED:
		return -EINVAL;
	default:
		fail_msg("the application would block for ever");
		return 0;
	}
}

/* Returns a dma-buf or a negative errno. */
static int export(struct process *process, uint32_t handle)
{
	struct drm_prime_handle prime = { .handle = handle, .flags = O_CLOEXEC | O_RDWR };

	return call(process, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime) < 0 ? -errno : prime.fd;
}

static void close_handle(struct process *process, uint32_t handle)
{
	struct drm_gem_close closed = { .handle = handle };

	assert_int_equal(call(process, DRM_IOCTL_GEM_CLOSE, &closed), 0);
}

static void pass_time(void)
{
	vmb_sim_gpu_sleep_ms(1000);
}

static uint64_t stat_of(const _Atomic uint64_t *counter)
{
	return atomic_load(counter);
}

/* The layer probes the helper once, for the first blob. */
#define HELPER_PROBE 1

static void test_struct_sizes(void **state)
{
	/* The sizes in Mesa 26.1, in Linux 7.3 and in possible later kernels. */
	static const size_t sizes[] = { 40, 48, 56, 64 };
	struct vmb_virtgpu_call call = { .is_allocation = true };

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		union {
			struct drm_virtgpu_resource_create_blob blob;
			unsigned char bytes[128];
		} given;
		size_t size = sizes[i];
		memset(&given, 0xa5, sizeof(given));
		memset(&given, 0, size);
		given.blob.blob_mem = HOST3D;
		given.blob.blob_flags = MAPPABLE | SHAREABLE;
		given.blob.size = 3 * PAGE;
		assert_int_equal(
			vmb_virtgpu_ioctl(app.virtgpu, &call, vmb_sim_gpu_ioctl, app.fd,
				_IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, 0x4a, size), &given),
			0);
		assert_int_equal(vmb_sim_gpu_last_hints(), DEFER);
		assert_int_equal(given.blob.bo_handle, i + 1);
		assert_true(given.blob.res_handle >= 1000);
		/* All other bytes of the struct and after the struct are unchanged. */
		for (size_t j = 40; j < sizeof(given); j++) {
			assert_int_equal(given.bytes[j], j < size ? 0 : 0xa5);
		}
	}
	pass_time();
	assert_int_equal(vmb_sim_gpu_used(), 0);
	assert_int_equal(stat_of(&app.virtgpu->statistics.hinted), 4);
	assert_int_equal(stat_of(&app.virtgpu->statistics.bytes_deferred), 12 * PAGE);
	end();
}

/* The kernel's ioctl for a request without _IOC_READ: the caller gets no results. */
static int ioctl_without_results(int fd, unsigned long request, ...)
{
	struct drm_virtgpu_resource_create_blob copy;
	va_list list;

	va_start(list, request);
	memcpy(&copy, va_arg(list, void *), sizeof(copy));
	va_end(list);
	return vmb_sim_gpu_ioctl(fd, request, &copy);
}

/* The driver gets no handle, so the layer keeps nothing of such a blob. */
static void test_without_handle(void **state)
{
	const unsigned long request = _IOC(_IOC_WRITE, DRM_IOCTL_BASE, 0x4a, 48);
	const unsigned blobs = 16;

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	fail_alloc_after(FAIL_NEVER);
	for (unsigned i = 0; i < blobs; i++) {
		struct drm_virtgpu_resource_create_blob blob = {
			.blob_mem = HOST3D,
			.blob_flags = MAPPABLE,
			.size = PAGE,
		};
		assert_int_equal(vmb_virtgpu_ioctl(app.virtgpu, NULL, ioctl_without_results, app.fd,
					 request, &blob),
			0);
	}
	/* A table of blobs would grow with each of them. */
	assert_true(fail_alloc_count() <= blobs);
	assert_int_equal(vmb_sim_gpu_used(), blobs * PAGE);
	end();
}

/* Tests which hints the kernel gets for each request of the driver. */
static void test_hints(void **state)
{
	static const struct {
		struct wanted wanted;
		enum vmb_defer request;
		uint32_t hints;
	} cases[] = {
		{ { .flags = MAPPABLE }, VMB_DEFER_AUTO, DEFER },
		{ { .flags = MAPPABLE }, VMB_DEFER_ON, DEFER },
		{ { .flags = MAPPABLE }, VMB_DEFER_OFF, 0 },
		{ { .flags = MAPPABLE | SHAREABLE }, VMB_DEFER_AUTO, DEFER },
		{ { .flags = SHAREABLE }, VMB_DEFER_AUTO, 0 },
		{ { .flags = MAPPABLE | CROSS_DEVICE }, VMB_DEFER_AUTO, 0 },
		{ { .flags = MAPPABLE | SHAREABLE | CROSS_DEVICE }, VMB_DEFER_AUTO, 0 },
		{ { .flags = MAPPABLE | 8 }, VMB_DEFER_AUTO, 0 },
		{ { .mem = VIRTGPU_BLOB_MEM_GUEST, .flags = MAPPABLE }, VMB_DEFER_AUTO, 0 },
		{ { .mem = VIRTGPU_BLOB_MEM_HOST3D_GUEST, .flags = MAPPABLE }, VMB_DEFER_AUTO, 0 },
		{ { .flags = MAPPABLE, .is_driver_own = true }, VMB_DEFER_ON, 0 },
		/* Hints that the driver sets. */
		{ { .flags = MAPPABLE, .hints = DEFER }, VMB_DEFER_AUTO, DEFER },
		{ { .flags = MAPPABLE, .hints = DEFER, .is_driver_own = true }, VMB_DEFER_AUTO,
			DEFER },
		{ { .flags = MAPPABLE | CROSS_DEVICE, .hints = DEFER }, VMB_DEFER_AUTO, DEFER },
		{ { .flags = MAPPABLE, .hints = DEFER }, VMB_DEFER_OFF, 0 },
		{ { .flags = MAPPABLE, .hints = DEFER, .is_driver_own = true }, VMB_DEFER_OFF, 0 },
		/* Hints that the layer does not know. */
		{ { .flags = MAPPABLE, .hints = 6 }, VMB_DEFER_AUTO, 6 | DEFER },
		{ { .flags = MAPPABLE, .hints = 6 | DEFER }, VMB_DEFER_OFF, 6 },
		{ { .flags = SHAREABLE, .hints = 6 | DEFER }, VMB_DEFER_OFF, 6 | DEFER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wanted wanted = cases[i].wanted;
		begin(&ordinary, cases[i].request);
		wanted.size = PAGE;
		assert_int_not_equal(create(&app, &wanted), 0);
		assert_int_equal(vmb_sim_gpu_last_hints(), cases[i].hints);
		end();
	}
}

static void test_larger_than_hostmem(void **state)
{
	uint32_t handles[48];

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	for (size_t i = 0; i < 48; i++) {
		handles[i] = allocate(&app, 8);
		assert_int_not_equal(handles[i], 0);
	}
	pass_time();
	assert_int_equal(vmb_sim_gpu_used(), 0);
	/* A blob that is never mapped needs no helper. */
	assert_int_equal(vmb_sim_gpu_helpers(), HELPER_PROBE);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(map(&app, handles[i]), 0);
	}
	assert_int_equal(vmb_sim_gpu_used(), HOSTMEM);
	assert_int_equal(map(&app, handles[8]), -ENOSPC);
	assert_int_equal(map(&app, handles[9]), -ENOSPC);
	/* Closing a blob makes room for another blob. */
	close_handle(&app, handles[3]);
	assert_int_equal(map(&app, handles[9]), 0);
	assert_int_equal(map(&app, handles[8]), -ENOSPC);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	assert_int_equal(stat_of(&app.virtgpu->statistics.created), 48);
	assert_int_equal(stat_of(&app.virtgpu->statistics.mapped_later), 9);
	assert_int_equal(stat_of(&app.virtgpu->statistics.refused), 3);
	assert_int_equal(stat_of(&app.virtgpu->statistics.bytes_mapped), HOSTMEM);
	assert_int_equal(stat_of(&app.virtgpu->statistics.bytes_mapped_peak), HOSTMEM);
	assert_int_equal(stat_of(&app.virtgpu->statistics.bytes_deferred), 39 * 8 * PAGE);
	end();
}

/* Hostmem has room for one blob. Each round takes and frees that range. The first helper starts
 * before the kernel has freed the range of the probe's blob, as on the real kernel. */
static void test_last_range(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	assert_int_not_equal(create_eager(&app, 56), 0);
	for (size_t i = 0; i < 30; i++) {
		uint32_t handle = allocate(&app, 8);
		assert_int_equal(map(&app, handle), 0);
		assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
		close_handle(&app, handle);
	}
	assert_int_equal(stat_of(&app.virtgpu->statistics.refused), 0);
	end();
}

static void test_map_twice(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	uint32_t handle = allocate(&app, 8);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(map(&app, handle), 0);
		assert_int_equal(vmb_sim_gpu_helpers(), HELPER_PROBE + 1);
	}
	/* The layer does not guard an unknown handle or an eager blob. */
	struct drm_virtgpu_map unknown = { .handle = 200 };
	assert_int_equal(call(&app, DRM_IOCTL_VIRTGPU_MAP, &unknown), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(map(&app, create_eager(&app, 8)), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), HELPER_PROBE + 1);
	end();
}

static void test_export(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	uint32_t first = allocate(&app, 48);
	uint32_t second = allocate(&app, 48);
	int dmabuf = export(&app, first);
	assert_true(dmabuf >= 0);
	/* Any process with the dma-buf can map the blob. */
	assert_int_equal(vmb_sim_gpu_map(app.fd, first), VMB_SIM_GPU_MAPPED);
	assert_int_equal(export(&app, second), -ENOSPC);
	/* The dma-buf keeps the range of the closed blob. */
	close_handle(&app, first);
	pass_time();
	assert_int_equal(export(&app, second), -ENOSPC);
	close(dmabuf);
	pass_time();
	dmabuf = export(&app, second);
	assert_true(dmabuf >= 0);
	assert_int_equal(map(&app, second), 0);
	close(dmabuf);
	end();
}

static void test_refused_by_host(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	uint32_t handle = allocate(&app, 8);
	vmb_sim_gpu_refuse(true);
	/* mmap() fails at once, as without the layer. */
	assert_int_equal(map(&app, handle), -EINVAL);
	assert_int_equal(map(&app, handle), -EINVAL);
	vmb_sim_gpu_refuse(false);
	assert_int_equal(map(&app, allocate(&app, 8)), 0);
	end();
}

/* Creates a blob in another process without the layer. Returns the dma-buf of the blob. */
static int export_without_layer(uint32_t mem, uint32_t hints, uint64_t pages)
{
	int fd = vmb_sim_gpu_open();
	struct drm_virtgpu_resource_create_blob blob = {
		.blob_mem = mem,
		.blob_flags = MAPPABLE | SHAREABLE,
		.size = pages * PAGE,
		.blob_hints = hints,
	};

	assert_int_equal(vmb_sim_gpu_ioctl(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &blob), 0);
	struct drm_prime_handle prime = { .handle = blob.bo_handle, .flags = O_CLOEXEC };
	assert_int_equal(vmb_sim_gpu_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
	close(fd);
	return prime.fd;
}

/* Returns a handle or a negative errno. The dma-buf stays open. */
static int import(struct process *process, int dmabuf)
{
	struct drm_prime_handle prime = { .fd = dmabuf };

	return call(process, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime) < 0 ? -errno : (int)prime.handle;
}

/* The imported blob is not mapped in any process. */
static void test_import(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	uint32_t filling = create_eager(&app, 60);
	uint32_t small = create_eager(&app, 1);
	int dmabuf = export_without_layer(HOST3D, DEFER, 8);
	int handle = import(&app, dmabuf);
	assert_true(handle > 0);
	assert_int_equal(vmb_sim_gpu_helpers(), HELPER_PROBE);
	assert_int_equal(map(&app, (uint32_t)handle), -ENOSPC);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 1);
	/* A second attempt blocks no second helper. */
	assert_int_equal(map(&app, (uint32_t)handle), -ENOSPC);
	assert_int_equal(map(&app, (uint32_t)handle), -ENOSPC);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 1);
	/* An imported blob can be exported unmapped. */
	int again = export(&app, (uint32_t)handle);
	assert_true(again >= 0);
	close(again);
	/* Closing a blob makes room, and the guard wakes the helper. */
	close_handle(&app, filling);
	pass_time();
	close_handle(&app, small);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	assert_int_equal(map(&app, (uint32_t)handle), 0);
	unsigned helpers = vmb_sim_gpu_helpers();
	assert_int_equal(map(&app, (uint32_t)handle), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), helpers);
	/* The statistics leave out imported blobs. */
	const struct vmb_virtgpu_statistics *statistics = &app.virtgpu->statistics;
	assert_int_equal(stat_of(&statistics->created), 2);
	assert_int_equal(stat_of(&statistics->mapped_later), 0);
	assert_int_equal(stat_of(&statistics->refused), 0);
	assert_int_equal(stat_of(&statistics->bytes_deferred_peak), 0);
	assert_int_equal(stat_of(&statistics->bytes_mapped), 0);
	close_handle(&app, (uint32_t)handle);
	assert_int_equal(stat_of(&statistics->bytes_mapped), 0);
	close(dmabuf);
	end();
}

/* If there is room, the first helper maps the blob. */
static void test_import_with_room(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	int dmabuf = export_without_layer(HOST3D, DEFER, 8);
	int handle = import(&app, dmabuf);
	assert_int_equal(map(&app, (uint32_t)handle), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), HELPER_PROBE + 1);
	close(dmabuf);
	end();
}

/* A blob with a range in hostmem needs one helper. The helper does not block. */
static void test_import_mapped(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	int dmabuf = export_without_layer(HOST3D, 0, 8);
	assert_int_not_equal(create_eager(&app, 56), 0);
	int handle = import(&app, dmabuf);
	assert_int_equal(map(&app, (uint32_t)handle), 0);
	assert_int_equal(map(&app, (uint32_t)handle), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), HELPER_PROBE + 1);
	close(dmabuf);
	end();
}

/* Helpers fail to start, as in a sandbox. The driver's own mapping might block. */
static void test_import_without_helper(void **state)
{
	static const int errors[] = { -EACCES, -ENOEXEC };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		begin(&ordinary, VMB_DEFER_AUTO);
		int dmabuf = export_without_layer(HOST3D, DEFER, 8);
		int handle = import(&app, dmabuf);
		vmb_sim_gpu_fail_helpers(errors[i]);
		assert_int_equal(map(&app, (uint32_t)handle), errors[i]);
		vmb_sim_gpu_fail_helpers(0);
		assert_int_equal(map(&app, (uint32_t)handle), 0);
		close(dmabuf);
		end();
	}
}

static void test_import_own(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	uint32_t deferred = allocate(&app, 8);
	uint32_t eager = create_eager(&app, 8);
	const uint32_t own[] = { deferred, eager };
	for (size_t i = 0; i < 2; i++) {
		int dmabuf = export(&app, own[i]);
		assert_int_equal(import(&app, dmabuf), (int)own[i]);
		assert_int_equal(map(&app, own[i]), 0);
		close(dmabuf);
	}
	/* Only the export needs a helper. */
	assert_int_equal(vmb_sim_gpu_helpers(), HELPER_PROBE + 1);
	assert_int_equal(stat_of(&app.virtgpu->statistics.bytes_mapped), 16 * PAGE);
	end();
}

static void test_import_left_alone(void **state)
{
	struct vmb_sim_gpu_config older = ordinary;

	(void)state;
	older.ignores_hints = true;
	begin(&older, VMB_DEFER_AUTO);
	int dmabuf = export_without_layer(HOST3D, DEFER, 8);
	assert_int_equal(map(&app, (uint32_t)import(&app, dmabuf)), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), 0);
	close(dmabuf);
	end();

	/* A guest blob uses no hostmem. */
	begin(&ordinary, VMB_DEFER_AUTO);
	dmabuf = export_without_layer(VIRTGPU_BLOB_MEM_GUEST, 0, 8);
	struct drm_virtgpu_map map_it = { .handle = (uint32_t)import(&app, dmabuf) };
	assert_int_equal(call(&app, DRM_IOCTL_VIRTGPU_MAP, &map_it), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), 0);
	close(dmabuf);
	end();
}

/* Without memory the layer cannot guard the blob, so the import fails. */
static void test_import_without_memory(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	int dmabuf = export_without_layer(HOST3D, DEFER, 8);
	fail_alloc_after(0);
	assert_int_equal(import(&app, dmabuf), -ENOMEM);
	fail_alloc_after(FAIL_NEVER);
	assert_int_equal(map(&app, (uint32_t)import(&app, dmabuf)), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), HELPER_PROBE + 1);
	close(dmabuf);
	end();
}

static struct process other;
static uint32_t taken_room;

static void take_room(void)
{
	vmb_sim_gpu_before_helper(NULL);
	pass_time();
	taken_room = create_eager(&other, 60);
	assert_int_not_equal(taken_room, 0);
}

/* Another process takes the room between the probe and the helper. */
static void test_room_taken(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	uint32_t handle = allocate(&app, 8);
	uint32_t small = allocate(&app, 1);
	vmb_sim_gpu_before_helper(take_room);
	assert_int_equal(map(&app, handle), -ENOSPC);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 4);
	/* Without room the guard leaves the helpers blocked. */
	assert_int_equal(map(&app, handle), -ENOSPC);
	close_handle(&app, create_eager(&app, 1));
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 4);

	close_handle(&other, taken_room);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 4);
	pass_time();
	/* After a first mapping the guard looks for room for blocked helpers. */
	assert_int_equal(map(&app, small), 0);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	/* The blob has a range in hostmem now, and needs no further helper. */
	unsigned helpers = vmb_sim_gpu_helpers();
	assert_int_equal(stat_of(&app.virtgpu->statistics.bytes_mapped), 9 * PAGE);
	assert_int_equal(map(&app, handle), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), helpers);
	stop(&other);
	end();
}

/* As in test_room_taken(), and the application maps again when there is room. */
static void test_room_taken_and_retried(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	uint32_t handle = allocate(&app, 8);
	vmb_sim_gpu_before_helper(take_room);
	assert_int_equal(map(&app, handle), -ENOSPC);
	close_handle(&other, taken_room);
	pass_time();
	unsigned helpers = vmb_sim_gpu_helpers();
	assert_int_equal(map(&app, handle), 0);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	/* No blocked helper is left. */
	assert_int_equal(vmb_sim_gpu_helpers(), helpers + 1);
	assert_false(app.guard.has_blocked);
	stop(&other);
	end();
}

/* As in test_room_taken(), and the application closes the blob. */
static void test_room_taken_and_closed(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	uint32_t mine = create_eager(&app, 1);
	uint32_t handle = allocate(&app, 8);
	vmb_sim_gpu_before_helper(take_room);
	assert_int_equal(map(&app, handle), -ENOSPC);
	close_handle(&app, handle);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 4);
	stop(&other);
	/* When a blob is closed, the guard looks for room. */
	close_handle(&app, mine);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	pass_time();
	assert_int_equal(vmb_sim_gpu_used(), 0);
	end();
}

/* The driver closes its file before there is room. A blocked helper maps the blob later. The kernel
 * then frees the blob's range again. */
static void test_device_gone(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	uint32_t handle = allocate(&app, 8);
	vmb_sim_gpu_before_helper(take_room);
	assert_int_equal(map(&app, handle), -ENOSPC);
	close_handle(&app, handle);
	/* Closing another file leaves the helpers of this file alone. */
	struct process second = { .fd = vmb_sim_gpu_open() };
	second.virtgpu = get(&app.guard, second.fd, VMB_DEFER_AUTO);
	vmb_virtgpu_put(second.virtgpu, NULL);
	close(second.fd);
	assert_true(app.guard.has_blocked);
	vmb_virtgpu_put(app.virtgpu, NULL);
	close(app.fd);
	assert_false(app.guard.has_blocked);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 4);
	stop(&other);
	pass_time();
	vmb_sim_gpu_retry();
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	pass_time();
	assert_int_equal(vmb_sim_gpu_used(), 0);
	vmb_sim_gpu_finish();
}

/* Each blob blocks one helper, even after several imports on several files. */
static void test_import_again(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	uint32_t filling = create_eager(&other, 60);
	int dmabuf = export_without_layer(HOST3D, DEFER, 8);
	for (size_t i = 0; i < 5; i++) {
		struct process *process = i % 2 ? &other : &app;
		int handle = import(process, dmabuf);
		assert_true(handle > 0);
		assert_int_equal(map(process, (uint32_t)handle), -ENOSPC);
		assert_int_equal(vmb_sim_gpu_blocked_helpers(), 1);
		close_handle(process, (uint32_t)handle);
	}
	int handle = import(&app, dmabuf);
	close_handle(&other, filling);
	pass_time();
	assert_int_equal(map(&app, (uint32_t)handle), 0);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	close(dmabuf);
	stop(&other);
	end();
}

/* A blob of the application. Closing the blob makes room. */
static uint32_t small_room;

static void close_small_room(void)
{
	vmb_sim_gpu_before_helper(NULL);
	close_handle(&app, small_room);
}

static void take_rest(void)
{
	vmb_sim_gpu_before_helper(NULL);
	pass_time();
	taken_room = create_eager(&other, vmb_sim_gpu_largest() / PAGE);
	assert_int_not_equal(taken_room, 0);
}

/* Another process takes all room before the helpers map, so four helpers block on the blob. */
static void block_helpers_on(uint32_t handle)
{
	unsigned before = vmb_sim_gpu_blocked_helpers();

	assert_int_not_equal(handle, 0);
	vmb_sim_gpu_before_helper(take_rest);
	assert_int_equal(map(&app, handle), -ENOSPC);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), before + 4);
}

/* A blob is closed during a first mapping. The mapping is still refused. */
static void test_closed_during_refusal(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	small_room = create_eager(&app, 8);
	uint32_t small = create_eager(&app, 1);
	uint32_t large = allocate(&app, 40);
	block_helpers_on(allocate(&app, 8));
	close_handle(&app, small);
	while_waiting = close_small_room;
	assert_int_equal(map(&app, large), -ENOSPC);
	assert_null(while_waiting);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	stop(&other);
	end();
}

/* After the first close the guard looks for room. Meanwhile a second blob is closed. */
static void test_closed_during_wake(void **state)
{
	/* The settling time is longer than one round of the guard, and shorter than two. */
	struct vmb_sim_gpu_config slow = ordinary;

	(void)state;
	slow.settling_ms = 12;
	begin(&slow, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	small_room = create_eager(&app, 8);
	uint32_t small = create_eager(&app, 1);
	block_helpers_on(allocate(&app, 8));
	while_waiting = close_small_room;
	close_handle(&app, small);
	assert_null(while_waiting);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	stop(&other);
	end();
}

#define SMALL_BLOBS 100
static uint32_t small_blobs[SMALL_BLOBS];
static size_t closed_small_blobs;

static void close_next_small_blob(void)
{
	if (closed_small_blobs < SMALL_BLOBS) {
		while_waiting = close_next_small_blob;
		close_handle(&app, small_blobs[closed_small_blobs++]);
	}
}

/* A call of the guard returns even while other threads keep closing blobs. */
static void test_closed_all_the_time(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	for (size_t i = 0; i < SMALL_BLOBS; i++) {
		small_blobs[i] = allocate(&app, 1);
	}
	block_helpers_on(allocate(&app, 8));
	closed_small_blobs = 0;
	close_next_small_blob();
	assert_in_range(closed_small_blobs, 2, SMALL_BLOBS / 2);
	while_waiting = NULL;
	stop(&other);
	pass_time();
	close_handle(&app, create_eager(&app, 1));
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	end();
}

/* A blob is closed on another open file, of the same device or of another device. The close is not
 * recorded in the hostmem state of the blocked blob. */
static void test_closed_on_another_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(&ordinary, VMB_DEFER_AUTO);
		start(&other, VMB_DEFER_AUTO);
		struct process second = { .fd = vmb_sim_gpu_open() };
		second.virtgpu = get(&app.guard, second.fd, VMB_DEFER_AUTO);
		assert_int_not_equal(allocate(&second, 1), 0);
		uint32_t room = create_eager(&second, 8);
		block_helpers_on(allocate(&app, 8));
		first_device = app.virtgpu->hostmem.device;
		if (i == 1) {
			second_device = first_device + 1;
			app.virtgpu->hostmem.device = second_device;
		}
		pass_time();
		close_handle(&second, room);
		assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
		second_device = 0;
		stop(&second);
		stop(&other);
		end();
	}
}

static unsigned helpers_before_close;

/* Frees a range while the last of four helpers runs. No helper counts as blocked yet. */
static void close_late(void)
{
	if (vmb_sim_gpu_helpers() == helpers_before_close) {
		take_rest();
		vmb_sim_gpu_before_helper(close_late);
	} else if (vmb_sim_gpu_helpers() == helpers_before_close + 3) {
		close_small_room();
	}
}

/* A blob is closed after the last helper of another blob failed to find room. */
static void test_closed_during_last_helper(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	small_room = create_eager(&app, 8);
	uint32_t handle = allocate(&app, 8);
	helpers_before_close = vmb_sim_gpu_helpers();
	vmb_sim_gpu_before_helper(close_late);
	assert_int_equal(map(&app, handle), -ENOSPC);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	assert_int_equal(map(&app, handle), 0);
	stop(&other);
	end();
}

/* Helpers are blocked on two blobs, and there is room for the smaller one. */
static void test_wake_of_the_smaller(void **state)
{
	(void)state;
	for (size_t order = 0; order < 2; order++) {
		begin(&ordinary, VMB_DEFER_AUTO);
		start(&other, VMB_DEFER_AUTO);
		small_room = create_eager(&app, 8);
		uint32_t handles[] = {
			allocate(&app, order == 0 ? 8 : 40),
			allocate(&app, order == 0 ? 40 : 8),
		};
		for (size_t i = 0; i < 2; i++) {
			block_helpers_on(handles[i]);
			if (i == 0) {
				close_handle(&other, taken_room);
				pass_time();
			}
		}
		assert_int_equal(vmb_sim_gpu_blocked_helpers(), 8);
		close_small_room();
		assert_int_equal(vmb_sim_gpu_blocked_helpers(), 4);
		close_handle(&other, taken_room);
		stop(&other);
		pass_time();
		close_handle(&app, create_eager(&app, 1));
		assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
		end();
	}
}

/* A blocked helper maps the blob when a retry finds room. Then hostmem is full again. */
static void test_mapped_by_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(&ordinary, VMB_DEFER_AUTO);
		start(&other, VMB_DEFER_AUTO);
		uint32_t mine = create_eager(&app, 1);
		uint32_t handle = allocate(&app, 8);
		block_helpers_on(handle);
		close_handle(&other, taken_room);
		pass_time();
		vmb_sim_gpu_retry();
		assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
		while (create_eager(&other, 1)) {
		}
		/* The blob has a range, so the next helper needs no room. */
		unsigned helpers = vmb_sim_gpu_helpers();
		if (i == 0) {
			assert_int_equal(map(&app, handle), 0);
		} else {
			close_handle(&app, mine);
		}
		assert_int_equal(vmb_sim_gpu_helpers(), helpers + 1);
		assert_false(app.guard.has_blocked);
		assert_int_equal(stat_of(&app.virtgpu->statistics.bytes_deferred), 0);
		stop(&other);
		end();
	}
}

/* A helper without a lock may still be blocked. */
static void test_blocked_without_lock(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	has_no_locks = true;
	uint32_t small = create_eager(&app, 1);
	uint32_t handle = allocate(&app, 8);
	block_helpers_on(handle);
	unsigned helpers = vmb_sim_gpu_helpers();
	close_handle(&app, small);
	assert_int_equal(map(&app, handle), -ENOSPC);
	assert_int_equal(vmb_sim_gpu_helpers(), helpers);
	close_handle(&other, taken_room);
	pass_time();
	close_handle(&app, create_eager(&app, 1));
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	has_no_locks = false;
	stop(&other);
	end();
}

static struct vmb_hostmem *watched;

/* Another thread frees a range just after the layer reads the clock, so at a later time. */
static uint64_t read_clock_and_free(void)
{
	uint64_t now = vmb_sim_gpu_now_ms();

	watched->freed_at_ms = now + 1;
	return now;
}

static void test_freed_while_clock_is_read(void **state)
{
	struct vmb_system_ops system = simulated;
	struct vmb_hostmem hostmem = { .system = &simulated };

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	system.now_ms = read_clock_and_free;
	watched = &hostmem;
	assert_false(vmb_hostmem_is_settling(&hostmem));
	vmb_hostmem_freed(&hostmem);
	hostmem.system = &system;
	assert_true(vmb_hostmem_is_settling(&hostmem));
	hostmem.system = &simulated;
	pass_time();
	assert_false(vmb_hostmem_is_settling(&hostmem));
	end();
}

static uint32_t closing;
static uint32_t reused;

static void close_meanwhile(void)
{
	vmb_sim_gpu_before_helper(NULL);
	close_handle(&app, closing);
	reused = allocate(&app, 16);
}

static void test_close_while_helper_works(void **state)
{
	struct drm_virtgpu_map map_it;

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	closing = allocate(&app, 8);
	vmb_sim_gpu_before_helper(close_meanwhile);
	/* The driver gets the offset of the new blob, which reuses the handle. */
	map_it = (struct drm_virtgpu_map){ .handle = closing };
	assert_int_equal(call(&app, DRM_IOCTL_VIRTGPU_MAP, &map_it), 0);
	assert_int_equal(reused, closing);
	pass_time();
	assert_int_equal(vmb_sim_gpu_used(), 0);
	/* The guard makes the first mapping of the new blob. */
	assert_int_equal(stat_of(&app.virtgpu->statistics.bytes_deferred), 16 * PAGE);
	assert_int_equal(map(&app, reused), 0);
	end();
}

/* Blobs are closed, and the layer does not see the calls. */
static void test_stale_handles(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	uint32_t deferred = allocate(&app, 8);
	uint32_t mapped = allocate(&app, 4);
	assert_int_equal(map(&app, mapped), 0);
	struct drm_gem_close closed = { .handle = deferred };
	assert_int_equal(vmb_sim_gpu_ioctl(app.fd, DRM_IOCTL_GEM_CLOSE, &closed), 0);
	closed.handle = mapped;
	assert_int_equal(vmb_sim_gpu_ioctl(app.fd, DRM_IOCTL_GEM_CLOSE, &closed), 0);
	/* New blobs reuse the handles. The deferred and the eager handle are exchanged. */
	assert_int_equal(create_eager(&app, 2), deferred);
	assert_int_equal(allocate(&app, 1), mapped);
	assert_int_equal(stat_of(&app.virtgpu->statistics.bytes_mapped), 2 * PAGE);
	assert_int_equal(stat_of(&app.virtgpu->statistics.bytes_deferred), PAGE);
	unsigned helpers = vmb_sim_gpu_helpers();
	assert_int_equal(map(&app, deferred), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), helpers);
	assert_int_equal(map(&app, mapped), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), helpers + 1);
	end();
}

/* One allocation of a driver that may map some memory types in vkAllocateMemory. */
struct allocation {
	uint32_t type;
	bool is_mapped; /* by the driver, during the allocation */
	bool is_aborted; /* by the driver, before the mapping */
	uint64_t pages;
	uint64_t pages_taken; /* by another thread, during the allocation */
};

/* Returns whether the kernel created the blob. Stores the hints that the kernel got in *hints, and
 * whether the mapping was refused in *was_refused. */
static bool allocate_type(const struct allocation *allocation, uint32_t *hints, bool *was_refused)
{
	struct vmb_virtgpu_call call = {
		.is_allocation = true,
		.memory_type = allocation->type,
	};
	struct drm_virtgpu_resource_create_blob blob = {
		.blob_mem = HOST3D,
		.blob_flags = MAPPABLE,
		.size = allocation->pages * PAGE,
	};
	int ret = vmb_virtgpu_ioctl(app.virtgpu, &call, vmb_sim_gpu_ioctl, app.fd,
		DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &blob);

	*hints = vmb_sim_gpu_last_hints();
	pass_time();
	if (allocation->pages_taken) {
		assert_int_not_equal(create_eager(&app, allocation->pages_taken), 0);
	}
	call.has_failed = ret < 0 || allocation->is_aborted;
	if (ret == 0 && allocation->is_aborted) {
		close_handle(&app, blob.bo_handle);
	} else if (ret == 0 && allocation->is_mapped) {
		struct drm_virtgpu_map map_it = { .handle = blob.bo_handle };
		assert_int_equal(vmb_virtgpu_ioctl(app.virtgpu, &call, vmb_sim_gpu_ioctl, app.fd,
					 DRM_IOCTL_VIRTGPU_MAP, &map_it),
			0);
		assert_int_equal(vmb_sim_gpu_map(app.fd, blob.bo_handle), VMB_SIM_GPU_MAPPED);
	}
	*was_refused = call.was_refused;
	vmb_virtgpu_end(app.virtgpu, &call);
	return ret == 0;
}

static void test_types(void **state)
{
	static const struct {
		struct allocation allocation;
		uint32_t hints;
		bool fails;
	} steps[] = {
		/* The first blob of a type is not deferred. */
		{ { .type = 0, .pages = 4 }, 0, false },
		{ { .type = 1, .pages = 4, .is_mapped = true }, 0, false },
		/* After the first allocation the layer knows the type. */
		{ { .type = 0, .pages = 100 }, DEFER, false },
		{ { .type = 1, .pages = 4, .is_mapped = true }, 0, false },
		{ { .type = 1, .pages = 4 }, 0, false },
		/* After a failed allocation the type is still unknown. */
		{ { .type = 2, .pages = 4, .is_mapped = true, .is_aborted = true }, 0, false },
		{ { .type = 2, .pages = 4, .is_mapped = true, .is_aborted = true }, 0, false },
		/* Another thread takes the remaining room. The driver does not handle a refusal. */
		{ { .type = 2, .pages = 4, .is_mapped = true, .pages_taken = 44 }, 0, false },
		/* Hostmem is full. */
		{ { .type = 0, .pages = 16 }, DEFER, false },
		{ { .type = 1, .pages = 16, .is_mapped = true }, 0, true },
		{ { .type = 31, .pages = 16, .is_mapped = true }, 0, true },
		{ { .type = 31, .pages = 16 }, 0, true },
	};

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	vmb_virtgpu_put(app.virtgpu, NULL);
	const struct vmb_virtgpu_driver unknown = { .ioctl = vmb_sim_gpu_ioctl, .fd = app.fd };
	app.virtgpu = vmb_virtgpu_get(&simulated, &app.guard, &unknown);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint32_t hints;
		bool was_refused;
		bool is_created = allocate_type(&steps[i].allocation, &hints, &was_refused);
		assert_int_equal(hints, steps[i].hints);
		assert_int_equal(is_created, !steps[i].fails);
		assert_false(was_refused);
	}
	end();
}

/* An export during the allocation does not count as a mapping. */
static void test_type_of_exported(void **state)
{
	struct vmb_virtgpu_call call = { .is_allocation = true };
	struct drm_virtgpu_resource_create_blob blob = {
		.blob_mem = HOST3D,
		.blob_flags = MAPPABLE | SHAREABLE,
		.size = PAGE,
	};
	const struct allocation next = { .pages = 1 };
	uint32_t hints;
	bool was_refused;

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	vmb_virtgpu_put(app.virtgpu, NULL);
	const struct vmb_virtgpu_driver unknown = { .ioctl = vmb_sim_gpu_ioctl, .fd = app.fd };
	app.virtgpu = vmb_virtgpu_get(&simulated, &app.guard, &unknown);
	assert_int_equal(vmb_virtgpu_ioctl(app.virtgpu, &call, vmb_sim_gpu_ioctl, app.fd,
				 DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &blob),
		0);
	struct drm_prime_handle prime = { .handle = blob.bo_handle, .flags = O_CLOEXEC };
	assert_int_equal(vmb_virtgpu_ioctl(app.virtgpu, &call, vmb_sim_gpu_ioctl, app.fd,
				 DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime),
		0);
	close(prime.fd);
	vmb_virtgpu_end(app.virtgpu, &call);
	assert_true(allocate_type(&next, &hints, &was_refused));
	assert_int_equal(hints, DEFER);
	end();
}

/* The layer reports a refusal even if the driver ignores the refusal. */
static void test_reports_refusal(void **state)
{
	struct vmb_virtgpu_call call = { .is_allocation = false };
	struct drm_virtgpu_map map_it;

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	uint32_t first = allocate(&app, 48);
	uint32_t second = allocate(&app, 48);
	map_it = (struct drm_virtgpu_map){ .handle = first };
	assert_int_equal(vmb_virtgpu_ioctl(app.virtgpu, &call, vmb_sim_gpu_ioctl, app.fd,
				 DRM_IOCTL_VIRTGPU_MAP, &map_it),
		0);
	assert_false(call.was_refused);
	map_it.handle = second;
	assert_int_equal(vmb_virtgpu_ioctl(app.virtgpu, &call, vmb_sim_gpu_ioctl, app.fd,
				 DRM_IOCTL_VIRTGPU_MAP, &map_it),
		-1);
	assert_true(call.was_refused);
	end();
}

struct fact {
	const char *name;
	struct vmb_sim_gpu_config config;
	enum vmb_defer request;
	int helper_error;
	bool cannot_observe; /* contexts cannot be created */
	bool defers;
	enum vmb_honoured honoured;
	uint64_t hostmem;
};

static void test_facts(void **state)
{
	static const struct fact facts[] = {
		{ .name = "ordinary",
			.config = { .hostmem = HOSTMEM, .capsets = VENUS },
			.defers = true,
			.honoured = VMB_HONOURED_YES,
			.hostmem = HOSTMEM },
		{ .name = "native contexts",
			.config = { .hostmem = HOSTMEM, .capsets = DRM },
			.defers = true,
			.honoured = VMB_HONOURED_YES,
			.hostmem = HOSTMEM },
		{ .name = "unknown size",
			.config = { .hostmem = HOSTMEM, .capsets = VENUS, .hides_size = true },
			.defers = true,
			.honoured = VMB_HONOURED_YES },
		{ .name = "alignment",
			.config = { .hostmem = HOSTMEM, .capsets = VENUS, .alignment = 65536 },
			.defers = true,
			.honoured = VMB_HONOURED_YES,
			.hostmem = HOSTMEM },
		{ .name = "hostmem not aligned",
			.config = { .hostmem = 15 * PAGE, .capsets = VENUS, .alignment = 16384 },
			.defers = true,
			.honoured = VMB_HONOURED_YES,
			.hostmem = 15 * PAGE },
		{ .name = "older kernel",
			.config = { .hostmem = HOSTMEM, .capsets = VENUS, .ignores_hints = true },
			.honoured = VMB_HONOURED_NO,
			.hostmem = HOSTMEM },
		{ .name = "older kernel, on",
			.config = { .hostmem = HOSTMEM, .capsets = VENUS, .ignores_hints = true },
			.request = VMB_DEFER_ON,
			.honoured = VMB_HONOURED_NO,
			.hostmem = HOSTMEM },
		{ .name = "hint not observable",
			.config = { .hostmem = HOSTMEM, .capsets = VENUS },
			.cannot_observe = true,
			.hostmem = HOSTMEM },
		{ .name = "older kernel, hint not observable",
			.config = { .hostmem = HOSTMEM, .capsets = VENUS, .ignores_hints = true },
			.request = VMB_DEFER_ON,
			.cannot_observe = true,
			.honoured = VMB_HONOURED_NO,
			.hostmem = HOSTMEM },
		{ .name = "hint not observable, on",
			.config = { .hostmem = HOSTMEM, .capsets = VENUS },
			.request = VMB_DEFER_ON,
			.cannot_observe = true,
			.defers = true,
			.hostmem = HOSTMEM },
		{ .name = "no suitable contexts",
			.config = { .hostmem = HOSTMEM, .capsets = 6 },
			.request = VMB_DEFER_ON,
			.hostmem = HOSTMEM },
		{ .name = "no hostmem", .config = { .hostmem = 0, .capsets = VENUS } },
		{ .name = "helpers cannot start",
			.config = { .hostmem = HOSTMEM, .capsets = VENUS },
			.helper_error = -EPERM,
			.honoured = VMB_HONOURED_YES,
			.hostmem = HOSTMEM },
		{ .name = "off",
			.config = { .hostmem = HOSTMEM, .capsets = VENUS },
			.request = VMB_DEFER_OFF,
			.hostmem = HOSTMEM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		const struct fact *fact = &facts[i];
		const struct vmb_sim_gpu_fault no_contexts = {
			.request = DRM_IOCTL_VIRTGPU_CONTEXT_INIT,
			.bad = fact->cannot_observe ? 1000 : 0,
			.error = EIO,
		};
		/* The driver sets the hint, so the test sees whether the layer clears it. */
		const struct wanted wanted = {
			.flags = SHAREABLE | (fact->config.hostmem ? MAPPABLE : 0),
			.size = fact->config.alignment ? fact->config.alignment : PAGE,
			.hints = fact->config.hostmem ? DEFER : 0,
		};
		print_message("%s\n", fact->name);
		begin(&fact->config, fact->request);
		vmb_sim_gpu_fail_helpers(fact->helper_error);
		vmb_sim_gpu_fail(&no_contexts);
		assert_null(vmb_virtgpu_facts(app.virtgpu));
		uint32_t handle = create(&app, &wanted);
		assert_int_not_equal(handle, 0);
		assert_int_equal(vmb_sim_gpu_last_hints(), fact->defers ? DEFER : 0);
		const struct vmb_virtgpu_facts *found = vmb_virtgpu_facts(app.virtgpu);
		if (fact->config.hostmem) {
			assert_int_equal(found->defers, fact->defers);
			assert_int_equal(found->honoured, fact->honoured);
			assert_int_equal(found->hostmem_size, fact->hostmem);
			pass_time();
			assert_int_equal(vmb_sim_gpu_used(), fact->defers ? 0 : wanted.size);
			/* Without contexts the layer cannot probe, so a first mapping fails. */
			assert_int_equal(
				map(&app, handle), fact->defers && fact->cannot_observe ? -EIO : 0);
		}
		end();
	}
}

/* Simultaneous probes of several processes can use up the device's mmap() offsets. For a moment the
 * failed probes look like an older kernel. */
static void test_observes_again(void **state)
{
	const struct vmb_sim_gpu_fault transient = {
		.request = DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB,
		.good = 1,
		.bad = 3,
		.error = ENOSPC,
	};

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	vmb_sim_gpu_fail(&transient);
	allocate(&app, 8);
	assert_int_equal(vmb_virtgpu_facts(app.virtgpu)->honoured, VMB_HONOURED_YES);
	end();
}

static void test_helper_errors(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	uint32_t handle = allocate(&app, 8);
	vmb_sim_gpu_fail_helpers(-EMFILE);
	assert_int_equal(map(&app, handle), -EMFILE);
	/* On EAGAIN or EINTR libdrm would repeat the call for ever. */
	vmb_sim_gpu_fail_helpers(-EAGAIN);
	assert_int_equal(map(&app, handle), -ENOMEM);
	vmb_sim_gpu_fail_helpers(-EINTR);
	assert_int_equal(map(&app, handle), -ENOMEM);
	vmb_sim_gpu_fail_helpers(0);
	assert_int_equal(map(&app, handle), 0);
	end();
}

static int later_error;

static void fail_later(void)
{
	vmb_sim_gpu_before_helper(NULL);
	vmb_sim_gpu_fail_helpers(later_error);
}

/* The first helper blocks. With -ECHILD the state of the first helper is unknown. With another
 * error the second helper fails. */
static void take_room_and_fail(void)
{
	if (later_error == -ECHILD) {
		vmb_sim_gpu_fail_helpers(-ECHILD);
	}
	take_room();
	vmb_sim_gpu_before_helper(fail_later);
}

/* A helper is blocked, and the mapping fails with another error. */
static void test_error_beside_blocked_helper(void **state)
{
	static const struct {
		int error;
		int refusal;
	} cases[] = {
		{ -EAGAIN, -ENOMEM },
		{ -ENOMEM, -ENOMEM },
		{ -EMFILE, -EMFILE },
		{ -ECHILD, -ECHILD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&ordinary, VMB_DEFER_AUTO);
		start(&other, VMB_DEFER_AUTO);
		uint32_t handle = allocate(&app, 8);
		later_error = cases[i].error;
		vmb_sim_gpu_before_helper(take_room_and_fail);
		assert_int_equal(map(&app, handle), cases[i].refusal);
		assert_int_equal(vmb_sim_gpu_blocked_helpers(), 1);
		vmb_sim_gpu_before_helper(NULL);
		vmb_sim_gpu_fail_helpers(0);
		stop(&other);
		pass_time();
		close_handle(&app, create_eager(&app, 1));
		assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
		assert_int_equal(map(&app, handle), 0);
		end();
	}
}

/* Sends each kind of request. Requests may fail. The application never blocks, and can still close
 * each blob. */
static void use_all_requests(void)
{
	uint32_t handles[10];

	for (size_t i = 0; i < 10; i++) {
		handles[i] = allocate(&app, 8);
	}
	for (size_t i = 0; i < 10; i++) {
		int dmabuf = handles[i] && i % 3 == 0 ? export(&app, handles[i]) : -1;
		if (handles[i]) {
			map(&app, handles[i]);
			map(&app, handles[i]);
		}
		if (dmabuf >= 0) {
			close(dmabuf);
		}
		if (handles[i] && i % 4 == 0) {
			struct drm_gem_close closed = { .handle = handles[i] };
			call(&app, DRM_IOCTL_GEM_CLOSE, &closed);
		}
	}
}

static void test_faults(void **state)
{
	static const int errors[] = { ENOMEM, EINTR, EIO, ENOSPC, EINVAL, EAGAIN, EFAULT, EACCES,
		EPERM, ENOENT, ENODEV, EBUSY, EMFILE };
	unsigned faults = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		unsigned requests = 1;
		for (unsigned good = 0; good < requests; good++) {
			const struct vmb_sim_gpu_fault fault = {
				.good = good,
				.bad = 2,
				.error = errors[i],
			};
			begin(&ordinary, VMB_DEFER_AUTO);
			vmb_sim_gpu_fail(&fault);
			use_all_requests();
			requests = vmb_sim_gpu_requests();
			faults++;
			end();
		}
		assert_true(requests > 50);
	}
	print_message("%u faults\n", faults);
}

static void test_without_memory(void **state)
{
	struct vmb_virtgpu *kept[40];
	uint64_t needed = 1;

	(void)state;
	for (uint64_t good = 0; good < needed; good++) {
		/* A reused file needs less memory, so the test holds each reused file. */
		kept[good] = get(&app.guard, 1000 + (int)good, VMB_DEFER_OFF);
		begin(&ordinary, VMB_DEFER_AUTO);
		fail_alloc_after(good);
		use_all_requests();
		needed = fail_alloc_count();
		fail_alloc_after(FAIL_NEVER);
		end();
	}
	/* One allocation for each of the 10 blobs, and one for the table. */
	assert_in_range(needed, 11, sizeof(kept) / sizeof(kept[0]));
	for (uint64_t i = 0; i < needed; i++) {
		vmb_virtgpu_put(kept[i], NULL);
	}
}

static void test_sharing(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	uint32_t handle = allocate(&app, 8);
	/* A second VkDevice uses the same file. */
	assert_ptr_equal(get(&app.guard, app.fd, VMB_DEFER_OFF), app.virtgpu);
	vmb_virtgpu_put(app.virtgpu, NULL);
	unsigned helpers = vmb_sim_gpu_helpers();
	assert_int_equal(map(&app, handle), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), helpers + 1);
	/* Another file has a state of its own. */
	start(&other, VMB_DEFER_AUTO);
	assert_ptr_not_equal(other.virtgpu, app.virtgpu);
	assert_int_equal(allocate(&other, 8), handle);
	assert_int_equal(map(&other, handle), 0);
	stop(&other);
	struct vmb_virtgpu_call call = { .is_allocation = true };
	/* The layer passes on a late request on a closed file without counting a blob. */
	struct drm_virtgpu_resource_create_blob late = {
		.blob_mem = HOST3D,
		.blob_flags = MAPPABLE,
		.size = PAGE,
	};
	assert_int_equal(vmb_virtgpu_ioctl(other.virtgpu, &call, vmb_sim_gpu_ioctl, app.fd,
				 DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &late),
		0);
	assert_int_equal(vmb_sim_gpu_last_hints(), 0);
	assert_int_equal(stat_of(&other.virtgpu->statistics.created), 1);
	struct drm_virtgpu_map map_it = { .handle = handle };
	assert_int_equal(vmb_virtgpu_ioctl(other.virtgpu, &call, vmb_sim_gpu_ioctl, app.fd,
				 DRM_IOCTL_VIRTGPU_MAP, &map_it),
		0);
	end();
}

/* An instance with a trace. */
struct instance {
	char path[32];
	struct vmb_trace *trace;
};

static void start_instance(struct instance *instance)
{
	strcpy(instance->path, "/tmp/vmbind-virtgpu-XXXXXX");
	int fd = mkstemp(instance->path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(vmb_trace_open(instance->path, &instance->trace), 0);
}

static void stop_instance(struct instance *instance)
{
	vmb_trace_close(instance->trace);
	unlink(instance->path);
}

/* Returns the last value of a counter in the trace. */
static long long traced(const struct instance *instance, const char *counter)
{
	FILE *file = fopen(instance->path, "r");
	char name[64];
	char line[512];
	long long value = 0;

	assert_non_null(file);
	snprintf(name, sizeof(name), "\"name\":\"%s\"", counter);
	while (fgets(line, sizeof(line), file)) {
		const char *bytes = strstr(line, "\"bytes\":");
		if (strstr(line, name) && bytes) {
			value = strtoll(bytes + strlen("\"bytes\":"), NULL, 10);
		}
	}
	fclose(file);
	return value;
}

static void assert_traced(const struct instance *instance, uint64_t deferred, uint64_t mapped)
{
	assert_int_equal(traced(instance, "hostmem promised"), deferred * PAGE);
	assert_int_equal(traced(instance, "hostmem mapped"), mapped * PAGE);
}

/* Opens a device of a traced instance on a file. */
static void open_device(struct process *device, int fd, const struct instance *instance)
{
	const struct vmb_virtgpu_driver driver = {
		.ioctl = vmb_sim_gpu_ioctl,
		.fd = fd,
		.late_types = UINT32_MAX,
		.trace = instance->trace,
	};

	device->guard = (struct vmb_guard)VMB_GUARD_INITIALIZER;
	device->fd = fd;
	device->virtgpu = vmb_virtgpu_get(&simulated, &app.guard, &driver);
	assert_non_null(device->virtgpu);
}

/* Two instances are created and destroyed while their devices share a file. */
static void test_traces_of_a_shared_file(void **state)
{
	struct instance instances[2];
	struct process devices[3];

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	for (size_t i = 0; i < 2; i++) {
		start_instance(&instances[i]);
	}
	/* Both traces count a blob that is older than the traces. */
	uint32_t early = allocate(&app, 4);
	for (size_t i = 0; i < 3; i++) {
		open_device(&devices[i], app.fd, &instances[i / 2]);
		assert_ptr_equal(devices[i].virtgpu, app.virtgpu);
	}
	for (size_t i = 0; i < 2; i++) {
		assert_traced(&instances[i], 4, 0);
	}
	uint32_t handle = allocate(&devices[0], 8);
	assert_int_equal(map(&devices[0], handle), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_traced(&instances[i], 4, 8);
	}
	/* The devices of the first instance are destroyed one by one. */
	vmb_virtgpu_put(devices[0].virtgpu, instances[0].trace);
	assert_traced(&instances[0], 4, 8);
	vmb_virtgpu_put(devices[1].virtgpu, instances[0].trace);
	assert_traced(&instances[0], 0, 0);
	stop_instance(&instances[0]);
	/* The trace of the second instance continues. */
	allocate(&devices[2], 2);
	assert_traced(&instances[1], 6, 8);
	close_handle(&devices[2], handle);
	close_handle(&devices[2], early);
	assert_traced(&instances[1], 2, 0);
	vmb_virtgpu_put(devices[2].virtgpu, instances[1].trace);
	assert_traced(&instances[1], 0, 0);
	stop_instance(&instances[1]);
	allocate(&app, 1);
	end();
}

/* Each device of the instance has a file of its own. */
static void test_trace_of_several_files(void **state)
{
	struct instance instance;
	struct process devices[2];

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start_instance(&instance);
	for (size_t i = 0; i < 2; i++) {
		open_device(&devices[i], vmb_sim_gpu_open(), &instance);
		allocate(&devices[i], 8);
		assert_int_equal(map(&devices[i], allocate(&devices[i], 3)), 0);
	}
	assert_traced(&instance, 16, 6);
	/* The trace drops the blobs of a file together with the file. */
	vmb_virtgpu_put(devices[0].virtgpu, instance.trace);
	close(devices[0].fd);
	assert_traced(&instance, 8, 3);
	vmb_virtgpu_put(devices[1].virtgpu, instance.trace);
	close(devices[1].fd);
	assert_traced(&instance, 0, 0);
	stop_instance(&instance);
	end();
}

static void test_trace_without_memory(void **state)
{
	struct instance instance;

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start_instance(&instance);
	const struct vmb_virtgpu_driver driver = {
		.ioctl = vmb_sim_gpu_ioctl,
		.fd = app.fd,
		.trace = instance.trace,
	};
	fail_alloc_after(0);
	assert_null(vmb_virtgpu_get(&simulated, &app.guard, &driver));
	fail_alloc_after(FAIL_NEVER);
	assert_int_equal(app.virtgpu->users, 1);
	assert_ptr_equal(vmb_virtgpu_get(&simulated, &app.guard, &driver), app.virtgpu);
	vmb_virtgpu_put(app.virtgpu, instance.trace);
	stop_instance(&instance);
	end();
}

#define THREADS 4
#define BLOBS_EACH 8
static uint32_t shared[THREADS * BLOBS_EACH];
static atomic_uint mapped_by_threads;

/* Gives other threads time to find the same blob deferred. */
static void delay_helper(void)
{
	usleep(500);
}

static void *map_all(void *argument)
{
	(void)argument;
	for (size_t i = 0; i < THREADS * BLOBS_EACH; i++) {
		struct drm_virtgpu_map map_it = { .handle = shared[i] };
		if (call(&app, DRM_IOCTL_VIRTGPU_MAP, &map_it) == 0) {
			mapped_by_threads++;
		}
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	for (size_t i = 0; i < THREADS * BLOBS_EACH; i++) {
		shared[i] = allocate(&app, 1);
	}
	vmb_sim_gpu_before_helper(delay_helper);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, map_all, NULL), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(mapped_by_threads, THREADS * THREADS * BLOBS_EACH);
	/* One helper for each blob. */
	assert_int_equal(vmb_sim_gpu_helpers(), HELPER_PROBE + THREADS * BLOBS_EACH);
	pass_time();
	assert_int_equal(vmb_sim_gpu_used(), THREADS * BLOBS_EACH * PAGE);
	end();
}

static void be_cancelled(void)
{
	vmb_sim_gpu_before_helper(NULL);
	pthread_cancel(pthread_self());
	pthread_testcancel();
}

static void *map_and_end(void *argument)
{
	map(&app, *(const uint32_t *)argument);
	pthread_testcancel();
	return NULL;
}

static void *close_and_end(void *argument)
{
	close_handle(&app, *(const uint32_t *)argument);
	pthread_testcancel();
	return NULL;
}

static void *put_and_end(void *argument)
{
	vmb_virtgpu_put(argument, NULL);
	pthread_testcancel();
	return NULL;
}

/* Cancels the thread inside the layer. The layer must release all its locks. */
static void run_cancelled(void *(*function)(void *argument), void *argument)
{
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, function, argument), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	assert_int_equal(pthread_mutex_trylock(&app.guard.map_lock), 0);
	pthread_mutex_unlock(&app.guard.map_lock);
}

static void test_cancelled(void **state)
{
	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	uint32_t handle = allocate(&app, 8);
	vmb_sim_gpu_before_helper(be_cancelled);
	run_cancelled(map_and_end, &handle);
	/* The blob is mapped in spite of the cancellation. */
	unsigned helpers = vmb_sim_gpu_helpers();
	assert_int_equal(map(&app, handle), 0);
	assert_int_equal(vmb_sim_gpu_helpers(), helpers);
	close_handle(&app, handle);
	pass_time();

	uint32_t small = create_eager(&app, 1);
	uint32_t another = create_eager(&app, 1);
	block_helpers_on(allocate(&app, 8));
	while_waiting = be_cancelled;
	run_cancelled(close_and_end, &small);
	close_handle(&app, another);
	while_waiting = be_cancelled;
	run_cancelled(put_and_end, app.virtgpu);
	app.virtgpu = get(&app.guard, app.fd, VMB_DEFER_AUTO);
	assert_non_null(app.virtgpu);
	stop(&other);
	pass_time();
	vmb_sim_gpu_retry();
	assert_int_not_equal(allocate(&app, 1), 0);
	assert_int_equal(map(&app, allocate(&app, 1)), 0);
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	end();
}

static size_t count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory)) {
		count++;
	}
	closedir(directory);
	return count;
}

static sem_t is_mapping;
static sem_t may_go_on;

static void pause_helper(void)
{
	vmb_sim_gpu_before_helper(NULL);
	sem_post(&is_mapping);
	sem_wait(&may_go_on);
}

static void *map_one(void *argument)
{
	map(&app, *(const uint32_t *)argument);
	return NULL;
}

/* The child exits here and never returns to the test. The exit status names the failed step. */
static void use_in_child(struct process *process, uint32_t handle, size_t fds)
{
	struct drm_virtgpu_map map_it = { .handle = handle };

	/* Ends a child that blocks on a lock from before the fork. */
	alarm(60);
	if (count_fds() != fds - 1) {
		_exit(1);
	}
	if (call(process, DRM_IOCTL_VIRTGPU_MAP, &map_it) < 0 ||
		vmb_sim_gpu_map(process->fd, handle) != VMB_SIM_GPU_MAPPED) {
		_exit(2);
	}
	_exit(0);
}

/* The process forks while a thread is in the guard and helpers are blocked. */
static void test_fork(void **state)
{
	pthread_t thread;
	int status;

	(void)state;
	begin(&ordinary, VMB_DEFER_AUTO);
	start(&other, VMB_DEFER_AUTO);
	/* The test needs the process-wide guard. */
	vmb_virtgpu_put(app.virtgpu, NULL);
	app.virtgpu = get(&vmb_virtgpu_guard, app.fd, VMB_DEFER_AUTO);
	assert_non_null(app.virtgpu);
	uint32_t handles[] = { allocate(&app, 8), allocate(&app, 1), allocate(&app, 1) };
	block_helpers_on(handles[0]);
	close_handle(&other, taken_room);
	sem_init(&is_mapping, 0, 0);
	sem_init(&may_go_on, 0, 0);
	pass_time();
	vmb_sim_gpu_before_helper(pause_helper);
	assert_int_equal(pthread_create(&thread, NULL, map_one, &handles[1]), 0);
	sem_wait(&is_mapping);
	size_t fds = count_fds();
	pid_t child = fork();
	if (child == 0) {
		use_in_child(&app, handles[2], fds);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	sem_post(&may_go_on);
	pthread_join(thread, NULL);
	assert_int_equal(status, 0);
	/* The fork leaves the parent unchanged. */
	assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
	stop(&other);
	end();
}

/* The blobs of a process in the random test. */
#define OWN 24
struct life {
	struct process process;
	uint32_t handles[OWN];
	uint64_t pages[OWN];
	bool is_mapped[OWN];
	int dmabufs[OWN];
};

static void close_one(struct life *life, size_t i)
{
	if (life->dmabufs[i] >= 0) {
		close(life->dmabufs[i]);
	}
	life->dmabufs[i] = -1;
	close_handle(&life->process, life->handles[i]);
	life->handles[i] = 0;
	life->is_mapped[i] = false;
}

static void step(struct life *life, uint64_t *seed, bool is_quiet)
{
	size_t i = model_random(seed) % OWN;

	if (!life->handles[i]) {
		life->pages[i] = 1 + model_random(seed) % 24;
		bool is_eager = model_random(seed) % 4 == 0;
		life->handles[i] = is_eager ? create_eager(&life->process, life->pages[i])
					    : allocate(&life->process, life->pages[i]);
		life->is_mapped[i] = is_eager && life->handles[i];
		return;
	}
	/* Without interference a mapping succeeds if and only if there is room. */
	if (is_quiet) {
		pass_time();
	}
	bool has_room = vmb_sim_gpu_largest() >= life->pages[i] * PAGE ||
		vmb_sim_gpu_map(life->process.fd, life->handles[i]) == VMB_SIM_GPU_MAPPED;
	int ret;
	switch (model_random(seed) % 4) {
	case 0:
		close_one(life, i);
		return;
	case 1:
		ret = life->dmabufs[i] < 0 ? export(&life->process, life->handles[i]) : 0;
		life->dmabufs[i] = ret > 0 ? ret : life->dmabufs[i];
		ret = ret > 0 ? 0 : ret;
		break;
	default:
		ret = map(&life->process, life->handles[i]);
		break;
	}
	assert_true(ret == 0 || ret == -ENOSPC);
	if (is_quiet && !vmb_sim_gpu_blocked_helpers()) {
		assert_int_equal(ret == 0, has_room);
	}
	life->is_mapped[i] |= ret == 0;
}

static void check_bytes(const struct life *life)
{
	const struct vmb_virtgpu_statistics *statistics = &life->process.virtgpu->statistics;
	uint64_t known = 0;

	for (size_t i = 0; i < OWN; i++) {
		known += life->handles[i] ? life->pages[i] * PAGE : 0;
	}
	assert_int_equal(
		stat_of(&statistics->bytes_mapped) + stat_of(&statistics->bytes_deferred), known);
	/* The guard may have mapped further blobs to wake helpers, so the sum is a lower bound. */
	for (size_t i = 0; i < OWN; i++) {
		known -= life->handles[i] && !life->is_mapped[i] ? life->pages[i] * PAGE : 0;
	}
	assert_true(stat_of(&statistics->bytes_mapped) >= known);
}

static struct life lives[2];
static uint64_t interfere_seed;

/* Before the helper runs, the other process sometimes takes room. */
static void interfere(void)
{
	vmb_sim_gpu_before_helper(NULL);
	for (size_t i = model_random(&interfere_seed) % 5; i > 0; i--) {
		uint64_t pages = 1 + model_random(&interfere_seed) % 24;
		size_t j = 0;
		while (j < OWN && lives[1].handles[j]) {
			j++;
		}
		if (j < OWN) {
			lives[1].pages[j] = pages;
			lives[1].handles[j] = create_eager(&lives[1].process, pages);
			lives[1].is_mapped[j] = lives[1].handles[j] != 0;
		}
	}
}

static void test_random(void **state)
{
	uint64_t seed = model_seed();
	size_t rounds = model_rounds(60);
	unsigned blocked = 0;

	(void)state;
	print_message("VMB_SEED=%llu\n", (unsigned long long)seed);
	for (size_t round = 0; round < rounds; round++) {
		struct vmb_sim_gpu_config config = ordinary;
		config.settling_ms = (unsigned)(model_random(&seed) % 8);
		vmb_sim_gpu_init(&config);
		for (size_t p = 0; p < 2; p++) {
			lives[p] = (struct life){ .dmabufs[0] = -1 };
			memset(lives[p].dmabufs, -1, sizeof(lives[p].dmabufs));
			start(&lives[p].process, VMB_DEFER_AUTO);
		}
		for (size_t i = 0; i < 200; i++) {
			size_t p = model_random(&seed) % 2;
			bool is_quiet = model_random(&seed) % 4 == 0;
			interfere_seed = model_random(&seed);
			vmb_sim_gpu_before_helper(p == 0 && !is_quiet ? interfere : NULL);
			step(&lives[p], &seed, is_quiet);
			vmb_sim_gpu_sleep_ms((unsigned)(model_random(&seed) % 4));
			check_bytes(&lives[0]);
			check_bytes(&lives[1]);
			blocked += vmb_sim_gpu_blocked_helpers();
		}
		vmb_sim_gpu_before_helper(NULL);
		/* At the last close the guard finds room for all blocked helpers. */
		for (size_t p = 0; p < 2; p++) {
			for (size_t i = 0; i < OWN; i++) {
				if (lives[p].handles[i]) {
					close_one(&lives[p], i);
				}
			}
		}
		pass_time();
		stop(&lives[0].process);
		stop(&lives[1].process);
		assert_int_equal(vmb_sim_gpu_blocked_helpers(), 0);
		vmb_sim_gpu_finish();
	}
	/* At least one helper was blocked during the test. */
	assert_true(blocked > 0);
}

static size_t fds_before;

static int set_up(void **state)
{
	(void)state;
	fds_before = count_fds();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return count_fds() == fds_before ? 0 : -1;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_struct_sizes),
		TEST(test_without_handle),
		TEST(test_hints),
		TEST(test_larger_than_hostmem),
		TEST(test_last_range),
		TEST(test_map_twice),
		TEST(test_export),
		TEST(test_import),
		TEST(test_import_with_room),
		TEST(test_import_mapped),
		TEST(test_import_without_helper),
		TEST(test_import_again),
		TEST(test_import_own),
		TEST(test_import_left_alone),
		TEST(test_import_without_memory),
		TEST(test_refused_by_host),
		TEST(test_room_taken),
		TEST(test_room_taken_and_retried),
		TEST(test_room_taken_and_closed),
		TEST(test_device_gone),
		TEST(test_closed_during_refusal),
		TEST(test_closed_during_wake),
		TEST(test_closed_on_another_file),
		TEST(test_closed_all_the_time),
		TEST(test_closed_during_last_helper),
		TEST(test_wake_of_the_smaller),
		TEST(test_mapped_by_itself),
		TEST(test_blocked_without_lock),
		TEST(test_freed_while_clock_is_read),
		TEST(test_close_while_helper_works),
		TEST(test_stale_handles),
		TEST(test_types),
		TEST(test_type_of_exported),
		TEST(test_reports_refusal),
		TEST(test_facts),
		TEST(test_observes_again),
		TEST(test_helper_errors),
		TEST(test_error_beside_blocked_helper),
		TEST(test_faults),
		TEST(test_without_memory),
		TEST(test_sharing),
		TEST(test_traces_of_a_shared_file),
		TEST(test_trace_of_several_files),
		TEST(test_trace_without_memory),
		TEST(test_threads),
		TEST(test_cancelled),
		TEST(test_fork),
		TEST(test_random),
	};

	return cmocka_run_group_tests_name("virtgpu", tests, NULL, NULL);
}
