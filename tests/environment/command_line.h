/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_ENVIRONMENT_COMMAND_LINE_H
#define VMB_TESTS_ENVIRONMENT_COMMAND_LINE_H

/*
 * How a program was started. The dynamic linker of another root may run the program:
 * LINKER --library-path PATH --argv0 PROGRAM PROGRAM ARG...
 */
struct command_line {
	/* LINKER --library-path PATH; empty if the kernel started the program itself */
	char *prefix[8];
	int prefix_count;
};

/* Reads /proc/self/cmdline. The prefix stays empty if the file cannot be read. */
void command_line_read(struct command_line *line, int argc);
/* Executes a program in the same way. argv ends with NULL. Returns on failure, with errno set. */
void command_line_exec(const struct command_line *line, char **argv);

#endif
