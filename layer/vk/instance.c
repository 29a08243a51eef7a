/* SPDX-License-Identifier: MIT */
#include "vk/instance.h"

#include "vk/dispatch_key.h"

/* Dispatch key to vmb_instance. Global because the loader passes nothing but handles. */
static struct vmb_map instances = VMB_MAP_INITIALIZER;

__attribute__((destructor)) static void finish_instances(void)
{
	vmb_map_finish_empty(&instances);
}

/* The key of a reserved entry. No dispatch key is equal: both are addresses of live objects. */
static uint64_t reserved_key(const struct vmb_instance *instance)
{
	return (uint64_t)(uintptr_t)instance;
}

int vmb_instance_reserve(struct vmb_instance *instance)
{
	return vmb_map_insert(&instances, reserved_key(instance), instance);
}

void vmb_instance_register(struct vmb_instance *instance)
{
	vmb_map_change_key(&instances, reserved_key(instance), vmb_dispatch_key(instance->handle));
}

void vmb_instance_unreserve(struct vmb_instance *instance)
{
	vmb_map_remove(&instances, reserved_key(instance));
}

struct vmb_instance *vmb_instance_of(const void *dispatchable)
{
	return vmb_map_find(&instances, vmb_dispatch_key(dispatchable));
}

struct vmb_instance *vmb_instance_unregister(VkInstance handle)
{
	return vmb_map_remove(&instances, vmb_dispatch_key(handle));
}
