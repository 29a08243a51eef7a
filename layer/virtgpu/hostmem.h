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
 * The layer probes with an open file and a context of its own, and so changes no state of the
 * driver. Sizes are in bytes, errors are negative errno values.
 */

/* The system functions that virtgpu/ uses. Tests pass simulated ones. All are mandatory, except in
 * the helper program. */
struct vmb_system_ops {
	/* Opens the same device again. The caller closes the descriptor. */
	int (*reopen)(int fd);
	/* 0 if the size is not known. */
	uint64_t (*hostmem_size)(int fd);
	/* Whether the kernel is older than Linux 7.3, the first release with the hint. */
	bool (*is_older)(void);
	uint64_t (*now_ms)(void); /* CLOCK_MONOTONIC */
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
	uint64_t unit; /* every blob size is a multiple of this */
	uint32_t capset; /* of the probes' contexts; 0 if the device has no suitable one */
	int fd; /* the layer's own open file */
	bool has_context; /* on that file */
	/* When a blob was last closed. The kernel frees its range a few milliseconds later. */
	_Atomic uint64_t freed_at_ms;
	_Atomic bool was_freed; /* freed_at_ms is valid */
};

/* Opens the device of fd again. The caller keeps fd. Fails only if the device cannot be opened. */
int vmb_hostmem_init(struct vmb_hostmem *hostmem, const struct vmb_system_ops *system,
	vmb_ioctl_fn ioctl, int fd);
void vmb_hostmem_finish(struct vmb_hostmem *hostmem);

/*
 * Creates a blob larger than hostmem with the hint. A kernel that ignores the hint refuses the
 * blob; a kernel that honours the hint creates it without a range. If the test fails for another
 * reason, an older kernel gives VMB_HONOURED_NO, and any other VMB_HONOURED_UNKNOWN. One thread at
 * a time, as for vmb_hostmem_probe.
 */
enum vmb_honoured vmb_hostmem_honoured(struct vmb_hostmem *hostmem);
const char *vmb_honoured_name(enum vmb_honoured honoured);

/*
 * Whether hostmem has a free range of this size: creates a blob and closes it. 0, or -ENOSPC if
 * hostmem is full; another error if the probe failed.
 */
int vmb_hostmem_probe(struct vmb_hostmem *hostmem, uint64_t size);

/* Records that the caller has closed a blob that may have had a range. Any thread. */
void vmb_hostmem_freed(struct vmb_hostmem *hostmem);
/* Whether the kernel may still be freeing the range of the last closed blob. Any thread. */
bool vmb_hostmem_is_settling(const struct vmb_hostmem *hostmem);

#endif
