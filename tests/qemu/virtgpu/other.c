// SPDX-License-Identifier: MIT
#include "other.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "gpu.h"
#include "report.h"

#define TRACING "/sys/kernel/tracing/"
/* tests/qemu/virtgpu.py */
#define PCI_DEVICE "/sys/bus/pci/devices/0000:00:02.0/"
#define NODE "/dev/dri/card1"

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		fail("%s: %s", path, strerror(errno));
	}
	close(fd);
}

int other_device_open(void)
{
	double deadline = milliseconds() + 60000;
	int fd;

	write_file("/sys/bus/pci/rescan", "1");
	while ((fd = open(NODE, O_RDWR | O_CLOEXEC)) < 0 && milliseconds() < deadline) {
		usleep(10000);
	}
	if (fd < 0) {
		fail(NODE ": %s", strerror(errno));
	}
	return fd;
}

void other_device_close(int fd)
{
	close(fd);
	write_file(PCI_DEVICE "remove", "1");
}

/* Returns the last mapping of device memory. The event's name depends on the kernel's version. */
static struct other_mapping read_mapping(void)
{
	struct other_mapping mapping = { 0, 0 };
	FILE *file = fopen(TRACING "trace", "r");
	char line[1024];

	while (file && fgets(line, sizeof(line), file)) {
		const char *address = strstr(line, "phys_addr=");
		const char *size = strstr(line, "size=");

		if (address && size &&
			(strstr(line, "dma_map_phys:") || strstr(line, "dma_map_resource:"))) {
			sscanf(address, "phys_addr=%llx", &mapping.address);
			sscanf(size, "size=%llu", &mapping.size);
		}
	}
	if (file) {
		fclose(file);
	}
	return mapping;
}

int other_device_import(int fd, int dma_buf, struct other_mapping *mapping)
{
	uint32_t handle;
	int err;

	if (mount("none", TRACING, "tracefs", 0, NULL) < 0 && errno != EBUSY) {
		fail(TRACING ": %s", strerror(errno));
	}
	write_file(TRACING "trace", "");
	write_file(TRACING "events/dma/enable", "1");
	err = gpu_import(fd, dma_buf, &handle);
	write_file(TRACING "events/dma/enable", "0");
	*mapping = read_mapping();
	if (err == 0) {
		gpu_close(fd, handle);
	}
	return err;
}
