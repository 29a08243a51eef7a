/* SPDX-License-Identifier: MIT */
#ifndef GPUVAS_H
#define GPUVAS_H

#include <stddef.h>
#include <stdint.h>

/*
 * What the kernel itself says is mapped: debugfs's gpuvas of the first render node. There the VMs
 * of user space stand in the order of their creation, whoever made them.
 */

struct gpuva {
	uint64_t va;
	uint64_t size; /* bytes */
	/* An address in the kernel: the same for mappings of the same BO. All sparse mappings of an
	 * open file map one BO of the kernel's own. */
	uint64_t object;
	uint64_t offset; /* in the object, bytes */
};

struct gpuva_map {
	struct gpuva *vas; /* by address */
	size_t count;
};

/* maps: *count of them, to be freed with gpuvas_free(). Returns 0 or a negative errno. */
int gpuvas_read(struct gpuva_map **maps, size_t *count);
void gpuvas_free(struct gpuva_map *maps, size_t count);

#endif
