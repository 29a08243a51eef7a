/* SPDX-License-Identifier: MIT */
#include "provide/device.h"

#include <string.h>

#include "provide/executor.h"

void vmb_provide_lose(struct vmb_provide *provide, const char *cause, int error)
{
	vmb_provide_log(provide, VMB_LOG_ERROR, "device lost: %s: %s", cause, strerror(-error));
	atomic_store_explicit(&provide->lost, true, memory_order_release);
}

bool vmb_provide_is_stranded(const struct vmb_provide *provide)
{
	return provide->executor->strands_driver && vmb_provide_is_lost(provide);
}
