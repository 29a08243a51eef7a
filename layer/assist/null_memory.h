/* SPDX-License-Identifier: MIT */
#ifndef VMB_ASSIST_NULL_MEMORY_H
#define VMB_ASSIST_NULL_MEMORY_H

#include "assist/device.h"

/* Allocates the null memory and makes its BO known to the translator. NULL, or the obstacle: a
 * sentence for people. */
const char *vmb_null_memory_init(struct vmb_assist *assist);
/* While the driver still has its device. Accepts an assist without a null memory. */
void vmb_null_memory_finish(struct vmb_assist *assist);

#endif
