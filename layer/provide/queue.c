/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* pthread_setname_np */
#include "provide/queue.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "provide/resource.h"
#include "vk/allocator.h"

/* How long a worker waits before it looks whether it shall stop. */
#define GATE_SLICE_NS UINT64_C(50000000)

struct vmb_job *vmb_job_create(void)
{
	/* Not cleared: the plan's inline ops are most of it. */
	struct vmb_job *job = malloc(sizeof(*job));

	if (job) {
		job->next = NULL;
		job->waits = false;
		job->value = 0;
		job->holds = false;
		job->origin = (struct vmb_trace_origin){ 0 };
		vmb_plan_init(&job->plan);
	}
	return job;
}

static struct vmb_resource *resource_of(const struct vmb_op *op)
{
	return (struct vmb_resource *)(uintptr_t)op->space;
}

/* The ops of one resource follow each other in a merged plan: the end of those that start there. */
static size_t end_of_space(const struct vmb_plan *plan, size_t start)
{
	size_t end = start + 1;

	while (end < plan->count && plan->ops[end].space == plan->ops[start].space) {
		end++;
	}
	return end;
}

void vmb_job_hold(struct vmb_job *job)
{
	for (size_t i = 0; i < job->plan.count; i = end_of_space(&job->plan, i)) {
		vmb_resource_ref(resource_of(&job->plan.ops[i]));
	}
	job->holds = true;
}

static void release_job(struct vmb_job *job)
{
	if (!job->holds) {
		return;
	}
	job->holds = false;
	for (size_t i = 0; i < job->plan.count; i = end_of_space(&job->plan, i)) {
		vmb_resource_unref(resource_of(&job->plan.ops[i]));
	}
}

void vmb_job_destroy(struct vmb_job *job)
{
	if (!job) {
		return;
	}
	release_job(job);
	vmb_plan_finish(&job->plan);
	free(job);
}

int vmb_queue_execute(struct vmb_device *device, const struct vmb_plan *plan)
{
	size_t start = 0;

	while (start < plan->count) {
		const struct vmb_op *ops = &plan->ops[start];
		size_t end = end_of_space(plan, start);
		size_t done;

		int ret = device->vm->impl->execute(device->vm, ops, end - start, &done);
		vmb_resource_executed(resource_of(ops), ops, done);
		if (ret < 0) {
			return ret;
		}
		start = end;
	}
	vmb_trace_add(device->trace, VMB_TRACE_OPS_SAVED, (int64_t)plan->asked);
	return 0;
}

static int wait_for_gate(struct vmb_queue *queue, const struct vmb_job *job, uint64_t timeout_ns)
{
	const struct vmb_point gate = { queue->gate_timeline, job->value };
	struct vmb_vm *vm = queue->device->vm;

	return vm->impl->wait(vm, &gate, VMB_POINT_AVAILABLE, timeout_ns);
}

bool vmb_queue_may_submit(struct vmb_queue *queue, const struct vmb_job *job)
{
	return vmb_queue_is_idle(queue) && (!job->waits || wait_for_gate(queue, job, 0) == 0);
}

int vmb_queue_submit(struct vmb_queue *queue, const struct vmb_job *job)
{
	const struct vmb_point gate = { queue->gate_timeline, job->value };
	const struct vmb_point done = { queue->done_timeline, job->value };
	struct vmb_device *device = queue->device;
	const struct vmb_plan *plan = &job->plan;

	pthread_mutex_lock(&device->submit_lock);
	int ret = device->vm->impl->submit(
		device->vm, plan->ops, plan->count, job->waits ? &gate : NULL, &done);
	for (size_t i = 0; ret == 0 && i < plan->count; i = end_of_space(plan, i)) {
		resource_of(&plan->ops[i])->last_bind = done;
	}
	pthread_mutex_unlock(&device->submit_lock);

	if (ret == 0) {
		vmb_trace_add(device->trace, VMB_TRACE_OPS_SAVED, (int64_t)plan->asked);
	}
	for (size_t i = 0, end; ret == 0 && i < plan->count; i = end) {
		end = end_of_space(plan, i);
		vmb_resource_executed(resource_of(&plan->ops[i]), &plan->ops[i], end - i);
	}
	return ret;
}

static bool is_to_stop(const struct vmb_queue *queue)
{
	return vmb_device_is_lost(queue->device) ||
		atomic_load_explicit(&queue->stop, memory_order_relaxed);
}

/* False if the job is to be dropped. */
static bool pass_gate(struct vmb_queue *queue, const struct vmb_job *job)
{
	struct vmb_device *device = queue->device;
	const VkSemaphoreWaitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &queue->gate,
		.pValues = &job->value,
	};
	VkResult result = job->waits ? VK_TIMEOUT : VK_SUCCESS;

	while (result == VK_TIMEOUT && !is_to_stop(queue)) {
		result = device->next.WaitSemaphores(device->handle, &wait, GATE_SLICE_NS);
	}
	if (result < VK_SUCCESS) {
		vmb_device_lose(device, "the driver refused a wait", -EIO);
	}
	return result == VK_SUCCESS;
}

static VkResult signal_done(struct vmb_queue *queue, const struct vmb_job *job)
{
	struct vmb_device *device = queue->device;
	const VkSemaphoreSignalInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = queue->done,
		.value = job->value,
	};

	return device->next.SignalSemaphore(device->handle, &signal);
}

/* If anything fails done is not signaled: what the batch should have signaled stays unsignaled. */
static void execute_job(struct vmb_queue *queue, struct vmb_job *job)
{
	struct vmb_device *device = queue->device;

	if (!pass_gate(queue, job) || vmb_device_is_lost(device)) {
		return;
	}
	int ret = vmb_queue_execute(device, &job->plan);
	if (ret < 0) {
		vmb_device_lose(device, "a sparse bind failed", ret);
		return;
	}
	/* From the signal on the application may destroy them, and expects them gone then. */
	release_job(job);
	if (signal_done(queue, job) != VK_SUCCESS) {
		vmb_device_lose(device, "a sparse bind could not be signaled", -EIO);
	}
}

/* Gives the kernel a job once it may. -ECANCELED if it is to be dropped before. */
static int submit_in_time(struct vmb_queue *queue, const struct vmb_job *job)
{
	int ret = job->waits ? -ETIME : 0;

	while (ret == -ETIME && !is_to_stop(queue)) {
		ret = wait_for_gate(queue, job, GATE_SLICE_NS);
	}
	if (is_to_stop(queue)) {
		return -ECANCELED;
	}
	return ret < 0 ? ret : vmb_queue_submit(queue, job);
}

/*
 * If anything fails the device is lost, and then done is signaled all the same: nobody can take it for
 * a success any more, and nobody has to wait for ever for what the kernel was never given.
 */
static void submit_job(struct vmb_queue *queue, struct vmb_job *job)
{
	int ret = submit_in_time(queue, job);

	if (ret < 0 && ret != -ECANCELED) {
		vmb_device_lose(queue->device, "a sparse bind failed", ret);
	}
	release_job(job);
	if (ret < 0) {
		signal_done(queue, job);
	}
}

static void run_job(struct vmb_queue *queue, struct vmb_job *job)
{
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, queue->device->trace, "batch");
	slice.origin = job->origin;
	if (vmb_vm_is_async(queue->device->vm)) {
		submit_job(queue, job);
	} else {
		execute_job(queue, job);
	}
	vmb_trace_end(&slice);
}

static void *work(void *data)
{
	struct vmb_queue *queue = data;

	pthread_setname_np(pthread_self(), "vmbind-bind");
	vmb_trace_thread(queue->device->trace, "vmbind-bind");
	pthread_mutex_lock(&queue->jobs_lock);
	for (;;) {
		while (!queue->first && !queue->stop) {
			pthread_cond_wait(&queue->jobs_changed, &queue->jobs_lock);
		}
		struct vmb_job *job = queue->first;
		if (!job) {
			break;
		}
		queue->first = job->next;
		if (!queue->first) {
			queue->last = &queue->first;
		}
		pthread_mutex_unlock(&queue->jobs_lock);

		run_job(queue, job);
		vmb_job_destroy(job);

		pthread_mutex_lock(&queue->jobs_lock);
		queue->pending--;
		pthread_cond_broadcast(&queue->jobs_changed);
	}
	pthread_mutex_unlock(&queue->jobs_lock);
	return NULL;
}

static struct vmb_queue *create_queue(struct vmb_device *device, VkQueue handle)
{
	struct vmb_queue *queue = calloc(1, sizeof(*queue));

	if (!queue) {
		return NULL;
	}
	queue->handle = handle;
	queue->device = device;
	queue->last = &queue->first;
	pthread_mutex_init(&queue->jobs_lock, NULL);
	pthread_cond_init(&queue->jobs_changed, NULL);
	return queue;
}

struct vmb_queue *vmb_queue_get(struct vmb_device *device, VkQueue handle)
{
	pthread_mutex_lock(&device->queues_lock);
	struct vmb_queue *queue = device->queues;
	while (queue && queue->handle != handle) {
		queue = queue->next;
	}
	if (!queue) {
		queue = create_queue(device, handle);
		if (queue) {
			queue->next = device->queues;
			device->queues = queue;
		}
	}
	pthread_mutex_unlock(&device->queues_lock);
	return queue;
}

void vmb_queue_stop(struct vmb_queue *queue)
{
	if (queue->has_worker) {
		pthread_mutex_lock(&queue->jobs_lock);
		atomic_store_explicit(&queue->stop, true, memory_order_relaxed);
		pthread_cond_broadcast(&queue->jobs_changed);
		pthread_mutex_unlock(&queue->jobs_lock);
		pthread_join(queue->worker, NULL);
	}
}

static void forget_timeline(struct vmb_vm *vm, uint32_t timeline)
{
	if (timeline) {
		vm->impl->forget_timeline(vm, timeline);
	}
}

void vmb_queue_destroy(struct vmb_queue *queue)
{
	struct vmb_device *device = queue->device;

	forget_timeline(device->vm, queue->gate_timeline);
	forget_timeline(device->vm, queue->done_timeline);
	/* A lost device's queue may still wait for them. */
	if (!vmb_device_is_stuck(device)) {
		device->next.DestroySemaphore(device->handle, queue->gate, &vmb_allocator);
		device->next.DestroySemaphore(device->handle, queue->done, &vmb_allocator);
	}
	pthread_cond_destroy(&queue->jobs_changed);
	pthread_mutex_destroy(&queue->jobs_lock);
	free(queue);
}

bool vmb_queue_is_idle(struct vmb_queue *queue)
{
	pthread_mutex_lock(&queue->jobs_lock);
	bool idle = queue->pending == 0;
	pthread_mutex_unlock(&queue->jobs_lock);
	return idle;
}

static VkResult create_timeline(struct vmb_device *device, VkSemaphore *out)
{
	const VkExportSemaphoreCreateInfo shared = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
		.handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.pNext = vmb_vm_is_async(device->vm) ? &shared : NULL,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkSemaphoreCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};

	return device->next.CreateSemaphore(device->handle, &info, &vmb_allocator, out);
}

/* Has the VM name a timeline. */
static VkResult share_timeline(struct vmb_device *device, VkSemaphore semaphore, uint32_t *timeline)
{
	const VkSemaphoreGetFdInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
		.semaphore = semaphore,
		.handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT,
	};
	int fd;

	VkResult result = device->next.GetSemaphoreFdKHR(device->handle, &info, &fd);
	if (result != VK_SUCCESS) {
		return result;
	}
	int ret = device->vm->impl->import_timeline(device->vm, fd, timeline);
	close(fd);
	return ret == 0 ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* What an earlier try has made is used. */
static VkResult make_timeline(struct vmb_device *device, VkSemaphore *semaphore, uint32_t *timeline)
{
	VkResult result = *semaphore ? VK_SUCCESS : create_timeline(device, semaphore);

	if (result != VK_SUCCESS) {
		*semaphore = VK_NULL_HANDLE;
		return result;
	}
	return *timeline || !vmb_vm_is_async(device->vm)
		? VK_SUCCESS
		: share_timeline(device, *semaphore, timeline);
}

VkResult vmb_queue_make_timelines(struct vmb_queue *queue)
{
	VkResult result = make_timeline(queue->device, &queue->gate, &queue->gate_timeline);

	return result == VK_SUCCESS
		? make_timeline(queue->device, &queue->done, &queue->done_timeline)
		: result;
}

/* Signals are for the application's threads. */
static bool create_thread(struct vmb_queue *queue)
{
	sigset_t all;
	sigset_t before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	queue->has_worker = pthread_create(&queue->worker, NULL, work, queue) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return queue->has_worker;
}

VkResult vmb_queue_start_worker(struct vmb_queue *queue)
{
	return queue->has_worker || create_thread(queue) ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

void vmb_queue_push(struct vmb_queue *queue, struct vmb_job *job)
{
	pthread_mutex_lock(&queue->jobs_lock);
	*queue->last = job;
	queue->last = &job->next;
	queue->pending++;
	pthread_cond_broadcast(&queue->jobs_changed);
	pthread_mutex_unlock(&queue->jobs_lock);
}

void vmb_queue_drain(struct vmb_queue *queue)
{
	pthread_mutex_lock(&queue->jobs_lock);
	while (queue->pending) {
		pthread_cond_wait(&queue->jobs_changed, &queue->jobs_lock);
	}
	pthread_mutex_unlock(&queue->jobs_lock);
}
