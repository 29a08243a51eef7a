// SPDX-License-Identifier: MIT
#include <inttypes.h>

#include "app.h"

/* The use of hostmem by an application, also on a full hostmem. */

/* Memory objects that fit into hostmem (cases_virtgpu.py) beside Venus's own blobs. */
#define FIT 15

/* The number of exportable allocations that fit. Maps one of them: a host without udmabuf cannot
 * export memory. */
void vulkan_fit(void)
{
	VkDeviceMemory memory[APP_MANY];
	VkResult last, mapped;
	unsigned retries = 0;
	struct app app;

	app_init(&app);
	mark("device");
	unsigned count = app_allocate_many(&app, true, memory, APP_MANY, &last);
	report("\"allocated\": %u, \"last\": \"%s\"", count, vku_result_name(last));
	mark("allocated");
	mapped = app_visit_with_retries(&app, memory[0], 0, &retries);
	report("\"map\": \"%s\", \"retries\": %u", vku_result_name(mapped), retries);
	app_free_many(&app, memory, count);
	app_finish(&app);
	wait_until_used(0);
	mark("end");
}

/* Writes and compares all of the objects, in reverse order of allocation. */
static void write_and_compare(const struct app *app, const VkDeviceMemory *memory, unsigned count)
{
	unsigned written = 0, retries = 0;
	size_t wrong = 0;

	for (unsigned i = 0; i < count; i++) {
		written += app_visit_with_retries(app, memory[count - 1 - i], i, &retries) ==
			VK_SUCCESS;
	}
	mark("mapped");
	for (unsigned i = 0; i < count; i++) {
		if (app_visit(app, memory[count - 1 - i], i, &wrong) != VK_SUCCESS) {
			wrong += BLOB_SIZE;
		}
	}
	report("\"visited\": %u, \"written\": %u, \"wrong\": %zu, \"retries\": %u", count, written,
		wrong, retries);
}

static void late(bool exportable)
{
	VkDeviceMemory memory[APP_MANY];
	struct app app;
	VkResult last;

	app_init(&app);
	mark("device");
	unsigned count = app_allocate_many(&app, exportable, memory, APP_MANY, &last);
	report("\"allocated\": %u, \"last\": \"%s\"", count, vku_result_name(last));
	mark("allocated");
	write_and_compare(&app, memory, 8);
	app_free_many(&app, memory, count);
	app_finish(&app);
	wait_until_used(0);
	mark("end");
}

/* Non-exportable memory. */
void vulkan_plain(void)
{
	late(false);
}

void vulkan_late(void)
{
	late(true);
}

/* Maps exportable memory whose blobs the host refuses (refused.c), then other memory. */
void vulkan_refused(void)
{
	VkDeviceMemory memory[4], plain;
	VkResult last, first, again, other;
	struct app app;

	app_init(&app);
	unsigned count = app_allocate_many(&app, true, memory, 4, &last);
	first = app_visit(&app, memory[0], 0, NULL);
	again = app_visit(&app, memory[0], 0, NULL);
	VKU_CHECK(app_allocate(&app, false, &plain));
	other = app_visit(&app, plain, 0, NULL);
	report("\"allocated\": %u, \"map\": \"%s\", \"again\": \"%s\", \"other\": \"%s\"", count,
		vku_result_name(first), vku_result_name(again), vku_result_name(other));
	app_free(&app, plain);
	app_free_many(&app, memory, count);
	app_finish(&app);
	wait_until_used(0);
	mark("end");
}

/* Maps objects until a mapping is refused. Then, for each unmapped object, frees a mapped one and
 * maps the unmapped one. */
void vulkan_full(void)
{
	VkDeviceMemory memory[APP_MANY];
	VkResult last, refused = VK_SUCCESS, refused_again;
	unsigned mapped = 0, freed = 0, replaced = 0, retries = 0;
	size_t wrong = 0;
	struct app app;

	app_init(&app);
	unsigned count = app_allocate_many(&app, true, memory, APP_MANY, &last);
	while (mapped < count && refused == VK_SUCCESS) {
		refused = mapped < FIT
			? app_visit_with_retries(&app, memory[mapped], mapped, &retries)
			: app_visit(&app, memory[mapped], mapped, NULL);
		mapped += refused == VK_SUCCESS;
	}
	refused_again = mapped < count ? app_visit(&app, memory[mapped], 0, NULL) : refused;
	report("\"allocated\": %u, \"mapped\": %u, \"refused\": \"%s\", \"refused_again\": \"%s\"",
		count, mapped, vku_result_name(refused), vku_result_name(refused_again));
	mark("full");
	for (unsigned i = mapped; i < count; i++) {
		app_free(&app, memory[freed++]);
		replaced += app_visit_with_retries(&app, memory[i], i, &retries) == VK_SUCCESS;
	}
	for (unsigned i = freed; i < count; i++) {
		if (app_visit(&app, memory[i], i, &wrong) != VK_SUCCESS) {
			wrong += BLOB_SIZE;
		}
	}
	report("\"replaced\": %u, \"wrong\": %zu, \"retries\": %u", replaced, wrong, retries);
	app_free_many(&app, memory + freed, count - freed);
	app_finish(&app);
	wait_until_used(0);
	mark("end");
}

/* Allocates and frees repeatedly, without a mapping. */
void vulkan_never(void)
{
	VkDeviceMemory memory[APP_MANY];
	unsigned rounds = 20, count = 0;
	struct app app;
	VkResult last;

	app_init(&app);
	mark("device");
	for (unsigned i = 0; i < rounds; i++) {
		unsigned now = app_allocate_many(&app, true, memory, 8, &last);

		count += now;
		app_free_many(&app, memory, now);
	}
	report("\"allocated\": %u, \"of\": %u", count, rounds * 8);
	mark("freed");
	app_finish(&app);
	wait_until_used(0);
	mark("end");
}
