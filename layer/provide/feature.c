/* SPDX-License-Identifier: MIT */
#include "provide/feature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "provide/commands.h"
#include "provide/device.h"
#include "provide/executor.h"
#include "provide/memory.h"
#include "provide/memory_source.h"
#include "provide/queue.h"
#include "provide/resource.h"
#include "provide/worker.h"
#include "vk/sparse_features.h"

static uint64_t system_calls(void *state)
{
	const struct vmb_provide *provide = state;

	return atomic_load_explicit(&provide->vm->system_calls, memory_order_relaxed);
}

static void write_figures(void *state, FILE *out)
{
	const struct vmb_provide *provide = state;

	if (provide->vm->impl->write_figures) {
		provide->vm->impl->write_figures(provide->vm, out);
	}
}

static void add_figures(struct vmb_provide *provide)
{
	struct vmb_figures *figures = &provide->figures;

	*figures = (struct vmb_figures){
		.system_calls = system_calls,
		.write = write_figures,
		.state = provide,
	};
	if (provide->vm->impl->describe_kernel_driver) {
		provide->vm->impl->describe_kernel_driver(
			provide->vm, figures->kernel_driver, sizeof(figures->kernel_driver));
	}
	vmb_device_add_figures(provide->device, figures);
}

static struct vmb_provide *provide_create(struct vmb_device *device)
{
	struct vmb_provide *provide = calloc(1, sizeof(*provide));

	if (provide) {
		provide->device = device;
		provide->trace = device->physical->instance->trace;
		provide->tracks_residency = device->physical->instance->settings.stats;
		vmb_map_init(&provide->memories);
		vmb_map_init(&provide->buffers);
		vmb_map_init(&provide->images);
		pthread_mutex_init(&provide->queues_lock, NULL);
		pthread_mutex_init(&provide->submit_lock, NULL);
	}
	return provide;
}

static VkResult prepare(struct vmb_device *device, VkDeviceCreateInfo *info)
{
	const struct vmb_physical_device *physical = device->physical;

	if (physical->route != VMB_ROUTE_PROVIDE || !vmb_wants_sparse(info)) {
		return VK_SUCCESS;
	}
	struct vmb_provide *provide = provide_create(device);
	if (!provide) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	device->features[VMB_FEATURE_PROVIDE] = provide;
	VkResult result = vmb_device_create_info_init(&provide->create_info, physical, info);
	if (result == VK_SUCCESS) {
		*info = provide->create_info.info;
	}
	return result;
}

static void create_begin(struct vmb_device *device)
{
	struct vmb_provide *provide = device->features[VMB_FEATURE_PROVIDE];
	const struct vmb_backend *backend = device->physical->backend;

	int ret = backend->watch_begin ? backend->watch_begin(provide->trace, &provide->watch) : 0;
	if (ret < 0) {
		vmb_provide_log(provide, VMB_LOG_WARN, "cannot watch the driver's ioctls: %s",
			strerror(-ret));
	}
}

static void create_end(struct vmb_device *device)
{
	struct vmb_provide *provide = device->features[VMB_FEATURE_PROVIDE];

	if (provide->watch) {
		device->physical->backend->watch_end(provide->watch);
	}
	vmb_device_create_info_finish(&provide->create_info);
}

/* Also selects the memory source and the executor that the VM supports. */
static VkResult create_vm(struct vmb_provide *provide)
{
	const struct vmb_physical_device *physical = provide->device->physical;
	const struct vmb_vm_config config = {
		.granularity = physical->granularity,
		.trace = provide->trace,
		.watch = provide->watch,
	};

	int ret = physical->backend->create(&config, &provide->vm);
	if (ret < 0) {
		vmb_provide_log(provide, VMB_LOG_ERROR,
			"vkCreateDevice: cannot create the VM of backend %s: %s",
			physical->backend->name, strerror(-ret));
		return ret == -ENOMEM ? VK_ERROR_OUT_OF_HOST_MEMORY
				      : VK_ERROR_INITIALIZATION_FAILED;
	}
	provide->watch = NULL;
	provide->source = provide->vm->impl->memory_create ? &vmb_memory_imported
							   : &vmb_memory_captured;
	provide->executor = provide->vm->impl->submit ? &vmb_executor_kernel : &vmb_executor_worker;
	return VK_SUCCESS;
}

static void lay_commands(struct vmb_provide *provide)
{
	struct vmb_device_commands *commands = &provide->device->commands;

	provide->next = *commands;
	vmb_device_commands_lay(commands, &vmb_provide_memory_commands);
	vmb_device_commands_lay(commands, &vmb_provide_buffer_commands);
	vmb_device_commands_lay(commands, &vmb_provide_image_commands);
	vmb_device_commands_lay(commands, &vmb_provide_bind_commands);
	vmb_device_commands_lay(commands, &vmb_provide_wait_commands);
}

static VkResult init(struct vmb_device *device)
{
	struct vmb_provide *provide = device->features[VMB_FEATURE_PROVIDE];

	VkResult result = create_vm(provide);
	if (result != VK_SUCCESS) {
		return result;
	}
	lay_commands(provide);
	result = provide->source->find_types(provide);
	if (result != VK_SUCCESS) {
		return result;
	}
	provide->has_addresses = provide->create_info.has_addresses;
	vmb_device_create_info_hide(&provide->create_info, device);
	add_figures(provide);
	device->route = VMB_ROUTE_PROVIDE;
	return VK_SUCCESS;
}

static void destroy_objects(struct vmb_provide *provide)
{
	struct vmb_resource *resource;
	struct vmb_memory *memory;
	struct vmb_queue *queue;

	/* Workers first: their batches refer to resources and memory. Queues last: resources wait
	 * for the timelines of queues. */
	for (queue = provide->queues; queue; queue = queue->next) {
		vmb_worker_stop(queue);
	}
	while ((resource = vmb_map_pop(&provide->buffers)) ||
		(resource = vmb_map_pop(&provide->images))) {
		vmb_resource_destroy(resource);
	}
	while ((memory = vmb_map_pop(&provide->memories))) {
		vmb_memory_destroy(memory, NULL);
	}
	vmb_memory_empty_cache(provide);
	while ((queue = provide->queues)) {
		provide->queues = queue->next;
		vmb_queue_destroy(queue);
	}
}

static void finish(struct vmb_device *device)
{
	struct vmb_provide *provide = device->features[VMB_FEATURE_PROVIDE];

	if (provide->vm) {
		device->is_stranded = vmb_provide_is_stranded(provide);
		destroy_objects(provide);
		vmb_vm_destroy(provide->vm);
	}
	if (provide->watch) {
		device->physical->backend->watch_destroy(provide->watch);
	}
	vmb_device_create_info_finish(&provide->create_info);
	vmb_map_finish(&provide->memories);
	vmb_map_finish(&provide->buffers);
	vmb_map_finish(&provide->images);
	pthread_mutex_destroy(&provide->queues_lock);
	pthread_mutex_destroy(&provide->submit_lock);
	free(provide);
	device->features[VMB_FEATURE_PROVIDE] = NULL;
}

const struct vmb_feature vmb_provide_feature = {
	.id = VMB_FEATURE_PROVIDE,
	.prepare = prepare,
	.create_begin = create_begin,
	.create_end = create_end,
	.init = init,
	.finish = finish,
};
