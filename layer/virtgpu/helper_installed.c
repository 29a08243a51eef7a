/* SPDX-License-Identifier: MIT */
#include "virtgpu/helper.h"

/* Linked into the installed library only. Replaces the weak definition in helper_find.c. */
const char vmb_helper_from_library[] = VMB_HELPER_FROM_LIBRARY;
