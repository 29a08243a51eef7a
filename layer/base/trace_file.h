/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_TRACE_FILE_H
#define VMB_BASE_TRACE_FILE_H

#include <stdbool.h>

/*
 * Begins and ends a trace file: an array of events, one per line. Several traces of several
 * processes may write to the file at once. The last trace that has the file open writes the end of
 * the array. A later trace removes that end again.
 *
 * Locks on two bytes of the file show whether a trace has it open. The kernel releases the locks
 * when the file is closed, also after a crash. fd is open for reading and appending.
 */

/* Locks the file until vmb_trace_file_begun(), also on failure, and begins or continues the array.
 * The caller writes *separator before its first event. -EEXIST if the file is not a trace; any
 * other negative errno. */
int vmb_trace_file_begin(int fd, const char **separator);
/* Unlocks the file. is_used: whether the caller keeps the file open. */
void vmb_trace_file_begun(int fd, bool is_used);

/* Locks the file until vmb_trace_file_ended(). Returns whether the caller must write the end of the
 * array. */
bool vmb_trace_file_end(int fd);
void vmb_trace_file_ended(int fd);

#endif
