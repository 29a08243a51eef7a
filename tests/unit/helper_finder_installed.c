/* SPDX-License-Identifier: MIT */
#define VMB_HELPER_FROM_LIBRARY "../libexec/vmbind/vmbind-map-helper"
#include "virtgpu/helper_installed.c"
