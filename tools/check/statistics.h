/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHECK_STATISTICS_H
#define VMB_CHECK_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The layer's statistics (VMBIND_STATS, docs/statistics.md) of a check that measures. */

/* Creates an empty file for the statistics and writes its name; false if it cannot. */
bool statistics_create(char *path, size_t size);

/* The operations on the kernel's address space that the second device of the file needed beyond the
 * first. -1 if the layer counted none: it was not enabled, or left the device to its driver. */
int64_t statistics_read_ops(const char *path);

#endif
