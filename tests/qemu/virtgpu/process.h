/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_VM_PROCESS_H
#define VMB_TEST_VM_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Children that may get stuck in the kernel. Nothing here waits for one without a limit.
 */

/* Its exit status is what run returns. */
pid_t process_start(int (*run)(void *argument), void *argument);
/* The exit status; -1 if it has not ended in that time, -2 if a signal ended it. */
int process_wait(pid_t pid, double limit_ms);
/* The letter of its state, as ps has it; 0 if it is not there. */
char process_state(pid_t pid);
/* Whether it sleeps in this function of the kernel's, or does so within that time. */
bool process_sleeps_in(pid_t pid, const char *function, double limit_ms);
/* The first of its children; 0 if it has none within that time. */
pid_t process_child(pid_t pid, double limit_ms);
unsigned process_children(pid_t pid);
/* Whether a file of its in /proc can be read within that time. */
bool process_can_be_read(pid_t pid, const char *name, double limit_ms);
/* Whether SIGKILL, after that time, ends it. */
bool process_kill(pid_t pid, double after_ms);

#endif
