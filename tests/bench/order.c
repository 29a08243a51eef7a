/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "pages.h"
#include "sections.h"
#include "table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAGES 16

/* What a frame submits before its fence. All frames end with a fence, and wait for the fence. */
struct frame {
	const struct bench_buffer *buffer;
	bool work;
	bool bind;
	unsigned round;
};

static void submit(const struct bench_subject *subject, VkFence fence)
{
	const VkSubmitInfo info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO };

	VKU_CHECK(subject->QueueSubmit(subject->vk.queue, 1, &info, fence));
}

static void bind(struct frame *frame)
{
	const struct bench_buffer *buffer = frame->buffer;
	VkDeviceSize page = buffer->pages->page;
	const VkSparseMemoryBind bind = {
		.size = page,
		.memory = buffer->memory,
		.memoryOffset = frame->round++ % PAGES * page,
	};
	const VkSparseBufferMemoryBindInfo binds = { buffer->buffer, 1, &bind };
	const VkBindSparseInfo info = {
		.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
		.bufferBindCount = 1,
		.pBufferBinds = &binds,
	};

	VKU_CHECK(buffer->subject->QueueBindSparse(
		buffer->subject->vk.queue, 1, &info, VK_NULL_HANDLE));
}

static void run(void *data, unsigned iterations)
{
	struct frame *frame = data;
	const struct bench_subject *subject = frame->buffer->subject;
	VkFence fence = frame->buffer->fence;

	for (unsigned i = 0; i < iterations; i++) {
		if (frame->work) {
			submit(subject, VK_NULL_HANDLE);
		}
		if (frame->bind) {
			bind(frame);
		}
		VKU_CHECK(subject->QueueSubmit(subject->vk.queue, 0, NULL, fence));
		VKU_CHECK(
			subject->WaitForFences(subject->vk.device, 1, &fence, VK_TRUE, UINT64_MAX));
		VKU_CHECK(subject->ResetFences(subject->vk.device, 1, &fence));
	}
}

/* A bind without semaphores behind work of the same queue waits for the work. The cost of the order
 * is the time of the bind in the last row, less the time of the bind in the second. */
void bench_order(void)
{
	static const char *const headings[] = { "us per frame", "time", "more than a fence" };
	static const char *const labels[] = { "a fence", "a bind, a fence", "work, a fence",
		"work, a bind, a fence" };
	struct bench_subject subject;
	struct bench_buffer buffer;
	struct bench_pages pages;
	struct frame frames[4];
	struct bench_side sides[4];
	struct bench_table table;

	bench_subject_init(&subject, "auto");
	bench_pages_init(&pages, bench_page_size(&subject), PAGES);
	bench_buffer_init(&buffer, &subject, &pages);
	for (unsigned i = 0; i < COUNT(frames); i++) {
		frames[i] = (struct frame){ .buffer = &buffer, .work = i & 2, .bind = i & 1 };
		sides[i] = (struct bench_side){ .run = run, .data = &frames[i] };
	}
	const struct bench_effort effort = bench_effort_for(sides, COUNT(sides), 2);
	bench_measure(sides, COUNT(sides), &effort);
	printf("### A bind without semaphores, alone and behind work of the same queue\n\n");
	bench_table_init(&table, COUNT(headings), headings);
	for (size_t i = 0; i < COUNT(sides); i++) {
		bench_cell(&table, "%s", labels[i]);
		bench_cell(&table, "%.1f", sides[i].result[BENCH_WALL].time.median / 1000);
		bench_cell_range(&table, &sides[i].result[BENCH_WALL].more, 1000);
	}
	bench_table_print(&table);
	bench_buffer_finish(&buffer);
	bench_pages_finish(&pages);
	bench_subject_finish(&subject);
}
