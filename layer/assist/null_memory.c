/* SPDX-License-Identifier: MIT */
#include "assist/null_memory.h"

#include <stdlib.h>
#include <unistd.h>

#include "vk/allocator.h"

/* The first memory type that is neither lazily allocated nor protected. */
static uint32_t find_type(const struct vmb_device *device)
{
	const VkMemoryPropertyFlags special = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
		VK_MEMORY_PROPERTY_PROTECTED_BIT;
	VkPhysicalDeviceMemoryProperties properties;
	uint32_t type = 0;

	device->physical->instance->driver.GetPhysicalDeviceMemoryProperties(
		device->physical->handle, &properties);
	while (type + 1 < properties.memoryTypeCount &&
		(properties.memoryTypes[type].propertyFlags & special)) {
		type++;
	}
	return type;
}

const char *vmb_null_memory_init(struct vmb_assist *assist)
{
	struct vmb_device *device = assist->device;
	struct vmb_panthor_call call;

	if (!assist->intercept || !vmb_intercept_is_live(assist->intercept)) {
		return "another library handles the driver's ioctls, for example one in "
		       "LD_PRELOAD: run the program without that library";
	}
	struct vmb_panthor *panthor = vmb_assist_panthor(assist);
	/* Where the kernel has no sparse op, the null memory itself is mapped over sparse
	 * ranges. */
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = vmb_panthor_has_sparse(panthor)
			? (VkDeviceSize)sysconf(_SC_PAGESIZE)
			: VMB_PANTHOR_CYCLE,
		.memoryTypeIndex = find_type(device),
	};

	vmb_panthor_call_begin(&call, assist->intercept, VMB_PANTHOR_CALL_ALLOCATE);
	VkResult result = device->driver.AllocateMemory(
		device->handle, &info, &vmb_allocator, &assist->null_memory);
	vmb_driver_call_end(&call.base);
	if (result != VK_SUCCESS) {
		assist->null_memory = VK_NULL_HANDLE;
		return "the driver could not allocate the null memory: "
		       "the device is short of memory";
	}
	/* The driver maps the memory in vkAllocateMemory. The translator must get both ioctls. */
	if (!call.bo || !call.size) {
		return "another library handles some of the driver's ioctls, for example one in "
		       "LD_PRELOAD: run the program without that library";
	}
	atomic_store_explicit(&panthor->null_memory, call.bo, memory_order_relaxed);
	vmb_device_log(device, VMB_LOG_DEBUG, "panthor 1.%u, VM %u, the null memory is BO %u",
		panthor->minor, panthor->vm, call.bo);
	return NULL;
}

void vmb_null_memory_finish(struct vmb_assist *assist)
{
	struct vmb_device *device = assist->device;

	if (assist->null_memory) {
		device->driver.FreeMemory(device->handle, assist->null_memory, &vmb_allocator);
		assist->null_memory = VK_NULL_HANDLE;
	}
}

/* The lengths of the arrays of a copy. */
struct sizes {
	size_t infos;
	size_t buffers;
	size_t opaques;
	size_t images;
	size_t binds;
	size_t image_binds;
	bool has_null_binds;
};

/* Most calls have few binds. Their copy is on the stack, since malloc() would take longer than the
 * rest of the layer's work. */
#define FEW_INFOS 4
#define FEW_BINDS 16

/* A copy of the binds. Each pointer moves forward while its array is filled. struct sizes has the
 * lengths of the arrays. */
struct copy {
	VkBindSparseInfo *infos;
	VkSparseBufferMemoryBindInfo *buffers;
	VkSparseImageOpaqueMemoryBindInfo *opaques;
	VkSparseImageMemoryBindInfo *images;
	VkSparseMemoryBind *binds;
	VkSparseImageMemoryBind *image_binds;
	void *memory; /* the allocation of the arrays; NULL if they are in few */
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
	for (uint32_t i = 0; i < count && !sizes->has_null_binds; i++) {
		sizes->has_null_binds = !binds[i].memory;
	}
}

static void measure_image_binds(
	struct sizes *sizes, uint32_t count, const VkSparseImageMemoryBind *binds)
{
	sizes->image_binds += count;
	for (uint32_t i = 0; i < count && !sizes->has_null_binds; i++) {
		sizes->has_null_binds = !binds[i].memory;
	}
}

static struct sizes sizes_of(uint32_t count, const VkBindSparseInfo *infos)
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

/* The copy must not be moved afterwards. False if memory is short. */
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
 * Copies binds and replaces VK_NULL_HANDLE. The translator drops the offset into the null memory.
 * But the driver merges binds whose ranges and memory offsets both continue, so the offset equals
 * that of the range. It may lie beyond the end of the null memory.
 */
static const VkSparseMemoryBind *copy_binds(struct copy *copy, VkDeviceMemory null_memory,
	uint32_t count, const VkSparseMemoryBind *binds)
{
	VkSparseMemoryBind *out = copy->binds;

	copy->binds += count;
	for (uint32_t i = 0; i < count; i++) {
		out[i] = binds[i];
		if (!out[i].memory) {
			out[i].memory = null_memory;
			out[i].memoryOffset = out[i].resourceOffset;
		}
	}
	return out;
}

/* As copy_binds(), for image binds. The offsets continue from bind to bind if each has one block: a
 * block of panvk has 64 KiB. */
static const VkSparseImageMemoryBind *copy_image_binds(struct copy *copy,
	VkDeviceMemory null_memory, uint32_t count, const VkSparseImageMemoryBind *binds)
{
	const VkDeviceSize block = 65536;
	VkSparseImageMemoryBind *out = copy->image_binds;

	copy->image_binds += count;
	for (uint32_t i = 0; i < count; i++) {
		out[i] = binds[i];
		if (!out[i].memory) {
			out[i].memory = null_memory;
			out[i].memoryOffset = i * block;
		}
	}
	return out;
}

static void copy_info(struct copy *copy, VkDeviceMemory null_memory, VkBindSparseInfo *info)
{
	VkSparseBufferMemoryBindInfo *buffers = copy->buffers;
	VkSparseImageOpaqueMemoryBindInfo *opaques = copy->opaques;
	VkSparseImageMemoryBindInfo *images = copy->images;

	for (uint32_t i = 0; i < info->bufferBindCount; i++) {
		*copy->buffers = info->pBufferBinds[i];
		copy->buffers->pBinds = copy_binds(
			copy, null_memory, copy->buffers->bindCount, copy->buffers->pBinds);
		copy->buffers++;
	}
	for (uint32_t i = 0; i < info->imageOpaqueBindCount; i++) {
		*copy->opaques = info->pImageOpaqueBinds[i];
		copy->opaques->pBinds = copy_binds(
			copy, null_memory, copy->opaques->bindCount, copy->opaques->pBinds);
		copy->opaques++;
	}
	for (uint32_t i = 0; i < info->imageBindCount; i++) {
		*copy->images = info->pImageBinds[i];
		copy->images->pBinds = copy_image_binds(
			copy, null_memory, copy->images->bindCount, copy->images->pBinds);
		copy->images++;
	}
	info->pBufferBinds = buffers;
	info->pImageOpaqueBinds = opaques;
	info->pImageBinds = images;
}

static VKAPI_ATTR VkResult VKAPI_CALL bind_sparse(
	VkQueue handle, uint32_t count, const VkBindSparseInfo *infos, VkFence fence)
{
	struct vmb_assist *assist = vmb_assist_of(handle);
	struct vmb_statistics *statistics = &assist->device->statistics;
	const struct sizes sizes = sizes_of(count, infos);
	struct copy copy;

	vmb_count(&statistics->bind_calls, 1);
	vmb_count(&statistics->batches, count);
	vmb_count(&statistics->binds, sizes.binds + sizes.image_binds);
	if (!sizes.has_null_binds) {
		return assist->next.QueueBindSparse(handle, count, infos, fence);
	}
	if (!copy_init(&copy, &sizes)) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkBindSparseInfo *copied = copy.infos;
	for (uint32_t i = 0; i < count; i++) {
		copied[i] = infos[i];
		copy_info(&copy, assist->null_memory, &copied[i]);
	}
	VkResult result = assist->next.QueueBindSparse(handle, count, copied, fence);
	copy_finish(&copy);
	return result;
}

const struct vmb_device_commands vmb_assist_bind_commands = {
	.QueueBindSparse = bind_sparse,
};
