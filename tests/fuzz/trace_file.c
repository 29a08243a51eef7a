/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/trace_file.h"
#include "input.h"

/*
 * A file of any bytes that VMBIND_TRACE may name. Checks that
 * - a file that is not a trace is refused and unchanged;
 * - a trace that is continued keeps all its bytes, except for a closing bracket.
 *
 * The first byte of the input is odd if the file begins as a trace does.
 */

#define EVENT VMB_TRACE_FILE_START "\"args\":{}}"

static int file = -1;

static void write_file(const uint8_t *bytes, size_t size)
{
	expect(ftruncate(file, 0) == 0 && write(file, bytes, size) == (ssize_t)size,
		"the file cannot be written");
}

static size_t file_size(void)
{
	off_t size = lseek(file, 0, SEEK_END);

	expect(size >= 0, "the file has no size");
	return (size_t)size;
}

/* before is the file's content before the call. */
static void check_continued(const uint8_t *before, size_t size)
{
	size_t length = strlen(EVENT), changed = 0;
	uint8_t *now = exact_memory(size + length);

	expect(file_size() == size + length, "the file has an unexpected size");
	expect(pread(file, now, size + length, 0) == (ssize_t)(size + length),
		"the file cannot be read");
	for (size_t i = 0; i < size; i++) {
		if (now[i] != before[i]) {
			expect(before[i] == ']' && now[i] == ' ', "a byte was changed");
			changed++;
		}
	}
	expect(changed <= 1, "two brackets were changed");
	expect(now[size] == (size ? ',' : '['), "the event is not separated");
	expect(memcmp(&now[size + 1], &EVENT[1], length - 1) == 0, "the event is not complete");
	free(now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[] = EVENT;
	size_t start = size && data[0] % 2 ? strlen(VMB_TRACE_FILE_START) : 0;
	size_t rest = size ? size - 1 : 0;
	uint8_t *before = exact_memory(start + rest);

	if (file < 0) {
		file = memfd_create("trace", MFD_CLOEXEC);
		expect(fcntl(file, F_SETFL, O_APPEND) == 0, "the file cannot be appended to");
	}
	memcpy(before, VMB_TRACE_FILE_START, start);
	if (rest) {
		memcpy(before + start, data + 1, rest);
	}
	write_file(before, start + rest);
	int ret = vmb_trace_file_begin(file, text, strlen(text));
	if (ret == 0) {
		check_continued(before, start + rest);
	} else {
		expect(ret == -EEXIST && !start && rest, "a trace was refused");
		expect(file_size() == rest, "a file that is no trace was changed");
	}
	free(before);
	return 0;
}
