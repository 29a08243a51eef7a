/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_ENVIRONMENT_STAGES_H
#define VMB_TESTS_ENVIRONMENT_STAGES_H

#include <stdio.h>

/*
 * Changes of the process that do not survive exec, made by the programs of this folder. An argument
 * STAGE:ACTION names the stage before which the program makes the change: start, instance, device
 * or end. actions[] in stages.c lists the actions.
 */

/* The descriptor of the output, if descriptor 1 is closed. */
#define OUTPUT_FD 100

/* The exit status after a wrong argument, which is a fault of matrix.py. */
#define WRONG_ARGUMENT 125

/* The program's output. matrix.py compares all lines of the output but those that begin with
 * "sparse: ", "tool: " or "note: ". */
extern FILE *output;

/* Call first. Makes the changes of the stage start. A failure of util/ is printed to the output. */
void stages_init(int argc, char **argv);
void stage(const char *name);
/* Makes the changes of the stage end, and prints the state of the process that the layer must not
 * change. Returns the exit status. */
int stages_finish(void);

/* Forks a child that only calls exit(), waits for the child, and prints the result. */
void fork_and_exit(void);

#endif
