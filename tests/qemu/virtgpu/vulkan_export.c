// SPDX-License-Identifier: MIT
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app.h"
#include "other.h"

/* Uses of a dma-buf of deferred memory. */

static size_t compare_dma_buf(int dma_buf)
{
	void *map = mmap(NULL, BLOB_SIZE, PROT_READ, MAP_SHARED, dma_buf, 0);
	size_t wrong = map == MAP_FAILED ? BLOB_SIZE : pattern_wrong(map, BLOB_SIZE, 5);

	if (map != MAP_FAILED) {
		munmap(map, BLOB_SIZE);
	}
	return wrong;
}

/* Compares through another open file of the same device. */
static size_t compare_imported(int dma_buf)
{
	int fd = gpu_open_context(), err;
	size_t wrong = BLOB_SIZE;
	uint32_t handle;

	if (gpu_import(fd, dma_buf, &handle) == 0) {
		void *map = gpu_map(fd, handle, BLOB_SIZE, &err);

		if (err == 0) {
			wrong = pattern_wrong(map, BLOB_SIZE, 5);
			munmap(map, BLOB_SIZE);
		}
	}
	close(fd);
	return wrong;
}

void vulkan_export(void)
{
	VkDeviceMemory memory;
	struct other_mapping mapping;
	struct app app;

	app_init(&app);
	mark("device");
	VKU_CHECK(app_allocate(&app, true, &memory));
	mark("allocated");
	int dma_buf = app_export(&app, memory);
	mark("exported");
	int other = other_device_open();
	int err = other_device_import(other, dma_buf, &mapping);
	report("\"other\": \"%s\", \"address\": %llu, \"size\": %llu", strerror(-err),
		mapping.address, mapping.size);
	other_device_close(other);
	VKU_CHECK(app_visit(&app, memory, 5, NULL));
	report("\"dma_buf_wrong\": %zu", compare_dma_buf(dma_buf));
	report("\"imported_wrong\": %zu", compare_imported(dma_buf));
	close(dma_buf);
	app_free(&app, memory);
	app_finish(&app);
	wait_until_used(0);
	mark("end");
}
