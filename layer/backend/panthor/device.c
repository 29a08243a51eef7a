/* SPDX-License-Identifier: MIT */
#include "backend/panthor/device.h"

#include "base/json_text.h"

static void write_counter(FILE *out, const char *key, _Atomic uint64_t *counter)
{
	vmb_json_write_number(out, key, atomic_load_explicit(counter, memory_order_relaxed));
}

void vmb_panthor_write_figures(struct vmb_panthor *panthor, FILE *out)
{
	struct vmb_panthor_statistics *statistics = &panthor->statistics;

	write_counter(out, "vm_bind_driver_ioctls", &statistics->driver_ioctls);
	write_counter(out, "vm_bind_driver_ops", &statistics->driver_ops);
	write_counter(out, "vm_bind_sent_ioctls", &statistics->sent_ioctls);
	write_counter(out, "vm_bind_sent_ops", &statistics->sent_ops);
	write_counter(out, "sparse_ranges", &statistics->sparse_ranges);
	write_counter(out, "sparse_bytes", &statistics->sparse_bytes);
}
