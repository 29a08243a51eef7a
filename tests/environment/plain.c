/* SPDX-License-Identifier: MIT */
#include "job.h"
#include "stages.h"

/* plain: a job on a device without sparse features. */

int main(int argc, char **argv)
{
	const struct vku_options options = { .without_sparse = true };
	struct vku vk;

	stages_init(argc, argv);
	vku_instance_init(&vk, &options);
	stage("instance");
	vku_device_init(&vk, &options);
	stage("device");
	job_run(&vk);
	vku_finish(&vk);
	return stages_finish();
}
