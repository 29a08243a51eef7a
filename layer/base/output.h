/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_OUTPUT_H
#define VMB_BASE_OUTPUT_H

#include <stddef.h>

/*
 * The files that the settings "trace" and "stats" name. They must not disturb the application: no
 * function waits longer than about a second, and no function raises a signal.
 */

/* Opens or creates a file for appending. access is O_WRONLY or O_RDWR. Follows a symbolic link of
 * this user or of root. Returns a file descriptor or a negative errno:
 *
 *   -EXDEV    the path is a symbolic link of another user
 *   -ENODEV   the file is a device other than a terminal, /dev/null and /dev/full
 *   -ENXIO    no program reads from the FIFO, or the file is a socket
 *   -EAGAIN   another program has a lease on the file
 */
int vmb_output_open(const char *path, int access);

/* Waits until a write to a descriptor of the application does not block. -ETIMEDOUT after a second.
 * For descriptors that vmb_output_open() did not open. */
int vmb_output_wait(int fd);

/* Writes the data. A regular file gets them with one system call. *written is the number of bytes
 * written, also on failure. Returns 0 or a negative errno, -ETIMEDOUT if the reader of a pipe does
 * not read for a second. */
int vmb_output_write(int fd, const char *data, size_t size, size_t *written);

/* The cause of a negative errno of this file or of base/trace.h, for the log. */
const char *vmb_output_error(int error);

#endif
