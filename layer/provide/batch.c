/* SPDX-License-Identifier: MIT */
#include "provide/batch.h"

#include <stdlib.h>

#include "provide/resource.h"

struct vmb_batch *vmb_batch_create(void)
{
	/* No calloc(): the plan's inline ops are large and need no zeros. */
	struct vmb_batch *batch = malloc(sizeof(*batch));

	if (batch) {
		batch->next = NULL;
		batch->gated = false;
		batch->value = 0;
		batch->holds_resources = false;
		batch->origin = (struct vmb_trace_origin){ 0 };
		vmb_plan_init(&batch->plan);
	}
	return batch;
}

void vmb_batch_destroy(struct vmb_batch *batch)
{
	if (!batch) {
		return;
	}
	vmb_batch_release_resources(batch);
	vmb_plan_finish(&batch->plan);
	free(batch);
}

static struct vmb_resource *resource_of(const struct vmb_op *op)
{
	return (struct vmb_resource *)(uintptr_t)op->resource;
}

/* Returns the end of the ops of one resource that begin at start. In a merged plan the ops of one
 * resource are consecutive. */
static size_t end_of_resource(const struct vmb_plan *plan, size_t start)
{
	size_t end = start + 1;

	while (end < plan->count && plan->ops[end].resource == plan->ops[start].resource) {
		end++;
	}
	return end;
}

void vmb_batch_hold_resources(struct vmb_batch *batch)
{
	for (size_t i = 0; i < batch->plan.count; i = end_of_resource(&batch->plan, i)) {
		vmb_resource_ref(resource_of(&batch->plan.ops[i]));
	}
	batch->holds_resources = true;
}

void vmb_batch_release_resources(struct vmb_batch *batch)
{
	if (!batch->holds_resources) {
		return;
	}
	batch->holds_resources = false;
	for (size_t i = 0; i < batch->plan.count; i = end_of_resource(&batch->plan, i)) {
		vmb_resource_unref(resource_of(&batch->plan.ops[i]));
	}
}

int vmb_batch_execute(struct vmb_provide *provide, const struct vmb_batch *batch)
{
	const struct vmb_plan *plan = &batch->plan;
	size_t start = 0;

	while (start < plan->count) {
		const struct vmb_op *ops = &plan->ops[start];
		size_t end = end_of_resource(plan, start);
		size_t done;

		int ret = provide->vm->impl->execute(provide->vm, ops, end - start, &done);
		vmb_resource_executed(resource_of(ops), ops, done);
		if (ret < 0) {
			return ret;
		}
		start = end;
	}
	vmb_trace_add(provide->trace, VMB_TRACE_OPS_SAVED, (int64_t)plan->asked);
	return 0;
}

int vmb_batch_submit(struct vmb_provide *provide, const struct vmb_batch *batch,
	const struct vmb_point *wait, const struct vmb_point *done)
{
	const struct vmb_plan *plan = &batch->plan;

	pthread_mutex_lock(&provide->submit_lock);
	int ret = provide->vm->impl->submit(provide->vm, plan->ops, plan->count, wait, done);
	for (size_t i = 0; ret == 0 && i < plan->count; i = end_of_resource(plan, i)) {
		resource_of(&plan->ops[i])->last_bind = *done;
	}
	pthread_mutex_unlock(&provide->submit_lock);

	if (ret < 0) {
		return ret;
	}
	vmb_trace_add(provide->trace, VMB_TRACE_OPS_SAVED, (int64_t)plan->asked);
	for (size_t i = 0, end; i < plan->count; i = end) {
		end = end_of_resource(plan, i);
		vmb_resource_executed(resource_of(&plan->ops[i]), &plan->ops[i], end - i);
	}
	return 0;
}
