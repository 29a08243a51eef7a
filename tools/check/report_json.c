/* SPDX-License-Identifier: MIT */
#include "report_json.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "compare.h"
#include "report_write.h"

#define FORMAT_VERSION 1

static void add_string(json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

/* The JSON of vmbind-info. */
static json_object *describe_facts(const struct vmb_report *facts)
{
	json_object *object = NULL;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out) {
		vmb_report_write_json(facts, out);
		if (fclose(out) == 0) {
			object = json_tokener_parse(text);
		}
	}
	free(text);
	return object;
}

static json_object *describe_device(const struct survey_device *device)
{
	json_object *object = json_object_new_object();
	char version[32];

	snprintf(version, sizeof(version), "%u.%u.%u", VK_API_VERSION_MAJOR(device->api_version),
		VK_API_VERSION_MINOR(device->api_version),
		VK_API_VERSION_PATCH(device->api_version));
	add_string(object, "name", device->choice.name);
	add_string(object, "driver", device->driver);
	add_string(object, "driver_info", device->driver_info);
	add_string(object, "vulkan", version);
	return object;
}

static const char *status_name(enum check_status status)
{
	static const char *const names[] = {
		[CHECK_PASS] = "pass",
		[CHECK_FAIL] = "fail",
		[CHECK_SKIP] = "skip",
		[CHECK_FIGURE] = "figure",
	};

	return names[status];
}

static json_object *describe_check(const struct check *check, const struct check_result *result)
{
	json_object *object = json_object_new_object();

	add_string(object, "name", check->name);
	add_string(object, "title", check->title);
	add_string(object, "status", status_name(result->status));
	add_string(object, "text", result->text);
	if (result->status == CHECK_FIGURE) {
		json_object_object_add(object, "value", json_object_new_double(result->value));
		add_string(object, "unit", result->unit);
	}
	if (result->kernel_ops >= 0) {
		json_object_object_add(
			object, "kernel_ops", json_object_new_int64(result->kernel_ops));
	}
	return object;
}

static json_object *describe_run(const struct run *run, const struct check_list *list)
{
	json_object *object = json_object_new_object();
	json_object *checks = json_object_new_array();

	json_object_object_add(object, "layer", json_object_new_boolean(run->device->has_layer));
	json_object_object_add(object, "device", describe_device(run->device));
	for (size_t i = 0; i < list->count; i++) {
		json_object_array_add(checks, describe_check(list->checks[i], &run->results[i]));
	}
	json_object_object_add(object, "checks", checks);
	return object;
}

static json_object *describe_changes(const struct run *runs, const struct check_list *list)
{
	json_object *object = json_object_new_object();

	for (size_t i = 0; i < list->count; i++) {
		enum change change = compare_results(&runs[0].results[i], &runs[1].results[i]);
		add_string(object, list->checks[i]->name, change_name(change));
	}
	return object;
}

int json_write(FILE *out, const struct vmb_report *facts, const struct run *runs, size_t run_count,
	const struct check_list *list)
{
	json_object *object = json_object_new_object();
	json_object *array = json_object_new_array();

	json_object_object_add(object, "format", json_object_new_int(FORMAT_VERSION));
	add_string(object, "version", VMB_VERSION);
	json_object_object_add(object, "facts", describe_facts(facts));
	for (size_t i = 0; i < run_count; i++) {
		json_object_array_add(array, describe_run(&runs[i], list));
	}
	json_object_object_add(object, "runs", array);
	if (run_count == 2) {
		json_object_object_add(object, "changes", describe_changes(runs, list));
	}
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY);
	int ret = text ? 0 : -ENOMEM;
	if (text) {
		fprintf(out, "%s\n", text);
	}
	json_object_put(object);
	return ret;
}
