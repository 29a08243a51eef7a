/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_STATE_H
#define VMB_VIRTGPU_STATE_H

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

/* Counted from any thread, of blobs that take a place in hostmem. Sizes are in bytes. */
struct vmb_virtgpu_statistics {
	_Atomic uint64_t created;
	_Atomic uint64_t hinted; /* of those, created with the hint */
	_Atomic uint64_t mapped_later; /* of the hinted, whose first mapping was made */
	_Atomic uint64_t refused; /* first mappings or exports for which there was no room */
	_Atomic uint64_t bytes_deferred; /* of hinted blobs that are not mapped, at this time */
	_Atomic uint64_t bytes_deferred_peak;
	_Atomic uint64_t bytes_mapped; /* in hostmem, at this time */
	_Atomic uint64_t bytes_mapped_peak;
};

/* The decision about a file, made for the first blob that could be deferred. */
struct vmb_virtgpu_facts {
	uint64_t hostmem_size; /* bytes, 0 if unknown */
	enum vmb_honoured honoured;
	bool defers;
	const char *reason; /* why or why not; for people */
};

struct vmb_virtgpu_watcher;

/*
 * An open file of a driver. Several VkDevices share it if the driver opens one file for its
 * instance. The object is never freed, but reused for another file: other threads read it at any
 * time.
 */
struct vmb_virtgpu {
	struct vmb_virtgpu *next; /* in the list of all */
	unsigned users; /* 0: free to be reused */
	_Atomic int fd; /* the driver's, -1 if there is none */

	/* Constant while there are users. */
	vmb_ioctl_fn ioctl; /* the next function of the driver's calls */
	const struct vmb_system_ops *system;
	struct vmb_guard *guard;
	enum vmb_defer request;

	/* Memory types (bit masks) that the driver maps while it allocates, and types that it does
	 * not. Only the latter are deferred. */
	_Atomic uint32_t early_types;
	_Atomic uint32_t late_types;

	/* Held until the facts are known; has_facts is set last. */
	pthread_mutex_t decide_lock;
	_Atomic bool has_facts;
	struct vmb_virtgpu_facts facts;
	struct vmb_hostmem hostmem;
	bool has_hostmem;
	char helper[PATH_MAX];

	/* Guards the state of blobs and the watchers. Only the locks of the table and of the
	 * traces' counters are taken inside it. */
	pthread_mutex_t blobs_lock;
	struct vmb_map blobs; /* GEM handle to vmb_blob; of those that take a place in hostmem */
	uint64_t serial; /* of the last blob */
	struct vmb_virtgpu_statistics statistics;
	struct vmb_virtgpu_watcher *watchers;
	/* The bytes that the watchers got last. */
	int64_t reported_deferred;
	int64_t reported_mapped;
};

/* NULL before the first blob that could be deferred. Any thread. */
static inline const struct vmb_virtgpu_facts *vmb_virtgpu_facts(const struct vmb_virtgpu *virtgpu)
{
	return atomic_load_explicit(&virtgpu->has_facts, memory_order_acquire) ? &virtgpu->facts
									       : NULL;
}

#endif
