/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_LIBRARIES_H
#define VMB_IOCTL_LIBRARIES_H

#include "ioctl/elf_object.h"

/*
 * The libraries whose ioctls are of interest: libdrm and the Vulkan drivers. Any thread may call
 * any of these functions at any time.
 */

/* A result other than 0 ends the walk. */
typedef int (*vmb_library_visitor)(const struct vmb_elf *elf, void *data);

/*
 * Visits those that are loaded; returns the last result. No library is unloaded meanwhile. The
 * visitor must not call dlopen(), dlsym() or dlclose(): another thread may hold their lock and wait
 * for the walk's.
 */
int vmb_libraries_each(vmb_library_visitor visit, void *data);

/*
 * The walk comes by a library that another thread is just loading, too: its slots may not be
 * relocated yet, nor its pages read-only, and to write to it would be to collide with the dynamic
 * linker. One that is held is loaded completely, and stays so.
 */
struct vmb_held_library;

/* Waits for other threads' dlopen(). *held is NULL if there is no library; -ENOMEM. */
int vmb_libraries_hold(struct vmb_held_library **held);
bool vmb_library_is_held(const struct vmb_held_library *held, const struct vmb_elf *elf);
/* Takes NULL. May unload a library, if everybody else has closed it meanwhile. */
void vmb_libraries_let_go(struct vmb_held_library *held);

/* Keeps what holds this code loaded for as long as the process lives. -ENOENT if that cannot be. */
int vmb_libraries_pin(void *code);

#endif
