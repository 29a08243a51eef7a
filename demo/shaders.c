/* SPDX-License-Identifier: MIT */
#include "shaders.h"

#include "spirv.h"

/* Each call of util/spirv.h below corresponds to one line of a shading language. */

static void program_create(const struct vku *vk, struct vku_program *program, struct spv *s,
	uint32_t buffers, uint32_t push_size)
{
	spv_end(s);
	vku_program_init(vk, program, s->code, s->code_size, buffers, push_size);
	spv_finish(s);
}

static const enum spv_type pages_push[] = { SPV_U32, SPV_U32, SPV_U32 };

/* i / page_words * stride_words + i % page_words */
static spv_id word_index(struct spv *s)
{
	spv_id i = spv_invocation(s);
	spv_id page_words = spv_push_constant(s, 0);
	spv_id page = spv_op(s, SpvOpUDiv, i, page_words);
	spv_id start = spv_op(s, SpvOpIMul, page, spv_push_constant(s, 1));

	return spv_op(s, SpvOpIAdd, start, spv_op(s, SpvOpUMod, i, page_words));
}

static void init_stamp(struct vku_program *program, const struct vku *vk)
{
	struct spv s;

	spv_begin(&s, SHADER_GROUP);
	spv_id pages = spv_storage_buffer(&s, 0, SPV_U32);
	spv_push_constants(&s, pages_push, 3);
	spv_id number = spv_op(&s, SpvOpIAdd, spv_push_constant(&s, 2), spv_invocation(&s));
	spv_id word = spv_op(&s, SpvOpIMul, number, spv_u32(&s, stamp_word(1)));
	spv_write(&s, pages, word_index(&s), word);
	program_create(vk, program, &s, 1, sizeof(struct pages_push));
}

static void init_read(struct vku_program *program, const struct vku *vk)
{
	struct spv s;

	spv_begin(&s, SHADER_GROUP);
	spv_id pages = spv_storage_buffer(&s, 0, SPV_U32);
	spv_id results = spv_storage_buffer(&s, 1, SPV_U32);
	spv_push_constants(&s, pages_push, 3);
	spv_write(&s, results, spv_invocation(&s), spv_read(&s, pages, word_index(&s)));
	program_create(vk, program, &s, 2, sizeof(struct pages_push));
}

static void init_link(struct vku_program *program, const struct vku *vk)
{
	struct spv s;

	spv_begin(&s, 1);
	spv_id table = spv_storage_buffer(&s, 0, SPV_ADDRESS);
	spv_id i = spv_invocation(&s);
	spv_id next = spv_read(&s, table, spv_op(&s, SpvOpIAdd, i, spv_u32(&s, 1)));
	spv_address_write(&s, spv_read(&s, table, i), spv_u32(&s, 0), next);
	program_create(vk, program, &s, 1, 0);
}

static void init_walk(struct vku_program *program, const struct vku *vk)
{
	static const enum spv_type push[] = { SPV_U32 };
	struct spv s;

	spv_begin(&s, 1);
	spv_id table = spv_storage_buffer(&s, 0, SPV_ADDRESS);
	spv_id results = spv_storage_buffer(&s, 1, SPV_ADDRESS);
	spv_push_constants(&s, push, 1);
	spv_id at = spv_variable(&s, SPV_ADDRESS);
	spv_set(&s, at, spv_read(&s, table, spv_u32(&s, 0)));
	struct spv_loop loop = spv_for(&s, spv_push_constant(&s, 0));
	{
		spv_set(&s, at, spv_address_read(&s, spv_get(&s, at), spv_u32(&s, 0), SPV_ADDRESS));
		spv_write(&s, results, loop.i, spv_get(&s, at));
	}
	spv_end_for(&s, &loop);
	program_create(vk, program, &s, 2, sizeof(uint32_t));
}

static void run_once(const struct vku *vk, const struct vku_program *program, VkBuffer buffer)
{
	const VkDescriptorBufferInfo buffers[] = {
		{ .buffer = buffer, .range = VK_WHOLE_SIZE },
		{ .buffer = buffer, .range = VK_WHOLE_SIZE },
	};
	const struct pages_push push = { .page_words = 1, .stride_words = 1 };
	VkCommandBuffer commands = vku_begin(vk);

	vku_dispatch(commands, program, vku_program_set(vk, program, buffers), &push, 1);
	vku_submit(vk, commands);
}

/* A driver may compile a shader at its first run. Run each shader once on a scratch buffer, so that
 * compilation is not part of the measurement. */
static void warm_up(const struct shaders *shaders, const struct vku *vk, bool with_addresses)
{
	struct vku_buffer buffer;

	vku_buffer_init(vk, &buffer, SHADER_GROUP * sizeof(uint32_t));
	run_once(vk, &shaders->stamp, buffer.buffer);
	run_once(vk, &shaders->read, buffer.buffer);
	if (with_addresses) {
		uint64_t *addresses = buffer.map;
		addresses[0] = addresses[1] = vku_buffer_address(vk, buffer.buffer);
		run_once(vk, &shaders->link, buffer.buffer);
		run_once(vk, &shaders->walk, buffer.buffer);
	}
	vku_buffer_finish(vk, &buffer);
}

void shaders_init(struct shaders *shaders, const struct vku *vk, bool with_addresses)
{
	*shaders = (struct shaders){ 0 };
	init_stamp(&shaders->stamp, vk);
	init_read(&shaders->read, vk);
	if (with_addresses) {
		init_link(&shaders->link, vk);
		init_walk(&shaders->walk, vk);
	}
	warm_up(shaders, vk, with_addresses);
}

void shaders_finish(struct shaders *shaders, const struct vku *vk)
{
	vku_program_finish(vk, &shaders->stamp);
	vku_program_finish(vk, &shaders->read);
	vku_program_finish(vk, &shaders->link);
	vku_program_finish(vk, &shaders->walk);
}
