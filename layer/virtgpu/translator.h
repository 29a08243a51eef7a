/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_TRANSLATOR_H
#define VMB_VIRTGPU_TRANSLATOR_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/settings.h"
#include "base/trace.h"
#include "ioctl/hook.h"
#include "virtgpu/guard.h"
#include "virtgpu/hostmem.h"

/*
 * The translator for virtio_gpu: what a tap does with the ioctls of a driver on that kernel driver.
 * Blobs that would take their place in the window when they are created get the hint that lets them
 * take it when they are first mapped, and their first mapping goes through the guard (guard.h).
 */

/* Counted from any thread, of blobs that take a place in the window. */
struct vmb_virtgpu_stats {
	_Atomic uint64_t created;
	_Atomic uint64_t hinted; /* of those, created with the hint */
	_Atomic uint64_t
		mapped_later; /* of the hinted, put into the window by their first mapping */
	_Atomic uint64_t refused; /* first mappings (or exports) that there was no room for */
	_Atomic uint64_t bytes_promised; /* of the hinted that were not, at this time */
	_Atomic uint64_t bytes_promised_peak;
	_Atomic uint64_t bytes_mapped; /* in the window at this time */
	_Atomic uint64_t bytes_mapped_peak;
};

/* What was found out when the first blob was created that could be deferred. */
struct vmb_virtgpu_facts {
	uint64_t window; /* bytes, 0 if it is not known */
	enum vmb_honoured honoured;
	bool defers;
	const char *reason; /* for people, why or why not */
};

/* What a driver does for one call of the application's, on one thread. */
struct vmb_virtgpu_scope {
	/* vkAllocateMemory of this memory type; what the driver makes elsewhere it maps at once
	 * anyway. */
	bool is_allocation;
	uint32_t memory_type;
	/* The blob that was created for it, 0 if there is none, and whether the driver asked where
	 * to map that before the call was over. */
	uint32_t created;
	bool was_mapped;
	bool has_failed; /* the call; set by who ends it */
	/* There was no room for a mapping. Some drivers do not notice. */
	bool was_refused;
};

struct vmb_virtgpu_watcher;

/*
 * An open file of a driver's. Several VkDevices share it where the driver has one for its instance.
 * Once made it stays, and is used again for another file, so that other threads may look at it at
 * any time.
 */
struct vmb_virtgpu {
	struct vmb_virtgpu *next; /* in the list of all */
	unsigned users; /* 0: free to be used again */
	_Atomic int fd; /* the driver's, -1 if there is none */

	/* Constant while it has users. */
	vmb_ioctl_fn ioctl;
	const struct vmb_window_system *system;
	struct vmb_guard *guard;
	enum vmb_defer wish;

	/* Memory types whose memory the driver was seen to map while it allocates, and was seen not
	 * to (bit masks). Only the latter are deferred. */
	_Atomic uint32_t early_types;
	_Atomic uint32_t late_types;

	/* Held until the facts are there; has_facts is set last. */
	pthread_mutex_t decide_lock;
	_Atomic bool has_facts;
	struct vmb_virtgpu_facts facts;
	struct vmb_window window;
	bool has_window;
	char helper[PATH_MAX];

	/* Guards the state of blobs, and who is told of it. Inside it only the locks of their table
	 * and of the traces' counters are taken. */
	pthread_mutex_t blobs_lock;
	struct vmb_map blobs; /* GEM handle to blob; of those that take a place in the window */
	uint64_t serial; /* of the last one */
	struct vmb_virtgpu_stats stats;
	struct vmb_virtgpu_watcher *watchers;
	/* What they were told last, in bytes. */
	int64_t told_promised;
	int64_t told_mapped;
};

/* The process's own. */
extern struct vmb_guard vmb_virtgpu_guard;

/* What there is to know of a driver before it does anything. */
struct vmb_virtgpu_driver {
	vmb_ioctl_fn ioctl; /* what its calls go to */
	int fd;
	enum vmb_defer wish;
	/* Memory types that it is known not to map while it allocates (bit mask). */
	uint32_t late_types;
	/* Gets the bytes promised and mapped, until it is put; NULL for none. */
	struct vmb_trace *trace;
};

/*
 * The object of an open file of virtio_gpu's, which the caller has made sure of. If there is one
 * already it gets one more user, and all but the descriptor and the trace counts for nothing. NULL
 * if memory is short.
 */
struct vmb_virtgpu *vmb_virtgpu_get(const struct vmb_window_system *system, struct vmb_guard *guard,
	const struct vmb_virtgpu_driver *driver);
/* With the trace that it was got with, which is told no more after that. The last user's call
 * forgets all blobs. */
void vmb_virtgpu_put(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace);

/* An ioctl of the driver, in a scope or outside of any (NULL). Returns what ioctl returns, with
 * errno. */
int vmb_virtgpu_ioctl(struct vmb_virtgpu *virtgpu, struct vmb_virtgpu_scope *scope,
	vmb_ioctl_fn next, int fd, unsigned long request, void *arg);
/* Learns from what was done in a scope, if that has not failed. */
void vmb_virtgpu_end(struct vmb_virtgpu *virtgpu, const struct vmb_virtgpu_scope *scope);

/* NULL as long as they were of no interest to anybody. */
static inline const struct vmb_virtgpu_facts *vmb_virtgpu_facts(const struct vmb_virtgpu *virtgpu)
{
	return atomic_load_explicit(&virtgpu->has_facts, memory_order_acquire) ? &virtgpu->facts
									       : NULL;
}

#endif
