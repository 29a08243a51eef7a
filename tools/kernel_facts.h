/* SPDX-License-Identifier: MIT */
#ifndef VMB_KERNEL_FACTS_H
#define VMB_KERNEL_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/settings.h"
#include "ioctl/kernel.h"

enum vmb_known {
	VMB_UNKNOWN,
	VMB_NO,
	VMB_YES,
};

/* The kernel's abilities for a physical device. Unknown facts are 0. */
struct vmb_kernel_facts {
	bool has_node; /* the driver reports a render node */
	uint32_t node; /* minor number */
	int error; /* 0, or why the kernel driver could not be queried: a negative errno */
	struct vmb_kernel_driver driver;
	enum vmb_known sparse; /* one op makes a range sparse */
	uint64_t page_sizes; /* of the GPU's MMU, a bit for each */
	enum vmb_known defers; /* a query showed that the kernel honours the hint */
	bool probes; /* the layer can probe hostmem for room */
	uint64_t hostmem; /* size in bytes (virtgpu/hostmem.h) */
	bool has_hostmem_used;
	uint64_t hostmem_used; /* bytes */
};

/* Queries the kernel driver through the render node that the caller has filled in. */
void vmb_kernel_facts_read(struct vmb_kernel_facts *facts);

/* Whether the layer defers mappings on the device. Assumes that the layer can start its helper
 * program: vmbind-info does not know the helper's path. */
bool vmb_kernel_facts_defers(const struct vmb_kernel_facts *facts, enum vmb_defer request);

#endif
