/* SPDX-License-Identifier: MIT */
#ifndef VMB_ASSIST_NULL_MEMORY_H
#define VMB_ASSIST_NULL_MEMORY_H

#include "assist/device.h"

/* Allocates the null memory and tells the translator its BO. Returns NULL, or the reason of the
 * failure as static text for the log. After a failure, call vmb_null_memory_finish() as well. */
const char *vmb_null_memory_init(struct vmb_assist *assist);
/* Frees the null memory, before the driver's device is destroyed. Accepts an assist without a null
 * memory. */
void vmb_null_memory_finish(struct vmb_assist *assist);

#endif
