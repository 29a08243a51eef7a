// SPDX-License-Identifier: MIT
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "other.h"
#include "raw.h"

static void import(int fd, int other, const char *name, uint32_t hints, bool mapped_before)
{
	struct other_mapping mapping;
	uint32_t handle;
	int err = gpu_create(fd, hints, &handle);

	if (err < 0) {
		fail("create: %s", strerror(-err));
	}
	if (mapped_before) {
		void *memory = gpu_map(fd, handle, BLOB_SIZE, &err);

		if (err < 0) {
			fail("map: %s", strerror(-err));
		}
		munmap(memory, BLOB_SIZE);
	}
	int dma_buf = gpu_export(fd, handle);
	err = other_device_import(other, dma_buf, &mapping);
	report("\"import\": \"%s\", \"error\": \"%s\", \"address\": %llu, \"size\": %llu", name,
		strerror(-err), mapping.address, mapping.size);
	close(dma_buf);
	gpu_close(fd, handle);
	wait_until_used(0);
}

void raw_import(void)
{
	int fd = gpu_open_context();
	int other = other_device_open();

	import(fd, other, "eager", 0, false);
	import(fd, other, "deferred", RAW_DEFER, false);
	import(fd, other, "deferred, mapped", RAW_DEFER, true);
	other_device_close(other);
}
