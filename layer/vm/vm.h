/* SPDX-License-Identifier: MIT */
#ifndef VMB_VM_H
#define VMB_VM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Memory that can be mapped into the VM, and that the CPU sees at map. */
struct vmb_backing {
	uint32_t id; /* for vmb_op.backing */
	uint64_t offset; /* where the memory starts, for vmb_op.offset */
	uint64_t size;
	void *map;
};

struct vmb_vm;

struct vmb_vm_interface {
	const char *name;
	void (*destroy)(struct vmb_vm *vm);
	/* -ENOMEM if the address space has no such range left. alignment is a power of two. */
	int (*reserve)(struct vmb_vm *vm, uint64_t size, uint64_t alignment,
		struct vmb_reservation *reservation);
	void (*release)(struct vmb_vm *vm, const struct vmb_reservation *reservation);
	/* The contents are undefined. */
	int (*back)(struct vmb_vm *vm, uint64_t size, struct vmb_backing *backing);
	/* Memory that an op has named may still be mapped somewhere, and is gone there, too; other
	 * memory may be handed out again. */
	void (*unback)(struct vmb_vm *vm, const struct vmb_backing *backing, bool was_bound);
	/* Executes the ops in order. *done is how many were, also when it fails; none is half done. */
	int (*execute)(struct vmb_vm *vm, const struct vmb_op *ops, size_t count, size_t *done);
};

/* What every backend's VM starts with. */
struct vmb_vm {
	const struct vmb_vm_interface *impl;
	uint64_t granularity;
	/* Calls made to change mappings or their memory; statistics. */
	_Atomic uint64_t system_calls;
};

/* Accepts NULL. */
static inline void vmb_vm_destroy(struct vmb_vm *vm)
{
	if (vm) {
		vm->impl->destroy(vm);
	}
}

#endif
