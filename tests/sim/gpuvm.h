/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_GPUVM_H
#define VMB_SIM_GPUVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmb_sim_bo;

/*
 * The mappings of one GPU address space, with the semantics of the kernel's drm_gpuvm. A new
 * mapping replaces the parts of other mappings that it overlaps. Neighbours are not merged. Not
 * thread-safe: the owner locks.
 */

/* Addresses, sizes and offsets are in bytes. */
struct vmb_sim_mapping {
	uint64_t va;
	uint64_t size;
	uint64_t offset; /* in bo */
	struct vmb_sim_bo *bo; /* NULL if sparse */
	uint32_t flags; /* DRM_PANTHOR_VM_BIND_OP_… of the map */
};

/* private to gpuvm.c */
struct vmb_sim_gpuvm_node;

struct vmb_sim_gpuvm {
	size_t count; /* mappings */
	/* The members below are private to gpuvm.c. */
	struct vmb_sim_gpuvm_node *root;
	uint64_t random;
};

void vmb_sim_gpuvm_init(struct vmb_sim_gpuvm *vm);
void vmb_sim_gpuvm_finish(struct vmb_sim_gpuvm *vm);

/* Each remaining part of a mapping holds a reference to its bo. A size of 0 does nothing. */
void vmb_sim_gpuvm_map(struct vmb_sim_gpuvm *vm, const struct vmb_sim_mapping *mapping);
void vmb_sim_gpuvm_unmap(struct vmb_sim_gpuvm *vm, uint64_t va, uint64_t size);

/*
 * Lists the mappings in the order of their addresses. merged joins the mappings that continue their
 * neighbour: the list then shows what the GPU sees, independent of the ops. Returns the number of
 * mappings. The caller frees the array. The list holds no references.
 */
size_t vmb_sim_gpuvm_list(
	const struct vmb_sim_gpuvm *vm, bool merged, struct vmb_sim_mapping **mappings);

#endif
