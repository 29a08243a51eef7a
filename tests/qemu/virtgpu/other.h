/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_QEMU_OTHER_H
#define VMB_TEST_QEMU_OTHER_H

/*
 * The guest's second virtio-gpu. The device is on the bus only while it is open: Venus does not
 * initialize in a guest with two of them.
 */
int other_device_open(void);
void other_device_close(int fd);

/* The DMA mapping that the kernel's trace events report; 0 if there is none. */
struct other_mapping {
	unsigned long long address; /* physical */
	unsigned long long size;
};

/* Imports a dma-buf into the device. The driver may refuse the import after the DMA mapping. */
int other_device_import(int fd, int dma_buf, struct other_mapping *mapping);

#endif
