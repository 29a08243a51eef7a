/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_PANVK_MARK_H
#define VMB_TESTS_PANVK_MARK_H

#include <stdbool.h>

/*
 * The test programs' interface to the simulated kernel, for the script that reads the op stream.
 * Any thread may call these functions. Without a simulated kernel they do nothing.
 */

/* Writes a mark to the op stream. */
void mark(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* hold: the GPU starts no submitted work until hold_gpu(false). */
void hold_gpu(bool hold);

#endif
