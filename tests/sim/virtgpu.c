/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* pipe2, O_CLOEXEC */
#include "virtgpu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "uapi/virtgpu.h"

#define PAGES 4096 /* the largest hostmem */
#define BLOBS 512
#define FILES 64
#define HANDLES 256

enum state {
	FREE,
	DEFERRED, /* without a range */
	PLACED,
	REFUSED, /* by the host, but with a range */
	LEAVING, /* closed, and its range is free soon */
};

struct blob {
	enum state state;
	uint32_t mem;
	uint64_t size;
	size_t first; /* pages */
	size_t pages;
	unsigned handles;
	unsigned blocked_helpers; /* each has the dma-buf open */
	uint64_t gone_at; /* LEAVING */
	/* The read end of the dma-buf's pipe, or -1. Hangs up when the last descriptor of the
	 * dma-buf is closed. */
	int dmabuf;
};

struct file {
	int fd; /* -1: unused */
	uint32_t capset; /* 0: no context */
	bool has_shm; /* a native context makes only one blob of new memory */
	struct blob *handles[HANDLES];
};

static struct {
	struct vmb_sim_gpu_config config;
	pthread_mutex_t lock;
	uint64_t now;
	bool is_taken[PAGES];
	struct blob blobs[BLOBS];
	struct file files[FILES];
	struct vmb_sim_gpu_fault fault;
	unsigned requests;
	int helper_error;
	unsigned helpers;
	void (*before_helper)(void);
	bool refuses;
	uint32_t last_hints;
} gpu = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void die(const char *why)
{
	fprintf(stderr, "simulated virtio_gpu: %s\n", why);
	abort();
}

static size_t hostmem_pages(void)
{
	return gpu.config.hostmem / VMB_SIM_GPU_PAGE;
}

/* The smallest free range that is large enough, as drm_mm_insert_node() chooses. SIZE_MAX if there
 * is none. */
static size_t find_gap(size_t pages, size_t *largest)
{
	size_t best = SIZE_MAX;
	size_t best_size = SIZE_MAX;
	size_t begin = 0;

	*largest = 0;
	for (size_t i = 0; i <= hostmem_pages(); i++) {
		if (i < hostmem_pages() && !gpu.is_taken[i]) {
			continue;
		}
		size_t size = i - begin;
		*largest = size > *largest ? size : *largest;
		if (size >= pages && size < best_size) {
			best = begin;
			best_size = size;
		}
		begin = i + 1;
	}
	return best;
}

static void take(size_t first, size_t pages, bool is_taken)
{
	for (size_t i = first; i < first + pages; i++) {
		gpu.is_taken[i] = is_taken;
	}
}

static bool place(struct blob *blob)
{
	size_t largest;

	blob->first = find_gap(blob->pages, &largest);
	if (blob->first == SIZE_MAX) {
		return false;
	}
	take(blob->first, blob->pages, true);
	blob->state = gpu.refuses ? REFUSED : PLACED;
	/* The answer of the host wakes all waiters. */
	blob->blocked_helpers = 0;
	return true;
}

static bool has_dmabuf(struct blob *blob)
{
	struct pollfd end = { .fd = blob->dmabuf, .events = POLLIN };

	if (blob->dmabuf >= 0 && poll(&end, 1, 0) == 1 && (end.revents & POLLHUP)) {
		close(blob->dmabuf);
		blob->dmabuf = -1;
	}
	return blob->dmabuf >= 0;
}

static void close_file(struct file *file)
{
	for (size_t i = 0; i < HANDLES; i++) {
		if (file->handles[i]) {
			file->handles[i]->handles--;
			file->handles[i] = NULL;
		}
	}
	file->fd = -1;
}

static bool is_null_device(int fd)
{
	struct stat node;

	return fstat(fd, &node) == 0 && S_ISCHR(node.st_mode);
}

static dev_t null_device(void)
{
	struct stat node;

	return stat("/dev/null", &node) == 0 ? node.st_rdev : 0;
}

/* Frees closed files, blobs without references, and the ranges of blobs closed before. */
static void collect(void)
{
	for (size_t i = 0; i < FILES; i++) {
		if (gpu.files[i].fd >= 0 && !is_null_device(gpu.files[i].fd)) {
			close_file(&gpu.files[i]);
		}
	}
	for (size_t i = 0; i < BLOBS; i++) {
		struct blob *blob = &gpu.blobs[i];
		if (blob->state == FREE) {
			continue;
		}
		if (blob->state == LEAVING) {
			if (gpu.now >= blob->gone_at) {
				take(blob->first, blob->pages, false);
				blob->state = FREE;
			}
			continue;
		}
		if (blob->handles || blob->blocked_helpers || has_dmabuf(blob)) {
			continue;
		}
		if (blob->state == DEFERRED) {
			blob->state = FREE;
		} else {
			blob->state = LEAVING;
			blob->gone_at = gpu.now + gpu.config.settling_ms;
			i--; /* free the range at once if settling_ms is 0 */
		}
	}
}

static struct file *find_file(int fd)
{
	for (size_t i = 0; i < FILES; i++) {
		if (gpu.files[i].fd == fd) {
			return &gpu.files[i];
		}
	}
	return NULL;
}

static struct file *add_file(int fd)
{
	struct file *file = find_file(-1);

	if (!file || fd < 0) {
		die("too many files");
	}
	memset(file, 0, sizeof(*file));
	file->fd = fd;
	return file;
}

static struct blob *find_blob(const struct file *file, uint32_t handle)
{
	return handle && handle < HANDLES ? file->handles[handle] : NULL;
}

static int get_parameter(const struct drm_virtgpu_getparam *get)
{
	int value;

	switch (get->param) {
	case VIRTGPU_PARAM_HOST_VISIBLE:
		value = gpu.config.hostmem != 0;
		break;
	case VIRTGPU_PARAM_SUPPORTED_CAPSET_IDs:
		value = (int)gpu.config.capsets;
		break;
	case VIRTGPU_PARAM_BLOB_ALIGNMENT:
		if (!gpu.config.alignment) {
			return -ENOENT;
		}
		value = (int)gpu.config.alignment;
		break;
	default:
		return -EINVAL;
	}
	memcpy((void *)(uintptr_t)get->value, &value, sizeof(value));
	return 0;
}

static int init_context(struct file *file, const struct drm_virtgpu_context_init *init)
{
	const struct drm_virtgpu_context_set_param *parameters =
		(const void *)(uintptr_t)init->ctx_set_params;

	if (file->capset) {
		return -EEXIST;
	}
	for (uint32_t i = 0; i < init->num_params; i++) {
		if (parameters[i].param == VIRTGPU_CONTEXT_PARAM_CAPSET_ID) {
			if (!(gpu.config.capsets >> parameters[i].value & 1)) {
				return -EINVAL;
			}
			file->capset = (uint32_t)parameters[i].value;
		}
	}
	return file->capset ? 0 : -EINVAL;
}

/* The first handle of the blob, or the first free handle for NULL. 0 if there is none. */
static uint32_t find_handle(const struct file *file, const struct blob *blob)
{
	for (uint32_t handle = 1; handle < HANDLES; handle++) {
		if (file->handles[handle] == blob) {
			return handle;
		}
	}
	return 0;
}

static int create_blob(
	struct file *file, struct drm_virtgpu_resource_create_blob *create, size_t size)
{
	uint32_t hints = size >= sizeof(*create) ? create->blob_hints : 0;
	struct blob *blob = gpu.blobs;

	gpu.last_hints = hints;
	if (gpu.config.alignment && create->size % gpu.config.alignment) {
		return -EINVAL;
	}
	/* The real host refuses a second blob. The caller does not see the error. */
	if (file->capset == VIRTGPU_DRM_CAPSET_DRM && create->blob_id == 0) {
		if (file->has_shm) {
			die("second blob of new memory in a native context");
		}
		file->has_shm = true;
	}
	while (blob < gpu.blobs + BLOBS && blob->state != FREE) {
		blob++;
	}
	uint32_t handle = find_handle(file, NULL);
	if (blob == gpu.blobs + BLOBS || !handle) {
		return -ENOMEM;
	}
	*blob = (struct blob){
		.state = DEFERRED,
		.mem = create->blob_mem,
		.size = create->size,
		.pages = (create->size + VMB_SIM_GPU_PAGE - 1) / VMB_SIM_GPU_PAGE,
		.handles = 1,
		.dmabuf = -1,
	};
	bool is_deferred = (hints & DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING) &&
		!gpu.config.ignores_hints;
	bool needs_room = create->blob_mem == VIRTGPU_BLOB_MEM_HOST3D &&
		(create->blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE);
	if (needs_room && !is_deferred && !place(blob)) {
		blob->state = FREE;
		return -ENOSPC;
	}
	file->handles[handle] = blob;
	create->bo_handle = handle;
	create->res_handle = 1000 + (uint32_t)(blob - gpu.blobs);
	return 0;
}

static int export_blob(struct file *file, struct drm_prime_handle *prime)
{
	struct blob *blob = find_blob(file, prime->handle);
	char path[64];
	int ends[2];

	if (!blob) {
		return -ENOENT;
	}
	if (!has_dmabuf(blob)) {
		if (pipe2(ends, O_CLOEXEC) < 0) {
			return -errno;
		}
		blob->dmabuf = ends[0];
		prime->fd = ends[1];
		return 0;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", blob->dmabuf);
	prime->fd = open(path, O_WRONLY | O_CLOEXEC);
	return prime->fd < 0 ? -errno : 0;
}

static struct blob *find_dmabuf(int dmabuf)
{
	struct stat given;
	struct stat known;

	if (fstat(dmabuf, &given) < 0 || !S_ISFIFO(given.st_mode)) {
		return NULL;
	}
	for (size_t i = 0; i < BLOBS; i++) {
		struct blob *blob = &gpu.blobs[i];
		if (blob->state != FREE && blob->state != LEAVING && blob->dmabuf >= 0 &&
			fstat(blob->dmabuf, &known) == 0 && known.st_ino == given.st_ino) {
			return blob;
		}
	}
	return NULL;
}

static int import_blob(struct file *file, struct drm_prime_handle *prime)
{
	struct blob *blob = find_dmabuf(prime->fd);

	if (!blob) {
		return -EBADF;
	}
	prime->handle = find_handle(file, blob);
	if (prime->handle) {
		return 0;
	}
	prime->handle = find_handle(file, NULL);
	if (!prime->handle) {
		return -ENOMEM;
	}
	file->handles[prime->handle] = blob;
	blob->handles++;
	return 0;
}

static int get_info(const struct file *file, struct drm_virtgpu_resource_info *info)
{
	const struct blob *blob = find_blob(file, info->bo_handle);

	if (!blob) {
		return -ENOENT;
	}
	info->res_handle = 1000 + (uint32_t)(blob - gpu.blobs);
	info->size = (uint32_t)blob->size;
	info->blob_mem = blob->mem;
	return 0;
}

static int close_blob(struct file *file, const struct drm_gem_close *closed)
{
	struct blob *blob = find_blob(file, closed->handle);

	if (!blob) {
		return -EINVAL;
	}
	file->handles[closed->handle] = NULL;
	blob->handles--;
	return 0;
}

static int map_offset(struct file *file, struct drm_virtgpu_map *map)
{
	if (!find_blob(file, map->handle)) {
		return -ENOENT;
	}
	map->offset = UINT64_C(0x100000000) + map->handle * VMB_SIM_GPU_PAGE;
	return 0;
}

static bool is_faulty(unsigned long request)
{
	if (gpu.fault.request && _IOC_NR(gpu.fault.request) != _IOC_NR(request)) {
		return false;
	}
	gpu.requests++;
	return gpu.requests > gpu.fault.good && gpu.requests <= gpu.fault.good + gpu.fault.bad;
}

static int answer(int fd, unsigned long request, void *arg)
{
	struct file *file = find_file(fd);

	if (!file && !is_null_device(fd)) {
		return -EBADF;
	}
	/* A file that was not opened with vmb_sim_gpu_open(). */
	file = file ? file : add_file(fd);
	if (is_faulty(request)) {
		return -gpu.fault.error;
	}
	switch (_IOC_NR(request)) {
	case _IOC_NR(DRM_IOCTL_VIRTGPU_GETPARAM):
		return get_parameter(arg);
	case _IOC_NR(DRM_IOCTL_VIRTGPU_CONTEXT_INIT):
		return init_context(file, arg);
	case _IOC_NR(DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB):
		return create_blob(file, arg, _IOC_SIZE(request));
	case _IOC_NR(DRM_IOCTL_VIRTGPU_MAP):
		return map_offset(file, arg);
	case _IOC_NR(DRM_IOCTL_PRIME_HANDLE_TO_FD):
		return export_blob(file, arg);
	case _IOC_NR(DRM_IOCTL_PRIME_FD_TO_HANDLE):
		return import_blob(file, arg);
	case _IOC_NR(DRM_IOCTL_VIRTGPU_RESOURCE_INFO):
		return get_info(file, arg);
	case _IOC_NR(DRM_IOCTL_GEM_CLOSE):
		return close_blob(file, arg);
	default:
		return -ENOTTY;
	}
}

int vmb_sim_gpu_ioctl(int fd, unsigned long request, ...)
{
	va_list list;

	va_start(list, request);
	void *arg = va_arg(list, void *);
	va_end(list);
	int before = errno;
	pthread_mutex_lock(&gpu.lock);
	collect();
	int ret = answer(fd, request, arg);
	collect();
	pthread_mutex_unlock(&gpu.lock);
	errno = ret < 0 ? -ret : before;
	return ret < 0 ? -1 : 0;
}

void vmb_sim_gpu_init(const struct vmb_sim_gpu_config *config)
{
	if (config->hostmem / VMB_SIM_GPU_PAGE > PAGES) {
		die("hostmem is too large");
	}
	gpu.config = *config;
	gpu.now = 1;
	memset(gpu.is_taken, 0, sizeof(gpu.is_taken));
	memset(gpu.blobs, 0, sizeof(gpu.blobs));
	for (size_t i = 0; i < FILES; i++) {
		gpu.files[i] = (struct file){ .fd = -1 };
	}
	gpu.fault = (struct vmb_sim_gpu_fault){ .bad = 0 };
	gpu.requests = 0;
	gpu.helper_error = 0;
	gpu.helpers = 0;
	gpu.before_helper = NULL;
	gpu.refuses = false;
}

void vmb_sim_gpu_finish(void)
{
	vmb_sim_gpu_sleep_ms(1000);
	for (size_t i = 0; i < FILES; i++) {
		if (gpu.files[i].fd >= 0) {
			die("a file is still open");
		}
	}
	for (size_t i = 0; i < BLOBS; i++) {
		if (gpu.blobs[i].state != FREE) {
			die("a blob has an open dma-buf or a blocked helper");
		}
	}
}

int vmb_sim_gpu_open(void)
{
	pthread_mutex_lock(&gpu.lock);
	collect();
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	add_file(fd);
	pthread_mutex_unlock(&gpu.lock);
	return fd;
}

int vmb_sim_gpu_reopen(int fd)
{
	return find_file(fd) ? vmb_sim_gpu_open() : -EBADF;
}

uint64_t vmb_sim_gpu_hostmem_size(int fd)
{
	(void)fd;
	return gpu.config.hides_size ? 0 : gpu.config.hostmem;
}

bool vmb_sim_gpu_is_older(void)
{
	return gpu.config.ignores_hints;
}

uint64_t vmb_sim_gpu_now_ms(void)
{
	pthread_mutex_lock(&gpu.lock);
	uint64_t now = gpu.now;
	pthread_mutex_unlock(&gpu.lock);
	return now;
}

void vmb_sim_gpu_sleep_ms(unsigned ms)
{
	pthread_mutex_lock(&gpu.lock);
	collect();
	gpu.now += ms;
	collect();
	pthread_mutex_unlock(&gpu.lock);
}

int vmb_sim_gpu_find_helper(char *path, size_t size)
{
	snprintf(path, size, "simulated");
	return 0;
}

static int map_dmabuf(int dmabuf, unsigned timeout_ms)
{
	struct blob *blob = find_dmabuf(dmabuf);

	/* The descriptor is a memfd. Mapping a memfd always succeeds. */
	if (!blob) {
		return 0;
	}
	if (blob->state == DEFERRED && !place(blob)) {
		blob->blocked_helpers++;
		gpu.now += timeout_ms;
		return -EINPROGRESS;
	}
	gpu.now += gpu.config.helper_ms;
	return blob->state == REFUSED ? -EINVAL : 0;
}

int vmb_sim_gpu_run_helper(const char *path, int dmabuf, dev_t device, unsigned timeout_ms)
{
	if (strcmp(path, "simulated") != 0) {
		die("an unknown helper was started");
	}
	if (device != null_device()) {
		die("a helper was started for another device");
	}
	if (gpu.before_helper) {
		gpu.before_helper();
	}
	pthread_mutex_lock(&gpu.lock);
	collect();
	gpu.helpers++;
	int ret = gpu.helper_error;
	if (ret == 0) {
		ret = map_dmabuf(dmabuf, timeout_ms);
	} else if (ret == -ECHILD) {
		map_dmabuf(dmabuf, timeout_ms);
	}
	collect();
	pthread_mutex_unlock(&gpu.lock);
	return ret;
}

bool vmb_sim_gpu_is_blocked_on(int dmabuf)
{
	pthread_mutex_lock(&gpu.lock);
	collect();
	const struct blob *blob = find_dmabuf(dmabuf);
	bool is_blocked = blob && blob->blocked_helpers;
	pthread_mutex_unlock(&gpu.lock);
	return is_blocked;
}

void vmb_sim_gpu_retry(void)
{
	pthread_mutex_lock(&gpu.lock);
	collect();
	for (size_t i = 0; i < BLOBS; i++) {
		if (gpu.blobs[i].state == DEFERRED && gpu.blobs[i].blocked_helpers) {
			place(&gpu.blobs[i]);
		}
	}
	collect();
	pthread_mutex_unlock(&gpu.lock);
}

enum vmb_sim_gpu_mmap vmb_sim_gpu_map(int fd, uint32_t handle)
{
	enum vmb_sim_gpu_mmap result = VMB_SIM_GPU_MAPPED;

	pthread_mutex_lock(&gpu.lock);
	collect();
	const struct blob *blob = find_blob(find_file(fd), handle);
	if (!blob) {
		die("the mapped handle has no blob");
	}
	if (blob->state == DEFERRED) {
		result = VMB_SIM_GPU_WOULD_BLOCK;
	} else if (blob->state == REFUSED) {
		result = VMB_SIM_GPU_REFUSED;
	}
	pthread_mutex_unlock(&gpu.lock);
	return result;
}

void vmb_sim_gpu_fail(const struct vmb_sim_gpu_fault *fault)
{
	gpu.fault = *fault;
	gpu.requests = 0;
}

unsigned vmb_sim_gpu_requests(void)
{
	return gpu.requests;
}

void vmb_sim_gpu_fail_helpers(int error)
{
	gpu.helper_error = error;
}

unsigned vmb_sim_gpu_helpers(void)
{
	return gpu.helpers;
}

void vmb_sim_gpu_before_helper(void (*function)(void))
{
	gpu.before_helper = function;
}

void vmb_sim_gpu_refuse(bool refuses)
{
	gpu.refuses = refuses;
}

uint64_t vmb_sim_gpu_used(void)
{
	uint64_t used = 0;

	pthread_mutex_lock(&gpu.lock);
	collect();
	for (size_t i = 0; i < hostmem_pages(); i++) {
		used += gpu.is_taken[i] ? VMB_SIM_GPU_PAGE : 0;
	}
	pthread_mutex_unlock(&gpu.lock);
	return used;
}

uint64_t vmb_sim_gpu_largest(void)
{
	size_t largest;

	pthread_mutex_lock(&gpu.lock);
	collect();
	find_gap(SIZE_MAX, &largest);
	pthread_mutex_unlock(&gpu.lock);
	return largest * VMB_SIM_GPU_PAGE;
}

unsigned vmb_sim_gpu_blocked_helpers(void)
{
	unsigned blocked_helpers = 0;

	for (size_t i = 0; i < BLOBS; i++) {
		blocked_helpers += gpu.blobs[i].state != FREE ? gpu.blobs[i].blocked_helpers : 0;
	}
	return blocked_helpers;
}

uint32_t vmb_sim_gpu_last_hints(void)
{
	return gpu.last_hints;
}
