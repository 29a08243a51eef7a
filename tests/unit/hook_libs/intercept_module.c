/* SPDX-License-Identifier: MIT */
#include <uapi/panthor.h>

#include "backend/panthor/translator.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT struct vmb_intercept *module_create(void);
EXPORT struct vmb_intercept *module_create(void)
{
	struct vmb_intercept *intercept;

	return vmb_intercept_create(&vmb_panthor_translator, &intercept) == 0 ? intercept : NULL;
}

/* The work of a driver in vkCreateDevice; call is the driver's way to ioctl(). Returns whether the
 * intercept is live. */
EXPORT bool module_create_device(struct vmb_intercept *intercept,
	int (*call)(int fd, unsigned long request, void *argument), int fd);
EXPORT bool module_create_device(struct vmb_intercept *intercept,
	int (*call)(int fd, unsigned long request, void *argument), int fd)
{
	struct drm_panthor_vm_create create = { 0 };
	struct vmb_panthor_call driver_call;

	vmb_panthor_call_begin(&driver_call, intercept, VMB_PANTHOR_CALL_CREATE_DEVICE);
	call(fd, DRM_IOCTL_PANTHOR_VM_CREATE, &create);
	vmb_driver_call_end(&driver_call.base);
	return vmb_intercept_is_live(intercept);
}

EXPORT void module_destroy(struct vmb_intercept *intercept);
EXPORT void module_destroy(struct vmb_intercept *intercept)
{
	vmb_intercept_destroy(intercept);
}
