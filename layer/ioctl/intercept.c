/* SPDX-License-Identifier: MIT */
#include "ioctl/intercept.h"

#include <assert.h>
#include <errno.h>
#include <linux/ioctl.h>
#include <pthread.h>
#include <stdlib.h>
#include <uapi/drm.h>

/* All intercepts that were ever created. */
static _Atomic(struct vmb_intercept *) intercepts;
/* Guards the used flags of the intercepts. */
static pthread_mutex_t intercepts_lock = PTHREAD_MUTEX_INITIALIZER;

/* Values of fd for an intercept without a descriptor. */
enum {
	NO_FD = -1, /* unused, or the translator removed the descriptor */
	AWAITED_FD = -2, /* the next driver call may show the descriptor */
};

/* The innermost driver call of this thread. The first access in a thread may allocate memory. So an
 * ioctl does not read this variable if no intercept needs it. */
static _Thread_local struct vmb_driver_call *current;

void vmb_intercepts_lock(void)
{
	pthread_mutex_lock(&intercepts_lock);
}

void vmb_intercepts_unlock(void)
{
	pthread_mutex_unlock(&intercepts_lock);
}

struct vmb_intercept *vmb_intercepts_next(
	const struct vmb_translator *translator, const struct vmb_intercept *after)
{
	struct vmb_intercept *intercept = after
		? after->next
		: atomic_load_explicit(&intercepts, memory_order_acquire);

	while (intercept && intercept->translator != translator) {
		intercept = intercept->next;
	}
	return intercept;
}

void vmb_intercept_set_fd(struct vmb_intercept *intercept, int fd)
{
	atomic_store_explicit(&intercept->fd, fd, memory_order_release);
}

/* The result of a search for a descriptor. */
struct search {
	struct vmb_intercept *intercept; /* the first one with the descriptor */
	void *subject; /* the translator's state of the descriptor; NULL if unknown */
	bool is_awaited; /* an intercept still waits for its descriptor */
};

static struct search search_fd(int fd)
{
	struct vmb_intercept *intercept = atomic_load_explicit(&intercepts, memory_order_acquire);
	struct search search = { 0 };

	for (; intercept && !search.subject; intercept = intercept->next) {
		int has = atomic_load_explicit(&intercept->fd, memory_order_acquire);
		search.is_awaited |= has == AWAITED_FD;
		if (has == fd) {
			search.intercept = intercept;
			search.subject = intercept->translator->subject(intercept, fd);
		}
	}
	return search;
}

/* Handles an ioctl on a known descriptor. Several intercepts may share the descriptor: prefers that
 * of the thread's driver call. */
static int translate(const struct search *search, struct vmb_driver_call *call, vmb_ioctl_fn next,
	int fd, unsigned long request, void *arg)
{
	const struct vmb_translator *translator = search->intercept->translator;
	void *subject = NULL;

	if (call && call->intercept->translator == translator &&
		atomic_load_explicit(&call->intercept->fd, memory_order_relaxed) == fd) {
		subject = translator->subject(call->intercept, fd);
	}
	return translator->ioctl(
		subject ? subject : search->subject, subject ? call : NULL, next, fd, request, arg);
}

static int handle(vmb_ioctl_fn next, int fd, unsigned long request, void *arg)
{
	int ret;

	/* A negative fd would match intercepts without a descriptor. */
	if (_IOC_TYPE(request) != DRM_IOCTL_BASE || fd < 0) {
		return next(fd, request, arg);
	}
	struct search search = search_fd(fd);
	if (!search.subject && !search.is_awaited) {
		return next(fd, request, arg);
	}
	struct vmb_driver_call *call = current;
	if (call && !vmb_intercept_is_live(call->intercept)) {
		if (call->intercept->translator->learn(call, next, fd, request, arg, &ret)) {
			return ret;
		}
		search = search_fd(fd);
	}
	return search.subject ? translate(&search, call, next, fd, request, arg)
			      : next(fd, request, arg);
}

/* Returns an unused intercept of the translator, or a new one; NULL if memory is short. The caller
 * holds intercepts_lock. */
static struct vmb_intercept *take_intercept(const struct vmb_translator *translator)
{
	struct vmb_intercept *intercept = NULL;

	while ((intercept = vmb_intercepts_next(translator, intercept))) {
		if (!intercept->used) {
			intercept->used = true;
			return intercept;
		}
	}
	intercept = calloc(1, sizeof(*intercept) + translator->state_size);
	if (intercept) {
		intercept->used = true;
		intercept->translator = translator;
		intercept->next = atomic_load_explicit(&intercepts, memory_order_relaxed);
		atomic_init(&intercept->fd, NO_FD);
		atomic_store_explicit(&intercepts, intercept, memory_order_release);
	}
	return intercept;
}

static void put_intercept(struct vmb_intercept *intercept)
{
	vmb_intercepts_lock();
	intercept->used = false;
	vmb_intercepts_unlock();
}

int vmb_intercept_create(const struct vmb_translator *translator, struct vmb_intercept **out)
{
	assert(translator->learn && translator->subject && translator->ioctl &&
		translator->call_end && translator->forget);
	vmb_intercepts_lock();
	struct vmb_intercept *intercept = take_intercept(translator);
	vmb_intercepts_unlock();
	if (!intercept) {
		return -ENOMEM;
	}
	int ret = vmb_hook_acquire(handle);
	if (ret < 0) {
		put_intercept(intercept);
		return ret;
	}
	vmb_intercept_set_fd(intercept, AWAITED_FD);
	*out = intercept;
	return 0;
}

void vmb_intercept_destroy(struct vmb_intercept *intercept)
{
	if (!intercept) {
		return;
	}
	bool was_live = vmb_intercept_is_live(intercept);
	vmb_intercept_set_fd(intercept, NO_FD);
	if (was_live) {
		intercept->translator->forget(intercept);
	}
	vmb_hook_release();
	put_intercept(intercept);
}

void vmb_driver_call_begin(struct vmb_driver_call *call, struct vmb_intercept *intercept)
{
	call->intercept = intercept;
	call->outer = current;
	current = call;
}

int vmb_driver_call_end(struct vmb_driver_call *call)
{
	current = call->outer;
	return call->intercept->translator->call_end(call);
}
