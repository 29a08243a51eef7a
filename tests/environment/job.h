/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_ENVIRONMENT_JOB_H
#define VMB_TESTS_ENVIRONMENT_JOB_H

#include "vk.h"

/* Allocates and maps memory, forks a child that only exits, runs a compute shader and a copy,
 * checks the data, and frees everything. Uses no sparse resources. */
void job_run(const struct vku *vk);

#endif
