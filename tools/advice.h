/* SPDX-License-Identifier: MIT */
#ifndef VMB_ADVICE_H
#define VMB_ADVICE_H

#include <stddef.h>

#include "report.h"

/* What would make things better on a device. */
struct vmb_advice {
	const char *kind; /* one word, for programs */
	const char *text;
};

#define VMB_ADVICE_MAX 10

/* Returns how many there are. */
size_t vmb_advise(const struct vmb_device_answer *device, struct vmb_advice advice[VMB_ADVICE_MAX]);

#endif
