/* SPDX-License-Identifier: MIT */
#ifndef GPU_H
#define GPU_H

#include <stdbool.h>
#include <stdint.h>
#include <uapi/panthor.h>

#include "../gpuvas.h"

/*
 * panthor's uAPI, called directly. vm_bind(), vm_bind_one() and syncobj_wait() return the kernel's
 * errno, 0 for success. A failure of any other function ends the program.
 */

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

#define USER_VA_RANGE (128 * TIB)

#define UNMAP DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP
#define NOEXEC DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC
#define SPARSE (DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE | NOEXEC)

/* Prints PASS or FAIL and the text. */
void check(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
extern unsigned int failures;

void gpu_open(void);

uint32_t vm_create(void);
void vm_destroy(uint32_t vm);
bool vm_usable(uint32_t vm);

uint32_t bo_create(uint64_t size);
void bo_close(uint32_t handle);

/* failed: NULL, or the kernel's value of ops.count. */
int vm_bind(uint32_t vm, uint32_t flags, const struct drm_panthor_vm_bind_op *ops, uint32_t count,
	uint32_t *failed);
/* One op, synchronously. */
int vm_bind_one(uint32_t vm, struct drm_panthor_vm_bind_op op);

uint32_t syncobj_create(void);
void syncobj_destroy(uint32_t handle);
void syncobj_signal(uint32_t handle);
/* point: 0 for a binary syncobj */
int syncobj_wait(uint32_t handle, uint64_t point);

/* Returns the map of the VM that was created last. */
struct gpuva_map last_vm_map(void);

void test_map(void);
void test_errors(void);
void test_async(void);
void test_limits(void);
void test_cost(void);

#endif
