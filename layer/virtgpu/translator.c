/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create, O_CLOEXEC */
#include "virtgpu/translator.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <uapi/virtgpu.h>
#include <unistd.h>

/* How long a helper may take that has nothing to wait for, in ms. */
#define TRIAL_PATIENCE 2000
/* And one that may sleep, or have nothing to wait for: which, nobody can tell before. */
#define IMPORTED_PATIENCE 800

struct vmb_guard vmb_virtgpu_guard = VMB_GUARD_INITIALIZER;

static void after_fork(void)
{
	vmb_guard_after_fork(&vmb_virtgpu_guard);
}

/* The C library forgets the function with the library that it is in. Without memory for it a child
 * may wait for a thread that it does not have. */
static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, after_fork);
}

/* All that there ever were. */
static struct vmb_virtgpu *files;
/* Guards the list and who is used. */
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;

/* A blob that takes a place in the window, now or later. */
struct blob {
	uint64_t size; /* in whole pages */
	uint64_t serial; /* handles are used again, this is not */
	bool is_promised; /* its mapping was deferred, and not made so far */
	/* Another's, of which no more is known than that it may be promised. It is not counted. */
	bool is_imported;
	bool was_tried; /* of the imported: a helper was not done with it in time */
};

static void count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

static void add_bytes(_Atomic uint64_t *bytes, _Atomic uint64_t *peak, uint64_t more)
{
	uint64_t now = atomic_fetch_add_explicit(bytes, more, memory_order_relaxed) + more;
	uint64_t before = atomic_load_explicit(peak, memory_order_relaxed);

	while (now > before &&
		!atomic_compare_exchange_weak_explicit(
			peak, &before, now, memory_order_relaxed, memory_order_relaxed)) {
	}
}

static void subtract_bytes(_Atomic uint64_t *bytes, uint64_t less)
{
	atomic_fetch_sub_explicit(bytes, less, memory_order_relaxed);
}

static int fail(int error)
{
	errno = -error;
	return -1;
}

/* Whether a helper can be started here; sandboxes may say no. */
static bool try_helper(const struct vmb_virtgpu *virtgpu)
{
	int page = memfd_create("vmbind", MFD_CLOEXEC);

	if (page < 0) {
		return false;
	}
	int ret = ftruncate(page, sysconf(_SC_PAGESIZE)) < 0
		? -errno
		: virtgpu->system->run_helper(
			  virtgpu->helper, page, virtgpu->window.device, TRIAL_PATIENCE);
	close(page);
	return ret == 0;
}

/* Why nothing is deferred; NULL if it is. */
static const char *find_obstacle(struct vmb_virtgpu *virtgpu)
{
	struct vmb_window *window = &virtgpu->window;

	if (vmb_window_init(window, virtgpu->system, virtgpu->ioctl, virtgpu->fd) < 0) {
		return "the device cannot be opened once more";
	}
	virtgpu->has_window = true;
	virtgpu->facts.window = window->size;
	if (virtgpu->wish == VMB_DEFER_OFF) {
		return "turned off";
	}
	if (!window->capset) {
		return "the window cannot be probed on this device";
	}
	virtgpu->facts.honoured = vmb_window_honoured(window);
	if (virtgpu->facts.honoured == VMB_HONOURED_NO) {
		return "the kernel ignores the hint";
	}
	if (virtgpu->facts.honoured == VMB_HONOURED_UNKNOWN && virtgpu->wish != VMB_DEFER_ON) {
		return "it is not known whether the kernel honours the hint";
	}
	if (virtgpu->system->find_helper(virtgpu->helper, sizeof(virtgpu->helper)) < 0) {
		return "there is no helper program";
	}
	return try_helper(virtgpu) ? NULL : "the helper program cannot be started";
}

/* Finds out once, when it first matters: it takes a few milliseconds. */
static bool decide(struct vmb_virtgpu *virtgpu)
{
	if (atomic_load_explicit(&virtgpu->has_facts, memory_order_acquire)) {
		return virtgpu->facts.defers;
	}
	pthread_mutex_lock(&virtgpu->decide_lock);
	if (!virtgpu->has_facts) {
		const char *obstacle = find_obstacle(virtgpu);
		virtgpu->facts.defers = !obstacle;
		virtgpu->facts.reason = obstacle ? obstacle : "the first mapping is guarded";
		atomic_store_explicit(&virtgpu->has_facts, true, memory_order_release);
	}
	pthread_mutex_unlock(&virtgpu->decide_lock);
	return virtgpu->facts.defers;
}

static bool defers(const struct vmb_virtgpu *virtgpu)
{
	return atomic_load_explicit(&virtgpu->has_facts, memory_order_acquire) &&
		virtgpu->facts.defers;
}

/* Of an instance, whose devices may share the file with each other and with those of other
 * instances. */
struct vmb_virtgpu_watcher {
	struct vmb_virtgpu_watcher *next;
	struct vmb_trace *trace;
	unsigned users;
};

/* Traces are told what has changed: their instance may have other files. blobs_lock is held, so
 * that what is told last is what is true. */
static void trace_bytes(struct vmb_virtgpu *virtgpu)
{
	const struct vmb_virtgpu_stats *stats = &virtgpu->stats;
	int64_t promised = (int64_t)atomic_load_explicit(
		&stats->bytes_promised, memory_order_relaxed);
	int64_t mapped = (int64_t)atomic_load_explicit(&stats->bytes_mapped, memory_order_relaxed);

	for (struct vmb_virtgpu_watcher *watcher = virtgpu->watchers; watcher;
		watcher = watcher->next) {
		vmb_trace_hostmem(watcher->trace, promised - virtgpu->told_promised,
			mapped - virtgpu->told_mapped);
	}
	virtgpu->told_promised = promised;
	virtgpu->told_mapped = mapped;
}

static struct vmb_virtgpu_watcher **find_watcher(
	struct vmb_virtgpu *virtgpu, const struct vmb_trace *trace)
{
	struct vmb_virtgpu_watcher **watcher = &virtgpu->watchers;

	while (*watcher && (*watcher)->trace != trace) {
		watcher = &(*watcher)->next;
	}
	return watcher;
}

/* The file's share in the trace comes with its first user, false if memory is short. blobs_lock is
 * held. */
static bool add_watcher(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace)
{
	struct vmb_virtgpu_watcher **watcher = find_watcher(virtgpu, trace);

	if (!*watcher) {
		*watcher = calloc(1, sizeof(**watcher));
		if (!*watcher) {
			return false;
		}
		(*watcher)->trace = trace;
		vmb_trace_hostmem(trace, virtgpu->told_promised, virtgpu->told_mapped);
	}
	(*watcher)->users++;
	return true;
}

/* And goes with the last. blobs_lock is held. */
static void remove_watcher(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace)
{
	struct vmb_virtgpu_watcher **watcher = find_watcher(virtgpu, trace);
	struct vmb_virtgpu_watcher *removed = *watcher;

	if (--removed->users) {
		return;
	}
	vmb_trace_hostmem(trace, -virtgpu->told_promised, -virtgpu->told_mapped);
	*watcher = removed->next;
	free(removed);
}

/* Counts a blob out that is no more. blobs_lock is held. */
static void retire(struct vmb_virtgpu *virtgpu, struct blob *blob)
{
	struct vmb_virtgpu_stats *stats = &virtgpu->stats;

	if (!blob->is_imported) {
		subtract_bytes(blob->is_promised ? &stats->bytes_promised : &stats->bytes_mapped,
			blob->size);
		trace_bytes(virtgpu);
	}
	free(blob);
}

/* Handles are used again: what was known of this one, if its end was not seen, is of no use. */
static int add_blob(struct vmb_virtgpu *virtgpu, uint32_t handle, struct blob *blob)
{
	struct vmb_virtgpu_stats *stats = &virtgpu->stats;

	pthread_mutex_lock(&virtgpu->blobs_lock);
	struct blob *stale = vmb_map_remove(&virtgpu->blobs, handle);
	blob->serial = ++virtgpu->serial;
	int ret = vmb_map_insert(&virtgpu->blobs, handle, blob);
	if (ret == 0 && blob->is_promised) {
		count(&stats->hinted, 1);
		add_bytes(&stats->bytes_promised, &stats->bytes_promised_peak, blob->size);
	} else if (ret == 0) {
		add_bytes(&stats->bytes_mapped, &stats->bytes_mapped_peak, blob->size);
	}
	if (stale) {
		retire(virtgpu, stale);
	}
	trace_bytes(virtgpu);
	pthread_mutex_unlock(&virtgpu->blobs_lock);
	return ret;
}

/* Counts a new blob in. One that is promised must be known, or its mapping would not be guarded. */
static int keep_blob(struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd,
	const struct drm_virtgpu_resource_create_blob *created, struct blob *blob)
{
	struct drm_gem_close close = { .handle = created->bo_handle };

	count(&virtgpu->stats.created, 1);
	if (!blob) {
		return 0;
	}
	int ret = add_blob(virtgpu, created->bo_handle, blob);
	if (ret == 0) {
		return 0;
	}
	if (blob->is_promised) {
		next(fd, DRM_IOCTL_GEM_CLOSE, &close);
	} else {
		ret = 0;
	}
	free(blob);
	return ret;
}

/* The driver's struct, which may be shorter or longer than the one that we know. */
static void copy_blob(
	struct drm_virtgpu_resource_create_blob *copy, const void *arg, unsigned long request)
{
	size_t size = _IOC_SIZE(request);

	memset(copy, 0, sizeof(*copy));
	memcpy(copy, arg, size < sizeof(*copy) ? size : sizeof(*copy));
}

/* The request with other hints than the driver's, in the struct that has them. What comes back is
 * put where the driver looks for it. */
static int create_with_hints(vmb_ioctl_fn next, int fd, unsigned long request, void *arg,
	struct drm_virtgpu_resource_create_blob *blob)
{
	struct drm_virtgpu_resource_create_blob *given = arg;

	if (_IOC_SIZE(request) < sizeof(*blob)) {
		int ret = next(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, blob);
		memcpy(arg, blob, _IOC_SIZE(request));
		return ret;
	}
	/* It may be longer than the one that we know: only the hints are changed, for as long as it
	 * takes. */
	uint32_t hints = given->blob_hints;
	given->blob_hints = blob->blob_hints;
	int ret = next(fd, request, arg);
	given->blob_hints = hints;
	*blob = *given;
	return ret;
}

/* Whether it is for vkAllocateMemory, and for nobody else: one that other devices of the host's
 * share by its UUID is mapped at once, as without the layer. */
static bool is_of_allocation(
	const struct vmb_virtgpu_scope *scope, const struct drm_virtgpu_resource_create_blob *blob)
{
	const uint32_t others = ~(
		uint32_t)(VIRTGPU_BLOB_FLAG_USE_MAPPABLE | VIRTGPU_BLOB_FLAG_USE_SHAREABLE);

	return scope && scope->is_allocation && !(blob->blob_flags & others);
}

static uint32_t type_bit(const struct vmb_virtgpu_scope *scope)
{
	return UINT32_C(1) << (scope->memory_type & 31);
}

/*
 * Some drivers map some types of memory while they allocate, and not all of them are prepared for
 * that to fail. Room that was seen before may be another thread's by then. So as long as it is not
 * known of a type, the blob is mapped at once: if there is no room its creation fails, as it would
 * without the layer.
 */
static bool is_mapped_late(const struct vmb_virtgpu *virtgpu, const struct vmb_virtgpu_scope *scope)
{
	uint32_t early = atomic_load_explicit(&virtgpu->early_types, memory_order_relaxed);
	uint32_t late = atomic_load_explicit(&virtgpu->late_types, memory_order_relaxed);

	return late & ~early & type_bit(scope);
}

/* The request as it came, or with its hint set or cleared. What was created is in *blob. */
static int create_hinted(vmb_ioctl_fn next, int fd, unsigned long request, void *arg,
	bool is_hinted, struct drm_virtgpu_resource_create_blob *blob)
{
	const uint32_t defer = DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING;
	uint32_t hints = is_hinted ? blob->blob_hints | defer : blob->blob_hints & ~defer;

	if (hints != blob->blob_hints) {
		blob->blob_hints = hints;
		return create_with_hints(next, fd, request, arg, blob);
	}
	int ret = next(fd, request, arg);
	copy_blob(blob, arg, request);
	return ret;
}

static int create_blob(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_scope *scope,
	vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct drm_virtgpu_resource_create_blob created;

	copy_blob(&created, arg, request);
	if (created.blob_mem != VIRTGPU_BLOB_MEM_HOST3D ||
		!(created.blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE)) {
		return next(fd, request, arg);
	}
	bool is_allocated = is_of_allocation(scope, &created);
	bool is_hinted = (is_allocated && is_mapped_late(virtgpu, scope)) ||
		(created.blob_hints & DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING);
	is_hinted = is_hinted && decide(virtgpu);
	struct blob *blob = malloc(sizeof(*blob));
	if (!blob) {
		is_hinted = false;
	}
	int ret = create_hinted(next, fd, request, arg, is_hinted, &created);
	if (ret < 0) {
		free(blob);
		return ret;
	}
	if (blob) {
		*blob = (struct blob){
			.size = (created.size + page - 1) & ~(page - 1),
			.is_promised = is_hinted,
		};
	}
	int error = keep_blob(virtgpu, next, fd, &created, blob);
	if (error < 0) {
		return fail(error);
	}
	if (is_allocated) {
		scope->created = created.bo_handle;
	}
	return ret;
}

/* An import has the handle that the file had of the blob before, if it had one. */
static int add_imported(struct vmb_virtgpu *virtgpu, uint32_t handle, uint64_t size)
{
	struct blob *blob = malloc(sizeof(*blob));
	int ret = 0;

	if (!blob) {
		return -ENOMEM;
	}
	*blob = (struct blob){ .size = size, .is_promised = true, .is_imported = true };
	pthread_mutex_lock(&virtgpu->blobs_lock);
	bool is_known = vmb_map_find(&virtgpu->blobs, handle);
	if (!is_known) {
		blob->serial = ++virtgpu->serial;
		ret = vmb_map_insert(&virtgpu->blobs, handle, blob);
	}
	pthread_mutex_unlock(&virtgpu->blobs_lock);
	if (is_known || ret < 0) {
		free(blob);
	}
	return ret;
}

/* The kernel's own field for it has 32 bits. */
static uint64_t size_of(int dmabuf, const struct drm_virtgpu_resource_info *info)
{
	off_t size = lseek(dmabuf, 0, SEEK_END);

	return size > 0 ? (uint64_t)size : info->size;
}

/* Who made the blob may have deferred its mapping, and have no layer that guards it. */
static int watch_imported(struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd,
	const struct drm_prime_handle *prime)
{
	struct drm_virtgpu_resource_info info;
	int ret;

	if (vmb_map_find(&virtgpu->blobs, prime->handle)) {
		return 0;
	}
	do {
		info = (struct drm_virtgpu_resource_info){ .bo_handle = prime->handle };
		ret = next(fd, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info);
	} while (ret < 0 && (errno == EINTR || errno == EAGAIN));
	if (ret < 0 || info.blob_mem != VIRTGPU_BLOB_MEM_HOST3D || !decide(virtgpu) ||
		virtgpu->facts.honoured != VMB_HONOURED_YES) {
		return 0;
	}
	return add_imported(virtgpu, prime->handle, size_of(prime->fd, &info));
}

static int import_blob(
	struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	const struct drm_prime_handle *prime = arg;
	int ret = next(fd, request, arg);

	if (ret < 0 || _IOC_SIZE(request) < sizeof(*prime)) {
		return ret;
	}
	/* If this fails the handle stays open: the driver may have had it before. */
	int error = watch_imported(virtgpu, next, fd, prime);
	return error < 0 ? fail(error) : ret;
}

/* What a blob is, if its mapping is still to be made. */
static bool find_promised(struct vmb_virtgpu *virtgpu, uint32_t handle, struct blob *copy)
{
	pthread_mutex_lock(&virtgpu->blobs_lock);
	const struct blob *blob = vmb_map_find(&virtgpu->blobs, handle);
	bool is_promised = blob && blob->is_promised;
	if (is_promised) {
		*copy = *blob;
	}
	pthread_mutex_unlock(&virtgpu->blobs_lock);
	return is_promised;
}

/* blobs_lock is held. */
static void count_mapped(struct vmb_virtgpu *virtgpu, const struct blob *blob)
{
	struct vmb_virtgpu_stats *stats = &virtgpu->stats;

	if (blob->is_imported) {
		return;
	}
	count(&stats->mapped_later, 1);
	subtract_bytes(&stats->bytes_promised, blob->size);
	add_bytes(&stats->bytes_mapped, &stats->bytes_mapped_peak, blob->size);
	trace_bytes(virtgpu);
}

/* The guard's word. The blob may have been closed meanwhile. */
static void set_mapped(const struct vmb_guarded *mapped)
{
	struct vmb_virtgpu *virtgpu = mapped->owner;

	pthread_mutex_lock(&virtgpu->blobs_lock);
	struct blob *blob = vmb_map_find(&virtgpu->blobs, mapped->handle);
	if (blob && blob->serial == mapped->serial) {
		blob->is_promised = false;
		count_mapped(virtgpu, blob);
	}
	pthread_mutex_unlock(&virtgpu->blobs_lock);
}

/* The dma-buf of a blob, or a negative errno. */
static int export(vmb_ioctl_fn next, int fd, uint32_t handle)
{
	struct drm_prime_handle prime;
	int ret;

	do {
		prime = (struct drm_prime_handle){
			.handle = handle,
			.flags = O_CLOEXEC | O_RDWR,
		};
		ret = next(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	} while (ret < 0 && (errno == EINTR || errno == EAGAIN));
	return ret < 0 ? -errno : prime.fd;
}

static void set_tried(const struct vmb_guarded *tried)
{
	struct vmb_virtgpu *virtgpu = tried->owner;

	pthread_mutex_lock(&virtgpu->blobs_lock);
	struct blob *blob = vmb_map_find(&virtgpu->blobs, tried->handle);
	if (blob && blob->serial == tried->serial) {
		blob->was_tried = true;
	}
	pthread_mutex_unlock(&virtgpu->blobs_lock);
}

/*
 * Whether there is nothing left to be guarded of an imported blob, as there is not if it has its
 * place already, however full the window is. There is no other way to find out, and if it has none
 * the helper sleeps: this is tried once. What nobody can map (EINVAL) is left to the driver; any
 * other error may be of the helper's start, and tells nothing of the blob.
 */
static bool try_imported(struct vmb_virtgpu *virtgpu, struct vmb_guarded *guarded)
{
	int ret = virtgpu->system->run_helper(
		virtgpu->helper, guarded->dmabuf, virtgpu->window.device, IMPORTED_PATIENCE);

	guarded->has_sleepers = ret == -EINPROGRESS || ret == -ECHILD;
	if (guarded->has_sleepers) {
		set_tried(guarded);
	}
	if (ret < 0 && ret != -EINVAL) {
		return false;
	}
	set_mapped(guarded);
	close(guarded->dmabuf);
	return true;
}

/* Puts a promised blob into the window. map_lock is held, so that one thread does at a time; what
 * another has done is seen then. */
static int map_promised(struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd, uint32_t handle)
{
	struct blob blob;

	if (!find_promised(virtgpu, handle, &blob)) {
		return 0;
	}
	struct vmb_guarded guarded = {
		.dmabuf = export(next, fd, handle),
		.size = blob.size,
		.mapped = set_mapped,
		.owner = virtgpu,
		.handle = handle,
		.serial = blob.serial,
	};
	if (guarded.dmabuf < 0) {
		return guarded.dmabuf;
	}
	if (blob.is_imported) {
		/* Of other processes, perhaps, or from when it was imported before: they do not get
		 * more. */
		guarded.has_sleepers = virtgpu->system->sleeps_on(guarded.dmabuf);
		if (!guarded.has_sleepers && !blob.was_tried && try_imported(virtgpu, &guarded)) {
			return 0;
		}
	}
	int ret = vmb_guard_map(virtgpu->guard, &virtgpu->window, virtgpu->helper, &guarded);
	if (ret < 0 && !blob.is_imported) {
		count(&virtgpu->stats.refused, 1);
	}
	return ret;
}

/*
 * Before the driver maps a blob, or gives it to somebody who may: whoever has the dma-buf can map
 * it, in any process, and another device that it is imported to would be given no addresses.
 */
static int settle(struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd, uint32_t handle)
{
	struct vmb_guard *guard = virtgpu->guard;
	struct blob blob;

	if (!vmb_map_find(&virtgpu->blobs, handle) || !find_promised(virtgpu, handle, &blob)) {
		return 0;
	}
	pthread_mutex_lock(&guard->map_lock);
	int ret = map_promised(virtgpu, next, fd, handle);
	pthread_mutex_unlock(&guard->map_lock);
	vmb_guard_rescue(guard);
	return ret;
}

static int settle_in(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_scope *scope,
	vmb_ioctl_fn next, int fd, uint32_t handle)
{
	int ret = settle(virtgpu, next, fd, handle);

	if (scope) {
		scope->was_refused |= ret < 0;
	}
	return ret;
}

static int map_blob(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_scope *scope, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg)
{
	const struct drm_virtgpu_map *map = arg;

	if (_IOC_SIZE(request) < sizeof(*map)) {
		return next(fd, request, arg);
	}
	if (scope && scope->created) {
		scope->was_mapped |= map->handle == scope->created;
	}
	int ret = settle_in(virtgpu, scope, next, fd, map->handle);
	return ret < 0 ? fail(ret) : next(fd, request, arg);
}

/* Whoever gets it from here could have got it from where it came from: it is the importer's to
 * guard. */
static bool is_imported(struct vmb_virtgpu *virtgpu, uint32_t handle)
{
	pthread_mutex_lock(&virtgpu->blobs_lock);
	const struct blob *blob = vmb_map_find(&virtgpu->blobs, handle);
	bool is_imported = blob && blob->is_imported;
	pthread_mutex_unlock(&virtgpu->blobs_lock);
	return is_imported;
}

static int export_blob(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_scope *scope,
	vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	const struct drm_prime_handle *prime = arg;
	int ret = _IOC_SIZE(request) < sizeof(*prime) || is_imported(virtgpu, prime->handle)
		? 0
		: settle_in(virtgpu, scope, next, fd, prime->handle);

	return ret < 0 ? fail(ret) : next(fd, request, arg);
}

/* Forgotten before the driver closes it, since the handle may be another's right after. */
static int close_blob(
	struct vmb_virtgpu *virtgpu, vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	const struct drm_gem_close *closed = arg;

	if (_IOC_SIZE(request) < sizeof(*closed)) {
		return next(fd, request, arg);
	}
	pthread_mutex_lock(&virtgpu->blobs_lock);
	struct blob *blob = vmb_map_remove(&virtgpu->blobs, closed->handle);
	if (blob) {
		retire(virtgpu, blob);
	}
	pthread_mutex_unlock(&virtgpu->blobs_lock);
	int ret = next(fd, request, arg);
	int error = errno;
	/* Those that are not known may have been in the window, too. */
	if (defers(virtgpu)) {
		vmb_window_freed(&virtgpu->window);
		vmb_guard_rescue(virtgpu->guard);
	}
	errno = error;
	return ret;
}

static int translate(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_scope *scope,
	vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	switch (_IOC_NR(request)) {
	case _IOC_NR(DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB):
		return create_blob(virtgpu, scope, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_VIRTGPU_MAP):
		return map_blob(virtgpu, scope, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_PRIME_HANDLE_TO_FD):
		return export_blob(virtgpu, scope, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_PRIME_FD_TO_HANDLE):
		return import_blob(virtgpu, next, fd, request, arg);
	case _IOC_NR(DRM_IOCTL_GEM_CLOSE):
		return close_blob(virtgpu, next, fd, request, arg);
	default:
		return next(fd, request, arg);
	}
}

int vmb_virtgpu_ioctl(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_scope *scope,
	vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	/* It may have become another's after its tap was found. */
	if (!arg || atomic_load_explicit(&virtgpu->fd, memory_order_acquire) != fd) {
		return next(fd, request, arg);
	}
	int before = errno;
	int cancelability;
	/* Locks are held where a thread could be cancelled; ioctl() itself is no such place. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelability);
	int ret = translate(virtgpu, scope, next, fd, request, arg);
	pthread_setcancelstate(cancelability, NULL);
	/* A call that succeeds leaves it alone. */
	if (ret >= 0) {
		errno = before;
	}
	return ret;
}

void vmb_virtgpu_end(struct vmb_virtgpu *virtgpu, const struct vmb_virtgpu_scope *scope)
{
	/* One that failed may have done so before the driver would have mapped it. */
	if (scope->created && !scope->has_failed) {
		atomic_fetch_or_explicit(
			scope->was_mapped ? &virtgpu->early_types : &virtgpu->late_types,
			type_bit(scope), memory_order_relaxed);
	}
}

/* One that is free, or a new one. */
static struct vmb_virtgpu *take(void)
{
	for (struct vmb_virtgpu *virtgpu = files; virtgpu; virtgpu = virtgpu->next) {
		if (!virtgpu->users) {
			return virtgpu;
		}
	}
	struct vmb_virtgpu *virtgpu = calloc(1, sizeof(*virtgpu));
	if (virtgpu) {
		atomic_init(&virtgpu->fd, -1);
		pthread_mutex_init(&virtgpu->decide_lock, NULL);
		pthread_mutex_init(&virtgpu->blobs_lock, NULL);
		vmb_map_init(&virtgpu->blobs);
		virtgpu->next = files;
		files = virtgpu;
	}
	return virtgpu;
}

/* Counts a user in, false if memory is short. files_lock is held. */
static bool use(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace)
{
	bool is_told = true;

	if (trace) {
		pthread_mutex_lock(&virtgpu->blobs_lock);
		is_told = add_watcher(virtgpu, trace);
		pthread_mutex_unlock(&virtgpu->blobs_lock);
	}
	virtgpu->users += is_told;
	return is_told;
}

struct vmb_virtgpu *vmb_virtgpu_get(const struct vmb_window_system *system, struct vmb_guard *guard,
	const struct vmb_virtgpu_driver *driver)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct vmb_virtgpu *virtgpu;

	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&files_lock);
	for (virtgpu = files; virtgpu; virtgpu = virtgpu->next) {
		if (virtgpu->users && virtgpu->fd == driver->fd) {
			virtgpu = use(virtgpu, driver->trace) ? virtgpu : NULL;
			goto out;
		}
	}
	virtgpu = take();
	if (virtgpu && !use(virtgpu, driver->trace)) {
		virtgpu = NULL;
	}
	if (virtgpu) {
		virtgpu->ioctl = driver->ioctl;
		virtgpu->system = system;
		virtgpu->guard = guard;
		virtgpu->wish = driver->wish;
		virtgpu->early_types = 0;
		virtgpu->late_types = driver->late_types;
		virtgpu->facts = (struct vmb_virtgpu_facts){ .window = 0 };
		memset(&virtgpu->stats, 0, sizeof(virtgpu->stats));
		atomic_store_explicit(&virtgpu->fd, driver->fd, memory_order_release);
	}
out:
	pthread_mutex_unlock(&files_lock);
	return virtgpu;
}

/* No more is known of its blobs, which the driver has closed by now or never will. */
static void forget(struct vmb_virtgpu *virtgpu)
{
	struct blob *blob;

	atomic_store_explicit(&virtgpu->fd, -1, memory_order_release);
	if (virtgpu->has_window) {
		vmb_guard_rescue(virtgpu->guard);
		vmb_guard_leave(virtgpu->guard, &virtgpu->window);
		vmb_window_finish(&virtgpu->window);
	}
	virtgpu->has_window = false;
	atomic_store_explicit(&virtgpu->has_facts, false, memory_order_release);
	pthread_mutex_lock(&virtgpu->blobs_lock);
	while ((blob = vmb_map_pop(&virtgpu->blobs))) {
		retire(virtgpu, blob);
	}
	pthread_mutex_unlock(&virtgpu->blobs_lock);
}

void vmb_virtgpu_put(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace)
{
	int cancelability;

	/* As in vmb_virtgpu_ioctl(). */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelability);
	pthread_mutex_lock(&files_lock);
	if (virtgpu->users == 1) {
		forget(virtgpu);
	}
	if (trace) {
		pthread_mutex_lock(&virtgpu->blobs_lock);
		remove_watcher(virtgpu, trace);
		pthread_mutex_unlock(&virtgpu->blobs_lock);
	}
	virtgpu->users--;
	pthread_mutex_unlock(&files_lock);
	pthread_setcancelstate(cancelability, NULL);
}
