/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_HELPER_H
#define VMB_VIRTGPU_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The helper program (map_helper.c) maps one dma-buf and exits. The helper process is not a child
 * of the application, so wait() and SIGCHLD do not show it. The helper inherits the dma-buf as its
 * standard input, and no other descriptor, no environment and no signal mask.
 */

/*
 * Finds the program. It has one place: the path vmb_helper_from_library, relative to the directory
 * of the layer's library. Both paths are resolved when the library is loaded, so later changes of
 * the working directory or of a symbolic link have no effect.
 *
 * path is filled in on success. -ENOENT if there is no program. -EACCES if the program cannot be
 * executed. -EPERM if another user could have made or changed the program. Otherwise an errno of
 * realpath(3). Any thread.
 */
int vmb_helper_find(char *path, size_t size);

/* The helper's path relative to the directory of the library. An uninstalled build has the helper
 * beside the library. helper_installed.c replaces the path in the installed library. */
extern const char vmb_helper_from_library[];

/*
 * Starts a helper for a dma-buf of this device, and waits until the helper exits or the timeout is
 * over. The caller keeps the dma-buf. All signals of the thread are blocked meanwhile. Any thread.
 *
 * 0: the helper has mapped the dma-buf.
 * -EINPROGRESS: the timeout is over, and the helper is blocked in its mapping. The helper probes
 *   hostmem from time to time, and maps the dma-buf again when there is room. It exits once the
 *   kernel has made the mapping. The process that reaps orphans reaps the helper.
 * -ECHILD: the helper died, or its state is unknown. It may still be running.
 * -EINVAL: mmap() failed with EINVAL. No other failure returns -EINVAL.
 * Otherwise the negative errno of the helper's mmap(), or of the failed start.
 */
int vmb_helper_run(const char *path, int dmabuf, dev_t device, unsigned timeout_ms);

/*
 * Whether a helper of any process is mapping this dma-buf now. A blocked helper does so until the
 * kernel has made the mapping. True if the state is unknown. Any thread.
 */
bool vmb_helper_is_blocked_on(int dmabuf);

#endif
