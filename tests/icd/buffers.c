/* SPDX-License-Identifier: MIT */
#include "icd.h"
#include "shaders.h"

#include <stdlib.h>
#include <string.h>

/* Sparse buffers: flags, sizes, requirements, resident memory and GPU access. */

#define TRANSFER (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT)

static const VkBufferCreateFlags all_flags[] = {
	VK_BUFFER_CREATE_SPARSE_BINDING_BIT,
	VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT,
	VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_ALIASED_BIT,
	ICD_SPARSE_BUFFER,
};

static const VkBufferUsageFlags all_usages[] = {
	0,
	VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT,
	VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT,
	VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT,
	VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
	VK_BUFFER_USAGE_INDEX_BUFFER_BIT,
	VK_BUFFER_USAGE_VERTEX_BUFFER_BIT,
	VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT,
	VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT,
	VKU_ALL_BUFFER_USAGE,
	VKU_ALL_BUFFER_USAGE | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT,
};

static VkMemoryRequirements checked_requirements(
	const struct vku *vk, VkBuffer buffer, VkDeviceSize size)
{
	VkMemoryRequirements r = vku_buffer_requirements(vk, buffer);

	EXPECT(r.alignment > 0 && (r.alignment & (r.alignment - 1)) == 0);
	EXPECT(r.size >= size);
	EXPECT_EQ(r.size % r.alignment, 0);
	EXPECT(r.size - size < r.alignment + 4096);
	EXPECT(r.memoryTypeBits != 0);
	return r;
}

static void check_whole_buffer(const struct vku *vk, VkBufferCreateFlags flags, VkDeviceSize size,
	VkBufferUsageFlags usage)
{
	VkBuffer buffer = vku_create_buffer(vk, flags, size, usage | TRANSFER);
	VkMemoryRequirements r = checked_requirements(vk, buffer, size);
	VkDeviceMemory memory = vku_allocate(vk, r.size, r.memoryTypeBits);
	const VkSparseMemoryBind bind = { .size = r.size, .memory = memory };
	uint32_t word = 0xc0de0000 + (uint32_t)size;

	vku_bind_buffer(vk, buffer, &bind, 1);
	/* vkCmdFillBuffer takes whole words. */
	if (size >= 4) {
		vku_fill(vk, buffer, 0, VK_WHOLE_SIZE, word);
		icd_expect_filled(vk, buffer, 0, size & ~(VkDeviceSize)3, word);
		EXPECT_EQ(*(uint32_t *)vku_map(vk, memory), word);
	}
	vkDestroyBuffer(vk->device, buffer, NULL);
	vkFreeMemory(vk->device, memory, NULL);
}

static void all_flags_and_usages(void **state)
{
	struct vku *vk = *state;

	for (size_t f = 0; f < COUNT(all_flags); f++) {
		for (size_t u = 0; u < COUNT(all_usages); u++) {
			check_whole_buffer(vk, all_flags[f], 70000, all_usages[u]);
		}
	}
}

static void all_sizes(void **state)
{
	static const VkDeviceSize sizes[] = { 1, 3, 4, 4095, 4096, 4097, 65532, 65536, 65540,
		1000000, 1 << 20, 16777212, 100000000 };
	struct vku *vk = *state;

	for (size_t i = 0; i < COUNT(sizes); i++) {
		check_whole_buffer(vk, ICD_SPARSE_BUFFER, sizes[i], 0);
	}
}

/* Binds the first page, a page in the middle and the last page of a large buffer. */
static void check_large_buffer(const struct vku *vk, VkDeviceSize size)
{
	VkBuffer buffer = vku_create_buffer(
		vk, ICD_SPARSE_BUFFER, size, TRANSFER | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
	VkMemoryRequirements r = checked_requirements(vk, buffer, size);
	VkDeviceSize page = r.alignment;
	VkDeviceMemory memory = vku_allocate(vk, 3 * page, r.memoryTypeBits);
	char *map = vku_map(vk, memory);
	VkSparseMemoryBind binds[3];

	for (uint32_t i = 0; i < 3; i++) {
		binds[i] = (VkSparseMemoryBind){
			.resourceOffset = (r.size / page - 1) * i / 2 * page,
			.size = page,
			.memory = memory,
			.memoryOffset = i * page,
		};
	}
	vku_bind_buffer(vk, buffer, binds, 3);
	for (uint32_t i = 0; i < 3; i++) {
		/* The buffer may end within its last page. */
		VkDeviceSize left = (size - binds[i].resourceOffset) & ~(VkDeviceSize)3;
		VkDeviceSize length = left < page ? left : page;
		vku_fill(vk, buffer, binds[i].resourceOffset, length, 0xb16b0000 + i);
		icd_expect_filled(vk, buffer, binds[i].resourceOffset, length, 0xb16b0000 + i);
	}
	for (uint32_t i = 0; i < 3; i++) {
		EXPECT_EQ(*(uint32_t *)(map + i * page), 0xb16b0000 + i);
	}
	vkDestroyBuffer(vk->device, buffer, NULL);
	vkFreeMemory(vk->device, memory, NULL);
}

static void three_gib(void **state)
{
	struct vku *vk = *state;
	const VkDeviceSize size = (VkDeviceSize)3 << 30;

	if (ICD_IS_32_BIT || icd_buffer_size(vk, size) < size) {
		skip();
	}
	check_large_buffer(vk, size);
}

static void largest_buffer(void **state)
{
	struct vku *vk = *state;
	/* The address space of a driver's own sparse resources may be smaller. */
	check_large_buffer(vk, icd_buffer_size(vk, vk->properties.limits.sparseAddressSpaceSize));
}

/* The buffers are far larger than memory. Only bound pages become resident. */
static void sixty_four_gib_together(void **state)
{
	enum {
		MAX_BUFFERS = 128
	};
	struct vku *vk = *state;
	const VkDeviceSize all = (VkDeviceSize)64 << 30;
	const VkDeviceSize size = icd_buffer_size(vk, (VkDeviceSize)2 << 30);
	const uint32_t count = (uint32_t)((all + size - 1) / size);
	VkBuffer buffers[MAX_BUFFERS];
	VkDeviceMemory memory = VK_NULL_HANDLE;
	VkMemoryRequirements r = { 0 };
	VkDeviceSize middle = 0;
	uint64_t before = icd_resident_bytes();

	EXPECT(count <= MAX_BUFFERS);
	if (vk->properties.limits.sparseAddressSpaceSize < count * size) {
		skip();
	}
	for (uint32_t i = 0; i < count; i++) {
		buffers[i] = vku_create_buffer(vk, ICD_SPARSE_BUFFER, size, TRANSFER);
		r = checked_requirements(vk, buffers[i], size);
		if (!memory) {
			memory = vku_allocate(vk, count * r.alignment, r.memoryTypeBits);
		}
		middle = size / 2 / r.alignment * r.alignment;
		const VkSparseMemoryBind bind = {
			.resourceOffset = middle,
			.size = r.alignment,
			.memory = memory,
			.memoryOffset = i * r.alignment,
		};
		vku_bind_buffer(vk, buffers[i], &bind, 1);
		vku_fill(vk, buffers[i], middle, r.alignment, i);
	}
	for (uint32_t i = 0; i < count; i++) {
		icd_expect_filled(vk, buffers[i], middle, r.alignment, i);
	}
	EXPECT(icd_resident_bytes() < before + (256 << 20));
	for (uint32_t i = 0; i < count; i++) {
		vkDestroyBuffer(vk->device, buffers[i], NULL);
	}
	vkFreeMemory(vk->device, memory, NULL);
}

/* A shader accesses a whole partly bound buffer. The bound pages get the right values. */
static void unbound_pages_are_harmless(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;
	struct vku_program number;
	VkSparseMemoryBind binds[2];

	icd_pages_init(vk, &p, 64, 2);
	icd_number_init(vk, &number);
	binds[0] = icd_page_bind(&p, 5, 1, 1);
	binds[1] = icd_page_bind(&p, 63, 1, 0);
	vku_bind_buffer(vk, p.buffer, binds, 2);

	const VkDescriptorBufferInfo whole = { p.buffer, 0, VK_WHOLE_SIZE };
	const struct icd_add_push push = { .count = 64 * p.page_words, .value = 7 };
	VkDescriptorSet set = vku_program_set(vk, &number, &whole);
	VkCommandBuffer commands = vku_begin(vk);
	vku_dispatch(commands, &number, set, &push, icd_groups(push.count));
	vku_submit(vk, commands);
	for (uint32_t i = 0; i < p.page_words; i++) {
		EXPECT_EQ(p.map[i], 63 * p.page_words + i + 7);
		EXPECT_EQ(p.map[p.page_words + i], 5 * p.page_words + i + 7);
	}
	/* Reading unbound pages is valid. The values read are undefined. */
	uint32_t *all = malloc(64 * p.page);
	EXPECT(all != NULL);
	vku_read(vk, p.buffer, 0, 64 * p.page, all);
	EXPECT(memcmp(all + 5 * p.page_words, p.map + p.page_words, p.page) == 0);
	EXPECT(memcmp(all + 63 * p.page_words, p.map, p.page) == 0);
	free(all);
	vku_program_finish(vk, &number);
	icd_pages_finish(vk, &p);
}

static void expect_same_requirements(const VkMemoryRequirements *a, const VkMemoryRequirements *b)
{
	EXPECT_EQ(a->size, b->size);
	EXPECT_EQ(a->alignment, b->alignment);
	EXPECT_EQ(a->memoryTypeBits, b->memoryTypeBits);
}

static void check_requirements(
	const struct vku *vk, const VkBufferCreateInfo *info, const char *get2, const char *device)
{
	VkBuffer buffer;
	VkMemoryRequirements plain;
	VkMemoryDedicatedRequirements dedicated = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS,
		.prefersDedicatedAllocation = VK_TRUE,
		.requiresDedicatedAllocation = VK_TRUE,
	};
	VkMemoryRequirements2 chained = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
		.pNext = &dedicated,
	};
	PFN_vkGetBufferMemoryRequirements2 get_requirements =
		(PFN_vkGetBufferMemoryRequirements2)vkGetDeviceProcAddr(vk->device, get2);
	PFN_vkGetDeviceBufferMemoryRequirements get_device_requirements =
		(PFN_vkGetDeviceBufferMemoryRequirements)vkGetDeviceProcAddr(vk->device, device);

	VKU_CHECK(vkCreateBuffer(vk->device, info, NULL, &buffer));
	vkGetBufferMemoryRequirements(vk->device, buffer, &plain);
	EXPECT(get_requirements != NULL);
	const VkBufferMemoryRequirementsInfo2 of_buffer = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2,
		.buffer = buffer,
	};
	get_requirements(vk->device, &of_buffer, &chained);
	expect_same_requirements(&plain, &chained.memoryRequirements);
	/* A sparse buffer cannot have a dedicated allocation. */
	EXPECT(!dedicated.requiresDedicatedAllocation);
	EXPECT(!dedicated.prefersDedicatedAllocation);

	if (get_device_requirements) {
		const VkDeviceBufferMemoryRequirements of_info = {
			.sType = VK_STRUCTURE_TYPE_DEVICE_BUFFER_MEMORY_REQUIREMENTS,
			.pCreateInfo = info,
		};
		chained.memoryRequirements = (VkMemoryRequirements){ 0 };
		get_device_requirements(vk->device, &of_info, &chained);
		expect_same_requirements(&plain, &chained.memoryRequirements);
	}
	vkDestroyBuffer(vk->device, buffer, NULL);
}

static void requirements_agree(void **state)
{
	static const char *const extensions[] = {
		VK_KHR_GET_MEMORY_REQUIREMENTS_2_EXTENSION_NAME,
		VK_KHR_MAINTENANCE_4_EXTENSION_NAME,
	};
	const struct vku_options options = {
		.device_extensions = extensions,
		.device_extension_count = COUNT(extensions),
	};
	struct vku vk;

	(void)state;
	vku_init(&vk, &options);
	for (size_t f = 0; f < COUNT(all_flags); f++) {
		for (VkDeviceSize size = 1; size == icd_buffer_size(&vk, size); size *= 13) {
			const VkBufferCreateInfo info = {
				.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
				.flags = all_flags[f],
				.size = size,
				.usage = VKU_ALL_BUFFER_USAGE,
			};
			check_requirements(&vk, &info, "vkGetBufferMemoryRequirements2",
				"vkGetDeviceBufferMemoryRequirements");
			check_requirements(&vk, &info, "vkGetBufferMemoryRequirements2KHR",
				"vkGetDeviceBufferMemoryRequirementsKHR");
		}
	}
	vku_finish(&vk);
}

/* Runs to[i] = from[i] + 1 on buffer device addresses. */
static void copy_by_address(
	const struct vku *vk, VkDeviceAddress from, VkDeviceAddress to, uint32_t count)
{
	const struct icd_address_push push = { .from = from, .to = to, .count = count };
	struct vku_program program;

	icd_address_init(vk, &program);
	VkCommandBuffer commands = vku_begin(vk);
	vku_dispatch(commands, &program, VK_NULL_HANDLE, &push, icd_groups(count));
	vku_submit(vk, commands);
	vku_program_finish(vk, &program);
}

static void addresses(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;
	struct vku_buffer plain;
	VkSparseMemoryBind bind;

	icd_pages_init(vk, &p, 8, 4);
	vku_buffer_init(vk, &plain, p.page);
	VkDeviceAddress address = vku_buffer_address(vk, p.buffer);
	EXPECT(address != 0);
	EXPECT_EQ(address % 256, 0);

	/* The shader reads the bound page through the address. */
	bind = icd_page_bind(&p, 3, 1, 2);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	EXPECT_EQ(vku_buffer_address(vk, p.buffer), address);
	copy_by_address(
		vk, address + 3 * p.page, vku_buffer_address(vk, plain.buffer), p.page_words);
	icd_expect_filled(vk, plain.buffer, 0, p.page, icd_stamp(2) + 1);

	/* The shader writes through the address to the newly bound memory. */
	bind = icd_page_bind(&p, 3, 1, 0);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	EXPECT_EQ(vku_buffer_address(vk, p.buffer), address);
	copy_by_address(
		vk, vku_buffer_address(vk, plain.buffer), address + 3 * p.page, p.page_words);
	icd_expect_memory(&p, 0, icd_stamp(2) + 2);
	icd_expect_memory(&p, 2, icd_stamp(2));

	/* The shader copies from one sparse page to another. */
	bind = icd_page_bind(&p, 7, 1, 1);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	copy_by_address(vk, address + 3 * p.page, address + 7 * p.page, p.page_words);
	icd_expect_memory(&p, 1, icd_stamp(2) + 3);
	EXPECT_EQ(vku_buffer_address(vk, p.buffer), address);
	vku_buffer_finish(vk, &plain);
	icd_pages_finish(vk, &p);
}

static void addresses_do_not_overlap(void **state)
{
	struct vku *vk = *state;
	const VkDeviceSize size = 16 << 20;
	VkDeviceAddress all[16];
	VkBuffer buffers[16];

	for (size_t i = 0; i < COUNT(all); i++) {
		buffers[i] = vku_create_buffer(
			vk, ICD_SPARSE_BUFFER, size, VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT);
		all[i] = vku_buffer_address(vk, buffers[i]);
		for (size_t j = 0; j < i; j++) {
			EXPECT(all[i] + size <= all[j] || all[j] + size <= all[i]);
		}
	}
	for (size_t i = 0; i < COUNT(all); i++) {
		vkDestroyBuffer(vk->device, buffers[i], NULL);
	}
}

/* An indirect dispatch reads its size from a sparse page, before and after a rebind. */
static void indirect_dispatch(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;
	struct vku_buffer result;
	struct vku_program add;

	icd_pages_init(vk, &p, 2, 2);
	vku_buffer_init(vk, &result, 65536);
	memset(result.map, 0, 65536);
	icd_add_init(vk, &add);
	const VkDescriptorBufferInfo whole = { result.buffer, 0, VK_WHOLE_SIZE };
	VkDescriptorSet set = vku_program_set(vk, &add, &whole);
	for (uint32_t page = 0; page < 2; page++) {
		const VkDispatchIndirectCommand size = { page + 1, 1, 1 };
		const struct icd_add_push push = { .count = 65536 / 4, .value = 1 };
		VkSparseMemoryBind bind = icd_page_bind(&p, 1, 1, page);

		memcpy(p.map + page * p.page_words, &size, sizeof(size));
		vku_bind_buffer(vk, p.buffer, &bind, 1);
		VkCommandBuffer commands = vku_begin(vk);
		vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, add.pipeline);
		vkCmdBindDescriptorSets(
			commands, VK_PIPELINE_BIND_POINT_COMPUTE, add.layout, 0, 1, &set, 0, NULL);
		vkCmdPushConstants(
			commands, add.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(push), &push);
		vkCmdDispatchIndirect(commands, p.buffer, p.page);
		vku_submit(vk, commands);
	}
	const uint32_t *words = result.map;
	EXPECT_EQ(words[0], 2);
	EXPECT_EQ(words[ICD_GROUP - 1], 2);
	EXPECT_EQ(words[ICD_GROUP], 1);
	EXPECT_EQ(words[2 * ICD_GROUP - 1], 1);
	EXPECT_EQ(words[2 * ICD_GROUP], 0);
	vku_program_finish(vk, &add);
	vku_buffer_finish(vk, &result);
	icd_pages_finish(vk, &p);
}

/* The range of one descriptor spans pages bound to different memory. */
static void descriptor_of_a_range(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;
	struct vku_program add;
	VkSparseMemoryBind binds[2];

	icd_pages_init(vk, &p, 6, 4);
	icd_add_init(vk, &add);
	binds[0] = icd_page_bind(&p, 2, 1, 3);
	binds[1] = icd_page_bind(&p, 3, 1, 0);
	vku_bind_buffer(vk, p.buffer, binds, 2);
	const VkDescriptorBufferInfo range = { p.buffer, 2 * p.page, 2 * p.page };
	const struct icd_add_push push = { .count = 2 * p.page_words, .value = 5 };
	VkDescriptorSet set = vku_program_set(vk, &add, &range);
	VkCommandBuffer commands = vku_begin(vk);
	vku_dispatch(commands, &add, set, &push, icd_groups(push.count));
	vku_submit(vk, commands);
	icd_expect_memory(&p, 3, icd_stamp(3) + 5);
	icd_expect_memory(&p, 0, icd_stamp(0) + 5);
	icd_expect_memory(&p, 1, icd_stamp(1));
	icd_expect_memory(&p, 2, icd_stamp(2));
	vku_program_finish(vk, &add);
	icd_pages_finish(vk, &p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(all_flags_and_usages),
		SCENARIO(all_sizes),
		SCENARIO(three_gib),
		SCENARIO(largest_buffer),
		SCENARIO(sixty_four_gib_together),
		SCENARIO(unbound_pages_are_harmless),
		SCENARIO_BARE(requirements_agree),
		SCENARIO(addresses),
		SCENARIO(addresses_do_not_overlap),
		SCENARIO(indirect_dispatch),
		SCENARIO(descriptor_of_a_range),
	};

	return ICD_RUN(tests, argc, argv);
}
