/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dladdr */
#include "loader.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"

/* Removes a name from a list with colons, in place. */
static void drop_name(char *list, const char *name)
{
	size_t length = strlen(name);
	char *at = list;

	while (*at) {
		size_t item = strcspn(at, ":");
		size_t whole = at[item] ? item + 1 : item;
		if (item == length && strncmp(at, name, length) == 0) {
			memmove(at, at + whole, strlen(at + whole) + 1);
		} else {
			at += whole;
		}
	}
	if (at > list && at[-1] == ':') {
		at[-1] = '\0';
	}
}

void vmb_environment_drop_layer(void)
{
	char *layers = getenv("VK_INSTANCE_LAYERS");

	/* Disables the implicit layer, and makes the layer inactive if it is loaded anyway. */
	setenv("DISABLE_VMBIND_SPARSE", "1", 1);
	if (layers) {
		drop_name(layers, VMB_LAYER_NAME);
	}
}

void vmb_environment_drop_all_layers(void)
{
	setenv("VK_LOADER_LAYERS_DISABLE", "~all~", 1);
	/* These variables take precedence. */
	unsetenv("VK_LOADER_LAYERS_ALLOW");
	unsetenv("VK_LOADER_LAYERS_ENABLE");
	unsetenv("VK_INSTANCE_LAYERS");
}

void vmb_environment_drop_files(void)
{
	unsetenv("VMBIND_STATS");
	unsetenv("VMBIND_TRACE");
}

void vmb_environment_pin_driver(const char *manifest)
{
	setenv("VK_DRIVER_FILES", manifest, 1);
	/* The variable's name before loader 1.3.207. */
	setenv("VK_ICD_FILENAMES", manifest, 1);
	unsetenv("VK_ADD_DRIVER_FILES");
}

PFN_vkGetInstanceProcAddr vmb_loader_open(struct vmb_answer *answer, struct vmb_loader_facts *facts)
{
	Dl_info info;

	answer->stage = VMB_STAGE_LOADER;
	void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		return NULL;
	}
	PFN_vkGetInstanceProcAddr get = (PFN_vkGetInstanceProcAddr)dlsym(
		library, "vkGetInstanceProcAddr");
	if (!get) {
		return NULL;
	}
	PFN_vkEnumerateInstanceVersion get_version = (PFN_vkEnumerateInstanceVersion)get(
		NULL, "vkEnumerateInstanceVersion");
	facts->found = true;
	facts->api_version = VK_API_VERSION_1_0;
	if (get_version) {
		get_version(&facts->api_version);
	}
	if (dladdr((void *)get, &info) && info.dli_fname) {
		snprintf(facts->library, sizeof(facts->library), "%s", info.dli_fname);
	}
	return get;
}

bool vmb_loader_create_instance(
	struct vmb_answer *answer, PFN_vkGetInstanceProcAddr get, VkInstance *instance)
{
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "vmbind-info",
		.apiVersion = VMB_INSTANCE_VERSION,
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &application,
	};
	PFN_vkCreateInstance create = (PFN_vkCreateInstance)get(NULL, "vkCreateInstance");

	answer->stage = VMB_STAGE_INSTANCE;
	answer->result = create ? create(&info, NULL, instance) : VK_ERROR_INITIALIZATION_FAILED;
	return answer->result == VK_SUCCESS;
}
