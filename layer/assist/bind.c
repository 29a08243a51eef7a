/* SPDX-License-Identifier: MIT */
#include "assist/assist.h"

#include <stdlib.h>

/* How large a copy of binds gets. */
struct sizes {
	size_t infos;
	size_t buffers;
	size_t opaques;
	size_t images;
	size_t binds;
	size_t image_binds;
	bool has_holes; /* some bind is one of no memory */
};

/* Calls of a few binds are the most frequent: theirs are copied without a malloc(), which would take
 * longer than all the rest that the layer does in them. */
#define FEW_INFOS 4
#define FEW_BINDS 16

/* A copy, filled from the front; every array is as long as the sizes say. */
struct copy {
	VkBindSparseInfo *infos;
	VkSparseBufferMemoryBindInfo *buffers;
	VkSparseImageOpaqueMemoryBindInfo *opaques;
	VkSparseImageMemoryBindInfo *images;
	VkSparseMemoryBind *binds;
	VkSparseImageMemoryBind *image_binds;
	void *memory; /* behind the arrays, if they are not the few */
	struct {
		VkBindSparseInfo infos[FEW_INFOS];
		VkSparseBufferMemoryBindInfo buffers[FEW_INFOS];
		VkSparseImageOpaqueMemoryBindInfo opaques[FEW_INFOS];
		VkSparseImageMemoryBindInfo images[FEW_INFOS];
		VkSparseMemoryBind binds[FEW_BINDS];
		VkSparseImageMemoryBind image_binds[FEW_BINDS];
	} few;
};

static void measure_binds(struct sizes *sizes, uint32_t count, const VkSparseMemoryBind *binds)
{
	sizes->binds += count;
	for (uint32_t i = 0; i < count && !sizes->has_holes; i++) {
		sizes->has_holes = !binds[i].memory;
	}
}

static void measure_image_binds(
	struct sizes *sizes, uint32_t count, const VkSparseImageMemoryBind *binds)
{
	sizes->image_binds += count;
	for (uint32_t i = 0; i < count && !sizes->has_holes; i++) {
		sizes->has_holes = !binds[i].memory;
	}
}

static struct sizes measure(uint32_t count, const VkBindSparseInfo *infos)
{
	struct sizes sizes = { .infos = count };

	for (uint32_t i = 0; i < count; i++) {
		const VkBindSparseInfo *info = &infos[i];
		sizes.buffers += info->bufferBindCount;
		sizes.opaques += info->imageOpaqueBindCount;
		sizes.images += info->imageBindCount;
		for (uint32_t j = 0; j < info->bufferBindCount; j++) {
			measure_binds(&sizes, info->pBufferBinds[j].bindCount,
				info->pBufferBinds[j].pBinds);
		}
		for (uint32_t j = 0; j < info->imageOpaqueBindCount; j++) {
			measure_binds(&sizes, info->pImageOpaqueBinds[j].bindCount,
				info->pImageOpaqueBinds[j].pBinds);
		}
		for (uint32_t j = 0; j < info->imageBindCount; j++) {
			measure_image_binds(&sizes, info->pImageBinds[j].bindCount,
				info->pImageBinds[j].pBinds);
		}
	}
	return sizes;
}

static bool are_few(const struct sizes *sizes)
{
	return sizes->infos <= FEW_INFOS && sizes->buffers <= FEW_INFOS &&
		sizes->opaques <= FEW_INFOS && sizes->images <= FEW_INFOS &&
		sizes->binds <= FEW_BINDS && sizes->image_binds <= FEW_BINDS;
}

static void copy_init_few(struct copy *copy)
{
	copy->infos = copy->few.infos;
	copy->buffers = copy->few.buffers;
	copy->opaques = copy->few.opaques;
	copy->images = copy->few.images;
	copy->binds = copy->few.binds;
	copy->image_binds = copy->few.image_binds;
	copy->memory = NULL;
}

/* A copy must not be moved. False if memory is short. */
static bool copy_init(struct copy *copy, const struct sizes *sizes)
{
	if (are_few(sizes)) {
		copy_init_few(copy);
		return true;
	}
	/* All element types have the alignment of a 64-bit handle. */
	char *memory = malloc(sizes->infos * sizeof(*copy->infos) +
		sizes->buffers * sizeof(*copy->buffers) + sizes->opaques * sizeof(*copy->opaques) +
		sizes->images * sizeof(*copy->images) + sizes->binds * sizeof(*copy->binds) +
		sizes->image_binds * sizeof(*copy->image_binds));
	if (!memory) {
		return false;
	}
	copy->memory = memory;
	copy->binds = (VkSparseMemoryBind *)memory;
	copy->image_binds = (VkSparseImageMemoryBind *)(copy->binds + sizes->binds);
	copy->buffers = (VkSparseBufferMemoryBindInfo *)(copy->image_binds + sizes->image_binds);
	copy->opaques = (VkSparseImageOpaqueMemoryBindInfo *)(copy->buffers + sizes->buffers);
	copy->images = (VkSparseImageMemoryBindInfo *)(copy->opaques + sizes->opaques);
	copy->infos = (VkBindSparseInfo *)(copy->images + sizes->images);
	return true;
}

static void copy_finish(struct copy *copy)
{
	free(copy->memory);
}

/*
 * Where in the hole a bind lies does not matter to the kernel, which never sees it, but to the
 * driver: it makes one op of binds whose ranges and memory are neighbours.
 */
static const VkSparseMemoryBind *copy_binds(
	struct copy *copy, VkDeviceMemory hole, uint32_t count, const VkSparseMemoryBind *binds)
{
	VkSparseMemoryBind *out = copy->binds;

	copy->binds += count;
	for (uint32_t i = 0; i < count; i++) {
		out[i] = binds[i];
		if (!out[i].memory) {
			out[i].memory = hole;
			out[i].memoryOffset = out[i].resourceOffset;
		}
	}
	return out;
}

/* As above; for binds of one block each, which panvk has of 64 KiB. */
static const VkSparseImageMemoryBind *copy_image_binds(struct copy *copy, VkDeviceMemory hole,
	uint32_t count, const VkSparseImageMemoryBind *binds)
{
	const VkDeviceSize block = 65536;
	VkSparseImageMemoryBind *out = copy->image_binds;

	copy->image_binds += count;
	for (uint32_t i = 0; i < count; i++) {
		out[i] = binds[i];
		if (!out[i].memory) {
			out[i].memory = hole;
			out[i].memoryOffset = i * block;
		}
	}
	return out;
}

static void copy_info(struct copy *copy, VkDeviceMemory hole, VkBindSparseInfo *info)
{
	VkSparseBufferMemoryBindInfo *buffers = copy->buffers;
	VkSparseImageOpaqueMemoryBindInfo *opaques = copy->opaques;
	VkSparseImageMemoryBindInfo *images = copy->images;

	for (uint32_t i = 0; i < info->bufferBindCount; i++) {
		*copy->buffers = info->pBufferBinds[i];
		copy->buffers->pBinds = copy_binds(
			copy, hole, copy->buffers->bindCount, copy->buffers->pBinds);
		copy->buffers++;
	}
	for (uint32_t i = 0; i < info->imageOpaqueBindCount; i++) {
		*copy->opaques = info->pImageOpaqueBinds[i];
		copy->opaques->pBinds = copy_binds(
			copy, hole, copy->opaques->bindCount, copy->opaques->pBinds);
		copy->opaques++;
	}
	for (uint32_t i = 0; i < info->imageBindCount; i++) {
		*copy->images = info->pImageBinds[i];
		copy->images->pBinds = copy_image_binds(
			copy, hole, copy->images->bindCount, copy->images->pBinds);
		copy->images++;
	}
	info->pBufferBinds = buffers;
	info->pImageOpaqueBinds = opaques;
	info->pImageBinds = images;
}

VkResult vmb_assist_bind(struct vmb_device *device, VkQueue queue, uint32_t count,
	const VkBindSparseInfo *infos, VkFence fence)
{
	const struct sizes sizes = measure(count, infos);
	struct copy copy;

	vmb_count(&device->stats.bind_calls, 1);
	vmb_count(&device->stats.batches, count);
	vmb_count(&device->stats.binds, sizes.binds + sizes.image_binds);
	if (!sizes.has_holes) {
		return device->next.QueueBindSparse(queue, count, infos, fence);
	}
	if (!copy_init(&copy, &sizes)) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkBindSparseInfo *copied = copy.infos;
	for (uint32_t i = 0; i < count; i++) {
		copied[i] = infos[i];
		copy_info(&copy, device->hole, &copied[i]);
	}
	VkResult result = device->next.QueueBindSparse(queue, count, copied, fence);
	copy_finish(&copy);
	return result;
}
