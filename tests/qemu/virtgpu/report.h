/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_QEMU_REPORT_H
#define VMB_TEST_QEMU_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The report of a guest program to tests/qemu/cases_virtgpu.py: lines on standard output, each a
 * JSON object.
 */

/* Prints an object. members: without the braces. */
void report(const char *members, ...) __attribute__((format(printf, 1, 2)));
/* Prints the message and exits with status 1. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Returns the used bytes of hostmem, from debugfs. */
uint64_t hostmem_used(void);
/* Waits until this many bytes of hostmem are used: the kernel releases hostmem asynchronously.
 * After a minute, prints a message and returns. */
void wait_until_used(uint64_t bytes);

/*
 * Reports the used bytes of hostmem, and sets a mark in QEMU's trace: a context with a unique name.
 * The host executes all earlier requests of this process before the mark.
 */
void mark(const char *at);

double milliseconds(void);

#endif
