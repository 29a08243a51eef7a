/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_SHADERS_H
#define VMB_TESTS_SHADERS_H

#include "vk.h"

/* The tests' compute shaders as programs; vku_program_finish() destroys them. */

/* data[first + i] += value, for i < count. */
struct icd_add_push {
	uint32_t first, count, value;
};
void icd_add_init(const struct vku *vk, struct vku_program *program);

/* data[first + i] = first + i + value, for i < count. */
void icd_number_init(const struct vku *vk, struct vku_program *program);

/*
 * data[index] += 1 in each workgroup of one invocation, after a loop of ICD_SLOW_ROUNDS. Compilers
 * cannot shorten the loop. index must be even. llvmpipe ends loops after 65535 rounds.
 */
#define ICD_SLOW_ROUNDS 60000
void icd_slow_init(const struct vku *vk, struct vku_program *program);

/* 32-bit words at addresses: to[i] = from[i] + 1, for i < count. */
struct icd_address_push {
	uint64_t from, to;
	uint32_t count;
};
void icd_address_init(const struct vku *vk, struct vku_program *program);

/* Invocations in a workgroup. The slow shader has one. */
#define ICD_GROUP 64
uint32_t icd_groups(uint32_t invocations);

#endif
