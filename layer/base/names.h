/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_NAMES_H
#define VMB_BASE_NAMES_H

/* The manifest holds the same name and description. CMake defines VMB_VERSION ("1.2.3") and
 * VMB_LAYER_VERSION (10203, also in the manifest) from the version of the project. */
#define VMB_LAYER_NAME "VK_LAYER_VMBIND_sparse"
#define VMB_LAYER_DESCRIPTION "Sparse resources in the fewest kernel operations"

#endif
