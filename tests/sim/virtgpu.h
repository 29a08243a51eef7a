/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_VIRTGPU_H
#define VMB_SIM_VIRTGPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The kernel driver virtio_gpu of Linux 7.3, as far as blobs and the hostmem go: virtgpu_vram.c and
 * what it calls. One device for the whole program. Its files are descriptors of /dev/null, dma-bufs
 * are pipes, so that the system itself tells when the last descriptor of one was closed.
 *
 * Time passes only when somebody sleeps or waits. What is closed gives its room back a little
 * later. The first mapping of a deferred blob takes the room; if there is none it sleeps, whatever
 * is freed later, until another mapping of the same blob finds some.
 *
 * Not thread-safe, but for requests, which take a lock.
 */

#define VMB_SIM_GPU_PAGE UINT64_C(4096)

struct vmb_sim_gpu_config {
	uint64_t hostmem; /* bytes */
	bool ignores_hints; /* as before Linux 7.3 */
	bool hides_size; /* nothing in sysfs says how large the hostmem is */
	uint32_t capsets; /* bit mask */
	uint32_t alignment; /* of blobs; 0: the device has no such rule */
	unsigned settling_ms; /* from the close to the room */
	unsigned helper_ms; /* what a helper takes that does not sleep */
};

void vmb_sim_gpu_init(const struct vmb_sim_gpu_config *config);
/* Fails the test if files, dma-bufs or sleepers are left. */
void vmb_sim_gpu_finish(void);

/* A new open file: what a driver has. To be closed with close(). */
int vmb_sim_gpu_open(void);
/* What the kernel does with a request, and what the driver calls. */
int vmb_sim_gpu_ioctl(int fd, unsigned long request, ...);

/* What struct vmb_system_ops asks for. */
int vmb_sim_gpu_reopen(int fd);
uint64_t vmb_sim_gpu_window_size(int fd);
bool vmb_sim_gpu_is_older(void);
uint64_t vmb_sim_gpu_now_ms(void);
void vmb_sim_gpu_sleep_ms(unsigned ms);
int vmb_sim_gpu_find_helper(char *path, size_t size);
int vmb_sim_gpu_run_helper(const char *path, int dmabuf, dev_t device, unsigned timeout_ms);
bool vmb_sim_gpu_sleeps_on(int dmabuf);

/* What an application's mmap() of a driver's mapping does. */
enum vmb_sim_gpu_mmap {
	VMB_SIM_GPU_MAPPED,
	VMB_SIM_GPU_REFUSED, /* by the host */
	VMB_SIM_GPU_WOULD_SLEEP, /* for ever, or would have taken room that happens to be there */
};
enum vmb_sim_gpu_mmap vmb_sim_gpu_map(int fd, uint32_t handle);

/* The next requests of this number fail, the first so many after the first good ones. */
struct vmb_sim_gpu_fault {
	unsigned long request; /* 0: any */
	unsigned good;
	unsigned bad;
	int error;
};
void vmb_sim_gpu_fail(const struct vmb_sim_gpu_fault *fault);
/* Requests of that number since. */
unsigned vmb_sim_gpu_requests(void);

/* What helpers do from now on: 0 to map, a negative errno to fail with. With -ECHILD they map, too,
 * but nobody can say so. */
void vmb_sim_gpu_fail_helpers(int error);
unsigned vmb_sim_gpu_helpers(void); /* started since the beginning */
/* Those that sleep try again, one for each blob. */
void vmb_sim_gpu_retry(void);
/* Called when a helper is started, before it does anything: other processes may be quick. */
void vmb_sim_gpu_before_helper(void (*function)(void));
/* The host refuses the blobs that are mapped from now on. */
void vmb_sim_gpu_refuse(bool refuses);

/* Room in the hostmem, in bytes: used, and the largest free piece. */
uint64_t vmb_sim_gpu_used(void);
uint64_t vmb_sim_gpu_largest(void);
/* Helpers that sleep. */
unsigned vmb_sim_gpu_sleepers(void);
/* What the last RESOURCE_CREATE_BLOB of the driver's came with. */
uint32_t vmb_sim_gpu_last_hints(void);

#endif
