/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_setaffinity */
#include <sched.h>
#include <stdio.h>

#include "sections.h"
#include "subject.h"
#include "table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define KIB 1024u
#define MIB (1024 * KIB)
#define PAGE 4096

/* Seconds for each row of a table. */
#define ROW_SECONDS 1.5

/* A subject with the objects that the calls use. */
struct caller {
	struct bench_subject subject;
	VkCommandBuffer commands;
	VkFence fence;
	uint32_t memory_type;
};

struct call {
	const char *label;
	void (*run)(const struct caller *caller, const struct call *call);
	VkDeviceSize size;
	bool touched;
};

static void create_buffer(const struct caller *caller, const struct call *call)
{
	const struct bench_subject *subject = &caller->subject;
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = call->size,
		.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
	};
	VkBuffer buffer;

	VKU_CHECK(subject->CreateBuffer(subject->vk.device, &info, NULL, &buffer));
	subject->DestroyBuffer(subject->vk.device, buffer, NULL);
}

static void touch(const struct bench_subject *subject, VkDeviceMemory memory, VkDeviceSize size)
{
	void *map;

	VKU_CHECK(subject->MapMemory(subject->vk.device, memory, 0, VK_WHOLE_SIZE, 0, &map));
	for (VkDeviceSize at = 0; at < size; at += PAGE) {
		((volatile char *)map)[at] = 1;
	}
	subject->UnmapMemory(subject->vk.device, memory);
}

static void allocate(const struct caller *caller, const struct call *call)
{
	const struct bench_subject *subject = &caller->subject;
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = call->size,
		.memoryTypeIndex = caller->memory_type,
	};
	VkDeviceMemory memory;

	VKU_CHECK(subject->AllocateMemory(subject->vk.device, &info, NULL, &memory));
	if (call->touched) {
		touch(subject, memory, call->size);
	}
	subject->FreeMemory(subject->vk.device, memory, NULL);
}

/* Large allocations that exceed the caches of the layer and of the C library when held at once.
 * So each round allocates new memory from the kernel. */
#define HELD 64

static void allocate_new(const struct caller *caller, const struct call *call)
{
	const struct bench_subject *subject = &caller->subject;
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = call->size,
		.memoryTypeIndex = caller->memory_type,
	};
	VkDeviceMemory memory[HELD];

	for (int i = 0; i < HELD; i++) {
		VKU_CHECK(subject->AllocateMemory(subject->vk.device, &info, NULL, &memory[i]));
		if (call->touched) {
			touch(subject, memory[i], call->size);
		}
	}
	for (int i = 0; i < HELD; i++) {
		subject->FreeMemory(subject->vk.device, memory[i], NULL);
	}
}

static void wait_fence(const struct caller *caller)
{
	const struct bench_subject *subject = &caller->subject;

	VKU_CHECK(
		subject->WaitForFences(subject->vk.device, 1, &caller->fence, VK_TRUE, UINT64_MAX));
	VKU_CHECK(subject->ResetFences(subject->vk.device, 1, &caller->fence));
}

static void submit_empty(const struct caller *caller, const struct call *call)
{
	const struct bench_subject *subject = &caller->subject;

	(void)call;
	VKU_CHECK(subject->QueueSubmit(subject->vk.queue, 0, NULL, caller->fence));
	wait_fence(caller);
}

static void submit_commands(const struct caller *caller, const struct call *call)
{
	const struct bench_subject *subject = &caller->subject;
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &caller->commands,
	};

	(void)call;
	VKU_CHECK(subject->QueueSubmit(subject->vk.queue, 1, &info, caller->fence));
	wait_fence(caller);
}

static void bind_nothing(const struct caller *caller, const struct call *call)
{
	const struct bench_subject *subject = &caller->subject;
	const VkBindSparseInfo info = { .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO };

	(void)call;
	VKU_CHECK(subject->QueueBindSparse(subject->vk.queue, 1, &info, caller->fence));
	wait_fence(caller);
}

#define CREATE_CALLS \
	{ \
		"vkCreateBuffer", create_buffer, 64 * KIB, false \
	}
#define SUBMIT_CALLS \
	{ "vkQueueSubmit nothing", submit_empty, 0, false }, \
	{ \
		"vkQueueSubmit commands", submit_commands, 0, false \
	}
#define NEW_CALLS(text, size) \
	{ "64 new memories " text, allocate_new, size, false }, \
	{ \
		"- and written to", allocate_new, size, true \
	}
#define ALLOCATE_CALLS(text, size) \
	{ "vkAllocateMemory " text, allocate, size, false }, \
	{ \
		"- and written to", allocate, size, true \
	}

static const struct call provide_calls[] = {
	CREATE_CALLS,
	SUBMIT_CALLS,
	ALLOCATE_CALLS("4 KiB", 4 * KIB),
	ALLOCATE_CALLS("64 KiB", 64 * KIB),
	ALLOCATE_CALLS("1 MiB", MIB),
	ALLOCATE_CALLS("16 MiB", 16 * MIB),
	NEW_CALLS("64 KiB", 64 * KIB),
	NEW_CALLS("4 MiB", 4 * MIB),
};

static const struct call native_calls[] = {
	CREATE_CALLS,
	SUBMIT_CALLS,
	{ "vkQueueBindSparse nothing", bind_nothing, 0, false },
	ALLOCATE_CALLS("64 KiB", 64 * KIB),
};

static VkCommandBuffer record_commands(const struct vku *vk)
{
	VkCommandBuffer commands;
	const VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = vk->pool,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};

	VKU_CHECK(vkAllocateCommandBuffers(vk->device, &info, &commands));
	VKU_CHECK(vkBeginCommandBuffer(commands, &begin));
	vku_barrier(commands);
	VKU_CHECK(vkEndCommandBuffer(commands));
	return commands;
}

static void caller_init(struct caller *caller, const char *route)
{
	bench_subject_init(&caller->subject, route);
	caller->commands = record_commands(&caller->subject.vk);
	caller->fence = vku_create_fence(&caller->subject.vk);
	caller->memory_type = vku_memory_type(
		&caller->subject.vk, UINT32_MAX, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
}

static void caller_finish(struct caller *caller)
{
	vkDestroyFence(caller->subject.vk.device, caller->fence, NULL);
	bench_subject_finish(&caller->subject);
}

struct job {
	const struct caller *caller;
	const struct call *call;
};

static void run(void *data, unsigned iterations)
{
	const struct job *job = data;

	for (unsigned i = 0; i < iterations; i++) {
		job->call->run(job->caller, job->call);
	}
}

static const char legend[] =
	"Each time includes destroying, freeing, or waiting for a fence. On one processor.\n"
	"\"driver : driver\" compares two devices without the layer and shows the noise.\n\n";

/* The callers: the driver, the driver again (for the noise), and the layer. */
enum {
	DRIVER,
	AGAIN,
	LAYER,
	CALLERS
};

static void measure(const struct caller *callers, const struct call *call, struct bench_side *sides)
{
	struct job jobs[CALLERS];

	for (int i = 0; i < CALLERS; i++) {
		jobs[i] = (struct job){ &callers[i], call };
		sides[i] = (struct bench_side){ .run = run, .data = &jobs[i] };
	}
	struct bench_effort effort = bench_effort_for(sides, CALLERS, ROW_SECONDS);
	bench_measure(sides, CALLERS, &effort);
}

/* Adds the last cell of a row. */
typedef void judge_fn(struct bench_table *table, const struct bench_side *sides);

static void compare(
	const struct caller *callers, const struct call *calls, size_t count, judge_fn *judge)
{
	static const char *const headings[] = { "call", "driver", "more", "layer : driver",
		"driver : driver", "target" };
	struct bench_table table;

	bench_table_init(&table, COUNT(headings), headings);
	for (size_t i = 0; i < count; i++) {
		struct bench_side sides[CALLERS];

		measure(callers, &calls[i], sides);
		bench_cell(&table, "%s", calls[i].label);
		const struct bench_result *layer = &sides[LAYER].result[BENCH_WALL];
		bench_cell_time(&table, sides[DRIVER].result[BENCH_WALL].time.median);
		bench_cell_time(&table, layer->more.median);
		bench_cell_ratio(&table, &layer->ratio);
		bench_cell_ratio(&table, &sides[AGAIN].result[BENCH_WALL].ratio);
		judge(&table, sides);
	}
	bench_table_print(&table);
}

static void judge_provide(struct bench_table *table, const struct bench_side *sides)
{
	bench_cell_target(table, BENCH_OTHER_CALLS,
		sides[LAYER].result[BENCH_WALL].ratio.median <= BENCH_OTHER_CALLS_RATIO);
}

/* The target is met if the layer's median ratio is within the noise of the driver against itself,
 * or if the layer was as fast as the driver in at least one round. */
static void judge_native(struct bench_table *table, const struct bench_side *sides)
{
	const struct bench_summary *layer = &sides[LAYER].result[BENCH_WALL].ratio;
	const struct bench_summary *again = &sides[AGAIN].result[BENCH_WALL].ratio;

	bench_cell_target(table, BENCH_NATIVE, layer->median <= again->high || layer->low <= 1);
}

/* Called before the driver creates threads. Waking a thread on another processor takes five times
 * as long as on the same one, and the scheduler's choice changes over time. */
static void stay_on_one_processor(void)
{
	cpu_set_t set;
	int processor = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(processor < 0 ? 0 : (unsigned)processor, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void open_all(struct caller *callers)
{
	stay_on_one_processor();
	caller_init(&callers[DRIVER], NULL);
	caller_init(&callers[LAYER], "auto");
	caller_init(&callers[AGAIN], NULL);
}

static void close_all(struct caller *callers)
{
	for (int i = 0; i < CALLERS; i++) {
		caller_finish(&callers[i]);
	}
}

void bench_calls_provide(void)
{
	struct caller callers[CALLERS];

	open_all(callers);
	printf("### Calls without sparse resources, provide route\n\n%s", legend);
	compare(callers, provide_calls, COUNT(provide_calls), judge_provide);
	close_all(callers);
}

/* On the native route vkGetDeviceProcAddr returns the driver's own functions, but for
 * vkQueueBindSparse if the layer joins binds. */
static void compare_functions(const struct caller *callers)
{
	static const char *const names[] = { "vkAllocateMemory", "vkFreeMemory", "vkCreateBuffer",
		"vkDestroyBuffer", "vkCreateImage", "vkQueueSubmit", "vkQueueSubmit2",
		"vkQueueWaitIdle", "vkWaitForFences", "vkGetBufferMemoryRequirements" };
	size_t same = 0;

	for (size_t i = 0; i < COUNT(names); i++) {
		same += vkGetDeviceProcAddr(callers[DRIVER].subject.vk.device, names[i]) ==
			vkGetDeviceProcAddr(callers[LAYER].subject.vk.device, names[i]);
	}
	printf("vkGetDeviceProcAddr returns the driver's own function for %zu of %zu names.\n\n",
		same, COUNT(names));
}

void bench_calls_native(void)
{
	struct caller callers[CALLERS];

	open_all(callers);
	printf("### Calls on the native route\n\n%s", legend);
	compare(callers, native_calls, COUNT(native_calls), judge_native);
	compare_functions(callers);
	close_all(callers);
}
