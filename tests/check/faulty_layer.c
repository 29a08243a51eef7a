/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#define EXPORT __attribute__((visibility("default")))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * A layer that stands for a broken driver: VMB_FAULT names the fault. faults.py lists the checks of
 * vmbind-check that must find each fault.
 *
 * The layer serves vmbind-check on lavapipe: one device, one queue, at most one buffer and one
 * image in a bind call. lavapipe has no mip tails, so the layer also makes up a tail: each level of
 * less than a block.
 */

#define BINDS_MAX 2048
#define TAIL_OFFSET (UINT64_C(1) << 40)

static PFN_vkGetInstanceProcAddr next_instance_function;
static PFN_vkGetDeviceProcAddr next_device_function;
static VkInstance the_instance;
static VkDevice the_device;
static VkQueue the_queue;

static bool has_fault(const char *name)
{
	const char *fault = getenv("VMB_FAULT");

	return fault && strcmp(fault, name) == 0;
}

#define NEXT(name) ((PFN_##name)next_device_function(the_device, #name))

/* One bind call, which the faults change */

struct call {
	VkBindSparseInfo info;
	VkSparseBufferMemoryBindInfo buffer;
	VkSparseMemoryBind buffer_binds[BINDS_MAX];
	VkSparseImageOpaqueMemoryBindInfo opaque;
	VkSparseMemoryBind opaque_binds[BINDS_MAX];
	VkSparseImageMemoryBindInfo image;
	VkSparseImageMemoryBind image_binds[BINDS_MAX];
};

static void copy_call(struct call *call, const VkBindSparseInfo *info)
{
	call->info = *info;
	call->buffer = (VkSparseBufferMemoryBindInfo){ 0 };
	call->opaque = (VkSparseImageOpaqueMemoryBindInfo){ 0 };
	call->image = (VkSparseImageMemoryBindInfo){ 0 };
	if (info->bufferBindCount) {
		call->buffer = *info->pBufferBinds;
		memcpy(call->buffer_binds, call->buffer.pBinds,
			call->buffer.bindCount * sizeof(VkSparseMemoryBind));
	}
	if (info->imageOpaqueBindCount) {
		call->opaque = *info->pImageOpaqueBinds;
		memcpy(call->opaque_binds, call->opaque.pBinds,
			call->opaque.bindCount * sizeof(VkSparseMemoryBind));
	}
	if (info->imageBindCount) {
		call->image = *info->pImageBinds;
		memcpy(call->image_binds, call->image.pBinds,
			call->image.bindCount * sizeof(VkSparseImageMemoryBind));
	}
}

static void finish_call(struct call *call)
{
	call->buffer.pBinds = call->buffer_binds;
	call->opaque.pBinds = call->opaque_binds;
	call->image.pBinds = call->image_binds;
	call->info.bufferBindCount = call->buffer.bindCount ? 1 : 0;
	call->info.pBufferBinds = &call->buffer;
	call->info.imageOpaqueBindCount = call->opaque.bindCount ? 1 : 0;
	call->info.pImageOpaqueBinds = &call->opaque;
	call->info.imageBindCount = call->image.bindCount ? 1 : 0;
	call->info.pImageBinds = &call->image;
}

/* Images */

struct image_facts {
	VkExtent3D block;
	uint32_t levels;
	VkExtent3D extent;
	VkDeviceSize page;
};

static VkImageCreateInfo images[64];
static VkImage image_handles[64];
static size_t image_count;

static struct image_facts facts_of(VkImage image)
{
	struct image_facts facts = { 0 };
	VkSparseImageMemoryRequirements sparse;
	VkMemoryRequirements requirements;
	uint32_t count = 1;

	NEXT(vkGetImageSparseMemoryRequirements)(the_device, image, &count, &sparse);
	NEXT(vkGetImageMemoryRequirements)(the_device, image, &requirements);
	facts.block = sparse.formatProperties.imageGranularity;
	facts.page = requirements.alignment;
	for (size_t i = 0; i < image_count; i++) {
		if (image_handles[i] == image) {
			facts.levels = images[i].mipLevels;
			facts.extent = images[i].extent;
		}
	}
	return facts;
}

static uint32_t level_size(uint32_t size, uint32_t level)
{
	return size >> level ? size >> level : 1;
}

/* The first level that is smaller than a block. */
static uint32_t first_tail_level(const struct image_facts *facts)
{
	uint32_t level = 0;

	while (level < facts->levels &&
		level_size(facts->extent.width, level) >= facts->block.width &&
		level_size(facts->extent.height, level) >= facts->block.height) {
		level++;
	}
	return level;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_image(VkDevice device, const VkImageCreateInfo *info,
	const VkAllocationCallbacks *allocator, VkImage *image)
{
	VkResult result = NEXT(vkCreateImage)(device, info, allocator, image);

	if (result == VK_SUCCESS && image_count < COUNT(images)) {
		images[image_count] = *info;
		image_handles[image_count++] = *image;
	}
	return result;
}

static VKAPI_ATTR void VKAPI_CALL sparse_requirements(VkDevice device, VkImage image,
	uint32_t *count, VkSparseImageMemoryRequirements *requirements)
{
	NEXT(vkGetImageSparseMemoryRequirements)(device, image, count, requirements);
	struct image_facts facts = facts_of(image);
	uint32_t first = first_tail_level(&facts);
	if (requirements && *count && first < facts.levels) {
		requirements->imageMipTailFirstLod = first;
		requirements->imageMipTailSize = (facts.levels - first) * facts.page;
		requirements->imageMipTailOffset = TAIL_OFFSET;
		requirements->formatProperties.flags |= VK_SPARSE_IMAGE_FORMAT_SINGLE_MIPTAIL_BIT;
	}
}

/* A bind of the made-up tail becomes a bind of the only block of each of its levels. */
static void bind_tail(struct call *call, const VkSparseMemoryBind *tail)
{
	struct image_facts facts = facts_of(call->opaque.image);

	call->image.image = call->opaque.image;
	for (uint32_t i = first_tail_level(&facts); i < facts.levels; i++) {
		uint32_t place = i - first_tail_level(&facts);
		call->image_binds[call->image.bindCount++] = (VkSparseImageMemoryBind){
			.subresource = { VK_IMAGE_ASPECT_COLOR_BIT, i, 0 },
			.extent = { level_size(facts.extent.width, i),
				level_size(facts.extent.height, i), 1 },
			.memory = tail->memory,
			.memoryOffset = tail->memory ? tail->memoryOffset + place * facts.page : 0,
		};
	}
}

static void replace_tail(struct call *call)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < call->opaque.bindCount; i++) {
		const VkSparseMemoryBind *bind = &call->opaque_binds[i];
		if (bind->resourceOffset < TAIL_OFFSET) {
			call->opaque_binds[kept++] = *bind;
		} else if (!has_fault("tail-forgotten")) {
			bind_tail(call, bind);
		}
	}
	call->opaque.bindCount = kept;
}

/* Faults in what is bound */

/* panvk 26.1: a NULL bind hits the base of the resource. */
static void null_range(struct call *call)
{
	for (uint32_t i = 0; i < call->buffer.bindCount; i++) {
		if (!call->buffer_binds[i].memory) {
			call->buffer_binds[i].resourceOffset = 0;
		}
	}
}

static void null_ignored(struct call *call)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < call->buffer.bindCount; i++) {
		if (call->buffer_binds[i].memory) {
			call->buffer_binds[kept++] = call->buffer_binds[i];
		}
	}
	call->buffer.bindCount = kept;
	kept = 0;
	for (uint32_t i = 0; i < call->image.bindCount; i++) {
		if (call->image_binds[i].memory) {
			call->image_binds[kept++] = call->image_binds[i];
		}
	}
	call->image.bindCount = kept;
	if (call->opaque.bindCount && !call->opaque_binds[0].memory) {
		call->opaque.bindCount = 0;
	}
}

static void swap(VkDeviceSize *a, VkDeviceSize *b)
{
	VkDeviceSize old = *a;

	*a = *b;
	*b = old;
}

static void exchanged_pages(struct call *call)
{
	VkSparseMemoryBind *binds = call->buffer_binds;

	if (call->buffer.bindCount > 40 && binds[0].size == binds[1].size) {
		swap(&binds[0].memoryOffset, &binds[1].memoryOffset);
	}
}

static void exchanged_blocks(struct call *call)
{
	VkSparseImageMemoryBind *binds = call->image_binds;
	uint32_t count = call->image.bindCount;

	/* Blocks in order are right: a driver may join them. */
	if (count > 1 && binds[0].memory && binds[1].memory &&
		binds[1].memoryOffset != binds[0].memoryOffset + 65536) {
		swap(&binds[0].memoryOffset, &binds[1].memoryOffset);
	}
}

static void offset_page(struct call *call)
{
	for (uint32_t i = 0; i < call->buffer.bindCount; i++) {
		VkSparseMemoryBind *bind = &call->buffer_binds[i];
		if (bind->memoryOffset >= 4096) {
			bind->memoryOffset -= 4096;
		}
	}
}

/* Binds of several blocks take their memory in another order. */
static void reorder_blocks(struct call *call, const int *axes)
{
	static VkSparseImageMemoryBind out[BINDS_MAX];
	struct image_facts facts = facts_of(call->image.image);
	const uint32_t size[] = { facts.block.width, facts.block.height, facts.block.depth };
	uint32_t count = 0;

	for (uint32_t i = 0; i < call->image.bindCount; i++) {
		const VkSparseImageMemoryBind *bind = &call->image_binds[i];
		const uint32_t extent[] = { bind->extent.width, bind->extent.height,
			bind->extent.depth };
		uint32_t blocks[3], at[3];
		for (int axis = 0; axis < 3; axis++) {
			blocks[axis] = (extent[axis] + size[axis] - 1) / size[axis];
		}
		for (uint32_t j = 0; j < blocks[0] * blocks[1] * blocks[2]; j++) {
			uint32_t rest = j;
			for (int k = 0; k < 3; k++) {
				at[axes[k]] = rest % blocks[axes[k]] * size[axes[k]];
				rest /= blocks[axes[k]];
			}
			VkSparseImageMemoryBind *one = &out[count++];
			*one = *bind;
			one->offset.x += (int32_t)at[0];
			one->offset.y += (int32_t)at[1];
			one->offset.z += (int32_t)at[2];
			one->extent.width = extent[0] - at[0] < size[0] ? extent[0] - at[0]
									: size[0];
			one->extent.height = extent[1] - at[1] < size[1] ? extent[1] - at[1]
									 : size[1];
			one->extent.depth = extent[2] - at[2] < size[2] ? extent[2] - at[2]
									: size[2];
			one->memoryOffset += bind->memory ? j * facts.page : 0;
		}
	}
	memcpy(call->image_binds, out, count * sizeof(*out));
	call->image.bindCount = count;
}

static void y_before_x(struct call *call)
{
	if (call->image.bindCount) {
		reorder_blocks(call, (const int[]){ 1, 0, 2 });
	}
}

static void z_before_x(struct call *call)
{
	if (call->image.bindCount) {
		reorder_blocks(call, (const int[]){ 2, 0, 1 });
	}
}

/* Keeps the image binds that a driver with this fault would execute. */
static void filter_blocks(struct call *call,
	bool (*keep)(const VkSparseImageMemoryBind *, const struct image_facts *))
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < call->image.bindCount; i++) {
		struct image_facts facts = facts_of(call->image.image);
		if (keep(&call->image_binds[i], &facts)) {
			call->image_binds[kept++] = call->image_binds[i];
		}
	}
	call->image.bindCount = kept;
}

static bool is_whole(const VkSparseImageMemoryBind *bind, const struct image_facts *facts)
{
	return bind->subresource.mipLevel > 0 ||
		(bind->extent.width % facts->block.width == 0 &&
			bind->extent.height % facts->block.height == 0);
}

static bool is_level_0(const VkSparseImageMemoryBind *bind, const struct image_facts *facts)
{
	(void)facts;
	return bind->subresource.mipLevel == 0;
}

static void edges_forgotten(struct call *call)
{
	filter_blocks(call, is_whole);
}

static void levels_forgotten(struct call *call)
{
	filter_blocks(call, is_level_0);
}

static void layer_ignored(struct call *call)
{
	for (uint32_t i = 0; i < call->image.bindCount; i++) {
		call->image_binds[i].subresource.arrayLayer = 0;
	}
}

static const struct {
	const char *name;
	void (*change)(struct call *call);
} changes[] = {
	{ "null-range", null_range },
	{ "null-ignored", null_ignored },
	{ "exchanged-pages", exchanged_pages },
	{ "exchanged-blocks", exchanged_blocks },
	{ "offset-page", offset_page },
	{ "y-before-x", y_before_x },
	{ "z-before-x", z_before_x },
	{ "edges-forgotten", edges_forgotten },
	{ "levels-forgotten", levels_forgotten },
	{ "layer-ignored", layer_ignored },
};

/* Faults in the order of a queue */

/* A submission that the layer holds back, so that the next bind overtakes it. */
static struct {
	bool is_held;
	VkSubmitInfo info;
	VkTimelineSemaphoreSubmitInfo values;
	uint64_t wait_value, signal_value;
	VkSemaphore wait, signal;
	VkPipelineStageFlags stage;
	VkCommandBuffer commands;
	VkFence fence;
} held;

/* Binds that come after the signal of their semaphore. */
static struct call late;
static bool has_late;

static void hold(const VkSubmitInfo *info, VkFence fence)
{
	const VkTimelineSemaphoreSubmitInfo *values = info->pNext;

	held.is_held = true;
	held.info = *info;
	held.fence = fence;
	held.commands = info->commandBufferCount ? *info->pCommandBuffers : VK_NULL_HANDLE;
	held.info.pCommandBuffers = &held.commands;
	held.wait = info->waitSemaphoreCount ? *info->pWaitSemaphores : VK_NULL_HANDLE;
	held.stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	held.info.pWaitSemaphores = &held.wait;
	held.info.pWaitDstStageMask = &held.stage;
	held.signal = info->signalSemaphoreCount ? *info->pSignalSemaphores : VK_NULL_HANDLE;
	held.info.pSignalSemaphores = &held.signal;
	if (values) {
		held.values = *values;
		held.info.pNext = &held.values;
		held.wait_value = values->waitSemaphoreValueCount ? *values->pWaitSemaphoreValues
								  : 0;
		held.signal_value = values->signalSemaphoreValueCount
			? *values->pSignalSemaphoreValues
			: 0;
		held.values.pWaitSemaphoreValues = &held.wait_value;
		held.values.pSignalSemaphoreValues = &held.signal_value;
	}
}

static void release(void)
{
	if (held.is_held) {
		held.is_held = false;
		NEXT(vkQueueSubmit)(the_queue, 1, &held.info, held.fence);
	}
	if (has_late) {
		has_late = false;
		NEXT(vkQueueBindSparse)(the_queue, 1, &late.info, VK_NULL_HANDLE);
	}
}

static VKAPI_ATTR VkResult VKAPI_CALL queue_submit(
	VkQueue queue, uint32_t count, const VkSubmitInfo *infos, VkFence fence)
{
	the_queue = queue;
	if (has_fault("bind-overtakes")) {
		release();
		hold(infos, fence);
		return VK_SUCCESS;
	}
	VkResult result = NEXT(vkQueueSubmit)(queue, count, infos, fence);
	release();
	return result;
}

static VkResult bind_with_early_signal(VkQueue queue, struct call *call, VkFence fence)
{
	VkBindSparseInfo signal = call->info;

	late = *call;
	finish_call(&late);
	late.info.pNext = NULL;
	late.info.waitSemaphoreCount = 0;
	late.info.signalSemaphoreCount = 0;
	has_late = true;
	signal.bufferBindCount = 0;
	signal.imageOpaqueBindCount = 0;
	signal.imageBindCount = 0;
	return NEXT(vkQueueBindSparse)(queue, 1, &signal, fence);
}

static VkResult pass_call(VkQueue queue, struct call *call, VkFence fence)
{
	VkResult result;

	if (call->info.waitSemaphoreCount) {
		release();
	}
	if (has_fault("early-signal") && call->info.signalSemaphoreCount) {
		return bind_with_early_signal(queue, call, fence);
	}
	if (has_fault("early-fence") && fence && call->info.waitSemaphoreCount) {
		NEXT(vkQueueSubmit)(queue, 0, NULL, fence);
		fence = VK_NULL_HANDLE;
	}
	if (has_fault("wait-ignored") && call->info.pNext) {
		call->info.waitSemaphoreCount = 0;
		((VkTimelineSemaphoreSubmitInfo *)call->info.pNext)->waitSemaphoreValueCount = 0;
	}
	result = NEXT(vkQueueBindSparse)(queue, 1, &call->info, fence);
	release();
	return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL queue_bind_sparse(
	VkQueue queue, uint32_t count, const VkBindSparseInfo *infos, VkFence fence)
{
	static struct call call;

	the_queue = queue;
	if (has_fault("lost")) {
		return VK_ERROR_DEVICE_LOST;
	}
	while (has_fault("hang")) {
		pause();
	}
	if (has_fault("crash")) {
		raise(SIGSEGV);
	}
	if (has_fault("exit")) {
		exit(0);
	}
	if (count != 1) {
		abort();
	}
	copy_call(&call, infos);
	replace_tail(&call);
	for (size_t i = 0; i < COUNT(changes); i++) {
		if (has_fault(changes[i].name)) {
			changes[i].change(&call);
		}
	}
	finish_call(&call);
	return pass_call(queue, &call, fence);
}

/* Commands that end a delay */

static VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(
	VkDevice device, uint32_t count, const VkFence *fences, VkBool32 all, uint64_t timeout)
{
	release();
	return NEXT(vkWaitForFences)(device, count, fences, all, timeout);
}

static VKAPI_ATTR VkResult VKAPI_CALL device_wait_idle(VkDevice device)
{
	release();
	return NEXT(vkDeviceWaitIdle)(device);
}

static VKAPI_ATTR VkResult VKAPI_CALL get_fence_status(VkDevice device, VkFence fence)
{
	release();
	return NEXT(vkGetFenceStatus)(device, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL signal_semaphore(
	VkDevice device, const VkSemaphoreSignalInfo *info)
{
	release();
	return NEXT(vkSignalSemaphore)(device, info);
}

/* Other faults, and the loader's interface */

static VKAPI_ATTR void VKAPI_CALL destroy_buffer(
	VkDevice device, VkBuffer buffer, const VkAllocationCallbacks *allocator)
{
	if (!has_fault("leak")) {
		NEXT(vkDestroyBuffer)(device, buffer, allocator);
	}
}

static const void *next_link(const void *chain, VkStructureType type)
{
	const VkBaseInStructure *info = chain;

	/* VkLayerInstanceCreateInfo and VkLayerDeviceCreateInfo have function after pNext. */
	while (info &&
		(info->sType != type ||
			((const VkLayerInstanceCreateInfo *)info)->function !=
				VK_LAYER_LINK_INFO)) {
		info = info->pNext;
	}
	return info;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(
	const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *out)
{
	VkLayerInstanceCreateInfo *link = (VkLayerInstanceCreateInfo *)next_link(
		info->pNext, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO);

	next_instance_function = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
	link->u.pLayerInfo = link->u.pLayerInfo->pNext;
	PFN_vkCreateInstance create = (PFN_vkCreateInstance)next_instance_function(
		VK_NULL_HANDLE, "vkCreateInstance");
	VkResult result = create(info, allocator, out);
	the_instance = *out;
	return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical,
	const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out)
{
	VkLayerDeviceCreateInfo *link = (VkLayerDeviceCreateInfo *)next_link(
		info->pNext, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO);

	next_device_function = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
	link->u.pLayerInfo = link->u.pLayerInfo->pNext;
	PFN_vkCreateDevice create = (PFN_vkCreateDevice)next_instance_function(
		the_instance, "vkCreateDevice");
	VkResult result = create(physical, info, allocator, out);
	the_device = *out;
	image_count = 0;
	return result;
}

static PFN_vkVoidFunction own_function(const char *name)
{
	static const struct {
		const char *name;
		PFN_vkVoidFunction function;
	} functions[] = {
		{ "vkCreateInstance", (PFN_vkVoidFunction)create_instance },
		{ "vkCreateDevice", (PFN_vkVoidFunction)create_device },
		{ "vkCreateImage", (PFN_vkVoidFunction)create_image },
		{ "vkDestroyBuffer", (PFN_vkVoidFunction)destroy_buffer },
		{ "vkGetImageSparseMemoryRequirements", (PFN_vkVoidFunction)sparse_requirements },
		{ "vkQueueBindSparse", (PFN_vkVoidFunction)queue_bind_sparse },
		{ "vkQueueSubmit", (PFN_vkVoidFunction)queue_submit },
		{ "vkWaitForFences", (PFN_vkVoidFunction)wait_for_fences },
		{ "vkDeviceWaitIdle", (PFN_vkVoidFunction)device_wait_idle },
		{ "vkGetFenceStatus", (PFN_vkVoidFunction)get_fence_status },
		{ "vkSignalSemaphore", (PFN_vkVoidFunction)signal_semaphore },
	};

	for (size_t i = 0; i < COUNT(functions); i++) {
		if (strcmp(functions[i].name, name) == 0) {
			return functions[i].function;
		}
	}
	return NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_function(
	VkDevice device, const char *name);

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_instance_function(
	VkInstance instance, const char *name)
{
	PFN_vkVoidFunction function = own_function(name);

	if (strcmp(name, "vkGetDeviceProcAddr") == 0) {
		return (PFN_vkVoidFunction)get_device_function;
	}
	return function || !instance ? function : next_instance_function(instance, name);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_function(
	VkDevice device, const char *name)
{
	PFN_vkVoidFunction function = own_function(name);

	if (strcmp(name, "vkGetDeviceProcAddr") == 0) {
		return (PFN_vkVoidFunction)get_device_function;
	}
	return function ? function : next_device_function(device, name);
}

EXPORT VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(
	VkNegotiateLayerInterface *interface)
{
	interface->loaderLayerInterfaceVersion = 2;
	interface->pfnGetInstanceProcAddr = get_instance_function;
	interface->pfnGetDeviceProcAddr = get_device_function;
	interface->pfnGetPhysicalDeviceProcAddr = NULL;
	return VK_SUCCESS;
}
