/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_PANVK_MARK_H
#define VMB_TESTS_PANVK_MARK_H

#include <stdbool.h>

/*
 * What a program tells the simulated kernel, for the script that reads the op stream afterwards.
 * May be called from any thread. Nothing happens where there is no simulated kernel.
 */

/* Writes a mark. */
void mark(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Held, the GPU runs nothing that is submitted, until it is let go. */
void hold_gpu(bool hold);

#endif
