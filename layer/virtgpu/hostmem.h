/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_HOSTMEM_H
#define VMB_VIRTGPU_HOSTMEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ioctl/hook.h"

/*
 * The hostmem of a virtio-gpu device: the PCI BAR through which a guest maps host memory. A
 * mappable HOST3D blob takes a contiguous range of hostmem when it is created, or when it is first
 * mapped if its mapping is deferred. The blob keeps the range until it is closed.
 *
 * All questions go to an open file and a context of the layer's own, so that no state of the
 * driver's changes. Sizes are in bytes, errors are negative errno values.
 */

/* The system functions that virtgpu/ uses. Tests pass simulated ones. All are mandatory, except in
 * the helper program. */
struct vmb_system_ops {
	/* Opens the same device again. The caller closes the descriptor. */
	int (*reopen)(int fd);
	/* 0 if the size is not known. */
	uint64_t (*hostmem_size)(int fd);
	/* Whether the kernel's release is below 7.3, the first one with the hint. */
	bool (*is_older)(void);
	uint64_t (*now_ms)(void); /* of a monotonic clock */
	void (*sleep_ms)(unsigned ms);
	/* As vmb_helper_find, vmb_helper_run and vmb_helper_is_blocked_on. */
	int (*find_helper)(char *path, size_t size);
	int (*run_helper)(const char *path, int dmabuf, dev_t device, unsigned timeout_ms);
	bool (*is_blocked_on)(int dmabuf);
};

extern const struct vmb_system_ops vmb_system_linux;

/* Whether the kernel honours the hint to defer a mapping. Older kernels ignore the hint. */
enum vmb_honoured {
	VMB_HONOURED_UNKNOWN,
	VMB_HONOURED_NO,
	VMB_HONOURED_YES,
};

struct vmb_hostmem {
	/* Constant. */
	const struct vmb_system_ops *system;
	vmb_ioctl_fn ioctl;
	dev_t device; /* the render node */
	uint64_t size; /* 0 if it is not known */
	uint64_t unit; /* the size of a blob is a multiple of it */
	uint32_t capset; /* of the contexts for probes; 0 if the device has no suitable one */
	int fd; /* the layer's own open file */
	bool has_context; /* on that file */
	/* When a range was last freed. The kernel gets the range back a few milliseconds later. */
	_Atomic uint64_t freed_at_ms;
	_Atomic bool was_freed; /* ever */
};

/* Opens the device behind fd again; fd itself is not kept. Fails only if that is impossible. */
int vmb_hostmem_init(struct vmb_hostmem *hostmem, const struct vmb_system_ops *system,
	vmb_ioctl_fn ioctl, int fd);
void vmb_hostmem_finish(struct vmb_hostmem *hostmem);

/*
 * Creates a blob larger than hostmem: the kernel refuses the blob unless it defers the mapping. The
 * blob takes no range. If blobs cannot be created, the kernel's release decides, and the result is
 * never VMB_HONOURED_YES. One thread at a time, as for vmb_hostmem_probe.
 */
enum vmb_honoured vmb_hostmem_honoured(struct vmb_hostmem *hostmem);
const char *vmb_honoured_name(enum vmb_honoured honoured);

/*
 * Whether hostmem has a free range of this size: creates a blob and closes it. 0, or -ENOSPC if
 * hostmem is full; another error if the probe failed.
 */
int vmb_hostmem_probe(struct vmb_hostmem *hostmem, uint64_t size);

/* The caller has closed a blob that may have had a range. Any thread. */
void vmb_hostmem_freed(struct vmb_hostmem *hostmem);
/* Whether the kernel may not have the last freed range back yet. Any thread. */
bool vmb_hostmem_is_settling(const struct vmb_hostmem *hostmem);

#endif
