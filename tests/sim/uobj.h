/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_UOBJ_H
#define VMB_SIM_UOBJ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi/panthor.h"

/* panthor's rules for structs whose size the caller chooses, as in panthor_drv.c. */

/*
 * Copies an array of structs. min is the size of the struct's first version. The caller frees the
 * copy; the copy of an empty array is NULL. Returns 0, -EINVAL, -E2BIG, -ENOMEM or -EFAULT.
 */
int vmb_sim_uobj_get_array(
	const struct drm_panthor_obj_array *array, size_t min, size_t size, void **copy);

/* Whether the op stream can read the caller's array. A call that the driver rejects may carry any
 * array. */
bool vmb_sim_uobj_is_readable(const struct drm_panthor_obj_array *array, size_t size);

/* copy_struct_from_user(): extends a shorter struct with zeros. Returns -E2BIG if a byte beyond
 * size is not 0. */
int vmb_sim_uobj_get(void *object, size_t size, uint64_t pointer, size_t user_size);

/* Copies an object to the caller's struct. Returns -EINVAL if the struct is shorter than min. */
int vmb_sim_uobj_set(
	uint64_t pointer, size_t user_size, const void *object, size_t min, size_t size);

#endif
