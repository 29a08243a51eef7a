/* SPDX-License-Identifier: MIT */
#include <stddef.h>

/* The function that the library's destructor calls. */
void (*in_the_end)(void) __attribute__((visibility("default")));

__attribute__((destructor)) static void end(void)
{
	if (in_the_end) {
		in_the_end();
	}
}
