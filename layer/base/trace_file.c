/* SPDX-License-Identifier: MIT */
#include "base/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"

static bool is_trace(int fd)
{
	static const char expected[] = VMB_TRACE_FILE_START;
	char start[sizeof(expected) - 1];

	return pread(fd, start, sizeof(start), 0) == (ssize_t)sizeof(start) &&
		memcmp(start, expected, sizeof(start)) == 0;
}

static int overwrite(int fd, const char *data, size_t size, off_t at)
{
	/* pwrite() to a descriptor with O_APPEND appends, see pwrite(2). */
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_APPEND) < 0) {
		return -errno;
	}
	ssize_t written = pwrite(fd, data, size, at);
	int error = written < 0 ? -errno : 0;
	if (fcntl(fd, F_SETFL, flags) < 0) {
		return -errno;
	}
	return error ? error : written == (ssize_t)size ? 0 : -EIO;
}

/* Overwrites a closing bracket, which earlier versions or the user added. */
static int reopen_array(int fd, off_t size)
{
	char tail[64];
	off_t start = size > (off_t)sizeof(tail) ? size - (off_t)sizeof(tail) : 0;
	ssize_t length = pread(fd, tail, sizeof(tail), start);

	if (length < 0) {
		return -errno;
	}
	while (length > 0 && memchr(" \t\r\n", tail[length - 1], 4)) {
		length--;
	}
	bool is_closed = length > 0 && tail[length - 1] == ']';
	return is_closed ? overwrite(fd, " ", 1, start + length - 1) : 0;
}

static int append(int fd, const char *text, size_t size)
{
	size_t written;
	int ret = vmb_output_write(fd, text, size, &written);

	if (ret < 0) {
		vmb_trace_file_blank(fd, written);
	}
	return ret;
}

/* Begins an empty file. Another process may do the same at once. Then the bracket of the later text
 * becomes the comma between both texts. */
static int begin_array(int fd, const char *text, size_t size)
{
	int ret = append(fd, text, size);
	/* After a write with O_APPEND, the offset is the end of the written bytes. */
	off_t end = ret < 0 ? ret : lseek(fd, 0, SEEK_CUR);

	if (ret < 0 || end == (off_t)size) {
		return ret;
	}
	if (end < 0) {
		return -errno;
	}
	return is_trace(fd) ? overwrite(fd, ",", 1, end - (off_t)size) : -EEXIST;
}

int vmb_trace_file_begin(int fd, char *text, size_t size)
{
	struct stat file;

	if (fstat(fd, &file) < 0) {
		return -errno;
	}
	if (!S_ISREG(file.st_mode)) {
		return append(fd, text, size);
	}
	if (file.st_size == 0) {
		return begin_array(fd, text, size);
	}
	if (!is_trace(fd)) {
		return -EEXIST;
	}
	int ret = reopen_array(fd, file.st_size);
	if (ret < 0) {
		return ret;
	}
	text[0] = ',';
	return append(fd, text, size);
}

void vmb_trace_file_blank(int fd, size_t size)
{
	char spaces[2048];
	off_t end = lseek(fd, 0, SEEK_CUR);

	/* A pipe has no offset. No event is longer than spaces. */
	if (size == 0 || size > sizeof(spaces) || end < (off_t)size) {
		return;
	}
	memset(spaces, ' ', size);
	overwrite(fd, spaces, size, end - (off_t)size);
}
