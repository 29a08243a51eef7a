/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "advice.h"
#include "json.h"
#include "report_write.h"
#include "sparse_support.h"

static void write_version(struct vmb_json *json, const char *key, uint32_t version)
{
	char text[48];

	snprintf(text, sizeof(text), "%u.%u.%u", VK_API_VERSION_MAJOR(version),
		VK_API_VERSION_MINOR(version), VK_API_VERSION_PATCH(version));
	vmb_json_string(json, key, text);
}

static void write_problem(struct vmb_json *json, const struct vmb_problem *problem)
{
	char text[256];

	if (problem->kind == VMB_PROBLEM_NONE) {
		vmb_json_null(json, "problem");
		return;
	}
	vmb_problem_describe(problem, text, sizeof(text));
	vmb_json_begin(json, "problem", '{');
	vmb_json_string(json, "kind", vmb_problem_name(problem->kind));
	vmb_json_string(json, "where", vmb_stage_name(problem->stage));
	vmb_json_string(json, "text", text);
	vmb_json_end(json, '}');
}

static void write_loader(struct vmb_json *json, const struct vmb_loader_facts *loader)
{
	if (!loader->found) {
		vmb_json_null(json, "loader");
		return;
	}
	vmb_json_begin(json, "loader", '{');
	vmb_json_string(json, "library", loader->library);
	write_version(json, "api_version", loader->api_version);
	vmb_json_end(json, '}');
}

static void write_layer(struct vmb_json *json, const struct vmb_layer_state *layer)
{
	vmb_json_begin(json, "layer", '{');
	vmb_json_string(json, "status", vmb_layer_status_name(layer->status));
	vmb_json_string(json, "library", layer->library[0] ? layer->library : NULL);
	vmb_json_begin(json, "manifests", '[');
	for (size_t i = 0; i < layer->manifests.count; i++) {
		vmb_json_string(json, NULL, layer->manifests.paths[i]);
	}
	vmb_json_end(json, ']');
	vmb_json_string(json, "enable", layer->enable);
	write_problem(json, &layer->problem);
	vmb_json_end(json, '}');
}

static void write_known(struct vmb_json *json, const char *key, enum vmb_known known)
{
	if (known == VMB_UNKNOWN) {
		vmb_json_null(json, key);
	} else {
		vmb_json_bool(json, key, known == VMB_YES);
	}
}

static void write_kernel_version(struct vmb_json *json, const struct vmb_kernel_driver *driver)
{
	char version[32];

	snprintf(version, sizeof(version), "%" PRIu32 ".%" PRIu32, driver->major, driver->minor);
	vmb_json_string(json, "name", driver->name[0] ? driver->name : NULL);
	vmb_json_string(json, "version", driver->name[0] ? version : NULL);
}

static void write_hostmem(struct vmb_json *json, const struct vmb_kernel_facts *kernel)
{
	if (!kernel->hostmem) {
		vmb_json_null(json, "hostmem");
		return;
	}
	vmb_json_begin(json, "hostmem", '{');
	vmb_json_number(json, "size", kernel->hostmem);
	if (kernel->has_hostmem_used) {
		vmb_json_number(json, "used", kernel->hostmem_used);
	} else {
		vmb_json_null(json, "used");
	}
	vmb_json_end(json, '}');
}

static void write_kernel(struct vmb_json *json, const struct vmb_kernel_facts *kernel)
{
	char node[32];

	if (!kernel->has_node) {
		vmb_json_null(json, "kernel_driver");
		return;
	}
	snprintf(node, sizeof(node), "/dev/dri/renderD%" PRIu32, kernel->node);
	vmb_json_begin(json, "kernel_driver", '{');
	vmb_json_string(json, "node", node);
	vmb_json_string(json, "error", kernel->error ? strerror(-kernel->error) : NULL);
	write_kernel_version(json, &kernel->driver);
	write_known(json, "sparse_vm_bind", kernel->sparse);
	vmb_json_begin(json, "page_sizes", '[');
	for (unsigned bit = 0; bit < 64; bit++) {
		if (kernel->page_sizes >> bit & 1) {
			vmb_json_number(json, NULL, UINT64_C(1) << bit);
		}
	}
	vmb_json_end(json, ']');
	write_known(json, "defer_mapping", kernel->defers);
	write_hostmem(json, kernel);
	vmb_json_end(json, '}');
}

static void write_features(struct vmb_json *json, const VkPhysicalDeviceFeatures *features)
{
	for (size_t i = 0; i < VMB_SPARSE_FEATURES; i++) {
		vmb_json_bool(
			json, vmb_sparse_features[i].name, vmb_sparse_feature_has(features, i));
	}
}

/* The driver's values, with Vulkan's names. */
static void write_sparse(struct vmb_json *json, const struct vmb_device_answer *device)
{
	const VkPhysicalDeviceSparseProperties *properties = &device->properties.sparseProperties;

	vmb_json_begin(json, "sparse", '{');
	write_features(json, &device->features);
	vmb_json_number(
		json, "sparseAddressSpaceSize", device->properties.limits.sparseAddressSpaceSize);
	vmb_json_bool(
		json, "residencyStandard2DBlockShape", properties->residencyStandard2DBlockShape);
	vmb_json_bool(json, "residencyStandard2DMultisampleBlockShape",
		properties->residencyStandard2DMultisampleBlockShape);
	vmb_json_bool(
		json, "residencyStandard3DBlockShape", properties->residencyStandard3DBlockShape);
	vmb_json_bool(json, "residencyAlignedMipSize", properties->residencyAlignedMipSize);
	vmb_json_bool(json, "residencyNonResidentStrict", properties->residencyNonResidentStrict);
	vmb_json_begin(json, "queue_families", '[');
	for (unsigned i = 0; i < 32; i++) {
		if (device->sparse_families >> i & 1) {
			vmb_json_number(json, NULL, i);
		}
	}
	vmb_json_end(json, ']');
	vmb_json_end(json, '}');
}

static void write_decision(struct vmb_json *json, const struct vmb_device_report *report)
{
	const struct vmb_device_answer *device = report->answer;

	vmb_json_string(json, "route", device->is_decided ? vmb_route_name(device->route) : NULL);
	vmb_json_string(json, "reason", device->reason);
	vmb_json_string(json, "works_around", device->fault);
	vmb_json_bool(json, "defers", device->defers);
	vmb_json_bool(json, "joins_binds", device->joins_binds);
	vmb_json_string(json, "joins_reason", device->joins_reason);
	vmb_json_bool(json, "gains", vmb_device_gains(report));
	if (!device->is_decided || device->route != VMB_ROUTE_PROVIDE) {
		vmb_json_null(json, "provided");
		return;
	}
	vmb_json_begin(json, "provided", '{');
	write_features(json, &device->provided);
	vmb_json_number(json, "sparseAddressSpaceSize", device->provided_addresses);
	vmb_json_end(json, '}');
}

static void write_advice(struct vmb_json *json, const struct vmb_device_answer *device)
{
	struct vmb_advice advice[VMB_ADVICE_MAX];
	size_t count = vmb_advise(device, advice);

	vmb_json_begin(json, "advice", '[');
	for (size_t i = 0; i < count; i++) {
		vmb_json_begin(json, NULL, '{');
		vmb_json_string(json, "kind", advice[i].kind);
		vmb_json_string(json, "text", advice[i].text);
		vmb_json_end(json, '}');
	}
	vmb_json_end(json, ']');
}

static const char *type_name(VkPhysicalDeviceType type)
{
	switch (type) {
	case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
		return "integrated-gpu";
	case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
		return "discrete-gpu";
	case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
		return "virtual-gpu";
	case VK_PHYSICAL_DEVICE_TYPE_CPU:
		return "cpu";
	default:
		return "other";
	}
}

static void write_device(struct vmb_json *json, const struct vmb_device_report *report)
{
	const struct vmb_device_answer *device = report->answer;
	const VkPhysicalDeviceProperties *properties = &device->properties;

	vmb_json_begin(json, NULL, '{');
	vmb_json_string(json, "name", properties->deviceName);
	vmb_json_string(json, "type", type_name(properties->deviceType));
	vmb_json_number(json, "vendor_id", properties->vendorID);
	vmb_json_number(json, "device_id", properties->deviceID);
	write_version(json, "api_version", properties->apiVersion);
	vmb_json_begin(json, "driver", '{');
	vmb_json_number(json, "id", device->driver_id);
	vmb_json_string(json, "name", device->driver);
	vmb_json_string(json, "info", device->driver_info);
	vmb_json_number(json, "version", properties->driverVersion);
	vmb_json_string(json, "manifest", report->manifest);
	vmb_json_end(json, '}');
	write_kernel(json, &device->kernel);
	write_sparse(json, device);
	write_decision(json, report);
	write_advice(json, device);
	write_problem(json, &report->problem);
	vmb_json_end(json, '}');
}

static void write_drivers(struct vmb_json *json, const struct vmb_report *report)
{
	vmb_json_begin(json, "broken_drivers", '[');
	for (size_t i = 0; i < report->driver_count; i++) {
		vmb_json_begin(json, NULL, '{');
		vmb_json_string(json, "manifest", report->drivers[i].manifest);
		write_problem(json, &report->drivers[i].problem);
		vmb_json_end(json, '}');
	}
	vmb_json_end(json, ']');
}

void vmb_report_write_json(const struct vmb_report *report, FILE *out)
{
	struct vmb_json json;

	vmb_json_init(&json, out);
	vmb_json_begin(&json, NULL, '{');
	vmb_json_number(&json, "format", VMB_JSON_FORMAT);
	vmb_json_string(&json, "vmbind_version", VMB_VERSION);
	vmb_json_begin(&json, "system", '{');
	vmb_json_string(&json, "name", report->system.sysname);
	vmb_json_string(&json, "release", report->system.release);
	vmb_json_string(&json, "machine", report->system.machine);
	vmb_json_end(&json, '}');
	write_loader(&json, &report->loader);
	write_layer(&json, &report->layer);
	vmb_json_begin(&json, "devices", '[');
	for (size_t i = 0; i < report->device_count; i++) {
		write_device(&json, &report->devices[i]);
	}
	vmb_json_end(&json, ']');
	write_drivers(&json, report);
	vmb_json_bool(&json, "broken_layer", report->has_broken_layer);
	vmb_json_bool(&json, "gains", vmb_report_has_gains(report));
	write_problem(&json, &report->problem);
	vmb_json_end(&json, '}');
	vmb_json_finish(&json);
}
