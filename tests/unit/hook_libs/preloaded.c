/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdarg.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int preloaded_calls;
EXPORT int ioctl(int fd, unsigned long request, ...);
EXPORT int __ioctl_time64(int fd, unsigned long request, ...);

static int pass(const char *name, int fd, unsigned long request, void *argument)
{
	int (*next)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(
		RTLD_NEXT, name);

	preloaded_calls++;
	return next(fd, request, argument);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;

	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	return pass("ioctl", fd, request, argument);
}

int __ioctl_time64(int fd, unsigned long request, ...)
{
	va_list arguments;

	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	return pass("__ioctl_time64", fd, request, argument);
}
