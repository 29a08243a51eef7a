/* SPDX-License-Identifier: MIT */
#ifndef GPUVAS_H
#define GPUVAS_H

#include <stddef.h>
#include <stdint.h>

/*
 * The mappings as the kernel reports them: debugfs's gpuvas of the first render node. The file
 * lists the VMs of all processes in the order of their creation.
 */

struct gpuva {
	uint64_t va;
	uint64_t size; /* bytes */
	/* The address of the BO in the kernel. All sparse mappings of an open file share one BO of
	 * the kernel. */
	uint64_t object;
	uint64_t offset; /* in the object, bytes */
};

struct gpuva_map {
	struct gpuva *vas; /* by address */
	size_t count;
};

/* Reads *count maps; the caller frees them with gpuvas_free(). Returns 0 or a negative errno. */
int gpuvas_read(struct gpuva_map **maps, size_t *count);
void gpuvas_free(struct gpuva_map *maps, size_t count);

#endif
