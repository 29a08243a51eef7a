/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_TRACE_FILE_H
#define VMB_BASE_TRACE_FILE_H

#include <stddef.h>

/*
 * Begins a trace file: an array of events, one per line, without the closing bracket, which the
 * format does not need. Several traces of several processes may append to the file at once. No
 * function locks the file: every program that may read a file can hold a lock on the file.
 */

/* The beginning of every trace. A file is a trace if it begins with these bytes. */
#define VMB_TRACE_FILE_START "[\n{\"ph\":\"M\",\"cat\":\"__metadata\",\"name\":\"process_name\","

/* Begins the array, or continues an array, with one event. The text begins with
 * VMB_TRACE_FILE_START; all later events begin with ",\n". The call may change the text. No other
 * thread may use fd, which is open for appending, and a regular file also for reading. -EEXIST if
 * the file is neither empty nor a trace; any other negative errno. */
int vmb_trace_file_begin(int fd, char *text, size_t size);

/* Overwrites the last size bytes before the offset of fd with spaces: they are a part of an event.
 * No other thread may use fd. */
void vmb_trace_file_blank(int fd, size_t size);

#endif
