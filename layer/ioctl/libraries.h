/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_LIBRARIES_H
#define VMB_IOCTL_LIBRARIES_H

#include "ioctl/elf_object.h"

/*
 * The loaded libraries that the hook patches: libdrm and the Vulkan drivers. Any thread may call
 * any of these functions. Errors are negative errno values.
 */

/* Returns 0 to continue the walk. */
typedef int (*vmb_library_visitor)(const struct vmb_elf *elf, void *data);

/*
 * Visits each loaded library and returns the visitor's last result. No library is unloaded during
 * the walk. The visitor must not call dlopen(), dlsym() or dlclose(): another thread may hold their
 * lock and wait for the lock of the walk.
 */
int vmb_libraries_each(vmb_library_visitor visit, void *data);

/*
 * A list of libraries that are completely loaded and stay loaded.
 *
 * The walk also visits a library that another thread is loading. Its slots may not be relocated and
 * its RELRO pages may still be writable. Writing to its slots would race with the dynamic linker.
 */
struct vmb_held_library;

/* Waits for dlopen() in other threads. *held is NULL if no library is loaded. Returns 0 or -ENOMEM.
 * The caller releases the list. */
int vmb_libraries_hold(struct vmb_held_library **held);
/* Whether the list contains the library. */
bool vmb_library_is_held(const struct vmb_held_library *held, const struct vmb_elf *elf);
/* Frees the list. Takes NULL. Unloads a library if every other user has closed it. */
void vmb_libraries_release(struct vmb_held_library *held);

/* Keeps the library that contains the code loaded until the process exits. Returns 0 or -ENOENT. */
int vmb_libraries_pin(void *code);

#endif
