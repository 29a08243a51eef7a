/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_VM_OTHER_H
#define VMB_TEST_VM_OTHER_H

/*
 * The guest's other DRM device. It is only there while it is open: Venus does not come up in a
 * guest that has two of these.
 */
int other_device_open(void);
void other_device_close(int fd);

/* What the kernel mapped for the device, by its DMA events; 0 if nothing. */
struct other_mapping {
	unsigned long long address; /* physical */
	unsigned long long size;
};

/* Has the device import a dma-buf. It may refuse, once it has seen the addresses. */
int other_device_import(int fd, int dma_buf, struct other_mapping *mapping);

#endif
