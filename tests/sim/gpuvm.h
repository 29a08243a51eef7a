/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_GPUVM_H
#define VMB_SIM_GPUVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmb_sim_bo;

/*
 * What is mapped where in one GPU address space, with the semantics of the kernel's drm_gpuvm: a
 * new mapping takes the place of what it overlaps, of which the rest stays; neighbours are never
 * merged. Whoever owns it locks.
 */

struct vmb_sim_mapping {
	uint64_t va;
	uint64_t size;
	uint64_t offset; /* into bo */
	struct vmb_sim_bo *bo; /* NULL if sparse */
	uint32_t flags; /* DRM_PANTHOR_VM_BIND_OP_… of the map */
};

/* private to gpuvm.c */
struct vmb_sim_gpuvm_node;

struct vmb_sim_gpuvm {
	size_t count; /* of mappings */
	/* all below is private to gpuvm.c */
	struct vmb_sim_gpuvm_node *root;
	uint64_t random;
};

void vmb_sim_gpuvm_init(struct vmb_sim_gpuvm *vm);
void vmb_sim_gpuvm_finish(struct vmb_sim_gpuvm *vm);

/* Each part of the mapping that stays holds a reference to its bo. A size of 0 does nothing. */
void vmb_sim_gpuvm_map(struct vmb_sim_gpuvm *vm, const struct vmb_sim_mapping *mapping);
void vmb_sim_gpuvm_unmap(struct vmb_sim_gpuvm *vm, uint64_t va, uint64_t size);

/*
 * The mappings by address, as an array for free(). With merged, those that continue their
 * neighbour are one with it: what the GPU sees, however it came about. No references are taken.
 */
size_t vmb_sim_gpuvm_list(
	const struct vmb_sim_gpuvm *vm, bool merged, struct vmb_sim_mapping **mappings);

#endif
