/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <uapi/panthor.h>

/*
 * A library to preload that takes libdrm's place between the driver and ioctl(): the layer, which
 * looks for the slots of libdrm and the driver, sees nothing of what goes this way. PANVK_BYPASS is
 * "all", or "vm_bind" for those alone.
 */

typedef int (*drm_ioctl_fn)(int fd, unsigned long request, void *arg);

static bool is_bypassed(unsigned long request)
{
	const char *what = getenv("PANVK_BYPASS");

	return what && (strcmp(what, "all") == 0 || (uint32_t)request == DRM_IOCTL_PANTHOR_VM_BIND);
}

/* It is there as long as the driver is, who calls. */
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
