/* SPDX-License-Identifier: MIT */
#ifndef VMB_VK_DISPATCH_KEY_H
#define VMB_VK_DISPATCH_KEY_H

#include <stdint.h>

/* The loader's dispatch pointer, the first word of every dispatchable object. A physical device
 * shares it with its instance. Queues and command buffers share it with their device. */
static inline uint64_t vmb_dispatch_key(const void *dispatchable)
{
	return (uintptr_t) * (void *const *)dispatchable;
}

#endif
