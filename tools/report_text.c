/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "advice.h"
#include "base/names.h"
#include "report_write.h"
#include "sparse_support.h"
#include "text.h"

/* A string that is built in steps. Long strings are truncated. */
struct value {
	char text[2048];
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void append(
	struct value *value, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int length = vsnprintf(
		value->text + value->length, sizeof(value->text) - value->length, format, args);
	va_end(args);
	if (length > 0) {
		value->length += (size_t)length;
	}
	if (value->length >= sizeof(value->text)) {
		value->length = sizeof(value->text) - 1;
	}
}

/* Keeps a number and its unit on one line. */
static void append_size(struct value *value, uint64_t size)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t unit = 0;
	uint64_t whole = size;

	while (whole >= 1024) {
		whole /= 1024;
		unit++;
	}
	uint64_t tenths = unit ? (size >> (10 * (unit - 1))) % 1024 * 10 / 1024 : 0;
	if (tenths) {
		append(value, "%" PRIu64 ".%" PRIu64 VMB_TEXT_TIE "%s", whole, tenths, units[unit]);
	} else {
		append(value, "%" PRIu64 VMB_TEXT_TIE "%s", whole, units[unit]);
	}
}

static void append_features(struct value *value, const VkPhysicalDeviceFeatures *features)
{
	const char *comma = "";

	for (size_t i = 0; i < VMB_SPARSE_FEATURES; i++) {
		if (vmb_sparse_feature_has(features, i)) {
			append(value, "%s%s", comma, vmb_sparse_features[i].words);
			comma = ", ";
		}
	}
}

static void append_addresses(struct value *value, uint64_t size)
{
	append(value, "; ");
	append_size(value, size);
	append(value, " of addresses");
}

static void append_version(struct value *value, uint32_t version)
{
	append(value, "%u.%u.%u", VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version),
		VK_API_VERSION_PATCH(version));
}

static void append_problem(struct value *value, const struct vmb_problem *problem)
{
	char text[256];

	vmb_problem_describe(problem, text, sizeof(text));
	append(value, "%s", text);
}

static void write_header(const struct vmb_report *report, const struct vmb_text *text)
{
	struct value value = { .length = 0 };

	append(&value, "vmbind-info %s on %s %s %s, ", VMB_VERSION, report->system.sysname,
		report->system.release, report->system.machine);
	if (report->loader.found) {
		append(&value, "Vulkan loader ");
		append_version(&value, report->loader.api_version);
	} else {
		append(&value, "no Vulkan loader");
	}
	vmb_text_line(text, VMB_TEXT_PLAIN, value.text);
}

static bool is_without_driver(const struct vmb_problem *problem)
{
	return problem->kind == VMB_PROBLEM_FAILED &&
		problem->detail == VK_ERROR_INCOMPATIBLE_DRIVER;
}

static void append_status(struct value *value, const struct vmb_report *report)
{
	const struct vmb_layer_state *layer = &report->layer;

	switch (layer->status) {
	case VMB_LAYER_MISSING:
		append(value, "not found by the Vulkan loader");
		break;
	case VMB_LAYER_AVAILABLE:
		append(value, "found, but not enabled");
		break;
	case VMB_LAYER_NOT_LOADED:
		append(value,
			"requested, but not loaded: VK_LOADER_DEBUG=error,layer shows the reason");
		break;
	case VMB_LAYER_TURNED_OFF:
		append(value, "turned off in this environment");
		break;
	case VMB_LAYER_ENABLED:
		append(value, "enabled");
		break;
	default:
		append(value, "unknown: ");
		if (!report->loader.found) {
			append(value, "there is no Vulkan loader");
		} else if (is_without_driver(&layer->problem)) {
			append(value, "no Vulkan driver can create an instance");
		} else {
			append(value, "the loader ");
			append_problem(value, &layer->problem);
		}
	}
}

static void write_layer(const struct vmb_report *report, const struct vmb_text *text)
{
	const struct vmb_layer_state *layer = &report->layer;
	struct value status = { .length = 0 };

	fputc('\n', text->out);
	vmb_text_line(text, VMB_TEXT_HEADING, VMB_LAYER_NAME);
	append_status(&status, report);
	vmb_text_field(text, "status",
		layer->status == VMB_LAYER_ENABLED ? VMB_TEXT_GOOD : VMB_TEXT_PLAIN, status.text);
	if (layer->library[0]) {
		vmb_text_field(text, "library", VMB_TEXT_PLAIN, layer->library);
	}
	for (size_t i = 0; i < layer->manifests.count; i++) {
		vmb_text_field(
			text, i == 0 ? "manifest" : "", VMB_TEXT_PLAIN, layer->manifests.paths[i]);
	}
	if (layer->enable) {
		struct value enable = { .length = 0 };
		append(&enable, "%s COMMAND", layer->enable);
		vmb_text_field(text, "enable with", VMB_TEXT_PLAIN, enable.text);
	} else if (layer->status == VMB_LAYER_MISSING) {
		vmb_text_field(text, "enable with", VMB_TEXT_PLAIN, "an installation of the layer");
	}
}

static void write_driver_field(const struct vmb_device_report *report, const struct vmb_text *text)
{
	const struct vmb_device_answer *device = report->answer;
	struct value value = { .length = 0 };

	append(&value, "%s", device->driver[0] ? device->driver : "unnamed");
	if (device->driver_info[0]) {
		append(&value, ", %s", device->driver_info);
	} else {
		append(&value, ", version %#" PRIx32, device->properties.driverVersion);
	}
	append(&value, "; Vulkan ");
	append_version(&value, device->properties.apiVersion);
	vmb_text_field(text, "driver", VMB_TEXT_PLAIN, value.text);
}

static void write_kernel_ability(const struct vmb_kernel_facts *kernel, const struct vmb_text *text)
{
	struct value value = { .length = 0 };
	const char *pages = "pages of ";

	append(&value, "sparse VM_BIND: %s",
		kernel->sparse == VMB_YES ? "yes, one op makes a range sparse" : "no");
	for (unsigned bit = 0; bit < 64; bit++) {
		if (kernel->page_sizes >> bit & 1) {
			append(&value, "%s%s", *pages == 'p' ? "; " : "", pages);
			append_size(&value, UINT64_C(1) << bit);
			pages = " and ";
		}
	}
	vmb_text_field(text, "kernel can", VMB_TEXT_PLAIN, value.text);
}

static void write_virtgpu(const struct vmb_kernel_facts *kernel, const struct vmb_text *text)
{
	static const char *const hint[] = {
		[VMB_UNKNOWN] = "defer a mapping: unknown",
		[VMB_NO] = "defer a mapping: no, the hint is ignored",
		[VMB_YES] = "defer a mapping: yes, the hint is honoured",
	};
	struct value value = { .length = 0 };

	vmb_text_field(text, "kernel can", VMB_TEXT_PLAIN, hint[kernel->defers]);
	if (kernel->hostmem) {
		append_size(&value, kernel->hostmem);
	} else {
		append(&value, "unknown");
	}
	if (kernel->has_hostmem_used) {
		append(&value, ", in use: ");
		append_size(&value, kernel->hostmem_used);
	}
	vmb_text_field(text, "hostmem", VMB_TEXT_PLAIN, value.text);
}

static void write_kernel(const struct vmb_kernel_facts *kernel, const struct vmb_text *text)
{
	struct value value = { .length = 0 };

	if (!kernel->has_node) {
		append(&value, "none: the driver reports no render node");
	} else if (kernel->error) {
		append(&value, "unknown: /dev/dri/renderD%" PRIu32 ": %s", kernel->node,
			strerror(-kernel->error));
	} else {
		append(&value, "%s %" PRIu32 ".%" PRIu32 ", /dev/dri/renderD%" PRIu32,
			kernel->driver.name, kernel->driver.major, kernel->driver.minor,
			kernel->node);
	}
	vmb_text_field(text, "kernel driver", VMB_TEXT_PLAIN, value.text);
	if (kernel->sparse != VMB_UNKNOWN) {
		write_kernel_ability(kernel, text);
	}
	if (strcmp(kernel->driver.name, "virtio_gpu") == 0) {
		write_virtgpu(kernel, text);
	}
}

static void write_sparse(const struct vmb_device_answer *device, const struct vmb_text *text)
{
	struct value value = { .length = 0 };

	if (device->features.sparseBinding) {
		append_features(&value, &device->features);
		append_addresses(&value, device->properties.limits.sparseAddressSpaceSize);
	} else {
		append(&value, "none");
	}
	vmb_text_field(text, "driver sparse", VMB_TEXT_PLAIN, value.text);
}

static void write_decision(const struct vmb_device_report *report, const struct vmb_text *text)
{
	const struct vmb_device_answer *device = report->answer;
	struct value value = { .length = 0 };

	if (!device->is_decided) {
		return;
	}
	vmb_text_field(text, "route", vmb_device_gains(report) ? VMB_TEXT_GOOD : VMB_TEXT_PLAIN,
		vmb_route_name(device->route));
	vmb_text_field(text, "reason", VMB_TEXT_PLAIN, device->reason);
	if (device->fault) {
		vmb_text_field(text, "works around", VMB_TEXT_PLAIN, device->fault);
	}
	if (device->features.sparseBinding && device->route != VMB_ROUTE_PROVIDE) {
		append(&value, "%s: %s", device->joins_binds ? "yes" : "no", device->joins_reason);
		vmb_text_field(text, "joins binds",
			device->joins_binds ? VMB_TEXT_GOOD : VMB_TEXT_PLAIN, value.text);
		value.length = 0;
	}
	if (device->defers) {
		vmb_text_field(
			text, "defers", VMB_TEXT_GOOD, "memory takes hostmem at its first mapping");
	}
	if (device->route == VMB_ROUTE_PROVIDE) {
		append_features(&value, &device->provided);
		append_addresses(&value, device->provided_addresses);
		vmb_text_field(text, "layer sparse", VMB_TEXT_PLAIN, value.text);
	}
}

static void write_advice(const struct vmb_device_answer *device, const struct vmb_text *text)
{
	struct vmb_advice advice[VMB_ADVICE_MAX];
	size_t count = vmb_advise(device, advice);

	for (size_t i = 0; i < count; i++) {
		vmb_text_field(text, i == 0 ? "better with" : "", VMB_TEXT_PLAIN, advice[i].text);
	}
}

/* Omits the values that the child did not reach. */
static void write_device(const struct vmb_device_report *report, const struct vmb_text *text)
{
	const struct vmb_device_answer *device = report->answer;
	const bool is_whole = report->problem.kind == VMB_PROBLEM_NONE;
	const enum vmb_stage stage = is_whole ? VMB_STAGE_COUNT : device->answer.stage;
	struct value value = { .length = 0 };

	fputc('\n', text->out);
	vmb_text_line(text, VMB_TEXT_HEADING,
		device->properties.deviceName[0] ? device->properties.deviceName
						 : "Unnamed device");
	if (!is_whole) {
		append_problem(&value, &report->problem);
		vmb_text_field(text, "problem", VMB_TEXT_BAD, value.text);
	}
	if (stage > VMB_STAGE_PROPERTIES) {
		write_driver_field(report, text);
	}
	if (report->manifest) {
		vmb_text_field(text, "manifest", VMB_TEXT_PLAIN, report->manifest);
	}
	if (stage > VMB_STAGE_KERNEL) {
		write_kernel(&device->kernel, text);
	}
	if (stage > VMB_STAGE_FEATURES) {
		write_sparse(device, text);
	}
	write_decision(report, text);
	write_advice(device, text);
}

static void write_driver(const struct vmb_driver_report *report, const struct vmb_text *text)
{
	struct value value = { .length = 0 };

	fputc('\n', text->out);
	vmb_text_line(text, VMB_TEXT_HEADING, "Broken driver");
	vmb_text_field(text, "manifest", VMB_TEXT_PLAIN, report->manifest);
	append_problem(&value, &report->problem);
	vmb_text_field(text, "problem", VMB_TEXT_BAD, value.text);
}

static void write_broken_layer(const struct vmb_report *report, const struct vmb_text *text)
{
	struct value value = { .length = 0 };

	fputc('\n', text->out);
	vmb_text_line(text, VMB_TEXT_HEADING, "Broken layer");
	append_problem(&value, &report->problem);
	append(&value,
		". Without layers the drivers answer. VK_LOADER_DEBUG=layer lists the layers");
	vmb_text_field(text, "problem", VMB_TEXT_BAD, value.text);
}

static void append_no_devices(struct value *value, const struct vmb_report *report)
{
	if (!report->loader.found) {
		append(value, "No device was queried: there is no Vulkan loader (libvulkan.so.1).");
	} else if (is_without_driver(&report->problem)) {
		append(value, "No device was queried: there is no Vulkan driver for this machine.");
	} else if (report->problem.kind == VMB_PROBLEM_FAILED) {
		append(value, "No device was queried: the loader ");
		append_problem(value, &report->problem);
		append(value, ".");
	} else {
		append(value, "No device was queried completely.");
	}
}

static void write_summary(const struct vmb_report *report, const struct vmb_text *text)
{
	struct value value = { .length = 0 };
	size_t gains = 0;

	for (size_t i = 0; i < report->device_count; i++) {
		gains += vmb_device_gains(&report->devices[i]);
	}
	if (!vmb_report_has_answers(report)) {
		append_no_devices(&value, report);
	} else {
		append(&value, "Devices that the layer improves: %zu of %zu.", gains,
			report->device_count);
	}
	fputc('\n', text->out);
	vmb_text_line(text, VMB_TEXT_PLAIN, value.text);
}

void vmb_report_write_text(const struct vmb_report *report, FILE *out, bool has_color)
{
	const struct vmb_text text = { out, has_color };

	write_header(report, &text);
	write_layer(report, &text);
	for (size_t i = 0; i < report->device_count; i++) {
		write_device(&report->devices[i], &text);
	}
	for (size_t i = 0; i < report->driver_count; i++) {
		write_driver(&report->drivers[i], &text);
	}
	if (report->has_broken_layer) {
		write_broken_layer(report, &text);
	}
	write_summary(report, &text);
}
