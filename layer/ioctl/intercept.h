/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_INTERCEPT_H
#define VMB_IOCTL_INTERCEPT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/panthor/translator.h"
#include "virtgpu/translator.h"

/*
 * The tap: sees the ioctls of a Vulkan driver, and has those that concern us translated. It stands
 * in the slots that libdrm and the driver call ioctl through (hook.h).
 *
 * A tap belongs to one VkDevice and to the file descriptor that its driver works on. It learns the
 * descriptor in a scope: what a thread's driver does between vmb_scope_begin and vmb_scope_end is
 * what the layer asked it for. Handles are names within an open file, so everything that is known of
 * a handle is known of the tap that has the descriptor, or where several devices share one, of what their
 * taps share.
 *
 * Errors are negative errno values. All functions may be called from any thread.
 */
enum vmb_tap_kind {
	VMB_TAP_PANTHOR,
	VMB_TAP_VIRTGPU,
};

struct vmb_tap {
	/* What the driver works on, negative until it is known; not ours to close. Other threads read it to
	 * find their tap. */
	_Atomic int fd;
	/* In the list of all taps, for good: a tap that goes is used again for one of its kind, so that
	 * other threads may walk the list at any time. */
	struct vmb_tap *next;
	enum vmb_tap_kind kind;
	bool used;
	/* Of what the driver and the layer send, NULL if nobody asked for it. To be set before the tap
	 * is live. */
	struct vmb_trace *trace;
	struct vmb_panthor panthor;
	/* Shared by the taps of one descriptor; NULL until that is known. Other threads may find the file of
	 * the tap's next user here: it says itself which descriptor it is of. */
	_Atomic(struct vmb_virtgpu *) virtgpu;
	struct vmb_virtgpu_driver driver;
};

/* Begins to look at ioctls for panthor's. */
int vmb_tap_create(struct vmb_tap **out);
/* Begins to look at ioctls for virtio_gpu's. Of the driver the wish and the types are what counts. */
int vmb_tap_create_virtgpu(const struct vmb_virtgpu_driver *driver, struct vmb_tap **out);
/* To be called while the driver still has its descriptor. Accepts NULL. */
void vmb_tap_destroy(struct vmb_tap *tap);

/* Whether the driver was seen to open its device, and the kernel's driver is one we know. */
static inline bool vmb_tap_is_live(const struct vmb_tap *tap)
{
	return atomic_load_explicit(&tap->fd, memory_order_acquire) >= 0;
}

enum vmb_scope_kind {
	/* vkCreateDevice: tells the descriptor and panthor's VM. */
	VMB_SCOPE_DEVICE,
	/* A sparse resource is created: what maps its range to nothing is held back, and sent as one
	 * op in the end. */
	VMB_SCOPE_SPARSE,
	/* vkAllocateMemory: tells the BO; blobs of virtio_gpu's may be deferred. */
	VMB_SCOPE_MEMORY,
	/* Memory is mapped: tells whether there was room on virtio_gpu. */
	VMB_SCOPE_MAP,
	/* vkAllocateMemory of a reservation: gets addresses, but next to no memory. */
	VMB_SCOPE_RESERVE,
	/* The same, to see whether there are such addresses: nothing is mapped. */
	VMB_SCOPE_MEASURE,
};

/* What the driver does for one call of the layer, on one thread. Lives on the caller's stack. */
struct vmb_scope {
	enum vmb_scope_kind kind;
	struct vmb_tap *tap;
	struct vmb_scope *outer;
	struct vmb_panthor_scope panthor;
	struct vmb_virtgpu_scope virtgpu; /* its memory_type is set by who begins */
};

void vmb_scope_begin(struct vmb_scope *scope, struct vmb_tap *tap, enum vmb_scope_kind kind);
/* Sends what was held back: the call has failed if this does. */
int vmb_scope_end(struct vmb_scope *scope);

#endif
