/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sync.h"

/* Memory behaves as without the layer. Memory of each kind is bound to sparse buffers. */

static uint32_t first_type(const struct vku *vk)
{
	return vku_memory_type(vk, UINT32_MAX,
		VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
}

static VkDeviceMemory allocate_with(const struct vku *vk, VkDeviceSize size, const void *next)
{
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = next,
		.allocationSize = size,
		.memoryTypeIndex = first_type(vk),
	};
	VkDeviceMemory memory;

	VKU_CHECK(vkAllocateMemory(vk->device, &info, NULL, &memory));
	return memory;
}

static void map_and_unmap(void **state)
{
	struct vku *vk = *state;
	const VkDeviceSize size = 200000;
	VkDeviceMemory memory = allocate_with(vk, size, NULL);
	unsigned char *map;

	VKU_CHECK(vkMapMemory(vk->device, memory, 0, VK_WHOLE_SIZE, 0, (void **)&map));
	EXPECT_EQ((uintptr_t)map % vk->properties.limits.minMemoryMapAlignment, 0);
	for (VkDeviceSize i = 0; i < size; i++) {
		map[i] = (unsigned char)(i * 7);
	}
	vkUnmapMemory(vk->device, memory);
	VKU_CHECK(vkMapMemory(vk->device, memory, 65536, 1000, 0, (void **)&map));
	for (VkDeviceSize i = 0; i < 1000; i++) {
		EXPECT_EQ(map[i], (unsigned char)((65536 + i) * 7));
	}
	vkUnmapMemory(vk->device, memory);
	vkFreeMemory(vk->device, memory, NULL);
}

static void flush_and_invalidate(void **state)
{
	struct vku *vk = *state;
	VkDeviceSize atom = vk->properties.limits.nonCoherentAtomSize;
	struct icd_pages p;

	icd_pages_init(vk, &p, 2, 2);
	const VkMappedMemoryRange ranges[] = {
		{
			.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
			.memory = p.memory,
			.offset = atom,
			.size = 3 * atom,
		},
		{
			.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
			.memory = p.memory,
			.size = VK_WHOLE_SIZE,
		},
	};
	VkSparseMemoryBind bind = icd_page_bind(&p, 1, 1, 0);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	p.map[7] = 0xf1005;
	VKU_CHECK(vkFlushMappedMemoryRanges(vk->device, 2, ranges));
	EXPECT_EQ(vku_read_word(vk, p.buffer, p.page + 7 * 4), 0xf1005);
	icd_fill_page(vk, &p, 1, 0x1e7e1);
	VKU_CHECK(vkInvalidateMappedMemoryRanges(vk->device, 2, ranges));
	icd_expect_memory(&p, 0, 0x1e7e1);
	icd_pages_finish(vk, &p);
}

/* The GPU reads the CPU's writes through every page that the memory is bound to. */
static void mapped_while_bound(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;

	icd_pages_init(vk, &p, 8, 2);
	for (uint32_t i = 0; i < 8; i++) {
		VkSparseMemoryBind bind = icd_page_bind(&p, i, 1, i % 2);
		vku_bind_buffer(vk, p.buffer, &bind, 1);
		p.map[(i % 2) * p.page_words] = i;
		EXPECT_EQ(vku_read_word(vk, p.buffer, i * p.page), i);
	}
	vkUnmapMemory(vk->device, p.memory);
	EXPECT_EQ(vku_read_word(vk, p.buffer, 7 * p.page), 7);
	p.map = vku_map(vk, p.memory);
	EXPECT_EQ(p.map[p.page_words], 7);
	icd_pages_finish(vk, &p);
}

static void dedicated_to_a_buffer(void **state)
{
	struct vku *vk = *state;
	VkBuffer buffer = vku_create_buffer(vk, 0, 100000, VKU_ALL_BUFFER_USAGE);
	VkMemoryRequirements requirements = vku_buffer_requirements(vk, buffer);
	const VkMemoryDedicatedAllocateInfo dedicated = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
		.buffer = buffer,
	};
	VkDeviceMemory memory = allocate_with(vk, requirements.size, &dedicated);

	VKU_CHECK(vkBindBufferMemory(vk->device, buffer, memory, 0));
	vku_fill(vk, buffer, 0, VK_WHOLE_SIZE, 0xded1ca7e);
	EXPECT_EQ(*(uint32_t *)vku_map(vk, memory), 0xded1ca7e);
	icd_expect_filled(vk, buffer, 0, 100000, 0xded1ca7e);
	vkDestroyBuffer(vk->device, buffer, NULL);
	vkFreeMemory(vk->device, memory, NULL);
}

static void dedicated_to_an_image(void **state)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { 100, 100, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
	};
	struct vku *vk = *state;
	VkMemoryRequirements requirements;
	VkImage image;

	VKU_CHECK(vkCreateImage(vk->device, &info, NULL, &image));
	vkGetImageMemoryRequirements(vk->device, image, &requirements);
	const VkMemoryDedicatedAllocateInfo dedicated = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
		.image = image,
	};
	VkDeviceMemory memory = allocate_with(vk, requirements.size, &dedicated);
	VKU_CHECK(vkBindImageMemory(vk->device, image, memory, 0));
	vkDestroyImage(vk->device, image, NULL);
	vkFreeMemory(vk->device, memory, NULL);
}

/* Memory allocated with chained structures can be bound sparsely. */
static void bind_and_check(const struct vku *vk, VkDeviceMemory memory)
{
	struct icd_pages p;
	uint32_t *map = vku_map(vk, memory);

	icd_pages_init(vk, &p, 4, 1);
	map[0] = 0x0ddba11;
	const VkSparseMemoryBind bind = {
		.resourceOffset = p.page,
		.size = p.page,
		.memory = memory,
	};
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	EXPECT_EQ(vku_read_word(vk, p.buffer, p.page), 0x0ddba11);
	icd_fill_page(vk, &p, 1, 0x0b0e);
	EXPECT_EQ(map[0], 0x0b0e);
	icd_pages_finish(vk, &p);
}

static void device_mask(void **state)
{
	struct vku *vk = *state;
	const VkMemoryAllocateFlagsInfo flags = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
		.flags = VK_MEMORY_ALLOCATE_DEVICE_MASK_BIT | VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
		.deviceMask = 1,
	};
	VkDeviceMemory memory = allocate_with(vk, 1 << 20, &flags);

	bind_and_check(vk, memory);
	vkFreeMemory(vk->device, memory, NULL);
}

/* The structure is ignored if its extension is not enabled. */
static void priority(void **state)
{
	struct vku *vk = *state;
	VkMemoryPriorityAllocateInfoEXT info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT,
		.priority = 0.75f,
	};
	struct icd_unknown unknown = icd_unknown(&info);

	vk->expect_validation_errors = true;
	VkDeviceMemory memory = allocate_with(vk, 1 << 20, &unknown);
	icd_expect_unknown_intact(&unknown);
	bind_and_check(vk, memory);
	vkFreeMemory(vk->device, memory, NULL);
}

/* The commitment equals the driver's. The query is valid only for lazily allocated memory. */
static void commitment(void **state)
{
	struct vku *vk = *state;
	struct vku driver;
	VkDeviceSize ours = 1, theirs = 2;

	icd_skip_if_validating();
	icd_driver_init(&driver);
	VkDeviceMemory memory = allocate_with(vk, 1 << 20, NULL);
	VkDeviceMemory driver_memory = allocate_with(&driver, 1 << 20, NULL);
	vkGetDeviceMemoryCommitment(vk->device, memory, &ours);
	vkGetDeviceMemoryCommitment(driver.device, driver_memory, &theirs);
	EXPECT_EQ(ours, theirs);
	vkFreeMemory(vk->device, memory, NULL);
	vkFreeMemory(driver.device, driver_memory, NULL);
	vku_finish(&driver);
}

static void odd_sizes(void **state)
{
	static const VkDeviceSize sizes[] = { 1, 2, 100, 4095, 4097, 65535, 65537, 1000001 };
	struct vku *vk = *state;

	for (size_t i = 0; i < COUNT(sizes); i++) {
		VkDeviceMemory memory = allocate_with(vk, sizes[i], NULL);
		char *map = vku_map(vk, memory);
		memset(map, 0x5a, sizes[i]);
		EXPECT_EQ(map[sizes[i] - 1], 0x5a);
		vkFreeMemory(vk->device, memory, NULL);
	}
}

/* Some applications never suballocate. Allocations must not exhaust RLIMIT_NOFILE. */
static void many_allocations(void **state)
{
	enum {
		MANY = 3000
	};
	struct vku *vk = *state;
	const VkDeviceSize page = icd_page_size(vk);
	struct rlimit limit, low;
	VkDeviceMemory *memory = calloc(MANY, sizeof(*memory));
	uint32_t **maps = calloc(MANY, sizeof(*maps));

	EXPECT(memory && maps);
	EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	low = limit;
	low.rlim_cur = 512;
	EXPECT(setrlimit(RLIMIT_NOFILE, &low) == 0);
	for (uint32_t i = 0; i < MANY; i++) {
		memory[i] = allocate_with(vk, page, NULL);
		maps[i] = vku_map(vk, memory[i]);
		maps[i][0] = i;
	}
	for (uint32_t i = 0; i < MANY; i++) {
		EXPECT_EQ(maps[i][0], i);
		vkFreeMemory(vk->device, memory[i], NULL);
	}
	EXPECT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	free(memory);
	free(maps);
}

/* An allocation becomes resident when written to and is released when freed. */
static void untouched_memory_costs_nothing(void **state)
{
	struct vku *vk = *state;
	/* SwiftShader refuses allocations of 1 GiB. */
	const VkDeviceSize size = (VkDeviceSize)512 << 20;
	uint64_t before = icd_resident_bytes(), files = icd_memfd_bytes();
	VkDeviceMemory memory = allocate_with(vk, size, NULL);
	char *map = vku_map(vk, memory);

	map[size - 1] = 1;
	EXPECT(icd_resident_bytes() < before + (64 << 20));
	memset(map, 1, 100 << 20);
	vkFreeMemory(vk->device, memory, NULL);
	EXPECT(icd_resident_bytes() < before + (64 << 20));
	EXPECT(icd_memfd_bytes() < files + (1 << 20));
}

static const char *const external_extensions[] = {
	VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME,
	VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME,
};

static void external_init(struct vku *vk)
{
	const struct vku_options options = {
		.device_extensions = external_extensions,
		.device_extension_count = COUNT(external_extensions),
	};

	vku_init(vk, &options);
	for (size_t i = 0; i < COUNT(external_extensions); i++) {
		EXPECT(vku_has_device_extension(vk, external_extensions[i]));
	}
}

/* An ordinary buffer bound to external memory of the given handle type. */
static VkBuffer external_buffer(const struct vku *vk, VkDeviceMemory memory, VkDeviceSize size,
	VkExternalMemoryHandleTypeFlags type)
{
	const VkExternalMemoryBufferCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.handleTypes = type,
	};
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.pNext = &external,
		.size = size,
		.usage = VKU_ALL_BUFFER_USAGE,
	};
	VkBuffer buffer;

	VKU_CHECK(vkCreateBuffer(vk->device, &info, NULL, &buffer));
	(void)vku_buffer_requirements(vk, buffer);
	VKU_CHECK(vkBindBufferMemory(vk->device, buffer, memory, 0));
	return buffer;
}

/* External memory can be bound sparsely, or the bind fails without side effects. */
static void bind_or_fail(const struct vku *vk, VkDeviceMemory memory, const uint32_t *contents)
{
	struct icd_pages p;

	icd_pages_init(vk, &p, 4, 4);
	struct icd_batch batch = {
		.buffer = p.buffer,
		.binds = { { .resourceOffset = p.page, .size = p.page, .memory = memory } },
		.bind_count = 1,
	};
	/* No fence: the validation layer counts the fence as used even if the call fails. */
	VkResult result = icd_try_bind(vk, &batch);
	VKU_CHECK(vkQueueWaitIdle(vk->queue));
	if (result == VK_SUCCESS) {
		EXPECT_EQ(vku_read_word(vk, p.buffer, p.page), contents[0]);
	} else {
		EXPECT_OUT_OF_MEMORY(result);
	}
	batch.binds[0] = icd_page_bind(&p, 1, 1, 2);
	vku_bind_buffer(vk, p.buffer, batch.binds, 1);
	icd_expect_page(vk, &p, 1, icd_stamp(2));
	icd_pages_finish(vk, &p);
}

static void imported_host_memory(void **state)
{
	const VkExternalMemoryHandleTypeFlagBits type =
		VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
	const VkDeviceSize size = 1 << 20;
	struct vku vk;
	uint32_t *host = aligned_alloc(65536, size);

	(void)state;
	EXPECT(host != NULL);
	external_init(&vk);
	VkMemoryHostPointerPropertiesEXT properties = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
	};
	PFN_vkGetMemoryHostPointerPropertiesEXT get_properties =
		(PFN_vkGetMemoryHostPointerPropertiesEXT)vkGetDeviceProcAddr(
			vk.device, "vkGetMemoryHostPointerPropertiesEXT");
	VKU_CHECK(get_properties(vk.device, type, host, &properties));
	EXPECT(properties.memoryTypeBits & 1u << first_type(&vk));
	const VkImportMemoryHostPointerInfoEXT import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
		.handleType = type,
		.pHostPointer = host,
	};
	VkDeviceMemory memory = allocate_with(&vk, size, &import);

	VkBuffer buffer = external_buffer(&vk, memory, size, type);
	vku_fill(&vk, buffer, 0, VK_WHOLE_SIZE, 0x1407ed);
	EXPECT_EQ(host[0], 0x1407ed);
	EXPECT_EQ(host[size / 4 - 1], 0x1407ed);
	host[1] = 0x5057;
	EXPECT_EQ(vku_read_word(&vk, buffer, 4), 0x5057);
	bind_or_fail(&vk, memory, host);
	EXPECT_EQ(host[1], 0x5057);
	vkDestroyBuffer(vk.device, buffer, NULL);
	vkFreeMemory(vk.device, memory, NULL);
	vku_finish(&vk);
	free(host);
}

static bool can_export(const struct vku *vk, VkExternalMemoryHandleTypeFlagBits type)
{
	const VkPhysicalDeviceExternalBufferInfo info = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
		.usage = VKU_ALL_BUFFER_USAGE,
		.handleType = type,
	};
	VkExternalBufferProperties properties = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
	};

	vkGetPhysicalDeviceExternalBufferProperties(vk->physical, &info, &properties);
	return properties.externalMemoryProperties.externalMemoryFeatures &
		VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT;
}

static void exported_memory(void **state)
{
	const VkExternalMemoryHandleTypeFlagBits type =
		VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
	const VkDeviceSize size = 1 << 20;
	struct vku vk;
	int fd;

	(void)state;
	external_init(&vk);
	if (!can_export(&vk, type)) {
		vku_finish(&vk);
		skip();
	}
	const VkExportMemoryAllocateInfo export = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
		.handleTypes = type,
	};
	VkDeviceMemory memory = allocate_with(&vk, size, &export);
	const VkMemoryGetFdInfoKHR get_info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
		.memory = memory,
		.handleType = type,
	};
	PFN_vkGetMemoryFdKHR get_fd = (PFN_vkGetMemoryFdKHR)vkGetDeviceProcAddr(
		vk.device, "vkGetMemoryFdKHR");
	VKU_CHECK(get_fd(vk.device, &get_info, &fd));
	EXPECT(fd >= 0);

	/* The importing allocation owns the fd. */
	const VkImportMemoryFdInfoKHR import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
		.handleType = type,
		.fd = fd,
	};
	VkDeviceMemory imported = allocate_with(&vk, size, &import);
	VkBuffer a = external_buffer(&vk, memory, size, type);
	VkBuffer b = external_buffer(&vk, imported, size, type);
	vku_fill(&vk, a, 0, VK_WHOLE_SIZE, 0xe4907);
	icd_expect_filled(&vk, b, 0, size, 0xe4907);
	vku_fill(&vk, b, 0, VK_WHOLE_SIZE, 0x14907);
	icd_expect_filled(&vk, a, 0, size, 0x14907);
	bind_or_fail(&vk, memory, vku_map(&vk, memory));
	bind_or_fail(&vk, imported, vku_map(&vk, imported));
	icd_expect_filled(&vk, a, 0, size, 0x14907);
	vkDestroyBuffer(vk.device, a, NULL);
	vkDestroyBuffer(vk.device, b, NULL);
	vkFreeMemory(vk.device, memory, NULL);
	vkFreeMemory(vk.device, imported, NULL);
	vku_finish(&vk);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(map_and_unmap),
		SCENARIO(flush_and_invalidate),
		SCENARIO(mapped_while_bound),
		SCENARIO(dedicated_to_a_buffer),
		SCENARIO(dedicated_to_an_image),
		SCENARIO(device_mask),
		SCENARIO(priority),
		SCENARIO(commitment),
		SCENARIO(odd_sizes),
		SCENARIO(many_allocations),
		SCENARIO(untouched_memory_costs_nothing),
		SCENARIO_BARE(imported_host_memory),
		SCENARIO_BARE(exported_memory),
	};

	return ICD_RUN(tests, argc, argv);
}
