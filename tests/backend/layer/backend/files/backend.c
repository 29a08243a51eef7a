/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include "backend/files/backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The id of a backing is the descriptor of its memfd. */

static void count_call(struct vmb_vm *vm)
{
	atomic_fetch_add_explicit(&vm->system_calls, 1, memory_order_relaxed);
}

static int reserve(
	struct vmb_vm *vm, uint64_t size, uint64_t alignment, struct vmb_reservation *reservation)
{
	/* The alignment that lavapipe asks for is a page at most. */
	if (alignment > vm->granularity) {
		return -ENOMEM;
	}
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED) {
		return -errno;
	}
	*reservation = (struct vmb_reservation){ .va = (uintptr_t)map, .size = size };
	return 0;
}

static void release(struct vmb_vm *vm, const struct vmb_reservation *reservation)
{
	(void)vm;
	if (reservation->size) {
		munmap((void *)(uintptr_t)reservation->va, reservation->size);
	}
}

static int memory_create(struct vmb_vm *vm, uint64_t size, struct vmb_backing *backing)
{
	int fd = memfd_create("files", MFD_CLOEXEC);
	int ret = -ENOMEM;

	(void)vm;
	if (fd < 0) {
		return -errno;
	}
	if (ftruncate(fd, (off_t)size) < 0) {
		goto fail;
	}
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		goto fail;
	}
	*backing = (struct vmb_backing){ .id = (uint32_t)fd, .size = size, .map = map };
	return 0;

fail:
	close(fd);
	return ret;
}

static void memory_destroy(struct vmb_vm *vm, const struct vmb_backing *backing)
{
	(void)vm;
	if (backing->size) {
		munmap(backing->map, backing->size);
		close((int)backing->id);
	}
}

static int execute(struct vmb_vm *vm, const struct vmb_op *ops, size_t count, size_t *done)
{
	for (*done = 0; *done < count; (*done)++) {
		const struct vmb_op *op = &ops[*done];
		bool maps = op->kind == VMB_OP_MAP;
		int flags = maps ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
		count_call(vm);
		if (mmap((void *)(uintptr_t)op->va, op->size, PROT_READ | PROT_WRITE,
			    MAP_FIXED | flags, maps ? (int)op->backing : -1,
			    maps ? (off_t)op->offset : 0) == MAP_FAILED) {
			return -errno;
		}
	}
	return 0;
}

static void destroy(struct vmb_vm *vm)
{
	free(vm);
}

static void describe_kernel_driver(struct vmb_vm *vm, char *text, size_t size)
{
	(void)vm;
	strncpy(text, "files", size);
}

static const struct vmb_vm_interface interface = {
	.name = "files",
	.destroy = destroy,
	.reserve = reserve,
	.release = release,
	.memory_create = memory_create,
	.memory_destroy = memory_destroy,
	.execute = execute,
	.describe_kernel_driver = describe_kernel_driver,
};

static int create(const struct vmb_vm_config *config, struct vmb_vm **out)
{
	struct vmb_vm *vm = calloc(1, sizeof(*vm));

	if (!vm) {
		return -ENOMEM;
	}
	vmb_vm_init(vm, &interface, config->granularity, config->trace);
	*out = vm;
	return 0;
}

static const VkDriverId drivers[] = { VK_DRIVER_ID_MESA_LLVMPIPE, 0 };

static const char *explain(int error)
{
	return strerror(-error);
}

static const char *probe(const struct vmb_probe_device *device, uint64_t *address_space)
{
	(void)device;
	*address_space = UINT64_C(1) << 40;
	return NULL;
}

#define NO_IMPORT "the driver cannot import host memory"

static const struct vmb_backend_extension extensions[] = {
	{ VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME, 0, NO_IMPORT },
	{ VK_KHR_EXTERNAL_MEMORY_EXTENSION_NAME, VK_API_VERSION_1_1, NO_IMPORT },
	{ VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME, VK_API_VERSION_1_2,
		"the driver has no timeline semaphores" },
};

const struct vmb_backend vmb_files_backend = {
	.name = "files",
	.drivers = drivers,
	.extensions = extensions,
	.extension_count = sizeof(extensions) / sizeof(extensions[0]),
	.reason = "the test suite added a backend",
	.granularity = 4096,
	.aliases = true,
	.imports = true,
	.create = create,
	.explain = explain,
	.probe = probe,
};
