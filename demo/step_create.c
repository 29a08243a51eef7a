/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "measure.h"
#include "steps.h"

#define BUFFER_SIZE (3 * GIB)

static void choose_sizes(struct tour *t)
{
	t->buffer_size = BUFFER_SIZE;
	if (t->buffer_size >= t->traits.max_buffer_size) {
		/* Below the limit: SwiftShader has no memory for a buffer of the largest size. */
		t->buffer_size = (t->traits.max_buffer_size - 1) / RUN_SIZE * RUN_SIZE;
	}
	t->buffer_count = (uint32_t)(2 * machine_memory() / t->buffer_size + 1);
	if (t->buffer_count < 2) {
		t->buffer_count = 2;
	}
	/* sparseAddressSpaceSize limits the sum of all sparse resources (chapter "Limits"). */
	if (t->buffer_count > t->traits.sparse_address_space / t->buffer_size) {
		vku_fail("\nThe device has only %.1f GiB of addresses for sparse resources.\n"
			 "The demo needs twice the memory of the machine.",
			(double)t->traits.sparse_address_space / (double)GIB);
	}
}

static void create_buffers(struct tour *t, VkBufferCreateFlags flags, VkBufferUsageFlags usage)
{
	t->buffers = calloc(t->buffer_count, sizeof(VkBuffer));
	if (!t->buffers) {
		vku_fail("out of memory");
	}
	t->memory_before = process_memory();
	for (uint32_t i = 0; i < t->buffer_count; i++) {
		t->buffers[i] = vku_create_buffer(&t->vk, flags, t->buffer_size, usage);
	}
}

/*
 * "Sparse Resource Creation" defines the flags. SPARSE_BINDING: vkQueueBindSparse binds memory, not
 * vkBindBufferMemory. SPARSE_RESIDENCY: the device may use the buffer while parts of the buffer are
 * unbound. SPARSE_ALIASED: memory of this buffer may be bound at other places, too.
 */
void step_create_buffers(struct tour *t)
{
	const VkBufferCreateFlags flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT |
		VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT | VK_BUFFER_CREATE_SPARSE_ALIASED_BIT;
	VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;

	if (t->traits.has_addresses) {
		usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
	}
	choose_sizes(t);
	create_buffers(t, flags, usage);

	const double cost = tour_memory_mib(t);
	const double all = (double)t->buffer_count * (double)t->buffer_size;
	const double machine = (double)machine_memory();
	tour_print(t,
		"\n1. Create\n"
		"   %u sparse buffers of %.1f GiB. Together they have %.1f GiB.\n"
		"   The machine has %.1f GiB of memory. The buffers use %.1f MiB.\n",
		t->buffer_count, (double)t->buffer_size / (double)GIB, all / (double)GIB,
		machine / (double)GIB, cost);
	if (all <= machine) {
		vku_fail("CHECK FAILED: the buffers are not larger than memory");
	}
	if (t->peak_memory > SLACK) {
		vku_fail("CHECK FAILED: the unbound buffers use %.1f MiB of memory", cost);
	}
}
