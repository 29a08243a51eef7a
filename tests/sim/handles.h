/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_HANDLES_H
#define VMB_SIM_HANDLES_H

#include <stddef.h>
#include <stdint.h>

/*
 * A table of objects by handle. Handles start at 1. A new handle is the lowest free one, as in the
 * kernel's idr and xarray. A zeroed struct is empty. Not thread-safe: the owner locks.
 */
struct vmb_sim_handles {
	void **objects; /* element 0 has handle 1; NULL: the handle is free */
	size_t count;
	size_t capacity;
	size_t first_free; /* no element below this index is free */
};

/* Adds an object. Returns its handle, or 0 if max handles are in use. */
uint32_t vmb_sim_handles_add(struct vmb_sim_handles *handles, void *object, uint32_t max);
/* The object of a handle, or NULL. */
void *vmb_sim_handles_get(const struct vmb_sim_handles *handles, uint32_t handle);
/* Removes a handle. Returns its object, or NULL if the handle is free. */
void *vmb_sim_handles_remove(struct vmb_sim_handles *handles, uint32_t handle);
/* The handle of an object, or 0. */
uint32_t vmb_sim_handles_find(const struct vmb_sim_handles *handles, const void *object);
/* Frees the table. The table does not free its objects. */
void vmb_sim_handles_finish(struct vmb_sim_handles *handles);

#endif
