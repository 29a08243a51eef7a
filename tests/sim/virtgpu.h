/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_VIRTGPU_H
#define VMB_SIM_VIRTGPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A simulation of the blobs and hostmem of the kernel driver virtio_gpu of Linux 7.3
 * (virtgpu_vram.c). The program has one device. An open file of the device is a descriptor of
 * /dev/null. A dma-buf is a pipe, which hangs up when the last descriptor of the dma-buf is closed.
 *
 * The simulated clock advances only while the layer sleeps or waits. A closed blob frees its range
 * a little later. The first mapping of a deferred blob takes a range. If hostmem is full, the
 * mapping blocks. Freed ranges do not wake the blocked mapping. The mapping ends when another
 * mapping of the same blob finds room.
 *
 * Requests may come from any thread. All other functions are for one thread.
 */

#define VMB_SIM_GPU_PAGE UINT64_C(4096)

struct vmb_sim_gpu_config {
	uint64_t hostmem; /* bytes */
	bool ignores_hints; /* as before Linux 7.3 */
	bool hides_size; /* sysfs does not show the size of hostmem */
	uint32_t capsets; /* bit mask */
	uint32_t alignment; /* of the size of blobs; 0: none */
	unsigned settling_ms; /* from the close of a blob until its range is free */
	unsigned helper_ms; /* of a helper that does not block */
};

void vmb_sim_gpu_init(const struct vmb_sim_gpu_config *config);
/* Fails the test if files, dma-bufs or blocked helpers are left. */
void vmb_sim_gpu_finish(void);

/* Opens the device, as a driver does. The caller closes the descriptor. */
int vmb_sim_gpu_open(void);
/* ioctl() of the simulated kernel. */
int vmb_sim_gpu_ioctl(int fd, unsigned long request, ...);

/* The members of struct vmb_system_ops. */
int vmb_sim_gpu_reopen(int fd);
uint64_t vmb_sim_gpu_hostmem_size(int fd);
bool vmb_sim_gpu_is_older(void);
uint64_t vmb_sim_gpu_now_ms(void);
void vmb_sim_gpu_sleep_ms(unsigned ms);
int vmb_sim_gpu_find_helper(char *path, size_t size);
int vmb_sim_gpu_run_helper(const char *path, int dmabuf, dev_t device, unsigned timeout_ms);
bool vmb_sim_gpu_is_blocked_on(int dmabuf);

/* The result of an application's mmap(). */
enum vmb_sim_gpu_mmap {
	VMB_SIM_GPU_MAPPED,
	VMB_SIM_GPU_REFUSED, /* by the host */
	VMB_SIM_GPU_WOULD_BLOCK, /* deferred blob: only a helper may map the blob first */
};
enum vmb_sim_gpu_mmap vmb_sim_gpu_map(int fd, uint32_t handle);

/* Requests of one number: the first `good` ones succeed, the next `bad` ones fail. */
struct vmb_sim_gpu_fault {
	unsigned long request; /* 0: any */
	unsigned good;
	unsigned bad;
	int error;
};
void vmb_sim_gpu_fail(const struct vmb_sim_gpu_fault *fault);
/* The number of such requests since vmb_sim_gpu_fail(). */
unsigned vmb_sim_gpu_requests(void);

/* The result of all further helpers: 0 to map, or a negative errno to fail with. With -ECHILD a
 * helper maps the blob, but the layer does not see the helper's exit. */
void vmb_sim_gpu_fail_helpers(int error);
/* Helpers started since vmb_sim_gpu_init(). */
unsigned vmb_sim_gpu_helpers(void);
/* One blocked helper of each blob tries the mapping again. */
void vmb_sim_gpu_retry(void);
/* Sets a function that runs before each helper maps, in place of a faster process. */
void vmb_sim_gpu_before_helper(void (*function)(void));
/* Sets whether the host refuses further first mappings. */
void vmb_sim_gpu_refuse(bool refuses);

/* Bytes of hostmem: used, and in the largest free range. */
uint64_t vmb_sim_gpu_used(void);
uint64_t vmb_sim_gpu_largest(void);
/* Helpers that are blocked now. */
unsigned vmb_sim_gpu_blocked_helpers(void);
/* The hints of the last RESOURCE_CREATE_BLOB. */
uint32_t vmb_sim_gpu_last_hints(void);

#endif
