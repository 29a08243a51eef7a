/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <sys/mman.h>
#include <unistd.h>

#include "input.h"
#include "vk/chain.h"

/*
 * pNext chains of known and unknown structures, of any size and at any place in memory. The memory
 * after some structures is not mapped. Checks that
 * - vmb_chain_find() finds the first structure of a type;
 * - a copy has the types of the original in the same order, the copied structures have the bytes of
 *   the originals, and the rest of the chain is the original's;
 * - the original is unchanged.
 */

#define MAX_NODES 12
#define SLOT_PAGES 3
#define MAX_SIZE 6000

static const VkStructureType listed[] = {
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
};
#define LISTED (sizeof(listed) / sizeof(listed[0]))

struct node {
	VkBaseOutStructure *at;
	size_t size;
	unsigned char saved[MAX_SIZE];
};

static struct node nodes[MAX_NODES];
static size_t page;
/* A slot for each node: pages, and one page that is not mapped. */
static unsigned char *slots;

static void map_slots(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	size_t slot = (SLOT_PAGES + 1) * page;

	slots = mmap(NULL, MAX_NODES * slot, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(slots != MAP_FAILED, "out of memory");
	for (size_t i = 0; i < MAX_NODES; i++) {
		expect(mprotect(slots + i * slot, SLOT_PAGES * page, PROT_READ | PROT_WRITE) == 0,
			"out of memory");
	}
}

static VkStructureType take_type(struct input *input)
{
	size_t choice = input_below(input, 8);

	if (choice < LISTED) {
		return listed[choice];
	}
	return choice < 6 ? (VkStructureType)input_u8(input) : (VkStructureType)input_u32(input);
}

static size_t make_chain(struct input *input)
{
	size_t count = input_below(input, MAX_NODES + 1);

	for (size_t i = 0; i < count; i++) {
		struct node *node = &nodes[i];
		size_t slot = (SLOT_PAGES + 1) * page;
		node->size = sizeof(VkBaseOutStructure);
		node->size += (input_u8(input) | (input_u8(input) & 7u) << 8) * sizeof(void *) %
			(MAX_SIZE - sizeof(VkBaseOutStructure));
		node->size -= node->size % sizeof(void *);
		size_t end = SLOT_PAGES * page;
		if (input_u8(input) & 1) {
			end -= input_u8(input) * sizeof(void *);
		}
		node->at = (void *)(slots + i * slot + end - node->size);
		memset(node->at, 1 + input_u8(input), node->size);
		node->at->sType = take_type(input);
		node->at->pNext = NULL;
		if (i) {
			nodes[i - 1].at->pNext = node->at;
		}
	}
	for (size_t i = 0; i < count; i++) {
		memcpy(nodes[i].saved, nodes[i].at, nodes[i].size);
	}
	return count;
}

static void check_find(size_t count, VkStructureType type)
{
	const void *chain = count ? nodes[0].at : NULL;
	const void *expected = NULL;

	for (size_t i = 0; i < count && !expected; i++) {
		expected = nodes[i].at->sType == type ? nodes[i].at : NULL;
	}
	expect(vmb_chain_find(chain, type) == expected, "the first structure is wrong");
	expect(vmb_chain_find_out(count ? nodes[0].at : NULL, type) == expected,
		"the first structure to write to is wrong");
}

static size_t count_copied(size_t count, const VkStructureType *types, size_t type_count)
{
	size_t copied = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < type_count; j++) {
			copied = nodes[i].at->sType == types[j] ? i + 1 : copied;
		}
	}
	return copied;
}

static void check_copy(const struct vmb_chain *copy, size_t count, size_t copied)
{
	const VkBaseInStructure *at = copy->head;
	const size_t header = sizeof(VkBaseInStructure);

	for (size_t i = 0; i < count; i++, at = at->pNext) {
		expect(at, "the copy is too short");
		expect((at != (const void *)nodes[i].at) == (i < copied),
			"the wrong structures are copied");
		expect(at->sType == nodes[i].at->sType, "the copy has an unexpected type");
		size_t size = nodes[i].size < 4096 ? nodes[i].size : 4096;
		expect(memcmp((const char *)at + header, nodes[i].saved + header, size - header) ==
				0,
			"the copy has unexpected bytes");
	}
	expect(!at, "the copy is too long");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct vmb_chain copy;

	if (!slots) {
		map_slots();
	}
	size_t type_count = input_below(&input, LISTED + 1);
	size_t count = make_chain(&input);
	check_find(count, take_type(&input));
	expect(vmb_chain_copy(&copy, count ? nodes[0].at : NULL, listed, type_count) == VK_SUCCESS,
		"the chain cannot be copied");
	check_copy(&copy, count, count_copied(count, listed, type_count));
	for (size_t i = 0; i < count; i++) {
		expect(memcmp(nodes[i].at, nodes[i].saved, nodes[i].size) == 0,
			"the original chain was changed");
	}
	vmb_chain_finish(&copy);
	return 0;
}
