/* SPDX-License-Identifier: MIT */
#include "icd.h"

/*
 * The layer does not write to the application's structures. All structures here lie in read-only
 * memory, including chained and unknown structures. device.c tests vkCreateDevice.
 */

/* A create info and the structures of its pNext chain. */
struct buffer_request {
	VkBufferCreateInfo info;
	struct icd_unknown unknown;
	VkBufferOpaqueCaptureAddressCreateInfo address;
	VkExternalMemoryBufferCreateInfo external;
};

static VkBuffer create_buffer(const struct vku *vk, VkBufferCreateFlags flags)
{
	struct buffer_request request = { 0 };
	struct buffer_request *at = icd_read_only(&request, sizeof(request));
	VkBuffer buffer;

	request.info = (VkBufferCreateInfo){
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.pNext = &at->address,
		.flags = flags,
		.size = 100000,
		.usage = VKU_ALL_BUFFER_USAGE,
	};
	request.address.sType = VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO;
	request.address.pNext = &at->unknown;
	request.unknown = icd_unknown(&at->external);
	request.external.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO;
	icd_rewrite_read_only(at, &request, sizeof(request));
	VKU_CHECK(vkCreateBuffer(vk->device, &at->info, NULL, &buffer));

	const VkDeviceBufferMemoryRequirements of_info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_BUFFER_MEMORY_REQUIREMENTS,
		.pCreateInfo = &at->info,
	};
	VkMemoryRequirements2 requirements = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
	};
	PFN_vkGetDeviceBufferMemoryRequirements get = (PFN_vkGetDeviceBufferMemoryRequirements)
		vkGetDeviceProcAddr(vk->device, "vkGetDeviceBufferMemoryRequirements");
	if (get) {
		get(vk->device, &of_info, &requirements);
		EXPECT_EQ(requirements.memoryRequirements.size,
			vku_buffer_requirements(vk, buffer).size);
	}
	icd_read_only_free(at);
	return buffer;
}

static void buffers(void **state)
{
	struct vku *vk = *state;

	vk->expect_validation_errors = true;
	vkDestroyBuffer(vk->device, create_buffer(vk, 0), NULL);
	vkDestroyBuffer(vk->device, create_buffer(vk, ICD_SPARSE_BUFFER), NULL);
}

struct image_request {
	VkImageCreateInfo info;
	struct icd_unknown unknown;
	VkImageFormatListCreateInfo list;
	VkExternalMemoryImageCreateInfo external;
	VkFormat formats[2];
};

static void create_image(const struct vku *vk, VkImageCreateFlags flags)
{
	struct image_request request = { 0 };
	struct image_request *at = icd_read_only(&request, sizeof(request));
	VkImage image;

	request.info = (VkImageCreateInfo){
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.pNext = &at->unknown,
		.flags = flags | VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { 100, 100, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
	};
	request.unknown = icd_unknown(&at->list);
	request.list.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO;
	request.list.pNext = &at->external;
	request.list.viewFormatCount = 2;
	request.list.pViewFormats = at->formats;
	request.formats[0] = VK_FORMAT_R8G8B8A8_UNORM;
	request.formats[1] = VK_FORMAT_R8G8B8A8_SRGB;
	request.external.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO;
	icd_rewrite_read_only(at, &request, sizeof(request));
	VKU_CHECK(vkCreateImage(vk->device, &at->info, NULL, &image));
	vkDestroyImage(vk->device, image, NULL);
	icd_read_only_free(at);
}

static void images(void **state)
{
	struct vku *vk = *state;

	vk->expect_validation_errors = true;
	create_image(vk, 0);
	create_image(vk, VK_IMAGE_CREATE_SPARSE_BINDING_BIT);
}

struct memory_request {
	VkMemoryAllocateInfo info;
	struct icd_unknown unknown;
	VkMemoryAllocateFlagsInfo flags;
	VkExportMemoryAllocateInfo export;
	VkMemoryDedicatedAllocateInfo dedicated;
};

/* SwiftShader refuses export structures without a handle type. */
static bool driver_takes_empty_exports(void)
{
	const VkExportMemoryAllocateInfo export = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
	};
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = &export,
		.allocationSize = 123456,
	};
	struct vku driver;
	VkDeviceMemory memory;

	icd_driver_init(&driver);
	VkResult result = vkAllocateMemory(driver.device, &info, NULL, &memory);
	if (result == VK_SUCCESS) {
		vkFreeMemory(driver.device, memory, NULL);
	}
	vku_finish(&driver);
	return result == VK_SUCCESS;
}

static void memory(void **state)
{
	struct vku *vk = *state;
	struct memory_request request = { 0 };
	struct memory_request *at = icd_read_only(&request, sizeof(request));
	VkDeviceMemory memory;

	vk->expect_validation_errors = true;
	/* The export and dedicated structures are empty and have no effect. */
	request.info = (VkMemoryAllocateInfo){
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = driver_takes_empty_exports() ? (void *)&at->export : (void *)&at->unknown,
		.allocationSize = 123456,
	};
	request.export.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO;
	request.export.pNext = &at->unknown;
	request.unknown = icd_unknown(&at->dedicated);
	request.dedicated.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO;
	request.dedicated.pNext = &at->flags;
	request.flags.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO;
	request.flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
	icd_rewrite_read_only(at, &request, sizeof(request));
	VKU_CHECK(vkAllocateMemory(vk->device, &at->info, NULL, &memory));
	*(uint32_t *)vku_map(vk, memory) = 1;
	vkFreeMemory(vk->device, memory, NULL);
	icd_read_only_free(at);
}

struct bind_request {
	VkBindSparseInfo info;
	struct icd_unknown unknown;
	VkTimelineSemaphoreSubmitInfo timeline;
	VkDeviceGroupBindSparseInfo group;
	VkSparseBufferMemoryBindInfo buffer;
	VkSparseMemoryBind bind;
	VkSemaphore semaphores[2];
	uint64_t values[2];
};

static void sparse_binds(void **state)
{
	struct vku *vk = *state;
	struct bind_request request = { 0 };
	struct bind_request *at = icd_read_only(&request, sizeof(request));
	VkSemaphore in = vku_create_timeline(vk, 0), out = vku_create_timeline(vk, 0);
	struct icd_pages p;

	vk->expect_validation_errors = true;
	icd_pages_init(vk, &p, 4, 4);
	request.info = (VkBindSparseInfo){
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.pNext = &at->unknown,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &at->semaphores[0],
		.bufferBindCount = 1,
		.pBufferBinds = &at->buffer,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &at->semaphores[1],
	};
	request.unknown = icd_unknown(&at->group);
	request.group.sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_BIND_SPARSE_INFO;
	request.group.pNext = &at->timeline;
	request.timeline = (VkTimelineSemaphoreSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &at->values[0],
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &at->values[1],
	};
	request.buffer = (VkSparseBufferMemoryBindInfo){ p.buffer, 1, &at->bind };
	request.bind = icd_page_bind(&p, 2, 1, 3);
	request.semaphores[0] = in;
	request.semaphores[1] = out;
	request.values[0] = 3;
	request.values[1] = 8;
	icd_rewrite_read_only(at, &request, sizeof(request));
	VKU_CHECK(vkQueueBindSparse(vk->queue, 1, &at->info, VK_NULL_HANDLE));
	vku_signal(vk, in, 3);
	vku_wait(vk, out, 8);
	icd_expect_page(vk, &p, 2, icd_stamp(3));
	VKU_CHECK(vkDeviceWaitIdle(vk->device));
	icd_read_only_free(at);
	vkDestroySemaphore(vk->device, in, NULL);
	vkDestroySemaphore(vk->device, out, NULL);
	icd_pages_finish(vk, &p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(buffers),
		SCENARIO(images),
		SCENARIO(memory),
		SCENARIO(sparse_binds),
	};

	return ICD_RUN(tests, argc, argv);
}
