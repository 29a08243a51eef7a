// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "raw.h"

/*
 * What another DRM device gets when it imports a blob: the kernel's DMA events tell which physical
 * addresses were mapped for it.
 */

#define TRACING "/sys/kernel/tracing"
#define OTHER_DEVICE "/dev/dri/card1"

static void write_tracing(const char *name, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACING "/%s", name);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		fail("%s: %s", path, strerror(errno));
	}
	close(fd);
}

/* Of the last mapping of memory that is not the guest's: the event's name has changed over time. */
static void last_dma_mapping(uint64_t *address, uint64_t *size)
{
	FILE *file = fopen(TRACING "/trace", "r");
	char line[1024];

	while (file && fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, "phys_addr=");
		const char *length = strstr(line, "size=");

		if (at && length &&
			(strstr(line, "dma_map_phys:") || strstr(line, "dma_map_resource:"))) {
			sscanf(at, "phys_addr=%" SCNx64, address);
			sscanf(length, "size=%" SCNu64, size);
		}
	}
	if (file) {
		fclose(file);
	}
}

static void import(int fd, int other, const char *name, uint32_t hints, bool mapped_before)
{
	uint64_t address = 0, size = 0;
	uint32_t handle, imported = 0;
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
	write_tracing("trace", "");
	write_tracing("events/dma/enable", "1");
	err = gpu_import(other, dma_buf, &imported);
	write_tracing("events/dma/enable", "0");
	last_dma_mapping(&address, &size);
	report("\"import\": \"%s\", \"error\": \"%s\", \"address\": %" PRIu64
	       ", \"size\": %" PRIu64,
		name, strerror(-err), address, size);
	if (err == 0) {
		gpu_close(other, imported);
	}
	close(dma_buf);
	gpu_close(fd, handle);
	wait_until_used(0);
}

void raw_import(void)
{
	int fd = gpu_open_context();
	int other = open(OTHER_DEVICE, O_RDWR | O_CLOEXEC);

	if (other < 0) {
		fail(OTHER_DEVICE ": %s", strerror(errno));
	}
	if (mount("none", TRACING, "tracefs", 0, NULL) < 0 && errno != EBUSY) {
		fail(TRACING ": %s", strerror(errno));
	}
	import(fd, other, "eager", 0, false);
	import(fd, other, "deferred", RAW_DEFER, false);
	import(fd, other, "deferred, mapped", RAW_DEFER, true);
}
