/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vk.h"

/*
 * trace_workload LIST SCENARIO [SEED]: binds and unbinds sparse resources. Appends a line to the
 * file LIST for each step. The tests compare LIST with a trace. Handles are hexadecimal. MEMORY is
 * 0 for an unbind:
 *
 *   memory HANDLE SIZE
 *   buffer HANDLE SIZE | image HANDLE SIZE
 *   bind HANDLE OFFSET SIZE MEMORY OFFSET
 *   destroy HANDLE
 *   maps             /proc/self/maps is copied to LIST.maps
 *
 *   steps    random steps, some of which wait for a semaphore
 *   threads  random steps in four threads at once, each with resources of its own
 *   killed   random steps, ended by SIGKILL in the middle
 *   picture  the workload of docs/residency.svg; takes a second
 */

#define RESOURCES 4
#define MEMORIES 3
#define MEMORY_SIZE (UINT64_C(4) << 20)
#define MAX_BINDS 6
#define THREADS 4

struct resource {
	VkBuffer buffer; /* exactly one of buffer and image is set */
	VkImage image;
	VkDeviceSize size;
	VkDeviceSize alignment;
};

struct worker {
	struct vku vk; /* a copy that shares the queue's lock */
	unsigned seed;
	unsigned steps;
	struct resource resources[RESOURCES];
	VkDeviceMemory memories[MEMORIES];
	VkSemaphore timeline;
	uint64_t value;
};

static int list;

/* Writes a line to the list with one write(), so lines of threads do not mix. */
__attribute__((format(printf, 1, 2))) static void write_step(const char *format, ...)
{
	char line[200];
	va_list args;

	va_start(args, format);
	int size = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (write(list, line, (size_t)size) != size) {
		vku_fail("writing the list failed");
	}
}

static unsigned below(struct worker *worker, unsigned limit)
{
	return (unsigned)rand_r(&worker->seed) % limit;
}

static unsigned long long handle_of(const struct resource *resource)
{
	return resource->buffer ? (unsigned long long)resource->buffer
				: (unsigned long long)resource->image;
}

static void create_buffer(struct worker *worker, struct resource *resource, VkDeviceSize size)
{
	resource->buffer = vku_create_buffer(&worker->vk,
		VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT, size,
		VKU_ALL_BUFFER_USAGE);
	const VkMemoryRequirements requirements = vku_buffer_requirements(
		&worker->vk, resource->buffer);
	resource->size = requirements.size;
	resource->alignment = requirements.alignment;
	write_step("buffer %llx %llu\n", handle_of(resource), (unsigned long long)resource->size);
}

static void create_image(struct worker *worker, struct resource *resource, uint32_t width)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { width, 256, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT,
	};
	VkMemoryRequirements requirements;

	VKU_CHECK(vkCreateImage(worker->vk.device, &info, NULL, &resource->image));
	vkGetImageMemoryRequirements(worker->vk.device, resource->image, &requirements);
	resource->size = requirements.size;
	resource->alignment = requirements.alignment;
	write_step("image %llx %llu\n", handle_of(resource), (unsigned long long)resource->size);
}

/* The first resource is an image and the second a buffer, so each seed has both kinds. */
static void create(struct worker *worker, struct resource *resource)
{
	if (resource != &worker->resources[0] &&
		(resource == &worker->resources[1] || below(worker, 3))) {
		create_buffer(worker, resource, (1 + below(worker, 100)) * UINT64_C(65536));
	} else {
		create_image(worker, resource, 256u << below(worker, 4));
	}
}

static void destroy(struct worker *worker, struct resource *resource)
{
	write_step("destroy %llx\n", handle_of(resource));
	vkDestroyBuffer(worker->vk.device, resource->buffer, NULL);
	vkDestroyImage(worker->vk.device, resource->image, NULL);
	*resource = (struct resource){ 0 };
}

/* Binds in two batches, the first with one range. With waits the layer's thread runs them. */
static void bind(struct worker *worker, const struct resource *resource,
	const VkSparseMemoryBind *binds, uint32_t count, bool waits)
{
	const uint64_t values[] = { worker->value + 1, worker->value + 2 };
	const VkTimelineSemaphoreSubmitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = waits,
		.pWaitSemaphoreValues = &values[0],
	};
	const VkTimelineSemaphoreSubmitInfo signal = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &values[1],
	};
	const VkSparseBufferMemoryBindInfo buffers[] = {
		{ resource->buffer, 1, binds },
		{ resource->buffer, count - 1, binds + 1 },
	};
	const VkSparseImageOpaqueMemoryBindInfo images[] = {
		{ resource->image, 1, binds },
		{ resource->image, count - 1, binds + 1 },
	};
	const VkBindSparseInfo infos[] = {
		{
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.pNext = &wait,
			.waitSemaphoreCount = waits,
			.pWaitSemaphores = &worker->timeline,
			.bufferBindCount = resource->buffer ? 1 : 0,
			.pBufferBinds = &buffers[0],
			.imageOpaqueBindCount = resource->image ? 1 : 0,
			.pImageOpaqueBinds = &images[0],
		},
		{
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.pNext = &signal,
			.bufferBindCount = resource->buffer && count > 1,
			.pBufferBinds = &buffers[1],
			.imageOpaqueBindCount = resource->image && count > 1,
			.pImageOpaqueBinds = &images[1],
			.signalSemaphoreCount = 1,
			.pSignalSemaphores = &worker->timeline,
		},
	};

	if (worker->vk.queue_lock) {
		pthread_mutex_lock(worker->vk.queue_lock);
	}
	VKU_CHECK(vkQueueBindSparse(worker->vk.queue, 2, infos, VK_NULL_HANDLE));
	if (worker->vk.queue_lock) {
		pthread_mutex_unlock(worker->vk.queue_lock);
	}
	for (uint32_t i = 0; i < count; i++) {
		write_step("bind %llx %llu %llu %llx %llu\n", handle_of(resource),
			(unsigned long long)binds[i].resourceOffset,
			(unsigned long long)binds[i].size, (unsigned long long)binds[i].memory,
			(unsigned long long)binds[i].memoryOffset);
	}
	if (waits) {
		vku_signal(&worker->vk, worker->timeline, values[0]);
	}
	vku_wait(&worker->vk, worker->timeline, values[1]);
	worker->value += 2;
}

/* A bind of some pages from `at` on. Half of the binds continue the memory of the one before. */
static VkSparseMemoryBind next_bind(struct worker *worker, const struct resource *resource,
	unsigned at, const VkSparseMemoryBind *before)
{
	VkDeviceSize page = resource->alignment;
	unsigned memory_pages = (unsigned)(MEMORY_SIZE / page);
	unsigned left = (unsigned)(resource->size / page) - at;
	unsigned size = 1 + below(worker, (left < memory_pages ? left : memory_pages) / 2 + 1) / 2;
	VkSparseMemoryBind bind = { .resourceOffset = at * page, .size = size * page };

	if (before && before->memory && below(worker, 2) &&
		before->memoryOffset + before->size + bind.size <= MEMORY_SIZE) {
		bind.memory = before->memory;
		bind.memoryOffset = before->memoryOffset + before->size;
	} else if (below(worker, 3)) {
		bind.memory = worker->memories[below(worker, MEMORIES)];
		bind.memoryOffset = below(worker, memory_pages - size + 1) * page;
	}
	return bind;
}

/* Binds that do not overlap. */
static void random_bind(struct worker *worker, const struct resource *resource)
{
	VkSparseMemoryBind binds[MAX_BINDS];
	uint32_t most = 1 + below(worker, MAX_BINDS), count = 0;
	unsigned pages = (unsigned)(resource->size / resource->alignment);

	for (unsigned at = below(worker, pages); at < pages && count < most; count++) {
		binds[count] = next_bind(worker, resource, at, count ? &binds[count - 1] : NULL);
		at += (unsigned)(binds[count].size / resource->alignment);
		at += below(worker, 3) == 0;
	}
	bind(worker, resource, binds, count, below(worker, 4) == 0);
}

static VkDeviceMemory allocate(struct worker *worker, VkDeviceSize size)
{
	VkDeviceMemory memory = vku_allocate(&worker->vk, size, ~0u);

	write_step("memory %llx %llu\n", (unsigned long long)memory, (unsigned long long)size);
	return memory;
}

static void begin(struct worker *worker)
{
	worker->timeline = vku_create_timeline(&worker->vk, 0);
	worker->value = 0;
	for (unsigned i = 0; i < MEMORIES; i++) {
		worker->memories[i] = allocate(worker, MEMORY_SIZE);
	}
}

static void end(struct worker *worker)
{
	for (unsigned i = 0; i < RESOURCES; i++) {
		if (worker->resources[i].size) {
			destroy(worker, &worker->resources[i]);
		}
	}
	for (unsigned i = 0; i < MEMORIES; i++) {
		vkFreeMemory(worker->vk.device, worker->memories[i], NULL);
	}
	vkDestroySemaphore(worker->vk.device, worker->timeline, NULL);
}

static void *walk(void *data)
{
	struct worker *worker = data;

	for (unsigned i = 0; i < worker->steps; i++) {
		struct resource *resource = &worker->resources[below(worker, RESOURCES)];
		if (!resource->size) {
			create(worker, resource);
		} else if (below(worker, 15) == 0) {
			destroy(worker, resource);
		} else {
			random_bind(worker, resource);
		}
	}
	return NULL;
}

static void copy_maps(const char *path)
{
	char name[300];
	char buffer[4096];
	ssize_t size;

	snprintf(name, sizeof(name), "%s.maps", path);
	int from = open("/proc/self/maps", O_RDONLY);
	int to = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	while ((size = read(from, buffer, sizeof(buffer))) > 0) {
		if (write(to, buffer, (size_t)size) != size) {
			vku_fail("copying /proc/self/maps failed");
		}
	}
	close(from);
	close(to);
}

static void run_threads(const struct vku *vk, const char *path, unsigned count, unsigned seed)
{
	static struct worker workers[THREADS];
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < count; i++) {
		workers[i] = (struct worker){ .vk = *vk, .seed = seed + i, .steps = 120 };
		workers[i].vk.queue_lock = &lock;
		begin(&workers[i]);
		if (pthread_create(&threads[i], NULL, walk, &workers[i]) != 0) {
			vku_fail("pthread_create failed");
		}
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
	}
	write_step("maps\n");
	copy_maps(path);
	for (unsigned i = 0; i < count; i++) {
		end(&workers[i]);
	}
}

static void run_killed(const struct vku *vk, unsigned seed)
{
	struct worker worker = { .vk = *vk, .seed = seed, .steps = 60 };

	begin(&worker);
	walk(&worker);
	kill(getpid(), SIGKILL);
}

static void name(const struct vku *vk, VkObjectType type, uint64_t object, const char *text)
{
	const VkDebugUtilsObjectNameInfoEXT info = {
		.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
		.objectType = type,
		.objectHandle = object,
		.pObjectName = text,
	};
	PFN_vkSetDebugUtilsObjectNameEXT function = (PFN_vkSetDebugUtilsObjectNameEXT)
		vkGetInstanceProcAddr(vk->instance, "vkSetDebugUtilsObjectNameEXT");

	if (function) {
		VKU_CHECK(function(vk->device, &info));
	}
}

static void move(struct worker *worker, const struct resource *resource, uint64_t to, uint64_t size,
	VkDeviceMemory memory, uint64_t offset)
{
	const VkSparseMemoryBind one = {
		.resourceOffset = to,
		.size = size,
		.memory = memory,
		.memoryOffset = offset,
	};

	bind(worker, resource, &one, 1, false);
}

/* A streaming window moves over a terrain, a heap grows, and random pages are rebound. */
static void run_picture(const struct vku *vk)
{
	struct worker worker = { .vk = *vk, .seed = 3 };
	struct resource *terrain = &worker.resources[0];
	struct resource *heap = &worker.resources[1];
	struct resource *pages = &worker.resources[2];
	const uint64_t mib = UINT64_C(1) << 20;
	const struct timespec pause = { .tv_nsec = 12000000 };

	begin(&worker);
	create_buffer(&worker, terrain, 1024 * mib);
	create_buffer(&worker, heap, 64 * mib);
	create_buffer(&worker, pages, 16 * mib);
	VkDeviceMemory window = allocate(&worker, 192 * mib);
	VkDeviceMemory chunks[] = { allocate(&worker, 16 * mib), allocate(&worker, 16 * mib),
		allocate(&worker, 16 * mib) };
	VkDeviceMemory pool = allocate(&worker, 4 * mib);
	name(vk, VK_OBJECT_TYPE_BUFFER, (uint64_t)terrain->buffer, "terrain");
	name(vk, VK_OBJECT_TYPE_BUFFER, (uint64_t)heap->buffer, "heap");
	name(vk, VK_OBJECT_TYPE_BUFFER, (uint64_t)pages->buffer, "virtual texture");
	name(vk, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)window, "window");
	name(vk, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)chunks[0], "heap chunk 0");
	name(vk, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)chunks[1], "heap chunk 1");
	name(vk, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)chunks[2], "heap chunk 2");
	name(vk, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)pool, "page pool");

	for (uint64_t i = 0; i < 72; i++) {
		/* Twelve tiles of 16 MiB. Each step binds one and unbinds one. */
		uint64_t bound = i < 44 ? i : 75 - i;
		uint64_t unbound = i < 44 ? i - 12 : 87 - i;
		if (i >= 12) {
			move(&worker, terrain, unbound * 16 * mib, 16 * mib, VK_NULL_HANDLE, 0);
		}
		move(&worker, terrain, bound * 16 * mib, 16 * mib, window, bound % 12 * 16 * mib);
		if (i % 24 == 4) {
			move(&worker, heap, i / 24 * 16 * mib, 16 * mib, chunks[i / 24], 0);
		}
		for (unsigned j = 0; j < 3; j++) {
			uint64_t page = below(&worker, 128);
			bool real = below(&worker, 3);
			move(&worker, pages, page * mib / 8, mib / 8, real ? pool : VK_NULL_HANDLE,
				real ? below(&worker, 32) * mib / 8 : 0);
		}
		nanosleep(&pause, NULL);
	}
	end(&worker);
	vkFreeMemory(vk->device, window, NULL);
	vkFreeMemory(vk->device, pool, NULL);
	for (unsigned i = 0; i < 3; i++) {
		vkFreeMemory(vk->device, chunks[i], NULL);
	}
}

int main(int argc, char **argv)
{
	static const char *const debug_utils = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
	const char *scenario = argc > 2 ? argv[2] : "";
	bool names = strcmp(scenario, "picture") == 0;
	unsigned seed = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
	struct vku vk;

	list = argc > 2 ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
	if (list < 0) {
		fprintf(stderr, "trace_workload LIST steps|threads|killed|picture [SEED]\n");
		return 2;
	}
	vku_init(&vk,
		&(struct vku_options){
			.instance_extensions = &debug_utils, .instance_extension_count = names });
	if (strcmp(scenario, "steps") == 0) {
		run_threads(&vk, argv[1], 1, seed);
	} else if (strcmp(scenario, "threads") == 0) {
		run_threads(&vk, argv[1], THREADS, seed);
	} else if (strcmp(scenario, "killed") == 0) {
		run_killed(&vk, seed);
	} else if (names) {
		run_picture(&vk);
	} else {
		vku_fail("unknown scenario '%s'", scenario);
	}
	vku_finish(&vk);
	close(list);
	return 0;
}
