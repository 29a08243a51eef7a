/* SPDX-License-Identifier: MIT */
#include "ioctl/intercept.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <uapi/virtgpu.h>

#include "ioctl/hook.h"
#include "ioctl/kernel.h"

/* All taps that there ever were, since the ioctls of a process come with nothing but a descriptor. */
static _Atomic(struct vmb_tap *) taps;
/* Guards which of them are used. */
static pthread_mutex_t taps_lock = PTHREAD_MUTEX_INITIALIZER;

/* What a tap's descriptor is until it is known, or it has one no more. */
enum {
	NO_FD = -1,
	/* It is looked for. */
	AWAITED_FD = -2,
};

/* The innermost scope of this thread. In a library that was loaded at run time the first look may allocate
 * memory, so a thread that has nothing to do with us does not look. */
static _Thread_local struct vmb_scope *current;

/* What is known of a descriptor by a tap that had it just now. NULL if the tap is another device's by now;
 * what is known of a file stays where it is as long as anybody has it. */
static struct vmb_virtgpu *file_of(struct vmb_tap *tap, int fd)
{
	struct vmb_virtgpu *virtgpu = atomic_load_explicit(&tap->virtgpu, memory_order_acquire);

	return virtgpu && atomic_load_explicit(&virtgpu->fd, memory_order_acquire) == fd ? virtgpu
											 : NULL;
}

/* What there is to know about a descriptor. */
struct search {
	/* A tap that has it; on virtio_gpu one of several. */
	struct vmb_tap *tap;
	/* What they share. */
	struct vmb_virtgpu *virtgpu;
	/* Some tap may come to have it. */
	bool is_awaited;
};

static struct search find(int fd)
{
	struct vmb_tap *tap = atomic_load_explicit(&taps, memory_order_acquire);
	struct search search = { 0 };

	for (; tap && !search.tap; tap = tap->next) {
		int has = atomic_load_explicit(&tap->fd, memory_order_acquire);
		search.is_awaited |= has == AWAITED_FD;
		if (has != fd) {
			continue;
		}
		search.virtgpu = tap->kind == VMB_TAP_VIRTGPU ? file_of(tap, fd) : NULL;
		if (tap->kind == VMB_TAP_PANTHOR || search.virtgpu) {
			search.tap = tap;
		}
	}
	return search;
}

/*
 * A driver whose vkCreateDevice failed has closed its descriptor, and its tap is to be destroyed in a moment.
 * The number may be another's by now. A file has no two VMs of the same id, so that such a tap is seen
 * to be of the one before. To be called with the taps' lock.
 */
static void forget_closed(int fd, uint32_t vm)
{
	struct vmb_tap *tap = atomic_load_explicit(&taps, memory_order_relaxed);

	for (; tap; tap = tap->next) {
		int had = fd;
		if (tap->kind == VMB_TAP_PANTHOR &&
			atomic_load_explicit(&tap->fd, memory_order_relaxed) == fd &&
			tap->panthor.vm == vm) {
			atomic_compare_exchange_strong(&tap->fd, &had, NO_FD);
		}
	}
}

/* A driver that makes a VM in vkCreateDevice makes it on the descriptor that it will work on. */
static int learn(struct vmb_tap *tap, vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	const struct drm_panthor_vm_create *create = arg;
	struct vmb_kernel_driver driver;
	int ret = next(fd, request, arg);

	if (ret < 0 || _IOC_SIZE(request) < sizeof(*create)) {
		return ret;
	}
	int error = errno;
	if (vmb_kernel_driver_ask(next, fd, &driver) == 0 && strcmp(driver.name, "panthor") == 0 &&
		driver.major == 1) {
		pthread_mutex_lock(&taps_lock);
		forget_closed(fd, create->id);
		tap->panthor = (struct vmb_panthor){
			.ioctl = next,
			.fd = fd,
			.vm = create->id,
			.minor = driver.minor,
			.trace = tap->trace,
		};
		atomic_store_explicit(&tap->fd, fd, memory_order_release);
		pthread_mutex_unlock(&taps_lock);
	}
	errno = error;
	return ret;
}

/* A driver on virtio_gpu may have opened its file with its instance. What it works on is told by the first
 * blob that it creates or imports for the device. */
static void learn_virtgpu(struct vmb_tap *tap, vmb_ioctl_fn next, int fd, unsigned long request)
{
	struct vmb_kernel_driver driver;
	int error = errno;

	bool is_telling = _IOC_NR(request) == _IOC_NR(DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB) ||
		_IOC_NR(request) == _IOC_NR(DRM_IOCTL_PRIME_FD_TO_HANDLE);

	if (is_telling && vmb_kernel_driver_ask(next, fd, &driver) == 0 &&
		strcmp(driver.name, "virtio_gpu") == 0) {
		pthread_mutex_lock(&taps_lock);
		if (!vmb_tap_is_live(tap)) {
			tap->driver.ioctl = next;
			tap->driver.fd = fd;
			struct vmb_virtgpu *virtgpu = vmb_virtgpu_get(
				&vmb_window_linux, &vmb_virtgpu_guard, &tap->driver);
			atomic_store_explicit(&tap->virtgpu, virtgpu, memory_order_release);
			atomic_store_explicit(
				&tap->fd, virtgpu ? fd : AWAITED_FD, memory_order_release);
		}
		pthread_mutex_unlock(&taps_lock);
	}
	errno = error;
}

/* Whether the ioctl may tell what the scope's driver works on. Other taps do not count yet: one of them
 * may have had that descriptor before. */
static bool is_to_learn(const struct vmb_scope *scope, unsigned long request)
{
	return scope && scope->kind == VMB_SCOPE_DEVICE && scope->tap->kind == VMB_TAP_PANTHOR &&
		!vmb_tap_is_live(scope->tap) &&
		_IOC_NR(request) == _IOC_NR(DRM_IOCTL_PANTHOR_VM_CREATE);
}

/* An ioctl on the descriptor of a tap. */
static int tapped(const struct search *search, struct vmb_scope *scope, vmb_ioctl_fn next, int fd,
	unsigned long request, void *arg)
{
	bool is_of_scope = scope && scope->tap->kind == search->tap->kind &&
		atomic_load_explicit(&scope->tap->fd, memory_order_relaxed) == fd;
	struct vmb_tap *tap = is_of_scope ? scope->tap : search->tap;

	if (search->tap->kind == VMB_TAP_VIRTGPU) {
		return vmb_virtgpu_ioctl(search->virtgpu, is_of_scope ? &scope->virtgpu : NULL,
			next, fd, request, arg);
	}
	return vmb_panthor_ioctl(tap, is_of_scope ? scope : NULL, next, fd, request, arg);
}

static int handle(vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	/* A bad descriptor is nobody's. */
	if (_IOC_TYPE(request) != DRM_IOCTL_BASE || fd < 0) {
		return next(fd, request, arg);
	}
	struct search search = find(fd);
	if (!search.tap && !search.is_awaited) {
		return next(fd, request, arg);
	}
	struct vmb_scope *scope = current;
	if (is_to_learn(scope, request)) {
		return learn(scope->tap, next, fd, request, arg);
	}
	if (scope && scope->tap->kind == VMB_TAP_VIRTGPU && !vmb_tap_is_live(scope->tap)) {
		learn_virtgpu(scope->tap, next, fd, request);
		search = find(fd);
	}
	return search.tap ? tapped(&search, scope, next, fd, request, arg) : next(fd, request, arg);
}

/* One that is not used any more, or a new one at the head of the list; NULL if memory is short. */
static struct vmb_tap *take(enum vmb_tap_kind kind)
{
	struct vmb_tap *head = atomic_load_explicit(&taps, memory_order_relaxed);

	for (struct vmb_tap *tap = head; tap; tap = tap->next) {
		if (!tap->used && tap->kind == kind) {
			tap->used = true;
			return tap;
		}
	}
	struct vmb_tap *tap = calloc(1, sizeof(*tap));
	if (tap) {
		tap->used = true;
		tap->kind = kind;
		tap->next = head;
		atomic_init(&tap->fd, NO_FD);
		atomic_store_explicit(&taps, tap, memory_order_release);
	}
	return tap;
}

static void put(struct vmb_tap *tap)
{
	pthread_mutex_lock(&taps_lock);
	tap->used = false;
	pthread_mutex_unlock(&taps_lock);
}

static int create(
	enum vmb_tap_kind kind, const struct vmb_virtgpu_driver *driver, struct vmb_tap **out)
{
	pthread_mutex_lock(&taps_lock);
	struct vmb_tap *tap = take(kind);
	pthread_mutex_unlock(&taps_lock);
	if (!tap) {
		return -ENOMEM;
	}
	tap->driver = *driver;
	int ret = vmb_hook_acquire(handle);
	if (ret < 0) {
		put(tap);
		return ret;
	}
	tap->trace = NULL;
	atomic_store_explicit(&tap->fd, AWAITED_FD, memory_order_release);
	*out = tap;
	return 0;
}

int vmb_tap_create(struct vmb_tap **out)
{
	const struct vmb_virtgpu_driver none = { .fd = -1 };

	return create(VMB_TAP_PANTHOR, &none, out);
}

int vmb_tap_create_virtgpu(const struct vmb_virtgpu_driver *driver, struct vmb_tap **out)
{
	return create(VMB_TAP_VIRTGPU, driver, out);
}

void vmb_tap_destroy(struct vmb_tap *tap)
{
	if (!tap) {
		return;
	}
	bool is_live = vmb_tap_is_live(tap);
	atomic_store_explicit(&tap->fd, NO_FD, memory_order_release);
	if (is_live && tap->kind == VMB_TAP_VIRTGPU) {
		vmb_virtgpu_put(tap->virtgpu, tap->driver.trace);
	}
	vmb_hook_release();
	put(tap);
}

void vmb_scope_begin(struct vmb_scope *scope, struct vmb_tap *tap, enum vmb_scope_kind kind)
{
	*scope = (struct vmb_scope){
		.kind = kind,
		.tap = tap,
		.outer = current,
		.virtgpu.is_allocation = kind == VMB_SCOPE_MEMORY,
	};
	current = scope;
}

int vmb_scope_end(struct vmb_scope *scope)
{
	current = scope->outer;
	if (scope->tap->kind == VMB_TAP_VIRTGPU) {
		if (vmb_tap_is_live(scope->tap)) {
			vmb_virtgpu_end(scope->tap->virtgpu, &scope->virtgpu);
		}
		return 0;
	}
	return vmb_panthor_flush(&scope->tap->panthor, &scope->panthor);
}
