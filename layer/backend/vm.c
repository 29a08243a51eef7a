/* SPDX-License-Identifier: MIT */
#include "backend/vm.h"

#include <assert.h>

static bool is_complete(const struct vmb_vm_interface *impl)
{
	bool imports = impl->reserve && impl->memory_create;
	bool captures = impl->capture_begin && impl->capture_memory && impl->capture_reservation;
	bool submits = impl->submit && impl->import_timeline && impl->forget_timeline && impl->wait;

	return impl->destroy && impl->release && impl->memory_destroy && imports != captures &&
		submits != (impl->execute != NULL);
}

void vmb_vm_init(struct vmb_vm *vm, const struct vmb_vm_interface *impl, uint64_t granularity,
	struct vmb_trace *trace)
{
	(void)is_complete;
	assert(is_complete(impl));
	vm->impl = impl;
	vm->granularity = granularity;
	vm->trace = trace;
}
