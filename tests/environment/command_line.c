/* SPDX-License-Identifier: MIT */
#include "command_line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ARGUMENTS 64

/* The file's contents, which the program keeps until it ends. */
static char contents[16384];

static size_t read_contents(void)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t count;

	if (fd < 0) {
		return 0;
	}
	while (size < sizeof(contents) - 1 &&
		(count = read(fd, contents + size, sizeof(contents) - 1 - size)) > 0) {
		size += (size_t)count;
	}
	close(fd);
	return size;
}

void command_line_read(struct command_line *line, int argc)
{
	const int capacity = (int)(sizeof(line->prefix) / sizeof(line->prefix[0]));
	size_t size = read_contents();
	char *words[MAX_ARGUMENTS];
	int count = 0;

	for (size_t at = 0; at < size && count < MAX_ARGUMENTS; at += strlen(contents + at) + 1) {
		words[count++] = contents + at;
	}
	line->prefix_count = 0;
	for (int i = 0; i < count - argc && line->prefix_count < capacity; i++) {
		if (strcmp(words[i], "--argv0") == 0) {
			return;
		}
		line->prefix[line->prefix_count++] = words[i];
	}
}

void command_line_exec(const struct command_line *line, char **argv)
{
	char *words[MAX_ARGUMENTS + 1];
	int count = 0;

	for (int i = 0; i < line->prefix_count; i++) {
		words[count++] = line->prefix[i];
	}
	for (char **word = argv; *word; word++) {
		if (count == MAX_ARGUMENTS) {
			errno = E2BIG;
			return;
		}
		words[count++] = *word;
	}
	words[count] = NULL;
	execv(words[0], words);
}
