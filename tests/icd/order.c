/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adder.h"
#include "sync.h"

/*
 * The order of a queue: a bind without semaphores runs after the work that was submitted before it
 * on the same queue, and before the work that is submitted later. Applications rely on this order,
 * and drivers with sparse resources of their own keep it.
 *
 * VMB_SEED sets the random seed.
 */

#define PAGES 8
#define MEMORY_PAGES 16
#define STEPS 300

struct scene {
	const struct vku *vk;
	struct icd_adder a;
	VkCommandBuffer commands[STEPS];
	uint32_t command_count;
};

static void scene_init(const struct vku *vk, struct scene *s)
{
	s->vk = vk;
	s->command_count = 0;
	icd_adder_init(vk, &s->a, PAGES, MEMORY_PAGES);
}

static void scene_finish(struct scene *s)
{
	VKU_CHECK(vkDeviceWaitIdle(s->vk->device));
	vkFreeCommandBuffers(s->vk->device, s->vk->pool, s->command_count, s->commands);
	icd_adder_finish(s->vk, &s->a);
}

static VkCommandBuffer record_add(struct scene *s, uint32_t page, uint32_t value)
{
	VkCommandBuffer commands = icd_adder_record(s->vk, &s->a, page, value);

	s->commands[s->command_count++] = commands;
	return commands;
}

static void bind(const struct scene *s, const VkSparseMemoryBind *page)
{
	icd_bind(s->vk,
		&(struct icd_batch){
			.buffer = s->a.p.buffer,
			.binds = { *page },
			.bind_count = 1,
		});
}

/* What each page and each memory page hold after the steps so far. */
struct model {
	int bound[PAGES]; /* the memory page; -1 if unbound */
	uint32_t sums[MEMORY_PAGES];
};

static void random_step(struct scene *s, struct model *model, unsigned *seed)
{
	uint32_t page = (uint32_t)rand_r(seed) % PAGES;
	uint32_t memory = (uint32_t)rand_r(seed) % MEMORY_PAGES;
	uint32_t value = (uint32_t)rand_r(seed) % 1000;
	VkSparseMemoryBind one = icd_page_bind(&s->a.p, page, 1, memory);
	VkSparseMemoryBind none = icd_page_unbind(&s->a.p, page, 1);

	switch (rand_r(seed) % 5) {
	case 0:
		bind(s, &none);
		model->bound[page] = -1;
		break;
	case 1:
	case 2:
		bind(s, &one);
		model->bound[page] = (int)memory;
		break;
	case 3:
		icd_submit(s->vk, &(struct icd_batch){ .commands = record_add(s, page, value) });
		if (model->bound[page] >= 0) {
			model->sums[model->bound[page]] += value;
		}
		break;
	default:
		icd_submit(s->vk, &(struct icd_batch){ 0 });
		break;
	}
}

/* Submits random work and binds without a semaphore between them. The first submission waits for
 * the host, so all calls return before any work runs. */
static void random_order(void **state)
{
	const char *given = getenv("VMB_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	struct vku *vk = *state;
	struct model model = { 0 };
	struct scene s;

	printf("VMB_SEED=%u\n", seed);
	scene_init(vk, &s);
	for (uint32_t i = 0; i < PAGES; i++) {
		model.bound[i] = -1;
	}
	for (int round = 0; round < 3; round++) {
		VkSemaphore timeline = vku_create_timeline(vk, 0);
		icd_submit(vk, &(struct icd_batch){ .waits = { { timeline, 1 } } });
		for (int i = 0; i < STEPS / 3; i++) {
			random_step(&s, &model, &seed);
		}
		icd_submit(vk, &(struct icd_batch){ .fence = s.a.fence });
		for (uint32_t i = 0; round == 0 && i < MEMORY_PAGES; i++) {
			icd_expect_memory(&s.a.p, i, icd_stamp(i));
		}
		vku_signal(vk, timeline, 1);
		icd_wait_fence(vk, s.a.fence);
		for (uint32_t i = 0; i < MEMORY_PAGES; i++) {
			icd_expect_memory(&s.a.p, i, icd_stamp(i) + model.sums[i]);
		}
		VKU_CHECK(vkQueueWaitIdle(vk->queue));
		vkDestroySemaphore(vk->device, timeline, NULL);
	}
	scene_finish(&s);
}

/* A batch of a call comes after an earlier batch of the call, which only waits. */
static void batch_after_waiting_batch(void **state)
{
	struct vku *vk = *state;
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	struct icd_bind_info wait, binds;
	struct scene s;

	scene_init(vk, &s);
	bind(&s, &(VkSparseMemoryBind){ .size = s.a.p.page, .memory = s.a.p.memory });
	VkCommandBuffer add = record_add(&s, 0, 5);
	icd_submit(vk, &(struct icd_batch){ .commands = add, .waits = { { timeline, 1 } } });
	icd_bind_info(&wait, &(struct icd_batch){ .waits = { { timeline, 2 } } });
	icd_bind_info(&binds,
		&(struct icd_batch){
			.buffer = s.a.p.buffer,
			.binds = { icd_page_bind(&s.a.p, 0, 1, 3) },
			.bind_count = 1,
		});
	const VkBindSparseInfo infos[] = { wait.info, binds.info };
	VKU_CHECK(vkQueueBindSparse(vk->queue, 2, infos, s.a.fence));
	vku_signal(vk, timeline, 1);
	vku_signal(vk, timeline, 2);
	icd_wait_fence(vk, s.a.fence);
	icd_expect_memory(&s.a.p, 0, icd_stamp(0) + 5);
	icd_expect_page(vk, &s.a.p, 0, icd_stamp(3));
	scene_finish(&s);
	vkDestroySemaphore(vk->device, timeline, NULL);
}

/* vkGetQueryPoolResults() of a finished query returns while a bind waits for the host. */
static void query_during_pending_bind(void **state)
{
	const VkQueryPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
		.queryType = VK_QUERY_TYPE_TIMESTAMP,
		.queryCount = 1,
	};
	struct vku *vk = *state;
	VkCommandBuffer commands;
	uint64_t result = 0;
	VkQueryPool pool;
	struct scene s;

	/* lavapipe waits for all work of the device, also without the layer. */
	if (strstr(vk->properties.deviceName, "llvmpipe")) {
		skip();
	}
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	scene_init(vk, &s);
	VKU_CHECK(vkCreateQueryPool(vk->device, &info, NULL, &pool));
	commands = vku_begin(vk);
	vkCmdResetQueryPool(commands, pool, 0, 1);
	vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool, 0);
	VKU_CHECK(vkEndCommandBuffer(commands));
	s.commands[s.command_count++] = commands;
	icd_submit(vk, &(struct icd_batch){ .commands = commands, .fence = s.a.fence });
	icd_wait_fence(vk, s.a.fence);
	icd_bind(vk,
		&(struct icd_batch){
			.buffer = s.a.p.buffer,
			.binds = { icd_page_bind(&s.a.p, 0, 1, 3) },
			.bind_count = 1,
			.waits = { { timeline, 1 } },
		});
	VKU_CHECK(vkGetQueryPoolResults(vk->device, pool, 0, 1, sizeof(result), &result,
		sizeof(result), VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
	vku_signal(vk, timeline, 1);
	scene_finish(&s);
	vkDestroyQueryPool(vk->device, pool, NULL);
	vkDestroySemaphore(vk->device, timeline, NULL);
}

/* A device is destroyed right after the fence of a bind that followed other work. The layer's own
 * timelines must outlive the threads of the driver. */
static void device_destroyed_after_fence(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct vku vk;
		struct scene s;

		vku_init(&vk, &(struct vku_options){ 0 });
		scene_init(&vk, &s);
		VkCommandBuffer add = record_add(&s, 0, 1);
		icd_submit(&vk, &(struct icd_batch){ .commands = add });
		icd_bind(&vk,
			&(struct icd_batch){
				.buffer = s.a.p.buffer,
				.binds = { icd_page_bind(&s.a.p, 0, 1, 3) },
				.bind_count = 1,
				.fence = s.a.fence,
			});
		icd_wait_fence(&vk, s.a.fence);
		scene_finish(&s);
		vku_finish(&vk);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(random_order),
		SCENARIO(batch_after_waiting_batch),
		SCENARIO(query_during_pending_bind),
		SCENARIO_BARE(device_destroyed_after_fence),
	};

	return ICD_RUN(tests, argc, argv);
}
