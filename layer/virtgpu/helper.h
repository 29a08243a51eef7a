/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_HELPER_H
#define VMB_VIRTGPU_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The helper program (map_helper.c): a process of its own that maps a dma-buf once and ends. The
 * application does not see it: it is no child of the application's, whose wait() and SIGCHLD
 * handlers have nothing to do with it, and it inherits the dma-buf and nothing else, no
 * environment, no signal mask, no file.
 */

/*
 * Where the program is: where it is installed relative to the library that this code is part of, or
 * beside that library, as in a build tree. -ENOENT if it is at neither place, -ENAMETOOLONG.
 */
int vmb_helper_find(char *path, size_t size);

/*
 * Starts it on a dma-buf of this device's, which stays the caller's, and waits for it to end, at
 * most so long. Blocks all signals of the thread meanwhile. Any thread.
 *
 * 0 if the dma-buf was mapped. -EINPROGRESS if the helper is at it still: it is left behind, and
 * goes when the kernel lets it; whatever process reaps orphans reaps it. It then tries again by
 * itself, each time that it finds room in the device's hostmem. -ECHILD if it died, or if nobody
 * can say what became of it: it may be left behind, too. Otherwise a negative errno: of its mmap,
 * or why it could not be started, which is never -EINVAL.
 */
int vmb_helper_run(const char *path, int dmabuf, dev_t device, unsigned timeout_ms);

/*
 * Whether a helper is still at a dma-buf that it was started on, in whatever process. One that
 * sleeps cannot go before the mapping is made. True also if it is not known.
 */
bool vmb_helper_is_blocked_on(int dmabuf);

#endif
