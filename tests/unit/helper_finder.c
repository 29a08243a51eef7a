/* SPDX-License-Identifier: MIT */
#include "helper_finder.h"

#include "virtgpu/helper.h"

int helper_finder_find(char *path, size_t size)
{
	return vmb_helper_find(path, size);
}
