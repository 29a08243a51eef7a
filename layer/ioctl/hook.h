/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_HOOK_H
#define VMB_IOCTL_HOOK_H

#include <stddef.h>

/*
 * Puts a function of ours between libdrm and the Vulkan drivers, and ioctl(): in each of those
 * libraries that is loaded, the slots of its GOT that hold the address of ioctl() get the address
 * of a thunk. No other library is touched, nor is the program. What stood in a slot before, the C
 * library's ioctl() or somebody else's, is called next.
 *
 * Nothing is certain here. A library may reach ioctl() in another way, and one that binds lazily
 * may be doing so at this moment, and then overwrites the thunk. Who depends on a call being seen
 * has to see it.
 */

typedef int (*vmb_ioctl_fn)(int fd, unsigned long request, ...);

/*
 * Gets each ioctl of those libraries, in the thread that makes it; to pass it on, it calls next.
 * The result and errno are what the library sees. Of the request only the lower 32 bits count, as
 * for the kernel. May be called by a signal handler if the library is.
 */
typedef int (*vmb_hook_handler)(vmb_ioctl_fn next, int fd, unsigned long request, void *arg);

/*
 * Counts a user, and hooks the libraries that are loaded now: each call finds those that were
 * loaded since the last. From the first time that there was one, the library that this code is part
 * of stays loaded. May be called from any thread, as may the others.
 *
 * On an error nothing is counted, and nothing is hooked that was not before: -EBUSY if there is a
 * user with another handler; -ENOSPC if there have been more different functions in the slots than
 * VMB_HOOK_THUNKS; -ENOENT if this library cannot be kept loaded; -ENOMEM; what mprotect(2) says.
 */
int vmb_hook_acquire(vmb_hook_handler handler);
/*
 * The last user's call puts back what stood in the slots, except where somebody else has put
 * something in since: that will go on calling us, and is passed on to what stood there. A thread
 * that is in the handler may be there still when this returns.
 */
void vmb_hook_release(void);

/* How many slots lead to the handler directly; not those where somebody came after us. */
size_t vmb_hook_count(void);

#define VMB_HOOK_THUNKS 8

#endif
