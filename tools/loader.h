/* SPDX-License-Identifier: MIT */
#ifndef VMB_LOADER_H
#define VMB_LOADER_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "child.h"

/* The Vulkan loader, loaded at run time, so that vmbind-info starts without a loader. Only children
 * load it. */

struct vmb_loader_facts {
	bool found;
	uint32_t api_version;
	char library[1024];
};

/* Removes the layer from the loader's variables in this process. */
void vmb_environment_drop_layer(void);
/* Keeps the layer from writing the application's statistics and trace files. */
void vmb_environment_drop_files(void);
/* Disables all layers. Loaders before 1.3.234 ignore the variable. */
void vmb_environment_drop_all_layers(void);
/* Limits the loader to one driver. */
void vmb_environment_pin_driver(const char *manifest);

/* Loads the loader. On failure returns NULL and sets the answer's stage. */
PFN_vkGetInstanceProcAddr vmb_loader_open(
	struct vmb_answer *answer, struct vmb_loader_facts *facts);

/* Creates an instance that requests no layers and extensions. On failure returns false and sets the
 * answer's stage and result. */
bool vmb_loader_create_instance(
	struct vmb_answer *answer, PFN_vkGetInstanceProcAddr get, VkInstance *instance);

/* The apiVersion of the instance. */
#define VMB_INSTANCE_VERSION VK_API_VERSION_1_3

#endif
