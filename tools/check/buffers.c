/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "check.h"
#include "pages.h"
#include "spirv.h"

/* Contents of sparse buffers after binds. pages.h describes the scripts. */

struct script {
	VkBufferCreateFlags flags; /* what the buffer needs besides SPARSE_BINDING */
	const char *text;
};

#define RESIDENT VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT
#define ALIASED VK_BUFFER_CREATE_SPARSE_ALIASED_BIT

static void require(const struct gpu *gpu, VkBufferCreateFlags flags)
{
	if ((flags & RESIDENT) && !gpu->features.sparseResidencyBuffer) {
		check_skip("the device does not report sparseResidencyBuffer");
	}
	if ((flags & ALIASED) && !gpu->features.sparseResidencyAliased) {
		check_skip("the device does not report sparseResidencyAliased");
	}
}

static void run_script(struct gpu *gpu, const void *data)
{
	const struct script *script = data;
	struct pages p;

	require(gpu, script->flags);
	pages_init(gpu, &p, 64, 96, script->flags);
	pages_run(&p, script->text);
	pages_finish(&p);
}

/* Reads and writes of a whole buffer with gaps. What the GPU reads in a gap is undefined; it may
 * neither lose the device nor touch what is bound. */
static void run_unbound(struct gpu *gpu, const void *data)
{
	struct pages p;

	(void)data;
	require(gpu, RESIDENT);
	pages_init(gpu, &p, 64, 96, RESIDENT);
	for (int round = 0; round < 2; round++) {
		VkDeviceSize size = p.count * p.pool.page;

		check_step(round ? "With gaps: " : "With nothing bound: ");
		gpu_read(gpu, p.buffer, 0, size, p.words);
		pages_verify(&p);
		if (gpu->vk.properties.sparseProperties.residencyNonResidentStrict) {
			gpu_read(gpu, p.buffer, 63 * p.pool.page, p.pool.page, p.words);
			if (p.words[0] != 0) {
				check_fail("an unbound page reads 0x%08x, but the device reports "
					   "residencyNonResidentStrict",
					p.words[0]);
			}
		}
		if (round == 0) {
			const VkSparseMemoryBind binds[] = {
				pages_bind(&p, 2, 3, 10),
				pages_bind(&p, 40, 1, 5),
			};
			gpu_bind_buffer(gpu, p.buffer, binds, 2);
		}
	}
	pages_finish(&p);
}

/* Orders of the binds in a call. */
enum order {
	IN_ORDER,
	REVERSED,
	SHUFFLED, /* with the memory in order */
	SCATTERED, /* the memory is shuffled, too */
};

static void fill_order(uint32_t *values, uint32_t count, bool shuffled, unsigned *seed)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t j = shuffled ? (uint32_t)rand_r(seed) % (i + 1) : i;
		values[i] = values[j];
		values[j] = i;
	}
}

/* As many pages as 64 MiB hold. */
static uint32_t many_pages(struct gpu *gpu)
{
	VkBuffer probe = gpu_sparse_buffer(gpu, 4, gpu_residency(gpu));
	VkDeviceSize page = vku_buffer_requirements(&gpu->vk, probe).alignment;
	VkDeviceSize count = (VkDeviceSize)(64 << 20) / page;

	vkDestroyBuffer(gpu->vk.device, probe, NULL);
	return count < PAGES_MAX ? (uint32_t)count : PAGES_MAX;
}

static void run_many(struct gpu *gpu, const void *data)
{
	const enum order *order = data;
	uint32_t places[PAGES_MAX], memory[PAGES_MAX];
	VkSparseMemoryBind binds[PAGES_MAX];
	uint32_t count = many_pages(gpu);
	unsigned seed = 1;
	struct pages p;

	pages_init(gpu, &p, count, count, gpu_residency(gpu));
	fill_order(places, count, *order >= SHUFFLED, &seed);
	fill_order(memory, count, *order == SCATTERED, &seed);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = places[*order == REVERSED ? count - 1 - i : i];
		binds[i] = pages_bind(&p, at, 1, (int)memory[at]);
	}
	gpu_bind_buffer(gpu, p.buffer, binds, count);
	pages_verify(&p);
	pages_finish(&p);
}

/* to[i] = from[i] + 1, through addresses. */
struct address_push {
	uint64_t from, to;
	uint32_t count;
};

static void create_address_program(struct gpu *gpu, struct vku_program *program)
{
	static const enum spv_type push[] = { SPV_ADDRESS, SPV_ADDRESS, SPV_U32 };
	struct spv s;

	spv_begin(&s, 64);
	spv_push_constants(&s, push, 3);
	spv_id i = spv_invocation(&s);
	spv_id inside = spv_if(&s, spv_compare(&s, SpvOpULessThan, i, spv_push_constant(&s, 2)));
	spv_id word = spv_address_read(&s, spv_push_constant(&s, 0), i, SPV_U32);
	word = spv_op(&s, SpvOpIAdd, word, spv_u32(&s, 1));
	spv_address_write(&s, spv_push_constant(&s, 1), i, word);
	spv_end_if(&s, inside);
	spv_end(&s);
	vku_program_init(&gpu->vk, program, s.code, s.code_size, 0, sizeof(struct address_push));
	spv_finish(&s);
}

/* Page 3 has memory page 7, page 9 memory page 2. The shader turns page 9 into page 3 plus one. */
static void run_address(struct gpu *gpu, const void *data)
{
	struct vku_program program;
	struct pages p;

	(void)data;
	require(gpu, RESIDENT);
	if (!gpu->has_addresses) {
		check_skip("the device does not report bufferDeviceAddress");
	}
	pages_init(gpu, &p, 64, 96, RESIDENT);
	pages_run(&p, "3+1=7 9+1=2");
	create_address_program(gpu, &program);
	VkDeviceAddress address = vku_buffer_address(&gpu->vk, p.buffer);
	const struct address_push push = {
		.from = address + 3 * p.pool.page,
		.to = address + 9 * p.pool.page,
		.count = (uint32_t)(p.pool.page / 4),
	};
	VkCommandBuffer commands = vku_begin(&gpu->vk);
	vku_dispatch(commands, &program, VK_NULL_HANDLE, &push, (push.count + 63) / 64);
	gpu_submit(gpu, commands);

	check_step("After a shader wrote through device addresses: ");
	gpu_read(gpu, p.pool.view, 2 * p.pool.page, p.pool.page, p.words);
	for (uint32_t i = 0; i < push.count; i++) {
		uint32_t expected = gpu_pattern(7 * push.count + i, p.seeds[7]) + 1;
		if (p.words[i] != expected) {
			check_fail("memory page 2 has 0x%08x at byte %u, not 0x%08x", p.words[i],
				i * 4, expected);
		}
	}
	vku_program_finish(&gpu->vk, &program);
	pages_finish(&p);
}

#define SCRIPT(name, title, flags, text) \
	{ \
		name, title, run_script, &(const struct script){ flags, text }, false \
	}
#define MANY(name, title, value) \
	{ \
		name, title, run_many, &(const enum order){ value }, false \
	}

const struct check vmb_buffer_checks[] = {
	SCRIPT("buffer.bind", "A buffer bound as a whole reads and writes its memory", 0,
		"0+64=0; 0+64=32"),
	SCRIPT("buffer.partial", "Single pages can be bound", RESIDENT,
		"3+1=5; 10+2=20 63+1=40; 0+1=0"),
	SCRIPT("buffer.rebind", "Memory that is bound elsewhere keeps its contents", RESIDENT,
		"0+64=0; 8+8=70; 8+8=8; 20+4=64 0+2=90; 0+64=16; 0+64=0"),
	SCRIPT("buffer.null", "A NULL bind unbinds its range and nothing beside it", RESIDENT,
		"0+64=0; 24+16=-; 5+1=-; 0+2=- 62+2=-; 24+1=64; 1+62=-; 0+64=10"),
	SCRIPT("buffer.alias", "One page of memory can be bound twice", RESIDENT | ALIASED,
		"0+4=0; 4+4=0; 60+1=2 61+1=2; 0+4=-; 4+4=-"),
	{ "buffer.unbound", "Access to unbound pages harms nothing", run_unbound, NULL, false },
	MANY("buffer.many.in-order", "Many binds in one call, in order", IN_ORDER),
	MANY("buffer.many.reversed", "Many binds in one call, last page first", REVERSED),
	MANY("buffer.many.shuffled", "Many binds in one call, in any order", SHUFFLED),
	MANY("buffer.many.scattered", "Many binds in one call, to scattered memory", SCATTERED),
	{ "buffer.address", "Shaders reach bound pages by device addresses", run_address, NULL,
		false },
	{ 0 },
};
