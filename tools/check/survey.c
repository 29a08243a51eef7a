/* SPDX-License-Identifier: MIT */
#include "survey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"

#define LAYERS "VK_INSTANCE_LAYERS"

/* Removes the layer from a list of layers, as VK_INSTANCE_LAYERS has it. */
static void remove_layer(char *list)
{
	size_t length = strlen(VMB_LAYER_NAME);
	char *out = list;

	for (char *at = list; *at;) {
		size_t size = strcspn(at, ":");
		bool keep = size != length || strncmp(at, VMB_LAYER_NAME, size) != 0;
		bool last = !at[size];
		if (keep && out != list) {
			*out++ = ':';
		}
		if (keep) {
			memmove(out, at, size);
			out += size;
		}
		at += size + (last ? 0 : 1);
	}
	*out = '\0';
}

int layer_use_apply(enum layer_use use)
{
	const char *given = getenv(LAYERS);
	const char *separator = given && *given ? ":" : "";
	size_t size = strlen(given ? given : "") + sizeof(VMB_LAYER_NAME) + 2;
	int ret = 0;

	if (use == LAYER_AS_IS) {
		return 0;
	}
	char *list = malloc(size);
	if (!list) {
		return -ENOMEM;
	}
	snprintf(list, size, "%s", given ? given : "");
	remove_layer(list);
	if (use == LAYER_ON) {
		separator = *list ? ":" : "";
		snprintf(list + strlen(list), size - strlen(list), "%s%s", separator,
			VMB_LAYER_NAME);
		ret = unsetenv("DISABLE_VMBIND_SPARSE") | setenv("ENABLE_VMBIND_SPARSE", "1", 1);
	} else {
		ret = unsetenv("ENABLE_VMBIND_SPARSE") | setenv("DISABLE_VMBIND_SPARSE", "1", 1);
	}
	ret |= setenv(LAYERS, list, 1);
	free(list);
	return ret ? -ENOMEM : 0;
}

static VkResult create_instance(VkInstance *instance)
{
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "vmbind-check",
		.apiVersion = VK_API_VERSION_1_3,
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &application,
	};

	return vkCreateInstance(&info, NULL, instance);
}

static VkResult enumerate(VkInstance instance, VkPhysicalDevice *physical, uint32_t *count)
{
	VkResult result = vkEnumeratePhysicalDevices(instance, count, physical);

	return result == VK_INCOMPLETE ? VK_SUCCESS : result;
}

VkResult survey_open(
	const struct survey_choice *choice, VkInstance *instance, VkPhysicalDevice *physical)
{
	VkPhysicalDevice all[SURVEY_MAX];
	uint32_t count = SURVEY_MAX;
	uint32_t nth = 0;
	VkResult result = create_instance(instance);

	if (result == VK_SUCCESS) {
		result = enumerate(*instance, all, &count);
	}
	for (uint32_t i = 0; result == VK_SUCCESS && i < count; i++) {
		VkPhysicalDeviceProperties properties;
		vkGetPhysicalDeviceProperties(all[i], &properties);
		if (strcmp(properties.deviceName, choice->name) == 0 && nth++ == choice->nth) {
			*physical = all[i];
			return VK_SUCCESS;
		}
	}
	return result == VK_SUCCESS ? VK_ERROR_INITIALIZATION_FAILED : result;
}

static bool lists_layer(VkInstance instance, VkPhysicalDevice physical)
{
	PFN_vkGetPhysicalDeviceToolProperties get = (PFN_vkGetPhysicalDeviceToolProperties)
		vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceToolProperties");
	VkPhysicalDeviceToolProperties tools[8];
	uint32_t count = 8;

	for (uint32_t i = 0; i < count; i++) {
		tools[i] = (VkPhysicalDeviceToolProperties){
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TOOL_PROPERTIES,
		};
	}
	if (!get || get(physical, &count, tools) < 0) {
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(tools[i].layer, VMB_LAYER_NAME) == 0) {
			return true;
		}
	}
	return false;
}

static void describe_driver(VkPhysicalDevice physical, struct survey_device *device)
{
	VkPhysicalDeviceDriverProperties driver = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &driver,
	};

	if (device->api_version >= VK_API_VERSION_1_2) {
		vkGetPhysicalDeviceProperties2(physical, &properties);
		memcpy(device->driver, driver.driverName, sizeof(device->driver));
		memcpy(device->driver_info, driver.driverInfo, sizeof(device->driver_info));
	}
}

static void describe(
	VkInstance instance, VkPhysicalDevice physical, struct survey *survey, uint32_t index)
{
	struct survey_device *device = &survey->devices[index];
	VkQueueFamilyProperties families[16];
	VkPhysicalDeviceProperties properties;
	uint32_t count = 16;

	vkGetPhysicalDeviceProperties(physical, &properties);
	memcpy(device->choice.name, properties.deviceName, sizeof(device->choice.name));
	for (uint32_t i = 0; i < index; i++) {
		device->choice.nth += strcmp(survey->devices[i].choice.name, device->choice.name) ==
			0;
	}
	device->api_version = properties.apiVersion;
	device->type = properties.deviceType;
	vkGetPhysicalDeviceFeatures(physical, &device->features);
	vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		device->has_bind_queue |= families[i].queueFlags & VK_QUEUE_SPARSE_BINDING_BIT;
	}
	device->has_layer = lists_layer(instance, physical);
	describe_driver(physical, device);
}

static void survey_query(struct vmb_answer *answer, const void *data)
{
	struct survey *survey = (struct survey *)answer;
	VkPhysicalDevice physical[SURVEY_MAX];
	uint32_t count = SURVEY_MAX;
	VkInstance instance;

	answer->result = VK_ERROR_OUT_OF_HOST_MEMORY;
	answer->stage = VMB_STAGE_INSTANCE;
	if (layer_use_apply(*(const enum layer_use *)data) < 0) {
		return;
	}
	answer->result = create_instance(&instance);
	if (answer->result != VK_SUCCESS) {
		return;
	}
	answer->stage = VMB_STAGE_ENUMERATE;
	answer->result = enumerate(instance, physical, &count);
	if (answer->result != VK_SUCCESS) {
		return;
	}
	answer->stage = VMB_STAGE_PROPERTIES;
	for (uint32_t i = 0; i < count; i++) {
		describe(instance, physical[i], survey, i);
		survey->count = i + 1;
	}
	answer->is_complete = true;
}

struct survey *survey_run(
	const struct vmb_query_options *options, enum layer_use use, struct vmb_problem *problem)
{
	struct survey *survey = vmb_answer_alloc(sizeof(*survey));

	if (survey) {
		*problem = vmb_query_run(options, survey_query, &survey->answer, &use);
	}
	return survey;
}

bool survey_has_sparse(const struct survey_device *device)
{
	return device->features.sparseBinding && device->has_bind_queue;
}

static const struct survey_device *find_default(const struct survey *survey)
{
	const struct survey_device *found = NULL;

	for (uint32_t i = 0; i < survey->count; i++) {
		const struct survey_device *device = &survey->devices[i];
		bool is_gpu = device->type != VK_PHYSICAL_DEVICE_TYPE_CPU;
		if (!survey_has_sparse(device)) {
			continue;
		}
		if (is_gpu) {
			return device;
		}
		found = found ? found : device;
	}
	return found;
}

const struct survey_device *survey_find(const struct survey *survey, const char *text)
{
	char *end;

	if (!text) {
		return find_default(survey);
	}
	unsigned long index = strtoul(text, &end, 10);
	if (*text && !*end) {
		return index < survey->count ? &survey->devices[index] : NULL;
	}
	for (uint32_t i = 0; i < survey->count; i++) {
		if (strstr(survey->devices[i].choice.name, text)) {
			return &survey->devices[i];
		}
	}
	return NULL;
}
