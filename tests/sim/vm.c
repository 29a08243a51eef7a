/* SPDX-License-Identifier: MIT */
#include "vm.h"

#include <stdlib.h>

struct vmb_sim_vm *vmb_sim_vm_ref(struct vmb_sim_vm *vm)
{
	vm->refs++;
	return vm;
}

void vmb_sim_vm_unref(struct vmb_sim_vm *vm)
{
	if (--vm->refs) {
		return;
	}
	vmb_sim_gpuvm_finish(&vm->map);
	vmb_sim_handles_finish(&vm->heaps);
	free(vm);
}
