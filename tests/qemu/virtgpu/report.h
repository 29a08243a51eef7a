/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_VM_REPORT_H
#define VMB_TEST_VM_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a program in the guest tells its judge (tests/qemu/cases_virtgpu.py): lines of JSON, an
 * object each, on standard output.
 */

/* The members of an object, without the braces. */
void report(const char *members, ...) __attribute__((format(printf, 1, 2)));
/* What the program cannot go on without has failed: says so and exits with 1. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Bytes of the host-visible window that the kernel has given away, from debugfs. */
uint64_t window_used(void);
/* Space comes back some time after it was given up: waits until that is all, or for a minute, and
 * says so then. */
void wait_until_used(uint64_t bytes);

/*
 * Says how much of the window is used, and sets a mark in QEMU's trace, too: a context whose name
 * is unique. The host comes to it after all that this process has asked the kernel for.
 */
void mark(const char *at);

double milliseconds(void);

#endif
