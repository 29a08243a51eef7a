/* SPDX-License-Identifier: MIT */
#include <stddef.h>

/* The function that the library's destructor calls. */
void (*at_exit)(void) __attribute__((visibility("default")));

__attribute__((destructor)) static void end(void)
{
	if (at_exit) {
		at_exit();
	}
}
