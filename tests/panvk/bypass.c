/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <uapi/panthor.h>

/*
 * A preload library that replaces libdrm's drmIoctl(). The layer hooks the slots of libdrm and the
 * driver, so the layer misses ioctls that this library makes. PANVK_BYPASS selects them: "all", or
 * "vm_bind" for VM_BIND only.
 */

typedef int (*drm_ioctl_fn)(int fd, unsigned long request, void *arg);

static bool is_bypassed(unsigned long request)
{
	const char *selection = getenv("PANVK_BYPASS");

	return selection &&
		(strcmp(selection, "all") == 0 || (uint32_t)request == DRM_IOCTL_PANTHOR_VM_BIND);
}

/* The driver keeps libdrm loaded, and only the driver calls drmIoctl(). */
static int libdrm_ioctl(int fd, unsigned long request, void *arg)
{
	void *libdrm = dlopen("libdrm.so.2", RTLD_LAZY | RTLD_NOLOAD);

	if (!libdrm) {
		abort();
	}
	drm_ioctl_fn next = (drm_ioctl_fn)dlsym(libdrm, "drmIoctl");
	dlclose(libdrm);
	return next(fd, request, arg);
}

int drmIoctl(int fd, unsigned long request, void *arg);
__attribute__((visibility("default"))) int drmIoctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = is_bypassed(request) ? ioctl(fd, request, arg)
					   : libdrm_ioctl(fd, request, arg);
	} while (ret < 0 && (errno == EINTR || errno == EAGAIN));
	return ret;
}
