/* SPDX-License-Identifier: MIT */
#include "virtgpu/file.h"

#include <stdlib.h>
#include <string.h>

#include "virtgpu/blob.h"

struct vmb_guard vmb_virtgpu_guard = VMB_GUARD_INITIALIZER;

static void after_fork(void)
{
	vmb_guard_after_fork(&vmb_virtgpu_guard);
}

/* The C library drops the handler when it unloads the layer. If pthread_atfork() fails, the guard's
 * lock may stay locked in a child. */
static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, after_fork);
}

/* All objects that were ever created. */
static struct vmb_virtgpu *files;
/* Guards the list and the users of each object. */
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;

/* Returns an unused object or a new one; NULL if memory is short. The caller holds files_lock. */
static struct vmb_virtgpu *file_take(void)
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

/* Adds a user; false if memory is short. The caller holds files_lock. */
static bool file_use(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace)
{
	bool is_watched = true;

	if (trace) {
		pthread_mutex_lock(&virtgpu->blobs_lock);
		is_watched = vmb_virtgpu_watcher_add(virtgpu, trace);
		pthread_mutex_unlock(&virtgpu->blobs_lock);
	}
	virtgpu->users += is_watched;
	return is_watched;
}

struct vmb_virtgpu *vmb_virtgpu_get(const struct vmb_system_ops *system, struct vmb_guard *guard,
	const struct vmb_virtgpu_driver *driver)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct vmb_virtgpu *virtgpu;

	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&files_lock);
	for (virtgpu = files; virtgpu; virtgpu = virtgpu->next) {
		if (virtgpu->users && virtgpu->fd == driver->fd) {
			virtgpu = file_use(virtgpu, driver->trace) ? virtgpu : NULL;
			goto out;
		}
	}
	virtgpu = file_take();
	if (virtgpu && !file_use(virtgpu, driver->trace)) {
		virtgpu = NULL;
	}
	if (virtgpu) {
		virtgpu->ioctl = driver->ioctl;
		virtgpu->system = system;
		virtgpu->guard = guard;
		virtgpu->request = driver->request;
		virtgpu->early_types = 0;
		virtgpu->late_types = driver->late_types;
		virtgpu->facts = (struct vmb_virtgpu_facts){ .hostmem_size = 0 };
		memset(&virtgpu->statistics, 0, sizeof(virtgpu->statistics));
		atomic_store_explicit(&virtgpu->fd, driver->fd, memory_order_release);
	}
out:
	pthread_mutex_unlock(&files_lock);
	return virtgpu;
}

/* The driver closes no blob of the file after this. */
static void file_clear(struct vmb_virtgpu *virtgpu)
{
	atomic_store_explicit(&virtgpu->fd, -1, memory_order_release);
	if (virtgpu->has_hostmem) {
		vmb_guard_wake_blocked_helpers(virtgpu->guard);
		vmb_guard_forget_hostmem(virtgpu->guard, &virtgpu->hostmem);
		vmb_hostmem_finish(&virtgpu->hostmem);
	}
	virtgpu->has_hostmem = false;
	atomic_store_explicit(&virtgpu->has_facts, false, memory_order_release);
	vmb_blobs_clear(virtgpu);
}

void vmb_virtgpu_put(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace)
{
	int cancelability;

	/* As in vmb_virtgpu_ioctl(). */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelability);
	pthread_mutex_lock(&files_lock);
	if (virtgpu->users == 1) {
		file_clear(virtgpu);
	}
	if (trace) {
		pthread_mutex_lock(&virtgpu->blobs_lock);
		vmb_virtgpu_watcher_remove(virtgpu, trace);
		pthread_mutex_unlock(&virtgpu->blobs_lock);
	}
	virtgpu->users--;
	pthread_mutex_unlock(&files_lock);
	pthread_setcancelstate(cancelability, NULL);
}
