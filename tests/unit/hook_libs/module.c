/* SPDX-License-Identifier: MIT */
#include "ioctl/hook.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int module_acquire(vmb_hook_handler handler);
EXPORT int module_acquire(vmb_hook_handler handler)
{
	return vmb_hook_acquire(handler);
}

EXPORT void module_release(void);
EXPORT void module_release(void)
{
	vmb_hook_release();
}
