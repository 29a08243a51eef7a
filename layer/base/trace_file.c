/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* F_OFD_SETLK, memrchr */
#include "base/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Locked for writing while a trace reads or changes the begin or the end of the file. */
#define MUTEX_BYTE 0
/* Locked for reading by every trace that has the file open. */
#define USE_BYTE 1

static int lock_byte(int fd, short type, off_t byte, bool waits)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return fcntl(fd, waits ? F_OFD_SETLKW : F_OFD_SETLK, &lock) == 0 ? 0 : -errno;
}

/* Whether no other trace has the file open. Always true on a file system without locks. The caller
 * holds MUTEX_BYTE. */
static bool is_only_user(int fd)
{
	int ret = lock_byte(fd, F_WRLCK, USE_BYTE, false);

	return ret != -EAGAIN && ret != -EACCES;
}

static size_t trim(const char *text, size_t length)
{
	while (length && memchr(" \t\r\n", text[length - 1], 4)) {
		length--;
	}
	return length;
}

/* Whether the brackets of a line are balanced. An event that was cut has open brackets. */
static bool is_whole(const char *line, size_t length)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < length; i++) {
		if (line[i] == '"') {
			in_string = !in_string;
		} else if (in_string) {
			i += line[i] == '\\';
		} else {
			depth += (line[i] == '{') - (line[i] == '}');
		}
	}
	return depth == 0 && !in_string;
}

static size_t trim_comma(const char *text, size_t length)
{
	size_t kept = trim(text, length);

	return kept && text[kept - 1] == ',' ? trim(text, kept - 1) : kept;
}

/* The number of bytes of the file's tail to keep: without the array's end, which a user may have
 * added by hand, and without an event that was cut. */
static size_t kept_tail(const char *tail, size_t length)
{
	size_t kept = trim(tail, length);

	if (kept && tail[kept - 1] == ']') {
		kept--;
	}
	kept = trim_comma(tail, kept);
	const char *end = memrchr(tail, '\n', kept);
	size_t line = end ? (size_t)(end - tail) + 1 : 0;
	if (is_whole(tail + line, kept - line)) {
		return kept;
	}
	return end ? trim_comma(tail, line) : length;
}

/* Removes the end of the array. *separator goes before the next event. */
static int reopen_array(int fd, off_t size, const char **separator)
{
	char tail[4096]; /* more than two events */
	off_t start = size > (off_t)sizeof(tail) ? size - (off_t)sizeof(tail) : 0;
	ssize_t length = pread(fd, tail, sizeof(tail), start);

	if (length < 0) {
		return -errno;
	}
	size_t kept = kept_tail(tail, (size_t)length);
	*separator = start + (off_t)kept <= 1 ? "\n" : ",\n";
	return ftruncate(fd, start + (off_t)kept) < 0 ? -errno : 0;
}

static int continue_array(int fd, bool is_only_user, const char **separator)
{
	struct stat file;
	char first;

	*separator = "[\n";
	if (fstat(fd, &file) < 0) {
		return -errno;
	}
	if (!S_ISREG(file.st_mode) || file.st_size == 0) {
		return 0;
	}
	if (pread(fd, &first, 1, 0) != 1 || first != '[') {
		return -EEXIST;
	}
	*separator = ",\n";
	return is_only_user ? reopen_array(fd, file.st_size, separator) : 0;
}

int vmb_trace_file_begin(int fd, const char **separator)
{
	lock_byte(fd, F_WRLCK, MUTEX_BYTE, true);
	return continue_array(fd, is_only_user(fd), separator);
}

void vmb_trace_file_begun(int fd, bool is_used)
{
	lock_byte(fd, is_used ? F_RDLCK : F_UNLCK, USE_BYTE, true);
	lock_byte(fd, F_UNLCK, MUTEX_BYTE, false);
}

bool vmb_trace_file_end(int fd)
{
	lock_byte(fd, F_WRLCK, MUTEX_BYTE, true);
	return is_only_user(fd);
}

void vmb_trace_file_ended(int fd)
{
	lock_byte(fd, F_UNLCK, USE_BYTE, false);
	lock_byte(fd, F_UNLCK, MUTEX_BYTE, false);
}
