/* SPDX-License-Identifier: MIT */
#include "job.h"

#include "spirv.h"
#include "stages.h"

#define GROUP 64
#define WORDS (1u << 16)
#define SIZE ((VkDeviceSize)WORDS * sizeof(uint32_t))
/* Each round allocates and frees memory. The two jobs of full exceed RLIMIT_FSIZE of 1 GiB. */
#define ROUNDS 20
#define ROUND_SIZE (UINT64_C(40) << 20)

/* data[i] = data[i] * 3 + i */
static void build_shader(struct spv *s)
{
	spv_begin(s, GROUP);
	spv_id data = spv_storage_buffer(s, 0, SPV_U32);
	spv_id i = spv_invocation(s);
	spv_id tripled = spv_op(s, SpvOpIMul, spv_read(s, data, i), spv_u32(s, 3));
	spv_write(s, data, i, spv_op(s, SpvOpIAdd, tripled, i));
	spv_end(s);
}

static void compute(const struct vku *vk, const struct vku_buffer *buffer)
{
	const VkDescriptorBufferInfo info = { .buffer = buffer->buffer, .range = SIZE };
	struct vku_program program;
	struct spv shader;

	build_shader(&shader);
	vku_program_init(vk, &program, shader.code, shader.code_size, 1, 0);
	spv_finish(&shader);
	VkCommandBuffer commands = vku_begin(vk);
	vku_dispatch(commands, &program, vku_program_set(vk, &program, &info), NULL, WORDS / GROUP);
	vku_submit(vk, commands);
	vku_program_finish(vk, &program);
}

static void check(const char *what, const uint32_t *words)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < WORDS; i++) {
		wrong += words[i] != (7 + i) * 3 + i;
	}
	fprintf(output, "%s: %u of %u words are wrong\n", what, wrong, WORDS);
	if (wrong) {
		vku_fail("wrong data");
	}
}

static void allocate_often(const struct vku *vk)
{
	for (uint32_t i = 0; i < ROUNDS; i++) {
		VkDeviceMemory memory = vku_allocate(vk, ROUND_SIZE, UINT32_MAX);
		uint32_t *map = vku_map(vk, memory);
		*map = i;
		vkFreeMemory(vk->device, memory, NULL);
	}
	fprintf(output, "%u allocations of %u MiB\n", ROUNDS, (unsigned)(ROUND_SIZE >> 20));
}

void job_run(const struct vku *vk)
{
	struct vku_buffer data;
	struct vku_buffer copy;

	vku_buffer_init(vk, &data, SIZE);
	vku_buffer_init(vk, &copy, SIZE);
	uint32_t *words = data.map;
	for (uint32_t i = 0; i < WORDS; i++) {
		words[i] = 7 + i;
	}
	fork_and_exit();
	compute(vk, &data);
	vku_copy(vk, data.buffer, 0, copy.buffer, 0, SIZE);
	check("compute", data.map);
	check("copy", copy.map);
	allocate_often(vk);
	check("copy at the end", copy.map);
	vku_buffer_finish(vk, &copy);
	vku_buffer_finish(vk, &data);
}
