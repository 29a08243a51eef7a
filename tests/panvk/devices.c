/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "scene.h"

/*
 * Several devices in one process, on one open file or on several. Their GEM handles collide: the
 * null memory of one device has the handle of application memory on another. Marks in the op stream
 * state the expected maps of each VM, and devices.py checks them.
 */

#define SIZE (64 * MIB)
#define PIECE (64 * KIB)

/* Binds each memory object in turn, and unbinds the range after it. */
static void bind_all(struct scene *scene)
{
	for (unsigned i = 0; i < SCENE_MEMORIES; i++) {
		scene_bind(scene, 2 * i * PIECE, PIECE, i);
		scene_bind(scene, (2 * i + 1) * PIECE, PIECE, SCENE_NULL);
	}
	for (unsigned i = 0; i < SCENE_MEMORIES; i++) {
		scene_shows(scene, 2 * i * PIECE, PIECE, i);
	}
}

static void allocate_all(struct scene *scene)
{
	for (unsigned i = 1; i < SCENE_MEMORIES; i++) {
		scene_allocate(scene, i);
	}
}

/* Frees GEM handles, so that the kernel reuses them. */
static void reallocate_some(struct scene *scene)
{
	for (unsigned i = 1; i < SCENE_MEMORIES; i += 2) {
		scene_free(scene, i);
	}
	for (unsigned i = 1; i < SCENE_MEMORIES; i += 2) {
		scene_allocate(scene, i);
	}
}

/* A device without sparse features. The layer must leave it alone, even though its descriptor
 * belonged to a device with the layer before. */
static void use_plain_device(const struct vku *instance)
{
	const struct vku_options options = { .without_sparse = true };
	VkDeviceMemory memory[SCENE_MEMORIES];
	struct vku vk = *instance;

	mark("plain");
	vku_device_init(&vk, &options);
	for (unsigned i = 0; i < SCENE_MEMORIES; i++) {
		memory[i] = vku_allocate(&vk, MIB, ~0u);
	}
	for (unsigned i = 0; i < SCENE_MEMORIES; i++) {
		vkFreeMemory(vk.device, memory[i], NULL);
	}
	sparse_device_destroy(&vk);
	mark("not plain");
}

/*
 * Device a creates its sparse buffer before it allocates memory, device b afterwards. So the null
 * memory of one device has the GEM handle of application memory on the other.
 */
static void run_pair(const struct vku *instance_a, const struct vku *instance_b)
{
	struct scene a, b;

	scene_begin(&a, instance_a);
	scene_begin(&b, instance_b);
	scene_create_buffer(&a, SIZE);
	allocate_all(&b);
	allocate_all(&a);
	scene_create_buffer(&b, SIZE);
	bind_all(&a);
	bind_all(&b);
	reallocate_some(&b);
	bind_all(&b);
	reallocate_some(&a);
	bind_all(&a);

	scene_end(&a);
	use_plain_device(instance_a);
	bind_all(&b);
	scene_begin(&a, instance_a);
	allocate_all(&a);
	scene_create_buffer(&a, SIZE);
	bind_all(&a);
	scene_end(&b);
	bind_all(&a);
	scene_end(&a);
}

static void one_instance(void **state)
{
	struct vku instance;

	(void)state;
	vku_instance_init(&instance, &(struct vku_options){ 0 });
	run_pair(&instance, &instance);
	vkDestroyInstance(instance.instance, NULL);
	mark("done");
}

/* The second instance has one more device, so that the handles of the null memories differ, too. */
static void two_instances(void **state)
{
	struct vku first, second;
	struct scene more;

	(void)state;
	vku_instance_init(&first, &(struct vku_options){ 0 });
	vku_instance_init(&second, &(struct vku_options){ 0 });
	scene_begin(&more, &second);
	run_pair(&first, &second);
	scene_create_buffer(&more, SIZE);
	scene_bind(&more, 0, PIECE, 0);
	scene_end(&more);
	vkDestroyInstance(first.instance, NULL);
	vkDestroyInstance(second.instance, NULL);
	mark("done");
}

/* The loader unloads a driver with its last instance, and loads it again with the next. */
static void instances_in_turn(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct vku instance;
		struct scene scene;
		vku_instance_init(&instance, &(struct vku_options){ 0 });
		scene_begin(&scene, &instance);
		scene_create_buffer(&scene, SIZE);
		scene_bind(&scene, PIECE, PIECE, 0);
		scene_bind(&scene, 0, SIZE, SCENE_NULL);
		scene_end(&scene);
		vkDestroyInstance(instance.instance, NULL);
	}
	mark("done");
}

static void *use_devices(void *argument)
{
	const struct vku *instance = argument;

	for (unsigned round = 0; round < 4; round++) {
		struct scene scene;
		scene_begin(&scene, instance);
		scene_create_buffer(&scene, SIZE);
		for (unsigned i = 1; i < 4; i++) {
			scene_allocate(&scene, i);
			scene_bind(&scene, i * MIB, MIB, i);
			scene_bind(&scene, i * MIB, PIECE, SCENE_NULL);
			scene_bind(&scene, 0, SIZE, SCENE_NULL);
		}
		scene_end(&scene);
	}
	return NULL;
}

static void threads(void **state)
{
	struct vku instances[2];
	pthread_t thread[4];
	struct scene scene;

	(void)state;
	for (unsigned i = 0; i < COUNT(instances); i++) {
		vku_instance_init(&instances[i], &(struct vku_options){ 0 });
	}
	scene_begin(&scene, &instances[0]);
	scene_create_buffer(&scene, SIZE);
	allocate_all(&scene);
	for (unsigned i = 0; i < COUNT(thread); i++) {
		EXPECT(pthread_create(&thread[i], NULL, use_devices, &instances[i % 2]) == 0);
	}
	bind_all(&scene);
	reallocate_some(&scene);
	bind_all(&scene);
	for (unsigned i = 0; i < COUNT(thread); i++) {
		pthread_join(thread[i], NULL);
	}
	bind_all(&scene);
	scene_end(&scene);
	for (unsigned i = 0; i < COUNT(instances); i++) {
		vkDestroyInstance(instances[i].instance, NULL);
	}
	mark("done");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SCENARIO_BARE(one_instance),
		SCENARIO_BARE(two_instances),
		SCENARIO_BARE(instances_in_turn),
		SCENARIO_BARE(threads),
	};

	return ICD_RUN(tests, argc, argv);
}
