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
 * A VM: the address space through which a device reads sparse resources. Each backend implements
 * one. This interface has no Vulkan types. All sizes and offsets are in bytes, and multiples of the
 * granularity. Errors are negative errno values. Several threads may call the functions at once if
 * they work on different ranges.
 */

/* A range of the VM that is reserved for one resource. The range is sparse from the start and takes
 * no memory. */
struct vmb_reservation {
	uint64_t va;
	uint64_t size;
};

/* Memory that can be mapped into the VM. */
struct vmb_backing {
	uint32_t id; /* for vmb_op.backing */
	uint64_t offset; /* added to an offset into the memory, for vmb_op.offset */
	uint64_t size;
	void *map; /* the memory's address in this process; NULL if the driver maps it */
	void *owner; /* private to the VM */
};

/* A point of a timeline semaphore. */
struct vmb_point {
	uint32_t timeline; /* from import_timeline */
	uint64_t value;
};

enum vmb_point_state {
	VMB_POINT_AVAILABLE, /* the signal is submitted */
	VMB_POINT_SIGNALED,
};

enum vmb_capture_kind {
	VMB_CAPTURE_MEMORY,
	VMB_CAPTURE_RESERVATION,
};

/* The state of a capture, on the caller's stack. Only the backend reads the content. */
struct vmb_capture {
	alignas(max_align_t) unsigned char backend[128];
};

struct vmb_vm;

/*
 * Reservations and backings are memory objects of the driver. There are two ways to create them:
 *
 * - Import: the backend allocates with reserve or memory_create, and the driver imports the result.
 * - Capture: the driver allocates, and the backend captures the driver's ioctls. One thread calls
 *    capture_begin, has the driver allocate, and calls capture_memory or capture_reservation.
 *
 * There are two ways to bind: execute returns after the ops are done, submit queues them in the
 * kernel. A backend implements one way to create and one way to bind. The members of the other ways
 * are NULL.
 */
struct vmb_vm_interface {
	const char *name;
	void (*destroy)(struct vmb_vm *vm);

	/* Import only. alignment is a power of two, in bytes. The driver imports the range at va.
	 * -ENOMEM if no such range is free. */
	int (*reserve)(struct vmb_vm *vm, uint64_t size, uint64_t alignment,
		struct vmb_reservation *reservation);
	/* Import only. The memory reads as zero. The driver imports the memory at map. */
	int (*memory_create)(struct vmb_vm *vm, uint64_t size, struct vmb_backing *backing);

	/* Capture only. One of the next two members ends the capture, also if the driver fails. */
	void (*capture_begin)(
		struct vmb_vm *vm, struct vmb_capture *capture, enum vmb_capture_kind kind);
	/* Capture only, both. -ENOENT if the driver created and mapped no memory. */
	int (*capture_reservation)(struct vmb_vm *vm, struct vmb_capture *capture,
		struct vmb_reservation *reservation);
	int (*capture_memory)(
		struct vmb_vm *vm, struct vmb_capture *capture, struct vmb_backing *backing);

	/* Releases a reservation, after the driver has freed its memory object. */
	void (*release)(struct vmb_vm *vm, const struct vmb_reservation *reservation);
	/* A resource may still map the memory. If a later op names the backing, which is an error
	 * of the application, the op must not map other memory. Accepts a zeroed backing. */
	void (*memory_destroy)(struct vmb_vm *vm, const struct vmb_backing *backing);

	/* Execute only. Executes the ops in order. *done is the number of executed ops, also on
	 * failure. The failed op has no effect: its range stays as it was, and mapped. */
	int (*execute)(struct vmb_vm *vm, const struct vmb_op *ops, size_t count, size_t *done);

	/*
	 * Submit only. The kernel executes the ops in order, after all ops submitted before and
	 * after wait (NULL: no wait), and then signals the point signal. wait must be available. A
	 * failed call never signals. -EIO: memory was too short for all ops, and the kernel
	 * executes some of them. After any other error the kernel executes none.
	 */
	int (*submit)(struct vmb_vm *vm, const struct vmb_op *ops, size_t count,
		const struct vmb_point *wait, const struct vmb_point *signal);
	/* Submit only. Imports a timeline semaphore that was exported as an opaque descriptor.
	 * *timeline is not 0, and valid until forget_timeline. The caller keeps the descriptor. */
	int (*import_timeline)(struct vmb_vm *vm, int fd, uint32_t *timeline);
	void (*forget_timeline)(struct vmb_vm *vm, uint32_t timeline);
	/* Submit only. Waits until the point is in the state. -ETIME after the timeout. */
	int (*wait)(struct vmb_vm *vm, const struct vmb_point *point, enum vmb_point_state state,
		uint64_t timeout_ns);

	/* Optional. Writes the backend's statistics as JSON members, each followed by a comma. */
	void (*write_figures)(struct vmb_vm *vm, FILE *out);
	/* Optional. Writes the name and version of the kernel driver. */
	void (*describe_kernel_driver)(struct vmb_vm *vm, char *text, size_t size);
};

/* The first member of every backend's VM. */
struct vmb_vm {
	const struct vmb_vm_interface *impl;
	uint64_t granularity;
	/* Records the executed ops; NULL without a trace. */
	struct vmb_trace *trace;
	/* The number of system calls that changed mappings or their memory. */
	_Atomic uint64_t system_calls;
};

/* Fills in the first member of a backend's zeroed VM. Asserts that the interface has all members of
 * its two ways. */
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
