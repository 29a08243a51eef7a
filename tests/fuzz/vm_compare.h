/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_VM_COMPARE_H
#define TESTS_FUZZ_VM_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim.h"

/* The BOs that stand for no memory: a map of one of them equals a sparse map. */
struct null_bos {
	uint64_t ids[64];
	size_t count;
};

void null_bos_add(struct null_bos *nulls, uint64_t id);
/* Whether the GPU sees the same in both VMs. */
bool vm_compare(
	struct vmb_sim_file *a, struct vmb_sim_file *b, uint32_t vm, const struct null_bos *nulls);

#endif
