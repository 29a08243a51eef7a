/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <uapi/panthor.h>

#include "measure.h"
#include "table.h"
#include "vk.h"

/*
 * The layer's time in vkQueueBindSparse on the assist route, as a share of the driver's time for
 * the same call without the layer. tests/bench/panvk.sh runs this program on panvk.
 *
 * Devices with and without the layer take turns. At most one exists at a time, since the layer's
 * hook stays in the process's GOT entries while a device with the layer exists. The program
 * measures the processor time of the calling thread, in which the driver makes its ioctls. Its own
 * ioctl() interposes the C library's, and measures the kernel's time, also for the layer's ioctls.
 *
 * The layer's time is the time of the call with the layer, minus the driver's time for the binds
 * that the layer passes down. Both exclude the time in ioctls.
 */

#define ROUNDS 11
#define PAGES 24415
#define PAGE UINT64_C(4096)
#define BLOCK UINT64_C(65536)
#define TURNS 101 /* at most, in a round */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ns of processor time, and ioctls. */
struct cost {
	double all;
	double in_ioctl;
	unsigned ioctls;
	unsigned binds; /* VM_BIND ioctls */
};

static _Thread_local struct cost *measured; /* the cost of the current call, or NULL */

typedef int ioctl_fn(int fd, unsigned long request, ...);

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...)
{
	static _Atomic(ioctl_fn *) found;
	ioctl_fn *next = found;
	struct cost *cost = measured;
	va_list args;

	va_start(args, request);
	void *arg = va_arg(args, void *);
	va_end(args);
	if (!next) {
		found = next = (ioctl_fn *)(uintptr_t)dlsym(RTLD_NEXT, "ioctl");
	}
	if (!cost) {
		return next(fd, request, arg);
	}
	double start = now();
	int ret = next(fd, request, arg);
	cost->in_ioctl += now() - start;
	cost->ioctls++;
	cost->binds += _IOC_NR(request) == _IOC_NR(DRM_IOCTL_PANTHOR_VM_BIND);
	return ret;
}

/* The time of reading the clock. */
static double clock_cost(void)
{
	static double costs[1001];

	for (size_t i = 0; i < COUNT(costs); i++) {
		double start = now();
		costs[i] = now() - start;
	}
	return bench_summarize(costs, COUNT(costs)).median;
}

typedef VkSparseMemoryBind bind_fn(VkDeviceMemory memory, uint32_t index);

/* A kind of call. */
struct work {
	const char *label;
	unsigned turns; /* calls in each round, for a median; odd, at most TURNS */
	uint32_t count; /* binds in each call */
	bind_fn *bind;
	/* The binds that the layer passes down to the driver; bind if unchanged. */
	bind_fn *below;
};

static VkSparseMemoryBind bind_range(VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size)
{
	return (VkSparseMemoryBind){
		.resourceOffset = offset,
		.size = size,
		.memory = memory,
		.memoryOffset = memory ? offset : 0,
	};
}

static VkSparseMemoryBind bind_block(VkDeviceMemory memory, uint32_t index)
{
	(void)index;
	return bind_range(memory, 8 * BLOCK, BLOCK);
}

static VkSparseMemoryBind unbind_block(VkDeviceMemory memory, uint32_t index)
{
	(void)memory;
	return bind_block(VK_NULL_HANDLE, index);
}

static VkSparseMemoryBind bind_all(VkDeviceMemory memory, uint32_t index)
{
	(void)index;
	return bind_range(memory, 0, PAGES * PAGE);
}

static VkSparseMemoryBind unbind_all(VkDeviceMemory memory, uint32_t index)
{
	(void)memory;
	return bind_all(VK_NULL_HANDLE, index);
}

/* Adjacent pages of the buffer are never adjacent in memory. */
static VkSparseMemoryBind bind_page(VkDeviceMemory memory, uint32_t index)
{
	VkSparseMemoryBind bind = bind_range(memory, index * PAGE, PAGE);

	bind.memoryOffset = index * UINT64_C(389) % PAGES * PAGE;
	return bind;
}

/* Blocks all over the buffer. */
static VkSparseMemoryBind bind_blocks(VkDeviceMemory memory, uint32_t index)
{
	return bind_range(memory, index / 2 * 7 % 1024 * BLOCK, BLOCK);
}

/* Unbinds and binds each block. */
static VkSparseMemoryBind rebind_blocks(VkDeviceMemory memory, uint32_t index)
{
	return bind_blocks(index % 2 ? memory : VK_NULL_HANDLE, index);
}

static const struct work works[] = {
	{ "64 KiB to memory", TURNS, 1, bind_block, bind_block },
	{ "64 KiB to NULL", TURNS, 1, unbind_block, bind_block },
	{ "100 MB to NULL", TURNS, 1, unbind_all, bind_all },
	{ "24,415 scattered pages", 1, PAGES, bind_page, bind_page },
	{ "1,024 rebinds, half to NULL", 5, 1024, rebind_blocks, bind_blocks },
};

/* A device with the layer or without. The instance keeps the driver and the layer loaded. */
struct side {
	struct vku_options options;
	struct vku vk;
	PFN_vkQueueBindSparse bind;
	VkBuffer buffer;
	VkDeviceMemory memory;
};

static void open_device(struct side *side)
{
	vku_device_init(&side->vk, &side->options);
	side->bind = (PFN_vkQueueBindSparse)vku_device_function(
		&side->vk, "vkQueueBindSparse", "vkQueueBindSparse");
	side->buffer = vku_create_buffer(&side->vk,
		VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT,
		PAGES * PAGE, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
	side->memory = vku_allocate(&side->vk, PAGES * PAGE,
		vku_buffer_requirements(&side->vk, side->buffer).memoryTypeBits);
}

static void close_device(struct side *side)
{
	vkDestroyBuffer(side->vk.device, side->buffer, NULL);
	vkFreeMemory(side->vk.device, side->memory, NULL);
	vkDestroyCommandPool(side->vk.device, side->vk.pool, NULL);
	vku_device_finish(&side->vk);
}

static struct cost call(const struct side *side, const VkBindSparseInfo *info, double clock)
{
	struct cost cost = { 0 };
	double start = now();

	measured = &cost;
	VkResult result = side->bind(side->vk.queue, 1, info, VK_NULL_HANDLE);
	measured = NULL;
	cost.all = now() - start;
	VKU_CHECK(result);
	VKU_CHECK(vkQueueWaitIdle(side->vk.queue));
	if (cost.binds == 0) {
		vku_fail("the calling thread made no VM_BIND");
	}
	cost.all -= clock * (1 + 2 * cost.ioctls);
	cost.in_ioctl -= clock * cost.ioctls;
	return cost;
}

static struct cost median(const struct cost *costs, size_t count)
{
	struct cost median = costs[0];
	double all[TURNS];
	double in_ioctl[TURNS];

	for (size_t i = 0; i < count; i++) {
		all[i] = costs[i].all;
		in_ioctl[i] = costs[i].in_ioctl;
	}
	median.all = bench_summarize(all, count).median;
	median.in_ioctl = bench_summarize(in_ioctl, count).median;
	return median;
}

static struct cost run(
	const struct side *side, const struct work *work, bind_fn *bind, double clock)
{
	struct cost costs[TURNS] = { 0 };
	VkSparseMemoryBind *binds = calloc(work->count, sizeof(*binds));
	const VkSparseBufferMemoryBindInfo buffer = {
		.buffer = side->buffer,
		.bindCount = work->count,
		.pBinds = binds,
	};
	const VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.bufferBindCount = 1,
		.pBufferBinds = &buffer,
	};

	if (!binds) {
		vku_fail("out of memory");
	}
	for (uint32_t i = 0; i < work->count; i++) {
		binds[i] = bind(side->memory, i);
	}
	for (unsigned i = 0; i < work->turns; i++) {
		costs[i] = call(side, &info, clock);
	}
	free(binds);
	return median(costs, work->turns);
}

/* The costs of one kind of call in each round. */
struct rounds {
	struct cost driver[ROUNDS];
	struct cost below[ROUNDS];
	struct cost with[ROUNDS];
};

static void run_driver(struct side *side, struct rounds *rounds, unsigned round, double clock)
{
	open_device(side);
	for (size_t i = 0; i < COUNT(works); i++) {
		const struct work *work = &works[i];
		rounds[i].driver[round] = run(side, work, work->bind, clock);
		rounds[i].below[round] = work->below == work->bind
			? rounds[i].driver[round]
			: run(side, work, work->below, clock);
	}
	close_device(side);
}

static void run_layer(struct side *side, struct rounds *rounds, unsigned round, double clock)
{
	open_device(side);
	for (size_t i = 0; i < COUNT(works); i++) {
		rounds[i].with[round] = run(side, &works[i], works[i].bind, clock);
	}
	close_device(side);
}

static double outside(const struct cost *cost)
{
	return cost->all - cost->in_ioctl;
}

/* Takes the difference of medians, and not the median of differences. Other load of the machine
 * hits only one side of a round. */
static void add_row(struct bench_table *table, const struct work *work, const struct rounds *rounds)
{
	struct cost driver = median(rounds->driver, ROUNDS);
	struct cost below = median(rounds->below, ROUNDS);
	struct cost with = median(rounds->with, ROUNDS);
	double layer = outside(&with) - outside(&below);

	bench_cell(table, "%s", work->label);
	bench_cell(table, "%u", driver.binds);
	bench_cell(table, "%u", with.binds);
	bench_cell_time(table, driver.all);
	bench_cell_time(table, outside(&driver));
	bench_cell_time(table, layer);
	bench_cell(table, "%.1f %% (%.1f %%)", 100 * layer / driver.all,
		100 * layer / outside(&driver));
	bench_cell_target(table, BENCH_LAYER_SHARE, layer / driver.all < BENCH_LAYER_SHARE_RATIO);
}

static void print_rounds(const struct rounds *rounds)
{
	static const char *const headings[] = { "vkQueueBindSparse of", "VM_BINDs", "with layer",
		"driver", "(without ioctl)", "layer", "layer : driver", "target" };
	struct bench_table table;

	bench_table_init(&table, COUNT(headings), headings);
	for (size_t i = 0; i < COUNT(works); i++) {
		add_row(&table, &works[i], &rounds[i]);
	}
	bench_table_print(&table);
	bench_targets_print();
}

int main(void)
{
	static struct rounds rounds[COUNT(works)];
	struct side driver = { .options = { .without_layers = true, .sparse_queue = true } };
	struct side layer = { .options = { .sparse_queue = true } };
	double clock = clock_cost();

	vku_instance_init(&driver.vk, &driver.options);
	vku_instance_init(&layer.vk, &layer.options);
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (i % 2) {
			run_layer(&layer, rounds, i, clock);
		}
		run_driver(&driver, rounds, i, clock);
		if (i % 2 == 0) {
			run_layer(&layer, rounds, i, clock);
		}
	}
	print_rounds(rounds);
	vku_finish(&layer.vk);
	vku_finish(&driver.vk);
	return 0;
}
