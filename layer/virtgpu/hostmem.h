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
 * The hostmem of a virtio-gpu: the range of addresses (a PCI BAR, "hostmem" in QEMU) that memory of
 * the host is seen through in the guest. A blob takes a contiguous part of it from its creation, or
 * where that is deferred from its first mapping, until it is closed.
 *
 * What is to be known of it is found out on a context of the layer's own, on an open file of its
 * own, so that nothing of the driver's is touched. Sizes are in bytes, errors negative errno
 * values.
 */

/* What the layer needs of the system for this; tests put a simulated one in its place. */
struct vmb_system_ops {
	/* Another open file of the same device, to be closed with close(); negative errno. */
	int (*reopen)(int fd);
	/* 0 if it is not known. */
	uint64_t (*hostmem_size)(int fd);
	/* Whether the kernel is older than Linux 7.3, the first with the hint. */
	bool (*is_older)(void);
	uint64_t (*now_ms)(void); /* of a clock that never goes back */
	void (*sleep_ms)(unsigned ms);
	/* As vmb_helper_find, vmb_helper_run and vmb_helper_is_blocked_on in helper.h. */
	int (*find_helper)(char *path, size_t size);
	int (*run_helper)(const char *path, int dmabuf, dev_t device, unsigned timeout_ms);
	bool (*is_blocked_on)(int dmabuf);
};

extern const struct vmb_system_ops vmb_system_linux;

/* Whether the kernel does what the hint to defer a mapping asks for; older ones ignore it. */
enum vmb_honoured {
	VMB_HONOURED_UNKNOWN,
	VMB_HONOURED_NO,
	VMB_HONOURED_YES,
};

struct vmb_hostmem {
	/* Constant. */
	const struct vmb_system_ops *system;
	vmb_ioctl_fn ioctl;
	dev_t device; /* whose hostmem it is */
	uint64_t size; /* 0 if it is not known */
	uint64_t unit; /* sizes of blobs are multiples of it */
	uint32_t
		/* of the contexts that it is probed on; 0 if the device has none that would do */
		capset;
	int fd; /* the layer's own open file */
	bool has_context; /* on that file */
	/* When something of it was last given back: the kernel has that a little later only. */
	_Atomic uint64_t freed_at_ms;
	_Atomic bool was_freed; /* ever */
};

/*
 * Of the device behind an open file of virtio_gpu's, which is not kept. ioctl is what requests are
 * made through. Fails only if no other file of the device can be opened.
 */
int vmb_hostmem_init(struct vmb_hostmem *hostmem, const struct vmb_system_ops *system,
	vmb_ioctl_fn ioctl, int fd);
void vmb_hostmem_finish(struct vmb_hostmem *hostmem);

/*
 * Tries it: a blob larger than the hostmem cannot be created, unless its mapping is deferred. Takes
 * nothing of the hostmem. Where that cannot be tried, goes by the kernel's release, and then never
 * says yes. Not to be called by two threads at once, as vmb_hostmem_probe.
 */
enum vmb_honoured vmb_hostmem_honoured(struct vmb_hostmem *hostmem);
const char *vmb_honoured_name(enum vmb_honoured honoured);

/*
 * Whether there is a part of the hostmem left for a blob of this size: takes it, and gives it back.
 * 0, or -ENOSPC; other errors if it cannot be said.
 */
int vmb_hostmem_probe(struct vmb_hostmem *hostmem, uint64_t size);

/* To be called when something that may have taken part of the hostmem was closed. Any thread. */
void vmb_hostmem_freed(struct vmb_hostmem *hostmem);
/* Whether that was so lately that the kernel may still be at it. */
bool vmb_hostmem_is_settling(const struct vmb_hostmem *hostmem);

#endif
