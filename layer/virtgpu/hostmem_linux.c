/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_CLOEXEC */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "ioctl/node.h"
#include "virtgpu/helper.h"
#include "virtgpu/hostmem.h"

/* Flags in a PCI device's file "resource" (IORESOURCE_*). */
#define RESOURCE_MEMORY 0x200
#define RESOURCE_PREFETCH 0x2000

static int reopen(int fd)
{
	struct stat was;
	char path[64];

	if (fstat(fd, &was) < 0) {
		return -errno;
	}
	int other = vmb_node_open(was.st_rdev);
	if (other >= 0) {
		return other;
	}
	/* The render node has another name, or the process cannot open it. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_RDWR | O_CLOEXEC);
	return other < 0 ? -errno : other;
}

/* Hostmem is the largest prefetchable BAR: the other BARs of a virtio-gpu hold registers. A PCI
 * capability names the BAR, but only root can read it. */
static uint64_t read_largest_bar(FILE *file)
{
	uint64_t first;
	uint64_t last;
	uint64_t flags;
	uint64_t size = 0;

	while (fscanf(file, "%" SCNx64 "%" SCNx64 "%" SCNx64, &first, &last, &flags) == 3) {
		if ((flags & RESOURCE_MEMORY) && (flags & RESOURCE_PREFETCH) &&
			last - first + 1 > size) {
			size = last - first + 1;
		}
	}
	return size;
}

static uint64_t hostmem_size(int fd)
{
	/* The node's parent is the PCI device; in older kernels, the virtio device below it. */
	static const char *const places[] = { "device", "device/.." };
	struct stat node;
	char path[96];
	FILE *file = NULL;

	if (fstat(fd, &node) < 0) {
		return 0;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !file; i++) {
		snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/%s/resource", major(node.st_rdev),
			minor(node.st_rdev), places[i]);
		file = fopen(path, "re");
	}
	if (!file) {
		return 0;
	}
	uint64_t size = read_largest_bar(file);
	fclose(file);
	return size;
}

static bool is_older(void)
{
	struct utsname name;
	unsigned version;
	unsigned level;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &version, &level) == 2 &&
		(version < 7 || (version == 7 && level < 3));
}

static uint64_t now_ms(void)
{
	return vmb_clock_ns() / 1000000;
}

static void sleep_ms(unsigned ms)
{
	struct timespec rest = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&rest, &rest) < 0 && errno == EINTR) {
	}
}

const struct vmb_system_ops vmb_system_linux = {
	.reopen = reopen,
	.hostmem_size = hostmem_size,
	.is_older = is_older,
	.now_ms = now_ms,
	.sleep_ms = sleep_ms,
	.find_helper = vmb_helper_find,
	.run_helper = vmb_helper_run,
	.is_blocked_on = vmb_helper_is_blocked_on,
};
