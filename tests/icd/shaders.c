/* SPDX-License-Identifier: MIT */
#include "shaders.h"

#include "spirv.h"

static void finish(const struct vku *vk, struct vku_program *program, struct spv *s,
	uint32_t buffers, uint32_t push_size)
{
	spv_end(s);
	vku_program_init(vk, program, s->code, s->code_size, buffers, push_size);
	spv_finish(s);
}

/* Common code of the first two shaders, which change element first + i of a buffer. */
static void add_or_number(const struct vku *vk, struct vku_program *program, bool add)
{
	static const enum spv_type push[] = { SPV_U32, SPV_U32, SPV_U32 };
	struct spv s;

	spv_begin(&s, ICD_GROUP);
	spv_id data = spv_storage_buffer(&s, 0, SPV_U32);
	spv_push_constants(&s, push, 3);
	spv_id i = spv_invocation(&s);
	spv_id count = spv_push_constant(&s, 1);
	spv_id inside = spv_if(&s, spv_compare(&s, SpvOpULessThan, i, count));
	{
		spv_id at = spv_op(&s, SpvOpIAdd, spv_push_constant(&s, 0), i);
		spv_id old = add ? spv_read(&s, data, at) : at;
		spv_write(&s, data, at, spv_op(&s, SpvOpIAdd, old, spv_push_constant(&s, 2)));
	}
	spv_end_if(&s, inside);
	finish(vk, program, &s, 1, sizeof(struct icd_add_push));
}

void icd_add_init(const struct vku *vk, struct vku_program *program)
{
	add_or_number(vk, program, true);
}

void icd_number_init(const struct vku *vk, struct vku_program *program)
{
	add_or_number(vk, program, false);
}

void icd_slow_init(const struct vku *vk, struct vku_program *program)
{
	static const enum spv_type push[] = { SPV_U32 };
	struct spv s;

	spv_begin(&s, 1);
	spv_id data = spv_storage_buffer(&s, 0, SPV_U32);
	spv_push_constants(&s, push, 1);
	spv_id index = spv_push_constant(&s, 0);
	spv_id state = spv_variable(&s, SPV_U32);

	/* Steps of a random number generator. Each depends on the step before. */
	spv_set(&s, state, spv_invocation(&s));
	struct spv_loop loop = spv_for(&s, spv_u32(&s, ICD_SLOW_ROUNDS));
	spv_id next = spv_op(&s, SpvOpIMul, spv_get(&s, state), spv_u32(&s, 1664525));
	spv_id mixed = spv_op(&s, SpvOpBitwiseXor, next, loop.i);
	spv_set(&s, state, spv_op(&s, SpvOpIAdd, mixed, spv_u32(&s, 1013904223)));
	spv_end_for(&s, &loop);

	/* Depends on state and is always 1: index is even, so the product is even. */
	spv_id product = spv_op(&s, SpvOpIMul, spv_get(&s, state), index);
	spv_id one = spv_select(&s, spv_compare(&s, SpvOpIEqual, product, spv_u32(&s, 0x13579bdf)),
		spv_u32(&s, 2), spv_u32(&s, 1));
	spv_atomic_add(&s, data, index, one);
	finish(vk, program, &s, 1, sizeof(uint32_t));
}

void icd_address_init(const struct vku *vk, struct vku_program *program)
{
	static const enum spv_type push[] = { SPV_ADDRESS, SPV_ADDRESS, SPV_U32 };
	struct spv s;

	spv_begin(&s, ICD_GROUP);
	spv_push_constants(&s, push, 3);
	spv_id i = spv_invocation(&s);
	spv_id inside = spv_if(&s, spv_compare(&s, SpvOpULessThan, i, spv_push_constant(&s, 2)));
	{
		spv_id word = spv_address_read(&s, spv_push_constant(&s, 0), i, SPV_U32);
		spv_id sum = spv_op(&s, SpvOpIAdd, word, spv_u32(&s, 1));
		spv_address_write(&s, spv_push_constant(&s, 1), i, sum);
	}
	spv_end_if(&s, inside);
	finish(vk, program, &s, 0, sizeof(struct icd_address_push));
}

uint32_t icd_groups(uint32_t invocations)
{
	return (invocations + ICD_GROUP - 1) / ICD_GROUP;
}
