/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_NAMES_H
#define VMB_BASE_NAMES_H

/* The manifest holds the same name, description and version. */
#define VMB_LAYER_NAME "VK_LAYER_VMBIND_sparse"
#define VMB_LAYER_DESCRIPTION "Sparse resources in the fewest kernel operations"
#define VMB_LAYER_VERSION 1

#endif
