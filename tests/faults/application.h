/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_FAULTS_APPLICATION_H
#define VMB_TESTS_FAULTS_APPLICATION_H

#include <stdbool.h>

/* How the application saw a fault. */
enum outcome {
	OUTCOME_UNNOTICED,
	OUTCOME_ERROR, /* one Vulkan call failed, and succeeded when repeated */
	OUTCOME_NATIVE, /* the layer provides no sparse resources */
	OUTCOME_LOST, /* the device is lost */
	OUTCOMES
};

/*
 * Runs an application from vkCreateInstance to vkDestroyInstance, and checks its data. If may_fail
 * is set, one call may fail with an error that the specification permits for the call. Any other
 * failure ends the process with status 1.
 */
enum outcome application_run(bool may_fail);

#endif
