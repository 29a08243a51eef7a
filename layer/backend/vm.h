/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_VM_H
#define VMB_BACKEND_VM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/trace.h"
#include "ioctl/intercept.h"
#include "plan/plan.h"

/*
 * A VM: the address space that a device reads sparse resources through, and the one thing that a
 * backend has to implement. Knows no Vulkan. All sizes and offsets are bytes, and multiples of the
 * granularity; errors are negative errno values. Every function may be called by several threads
 * at once, as long as no two of them work on the same range.
 */

/* A range of the VM that is reserved for one resource. Born sparse, costs no memory. */
struct vmb_reservation {
	uint64_t va;
	uint64_t size;
};

/* Memory that can be mapped into the VM. */
struct vmb_backing {
	uint32_t id; /* for vmb_op.backing */
	uint64_t offset; /* where the memory starts, for vmb_op.offset */
	uint64_t size;
	void *map; /* where the CPU sees it, NULL if that is the driver's affair */
};

/* A point of a timeline semaphore. */
struct vmb_point {
	uint32_t timeline; /* as import_timeline names it */
	uint64_t value;
};

enum vmb_point_state {
	VMB_POINT_AVAILABLE, /* what will signal it has been submitted */
	VMB_POINT_SIGNALED,
};

struct vmb_vm;

/*
 * Reservations and backings are memory objects of the driver's. There are two ways to that:
 *
 *  - the backend makes the memory, and the driver imports it (reserve, back);
 *  - the driver allocates as it always does, and the backend watches its ioctls: the allocation is
 *    made between watch and reserved or backed, on one thread.
 *
 * And there are two ways to bind: either execute, at once, or submit, which leaves it to the kernel.
 * A backend implements one of each; what belongs to the other is NULL.
 */
struct vmb_vm_interface {
	const char *name;
	void (*destroy)(struct vmb_vm *vm);

	/* -ENOMEM if the address space has no such range left. alignment is a power of two. The driver
	 * imports what lies at va. */
	int (*reserve)(struct vmb_vm *vm, uint64_t size, uint64_t alignment,
		struct vmb_reservation *reservation);
	void (*release)(struct vmb_vm *vm, const struct vmb_reservation *reservation);
	/* The contents are undefined. The driver imports what lies at map. */
	int (*back)(struct vmb_vm *vm, uint64_t size, struct vmb_backing *backing);

	/* The scope is private to the backend until it has ended. */
	void (*watch)(struct vmb_vm *vm, struct vmb_scope *scope, enum vmb_scope_kind kind);
	/* What the driver did in a VMB_SCOPE_RESERVE or VMB_SCOPE_MEMORY; -ENOENT if nothing that can be
	 * bound. An allocation that failed ends here, too. */
	int (*reserved)(
		struct vmb_vm *vm, struct vmb_scope *scope, struct vmb_reservation *reservation);
	int (*backed)(struct vmb_vm *vm, struct vmb_scope *scope, struct vmb_backing *backing);

	/* Memory that an op has named may still be mapped somewhere; other memory may be handed out
	 * again. An op that names it from now on does so by mistake, and maps no other memory. */
	void (*unback)(struct vmb_vm *vm, const struct vmb_backing *backing, bool was_bound);

	/* Executes the ops in order. *done is how many were, also when it fails; none is half done. */
	int (*execute)(struct vmb_vm *vm, const struct vmb_op *ops, size_t count, size_t *done);

	/*
	 * Hands the ops to the kernel, which executes them in order when wait is signaled (NULL: as
	 * soon as it can), behind all that were submitted before, and then signals signal. wait has to
	 * be available. If it fails nothing is signaled; nothing is executed either, but with -EIO: then
	 * memory was too short to take the ops all together, and the kernel has some of them.
	 */
	int (*submit)(struct vmb_vm *vm, const struct vmb_op *ops, size_t count,
		const struct vmb_point *wait, const struct vmb_point *signal);
	/* Gives a timeline semaphore that was exported as an opaque file descriptor a name, not 0, that
	 * is good until it is forgotten. The descriptor stays the caller's. */
	int (*import_timeline)(struct vmb_vm *vm, int fd, uint32_t *timeline);
	void (*forget_timeline)(struct vmb_vm *vm, uint32_t timeline);
	/* -ETIME if the point has not come into that state in time. */
	int (*wait)(struct vmb_vm *vm, const struct vmb_point *point, enum vmb_point_state state,
		uint64_t timeout_ns);
};

/* What every backend's VM starts with. */
struct vmb_vm {
	const struct vmb_vm_interface *impl;
	uint64_t granularity;
	/* Of the ops that are executed, NULL if nobody asked for it. */
	struct vmb_trace *trace;
	/* Calls made to change mappings or their memory; statistics. */
	_Atomic uint64_t system_calls;
};

/* Whether the driver imports memory that the backend makes. */
static inline bool vmb_vm_imports(const struct vmb_vm *vm)
{
	return vm->impl->reserve;
}

/* Whether binds are left to the kernel. */
static inline bool vmb_vm_is_async(const struct vmb_vm *vm)
{
	return vm->impl->submit;
}

/* Accepts NULL. */
static inline void vmb_vm_destroy(struct vmb_vm *vm)
{
	if (vm) {
		vm->impl->destroy(vm);
	}
}

#endif
