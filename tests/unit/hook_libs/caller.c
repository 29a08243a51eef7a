/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <sys/ioctl.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int call_ioctl(int fd, unsigned long request, void *argument);
EXPORT int call_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument);
}

#ifdef IS_DRIVER
EXPORT void vk_icdGetInstanceProcAddr(void);
EXPORT void vk_icdGetInstanceProcAddr(void)
{
}
#else
/* Refers to the symbol without a definition, as a Vulkan loader may. */
EXPORT __attribute__((weak)) void vk_icdGetInstanceProcAddr(void);
EXPORT int has_driver(void);
EXPORT int has_driver(void)
{
	return vk_icdGetInstanceProcAddr != NULL;
}
#endif

#ifdef IS_SLOW
/* The dynamic linker calls this function during relocation. The loop makes loading slow. */
__attribute__((used)) static void (*resolve(void))(void)
{
	for (volatile unsigned i = 0; i < 20000000; i++) {
	}
	return vk_icdGetInstanceProcAddr;
}

static void resolved(void) __attribute__((ifunc("resolve")));

EXPORT void call_resolved(void);
EXPORT void call_resolved(void)
{
	resolved();
}
#endif
