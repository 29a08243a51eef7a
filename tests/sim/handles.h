/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_HANDLES_H
#define VMB_SIM_HANDLES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Handles from 1 on for objects; a new one is the lowest that is free, as the kernel's idr and
 * xarray have it. A zeroed one is empty. Whoever owns it locks.
 */
struct vmb_sim_handles {
	void **objects; /* of handle 1, 2, …; NULL where free */
	size_t count;
	size_t capacity;
	size_t first_free; /* none below it is free */
};

/* The new handle; 0 if there are max already. */
uint32_t vmb_sim_handles_add(struct vmb_sim_handles *handles, void *object, uint32_t max);
/* NULL if there is none. */
void *vmb_sim_handles_get(const struct vmb_sim_handles *handles, uint32_t handle);
/* Takes the object out, for the caller; NULL if there is none. */
void *vmb_sim_handles_remove(struct vmb_sim_handles *handles, uint32_t handle);
/* Of the object; 0 if it has none. */
uint32_t vmb_sim_handles_find(const struct vmb_sim_handles *handles, const void *object);
/* Frees the table, which must be empty of objects that anybody has to free. */
void vmb_sim_handles_finish(struct vmb_sim_handles *handles);

#endif
