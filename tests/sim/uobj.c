/* SPDX-License-Identifier: MIT */
#include "uobj.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

int vmb_sim_uobj_get(void *object, size_t size, uint64_t pointer, size_t user_size)
{
	const unsigned char *user = (const void *)(uintptr_t)pointer;
	for (size_t i = size; i < user_size; i++) {
		if (user[i]) {
			return -E2BIG;
		}
	}
	memset(object, 0, size);
	memcpy(object, user, smaller(size, user_size));
	return 0;
}

bool vmb_sim_uobj_is_readable(const struct drm_panthor_obj_array *array, size_t size)
{
	return array->array && array->stride >= size && array->count <= INT_MAX / size;
}

int vmb_sim_uobj_get_array(
	const struct drm_panthor_obj_array *array, size_t min, size_t size, void **copy)
{
	*copy = NULL;
	if (!array->count) {
		return 0;
	}
	if (array->stride < min) {
		return -EINVAL;
	}
	/* kvmalloc() allocates at most INT_MAX bytes. */
	if (array->count > INT_MAX / size) {
		return -ENOMEM;
	}
	if (!array->array) {
		return -EFAULT;
	}
	unsigned char *objects = calloc(array->count, size);
	if (!objects) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < array->count; i++) {
		int result = vmb_sim_uobj_get(objects + i * size, size,
			array->array + (uint64_t)i * array->stride, array->stride);
		if (result) {
			free(objects);
			return result;
		}
	}
	*copy = objects;
	return 0;
}

int vmb_sim_uobj_set(
	uint64_t pointer, size_t user_size, const void *object, size_t min, size_t size)
{
	unsigned char *user = (void *)(uintptr_t)pointer;
	if (user_size < min) {
		return -EINVAL;
	}
	memcpy(user, object, smaller(size, user_size));
	if (user_size > size) {
		memset(user + size, 0, user_size - size);
	}
	return 0;
}
