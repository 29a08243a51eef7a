/* SPDX-License-Identifier: MIT */
#include "scene.h"

/*
 * The semaphores that vkQueueBindSparse waits for and signals. waits.py compares the syncobjs of
 * the VM_BINDs with the layer and without it.
 */

#define SIZE (64 * MIB)
#define PIECE (64 * KIB)
#define BATCHES 4
#define SCATTERED 42

static struct vku instance;

struct semaphores {
	VkSemaphore binary[4];
	VkSemaphore timeline;
};

static void start(struct scene *scene, struct semaphores *semaphores)
{
	vku_instance_init(&instance, &(struct vku_options){ 0 });
	scene_begin(scene, &instance);
	scene_create_buffer(scene, SIZE);
	for (unsigned i = 1; i < 4; i++) {
		scene_allocate(scene, i);
	}
	for (unsigned i = 0; i < COUNT(semaphores->binary); i++) {
		semaphores->binary[i] = vku_create_semaphore(&scene->vk);
	}
	semaphores->timeline = vku_create_timeline(&scene->vk, 0);
}

static void finish(struct scene *scene, struct semaphores *semaphores)
{
	for (unsigned i = 0; i < COUNT(semaphores->binary); i++) {
		vkDestroySemaphore(scene->vk.device, semaphores->binary[i], NULL);
	}
	vkDestroySemaphore(scene->vk.device, semaphores->timeline, NULL);
	scene_end(scene);
	vkDestroyInstance(instance.instance, NULL);
	mark("done");
}

/* Submits to the queue that executes commands. */
static void submit(const struct scene *scene, const struct icd_batch *batch)
{
	struct vku vk = scene->vk;

	vk.queue = scene->commands;
	icd_submit(&vk, batch);
}

static struct icd_batch bind_two(
	const struct scene *scene, VkDeviceSize offset, unsigned first, unsigned second)
{
	struct icd_batch batch = scene_bind_of(scene, offset, PIECE, first);
	struct icd_batch other = scene_bind_of(scene, offset + 2 * PIECE, PIECE, second);

	batch.binds[1] = other.binds[0];
	batch.bind_count = 2;
	return batch;
}

static void bind_batches(const struct scene *scene, const struct icd_batch *batches, uint32_t count)
{
	struct icd_bind_info infos[BATCHES];
	VkBindSparseInfo binds[BATCHES];

	for (uint32_t i = 0; i < count; i++) {
		icd_bind_info(&infos[i], &batches[i]);
		binds[i] = infos[i].info;
	}
	VKU_CHECK(vkQueueBindSparse(scene->vk.queue, count, binds, scene->fence));
}

static void expect_held(const struct scene *scene)
{
	EXPECT_RESULT(vkGetFenceStatus(scene->vk.device, scene->fence), VK_NOT_READY);
}

/* Binds wait for submitted GPU work, and later GPU work waits for them. One bind puts all
 * semaphores on one op of the driver; two binds put them on two ops. */
static void between_work(uint32_t binds)
{
	struct scene scene;
	struct semaphores s;

	start(&scene, &s);
	hold_gpu(true);
	submit(&scene, &(struct icd_batch){ .signals = { { s.binary[0], 0 }, { s.timeline, 3 } } });
	mark("step");
	struct icd_batch batch = scene_bind_of(&scene, PIECE, 7 * MIB, SCENE_NULL);
	batch.binds[1] = scene_bind_of(&scene, 8 * MIB, MIB, 1).binds[0];
	batch.bind_count = binds;
	batch.waits[0] = (struct icd_point){ s.binary[0], 0 };
	batch.waits[1] = (struct icd_point){ s.timeline, 3 };
	batch.signals[0] = (struct icd_point){ s.binary[1], 0 };
	batch.signals[1] = (struct icd_point){ s.timeline, 4 };
	batch.fence = scene.fence;
	icd_bind(&scene.vk, &batch);
	mark("stepped");
	submit(&scene,
		&(struct icd_batch){ .waits = { { s.binary[1], 0 }, { s.timeline, 4 } },
			.signals = { { s.timeline, 5 } } });
	expect_held(&scene);
	EXPECT_EQ(vku_timeline_value(&scene.vk, s.timeline), 0);
	hold_gpu(false);
	icd_wait_fence(&scene.vk, scene.fence);
	vku_wait(&scene.vk, s.timeline, 5);
	scene_shows(&scene, 0, 8 * MIB, SCENE_NULL);
	scene_shows(&scene, 8 * MIB, MIB, binds == 2 ? 1 : SCENE_NULL);
	finish(&scene, &s);
}

static void one_bind(void **state)
{
	(void)state;
	between_work(1);
}

static void two_binds(void **state)
{
	(void)state;
	between_work(2);
}

/* Adjacent binds in several batches. The semaphores between the batches forbid merging them. */
static void batches(void **state)
{
	struct scene scene;
	struct semaphores s;

	(void)state;
	start(&scene, &s);
	hold_gpu(true);
	submit(&scene, &(struct icd_batch){ .signals = { { s.binary[0], 0 } } });
	mark("step");
	struct icd_batch batch[BATCHES] = {
		scene_bind_of(&scene, 0, PIECE, SCENE_NULL),
		scene_bind_of(&scene, PIECE, PIECE, SCENE_NULL),
		bind_two(&scene, 2 * PIECE, SCENE_NULL, 2),
		{ 0 },
	};
	batch[0].waits[0] = (struct icd_point){ s.binary[0], 0 };
	batch[0].signals[0] = (struct icd_point){ s.binary[1], 0 };
	batch[1].waits[0] = (struct icd_point){ s.binary[1], 0 };
	batch[1].signals[0] = (struct icd_point){ s.timeline, 1 };
	batch[2].signals[0] = (struct icd_point){ s.binary[2], 0 };
	batch[3].waits[0] = (struct icd_point){ s.timeline, 1 };
	batch[3].waits[1] = (struct icd_point){ s.binary[2], 0 };
	batch[3].signals[0] = (struct icd_point){ s.timeline, 2 };
	bind_batches(&scene, batch, BATCHES);
	mark("stepped");
	expect_held(&scene);
	hold_gpu(false);
	icd_wait_fence(&scene.vk, scene.fence);
	EXPECT_EQ(vku_timeline_value(&scene.vk, s.timeline), 2);
	scene_shows(&scene, 0, 3 * PIECE, SCENE_NULL);
	scene_shows(&scene, 4 * PIECE, PIECE, 2);
	finish(&scene, &s);
}

/* The bind waits for a signal that this thread submits afterwards. */
static void before_signal(void **state)
{
	struct scene scene;
	struct semaphores s;

	(void)state;
	start(&scene, &s);
	mark("step");
	struct icd_batch batch[2] = {
		bind_two(&scene, 0, SCENE_NULL, 1),
		bind_two(&scene, 2 * PIECE, SCENE_NULL, 3),
	};
	batch[0].waits[0] = (struct icd_point){ s.timeline, 7 };
	batch[0].signals[0] = (struct icd_point){ s.timeline, 8 };
	batch[1].waits[0] = (struct icd_point){ s.timeline, 8 };
	batch[1].signals[0] = (struct icd_point){ s.timeline, 9 };
	bind_batches(&scene, batch, 2);
	expect_held(&scene);
	EXPECT_EQ(vku_timeline_value(&scene.vk, s.timeline), 0);
	mark("signal");
	vku_signal(&scene.vk, s.timeline, 7);
	icd_wait_fence(&scene.vk, scene.fence);
	mark("stepped");
	EXPECT_EQ(vku_timeline_value(&scene.vk, s.timeline), 9);
	scene_shows(&scene, 0, PIECE, SCENE_NULL);
	scene_shows(&scene, 2 * PIECE, PIECE, SCENE_NULL);
	scene_shows(&scene, 4 * PIECE, PIECE, 3);
	finish(&scene, &s);
}

/* More binds than the driver puts into an ioctl. Pairs of binds to memory and to VK_NULL_HANDLE
 * alternate. */
static void scattered(void **state)
{
	VkSparseMemoryBind binds[SCATTERED];
	struct scene scene;
	struct semaphores s;

	(void)state;
	start(&scene, &s);
	for (unsigned i = 0; i < SCATTERED; i++) {
		unsigned memory = i % 4 < 2 ? SCENE_NULL : 1 + i % 3;
		binds[i] = scene_bind_of(&scene, i * PIECE, PIECE, memory).binds[0];
	}
	hold_gpu(true);
	submit(&scene, &(struct icd_batch){ .signals = { { s.timeline, 1 } } });
	mark("step");
	struct icd_batch batch = { .waits = { { s.timeline, 1 } },
		.signals = { { s.binary[0], 0 }, { s.timeline, 2 } } };
	struct icd_bind_info info;
	icd_bind_info(&info, &batch);
	info.info.bufferBindCount = 1;
	info.buffer = (VkSparseBufferMemoryBindInfo){ scene.buffer, SCATTERED, binds };
	VKU_CHECK(vkQueueBindSparse(scene.vk.queue, 1, &info.info, scene.fence));
	mark("stepped");
	expect_held(&scene);
	hold_gpu(false);
	icd_wait_fence(&scene.vk, scene.fence);
	EXPECT_EQ(vku_timeline_value(&scene.vk, s.timeline), 2);
	for (unsigned i = 0; i < SCATTERED; i++) {
		unsigned memory = i % 4 < 2 ? SCENE_NULL : 1 + i % 3;
		scene_shows(&scene, i * PIECE, PIECE, memory);
	}
	finish(&scene, &s);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SCENARIO_BARE(one_bind),
		SCENARIO_BARE(two_binds),
		SCENARIO_BARE(batches),
		SCENARIO_BARE(before_signal),
		SCENARIO_BARE(scattered),
	};

	return ICD_RUN(tests, argc, argv);
}
