/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/signals.h"

#define TIMEOUT_MS 1000

/* In a directory such as /tmp another user can leave a link to a file of this user. */
static bool is_foreign_link(const char *path)
{
	struct stat link;

	return lstat(path, &link) == 0 && S_ISLNK(link.st_mode) && link.st_uid != geteuid() &&
		link.st_uid != 0;
}

/* Appending to a device can destroy what the device holds. */
static bool is_accepted(int fd, const struct stat *file)
{
	const dev_t null = makedev(1, 3), full = makedev(1, 7);

	if (S_ISCHR(file->st_mode)) {
		return file->st_rdev == null || file->st_rdev == full || isatty(fd);
	}
	return S_ISREG(file->st_mode) || S_ISFIFO(file->st_mode);
}

int vmb_output_open(const char *path, int access)
{
	/* O_NONBLOCK: a FIFO without a reader, a lease or a serial line would block open(). */
	const int flags = O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat file;

	if (is_foreign_link(path)) {
		return -EXDEV;
	}
	if (stat(path, &file) == 0 && !S_ISREG(file.st_mode)) {
		if (S_ISBLK(file.st_mode)) {
			return -ENODEV;
		}
		/* If the layer read a FIFO too, a missing reader would go unnoticed. */
		access = O_WRONLY;
	}
	int fd = open(path, access | flags, 0666);
	if (fd < 0) {
		return -errno;
	}
	int ret = fstat(fd, &file) < 0 ? -errno : 0;
	if (ret == 0 && !is_accepted(fd, &file)) {
		ret = -ENODEV;
	}
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int vmb_output_wait(int fd)
{
	struct pollfd writable = { .fd = fd, .events = POLLOUT };
	int ret = poll(&writable, 1, TIMEOUT_MS);

	/* The following write reports other errors. */
	return ret == 0 ? -ETIMEDOUT : 0;
}

static int write_without_signals(int fd, const char *data, size_t size, size_t *written)
{
	while (*written < size) {
		ssize_t ret = write(fd, data + *written, size - *written);
		if (ret >= 0) {
			*written += (size_t)ret;
		} else if (errno == EAGAIN) {
			int error = vmb_output_wait(fd);
			if (error < 0) {
				return error;
			}
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int vmb_output_write(int fd, const char *data, size_t size, size_t *written)
{
	struct vmb_blocked_signals blocked;

	vmb_signals_block(&blocked);
	*written = 0;
	int ret = write_without_signals(fd, data, size, written);
	vmb_signals_unblock(&blocked, ret);
	return ret;
}

const char *vmb_output_error(int error)
{
	switch (error) {
	case -EEXIST:
		return "the file exists and is not a trace of the layer; remove the file or name "
		       "another";
	case -EXDEV:
		return "the path is a symbolic link of another user; name the file itself";
	case -ENODEV:
		return "the file is a device; name a regular file";
	case -ENXIO:
		return "no program reads from the pipe; start the reader first";
	case -EAGAIN:
		return "another program has a lease on the file; name another file";
	case -EPIPE:
		return "the program that reads from the pipe has ended";
	case -ETIMEDOUT:
		return "the program that reads from the pipe does not read";
	case -EFBIG:
		return "the limit on the size of files is reached (ulimit -f)";
	default:
		return strerror(-error);
	}
}
