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

/* Counters of the blobs that take a range of hostmem. Sizes are in bytes. Any thread. */
struct vmb_virtgpu_statistics {
	_Atomic uint64_t created;
	_Atomic uint64_t hinted; /* created with the hint */
	_Atomic uint64_t mapped_later; /* hinted, and mapped since */
	_Atomic uint64_t refused; /* first mappings or exports that failed, mostly for room */
	_Atomic uint64_t bytes_deferred; /* now: hinted blobs that are not mapped yet */
	_Atomic uint64_t bytes_deferred_peak;
	_Atomic uint64_t bytes_mapped; /* now: blobs in hostmem */
	_Atomic uint64_t bytes_mapped_peak;
};

/* The decision about a file, made for the first blob that could be deferred. */
struct vmb_virtgpu_facts {
	uint64_t hostmem_size; /* bytes, 0 if unknown */
	enum vmb_honoured honoured;
	bool defers;
	const char *reason; /* of the decision, for log and statistics; static text */
};

struct vmb_virtgpu_watcher;

/*
 * An open file of a driver. Several VkDevices share the file if the driver opens it with the
 * instance. The object is never freed, only reused for another file: other threads may read the
 * object at any time.
 */
struct vmb_virtgpu {
	struct vmb_virtgpu *next; /* in the list of all objects */
	unsigned users; /* 0: free to be reused */
	_Atomic int fd; /* the driver's, -1 if there is none */

	/* Constant while there are users. */
	vmb_ioctl_fn ioctl; /* the next function of the driver's calls */
	const struct vmb_system_ops *system;
	struct vmb_guard *guard;
	enum vmb_defer request;

	/* Bit masks of memory types. The driver maps early types during vkAllocateMemory, and late
	 * types after it. Only blobs of late types are deferred. */
	_Atomic uint32_t early_types;
	_Atomic uint32_t late_types;

	/* Held while the facts are found out. has_facts is set last. */
	pthread_mutex_t decide_lock;
	_Atomic bool has_facts;
	struct vmb_virtgpu_facts facts;
	struct vmb_hostmem hostmem;
	bool has_hostmem;
	char helper[PATH_MAX];

	/* Guards the states of the blobs and the watchers. While it is held, only the locks of the
	 * table and of the traces' counters are taken. */
	pthread_mutex_t blobs_lock;
	struct vmb_map blobs; /* GEM handle to vmb_blob, owned */
	uint64_t serial; /* of the last blob */
	struct vmb_virtgpu_statistics statistics;
	struct vmb_virtgpu_watcher *watchers;
	/* The bytes in the last report to the watchers. */
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
