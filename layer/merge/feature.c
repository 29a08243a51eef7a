/* SPDX-License-Identifier: MIT */
#include "merge/feature.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/json_text.h"
#include "merge/call.h"
#include "merge/drivers.h"
#include "vk/sparse_features.h"

/* Larger scratch memory is freed after the call. */
#define KEPT_BYTES (4 << 20)

/* Scratch memory of a call. */
struct scratch {
	struct scratch *next;
	size_t size; /* of bytes */
	_Alignas(16) char bytes[];
};

struct merge {
	struct vmb_device *device;
	struct vmb_device_commands next;
	struct vmb_merge_device joined; /* what vmb_merge_call_join() needs of the device */
	/* Guards the list of unused scratch memory. A leaf. Each thread in vkQueueBindSparse takes
	 * its own: queues that are created as internally synchronized have several. */
	pthread_mutex_t lock;
	struct scratch *unused;
	/* VMBIND_STATS is set. The counters sum up all calls. */
	bool counts;
	struct vmb_figures figures;
	_Atomic uint64_t calls;
	_Atomic uint64_t calls_unchanged;
	_Atomic uint64_t batches_given;
	_Atomic uint64_t batches_passed;
	_Atomic uint64_t binds_given;
	_Atomic uint64_t binds_passed;
};

static struct scratch *take_scratch(struct merge *merge, size_t size)
{
	pthread_mutex_lock(&merge->lock);
	struct scratch *scratch = merge->unused;
	if (scratch) {
		merge->unused = scratch->next;
	}
	pthread_mutex_unlock(&merge->lock);
	if (scratch && scratch->size < size) {
		free(scratch);
		scratch = NULL;
	}
	if (!scratch) {
		scratch = malloc(sizeof(*scratch) + size);
		if (scratch) {
			scratch->size = size;
		}
	}
	return scratch;
}

static void return_scratch(struct merge *merge, struct scratch *scratch)
{
	if (scratch->size > KEPT_BYTES) {
		free(scratch);
		return;
	}
	pthread_mutex_lock(&merge->lock);
	scratch->next = merge->unused;
	merge->unused = scratch;
	pthread_mutex_unlock(&merge->lock);
}

static void count_call(
	struct merge *merge, uint32_t batches, const struct vmb_merge_call *call, bool is_unchanged)
{
	vmb_count(&merge->calls, 1);
	vmb_count(&merge->calls_unchanged, is_unchanged);
	vmb_count(&merge->batches_given, batches);
	vmb_count(&merge->batches_passed, call->count);
	vmb_count(&merge->binds_given, call->given);
	vmb_count(&merge->binds_passed, call->passed);
}

/* Passes a call on as it came. */
static VkResult bind_unchanged(struct merge *merge, VkQueue handle, uint32_t batches,
	const VkBindSparseInfo *infos, VkFence fence)
{
	if (merge->counts) {
		size_t binds = vmb_merge_call_binds(infos, batches);
		const struct vmb_merge_call call = { batches, infos, binds, binds };
		count_call(merge, batches, &call, true);
	}
	return merge->next.QueueBindSparse(handle, batches, infos, fence);
}

static void trace(const struct merge *merge, const struct vmb_merge_call *call)
{
	struct vmb_trace *trace = merge->device->physical->instance->trace;

	vmb_trace_annotate_number(trace, "binds_given", call->given);
	vmb_trace_annotate_number(trace, "binds_passed", call->passed);
}

static VkResult join_and_bind(struct merge *merge, VkQueue handle, uint32_t batches,
	const VkBindSparseInfo *infos, VkFence fence)
{
	struct vmb_merge_call call = { .count = batches, .infos = infos };
	size_t size = vmb_merge_call_scratch_size(infos, batches);
	struct scratch *scratch = size ? take_scratch(merge, size) : NULL;

	if (!scratch) {
		return bind_unchanged(merge, handle, batches, infos, fence);
	}
	vmb_merge_call_join(&call, &merge->joined, scratch->bytes);
	if (merge->counts) {
		count_call(merge, batches, &call, call.infos == infos);
	}
	trace(merge, &call);
	VkResult result = merge->next.QueueBindSparse(handle, call.count, call.infos, fence);
	return_scratch(merge, scratch);
	return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL bind_sparse(
	VkQueue handle, uint32_t count, const VkBindSparseInfo *infos, VkFence fence)
{
	struct merge *merge = vmb_device_of(handle)->features[VMB_FEATURE_MERGE];

	return vmb_merge_call_may_join(infos, count)
		? join_and_bind(merge, handle, count, infos, fence)
		: bind_unchanged(merge, handle, count, infos, fence);
}

static VkResult prepare(struct vmb_device *device, VkDeviceCreateInfo *info)
{
	struct vmb_merge_choice choice = vmb_merge_choose(device->physical);

	if (!choice.joins || !vmb_wants_sparse(info)) {
		return VK_SUCCESS;
	}
	struct merge *merge = calloc(1, sizeof(*merge));
	if (!merge) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	merge->device = device;
	merge->joined.blocks_in_order = choice.blocks_in_order;
	vmb_device_log(device, VMB_LOG_INFO, "%s: neighbouring binds are joined: %s",
		device->physical->name, choice.reason);
	merge->counts = device->physical->instance->settings.stats;
	pthread_mutex_init(&merge->lock, NULL);
	device->features[VMB_FEATURE_MERGE] = merge;
	return VK_SUCCESS;
}

static void write_counter(FILE *out, const char *name, const _Atomic uint64_t *counter)
{
	vmb_json_write_number(out, name, atomic_load_explicit(counter, memory_order_relaxed));
}

static void write_figures(void *state, FILE *out)
{
	struct merge *merge = state;

	fprintf(out, "\"merge\":{");
	write_counter(out, "calls", &merge->calls);
	write_counter(out, "batches_given", &merge->batches_given);
	write_counter(out, "batches_passed", &merge->batches_passed);
	write_counter(out, "binds_given", &merge->binds_given);
	write_counter(out, "binds_passed", &merge->binds_passed);
	fprintf(out, "\"calls_unchanged\":%" PRIu64 "},", atomic_load(&merge->calls_unchanged));
}

static VkResult init(struct vmb_device *device)
{
	static const struct vmb_device_commands commands = { .QueueBindSparse = bind_sparse };
	struct merge *merge = device->features[VMB_FEATURE_MERGE];

	vmb_device_overlay(device, &commands, &merge->next);
	merge->joined.handle = device->handle;
	merge->joined.next = &merge->next;
	merge->figures = (struct vmb_figures){ .write = write_figures, .state = merge };
	vmb_device_add_figures(device, &merge->figures);
	return VK_SUCCESS;
}

static void finish(struct vmb_device *device)
{
	struct merge *merge = device->features[VMB_FEATURE_MERGE];

	while (merge->unused) {
		struct scratch *scratch = merge->unused;
		merge->unused = scratch->next;
		free(scratch);
	}
	pthread_mutex_destroy(&merge->lock);
	free(merge);
	device->features[VMB_FEATURE_MERGE] = NULL;
}

const struct vmb_feature vmb_merge_feature = {
	.id = VMB_FEATURE_MERGE,
	.prepare = prepare,
	.init = init,
	.finish = finish,
};
