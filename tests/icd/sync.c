/* SPDX-License-Identifier: MIT */
#include "sync.h"

#include <pthread.h>
#include <stdlib.h>

#include "adder.h"
#include "shaders.h"

/*
 * Order of binds: a bind runs after its wait semaphores and before the work that waits for it.
 * vkQueueBindSparse does not block.
 *
 * A wait for a binary semaphore is valid only once all work that it depends on is submitted. So no
 * binary semaphore here depends on a timeline semaphore that the host signals later.
 */

/* The limit in seconds for a call that does not block, on a busy machine. A blocking call would
 * never return, because the signal comes after the call. */
#define AT_ONCE 30.0

/* A delay in seconds in which a premature signal becomes visible. */
#define A_MOMENT 0.05

/* Workgroups of the slow shader. SLOW_GROUPS take about 0.1 s on one CPU. Every device supports
 * MAX_GROUPS. */
#define SLOW_GROUPS 2000
#define MAX_GROUPS 65535

static void free_commands(const struct vku *vk, VkCommandBuffer commands)
{
	vkFreeCommandBuffers(vk->device, vk->pool, 1, &commands);
}

static void bind_page_now(
	const struct vku *vk, const struct icd_adder *s, uint32_t at, uint32_t memory)
{
	VkSparseMemoryBind bind = icd_page_bind(&s->p, at, 1, memory);

	vku_bind_buffer(vk, s->p.buffer, &bind, 1);
}

static void fence_after_bind(void **state)
{
	struct vku *vk = *state;
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	for (uint32_t i = 0; i < 100; i++) {
		const struct icd_batch batch = {
			.buffer = s.p.buffer,
			.binds = { icd_page_bind(&s.p, i % 8, 1, i % 16) },
			.bind_count = 1,
			.fence = s.fence,
		};
		icd_bind(vk, &batch);
		icd_wait_fence(vk, s.fence);
		icd_expect_page(vk, &s.p, i % 8, icd_stamp(i % 16));
	}
	icd_adder_finish(vk, &s);
}

/* dispatch -> bind -> dispatch with binary semaphores, without waits on the host. */
static void between_two_dispatches(void **state)
{
	struct vku *vk = *state;
	VkSemaphore done = vku_create_semaphore(vk), bound = vku_create_semaphore(vk);
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	bind_page_now(vk, &s, 2, 4);
	VkCommandBuffer add = icd_adder_record(vk, &s, 2, 10);
	VkCommandBuffer add_more = icd_adder_record(vk, &s, 2, 100);
	icd_submit(vk, &(struct icd_batch){ .commands = add, .signals = { { done, 0 } } });
	icd_bind(vk,
		&(struct icd_batch){
			.buffer = s.p.buffer,
			.binds = { icd_page_bind(&s.p, 2, 1, 5) },
			.bind_count = 1,
			.waits = { { done, 0 } },
			.signals = { { bound, 0 } },
		});
	icd_submit(vk,
		&(struct icd_batch){
			.commands = add_more,
			.waits = { { bound, 0 } },
			.fence = s.fence,
		});
	icd_wait_fence(vk, s.fence);
	icd_expect_memory(&s.p, 4, icd_stamp(4) + 10);
	icd_expect_memory(&s.p, 5, icd_stamp(5) + 100);
	free_commands(vk, add);
	free_commands(vk, add_more);
	vkDestroySemaphore(vk->device, done, NULL);
	vkDestroySemaphore(vk->device, bound, NULL);
	icd_adder_finish(vk, &s);
}

/* Rebinds page 1 after a dispatch that counts in this page. The dispatch waits for the host, so it
 * is pending when the calls return. Returns the seconds that the dispatch and the bind took. */
static double bind_behind_dispatch(const struct vku *vk, const struct icd_adder *s,
	const struct vku_program *slow, VkDescriptorSet set, uint32_t groups)
{
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	VkCommandBuffer commands = vku_begin(vk);
	const uint32_t index = 0;

	bind_page_now(vk, s, 1, 0);
	s->p.map[0] = 0;
	vku_dispatch(commands, slow, set, &index, groups);
	vku_barrier(commands);
	VKU_CHECK(vkEndCommandBuffer(commands));

	double start = icd_seconds();
	icd_submit(vk,
		&(struct icd_batch){
			.commands = commands,
			.waits = { { timeline, 1 } },
			.signals = { { timeline, 2 } },
		});
	icd_bind(vk,
		&(struct icd_batch){
			.buffer = s->p.buffer,
			.binds = { icd_page_bind(&s->p, 1, 1, 9) },
			.bind_count = 1,
			.waits = { { timeline, 2 } },
			.fence = s->fence,
		});
	EXPECT(icd_seconds() - start < AT_ONCE);
	start = icd_seconds();
	vku_signal(vk, timeline, 1);
	icd_wait_fence(vk, s->fence);
	double seconds = icd_seconds() - start;
	EXPECT_EQ(s->p.map[0], groups);
	icd_expect_memory(&s->p, 9, icd_stamp(9));
	icd_expect_page(vk, &s->p, 1, icd_stamp(9));
	free_commands(vk, commands);
	vkDestroySemaphore(vk->device, timeline, NULL);
	return seconds;
}

/* A bind that waits for a slow dispatch must not change the dispatch's pages early. */
static void bind_after_slow_dispatch(void **state)
{
	struct vku *vk = *state;
	uint32_t groups = SLOW_GROUPS;
	struct vku_program slow;
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	icd_slow_init(vk, &slow);
	const VkDescriptorBufferInfo page = { s.p.buffer, s.p.page, s.p.page };
	VkDescriptorSet set = vku_program_set(vk, &slow, &page);
	/* A fast dispatch cannot show a premature bind. */
	while (bind_behind_dispatch(vk, &s, &slow, set, groups) < 0.01 &&
		groups <= MAX_GROUPS / 2) {
		groups *= 2;
	}
	vku_program_finish(vk, &slow);
	icd_adder_finish(vk, &s);
}

/* The host signals the value that the bind waits for after the call returned. */
static void wait_before_signal(void **state)
{
	struct vku *vk = *state;
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	double start = icd_seconds();
	icd_bind(vk,
		&(struct icd_batch){
			.buffer = s.p.buffer,
			.binds = { icd_page_bind(&s.p, 3, 2, 7) },
			.bind_count = 1,
			.waits = { { timeline, 5 } },
			.signals = { { timeline, 6 } },
			.fence = s.fence,
		});
	EXPECT(icd_seconds() - start < AT_ONCE);
	icd_sleep(A_MOMENT);
	EXPECT_RESULT(vkGetFenceStatus(vk->device, s.fence), VK_NOT_READY);
	EXPECT_EQ(vku_timeline_value(vk, timeline), 0);
	vku_signal(vk, timeline, 4);
	icd_sleep(A_MOMENT);
	EXPECT_RESULT(vkGetFenceStatus(vk->device, s.fence), VK_NOT_READY);
	EXPECT_RESULT(vkWaitForFences(vk->device, 1, &s.fence, VK_TRUE, 1000000), VK_TIMEOUT);
	EXPECT_EQ(vku_timeline_value(vk, timeline), 4);
	vku_signal(vk, timeline, 5);
	vku_wait(vk, timeline, 6);
	icd_wait_fence(vk, s.fence);
	EXPECT_EQ(vku_timeline_value(vk, timeline), 6);
	icd_expect_page(vk, &s.p, 3, icd_stamp(7));
	icd_expect_page(vk, &s.p, 4, icd_stamp(8));
	vkDestroySemaphore(vk->device, timeline, NULL);
	icd_adder_finish(vk, &s);
}

/* The whole chain is submitted before the host signals its start. */
static void long_chain_waits_for_host(void **state)
{
	enum {
		STEPS = 20
	};
	struct vku *vk = *state;
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	VkCommandBuffer commands[STEPS];
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	for (uint32_t i = 0; i < STEPS; i++) {
		commands[i] = icd_adder_record(vk, &s, 0, i + 1);
	}
	double start = icd_seconds();
	for (uint32_t i = 0; i < STEPS; i++) {
		icd_bind(vk,
			&(struct icd_batch){
				.buffer = s.p.buffer,
				.binds = { icd_page_bind(&s.p, 0, 1, i % 4) },
				.bind_count = 1,
				.waits = { { timeline, 2 * i + 1 } },
				.signals = { { timeline, 2 * i + 2 } },
			});
		icd_submit(vk,
			&(struct icd_batch){
				.commands = commands[i],
				.waits = { { timeline, 2 * i + 2 } },
				.signals = { { timeline, 2 * i + 3 } },
			});
	}
	EXPECT(icd_seconds() - start < AT_ONCE);
	icd_sleep(A_MOMENT);
	EXPECT_EQ(vku_timeline_value(vk, timeline), 0);
	icd_expect_memory(&s.p, 0, icd_stamp(0));
	vku_signal(vk, timeline, 1);
	vku_wait(vk, timeline, 2 * STEPS + 1);
	for (uint32_t m = 0; m < 4; m++) {
		uint32_t sum = 0;
		for (uint32_t i = m; i < STEPS; i += 4) {
			sum += i + 1;
		}
		icd_expect_memory(&s.p, m, icd_stamp(m) + sum);
	}
	VKU_CHECK(vkDeviceWaitIdle(vk->device));
	for (uint32_t i = 0; i < STEPS; i++) {
		free_commands(vk, commands[i]);
	}
	vkDestroySemaphore(vk->device, timeline, NULL);
	icd_adder_finish(vk, &s);
}

#define CHAIN 1000

/*
 * Submits a thousand pairs of bind and dispatch without waits on the host. Step i binds one page to
 * memory page i mod 7 and adds i. At the end each memory page holds the sum of its steps.
 */
static void check_chain(struct vku *vk, bool timeline)
{
	VkCommandBuffer *commands = calloc(CHAIN, sizeof(VkCommandBuffer));
	VkSemaphore *semaphores = calloc(2 * CHAIN + 1, sizeof(VkSemaphore));
	struct icd_adder s;

	EXPECT(commands && semaphores);
	icd_adder_init(vk, &s, 8, 16);
	for (uint32_t i = 0; i < 2 * CHAIN; i++) {
		bool first = i == 0;
		semaphores[i] = !timeline ? vku_create_semaphore(vk)
			: first           ? vku_create_timeline(vk, 0)
					  : semaphores[0];
	}
	for (uint32_t i = 0; i < CHAIN; i++) {
		struct icd_point bound = { semaphores[2 * i], timeline ? 2 * i + 1 : 0 };
		struct icd_point done = { semaphores[2 * i + 1], timeline ? 2 * i + 2 : 0 };
		struct icd_batch bind = {
			.buffer = s.p.buffer,
			.binds = { icd_page_bind(&s.p, 6, 1, i % 7) },
			.bind_count = 1,
			.signals = { bound },
		};
		if (i > 0) {
			bind.waits[0] = (struct icd_point){
				semaphores[2 * i - 1],
				timeline ? 2 * i : 0,
			};
		}
		icd_bind(vk, &bind);
		commands[i] = icd_adder_record(vk, &s, 6, i);
		icd_submit(vk,
			&(struct icd_batch){
				.commands = commands[i],
				.waits = { bound },
				.signals = { done },
				.fence = i == CHAIN - 1 ? s.fence : VK_NULL_HANDLE,
			});
	}
	icd_wait_fence(vk, s.fence);
	for (uint32_t m = 0; m < 7; m++) {
		uint32_t sum = 0;
		for (uint32_t i = m; i < CHAIN; i += 7) {
			sum += i;
		}
		icd_expect_memory(&s.p, m, icd_stamp(m) + sum);
	}
	VKU_CHECK(vkDeviceWaitIdle(vk->device));
	vkFreeCommandBuffers(vk->device, vk->pool, CHAIN, commands);
	for (uint32_t i = 0; i < (timeline ? 1 : 2 * CHAIN); i++) {
		vkDestroySemaphore(vk->device, semaphores[i], NULL);
	}
	free(commands);
	free(semaphores);
	icd_adder_finish(vk, &s);
}

static void thousand_rebinds_binary(void **state)
{
	check_chain(*state, false);
}

static void thousand_rebinds_timeline(void **state)
{
	check_chain(*state, true);
}

/* In one call each batch waits for the one before. The last batch's bind remains. */
static void batches_that_wait_for_each_other(void **state)
{
	enum {
		BATCHES = 8
	};
	struct vku *vk = *state;
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	struct icd_batch batches[BATCHES];
	struct icd_bind_info infos[BATCHES];
	VkBindSparseInfo array[BATCHES];
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	for (uint32_t i = 0; i < BATCHES; i++) {
		batches[i] = (struct icd_batch){
			.buffer = s.p.buffer,
			.binds = { icd_page_bind(&s.p, 5, 1, i) },
			.bind_count = 1,
			.waits = { { timeline, i + 1 } },
			.signals = { { timeline, i + 2 } },
		};
	}
	for (uint32_t i = 0; i < BATCHES; i++) {
		icd_bind_info(&infos[i], &batches[i]);
		array[i] = infos[i].info;
	}
	VKU_CHECK(vkQueueBindSparse(vk->queue, BATCHES, array, s.fence));
	EXPECT_RESULT(vkGetFenceStatus(vk->device, s.fence), VK_NOT_READY);
	vku_signal(vk, timeline, 1);
	vku_wait(vk, timeline, BATCHES + 1);
	icd_wait_fence(vk, s.fence);
	icd_expect_page(vk, &s.p, 5, icd_stamp(BATCHES - 1));
	vkDestroySemaphore(vk->device, timeline, NULL);
	icd_adder_finish(vk, &s);
}

/* As above, with one binary semaphore for each step. */
static void batches_with_binary_semaphores(void **state)
{
	enum {
		BATCHES = 8
	};
	struct vku *vk = *state;
	VkSemaphore steps[BATCHES + 1];
	struct icd_batch batches[BATCHES];
	struct icd_bind_info infos[BATCHES];
	VkBindSparseInfo array[BATCHES];
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	steps[0] = vku_create_semaphore(vk);
	for (uint32_t i = 0; i < BATCHES; i++) {
		steps[i + 1] = vku_create_semaphore(vk);
		batches[i] = (struct icd_batch){
			.buffer = s.p.buffer,
			.binds = { icd_page_bind(&s.p, 5, 1, i) },
			.bind_count = 1,
			.waits = { { steps[i], 0 } },
			.signals = { { steps[i + 1], 0 } },
		};
		icd_bind_info(&infos[i], &batches[i]);
		array[i] = infos[i].info;
	}
	icd_submit(vk, &(struct icd_batch){ .signals = { { steps[0], 0 } } });
	VKU_CHECK(vkQueueBindSparse(vk->queue, BATCHES, array, s.fence));
	VkCommandBuffer commands = icd_adder_record(vk, &s, 5, 1);
	icd_wait_fence(vk, s.fence);
	icd_submit(vk,
		&(struct icd_batch){
			.commands = commands,
			.waits = { { steps[BATCHES], 0 } },
			.fence = s.fence,
		});
	icd_wait_fence(vk, s.fence);
	icd_expect_memory(&s.p, BATCHES - 1, icd_stamp(BATCHES - 1) + 1);
	free_commands(vk, commands);
	for (uint32_t i = 0; i <= BATCHES; i++) {
		vkDestroySemaphore(vk->device, steps[i], NULL);
	}
	icd_adder_finish(vk, &s);
}

/* Batches without binds signal only after their waits. */
static void only_synchronization(void **state)
{
	struct vku *vk = *state;
	VkSemaphore in = vku_create_timeline(vk, 10), out = vku_create_timeline(vk, 0);
	VkSemaphore binary = vku_create_semaphore(vk);
	VkFence fence = vku_create_fence(vk);

	icd_bind(vk, &(struct icd_batch){ .waits = { { in, 11 } }, .signals = { { out, 2 } } });
	icd_bind(vk,
		&(struct icd_batch){
			.waits = { { out, 2 }, { in, 12 } },
			.signals = { { binary, 0 }, { out, 3 } },
			.fence = fence,
		});
	icd_sleep(A_MOMENT);
	EXPECT_EQ(vku_timeline_value(vk, out), 0);
	vku_signal(vk, in, 11);
	vku_wait(vk, out, 2);
	icd_sleep(A_MOMENT);
	EXPECT_EQ(vku_timeline_value(vk, out), 2);
	EXPECT_RESULT(vkGetFenceStatus(vk->device, fence), VK_NOT_READY);
	vku_signal(vk, in, 12);
	vku_wait(vk, out, 3);
	icd_wait_fence(vk, fence);
	icd_bind(vk, &(struct icd_batch){ .waits = { { binary, 0 } }, .fence = fence });
	icd_wait_fence(vk, fence);
	VKU_CHECK(vkDeviceWaitIdle(vk->device));
	vkDestroySemaphore(vk->device, in, NULL);
	vkDestroySemaphore(vk->device, out, NULL);
	vkDestroySemaphore(vk->device, binary, NULL);
	vkDestroyFence(vk->device, fence, NULL);
}

/* Many binary and timeline semaphores as waits and as signals. */
static void many_semaphores(void **state)
{
	struct vku *vk = *state;
	VkSemaphore t[3], b[2];
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	for (size_t i = 0; i < COUNT(t); i++) {
		t[i] = vku_create_timeline(vk, i);
	}
	for (size_t i = 0; i < COUNT(b); i++) {
		b[i] = vku_create_semaphore(vk);
	}
	icd_submit(vk, &(struct icd_batch){ .signals = { { b[0], 0 }, { t[0], 20 } } });
	icd_bind(vk,
		&(struct icd_batch){
			.buffer = s.p.buffer,
			.binds = { icd_page_bind(&s.p, 0, 1, 1) },
			.bind_count = 1,
			.waits = { { t[1], 21 }, { b[0], 0 }, { t[0], 20 }, { t[2], 22 } },
			.signals = { { b[1], 0 }, { t[2], 23 }, { t[0], 24 } },
		});
	VkCommandBuffer commands = icd_adder_record(vk, &s, 0, 1);
	vku_signal(vk, t[2], 22);
	icd_sleep(A_MOMENT);
	EXPECT_EQ(vku_timeline_value(vk, t[2]), 22);
	vku_signal(vk, t[1], 21);
	icd_submit(vk,
		&(struct icd_batch){
			.commands = commands,
			.waits = { { t[0], 24 }, { b[1], 0 }, { t[2], 23 } },
			.signals = { { t[1], 25 } },
		});
	vku_wait(vk, t[1], 25);
	icd_expect_memory(&s.p, 1, icd_stamp(1) + 1);
	VKU_CHECK(vkQueueWaitIdle(vk->queue));
	free_commands(vk, commands);
	for (size_t i = 0; i < COUNT(t); i++) {
		vkDestroySemaphore(vk->device, t[i], NULL);
	}
	for (size_t i = 0; i < COUNT(b); i++) {
		vkDestroySemaphore(vk->device, b[i], NULL);
	}
	icd_adder_finish(vk, &s);
}

/* Signals a timeline semaphore from another thread after A_MOMENT. */
struct later {
	const struct vku *vk;
	VkSemaphore timeline;
	uint64_t value;
	pthread_t thread;
};

static void *signal_later(void *data)
{
	const struct later *later = data;

	icd_sleep(A_MOMENT);
	vku_signal(later->vk, later->timeline, later->value);
	return NULL;
}

static void check_idle(struct vku *vk, bool whole_device)
{
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	struct later later = { .vk = vk, .timeline = timeline, .value = 1 };
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	icd_bind(vk,
		&(struct icd_batch){
			.buffer = s.p.buffer,
			.binds = { icd_page_bind(&s.p, 1, 1, 2) },
			.bind_count = 1,
			.waits = { { timeline, 1 } },
			.signals = { { timeline, 2 } },
		});
	EXPECT_EQ(pthread_create(&later.thread, NULL, signal_later, &later), 0);
	if (whole_device) {
		VKU_CHECK(vkDeviceWaitIdle(vk->device));
	} else {
		VKU_CHECK(vkQueueWaitIdle(vk->queue));
	}
	EXPECT_EQ(vku_timeline_value(vk, timeline), 2);
	pthread_join(later.thread, NULL);
	icd_expect_page(vk, &s.p, 1, icd_stamp(2));
	vkDestroySemaphore(vk->device, timeline, NULL);
	icd_adder_finish(vk, &s);
}

static void queue_wait_idle(void **state)
{
	check_idle(*state, false);
}

static void device_wait_idle(void **state)
{
	check_idle(*state, true);
}

/* Uses vkQueueSubmit2. */
static void with_submit2(void **state)
{
	struct vku *vk = *state;
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	PFN_vkQueueSubmit2 submit2 = (PFN_vkQueueSubmit2)vku_device_function(
		vk, "vkQueueSubmit2", "vkQueueSubmit2KHR");
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	VkCommandBuffer commands = icd_adder_record(vk, &s, 4, 3);
	const VkCommandBufferSubmitInfo command_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
		.commandBuffer = commands,
	};
	const VkSemaphoreSubmitInfo points[] = {
		{
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
			.semaphore = timeline,
			.value = 1,
			.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
		},
		{
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
			.semaphore = timeline,
			.value = 2,
			.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
		},
	};
	const VkSubmitInfo2 submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
		.waitSemaphoreInfoCount = 1,
		.pWaitSemaphoreInfos = &points[0],
		.commandBufferInfoCount = 1,
		.pCommandBufferInfos = &command_info,
		.signalSemaphoreInfoCount = 1,
		.pSignalSemaphoreInfos = &points[1],
	};
	icd_bind(vk,
		&(struct icd_batch){
			.buffer = s.p.buffer,
			.binds = { icd_page_bind(&s.p, 4, 1, 2) },
			.bind_count = 1,
			.signals = { { timeline, 1 } },
		});
	VKU_CHECK(submit2(vk->queue, 1, &submit, VK_NULL_HANDLE));
	icd_bind(vk,
		&(struct icd_batch){
			.buffer = s.p.buffer,
			.binds = { icd_page_bind(&s.p, 4, 1, 3) },
			.bind_count = 1,
			.waits = { { timeline, 2 } },
			.fence = s.fence,
		});
	icd_wait_fence(vk, s.fence);
	icd_expect_memory(&s.p, 2, icd_stamp(2) + 3);
	icd_expect_page(vk, &s.p, 4, icd_stamp(3));
	free_commands(vk, commands);
	vkDestroySemaphore(vk->device, timeline, NULL);
	icd_adder_finish(vk, &s);
}

/* The application may reuse the arrays of a call once the call returns. */
static void arrays_may_be_reused(void **state)
{
	struct vku *vk = *state;
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	struct icd_bind_info info;
	struct icd_batch batch;
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	batch = (struct icd_batch){
		.buffer = s.p.buffer,
		.binds = { icd_page_bind(&s.p, 0, 1, 3), icd_page_bind(&s.p, 7, 1, 9) },
		.bind_count = 2,
		.waits = { { timeline, 1 } },
		.signals = { { timeline, 2 } },
	};
	icd_bind_info(&info, &batch);
	VKU_CHECK(vkQueueBindSparse(vk->queue, 1, &info.info, s.fence));
	batch = (struct icd_batch){ 0 };
	info = (struct icd_bind_info){ 0 };
	vku_signal(vk, timeline, 1);
	vku_wait(vk, timeline, 2);
	icd_wait_fence(vk, s.fence);
	icd_expect_page(vk, &s.p, 0, icd_stamp(3));
	icd_expect_page(vk, &s.p, 7, icd_stamp(9));
	vkDestroySemaphore(vk->device, timeline, NULL);
	icd_adder_finish(vk, &s);
}

/* A fence without batches is signalled after all earlier batches. */
static void fence_without_batches(void **state)
{
	struct vku *vk = *state;
	VkSemaphore timeline = vku_create_timeline(vk, 0);
	struct icd_adder s;

	icd_adder_init(vk, &s, 8, 16);
	icd_bind(vk,
		&(struct icd_batch){
			.buffer = s.p.buffer,
			.binds = { icd_page_bind(&s.p, 0, 1, 3) },
			.bind_count = 1,
			.waits = { { timeline, 1 } },
			.signals = { { timeline, 2 } },
		});
	VKU_CHECK(vkQueueBindSparse(vk->queue, 0, NULL, s.fence));
	icd_sleep(A_MOMENT);
	EXPECT_RESULT(vkGetFenceStatus(vk->device, s.fence), VK_NOT_READY);
	vku_signal(vk, timeline, 1);
	icd_wait_fence(vk, s.fence);
	icd_expect_page(vk, &s.p, 0, icd_stamp(3));
	VKU_CHECK(vkDeviceWaitIdle(vk->device));
	vkDestroySemaphore(vk->device, timeline, NULL);
	icd_adder_finish(vk, &s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(fence_after_bind),
		SCENARIO(between_two_dispatches),
		SCENARIO(bind_after_slow_dispatch),
		SCENARIO(wait_before_signal),
		SCENARIO(long_chain_waits_for_host),
		SCENARIO(thousand_rebinds_binary),
		SCENARIO(thousand_rebinds_timeline),
		SCENARIO(batches_that_wait_for_each_other),
		SCENARIO(batches_with_binary_semaphores),
		SCENARIO(only_synchronization),
		SCENARIO(many_semaphores),
		SCENARIO(queue_wait_idle),
		SCENARIO(device_wait_idle),
		SCENARIO(with_submit2),
		SCENARIO(arrays_may_be_reused),
		SCENARIO(fence_without_batches),
	};

	return ICD_RUN(tests, argc, argv);
}
