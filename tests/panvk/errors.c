/* SPDX-License-Identifier: MIT */
#include "scene.h"

/*
 * Kernel errors while a sparse resource is created or bound. In each scenario errors.py injects a
 * fault into an ioctl after the mark "fault", and checks the op stream.
 */

#define SIZE (100 * MIB)

static struct vku instance;

static void start(struct scene *scene)
{
	vku_instance_init(&instance, &(struct vku_options){ 0 });
	scene_begin(scene, &instance);
}

static void finish(struct scene *scene)
{
	scene_end(scene);
	vkDestroyInstance(instance.instance, NULL);
	mark("done");
}

/* Checks that a sparse buffer still binds and unbinds. */
static void bind_and_unbind(struct scene *scene)
{
	if (!scene->buffer) {
		scene_create_buffer(scene, SIZE);
	}
	scene_bind(scene, 3 * MIB, MIB, 0);
	scene_bind(scene, 0, SIZE / 2, SCENE_NULL);
	scene_bind(scene, 2 * MIB, MIB, 0);
	scene_bind(scene, 2 * MIB, 64 * KIB, SCENE_NULL);
	scene_shows(scene, 0, 2 * MIB, SCENE_NULL);
	scene_shows(scene, 3 * MIB, SIZE - 3 * MIB, SCENE_NULL);
}

/* With partial residency a driver maps the unbound blocks, too. */
static VkImageCreateFlags image_flags(const struct scene *scene)
{
	VkPhysicalDeviceFeatures has;

	vkGetPhysicalDeviceFeatures(scene->vk.physical, &has);
	return VK_IMAGE_CREATE_SPARSE_BINDING_BIT |
		(has.sparseResidencyImage2D ? VK_IMAGE_CREATE_SPARSE_RESIDENCY_BIT : 0);
}

static VkResult try_image(const struct scene *scene, VkImage *image)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = image_flags(scene),
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { 2048, 2048, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};

	return vkCreateImage(scene->vk.device, &info, NULL, image);
}

/* The creation of a second device fails, and the first device keeps working. */
static void device_fails(void **state)
{
	struct scene scene;
	struct vku vk;

	(void)state;
	start(&scene);
	vk = scene.vk;
	mark("fault");
	EXPECT(sparse_device_create(&vk, NULL) != VK_SUCCESS);
	mark("failed");
	bind_and_unbind(&scene);
	scene_end(&scene);
	scene_begin(&scene, &instance);
	bind_and_unbind(&scene);
	finish(&scene);
}

/* The second buffer fails: the driver's shared objects exist since the first. */
static void buffer_fails(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	scene_create_buffer(&scene, SIZE);
	VkDeviceAddress address = scene.address;
	scene_destroy_buffer(&scene);
	mark("fault");
	EXPECT_RESULT(scene_try_buffer(&scene, SIZE), VK_ERROR_OUT_OF_DEVICE_MEMORY);
	scene.buffer = VK_NULL_HANDLE;
	mark("failed");
	bind_and_unbind(&scene);
	/* The failed creation released its address range. */
	EXPECT_EQ(scene.address, address);
	finish(&scene);
}

static void first_buffer_fails(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	mark("fault");
	EXPECT_RESULT(scene_try_buffer(&scene, SIZE), VK_ERROR_OUT_OF_DEVICE_MEMORY);
	scene.buffer = VK_NULL_HANDLE;
	bind_and_unbind(&scene);
	finish(&scene);
}

static void image_fails(void **state)
{
	struct scene scene;
	VkImage image;

	(void)state;
	start(&scene);
	bind_and_unbind(&scene);
	mark("fault");
	EXPECT_RESULT(try_image(&scene, &image), VK_ERROR_OUT_OF_DEVICE_MEMORY);
	mark("failed");
	VKU_CHECK(try_image(&scene, &image));
	vkDestroyImage(scene.vk.device, image, NULL);
	bind_and_unbind(&scene);
	finish(&scene);
}

static void buffer(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	mark("fault");
	scene_create_buffer(&scene, SIZE);
	bind_and_unbind(&scene);
	finish(&scene);
}

static void image(void **state)
{
	struct scene scene;
	VkImage image;

	(void)state;
	start(&scene);
	mark("fault");
	VKU_CHECK(try_image(&scene, &image));
	vkDestroyImage(scene.vk.device, image, NULL);
	bind_and_unbind(&scene);
	finish(&scene);
}

/* The largest buffer that panvk creates. */
#define HUGE (4 * GIB - 64 * KIB)

static void huge(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	mark("fault");
	scene_create_buffer(&scene, HUGE);
	scene_bind(&scene, HUGE - MIB, MIB, 0);
	mark("unbind");
	scene_bind(&scene, 64 * KIB, HUGE - 64 * KIB, SCENE_NULL);
	scene_destroy_buffer(&scene);
	bind_and_unbind(&scene);
	finish(&scene);
}

static void huge_fails(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	bind_and_unbind(&scene);
	scene_destroy_buffer(&scene);
	mark("fault");
	EXPECT_RESULT(scene_try_buffer(&scene, HUGE), VK_ERROR_OUT_OF_DEVICE_MEMORY);
	scene.buffer = VK_NULL_HANDLE;
	mark("failed");
	bind_and_unbind(&scene);
	finish(&scene);
}

static void unbind(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	scene_create_buffer(&scene, SIZE);
	scene_bind(&scene, 3 * MIB, MIB, 0);
	mark("fault");
	scene_bind(&scene, MIB, 33 * MIB, SCENE_NULL);
	bind_and_unbind(&scene);
	finish(&scene);
}

/* Either vkQueueBindSparse or the fence reports the lost device, depending on the driver. */
static void lose_device(VkDeviceSize size, unsigned index)
{
	struct scene scene;
	struct scene other;

	start(&scene);
	scene_begin(&other, &instance);
	scene_create_buffer(&scene, SIZE);
	struct icd_batch bind = scene_bind_of(&scene, MIB, size, index);
	bind.fence = scene.fence;
	mark("fault");
	VkResult result = icd_try_bind(&scene.vk, &bind);
	if (result == VK_SUCCESS) {
		result = vkWaitForFences(
			scene.vk.device, 1, &scene.fence, VK_TRUE, UINT64_C(10000000000));
	}
	EXPECT_RESULT(result, VK_ERROR_DEVICE_LOST);
	mark("failed");
	scene_end(&scene);
	/* Other devices keep working, and a new device works, too. */
	bind_and_unbind(&other);
	scene_end(&other);
	scene_begin(&scene, &instance);
	bind_and_unbind(&scene);
	finish(&scene);
}

static void bind_fails(void **state)
{
	(void)state;
	lose_device(MIB, 0);
}

static void unbind_fails(void **state)
{
	(void)state;
	lose_device(32 * MIB, SCENE_NULL);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SCENARIO_BARE(device_fails),
		SCENARIO_BARE(buffer_fails),
		SCENARIO_BARE(first_buffer_fails),
		SCENARIO_BARE(image_fails),
		SCENARIO_BARE(buffer),
		SCENARIO_BARE(image),
		SCENARIO_BARE(huge),
		SCENARIO_BARE(huge_fails),
		SCENARIO_BARE(unbind),
		SCENARIO_BARE(bind_fails),
		SCENARIO_BARE(unbind_fails),
	};

	return ICD_RUN(tests, argc, argv);
}
