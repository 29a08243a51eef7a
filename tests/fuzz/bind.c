/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include "input.h"
#include "provide/bind.h"
#include "provide/memory.h"
#include "provide/resource.h"

/*
 * VkBindSparseInfo of any binds, through the planning of vkQueueBindSparse. The model applies the
 * binds block by block. Checks that
 * - the ops of the plan give every block what the last bind of the block gives it;
 * - the ops do not overlap and are the fewest, unless binds overlap;
 * - a batch with an invalid bind is refused, and a valid one is not.
 */

#define GRANULARITY UINT64_C(65536)
#define BLOCKS 64
#define RESOURCES 4 /* two buffers and two images */
#define MEMORIES 3
#define MAX_BINDS 16

/* The block is untouched, without memory, or at an offset in a backing. */
struct block {
	bool is_touched;
	uint32_t backing; /* 0: none */
	uint64_t offset;
};

/* Two binds of the batch name the same block. */
static bool overlaps;

static struct {
	struct vmb_instance instance;
	struct vmb_physical_device physical;
	struct vmb_device device;
	struct vmb_vm vm;
	struct vmb_provide provide;
	struct vmb_resource resources[RESOURCES];
	struct vmb_memory memories[MEMORIES];
} world;
static struct block blocks[RESOURCES][BLOCKS];

/* Linked with --wrap=vmb_log. */
void __wrap_vmb_log(enum vmb_log_level chosen, enum vmb_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void __wrap_vmb_log(enum vmb_log_level chosen, enum vmb_log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;

	(void)chosen;
	(void)level;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
}

/* Handles: resource 1 and 2 are buffers, 3 and 4 images; memory 1 to 3. Others do not exist. */
static void make_world(void)
{
	world.physical.instance = &world.instance;
	world.device.physical = &world.physical;
	world.vm.granularity = GRANULARITY;
	world.provide.device = &world.device;
	world.provide.vm = &world.vm;
	for (size_t i = 0; i < RESOURCES; i++) {
		struct vmb_resource *resource = &world.resources[i];
		resource->provide = &world.provide;
		resource->reservation = (struct vmb_reservation){
			.va = (i + 1) * BLOCKS * GRANULARITY,
			.size = (BLOCKS - i) * GRANULARITY,
		};
		expect(vmb_map_insert(i < 2 ? &world.provide.buffers : &world.provide.images, i + 1,
			       resource) == 0,
			"out of memory");
	}
	for (size_t i = 0; i < MEMORIES; i++) {
		world.memories[i].provide = &world.provide;
		world.memories[i].backing = (struct vmb_backing){
			.id = (uint32_t)i + 1,
			.offset = i * BLOCKS * GRANULARITY,
			.size = (BLOCKS >> i) * GRANULARITY,
		};
		expect(vmb_map_insert(&world.provide.memories, i + 1, &world.memories[i]) == 0,
			"out of memory");
	}
}

/* Mostly whole blocks in range. */
static uint64_t take_bytes(struct input *input)
{
	return input_rarely(input) ? input_u64(input) : input_below(input, BLOCKS) * GRANULARITY;
}

static VkSparseMemoryBind take_bind(struct input *input)
{
	VkSparseMemoryBind bind = {
		.resourceOffset = take_bytes(input),
		.size = take_bytes(input),
		.memoryOffset = take_bytes(input),
	};
	size_t memory = input_below(input, 16);

	/* Half of the binds have a few blocks. */
	if (memory & 1) {
		bind.size %= 5 * GRANULARITY;
		bind.memoryOffset %= 5 * GRANULARITY;
	}
	bind.memory = (VkDeviceMemory)(memory < 15 ? memory % (MEMORIES + 1) : memory);
	if (input_rarely(input)) {
		bind.flags = VK_SPARSE_MEMORY_BIND_METADATA_BIT;
	}
	if (input_rarely(input)) {
		bind.size -= input_u8(input);
	}
	return bind;
}

/* Applies a bind to the model. False if the bind is invalid. */
static bool apply(size_t index, const VkSparseMemoryBind *bind)
{
	uint64_t total = world.resources[index].reservation.size;
	uint64_t memory = (uint64_t)bind->memory;
	uint64_t size = bind->size;

	if (bind->flags || bind->resourceOffset % GRANULARITY || bind->resourceOffset > total ||
		size > total - bind->resourceOffset) {
		return false;
	}
	/* The last bind may end at the size of the buffer or image. */
	if (size % GRANULARITY) {
		size += GRANULARITY - size % GRANULARITY;
		if (bind->resourceOffset + size != total) {
			return false;
		}
	}
	if (memory &&
		(memory > MEMORIES || bind->memoryOffset % GRANULARITY ||
			bind->memoryOffset > world.memories[memory - 1].backing.size ||
			size > world.memories[memory - 1].backing.size - bind->memoryOffset)) {
		return false;
	}
	for (uint64_t at = 0; at < size; at += GRANULARITY) {
		struct block *block = &blocks[index][(bind->resourceOffset + at) / GRANULARITY];
		overlaps |= block->is_touched;
		*block = (struct block){ .is_touched = true, .backing = (uint32_t)memory };
		if (memory) {
			block->offset = world.memories[memory - 1].backing.offset +
				bind->memoryOffset + at;
		}
	}
	return true;
}

/* Applies an op to the planned blocks. */
static void apply_op(const struct vmb_op *op, struct block planned[RESOURCES][BLOCKS])
{
	size_t index = (size_t)((struct vmb_resource *)(uintptr_t)op->resource - world.resources);

	expect(index < RESOURCES && op->kind != VMB_OP_UNMAP && op->size, "an invalid op");
	uint64_t from = op->va - world.resources[index].reservation.va;
	expect(from % GRANULARITY == 0 && op->size % GRANULARITY == 0 &&
			from + op->size <= world.resources[index].reservation.size,
		"an op outside the resource");
	for (uint64_t at = 0; at < op->size; at += GRANULARITY) {
		struct block *block = &planned[index][(from + at) / GRANULARITY];
		expect(overlaps || !block->is_touched, "two ops overlap");
		*block = (struct block){ .is_touched = true };
		if (op->kind == VMB_OP_MAP) {
			block->backing = op->backing;
			block->offset = op->offset + at;
		}
	}
}

static bool continues(const struct block *low, const struct block *high)
{
	return low->is_touched && low->backing == high->backing &&
		(low->backing == 0 || low->offset + GRANULARITY == high->offset);
}

static void check_plan(const struct vmb_plan *plan)
{
	static struct block planned[RESOURCES][BLOCKS];
	size_t fewest = 0;

	memset(planned, 0, sizeof(planned));
	for (size_t i = 0; i < plan->count; i++) {
		apply_op(&plan->ops[i], planned);
	}
	for (size_t i = 0; i < RESOURCES; i++) {
		for (size_t j = 0; j < BLOCKS; j++) {
			const struct block *block = &blocks[i][j], *other = &planned[i][j];
			expect(block->is_touched == other->is_touched &&
					block->backing == other->backing &&
					block->offset == other->offset,
				"a block has unexpected memory");
			fewest += block->is_touched && !(j && continues(block - 1, block));
		}
	}
	expect(overlaps || plan->count == fewest, "fewer ops have the same effect");
}

/* Binds of one buffer or image. */
static bool take_binds(
	struct input *input, size_t index, VkSparseMemoryBind *binds, uint32_t *count)
{
	bool is_valid = index < RESOURCES;

	*count = (uint32_t)input_below(input, MAX_BINDS + 1);
	for (uint32_t i = 0; i < *count; i++) {
		binds[i] = take_bind(input);
		is_valid = is_valid && apply(index, &binds[i]);
	}
	return is_valid;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	VkSparseMemoryBind binds[2 * 3][MAX_BINDS];
	VkSparseBufferMemoryBindInfo buffers[3];
	VkSparseImageOpaqueMemoryBindInfo images[3];
	VkSparseImageMemoryBindInfo unsupported = { .bindCount = input_rarely(&input) };
	VkBindSparseInfo info = {
		.bufferBindCount = (uint32_t)input_below(&input, 4),
		.pBufferBinds = buffers,
		.imageOpaqueBindCount = (uint32_t)input_below(&input, 4),
		.pImageOpaqueBinds = images,
		.imageBindCount = 1,
		.pImageBinds = &unsupported,
	};
	bool is_valid = unsupported.bindCount == 0;
	struct vmb_plan plan;

	if (!world.vm.granularity) {
		make_world();
	}
	memset(blocks, 0, sizeof(blocks));
	overlaps = false;
	for (uint32_t i = 0; i < info.bufferBindCount; i++) {
		size_t index = input_rarely(&input) ? RESOURCES : input_below(&input, 2);
		buffers[i].buffer = (VkBuffer)(index + 1);
		buffers[i].pBinds = binds[i];
		is_valid &= take_binds(&input, index, binds[i], &buffers[i].bindCount);
	}
	for (uint32_t i = 0; i < info.imageOpaqueBindCount; i++) {
		size_t index = 2 + input_below(&input, 2);
		images[i].image = (VkImage)(index + 1);
		images[i].pBinds = binds[3 + i];
		is_valid &= take_binds(&input, index, binds[3 + i], &images[i].bindCount);
	}
	vmb_plan_init(&plan);
	VkResult result = vmb_bind_plan(&world.provide, &info, &plan);
	expect((result == VK_SUCCESS) == is_valid, "unexpected result");
	if (result == VK_SUCCESS) {
		check_plan(&plan);
	}
	vmb_plan_finish(&plan);
	return 0;
}
