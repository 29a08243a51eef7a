/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <stdlib.h>

/* vkQueueBindSparse on buffers: single and multiple binds, aliases, batches and chains. */

static void one_page(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;

	icd_pages_init(vk, &p, 8, 8);
	VkSparseMemoryBind bind = icd_page_bind(&p, 3, 1, 6);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	icd_expect_page(vk, &p, 3, icd_stamp(6));
	icd_fill_page(vk, &p, 3, 0x12345678);
	icd_expect_memory(&p, 6, 0x12345678);
	icd_expect_memory(&p, 5, icd_stamp(5));
	icd_expect_memory(&p, 7, icd_stamp(7));
	icd_pages_finish(vk, &p);
}

static void pages_in_reverse(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;
	VkSparseMemoryBind binds[16];

	icd_pages_init(vk, &p, 16, 16);
	for (uint32_t i = 0; i < 16; i++) {
		binds[i] = icd_page_bind(&p, i, 1, 15 - i);
	}
	vku_bind_buffer(vk, p.buffer, binds, 16);
	for (uint32_t i = 0; i < 16; i++) {
		icd_expect_page(vk, &p, i, icd_stamp(15 - i));
	}
	icd_pages_finish(vk, &p);
}

/* Adjacent binds in any order: the layer may merge them. Each page keeps its memory. */
static void neighbours_in_any_order(void **state)
{
	static const uint32_t order[] = { 6, 1, 4, 0, 7, 3, 2, 5 };
	struct vku *vk = *state;
	struct icd_pages p;
	VkSparseMemoryBind binds[8];

	icd_pages_init(vk, &p, 12, 10);
	for (uint32_t i = 0; i < 8; i++) {
		binds[i] = icd_page_bind(&p, 2 + order[i], 1, 1 + order[i]);
	}
	vku_bind_buffer(vk, p.buffer, binds, 8);
	for (uint32_t i = 0; i < 8; i++) {
		icd_expect_page(vk, &p, 2 + i, icd_stamp(1 + i));
	}
	icd_pages_finish(vk, &p);
}

static void rebind(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;

	icd_pages_init(vk, &p, 4, 8);
	for (uint32_t m = 0; m + 2 <= 8; m++) {
		VkSparseMemoryBind bind = icd_page_bind(&p, 1, 2, m);
		vku_bind_buffer(vk, p.buffer, &bind, 1);
		icd_expect_page(vk, &p, 1, icd_stamp(m));
		icd_expect_page(vk, &p, 2, icd_stamp(m + 1));
	}
	for (uint32_t m = 0; m < 8; m++) {
		icd_expect_memory(&p, m, icd_stamp(m));
	}
	icd_pages_finish(vk, &p);
}

/* A rebind in the middle of a bound range keeps the binds before and after. */
static void rebind_in_the_middle(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;

	icd_pages_init(vk, &p, 8, 16);
	VkSparseMemoryBind bind = icd_page_bind(&p, 0, 8, 0);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	bind = icd_page_bind(&p, 3, 2, 12);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	for (uint32_t i = 0; i < 8; i++) {
		bool middle = i == 3 || i == 4;
		icd_expect_page(vk, &p, i, icd_stamp(middle ? 12 + i - 3 : i));
	}
	icd_pages_finish(vk, &p);
}

static void unbind(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;

	icd_pages_init(vk, &p, 8, 8);
	VkSparseMemoryBind bind = icd_page_bind(&p, 0, 8, 0);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	bind = icd_page_unbind(&p, 2, 3);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	/* Writes to the unbound pages do not reach the memory formerly bound there. */
	vku_fill(vk, p.buffer, 0, VK_WHOLE_SIZE, 0x0badcafe);
	for (uint32_t m = 0; m < 8; m++) {
		bool unbound = m >= 2 && m < 5;
		icd_expect_memory(&p, m, unbound ? icd_stamp(m) : 0x0badcafe);
	}
	/* An unbound page can be bound again. */
	bind = icd_page_bind(&p, 3, 1, 3);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	icd_expect_page(vk, &p, 3, icd_stamp(3));
	icd_pages_finish(vk, &p);
}

static void unbind_unbound_pages(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;

	icd_pages_init(vk, &p, 8, 2);
	VkSparseMemoryBind bind = icd_page_unbind(&p, 0, 8);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	bind = icd_page_bind(&p, 7, 1, 1);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	icd_expect_page(vk, &p, 7, icd_stamp(1));
	icd_pages_finish(vk, &p);
}

/* One memory page bound at three pages of one buffer and at one page of another. */
static void aliases(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p, q;
	VkSparseMemoryBind binds[3];

	icd_pages_init(vk, &p, 8, 4);
	icd_pages_init(vk, &q, 8, 4);
	binds[0] = icd_page_bind(&p, 0, 1, 2);
	binds[1] = icd_page_bind(&p, 1, 1, 2);
	binds[2] = icd_page_bind(&p, 5, 2, 2);
	vku_bind_buffer(vk, p.buffer, binds, 3);
	vku_bind_buffer(vk, q.buffer, &binds[2], 1);
	icd_fill_page(vk, &p, 1, 0xa11a5000);
	icd_expect_page(vk, &p, 0, 0xa11a5000);
	icd_expect_page(vk, &p, 1, 0xa11a5000);
	icd_expect_page(vk, &p, 5, 0xa11a5000);
	icd_expect_page(vk, &p, 6, icd_stamp(3));
	icd_expect_page(vk, &q, 5, 0xa11a5000);
	icd_fill_page(vk, &q, 5, 0xa11a5001);
	icd_expect_page(vk, &p, 0, 0xa11a5001);

	/* Unbinding one alias leaves the others bound. */
	binds[0] = icd_page_unbind(&p, 0, 1);
	vku_bind_buffer(vk, p.buffer, binds, 1);
	vkDestroyBuffer(vk->device, q.buffer, NULL);
	q.buffer = VK_NULL_HANDLE;
	icd_expect_page(vk, &p, 5, 0xa11a5001);
	icd_expect_memory(&p, 2, 0xa11a5001);
	icd_pages_finish(vk, &p);
	icd_pages_finish(vk, &q);
}

/* The same memory is bound to an ordinary buffer and to a sparse buffer. */
static void aliases_of_ordinary_buffers(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;

	icd_pages_init(vk, &p, 4, 4);
	VkBuffer plain = vku_create_buffer(vk, 0, p.page, VKU_ALL_BUFFER_USAGE);
	(void)vku_buffer_requirements(vk, plain);
	VKU_CHECK(vkBindBufferMemory(vk->device, plain, p.memory, 2 * p.page));
	VkSparseMemoryBind bind = icd_page_bind(&p, 1, 1, 2);
	vku_bind_buffer(vk, p.buffer, &bind, 1);
	vku_fill(vk, plain, 0, VK_WHOLE_SIZE, 0x77777777);
	icd_expect_page(vk, &p, 1, 0x77777777);
	icd_fill_page(vk, &p, 1, 0x88888888);
	icd_expect_filled(vk, plain, 0, p.page, 0x88888888);
	vkDestroyBuffer(vk->device, plain, NULL);
	icd_pages_finish(vk, &p);
}

/* Several buffers in each of several batches, all in one call. */
static void several_batches(void **state)
{
	enum {
		BATCHES = 4,
		BUFFERS = 3
	};
	struct vku *vk = *state;
	struct icd_pages p[BATCHES * BUFFERS];
	VkSparseMemoryBind binds[BATCHES * BUFFERS][2];
	VkSparseBufferMemoryBindInfo infos[BATCHES * BUFFERS];
	VkBindSparseInfo batches[BATCHES];
	VkFence fence = vku_create_fence(vk);

	for (uint32_t i = 0; i < BATCHES * BUFFERS; i++) {
		icd_pages_init(vk, &p[i], 4 + i, 4);
		binds[i][0] = icd_page_bind(&p[i], 3, 1, i % 4);
		binds[i][1] = icd_page_bind(&p[i], 0, 1, (i + 1) % 4);
		infos[i] = (VkSparseBufferMemoryBindInfo){ p[i].buffer, 2, binds[i] };
	}
	for (uint32_t b = 0; b < BATCHES; b++) {
		batches[b] = (VkBindSparseInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
			.bufferBindCount = BUFFERS,
			.pBufferBinds = &infos[b * BUFFERS],
		};
	}
	VKU_CHECK(vkQueueBindSparse(vk->queue, BATCHES, batches, fence));
	VKU_CHECK(vkWaitForFences(vk->device, 1, &fence, VK_TRUE, UINT64_MAX));
	for (uint32_t i = 0; i < BATCHES * BUFFERS; i++) {
		icd_expect_page(vk, &p[i], 3, icd_stamp(i % 4));
		icd_expect_page(vk, &p[i], 0, icd_stamp((i + 1) % 4));
		icd_pages_finish(vk, &p[i]);
	}
	vkDestroyFence(vk->device, fence, NULL);
}

/* The same buffer twice in one batch. */
static void one_buffer_in_two_infos(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;
	VkFence fence = vku_create_fence(vk);

	icd_pages_init(vk, &p, 8, 8);
	const VkSparseMemoryBind low = icd_page_bind(&p, 1, 2, 4);
	const VkSparseMemoryBind high = icd_page_bind(&p, 3, 2, 6);
	const VkSparseBufferMemoryBindInfo infos[] = {
		{ p.buffer, 1, &high },
		{ p.buffer, 1, &low },
	};
	const VkBindSparseInfo batch = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.bufferBindCount = 2,
		.pBufferBinds = infos,
	};
	VKU_CHECK(vkQueueBindSparse(vk->queue, 1, &batch, fence));
	VKU_CHECK(vkWaitForFences(vk->device, 1, &fence, VK_TRUE, UINT64_MAX));
	for (uint32_t i = 1; i < 5; i++) {
		icd_expect_page(vk, &p, i, icd_stamp(i + 3));
	}
	vkDestroyFence(vk->device, fence, NULL);
	icd_pages_finish(vk, &p);
}

/* Calls without batches or with empty batches, each with and without a fence. */
static void empty_calls(void **state)
{
	struct vku *vk = *state;
	const VkBindSparseInfo nothing[2] = {
		{ .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO },
		{ .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO },
	};

	for (uint32_t batches = 0; batches <= 2; batches++) {
		VkFence fence = vku_create_fence(vk);
		VKU_CHECK(vkQueueBindSparse(
			vk->queue, batches, batches ? nothing : NULL, VK_NULL_HANDLE));
		VKU_CHECK(vkQueueBindSparse(vk->queue, batches, batches ? nothing : NULL, fence));
		VKU_CHECK(vkWaitForFences(vk->device, 1, &fence, VK_TRUE, UINT64_MAX));
		vkDestroyFence(vk->device, fence, NULL);
	}
	VKU_CHECK(vkQueueWaitIdle(vk->queue));
}

/* The pNext chain of a batch: a device group structure and an unknown structure. */
static void chained_structures(void **state)
{
	struct vku *vk = *state;
	struct icd_pages p;
	VkFence fence = vku_create_fence(vk);

	vk->expect_validation_errors = true;
	icd_pages_init(vk, &p, 4, 4);
	const VkSparseMemoryBind bind = icd_page_bind(&p, 2, 1, 1);
	const VkSparseBufferMemoryBindInfo info = { p.buffer, 1, &bind };
	VkDeviceGroupBindSparseInfo group = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_BIND_SPARSE_INFO,
	};
	struct icd_unknown unknown = icd_unknown(&group);
	const VkBindSparseInfo batch = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.pNext = &unknown,
		.bufferBindCount = 1,
		.pBufferBinds = &info,
	};
	VKU_CHECK(vkQueueBindSparse(vk->queue, 1, &batch, fence));
	VKU_CHECK(vkWaitForFences(vk->device, 1, &fence, VK_TRUE, UINT64_MAX));
	icd_expect_unknown_intact(&unknown);
	EXPECT(unknown.pNext == &group);
	EXPECT(group.pNext == NULL);
	icd_expect_page(vk, &p, 2, icd_stamp(1));
	vkDestroyFence(vk->device, fence, NULL);
	icd_pages_finish(vk, &p);
}

/* Binds that cannot be merged: adjacent pages have non-adjacent memory. */
static void ten_thousand_scattered_pages(void **state)
{
	const uint32_t count = vku_validating() ? 1000 : 10000;
	struct vku *vk = *state;
	struct icd_pages p;
	VkSparseMemoryBind *binds = calloc(count, sizeof(*binds));

	EXPECT(binds != NULL);
	icd_pages_init(vk, &p, count, 64);
	for (uint32_t i = 0; i < count; i++) {
		/* Memory offsets descend, so no two binds are adjacent in both. */
		binds[i] = icd_page_bind(&p, i, 1, 63 - i % 64);
	}
	vku_bind_buffer(vk, p.buffer, binds, count);
	for (uint32_t i = 0; i < count; i += 613) {
		icd_expect_page(vk, &p, i, icd_stamp(63 - i % 64));
	}
	/* One unbind removes the mappings of all binds. */
	size_t mappings = icd_count_mappings();
	binds[0] = icd_page_unbind(&p, 0, count);
	vku_bind_buffer(vk, p.buffer, binds, 1);
	EXPECT(icd_count_mappings() <= mappings);
	icd_pages_finish(vk, &p);
	free(binds);
}

#define MILLION 1000000
#define RUN 2048 /* pages */

/* A Fisher-Yates shuffle with a linear congruential generator. */
static void shuffle(VkSparseMemoryBind *binds, uint32_t count)
{
	uint64_t random = 1;

	for (uint32_t i = count - 1; i > 0; i--) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		uint32_t other = (uint32_t)((random >> 33) % (i + 1));
		VkSparseMemoryBind swapped = binds[i];
		binds[i] = binds[other];
		binds[other] = swapped;
	}
}

/* One million single-page binds in random order in one batch. Sorted, the binds form runs of RUN
 * pages. The binds are spread over several buffers because one buffer has too few pages. */
static void one_million_binds(void **state)
{
	enum {
		MAX_BUFFERS = 128
	};
	struct vku *vk = *state;
	struct icd_pages p[MAX_BUFFERS];
	/* The validation layer needs hours for a million binds. */
	const uint32_t all = vku_validating() ? MILLION / 1000 : MILLION;
	VkSparseBufferMemoryBindInfo infos[MAX_BUFFERS];
	VkSparseMemoryBind *binds = calloc(MILLION, sizeof(*binds));
	VkFence fence = vku_create_fence(vk);

	EXPECT(binds != NULL);
	const VkDeviceSize page = icd_page_size(vk);
	const uint32_t each = (uint32_t)(icd_buffer_size(vk, (VkDeviceSize)3 << 30) / page);
	const uint32_t buffers = (all + each - 1) / each;
	EXPECT(buffers <= MAX_BUFFERS);
	if (vk->properties.limits.sparseAddressSpaceSize < (buffers + 1) * each * page) {
		skip();
	}
	for (uint32_t b = 0, done = 0; b < buffers; b++) {
		uint32_t count = all - done < each ? all - done : each;
		VkSparseMemoryBind *own = binds + done;
		icd_pages_init(vk, &p[b], count, b == 0 ? RUN : 1);
		for (uint32_t i = 0; i < count; i++) {
			own[i] = icd_page_bind(&p[b], i, 1, i % RUN);
			own[i].memory = p[0].memory;
		}
		shuffle(own, count);
		infos[b] = (VkSparseBufferMemoryBindInfo){ p[b].buffer, count, own };
		done += count;
	}
	const VkBindSparseInfo batch = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.bufferBindCount = buffers,
		.pBufferBinds = infos,
	};
	VKU_CHECK(vkQueueBindSparse(vk->queue, 1, &batch, fence));
	VKU_CHECK(vkWaitForFences(vk->device, 1, &fence, VK_TRUE, UINT64_MAX));
	for (uint32_t b = 0; b < buffers; b++) {
		uint32_t last = p[b].buffer_pages - 1;
		for (uint32_t i = 0; i < last; i += 24989) {
			icd_expect_page(vk, &p[b], i, icd_stamp(i % RUN));
		}
		icd_expect_page(vk, &p[b], last, icd_stamp(last % RUN));
	}
	for (uint32_t b = 0; b < buffers; b++) {
		icd_pages_finish(vk, &p[b]);
	}
	vkDestroyFence(vk->device, fence, NULL);
	free(binds);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(one_page),
		SCENARIO(pages_in_reverse),
		SCENARIO(neighbours_in_any_order),
		SCENARIO(rebind),
		SCENARIO(rebind_in_the_middle),
		SCENARIO(unbind),
		SCENARIO(unbind_unbound_pages),
		SCENARIO(aliases),
		SCENARIO(aliases_of_ordinary_buffers),
		SCENARIO(several_batches),
		SCENARIO(one_buffer_in_two_infos),
		SCENARIO(empty_calls),
		SCENARIO(chained_structures),
		SCENARIO(ten_thousand_scattered_pages),
		SCENARIO(one_million_binds),
	};

	return ICD_RUN(tests, argc, argv);
}
