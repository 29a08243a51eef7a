/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/trace_file.h"
#include "input.h"

/*
 * A file of any bytes that VMBIND_TRACE may name. Checks that
 * - a file that does not begin with a bracket is refused and unchanged;
 * - a trace that is continued keeps a prefix of the file, and loses at most its last 4096 bytes;
 * - an event and an end that are added can be continued again without a loss of the event.
 */

#define TAIL 4096

static int file = -1;

static void write_file(const void *bytes, size_t size)
{
	expect(ftruncate(file, 0) == 0 && pwrite(file, bytes, size, 0) == (ssize_t)size,
		"the file cannot be written");
}

static size_t file_size(void)
{
	off_t size = lseek(file, 0, SEEK_END);

	expect(size >= 0, "the file has no size");
	return (size_t)size;
}

static void check_prefix(const uint8_t *bytes, size_t size)
{
	uint8_t *now = exact_memory(size);

	expect(pread(file, now, size, 0) == (ssize_t)size && memcmp(now, bytes, size) == 0,
		"the file has other bytes");
	free(now);
}

static int begin(const char **separator)
{
	int ret = vmb_trace_file_begin(file, separator);

	vmb_trace_file_begun(file, ret == 0);
	return ret;
}

static void end(void)
{
	expect(vmb_trace_file_end(file), "the only trace must write the end");
	vmb_trace_file_ended(file);
}

static void append(const char *text)
{
	size_t length = strlen(text);

	expect(pwrite(file, text, length, (off_t)file_size()) == (ssize_t)length,
		"the file cannot be continued");
}

static void check_continued(const char *separator)
{
	append(separator);
	append("{\"name\":\"x\"}");
	size_t with_event = file_size();
	append("\n]\n");
	expect(begin(&separator) == 0 && strcmp(separator, ",\n") == 0,
		"a complete trace is not continued");
	expect(file_size() == with_event, "the last event is lost");
	end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *separator = NULL;

	if (file < 0) {
		file = memfd_create("trace", MFD_CLOEXEC);
	}
	write_file(data, size);
	int ret = begin(&separator);
	size_t kept = file_size();
	if (size && data[0] != '[') {
		expect(ret == -EEXIST && kept == size, "a file that is no trace was changed");
	} else {
		expect(ret == 0, "a trace was refused");
		expect(kept <= size && size - kept <= TAIL, "too much of the trace was removed");
	}
	check_prefix(data, kept);
	if (ret == 0) {
		end();
		check_continued(separator);
	}
	return 0;
}
