/* SPDX-License-Identifier: MIT */
#include "virtgpu/blob.h"

#include <errno.h>
#include <stdlib.h>

#include "vk/statistics.h"

static void subtract_bytes(_Atomic uint64_t *bytes, uint64_t less)
{
	atomic_fetch_sub_explicit(bytes, less, memory_order_relaxed);
}

/* The trace of one instance. Devices of several instances may share a file. */
struct vmb_virtgpu_watcher {
	struct vmb_virtgpu_watcher *next;
	struct vmb_trace *trace;
	unsigned users; /* devices of the instance */
};

/* Reports the changes since the last report. A trace adds up the changes of all its files. The
 * caller holds blobs_lock. */
static void report_bytes(struct vmb_virtgpu *virtgpu)
{
	const struct vmb_virtgpu_statistics *statistics = &virtgpu->statistics;
	int64_t deferred = (int64_t)atomic_load_explicit(
		&statistics->bytes_deferred, memory_order_relaxed);
	int64_t mapped = (int64_t)atomic_load_explicit(
		&statistics->bytes_mapped, memory_order_relaxed);

	for (struct vmb_virtgpu_watcher *watcher = virtgpu->watchers; watcher;
		watcher = watcher->next) {
		vmb_trace_hostmem(watcher->trace, deferred - virtgpu->reported_deferred,
			mapped - virtgpu->reported_mapped);
	}
	virtgpu->reported_deferred = deferred;
	virtgpu->reported_mapped = mapped;
}

static struct vmb_virtgpu_watcher **find_watcher(
	struct vmb_virtgpu *virtgpu, const struct vmb_trace *trace)
{
	struct vmb_virtgpu_watcher **watcher = &virtgpu->watchers;

	while (*watcher && (*watcher)->trace != trace) {
		watcher = &(*watcher)->next;
	}
	return watcher;
}

/* Adds a user of the watcher. A new watcher gets the file's bytes at once. */
bool vmb_virtgpu_watcher_add(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace)
{
	struct vmb_virtgpu_watcher **watcher = find_watcher(virtgpu, trace);

	if (!*watcher) {
		*watcher = calloc(1, sizeof(**watcher));
		if (!*watcher) {
			return false;
		}
		(*watcher)->trace = trace;
		vmb_trace_hostmem(trace, virtgpu->reported_deferred, virtgpu->reported_mapped);
	}
	(*watcher)->users++;
	return true;
}

/* Removes a user of the watcher. The last one's call subtracts the file's bytes from the trace. */
void vmb_virtgpu_watcher_remove(struct vmb_virtgpu *virtgpu, struct vmb_trace *trace)
{
	struct vmb_virtgpu_watcher **watcher = find_watcher(virtgpu, trace);
	struct vmb_virtgpu_watcher *removed = *watcher;

	if (--removed->users) {
		return;
	}
	vmb_trace_hostmem(trace, -virtgpu->reported_deferred, -virtgpu->reported_mapped);
	*watcher = removed->next;
	free(removed);
}

/* Subtracts a closed blob from the figures and frees it. The caller holds blobs_lock. */
static void blob_destroy(struct vmb_virtgpu *virtgpu, struct vmb_blob *blob)
{
	struct vmb_virtgpu_statistics *statistics = &virtgpu->statistics;

	if (!blob->is_imported) {
		subtract_bytes(
			blob->is_deferred ? &statistics->bytes_deferred : &statistics->bytes_mapped,
			blob->size);
		report_bytes(virtgpu);
	}
	free(blob);
}

/* GEM handles are reused. Drops a stale blob whose GEM_CLOSE was not seen. */
int vmb_blob_add(struct vmb_virtgpu *virtgpu, uint32_t handle, struct vmb_blob *blob)
{
	struct vmb_virtgpu_statistics *statistics = &virtgpu->statistics;

	pthread_mutex_lock(&virtgpu->blobs_lock);
	struct vmb_blob *stale = vmb_map_remove(&virtgpu->blobs, handle);
	blob->serial = ++virtgpu->serial;
	int ret = vmb_map_insert(&virtgpu->blobs, handle, blob);
	if (ret == 0 && blob->is_deferred) {
		vmb_count(&statistics->hinted, 1);
		vmb_count_peak(
			&statistics->bytes_deferred, &statistics->bytes_deferred_peak, blob->size);
	} else if (ret == 0) {
		vmb_count_peak(
			&statistics->bytes_mapped, &statistics->bytes_mapped_peak, blob->size);
	}
	if (stale) {
		blob_destroy(virtgpu, stale);
	}
	report_bytes(virtgpu);
	pthread_mutex_unlock(&virtgpu->blobs_lock);
	return ret;
}

int vmb_blob_add_imported(struct vmb_virtgpu *virtgpu, uint32_t handle, uint64_t size)
{
	struct vmb_blob *blob = malloc(sizeof(*blob));
	int ret = 0;

	if (!blob) {
		return -ENOMEM;
	}
	*blob = (struct vmb_blob){ .size = size, .is_deferred = true, .is_imported = true };
	pthread_mutex_lock(&virtgpu->blobs_lock);
	bool is_known = vmb_map_find(&virtgpu->blobs, handle);
	if (!is_known) {
		blob->serial = ++virtgpu->serial;
		ret = vmb_map_insert(&virtgpu->blobs, handle, blob);
	}
	pthread_mutex_unlock(&virtgpu->blobs_lock);
	if (is_known || ret < 0) {
		free(blob);
	}
	return ret;
}

bool vmb_blob_find_deferred(struct vmb_virtgpu *virtgpu, uint32_t handle, struct vmb_blob *copy)
{
	pthread_mutex_lock(&virtgpu->blobs_lock);
	const struct vmb_blob *blob = vmb_map_find(&virtgpu->blobs, handle);
	bool is_deferred = blob && blob->is_deferred;
	if (is_deferred) {
		*copy = *blob;
	}
	pthread_mutex_unlock(&virtgpu->blobs_lock);
	return is_deferred;
}

/* The caller holds blobs_lock. */
static void count_mapped(struct vmb_virtgpu *virtgpu, const struct vmb_blob *blob)
{
	struct vmb_virtgpu_statistics *statistics = &virtgpu->statistics;

	if (blob->is_imported) {
		return;
	}
	vmb_count(&statistics->mapped_later, 1);
	subtract_bytes(&statistics->bytes_deferred, blob->size);
	vmb_count_peak(&statistics->bytes_mapped, &statistics->bytes_mapped_peak, blob->size);
	report_bytes(virtgpu);
}

void vmb_blob_set_mapped(const struct vmb_guarded *mapped)
{
	struct vmb_virtgpu *virtgpu = mapped->owner;

	pthread_mutex_lock(&virtgpu->blobs_lock);
	struct vmb_blob *blob = vmb_map_find(&virtgpu->blobs, mapped->handle);
	if (blob && blob->serial == mapped->serial) {
		blob->is_deferred = false;
		count_mapped(virtgpu, blob);
	}
	pthread_mutex_unlock(&virtgpu->blobs_lock);
}

bool vmb_blob_is_imported(struct vmb_virtgpu *virtgpu, uint32_t handle)
{
	pthread_mutex_lock(&virtgpu->blobs_lock);
	const struct vmb_blob *blob = vmb_map_find(&virtgpu->blobs, handle);
	bool is_imported = blob && blob->is_imported;
	pthread_mutex_unlock(&virtgpu->blobs_lock);
	return is_imported;
}

void vmb_blob_remove(struct vmb_virtgpu *virtgpu, uint32_t handle)
{
	pthread_mutex_lock(&virtgpu->blobs_lock);
	struct vmb_blob *blob = vmb_map_remove(&virtgpu->blobs, handle);
	if (blob) {
		blob_destroy(virtgpu, blob);
	}
	pthread_mutex_unlock(&virtgpu->blobs_lock);
}

void vmb_blobs_clear(struct vmb_virtgpu *virtgpu)
{
	struct vmb_blob *blob;

	pthread_mutex_lock(&virtgpu->blobs_lock);
	while ((blob = vmb_map_pop(&virtgpu->blobs))) {
		blob_destroy(virtgpu, blob);
	}
	pthread_mutex_unlock(&virtgpu->blobs_lock);
}
