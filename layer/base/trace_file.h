/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_TRACE_FILE_H
#define VMB_BASE_TRACE_FILE_H

#include <stdbool.h>

/*
 * The ends of a trace file: an array of events, one a line, which several traces of several
 * processes may write at once. The last one that has the file open writes the array's end, and a
 * later trace removes it again. Locks on two bytes of the file show who has it open. They belong to
 * the open file, and go with it however the process ends. fd is open for reading and appending.
 */

/* Begins the array, or continues one. *separator goes before the first event. The file is locked
 * until vmb_trace_file_begun(). -EEXIST if the file is not a trace; negative errno. */
int vmb_trace_file_begin(int fd, const char **separator);
/* is_used: whether the caller keeps the file open. */
void vmb_trace_file_begun(int fd, bool is_used);

/* Whether the caller has to write the array's end. The file is locked until
 * vmb_trace_file_ended(). */
bool vmb_trace_file_end(int fd);
void vmb_trace_file_ended(int fd);

#endif
