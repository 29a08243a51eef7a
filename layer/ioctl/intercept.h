/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_INTERCEPT_H
#define VMB_IOCTL_INTERCEPT_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ioctl/hook.h"

/*
 * An intercept gets the ioctls of the Vulkan driver of one VkDevice, and hands them to a
 * translator. It uses the GOT entries of libdrm and the driver (hook.h), and knows no kernel driver
 * itself.
 *
 * The ioctls of a process come with a file descriptor and nothing else. An intercept learns its
 * descriptor during a driver call: while the thread is between vmb_driver_call_begin and
 * vmb_driver_call_end, its ioctls are the driver's work for that call. GEM handles are names within
 * an open file, so a translator keeps what it knows of them for a descriptor.
 *
 * Errors are negative errno values. All functions may be called from any thread.
 */
struct vmb_intercept;

/* One call into the driver, on one thread, on the caller's stack. The first member of a
 * translator's own struct. */
struct vmb_driver_call {
	struct vmb_intercept *intercept;
	struct vmb_driver_call *outer; /* on the same thread */
};

/* What happens to the ioctls of one kernel driver. All members are mandatory. */
struct vmb_translator {
	/* Bytes of the translator's state in each intercept. */
	size_t state_size;
	/*
	 * An ioctl inside a call whose intercept has no descriptor yet. Calls
	 * vmb_intercept_set_fd() once it finds that the driver works on fd. True if it made the
	 * ioctl itself; *ret is the result then, and errno set.
	 */
	bool (*learn)(struct vmb_driver_call *call, vmb_ioctl_fn next, int fd,
		unsigned long request, void *arg, int *ret);
	/* What the translator knows of a descriptor; NULL if the intercept belongs to another
	 * device by now. */
	void *(*subject)(struct vmb_intercept *intercept, int fd);
	/* An ioctl on the descriptor of an intercept. call is the thread's innermost one, or NULL
	 * if that belongs to another descriptor. Returns and sets errno as ioctl(2). */
	int (*ioctl)(void *subject, struct vmb_driver_call *call, vmb_ioctl_fn next, int fd,
		unsigned long request, void *arg);
	/* A call ends; its intercept may still be without a descriptor. An error fails the call. */
	int (*call_end)(struct vmb_driver_call *call);
	/* An intercept with a descriptor is being destroyed. */
	void (*forget)(struct vmb_intercept *intercept);
};

struct vmb_intercept {
	/* The driver's descriptor, negative until it is known. The driver owns it. Other threads
	 * read it to find their intercept. */
	_Atomic int fd;
	/* In the list of all intercepts. An intercept is never freed, but reused for the same
	 * translator: other threads walk the list at any time. */
	struct vmb_intercept *next;
	const struct vmb_translator *translator;
	bool used;
	alignas(max_align_t) unsigned char state[];
};

/* Begins to intercept ioctls. The state is zeroed for a new intercept and as it was left for a
 * reused one: the caller fills in its settings before the first driver call. */
int vmb_intercept_create(const struct vmb_translator *translator, struct vmb_intercept **out);
/* While the driver still has its descriptor. Accepts NULL. */
void vmb_intercept_destroy(struct vmb_intercept *intercept);

static inline void *vmb_intercept_state(struct vmb_intercept *intercept)
{
	return intercept->state;
}

/* Whether the descriptor is known, and the kernel's driver is one that the translator knows. */
static inline bool vmb_intercept_is_live(const struct vmb_intercept *intercept)
{
	return atomic_load_explicit(&intercept->fd, memory_order_acquire) >= 0;
}

void vmb_driver_call_begin(struct vmb_driver_call *call, struct vmb_intercept *intercept);
int vmb_driver_call_end(struct vmb_driver_call *call);

/* For translators. */

/* Guards which intercepts are used, and their settings of descriptors. */
void vmb_intercepts_lock(void);
void vmb_intercepts_unlock(void);
/* The next intercept of a translator after one; the first after NULL. NULL at the end. */
struct vmb_intercept *vmb_intercepts_next(
	const struct vmb_translator *translator, const struct vmb_intercept *after);
/* The state is filled in: ioctls on fd go to the translator from now on. -1 takes the descriptor
 * away. */
void vmb_intercept_set_fd(struct vmb_intercept *intercept, int fd);

/* Makes an ioctl again until no signal interrupts it, as libdrm does. 0, or a negative errno. */
int vmb_ioctl_retry(vmb_ioctl_fn ioctl_function, int fd, unsigned long request, void *arg);

#endif
