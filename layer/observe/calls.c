/* SPDX-License-Identifier: MIT */
#include "observe/calls.h"

#include <stdio.h>

#include "observe/device.h"
#include "vk/result_name.h"

VkResult vmb_observe_end(struct vmb_trace_slice *slice, VkResult result)
{
	const char *name = vmb_result_name(result);
	char number[16];

	if (!slice->trace) {
		return result;
	}
	if (!name) {
		snprintf(number, sizeof(number), "%d", (int)result);
	}
	vmb_trace_text(&slice->args, "result", name ? name : number);
	vmb_trace_end(slice);
	return result;
}

void vmb_observe_device_created(
	struct vmb_trace_slice *slice, const struct vmb_device *device, VkResult result)
{
	const struct vmb_physical_device *physical = device->physical;

	if (slice->trace && physical) {
		vmb_trace_text(&slice->args, "device", physical->name);
		vmb_trace_text(&slice->args, "driver", physical->driver);
		vmb_trace_text(&slice->args, "driver_info", physical->driver_info);
		vmb_trace_text(&slice->args, "route", vmb_route_name(device->route));
		vmb_trace_text(&slice->args, "reason", physical->reason);
	}
	vmb_observe_end(slice, result);
}

/* The trace, and the commands that a traced command calls. */
struct below_instance {
	struct vmb_trace *trace;
	const struct vmb_instance_commands *next;
};

static struct below_instance below_instance_of(VkInstance handle)
{
	const struct vmb_instance *instance = vmb_instance_of(handle);

	return (struct below_instance){ instance->trace, &instance->untraced };
}

static struct below_instance below_physical_device_of(VkPhysicalDevice handle)
{
	const struct vmb_instance *instance = vmb_instance_of(handle);
	const struct vmb_physical_device *physical = vmb_physical_device_find(handle);

	return (struct below_instance){
		instance->trace,
		physical ? &physical->untraced : &instance->untraced,
	};
}

/* The body of a traced command, by the type of its result. */
#define CALL_VkResult(trace, next, name, arguments) \
	struct vmb_trace_slice slice; \
	vmb_trace_begin(&slice, trace, "vk" #name); \
	return vmb_observe_end(&slice, (next).name arguments);
#define CALL_void(trace, next, name, arguments) \
	struct vmb_trace_slice slice; \
	vmb_trace_begin(&slice, trace, "vk" #name); \
	(next).name arguments; \
	vmb_trace_end(&slice);

#define INSTANCE_CALL(type, name, alias, since, parameters, arguments) \
	static VKAPI_ATTR type VKAPI_CALL trace_##name parameters \
	{ \
		const struct below_instance below = below_instance_of(handle); \
		CALL_##type(below.trace, *below.next, name, arguments) \
	}
#define PHYSICAL_DEVICE_CALL(type, name, alias, since, parameters, arguments) \
	static VKAPI_ATTR type VKAPI_CALL trace_##name parameters \
	{ \
		const struct below_instance below = below_physical_device_of(handle); \
		CALL_##type(below.trace, *below.next, name, arguments) \
	}
#define DEVICE_CALL(type, name, alias, since, parameters, arguments) \
	static VKAPI_ATTR type VKAPI_CALL trace_##name parameters \
	{ \
		const struct vmb_observe *observe = vmb_observe_of(handle); \
		CALL_##type(observe->trace, observe->next, name, arguments) \
	}

VMB_INSTANCE_COMMANDS(INSTANCE_CALL)
VMB_PHYSICAL_DEVICE_COMMANDS(PHYSICAL_DEVICE_CALL)
VMB_DEVICE_COMMANDS(DEVICE_CALL)

#define TRACED(type, name, alias, since, parameters, arguments) .name = trace_##name,

const struct vmb_device_commands vmb_observe_calls = { VMB_DEVICE_COMMANDS(TRACED) };

const struct vmb_instance_commands vmb_observe_instance_calls = { VMB_INSTANCE_COMMANDS(TRACED)
		VMB_PHYSICAL_DEVICE_COMMANDS(TRACED) };
