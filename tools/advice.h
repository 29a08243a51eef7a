/* SPDX-License-Identifier: MIT */
#ifndef VMB_ADVICE_H
#define VMB_ADVICE_H

#include <stddef.h>

#include "report.h"

/* A change that would improve a device's support for sparse resources or memory. */
struct vmb_advice {
	const char *kind; /* one word, for programs */
	const char *text;
};

#define VMB_ADVICE_MAX 10

/* Fills in the advice for a device. Returns the number of entries. */
size_t vmb_advise(const struct vmb_device_answer *device, struct vmb_advice advice[VMB_ADVICE_MAX]);

#endif
