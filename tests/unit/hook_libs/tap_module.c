/* SPDX-License-Identifier: MIT */
#include "ioctl/intercept.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT struct vmb_tap *module_tap(void);
EXPORT struct vmb_tap *module_tap(void)
{
	struct vmb_tap *tap;

	return vmb_tap_create(&tap) == 0 ? tap : NULL;
}

/* What a driver does in its vkCreateDevice, by way of what calls ioctl() for it. Whether the tap is live. */
EXPORT bool module_create_device(
	struct vmb_tap *tap, int (*call)(int fd, unsigned long request, void *argument), int fd);
EXPORT bool module_create_device(
	struct vmb_tap *tap, int (*call)(int fd, unsigned long request, void *argument), int fd)
{
	struct drm_panthor_vm_create create = { 0 };
	struct vmb_scope scope;

	vmb_scope_begin(&scope, tap, VMB_SCOPE_DEVICE);
	call(fd, DRM_IOCTL_PANTHOR_VM_CREATE, &create);
	vmb_scope_end(&scope);
	return vmb_tap_is_live(tap);
}

EXPORT void module_destroy(struct vmb_tap *tap);
EXPORT void module_destroy(struct vmb_tap *tap)
{
	vmb_tap_destroy(tap);
}
