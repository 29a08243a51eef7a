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

/* What the kernel can do for a physical device; what is not known is 0. */
struct vmb_kernel_facts {
	bool has_node; /* the driver names a render node */
	uint32_t node; /* its minor number */
	int error; /* why the kernel could not be asked, a negative errno */
	struct vmb_kernel_driver driver;
	enum vmb_known sparse; /* whether it makes a range sparse in one op */
	uint64_t page_sizes; /* that it maps with, a bit for each */
	enum vmb_known defers; /* whether it was seen to honour the hint to defer a mapping */
	bool probes; /* the layer can look for room in the window of a virtio-gpu */
	uint64_t hostmem; /* bytes: the window of a virtio-gpu (drm/window.h) */
	bool has_hostmem_used;
	uint64_t hostmem_used; /* bytes */
};

/* Asks through the render node, which has to be named already. */
void vmb_kernel_facts_read(struct vmb_kernel_facts *facts);

/* Whether the layer defers mappings there. That its helper program can be started is taken for
 * granted: this program does not know where the layer would find it. */
bool vmb_kernel_facts_defers(const struct vmb_kernel_facts *facts, enum vmb_defer request);

#endif
