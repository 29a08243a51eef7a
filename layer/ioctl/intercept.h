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
 * An ioctl shows only its file descriptor, not its VkDevice. An intercept learns its descriptor
 * during a driver call: the ioctls of a thread between vmb_driver_call_begin and
 * vmb_driver_call_end belong to that call. GEM handles are names within an open file, so a
 * translator stores its knowledge of them for each descriptor.
 *
 * Errors are negative errno values. Any thread may call any of these functions.
 */
struct vmb_intercept;

/* One call into the driver, on one thread. Lives on the caller's stack, as the first member of the
 * translator's own struct. */
struct vmb_driver_call {
	struct vmb_intercept *intercept;
	struct vmb_driver_call *outer; /* the enclosing call of the same thread, or NULL */
};

/* Handles the ioctls of one kernel driver. All members are mandatory. */
struct vmb_translator {
	/* Bytes of the translator's state in each intercept. */
	size_t state_size;
	/*
	 * Gets an ioctl inside a call whose intercept has no descriptor yet. Calls
	 * vmb_intercept_set_fd() if the ioctl shows that the driver uses fd for the device. Returns
	 * true if the function made the ioctl; then *ret and errno are the ioctl's.
	 */
	bool (*learn)(struct vmb_driver_call *call, vmb_ioctl_fn next, int fd,
		unsigned long request, void *arg, int *ret);
	/* Returns the translator's state of a descriptor, or NULL if the intercept belongs to
	 * another device by now. */
	void *(*subject)(struct vmb_intercept *intercept, int fd);
	/* Gets an ioctl on the descriptor of an intercept. call is the thread's innermost driver
	 * call; NULL if there is none or it has another descriptor. Returns and sets errno as
	 * ioctl(2). */
	int (*ioctl)(void *subject, struct vmb_driver_call *call, vmb_ioctl_fn next, int fd,
		unsigned long request, void *arg);
	/* Called at the end of a driver call, also if the intercept has no descriptor yet. The
	 * result, 0 or a negative errno, becomes that of vmb_driver_call_end(). */
	int (*call_end)(struct vmb_driver_call *call);
	/* Called when an intercept with a descriptor is destroyed. */
	void (*forget)(struct vmb_intercept *intercept);
};

struct vmb_intercept {
	/* The driver's descriptor, negative while it is unknown. The driver owns it. Any thread
	 * reads it to find the intercept of an ioctl. */
	_Atomic int fd;
	/* In the list of all intercepts. An intercept is never freed, only reused for the same
	 * translator: other threads may walk the list at any time. */
	struct vmb_intercept *next;
	const struct vmb_translator *translator;
	bool used;
	alignas(max_align_t) unsigned char state[];
};

/* Creates an intercept, whose descriptor is still unknown. The state of a new intercept is zeroed,
 * that of a reused one is left over: the caller fills it in before the first driver call. Errors:
 * -ENOMEM, and those of vmb_hook_acquire(). */
int vmb_intercept_create(const struct vmb_translator *translator, struct vmb_intercept **out);
/* Destroy an intercept before the driver closes its descriptor. Accepts NULL. */
void vmb_intercept_destroy(struct vmb_intercept *intercept);

static inline void *vmb_intercept_state(struct vmb_intercept *intercept)
{
	return intercept->state;
}

/* Whether the descriptor is known: the translator has set it for its kernel driver. */
static inline bool vmb_intercept_is_live(const struct vmb_intercept *intercept)
{
	return atomic_load_explicit(&intercept->fd, memory_order_acquire) >= 0;
}

/* Begin and end a driver call, on the same thread. Calls may be nested. The end returns the result
 * of the translator's call_end. */
void vmb_driver_call_begin(struct vmb_driver_call *call, struct vmb_intercept *intercept);
int vmb_driver_call_end(struct vmb_driver_call *call);

/* For translators. */

/* The lock guards the used flags and changes of descriptors. */
void vmb_intercepts_lock(void);
void vmb_intercepts_unlock(void);
/* The translator's next intercept after this one, or its first one after NULL. NULL at the end. */
struct vmb_intercept *vmb_intercepts_next(
	const struct vmb_translator *translator, const struct vmb_intercept *after);
/* Sets the descriptor, after the state was filled in. From then on the translator gets ioctls on
 * fd. -1 removes the descriptor. */
void vmb_intercept_set_fd(struct vmb_intercept *intercept, int fd);

#endif
