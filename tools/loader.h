/* SPDX-License-Identifier: MIT */
#ifndef VMB_LOADER_H
#define VMB_LOADER_H

#include <stdbool.h>
#include <vulkan/vulkan.h>

#include "child.h"

/* The Vulkan loader, found while the program runs: without one there still is something to say.
 * Only children load it. */

struct vmb_loader_facts {
	bool found;
	uint32_t api_version;
	char library[1024];
};

/* Takes the layer out of what this process asks the loader for. */
void vmb_environment_drop_layer(void);
/* Keeps the layer from the files that it was told to write: they are not about this program. */
void vmb_environment_drop_files(void);
/* Has the loader use no layers at all; those before 1.3.234 do not know the variable. */
void vmb_environment_drop_all_layers(void);
/* Has the loader see only that driver. */
void vmb_environment_pin_driver(const char *manifest);

/* Loads it; NULL, with the stage in the answer, if there is none. */
PFN_vkGetInstanceProcAddr vmb_loader_open(
	struct vmb_answer *answer, struct vmb_loader_facts *facts);

/* An instance without layers and extensions of its own wish; false, with the stage and the result
 * in the answer, if it cannot be created. */
bool vmb_loader_create_instance(
	struct vmb_answer *answer, PFN_vkGetInstanceProcAddr get, VkInstance *instance);

/* The version that instance is of. */
#define VMB_INSTANCE_VERSION VK_API_VERSION_1_3

#endif
