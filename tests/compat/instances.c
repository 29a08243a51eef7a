/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "work.h"

/* Creates instances with two devices each and destroys them in several orders. After each step the
 * remaining devices still work. */

#define INSTANCES 3

struct pair {
	struct vku first; /* with the instance */
	struct vku second;
	struct work work[2];
};

static const struct order {
	const char *name;
	unsigned destroyed[INSTANCES];
	bool first_device_first;
} orders[] = {
	{ "in the order of creation", { 0, 1, 2 }, true },
	{ "in reverse order", { 2, 1, 0 }, false },
	{ "from the middle on", { 1, 2, 0 }, true },
};

static void init(struct pair *pair)
{
	const struct vku_options options = { 0 };

	vku_init(&pair->first, &options);
	pair->second = pair->first;
	vku_device_init(&pair->second, &options);
	work_init(&pair->first, &pair->work[0]);
	work_init(&pair->second, &pair->work[1]);
}

static void work_on(const struct pair *pair, uint32_t word)
{
	work_do(&pair->first, &pair->work[0], word);
	work_do(&pair->second, &pair->work[1], word + 1);
	work_do(&pair->first, &pair->work[0], word + 2);
}

static void finish_second(struct pair *pair)
{
	work_finish(&pair->second, &pair->work[1]);
	vkDestroyCommandPool(pair->second.device, pair->second.pool, NULL);
	vkDestroyDevice(pair->second.device, NULL);
}

/* Destroys both devices, then the instance. */
static void finish(struct pair *pair, bool first_device_first)
{
	if (!first_device_first) {
		finish_second(pair);
		work_do(&pair->first, &pair->work[0], 0xf1457);
		work_finish(&pair->first, &pair->work[0]);
		vku_finish(&pair->first);
		return;
	}
	work_finish(&pair->first, &pair->work[0]);
	vkDestroyCommandPool(pair->first.device, pair->first.pool, NULL);
	vkDestroyDevice(pair->first.device, NULL);
	work_do(&pair->second, &pair->work[1], 0x5ec0d);
	work_finish(&pair->second, &pair->work[1]);
	vku_finish(&pair->second);
}

static void check_order(const struct order *order)
{
	struct pair pairs[INSTANCES], another;

	for (unsigned i = 0; i < INSTANCES; i++) {
		init(&pairs[i]);
		for (unsigned j = 0; j <= i; j++) {
			work_on(&pairs[j], 0x100 * i + 0x10 * j);
		}
	}
	for (unsigned i = 0; i < INSTANCES; i++) {
		finish(&pairs[order->destroyed[i]], order->first_device_first);
		/* The new instance may get the address of the destroyed one. */
		init(&another);
		for (unsigned j = i + 1; j < INSTANCES; j++) {
			work_on(&pairs[order->destroyed[j]], 0x1000 * i + 0x10 * j);
		}
		work_on(&another, 0xa0);
		finish(&another, !order->first_device_first);
	}
	printf("%u instances, destroyed %s\n", INSTANCES, order->name);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		check_order(&orders[i]);
	}
	return 0;
}
