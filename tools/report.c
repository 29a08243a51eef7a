/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "manifests.h"

bool vmb_device_gains(const struct vmb_device_report *device)
{
	const struct vmb_device_answer *answer = device->answer;

	return answer->is_decided &&
		(answer->route != VMB_ROUTE_NATIVE || answer->defers || answer->joins_binds);
}

bool vmb_report_has_answers(const struct vmb_report *report)
{
	for (size_t i = 0; i < report->device_count; i++) {
		if (report->devices[i].answer->is_decided) {
			return true;
		}
	}
	return false;
}

bool vmb_report_has_gains(const struct vmb_report *report)
{
	for (size_t i = 0; i < report->device_count; i++) {
		if (vmb_device_gains(&report->devices[i])) {
			return true;
		}
	}
	return false;
}

static int add_device(struct vmb_report *report, const struct vmb_query_options *options,
	const struct vmb_settings *settings, const struct vmb_driver_filter *filter, uint32_t index)
{
	const struct vmb_device_query query = { filter, index, settings };
	const char *manifest = filter->manifest;
	struct vmb_device_report *devices = realloc(
		report->devices, (report->device_count + 1) * sizeof(*devices));

	if (!devices) {
		return -ENOMEM;
	}
	report->devices = devices;
	struct vmb_device_report *device = &devices[report->device_count];
	*device = (struct vmb_device_report){
		.answer = vmb_answer_alloc(sizeof(*device->answer)),
		.manifest = manifest ? strdup(manifest) : NULL,
	};
	if (!device->answer || (manifest && !device->manifest)) {
		vmb_answer_free(device->answer, sizeof(*device->answer));
		free(device->manifest);
		return -ENOMEM;
	}
	report->device_count++;
	device->problem = vmb_query_run(options, vmb_query_device, &device->answer->answer, &query);
	return 0;
}

static int add_driver(
	struct vmb_report *report, const char *manifest, const struct vmb_problem *problem)
{
	struct vmb_driver_report *drivers = realloc(
		report->drivers, (report->driver_count + 1) * sizeof(*drivers));
	char *copy = strdup(manifest);

	if (drivers) {
		report->drivers = drivers;
	}
	if (!drivers || !copy) {
		free(copy);
		return -ENOMEM;
	}
	drivers[report->driver_count++] = (struct vmb_driver_report){ copy, *problem };
	return 0;
}

/* Queries and adds all devices of one driver or of all drivers. */
static int add_devices(struct vmb_report *report, const struct vmb_query_options *options,
	const struct vmb_settings *settings, const struct vmb_driver_filter *filter,
	struct vmb_problem *problem)
{
	struct vmb_count_answer *answer = vmb_answer_alloc(sizeof(*answer));
	int ret = 0;

	if (!answer) {
		return -ENOMEM;
	}
	*problem = vmb_query_run(options, vmb_query_device_count, &answer->answer, filter);
	if (answer->loader.found) {
		report->loader = answer->loader;
	}
	uint32_t count = problem->kind == VMB_PROBLEM_NONE ? answer->count : 0;
	vmb_answer_free(answer, sizeof(*answer));
	for (uint32_t i = 0; i < count && ret == 0; i++) {
		ret = add_device(report, options, settings, filter, i);
	}
	return ret;
}

/* VK_ERROR_INCOMPATIBLE_DRIVER is not a fault: the machine has no device for the driver. */
static bool is_fault(const struct vmb_problem *problem)
{
	return problem->kind != VMB_PROBLEM_NONE &&
		!(problem->kind == VMB_PROBLEM_FAILED &&
			problem->detail == VK_ERROR_INCOMPATIBLE_DRIVER);
}

/* Finds the drivers that break the instance. Loads no layers, so that every fault is the driver's.
 * *working is the manifest of a driver without a fault, owned by the list of manifests. */
static int query_drivers_separately(struct vmb_report *report,
	const struct vmb_query_options *options, const struct vmb_settings *settings,
	const struct vmb_manifests *manifests, const char **working)
{
	int ret = 0;

	for (size_t i = 0; i < manifests->count && ret == 0; i++) {
		const struct vmb_driver_filter one = { manifests->paths[i],
			.without_layers = true };
		struct vmb_problem problem;
		ret = add_devices(report, options, settings, &one, &problem);
		if (ret == 0 && is_fault(&problem)) {
			ret = add_driver(report, one.manifest, &problem);
		} else if (problem.kind == VMB_PROBLEM_NONE && !*working) {
			*working = one.manifest;
		}
	}
	return ret;
}

/* True if one driver or layer may have failed for all. Some loaders return one driver's error. */
static bool may_hide_devices(const struct vmb_problem *problem)
{
	switch (problem->kind) {
	case VMB_PROBLEM_CRASHED:
	case VMB_PROBLEM_EXITED:
	case VMB_PROBLEM_HUNG:
		return true;
	case VMB_PROBLEM_FAILED:
		return (problem->stage == VMB_STAGE_INSTANCE ||
			       problem->stage == VMB_STAGE_ENUMERATE) &&
			is_fault(problem);
	default:
		return false;
	}
}

/* If the query succeeds without layers, another layer breaks the instance. */
static int query_without_layers(struct vmb_report *report, const struct vmb_query_options *options,
	const struct vmb_settings *settings)
{
	const struct vmb_driver_filter all = { NULL, .without_layers = true };
	struct vmb_problem problem;
	int ret = add_devices(report, options, settings, &all, &problem);

	report->has_broken_layer = ret == 0 && !is_fault(&problem);
	return ret;
}

int vmb_report_init(struct vmb_report *report, const struct vmb_query_options *options,
	const struct vmb_settings *settings)
{
	struct vmb_manifests drivers = { 0 };
	const struct vmb_driver_filter all = { NULL, .without_layers = false };
	const char *working = NULL;

	*report = (struct vmb_report){ 0 };
	uname(&report->system);
	int ret = add_devices(report, options, settings, &all, &report->problem);
	if (ret == 0 && may_hide_devices(&report->problem)) {
		ret = query_without_layers(report, options, settings);
	}
	if (ret == 0 && may_hide_devices(&report->problem) && !report->has_broken_layer) {
		ret = vmb_manifests_find(&drivers, VMB_MANIFEST_DRIVER);
		if (ret == 0) {
			ret = query_drivers_separately(
				report, options, settings, &drivers, &working);
		}
	}
	if (ret == 0) {
		ret = vmb_layer_state_init(&report->layer, options, settings, working);
	}
	vmb_manifests_finish(&drivers);
	return ret;
}

void vmb_report_finish(struct vmb_report *report)
{
	for (size_t i = 0; i < report->device_count; i++) {
		vmb_answer_free(report->devices[i].answer, sizeof(*report->devices[i].answer));
		free(report->devices[i].manifest);
	}
	for (size_t i = 0; i < report->driver_count; i++) {
		free(report->drivers[i].manifest);
	}
	free(report->devices);
	free(report->drivers);
	vmb_layer_state_finish(&report->layer);
}
