/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_HOOK_H
#define VMB_IOCTL_HOOK_H

#include <stddef.h>

#include "ioctl/retry.h"

/*
 * The hook: a handler that gets the ioctls of libdrm and of the Vulkan drivers.
 *
 * The hook patches the GOT of each of these libraries: the entries (slots) for ioctl() get the
 * address of a thunk. Other libraries and the program stay as they are. The handler can call the
 * function that was in the slot: ioctl() of the C library, or the function of another hook.
 *
 * The hook gives no guarantee. A library may call ioctl() without its GOT. A library that binds
 * lazily may overwrite a thunk if it resolves ioctl() while the hook patches the slot. A caller
 * that depends on an ioctl must check that the handler got it.
 *
 * Any thread may call any of these functions.
 */

/*
 * Gets an ioctl on the thread that makes it. The handler calls next to pass the ioctl on. The
 * library gets the handler's result and errno. Only the lower 32 bits of the request count, as in
 * the kernel. The handler may run in a signal handler if the library does.
 */
typedef int (*vmb_hook_handler)(vmb_ioctl_fn next, int fd, unsigned long request, void *arg);

/*
 * Adds a user of the hook and patches the libraries that are loaded now. Each call also patches the
 * libraries that were loaded since the last one. The first call that finds a library keeps the
 * library of this code loaded until the process exits.
 *
 * An error adds no user and leaves no new patch:
 * -EBUSY: another handler has users;
 * -ENOSPC: the slots have held more than VMB_HOOK_THUNKS different functions;
 * -ENOENT: the library of this code cannot be kept loaded;
 * -ENOMEM;
 * errors of mprotect(2).
 */
int vmb_hook_acquire(vmb_hook_handler handler);
/*
 * Removes a user. The last user's call restores the slots. A slot that another hook has replaced
 * stays: the other hook keeps calling the thunk, and the thunk calls the original function. Other
 * threads may still run the handler after this function returns.
 */
void vmb_hook_release(void);

/* The number of slots that hold a thunk. Slots that another hook has replaced do not count. */
size_t vmb_hook_count(void);

/* The number of different functions that slots may have held before they were patched. */
#define VMB_HOOK_THUNKS 8

#endif
