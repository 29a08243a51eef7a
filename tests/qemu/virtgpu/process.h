/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_QEMU_PROCESS_H
#define VMB_TEST_QEMU_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Child processes that may block in the kernel. Each wait has a limit.
 */

/* Starts a child. Its exit status is the return value of run(). */
pid_t process_start(int (*run)(void *argument), void *argument);
/* Returns the exit status; -1 if the limit expired, -2 if a signal ended the process. */
int process_wait(pid_t pid, double limit_ms);
/* Returns the state letter of /proc/PID/stat; 0 if the process does not exist. */
char process_state(pid_t pid);
/* Returns whether the process blocks in this kernel function within the limit. */
bool process_blocks_in(pid_t pid, const char *function, double limit_ms);
/* Returns the first child of the process; 0 if there is none within the limit. */
pid_t process_child(pid_t pid, double limit_ms);
/* Returns the number of children. */
unsigned process_children(pid_t pid);
/* Returns whether /proc/PID/NAME is readable within the limit. */
bool process_file_readable(pid_t pid, const char *name, double limit_ms);
/* Sends SIGKILL after the delay, and returns whether the process ends. */
bool process_kill(pid_t pid, double delay_ms);

#endif
