/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_SHADERS_H
#define VMB_TESTS_SHADERS_H

#include "vk.h"

/* The tests' compute shaders, as programs. Finish with vku_program_finish(). */

/* data[first + i] += value, for i < count. */
struct icd_add_push {
	uint32_t first, count, value;
};
void icd_add_init(const struct vku *vk, struct vku_program *program);

/* data[first + i] = first + i + value, for i < count. */
void icd_number_init(const struct vku *vk, struct vku_program *program);

/*
 * data[index] += 1, by each workgroup, which is one invocation that first counts to ICD_SLOW_ROUNDS
 * in a way that no compiler can shorten. index must be even. Rounds are limited because a driver
 * may end loops that run for longer, as llvmpipe does after 65535.
 */
#define ICD_SLOW_ROUNDS 60000
void icd_slow_init(const struct vku *vk, struct vku_program *program);

/* 32-bit words at addresses: to[i] = from[i] + 1, for i < count. */
struct icd_address_push {
	uint64_t from, to;
	uint32_t count;
};
void icd_address_init(const struct vku *vk, struct vku_program *program);

/* Invocations in a workgroup of each of them but the slow one. */
#define ICD_GROUP 64
uint32_t icd_groups(uint32_t invocations);

#endif
