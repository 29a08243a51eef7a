/* SPDX-License-Identifier: MIT */
#include "virtgpu/feature.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "ioctl/kernel.h"
#include "virtgpu/device.h"

/* Reads the kernel driver from sysfs: on the native route the layer makes no ioctl. */
static bool is_virtio_gpu(const struct vmb_physical_device *physical)
{
	uint32_t node;

	return vmb_physical_device_render_node(physical, &node) && vmb_kernel_is_virtio_gpu(node);
}

static bool is_venus(const struct vmb_physical_device *physical)
{
	return physical->driver_id == VK_DRIVER_ID_MESA_VENUS;
}

static VkResult prepare(struct vmb_device *device, VkDeviceCreateInfo *info)
{
	const struct vmb_physical_device *physical = device->physical;

	(void)info;
	if (!is_venus(physical) && !is_virtio_gpu(physical)) {
		return VK_SUCCESS;
	}
	struct vmb_virtgpu_device *virtgpu = calloc(1, sizeof(*virtgpu));
	if (!virtgpu) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	virtgpu->device = device;
	device->features[VMB_FEATURE_VIRTGPU] = virtgpu;
	return VK_SUCCESS;
}

static void create_begin(struct vmb_device *device)
{
	struct vmb_virtgpu_device *virtgpu = device->features[VMB_FEATURE_VIRTGPU];
	const struct vmb_instance *instance = device->physical->instance;
	const struct vmb_virtgpu_driver driver = {
		.request = instance->settings.defer_blobs,
		/* Venus maps no memory before vkMapMemory. */
		.late_types = is_venus(device->physical) ? UINT32_MAX : 0,
		.trace = instance->trace,
	};

	int ret = vmb_virtgpu_intercept_create(&driver, &virtgpu->intercept);
	if (ret < 0) {
		vmb_device_log(device, VMB_LOG_WARN,
			"%s: blobs are mapped at once: cannot intercept the driver's ioctls: %s",
			device->physical->name, strerror(-ret));
		return;
	}
	vmb_virtgpu_call_begin(&virtgpu->create_call, virtgpu->intercept, false);
}

static void create_end(struct vmb_device *device)
{
	struct vmb_virtgpu_device *virtgpu = device->features[VMB_FEATURE_VIRTGPU];

	if (virtgpu->intercept) {
		vmb_driver_call_end(&virtgpu->create_call.base);
	}
}

static void finish(struct vmb_device *device)
{
	struct vmb_virtgpu_device *virtgpu = device->features[VMB_FEATURE_VIRTGPU];

	vmb_intercept_destroy(virtgpu->intercept);
	free(virtgpu);
	device->features[VMB_FEATURE_VIRTGPU] = NULL;
}

static void write_counter(FILE *out, const char *key, _Atomic uint64_t *counter)
{
	vmb_json_write_number(out, key, atomic_load_explicit(counter, memory_order_relaxed));
}

/* Writes the decision about the file. Without facts, no blob has needed a decision. */
static void write_facts(FILE *out, const struct vmb_virtgpu_facts *facts)
{
	enum vmb_honoured honoured = facts ? facts->honoured : VMB_HONOURED_UNKNOWN;

	fprintf(out, "\"deferring\":%s,", facts && facts->defers ? "true" : "false");
	vmb_json_write_string(out, "reason", facts ? facts->reason : "no blob could be deferred");
	vmb_json_write_string(out, "honoured", vmb_honoured_name(honoured));
	if (facts && facts->hostmem_size) {
		fprintf(out, "\"window_bytes\":%" PRIu64, facts->hostmem_size);
	} else {
		fprintf(out, "\"window_bytes\":null");
	}
}

/* Writes the figures of the driver's open file, which several devices may share. */
static void write_figures(void *state, FILE *out)
{
	struct vmb_virtgpu_device *device = state;
	struct vmb_virtgpu *file = vmb_virtgpu_intercept_file(device->intercept);
	struct vmb_virtgpu_statistics none = { 0 };
	struct vmb_virtgpu_statistics *statistics = file ? &file->statistics : &none;

	fprintf(out, "\"virtgpu\":{");
	write_counter(out, "blobs", &statistics->created);
	write_counter(out, "blobs_hinted", &statistics->hinted);
	write_counter(out, "blobs_mapped_later", &statistics->mapped_later);
	vmb_json_write_number(
		out, "blobs_never_mapped", statistics->hinted - statistics->mapped_later);
	write_counter(out, "blobs_refused", &statistics->refused);
	write_counter(out, "bytes_promised", &statistics->bytes_deferred);
	write_counter(out, "bytes_promised_peak", &statistics->bytes_deferred_peak);
	write_counter(out, "bytes_mapped", &statistics->bytes_mapped);
	write_counter(out, "bytes_mapped_peak", &statistics->bytes_mapped_peak);
	write_facts(out, file ? vmb_virtgpu_facts(file) : NULL);
	fprintf(out, "},");
}

static VkResult init(struct vmb_device *device)
{
	struct vmb_virtgpu_device *virtgpu = device->features[VMB_FEATURE_VIRTGPU];

	if (!virtgpu->intercept) {
		finish(device);
		return VK_SUCCESS;
	}
	virtgpu->figures = (struct vmb_figures){
		.kernel_driver = "virtio_gpu",
		.write = write_figures,
		.state = virtgpu,
	};
	vmb_device_add_figures(device, &virtgpu->figures);
	vmb_device_overlay(device, &vmb_virtgpu_memory_commands, &virtgpu->next);
	return VK_SUCCESS;
}

const struct vmb_feature vmb_virtgpu_feature = {
	.id = VMB_FEATURE_VIRTGPU,
	.prepare = prepare,
	.create_begin = create_begin,
	.create_end = create_end,
	.init = init,
	.finish = finish,
};
