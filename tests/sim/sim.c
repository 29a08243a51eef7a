/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "errnos.h"
#include "files.h"
#include "kernel.h"
#include "stream.h"
#include "uapi/panthor.h"
#include "vm.h"

struct request {
	const char *name; /* in the op stream and in faults */
	unsigned long number;
	unsigned minor; /* of the first driver version that has the request */
	int (*run)(struct vmb_sim_call *call, void *argument);
	vmb_sim_describe *describe; /* NULL: the line has no further members */
};

#define CORE(NAME, name, describe) \
	{ \
#name, DRM_IOCTL_##NAME, 0, vmb_sim_##name, describe \
	}
#define DRIVER(NAME, name, minor, describe) \
	{ \
#name, DRM_IOCTL_PANTHOR_##NAME, minor, vmb_sim_##name, describe \
	}

/* clang-format off */
static const struct request requests[] = {
	CORE(VERSION, version, NULL),
	CORE(GET_CAP, get_cap, NULL),
	CORE(GEM_CLOSE, gem_close, vmb_sim_describe_gem_close),
	CORE(PRIME_HANDLE_TO_FD, prime_handle_to_fd, vmb_sim_describe_prime_handle),
	CORE(PRIME_FD_TO_HANDLE, prime_fd_to_handle, vmb_sim_describe_prime_handle),
	CORE(SYNCOBJ_CREATE, syncobj_create, vmb_sim_describe_syncobj_create),
	CORE(SYNCOBJ_DESTROY, syncobj_destroy, vmb_sim_describe_syncobj_destroy),
	CORE(SYNCOBJ_HANDLE_TO_FD, syncobj_handle_to_fd, vmb_sim_describe_syncobj_handle),
	CORE(SYNCOBJ_FD_TO_HANDLE, syncobj_fd_to_handle, vmb_sim_describe_syncobj_handle),
	CORE(SYNCOBJ_WAIT, syncobj_wait, vmb_sim_describe_syncobj_wait),
	CORE(SYNCOBJ_RESET, syncobj_reset, vmb_sim_describe_syncobj_array),
	CORE(SYNCOBJ_SIGNAL, syncobj_signal, vmb_sim_describe_syncobj_array),
	CORE(SYNCOBJ_TIMELINE_WAIT, syncobj_timeline_wait, vmb_sim_describe_syncobj_timeline_wait),
	CORE(SYNCOBJ_QUERY, syncobj_query, vmb_sim_describe_syncobj_timeline_array),
	CORE(SYNCOBJ_TRANSFER, syncobj_transfer, vmb_sim_describe_syncobj_transfer),
	CORE(SYNCOBJ_TIMELINE_SIGNAL, syncobj_timeline_signal, vmb_sim_describe_syncobj_timeline_array),
	DRIVER(DEV_QUERY, dev_query, 0, vmb_sim_describe_dev_query),
	DRIVER(VM_CREATE, vm_create, 0, vmb_sim_describe_vm_create),
	DRIVER(VM_DESTROY, vm_destroy, 0, vmb_sim_describe_vm_destroy),
	DRIVER(VM_BIND, vm_bind, 0, vmb_sim_describe_vm_bind),
	DRIVER(VM_GET_STATE, vm_get_state, 0, NULL),
	DRIVER(BO_CREATE, bo_create, 0, vmb_sim_describe_bo_create),
	DRIVER(BO_MMAP_OFFSET, bo_mmap_offset, 0, NULL),
	DRIVER(GROUP_CREATE, group_create, 0, NULL),
	DRIVER(GROUP_DESTROY, group_destroy, 0, NULL),
	DRIVER(GROUP_SUBMIT, group_submit, 0, vmb_sim_describe_group_submit),
	DRIVER(GROUP_GET_STATE, group_get_state, 0, NULL),
	DRIVER(TILER_HEAP_CREATE, tiler_heap_create, 0, NULL),
	DRIVER(TILER_HEAP_DESTROY, tiler_heap_destroy, 0, NULL),
	DRIVER(BO_SET_LABEL, bo_set_label, 4, NULL),
	DRIVER(SET_USER_MMIO_OFFSET, set_user_mmio_offset, 5, NULL),
	DRIVER(BO_SYNC, bo_sync, 7, NULL),
	DRIVER(BO_QUERY_INFO, bo_query_info, 7, NULL),
};
/* clang-format on */

int vmb_sim_create(const struct vmb_sim_config *config, struct vmb_sim **created)
{
	struct vmb_sim *sim = vmb_sim_alloc(sizeof(*sim));
	if (config->faults && vmb_sim_faults_parse(&sim->faults, config->faults)) {
		free(sim);
		return -EINVAL;
	}
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&sim->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&sim->lock, NULL);
	sim->minor = config->minor;
	sim->gpu_id = config->gpu_id;
	sim->stream = config->stream;
	/* The high start distinguishes mmap offsets from offsets in a BO. */
	sim->next_mmap_offset = UINT64_C(1) << 32;
	*created = sim;
	return 0;
}

void vmb_sim_destroy(struct vmb_sim *sim)
{
	if (!sim) {
		return;
	}
	while (sim->files) {
		vmb_sim_file_destroy(sim->files);
	}
	/* The queues of destroyed VMs: their jobs wait for fences that were never signalled. */
	while (sim->queues) {
		vmb_sim_queue_cancel(sim, sim->queues);
	}
	vmb_sim_exports_finish(sim);
	vmb_sim_faults_finish(&sim->faults);
	pthread_cond_destroy(&sim->changed);
	pthread_mutex_destroy(&sim->lock);
	free(sim);
}

struct vmb_sim_file *vmb_sim_open(struct vmb_sim *sim)
{
	struct vmb_sim_file *file = vmb_sim_alloc(sizeof(*file));
	pthread_mutex_lock(&sim->lock);
	file->sim = sim;
	file->id = ++sim->last_file;
	file->next = sim->files;
	sim->files = file;
	pthread_mutex_unlock(&sim->lock);
	return file;
}

void vmb_sim_close(struct vmb_sim_file *file)
{
	struct vmb_sim *sim = file->sim;
	pthread_mutex_lock(&sim->lock);
	vmb_sim_file_destroy(file);
	pthread_mutex_unlock(&sim->lock);
}

/* Compares only the number: the size of the caller's argument may differ. */
static const struct request *find_request(unsigned long number)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		if (_IOC_NR(requests[i].number) == _IOC_NR(number)) {
			return &requests[i];
		}
	}
	return NULL;
}

static void write_line(const struct request *request, const struct vmb_sim_call *call, int fd,
	int result, const void *before, const void *after)
{
	if (call->sim->stream < 0) {
		return;
	}
	struct vmb_sim_text line = { 0 };
	vmb_sim_text_add(&line, "{\"ioctl\":\"%s\",\"fd\":%d,\"file\":%" PRIu64, request->name, fd,
		call->file->id);
	if (request->describe) {
		request->describe(&line, call, before, after);
	}
	vmb_sim_text_add(&line, ",\"result\":%d,\"errno\":\"%s\"", result ? -1 : 0,
		vmb_sim_errno_name(-result));
	vmb_sim_stream_write(call->sim, &line);
}

static int run_request(const struct request *request, struct vmb_sim_file *file, int fd,
	const void *before, void *argument)
{
	struct vmb_sim *sim = file->sim;
	struct vmb_sim_call call = { .sim = sim, .file = file, .failed_index = -1 };
	pthread_mutex_lock(&sim->lock);
	int result = vmb_sim_faults_next(&sim->faults, request->name);
	if (!result) {
		result = request->run(&call, argument);
	}
	write_line(request, &call, fd, result, before, argument);
	pthread_mutex_unlock(&sim->lock);
	return result;
}

static bool is_driver_request(unsigned long number)
{
	return _IOC_NR(number) >= DRM_COMMAND_BASE && _IOC_NR(number) < DRM_COMMAND_END;
}

int vmb_sim_ioctl(struct vmb_sim_file *file, int fd, unsigned long number, void *argument)
{
	/* The kernel reads 32 bits. Some callers sign-extend the number. */
	number &= UINT32_MAX;
	if (_IOC_TYPE(number) != DRM_IOCTL_BASE) {
		return -ENOTTY;
	}
	const struct request *request = find_request(number);
	if (!request || request->minor > file->sim->minor) {
		return is_driver_request(number) ? -EINVAL : -ENOSYS;
	}

	/* drm_ioctl() extends a shorter argument with zeros and ignores the rest of a longer
	 * one. */
	uint64_t before[16] = { 0 };
	uint64_t copy[16];
	size_t size = _IOC_SIZE(number);
	if (size > sizeof(before)) {
		return -EINVAL;
	}
	if (number & request->number & IOC_IN) {
		memcpy(before, argument, size);
	}
	memcpy(copy, before, sizeof(copy));
	int result = run_request(request, file, fd, before, copy);
	if (number & request->number & IOC_OUT) {
		memcpy(argument, copy, size);
	}
	return result;
}

int vmb_sim_mmap(struct vmb_sim_file *file, uint64_t offset, uint64_t length, int *memfd)
{
	int result = -EINVAL;
	pthread_mutex_lock(&file->sim->lock);
	for (size_t i = 0; i < file->bos.count; i++) {
		const struct vmb_sim_bo *bo = file->bos.objects[i];
		/* As in drm_gem_mmap(), a mapping starts at the start of the BO. */
		if (bo && bo->mmap_offset && bo->mmap_offset == offset && length <= bo->size) {
			*memfd = bo->memfd;
			result = 0;
			break;
		}
	}
	pthread_mutex_unlock(&file->sim->lock);
	return result;
}

void vmb_sim_hold_gpu(struct vmb_sim *sim, bool hold)
{
	pthread_mutex_lock(&sim->lock);
	sim->gpu_held = hold;
	vmb_sim_run_queues(sim);
	pthread_mutex_unlock(&sim->lock);
}

void vmb_sim_mark(struct vmb_sim *sim, const char *text)
{
	struct vmb_sim_text line = { 0 };
	vmb_sim_text_add(&line, "{\"mark\":");
	vmb_sim_text_add_string(&line, text);
	pthread_mutex_lock(&sim->lock);
	vmb_sim_stream_write(sim, &line);
	pthread_mutex_unlock(&sim->lock);
}

static void write_file_maps(struct vmb_sim_file *file)
{
	for (uint32_t id = 1; id <= file->vms.count; id++) {
		const struct vmb_sim_vm *vm = vmb_sim_file_vm(file, id);
		if (vm) {
			vmb_sim_stream_map(file, id, vm, false);
		}
	}
}

void vmb_sim_write_maps(struct vmb_sim *sim)
{
	pthread_mutex_lock(&sim->lock);
	for (struct vmb_sim_file *file = sim->files; file; file = file->next) {
		write_file_maps(file);
	}
	pthread_mutex_unlock(&sim->lock);
}

static void fill_va(struct vmb_sim_va *va, const struct vmb_sim_file *file,
	const struct vmb_sim_mapping *mapping)
{
	*va = (struct vmb_sim_va){
		.va = mapping->va,
		.size = mapping->size,
		.sparse = !mapping->bo,
		.bo = mapping->bo ? vmb_sim_handles_find(&file->bos, mapping->bo) : 0,
		.bo_id = mapping->bo ? mapping->bo->id : 0,
		.offset = mapping->offset,
		.flags = mapping->flags,
	};
}

int vmb_sim_vm_map(
	struct vmb_sim_file *file, uint32_t id, bool merged, struct vmb_sim_va **vas, size_t *count)
{
	pthread_mutex_lock(&file->sim->lock);
	const struct vmb_sim_vm *vm = vmb_sim_file_vm(file, id);
	if (vm) {
		struct vmb_sim_mapping *mappings;
		*count = vmb_sim_gpuvm_list(&vm->map, merged, &mappings);
		*vas = vmb_sim_alloc(*count * sizeof(**vas));
		for (size_t i = 0; i < *count; i++) {
			fill_va(&(*vas)[i], file, &mappings[i]);
		}
		free(mappings);
	}
	pthread_mutex_unlock(&file->sim->lock);
	return vm ? 0 : -EINVAL;
}
