/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_HELPER_H
#define VMB_VIRTGPU_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The helper program (map_helper.c) maps one dma-buf and exits. The application does not see the
 * helper process: it is not the application's child, so that wait() and SIGCHLD handlers are not
 * affected. It inherits the dma-buf, but no other descriptor, no environment and no signal mask.
 */

/*
 * Finds the program: in its place of installation relative to the library that contains this
 * function, or beside that library, as in a build tree. -ENOENT, -ENAMETOOLONG.
 */
int vmb_helper_find(char *path, size_t size);

/*
 * Starts a helper for a dma-buf of this device, and waits until it exits or the timeout is over.
 * The caller keeps the dma-buf. All signals of the thread are blocked meanwhile. Any thread.
 *
 * 0: the helper has mapped the dma-buf.
 * -EINPROGRESS: the helper is blocked in its mapping and left behind. It exits once the kernel has
 *   made the mapping; the process that reaps orphans reaps the helper. Until then it probes hostmem
 *   from time to time, and tries the mapping again when there is room.
 * -ECHILD: the helper died, or its state is unknown. It may be left behind as well.
 * -EINVAL: mmap() failed with EINVAL. No other failure returns -EINVAL.
 * Otherwise the errno of the helper's mmap(), or of the failure to start a helper.
 */
int vmb_helper_run(const char *path, int dmabuf, dev_t device, unsigned timeout_ms);

/*
 * Whether a helper of any process is still at the mapping of this dma-buf. A blocked helper stays
 * until the mapping is made. True if the state is unknown.
 */
bool vmb_helper_is_blocked_on(int dmabuf);

#endif
