// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "app.h"

/* Measures an allocation, its first mapping and a later mapping: medians of SAMPLES. */

#define SAMPLES 31

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *samples)
{
	qsort(samples, SAMPLES, sizeof(*samples), compare);
	return samples[SAMPLES / 2];
}

static double map_and_unmap(const struct app *app, VkDeviceMemory memory)
{
	double start = milliseconds();
	unsigned retries = 0;
	VkResult result;
	void *map;

	/* See app_visit_with_retries(). */
	do {
		result = vkMapMemory(app->vk.device, memory, 0, VK_WHOLE_SIZE, 0, &map);
	} while (result == VK_ERROR_MEMORY_MAP_FAILED && retries++ < APP_RETRIES);
	VKU_CHECK(result);
	vkUnmapMemory(app->vk.device, memory);
	return milliseconds() - start;
}

void vulkan_cost(void)
{
	double allocation[SAMPLES], first[SAMPLES], later[SAMPLES];
	VkDeviceMemory memory;
	struct app app;

	app_init(&app);
	uint64_t used = hostmem_used();
	/* Warm-up: one-time costs do not count. */
	VKU_CHECK(app_allocate(&app, true, &memory));
	map_and_unmap(&app, memory);
	app_free(&app, memory);
	for (unsigned i = 0; i < SAMPLES; i++) {
		/* Wait until the memory of the previous round is unmapped. */
		wait_until_used(used);
		double start = milliseconds();
		VKU_CHECK(app_allocate(&app, true, &memory));
		allocation[i] = milliseconds() - start;
		if (i == SAMPLES / 2) {
			mark("before");
		}
		first[i] = map_and_unmap(&app, memory);
		if (i == SAMPLES / 2) {
			mark("after");
		}
		later[i] = map_and_unmap(&app, memory);
		app_free(&app, memory);
	}
	report("\"allocation_ms\": %.4f, \"first_map_ms\": %.4f, \"later_map_ms\": %.4f",
		median(allocation), median(first), median(later));
	app_finish(&app);
	wait_until_used(0);
}
