/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_CLOEXEC */
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "input.h"
#include "ioctl_pass.h"
#include "uapi/drm.h"
#include "uapi/virtgpu.h"
#include "virtgpu.h"
#include "virtgpu/file.h"
#include "virtgpu/translator.h"

/*
 * The ioctls of a driver on virtio_gpu: of any number, size, direction and flags, inside and
 * outside of vkAllocateMemory, on simulated kernels that honour or ignore the hint, and that fail
 * some requests. Checks that
 * - an ioctl that the translator does not know reaches the kernel unchanged, once;
 * - a mapping or an export that the layer passes on never blocks, and an error is never EINTR or
 *   EAGAIN, which the driver would repeat;
 * - the request's own hints and all bytes that the kernel does not write are unchanged;
 * - no blob, dma-buf or file is left at the end.
 */

#define PAGE VMB_SIM_GPU_PAGE
#define HOSTMEM_PAGES 64
#define MAX_HANDLES 16
#define MAX_DMABUFS 4
#define MAX_STEPS 48
#define MAX_ARG 128

static const struct vmb_system_ops simulated = {
	.reopen = vmb_sim_gpu_reopen,
	.hostmem_size = vmb_sim_gpu_hostmem_size,
	.is_older = vmb_sim_gpu_is_older,
	.now_ms = vmb_sim_gpu_now_ms,
	.sleep_ms = vmb_sim_gpu_sleep_ms,
	.find_helper = vmb_sim_gpu_find_helper,
	.run_helper = vmb_sim_gpu_run_helper,
	.is_blocked_on = vmb_sim_gpu_is_blocked_on,
};

static struct {
	struct vmb_guard guard;
	struct vmb_virtgpu *virtgpu;
	int fd;
	uint32_t handles[MAX_HANDLES]; /* of mappable blobs on the host */
	size_t handle_count;
	int dmabufs[MAX_DMABUFS];
	size_t dmabuf_count;
	struct vmb_virtgpu_call call;
	bool in_call;
} app;
static struct ioctl_pass *passing;

/* The size of the kernel's struct, or 0 for an ioctl that the kernel does not know. */
static size_t size_of(unsigned long request)
{
	static const unsigned long known[] = { DRM_IOCTL_VIRTGPU_GETPARAM,
		DRM_IOCTL_VIRTGPU_CONTEXT_INIT, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB,
		DRM_IOCTL_VIRTGPU_MAP, DRM_IOCTL_PRIME_HANDLE_TO_FD, DRM_IOCTL_PRIME_FD_TO_HANDLE,
		DRM_IOCTL_VIRTGPU_RESOURCE_INFO, DRM_IOCTL_GEM_CLOSE };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (_IOC_NR(known[i]) == _IOC_NR(request)) {
			return _IOC_SIZE(known[i]);
		}
	}
	return 0;
}

/* virtio_gpu_resource_create_blob_ioctl() refuses such sizes. */
static bool is_refused(unsigned long request, const void *copy)
{
	const struct drm_virtgpu_resource_create_blob *create = copy;

	return _IOC_NR(request) == _IOC_NR(DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB) &&
		(create->size == 0 || create->size > UINT64_C(1) << 40);
}

/* The kernel. As drm_ioctl(), extends a shorter argument with zeros, and copies in the directions
 * of the request. */
static int kernel_ioctl(int fd, unsigned long request, ...)
{
	unsigned char copy[MAX_ARG] = { 0 };
	va_list list;

	va_start(list, request);
	void *arg = va_arg(list, void *);
	va_end(list);
	if (passing && request == passing->request) {
		return ioctl_pass_answer(passing, fd, request, arg);
	}
	size_t size = _IOC_SIZE(request);
	size_t known = size_of(request);
	expect(known && size <= sizeof(copy), "the layer makes an unknown ioctl");
	if (_IOC_DIR(request) & _IOC_WRITE) {
		memcpy(copy, arg, size);
	}
	if (is_refused(request, copy)) {
		errno = EINVAL;
		return -1;
	}
	int ret = vmb_sim_gpu_ioctl(fd, request, copy);
	if (_IOC_DIR(request) & _IOC_READ) {
		memcpy(arg, copy, size < known ? size : known);
	}
	return ret;
}

static int layer_ioctl(unsigned long request, void *arg)
{
	struct vmb_virtgpu_call *call = app.in_call ? &app.call : NULL;
	errno = IOCTL_PASS_ERRNO;
	int ret = vmb_virtgpu_ioctl(app.virtgpu, call, kernel_ioctl, app.fd, request, arg);

	expect(ret == 0 || (errno != EINTR && errno != EAGAIN),
		"the driver would repeat the ioctl");
	expect(ret < 0 || errno == IOCTL_PASS_ERRNO, "a successful ioctl changes errno");
	return ret;
}

static void pass_unknown(struct input *input)
{
	struct ioctl_pass pass;

	ioctl_pass_init(&pass, input, app.fd);
	if (size_of(pass.request)) {
		free(pass.arg);
		return;
	}
	passing = &pass;
	errno = IOCTL_PASS_ERRNO;
	int ret = vmb_virtgpu_ioctl(app.virtgpu, app.in_call ? &app.call : NULL, kernel_ioctl,
		app.fd, pass.request, pass.arg);
	int error = errno;
	passing = NULL;
	ioctl_pass_finish(&pass, ret, error);
}

static uint32_t take_handle(struct input *input)
{
	size_t index = input_below(input, MAX_HANDLES);

	if (input_rarely(input)) {
		return input_u8(input);
	}
	return index < app.handle_count ? app.handles[index] : 0;
}

static bool is_mappable(uint32_t handle)
{
	for (size_t i = 0; i < app.handle_count; i++) {
		if (app.handles[i] == handle) {
			return true;
		}
	}
	return false;
}

/* A request with the number of known, mostly with its size and direction. */
static unsigned long take_request(struct input *input, unsigned long known)
{
	if (!input_rarely(input)) {
		return known;
	}
	return _IOC(input_u8(input) & 3u, 'd', _IOC_NR(known), input_u8(input) % MAX_ARG);
}

/* The argument of a request: the struct, cut to the size of the request or extended with zeros. */
static void *exact_argument(unsigned long request, const void *data, size_t data_size)
{
	size_t size = _IOC_SIZE(request);
	void *arg = exact_memory(size);

	memcpy(arg, data, size < data_size ? size : data_size);
	return arg;
}

static void create(struct input *input)
{
	struct drm_virtgpu_resource_create_blob blob = {
		.blob_mem = input_rarely(input) ? input_u32(input) : VIRTGPU_BLOB_MEM_HOST3D,
		.blob_flags = input_rarely(input) ? input_u32(input)
						  : VIRTGPU_BLOB_FLAG_USE_MAPPABLE |
				(input_u8(input) & VIRTGPU_BLOB_FLAG_USE_SHAREABLE),
		.size = input_rarely(input) ? input_u64(input)
					    : (1 + input_below(input, 24)) * PAGE,
		.blob_id = 1,
		.blob_hints = input_u8(input) & 7,
	};
	unsigned long request = take_request(input, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB);
	size_t size = _IOC_SIZE(request);
	unsigned char given[MAX_ARG] = { 0 };

	memcpy(given, &blob, sizeof(blob));
	void *arg = exact_memory(size);
	memcpy(arg, given, size);
	int ret = layer_ioctl(request, arg);
	struct drm_virtgpu_resource_create_blob after = { 0 };
	memcpy(&after, arg, size < sizeof(after) ? size : sizeof(after));
	if (size >= sizeof(blob)) {
		expect(after.blob_hints == blob.blob_hints, "the driver's hints are changed");
		expect(memcmp((char *)arg + sizeof(blob), given + sizeof(blob),
			       size - sizeof(blob)) == 0,
			"bytes after the struct are changed");
	}
	bool is_whole = _IOC_DIR(request) == (_IOC_READ | _IOC_WRITE) && size >= 40;
	if (ret == 0 && is_whole && blob.blob_mem == VIRTGPU_BLOB_MEM_HOST3D &&
		(blob.blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE) &&
		app.handle_count < MAX_HANDLES) {
		app.handles[app.handle_count++] = after.bo_handle;
	}
	free(arg);
}

/* A driver calls mmap() after this ioctl. */
static void map(struct input *input)
{
	unsigned long request = take_request(input, DRM_IOCTL_VIRTGPU_MAP);
	struct drm_virtgpu_map map = { .handle = take_handle(input) };
	void *arg = exact_argument(request, &map, sizeof(map));

	int ret = layer_ioctl(request, arg);
	if (ret == 0 && request == DRM_IOCTL_VIRTGPU_MAP && is_mappable(map.handle)) {
		expect(vmb_sim_gpu_map(app.fd, map.handle) != VMB_SIM_GPU_WOULD_BLOCK,
			"the application would block");
	}
	free(arg);
}

static void export(struct input *input)
{
	struct drm_prime_handle prime = {
		.handle = take_handle(input), .flags = O_CLOEXEC | O_RDWR, .fd = -1
	};

	if (app.dmabuf_count == MAX_DMABUFS ||
		layer_ioctl(DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime) < 0) {
		return;
	}
	app.dmabufs[app.dmabuf_count++] = prime.fd;
	expect(!is_mappable(prime.handle) ||
			vmb_sim_gpu_map(app.fd, prime.handle) != VMB_SIM_GPU_WOULD_BLOCK,
		"another process would block");
}

static void import(struct input *input)
{
	unsigned long request = take_request(input, DRM_IOCTL_PRIME_FD_TO_HANDLE);
	size_t index = input_below(input, MAX_DMABUFS);
	struct drm_prime_handle prime = { .fd = index < app.dmabuf_count ? app.dmabufs[index]
									 : -1 };
	void *arg = exact_argument(request, &prime, sizeof(prime));

	layer_ioctl(request, arg);
	free(arg);
}

static void close_handle(struct input *input)
{
	unsigned long request = take_request(input, DRM_IOCTL_GEM_CLOSE);
	struct drm_gem_close closed = { .handle = take_handle(input) };
	void *arg = exact_argument(request, &closed, sizeof(closed));

	/* A request of another shape may close the blob, or another one, or none. */
	for (size_t i = 0; i < app.handle_count; i++) {
		if (app.handles[i] == closed.handle) {
			app.handles[i] = app.handles[--app.handle_count];
			break;
		}
	}
	layer_ioctl(request, arg);
	free(arg);
}

static void end_call(struct input *input)
{
	if (app.in_call) {
		app.call.has_failed = input_u8(input) & 1;
		vmb_virtgpu_end(app.virtgpu, &app.call);
		app.in_call = false;
	}
}

static void begin_call(struct input *input)
{
	end_call(input);
	app.in_call = true;
	app.call = (struct vmb_virtgpu_call){
		.is_allocation = !input_rarely(input),
		.memory_type = input_rarely(input) ? input_u32(input) : input_u8(input) & 3u,
	};
}

static void fail_requests(struct input *input)
{
	static const int errors[] = { ENOMEM, ENOSPC, EINVAL, EIO, EMFILE, EBUSY };
	const struct vmb_sim_gpu_fault fault = {
		.good = (unsigned)input_below(input, 8),
		.bad = (unsigned)input_below(input, 4),
		.error = errors[input_below(input, 6)],
	};

	vmb_sim_gpu_fail(&fault);
}

static void step(struct input *input)
{
	switch (input_below(input, 16)) {
	case 0:
	case 1:
		begin_call(input);
		break;
	case 2:
		end_call(input);
		break;
	case 3:
		close_handle(input);
		break;
	case 4:
		export(input);
		break;
	case 5:
		import(input);
		break;
	case 6:
		pass_unknown(input);
		break;
	case 7:
		vmb_sim_gpu_sleep_ms(input_u8(input));
		break;
	case 8:
		if (input_rarely(input)) {
			fail_requests(input);
		}
		break;
	case 9:
	case 10:
	case 11:
		map(input);
		break;
	default:
		create(input);
		break;
	}
}

static void begin(struct input *input)
{
	static const uint32_t capsets[] = { 1u << VIRTGPU_DRM_CAPSET_VENUS,
		1u << VIRTGPU_DRM_CAPSET_DRM, 0,
		1u << VIRTGPU_DRM_CAPSET_VENUS | 1u << VIRTGPU_DRM_CAPSET_DRM };
	uint8_t bits = input_u8(input);
	const struct vmb_sim_gpu_config config = {
		.hostmem = HOSTMEM_PAGES * PAGE,
		.ignores_hints = (bits & 7) == 0,
		.hides_size = (bits & 24) == 0,
		.capsets = capsets[bits >> 5 & 3],
		.settling_ms = input_u8(input) & 3,
		.helper_ms = 1,
	};

	vmb_sim_gpu_init(&config);
	memset(&app, 0, sizeof(app));
	app.guard = (struct vmb_guard)VMB_GUARD_INITIALIZER;
	app.fd = vmb_sim_gpu_open();
	const struct vmb_virtgpu_driver driver = {
		.ioctl = kernel_ioctl,
		.fd = app.fd,
		.request = (enum vmb_defer)input_below(input, 3),
		.late_types = input_rarely(input) ? input_u32(input) : UINT32_MAX,
	};
	app.virtgpu = vmb_virtgpu_get(&simulated, &app.guard, &driver);
	expect(app.virtgpu, "out of memory");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	begin(&input);
	for (size_t i = 0; i < MAX_STEPS && input.size; i++) {
		step(&input);
	}
	end_call(&input);
	for (size_t i = 0; i < app.dmabuf_count; i++) {
		close(app.dmabufs[i]);
	}
	vmb_virtgpu_put(app.virtgpu, NULL);
	close(app.fd);
	/* Helpers whose blobs are gone end. */
	vmb_sim_gpu_sleep_ms(1000);
	vmb_sim_gpu_retry();
	vmb_sim_gpu_finish();
	return 0;
}
