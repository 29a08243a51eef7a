/* SPDX-License-Identifier: MIT */
#ifndef VMB_TIMEOUT_H
#define VMB_TIMEOUT_H

#include <stdbool.h>

/* Parses the value of --timeout, 1 to 3600 seconds. Prints an error and returns false otherwise. */
bool vmb_timeout_parse(const char *program, const char *text, unsigned *timeout);

#endif
