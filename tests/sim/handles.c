/* SPDX-License-Identifier: MIT */
#include "handles.h"

#include <stdlib.h>

#include "alloc.h"

uint32_t vmb_sim_handles_add(struct vmb_sim_handles *handles, void *object, uint32_t max)
{
	size_t i = handles->first_free;
	while (i < handles->count && handles->objects[i]) {
		i++;
	}
	handles->first_free = i;
	if (i >= max) {
		return 0;
	}
	if (i == handles->count) {
		handles->objects = vmb_sim_grow(handles->objects, handles->count,
			&handles->capacity, sizeof(*handles->objects));
		handles->count++;
	}
	handles->objects[i] = object;
	handles->first_free = i + 1;
	return (uint32_t)(i + 1);
}

void *vmb_sim_handles_get(const struct vmb_sim_handles *handles, uint32_t handle)
{
	if (handle == 0 || handle > handles->count) {
		return NULL;
	}
	return handles->objects[handle - 1];
}

void *vmb_sim_handles_remove(struct vmb_sim_handles *handles, uint32_t handle)
{
	void *object = vmb_sim_handles_get(handles, handle);
	if (!object) {
		return NULL;
	}
	size_t i = handle - 1;
	handles->objects[i] = NULL;
	if (i < handles->first_free) {
		handles->first_free = i;
	}
	return object;
}

uint32_t vmb_sim_handles_find(const struct vmb_sim_handles *handles, const void *object)
{
	for (size_t i = 0; i < handles->count; i++) {
		if (handles->objects[i] == object) {
			return (uint32_t)(i + 1);
		}
	}
	return 0;
}

void vmb_sim_handles_finish(struct vmb_sim_handles *handles)
{
	free(handles->objects);
	*handles = (struct vmb_sim_handles){ 0 };
}
