/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_VM_H
#define VMB_BACKEND_VM_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/trace.h"
#include "plan/plan.h"

/*
 * A VM: the address space through which a device reads sparse resources, and what a backend
 * implements. Knows no Vulkan. All sizes and offsets are in bytes, and multiples of the
 * granularity; errors are negative errno values. Several threads may call the functions at once, as
 * long as no two of them work on the same range.
 */

/* A range of the VM that is reserved for one resource. Sparse from the start; costs no memory. */
struct vmb_reservation {
	uint64_t va;
	uint64_t size;
};

/* Memory that can be mapped into the VM. */
struct vmb_backing {
	uint32_t id; /* for vmb_op.backing */
	uint64_t offset; /* of the start of the memory, for vmb_op.offset */
	uint64_t size;
	void *map; /* the memory's address in this process; NULL if the driver maps it */
};

/* A point of a timeline semaphore. */
struct vmb_point {
	uint32_t timeline; /* from import_timeline */
	uint64_t value;
};

enum vmb_point_state {
	VMB_POINT_AVAILABLE, /* its signal is submitted */
	VMB_POINT_SIGNALED,
};

enum vmb_capture_kind {
	VMB_CAPTURE_MEMORY,
	VMB_CAPTURE_RESERVATION,
};

/* A capture of what the driver allocates, on the caller's stack. The backend's own. */
struct vmb_capture {
	alignas(max_align_t) unsigned char backend[128];
};

struct vmb_vm;

/*
 * Reservations and backings are memory objects of the driver. There are two ways to make them:
 *
 *  - the backend makes memory and the driver imports it: reserve, memory_create;
 *  - the driver allocates as always and the backend captures its ioctls. One thread calls
 *    capture_begin, has the driver allocate, and calls capture_memory or capture_reservation.
 *
 * And there are two ways to bind: execute, at once, or submit, which leaves the ops to the kernel.
 * A backend implements one way of each. The members of the other way are NULL.
 */
struct vmb_vm_interface {
	const char *name;
	void (*destroy)(struct vmb_vm *vm);

	/* Import only. -ENOMEM if no such range is free. alignment is a power of two. The driver
	 * imports the range at va. */
	int (*reserve)(struct vmb_vm *vm, uint64_t size, uint64_t alignment,
		struct vmb_reservation *reservation);
	/* Import only. The contents are undefined. The driver imports the memory at map. */
	int (*memory_create)(struct vmb_vm *vm, uint64_t size, struct vmb_backing *backing);

	/* Capture only. Every capture that begins ends with one of the next two, also if the driver
	 * fails. */
	void (*capture_begin)(
		struct vmb_vm *vm, struct vmb_capture *capture, enum vmb_capture_kind kind);
	/* Capture only. -ENOENT if the driver allocated nothing that can be bound. */
	int (*capture_reservation)(struct vmb_vm *vm, struct vmb_capture *capture,
		struct vmb_reservation *reservation);
	int (*capture_memory)(
		struct vmb_vm *vm, struct vmb_capture *capture, struct vmb_backing *backing);

	void (*release)(struct vmb_vm *vm, const struct vmb_reservation *reservation);
	/* Memory that an op has named may still be mapped; other memory may be reused. An op that
	 * names the backing afterwards is an error of the application, and maps no other memory.
	 * Accepts an empty backing. */
	void (*memory_destroy)(
		struct vmb_vm *vm, const struct vmb_backing *backing, bool was_bound);

	/* Execute only. Executes the ops in order. *done is the number of executed ops, also on
	 * failure; each op is executed whole or not at all. */
	int (*execute)(struct vmb_vm *vm, const struct vmb_op *ops, size_t count, size_t *done);

	/*
	 * Submit only. The kernel executes the ops in order, behind all that were submitted before,
	 * once wait is signaled (NULL: as soon as it can), and signals signal afterwards. wait has
	 * to be available. On failure nothing is signaled, and nothing executed, except with -EIO:
	 * then memory was too short for all ops together, and the kernel has some of them.
	 */
	int (*submit)(struct vmb_vm *vm, const struct vmb_op *ops, size_t count,
		const struct vmb_point *wait, const struct vmb_point *signal);
	/* Submit only. Gives a timeline semaphore, exported as an opaque file descriptor, a name
	 * other than 0, valid until it is forgotten. The descriptor stays the caller's. */
	int (*import_timeline)(struct vmb_vm *vm, int fd, uint32_t *timeline);
	void (*forget_timeline)(struct vmb_vm *vm, uint32_t timeline);
	/* Submit only. -ETIME if the point is not in the state in time. */
	int (*wait)(struct vmb_vm *vm, const struct vmb_point *point, enum vmb_point_state state,
		uint64_t timeout_ns);

	/* Optional. Writes the backend's own figures as JSON members, each with a comma behind
	 * it. */
	void (*write_figures)(struct vmb_vm *vm, FILE *out);
	/* Optional. Names the kernel driver that the VM works on. */
	void (*describe_kernel_driver)(struct vmb_vm *vm, char *text, size_t size);
};

/* The first member of every backend's VM. */
struct vmb_vm {
	const struct vmb_vm_interface *impl;
	uint64_t granularity;
	/* Of the ops that are executed; NULL without a trace. */
	struct vmb_trace *trace;
	/* System calls that change mappings or their memory. */
	_Atomic uint64_t system_calls;
};

/* Sets up the first member. Asserts that the interface is complete for its two ways. */
void vmb_vm_init(struct vmb_vm *vm, const struct vmb_vm_interface *impl, uint64_t granularity,
	struct vmb_trace *trace);

/* Accepts NULL. */
static inline void vmb_vm_destroy(struct vmb_vm *vm)
{
	if (vm) {
		vm->impl->destroy(vm);
	}
}

#endif
