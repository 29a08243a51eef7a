/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_FAULTS_LIFE_H
#define VMB_TESTS_FAULTS_LIFE_H

#include <stdbool.h>

/* How the application saw a fault. */
enum life_outcome {
	LIFE_UNNOTICED,
	LIFE_ERROR, /* one Vulkan call failed, and succeeded when repeated */
	LIFE_NATIVE, /* the layer provides no sparse resources */
	LIFE_LOST, /* the device is lost */
	LIFE_OUTCOMES
};

/*
 * An application from vkCreateInstance to vkDestroyInstance, which checks its data. If may_fail is
 * set, one call may fail with an error that the specification permits for it. Anything else ends
 * the process with status 1.
 */
enum life_outcome life(bool may_fail);

#endif
