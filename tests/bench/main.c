/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sections.h"
#include "table.h"

/*
 * The benchmarks: the layer's cost and its savings on the installed driver. ./run bench enables the
 * layer; some instances of this program are created without it.
 *
 * The program asserts nothing. Ratios of different runs are comparable, times are not.
 */

static void print_processor(void)
{
	FILE *info = fopen("/proc/cpuinfo", "r");
	char line[256];

	while (info && fgets(line, sizeof(line), info)) {
		const char *colon = strchr(line, ':');
		if (colon && strncmp(line, "model name", strlen("model name")) == 0) {
			printf("%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
			break;
		}
	}
	if (info) {
		fclose(info);
	}
	printf(", %ld processors", sysconf(_SC_NPROCESSORS_ONLN));
}

static bool print_machine(void)
{
	struct bench_subject subject;
	struct utsname kernel;
	VkPhysicalDeviceDriverProperties driver = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &driver,
	};
	VkPhysicalDeviceFeatures features;

	bench_subject_init(&subject, NULL);
	vkGetPhysicalDeviceProperties2(subject.vk.physical, &properties);
	vkGetPhysicalDeviceFeatures(subject.vk.physical, &features);
	bench_subject_finish(&subject);
	uname(&kernel);
	printf("## %s, %s\n\n", driver.driverName, driver.driverInfo);
	print_processor();
	printf(", %s %s.\n", kernel.sysname, kernel.release);
	printf("Medians of 11 interleaved repetitions, and their range (least–greatest).\n"
	       "Binds are measured in processor time. \"each\": a vkQueueBindSparse for each page; "
	       "calls: system calls.\n\n");
	return features.sparseBinding && features.sparseResidencyBuffer;
}

struct section {
	const char *name;
	void (*run)(void);
	bool native; /* for a driver that has sparse resources */
};

static const struct section sections[] = {
	{ "mmap", bench_sparse_against_mmap, false },
	{ "order", bench_order, false },
	{ "plan", bench_plan_cost, false },
	{ "tap", bench_foreign_ioctls, false },
	{ "calls", bench_calls_provide, false },
	{ "driver", bench_sparse_against_driver, true },
	{ "native", bench_calls_native, true },
	{ "merge", bench_merge, true },
};

static bool is_selected(const struct section *section, int argc, char **argv)
{
	bool found = argc < 2;

	for (int i = 1; i < argc; i++) {
		found = found || strcmp(argv[i], section->name) == 0;
	}
	return found;
}

/* Arguments: the sections to run. Default: all sections for the kind of driver. */
int main(int argc, char **argv)
{
	bool native = print_machine();

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (sections[i].native == native && is_selected(&sections[i], argc, argv)) {
			sections[i].run();
		}
	}
	bench_targets_print();
	return 0;
}
