/* SPDX-License-Identifier: MIT */
#ifndef HELPER_FINDER_H
#define HELPER_FINDER_H

#include <stddef.h>

/* Of a library that stands in for the layer's: calls vmb_helper_find(). */
__attribute__((visibility("default"))) int helper_finder_find(char *path, size_t size);

#endif
