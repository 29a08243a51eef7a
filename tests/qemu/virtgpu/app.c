// SPDX-License-Identifier: MIT
#include "app.h"

#include <stdlib.h>
#include <unistd.h>

void app_init(struct app *app)
{
	static const char *const extensions[] = {
		VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME,
		VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME,
	};
	const struct vku_options options = {
		.name = "vmbind-vm-vulkan",
		.without_sparse = true,
		.device_extensions = extensions,
		.device_extension_count = 2,
	};

	vku_init(&app->vk, &options);
	app->memory_type = vku_memory_type(&app->vk, UINT32_MAX,
		VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
}

void app_finish(struct app *app)
{
	vku_finish(&app->vk);
}

VkResult app_allocate(const struct app *app, bool exportable, VkDeviceMemory *memory)
{
	const VkExportMemoryAllocateInfo export = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
	};
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = exportable ? &export : NULL,
		.allocationSize = BLOB_SIZE,
		.memoryTypeIndex = app->memory_type,
	};

	return vkAllocateMemory(app->vk.device, &info, NULL, memory);
}

void app_free(const struct app *app, VkDeviceMemory memory)
{
	vkFreeMemory(app->vk.device, memory, NULL);
}

VkResult app_visit(const struct app *app, VkDeviceMemory memory, uint32_t seed, size_t *wrong)
{
	void *map;
	VkResult result = vkMapMemory(app->vk.device, memory, 0, VK_WHOLE_SIZE, 0, &map);

	if (result != VK_SUCCESS) {
		return result;
	}
	if (wrong) {
		*wrong += pattern_wrong(map, BLOB_SIZE, seed);
	} else {
		pattern_write(map, BLOB_SIZE, seed);
	}
	vkUnmapMemory(app->vk.device, memory);
	return VK_SUCCESS;
}

VkResult app_visit_with_retries(
	const struct app *app, VkDeviceMemory memory, uint32_t seed, unsigned *retries)
{
	VkResult result;

	while ((result = app_visit(app, memory, seed, NULL)) == VK_ERROR_MEMORY_MAP_FAILED &&
		*retries < APP_RETRIES) {
		++*retries;
		usleep(100000);
	}
	return result;
}

int app_export(const struct app *app, VkDeviceMemory memory)
{
	PFN_vkGetMemoryFdKHR get_fd = (PFN_vkGetMemoryFdKHR)vkGetDeviceProcAddr(
		app->vk.device, "vkGetMemoryFdKHR");
	const VkMemoryGetFdInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
		.memory = memory,
		.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
	};
	int fd;

	VKU_CHECK(get_fd(app->vk.device, &info, &fd));
	return fd;
}

unsigned app_allocate_many(const struct app *app, bool exportable, VkDeviceMemory *memory,
	unsigned count, VkResult *last)
{
	unsigned i = 0;

	*last = VK_SUCCESS;
	while (i < count && (*last = app_allocate(app, exportable, &memory[i])) == VK_SUCCESS) {
		i++;
	}
	return i;
}

void app_free_many(const struct app *app, const VkDeviceMemory *memory, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		app_free(app, memory[i]);
	}
}
