/* SPDX-License-Identifier: MIT */
#include "vk/instance.h"

#include "vk/dispatch_key.h"

/* Dispatch key to vmb_instance. Global because the loader passes nothing but handles. */
static struct vmb_map instances = VMB_MAP_INITIALIZER;

__attribute__((destructor)) static void finish_instances(void)
{
	vmb_map_finish_empty(&instances);
}

int vmb_instance_register(struct vmb_instance *instance)
{
	return vmb_map_insert(&instances, vmb_dispatch_key(instance->handle), instance);
}

struct vmb_instance *vmb_instance_of(const void *dispatchable)
{
	return vmb_map_find(&instances, vmb_dispatch_key(dispatchable));
}

struct vmb_instance *vmb_instance_unregister(VkInstance handle)
{
	return vmb_map_remove(&instances, vmb_dispatch_key(handle));
}
