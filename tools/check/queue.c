/* SPDX-License-Identifier: MIT */
#include <time.h>

#include "check.h"
#include "pages.h"
#include "spirv.h"

/*
 * When a bind takes effect. Page 0 of a buffer is bound to memory page A. Work before the bind
 * writes page 0, the bind replaces A by B, and work after the bind writes page 0 again. The first
 * submission is slow, or waits for a timeline semaphore that the host signals after all calls have
 * returned, so that a bind that comes too early comes before it.
 */

enum {
	A = 1,
	B = 2
};
#define SEED_BEFORE 5000
#define SEED_AFTER 6000

/* A semaphore to wait for or to signal; value 0: a binary one. */
struct point {
	VkSemaphore semaphore;
	uint64_t value;
};

struct scene {
	struct gpu *gpu;
	struct pages p;
	VkSemaphore gate; /* a timeline of the host */
	VkCommandBuffer before, slow_before, after;
	VkFence fence;
	struct vku_program adder;
};

static void sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static void create_adder(struct gpu *gpu, struct vku_program *program)
{
	struct spv s;

	spv_begin(&s, 64);
	spv_id data = spv_storage_buffer(&s, 0, SPV_U32);
	spv_id i = spv_invocation(&s);
	spv_write(&s, data, i, spv_op(&s, SpvOpIAdd, spv_read(&s, data, i), spv_u32(&s, 1)));
	spv_end(&s);
	vku_program_init(&gpu->vk, program, s.code, s.code_size, 1, 0);
	spv_finish(&s);
}

/* Dispatches that each add 1 to all words of a page, one after the other. */
#define SLOW_DISPATCHES 1000

static void record_slow(
	struct pages *p, VkCommandBuffer commands, const struct vku_program *adder, uint32_t page)
{
	const VkDescriptorBufferInfo info = { p->buffer, page * p->pool.page, p->pool.page };
	VkDescriptorSet set = vku_program_set(&p->gpu->vk, adder, &info);

	for (int i = 0; i < SLOW_DISPATCHES; i++) {
		vku_dispatch(commands, adder, set, NULL, (uint32_t)(p->pool.page / 4 / 64));
		vku_barrier(commands);
	}
	p->seeds[p->bound[page]] += SLOW_DISPATCHES;
}

/* Records a write of page 0; adder: after slow work on page 3. */
static VkCommandBuffer record(
	struct scene *s, int from, uint32_t seed, const struct vku_program *adder)
{
	VkCommandBuffer commands = vku_begin(&s->gpu->vk);
	VkDeviceSize page = s->p.pool.page;

	if (adder) {
		record_slow(&s->p, commands, adder, 3);
	}
	gpu_record_write(s->gpu, commands, s->p.buffer, 0, page,
		(uint32_t)from * (uint32_t)(page / 4), seed);
	vku_barrier(commands);
	VKU_CHECK(vkEndCommandBuffer(commands));
	return commands;
}

static void scene_init(struct gpu *gpu, struct scene *s)
{
	*s = (struct scene){ .gpu = gpu };
	if (!gpu->has_timelines) {
		check_skip("the device does not report timelineSemaphore");
	}
	pages_init(gpu, &s->p, 4, 8, gpu_residency(gpu));
	pages_run(&s->p, "0+4=1");
	s->gate = vku_create_timeline(&gpu->vk, 0);
	create_adder(gpu, &s->adder);
	s->before = record(s, A, SEED_BEFORE, NULL);
	s->after = record(s, B, SEED_AFTER, NULL);
	s->fence = vku_create_fence(&gpu->vk);
}

static void scene_finish(struct scene *s)
{
	const VkDevice device = s->gpu->vk.device;
	const VkCommandBuffer commands[] = { s->before, s->slow_before, s->after };

	VKU_CHECK(vkDeviceWaitIdle(device));
	vkDestroySemaphore(device, s->gate, NULL);
	vkDestroyFence(device, s->fence, NULL);
	vkFreeCommandBuffers(device, s->gpu->vk.pool, 3, commands);
	vku_program_finish(&s->gpu->vk, &s->adder);
	pages_finish(&s->p);
}

/* The result points into wait and signal. */
static VkTimelineSemaphoreSubmitInfo timeline_values(
	const struct point *wait, const struct point *signal)
{
	return (VkTimelineSemaphoreSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = wait->semaphore ? 1 : 0,
		.pWaitSemaphoreValues = &wait->value,
		.signalSemaphoreValueCount = signal->semaphore ? 1 : 0,
		.pSignalSemaphoreValues = &signal->value,
	};
}

static void submit(struct scene *s, VkCommandBuffer commands, struct point wait,
	struct point signal, VkFence fence)
{
	const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	const VkTimelineSemaphoreSubmitInfo values = timeline_values(&wait, &signal);
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &values,
		.waitSemaphoreCount = wait.semaphore ? 1 : 0,
		.pWaitSemaphores = &wait.semaphore,
		.pWaitDstStageMask = &stage,
		.commandBufferCount = commands ? 1 : 0,
		.pCommandBuffers = &commands,
		.signalSemaphoreCount = signal.semaphore ? 1 : 0,
		.pSignalSemaphores = &signal.semaphore,
	};

	vku_queue_submit(&s->gpu->vk, &info, fence);
}

/* Binds page 0 to B. */
static void bind(struct scene *s, struct point wait, struct point signal, VkFence fence)
{
	const VkSparseMemoryBind one = pages_bind(&s->p, 0, 1, B);
	const VkSparseBufferMemoryBindInfo binds = { s->p.buffer, 1, &one };
	const VkTimelineSemaphoreSubmitInfo values = timeline_values(&wait, &signal);
	const VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.pNext = &values,
		.waitSemaphoreCount = wait.semaphore ? 1 : 0,
		.pWaitSemaphores = &wait.semaphore,
		.bufferBindCount = 1,
		.pBufferBinds = &binds,
		.signalSemaphoreCount = signal.semaphore ? 1 : 0,
		.pSignalSemaphores = &signal.semaphore,
	};

	gpu_queue_bind(s->gpu, &info, fence);
}

/* Opens the gate and waits. A has the words of the first work, B those of the second. */
static void expect_order(struct scene *s)
{
	sleep_ms(20);
	vku_signal(&s->gpu->vk, s->gate, 1);
	gpu_wait(s->gpu, s->fence);
	VKU_CHECK(vkDeviceWaitIdle(s->gpu->vk.device));
	s->p.seeds[A] = SEED_BEFORE;
	s->p.seeds[B] = SEED_AFTER;
	pages_expect_pool(&s->p);
}

static const struct point none;

static void run_order(struct gpu *gpu, const void *data)
{
	struct scene s;

	(void)data;
	if (!gpu_has_one_queue(gpu)) {
		check_skip("no queue has both compute and sparse binding");
	}
	scene_init(gpu, &s);
	submit(&s, s.before, (struct point){ s.gate, 1 }, none, VK_NULL_HANDLE);
	bind(&s, none, none, VK_NULL_HANDLE);
	submit(&s, s.after, none, none, s.fence);
	expect_order(&s);
	scene_finish(&s);
}

static void run_binary(struct gpu *gpu, const void *data)
{
	struct scene s;

	(void)data;
	scene_init(gpu, &s);
	VkSemaphore done = vku_create_semaphore(&gpu->vk);
	VkSemaphore bound = vku_create_semaphore(&gpu->vk);
	/* A wait for a binary semaphore may not depend on a later signal of the host. */
	s.slow_before = record(&s, A, SEED_BEFORE, &s.adder);
	submit(&s, s.slow_before, none, (struct point){ done, 0 }, VK_NULL_HANDLE);
	bind(&s, (struct point){ done, 0 }, (struct point){ bound, 0 }, VK_NULL_HANDLE);
	submit(&s, s.after, (struct point){ bound, 0 }, none, s.fence);
	expect_order(&s);
	vkDestroySemaphore(gpu->vk.device, done, NULL);
	vkDestroySemaphore(gpu->vk.device, bound, NULL);
	scene_finish(&s);
}

static void run_timeline(struct gpu *gpu, const void *data)
{
	struct scene s;

	(void)data;
	scene_init(gpu, &s);
	VkSemaphore steps = vku_create_timeline(&gpu->vk, 0);
	submit(&s, s.before, (struct point){ s.gate, 1 }, (struct point){ steps, 1 },
		VK_NULL_HANDLE);
	bind(&s, (struct point){ steps, 1 }, (struct point){ steps, 2 }, VK_NULL_HANDLE);
	submit(&s, s.after, (struct point){ steps, 2 }, none, s.fence);
	expect_order(&s);
	vkDestroySemaphore(gpu->vk.device, steps, NULL);
	scene_finish(&s);
}

/* The bind waits for a value whose signal operation comes later, from the host. */
static void run_wait_first(struct gpu *gpu, const void *data)
{
	struct scene s;

	(void)data;
	scene_init(gpu, &s);
	VkSemaphore bound = vku_create_timeline(&gpu->vk, 0);
	submit(&s, s.before, none, none, s.fence);
	gpu_wait(gpu, s.fence);
	VKU_CHECK(vkResetFences(gpu->vk.device, 1, &s.fence));
	bind(&s, (struct point){ s.gate, 1 }, (struct point){ bound, 7 }, VK_NULL_HANDLE);
	submit(&s, s.after, (struct point){ bound, 7 }, none, s.fence);
	sleep_ms(50);
	if (vku_timeline_value(&gpu->vk, bound) != 0) {
		check_fail("the bind signals its semaphore before its wait is over");
	}
	expect_order(&s);
	vkDestroySemaphore(gpu->vk.device, bound, NULL);
	scene_finish(&s);
}

static void run_fence(struct gpu *gpu, const void *data)
{
	struct scene s;

	(void)data;
	scene_init(gpu, &s);
	bind(&s, (struct point){ s.gate, 1 }, none, s.fence);
	sleep_ms(50);
	if (vkGetFenceStatus(gpu->vk.device, s.fence) != VK_NOT_READY) {
		check_fail("the fence of a bind is signaled before the bind's wait is over");
	}
	vku_signal(&gpu->vk, s.gate, 1);
	gpu_wait(gpu, s.fence);
	check_step("After the fence of a bind: ");
	pages_verify(&s.p);
	scene_finish(&s);
}

/* The GPU adds to page 3 of a buffer while other pages of the same buffer are bound and unbound. */
static void run_busy(struct gpu *gpu, const void *data)
{
	struct vku_program adder;
	struct pages p;

	(void)data;
	if (!gpu->features.sparseResidencyBuffer) {
		check_skip("the device does not report sparseResidencyBuffer");
	}
	pages_init(gpu, &p, 16, 32, gpu_residency(gpu));
	pages_run(&p, "3+1=0");
	create_adder(gpu, &adder);
	VkCommandBuffer commands = vku_begin(&gpu->vk);
	record_slow(&p, commands, &adder, 3);
	VKU_CHECK(vkEndCommandBuffer(commands));
	VkFence fence = vku_create_fence(&gpu->vk);
	const VkSubmitInfo submit_info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
	};
	vku_queue_submit(&gpu->vk, &submit_info, fence);
	for (int i = 0; i < 20; i++) {
		const VkSparseMemoryBind binds[] = {
			pages_bind(&p, 0, 2, 1 + i % 4 * 2),
			pages_bind(&p, 4, 8, i % 2 ? -1 : 10 + i / 2),
		};
		gpu_bind_buffer(gpu, p.buffer, binds, 2);
	}
	gpu_wait(gpu, fence);
	check_step("After %d dispatches beside 20 binds: ", SLOW_DISPATCHES);
	pages_verify(&p);
	vkDestroyFence(gpu->vk.device, fence, NULL);
	vkFreeCommandBuffers(gpu->vk.device, gpu->vk.pool, 1, &commands);
	vku_program_finish(&gpu->vk, &adder);
	pages_finish(&p);
}

const struct check vmb_queue_checks[] = {
	{ "queue.order", "A bind without semaphores keeps its place in its queue", run_order, NULL,
		false },
	{ "queue.binary", "A bind waits for and signals binary semaphores", run_binary, NULL,
		false },
	{ "queue.timeline", "A bind waits for and signals timeline semaphores", run_timeline, NULL,
		false },
	{ "queue.wait-first", "A bind waits for a later signal of the host", run_wait_first, NULL,
		false },
	{ "queue.fence", "The fence of a bind is signaled when the bind is done", run_fence, NULL,
		false },
	{ "queue.busy", "Binds beside running work harm nothing", run_busy, NULL, false },
	{ 0 },
};
