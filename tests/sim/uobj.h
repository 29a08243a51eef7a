/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_UOBJ_H
#define VMB_SIM_UOBJ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi/panthor.h"

/* panthor's rules for structs whose size is the caller's, as in panthor_drv.c. */

/*
 * Copies an array, element by element where the caller's are of another size. min is the size that
 * the struct had when it was new. The copy is for free(); NULL if the array is empty. -EINVAL,
 * -E2BIG, -ENOMEM, -EFAULT.
 */
int vmb_sim_uobj_get_array(
	const struct drm_panthor_obj_array *array, size_t min, size_t size, void **copy);

/* Whether the array may be looked at as it is: one that is refused may be anything. */
bool vmb_sim_uobj_is_readable(const struct drm_panthor_obj_array *array, size_t size);

/* copy_struct_from_user(): what the caller does not have is 0; -E2BIG for what we do not know. */
int vmb_sim_uobj_get(void *object, size_t size, uint64_t pointer, size_t user_size);

/* Writes an object to the caller's, which may be shorter, but not than min: -EINVAL. */
int vmb_sim_uobj_set(
	uint64_t pointer, size_t user_size, const void *object, size_t min, size_t size);

#endif
