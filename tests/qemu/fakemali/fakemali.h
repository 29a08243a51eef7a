/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FAKEMALI_H
#define FAKEMALI_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

/*
 * fakemali emulates an Arm Mali GPU with a command stream frontend for the unmodified driver
 * panthor. The driver can probe, suspend and resume, serve VM_BIND and run command streams. The
 * module does not render.
 *
 * The guest's device tree declares a range of RAM as the GPU's registers. panthor and this module
 * map the range. A kernel thread of the module polls the registers and acts as the GPU: main.c.
 *
 * All code but debugfs runs in that thread. There are no locks.
 */

/* Byte offsets of registers. */
#define GPU_ID 0x0
#define L2_FEATURES 0x4
#define TILER_FEATURES 0xc
#define MEM_FEATURES 0x10
#define MMU_FEATURES 0x14
#define AS_PRESENT 0x18
#define CSF_ID 0x1c
#define GPU_INT_BASE 0x20
#define GPU_CMD 0x30
#define GPU_CYCLES 0x90
#define GPU_TIMESTAMP 0x98
#define THREAD_FEATURES 0xa0 /* three words */
#define TEXTURE_FEATURES 0xac /* four words */
#define SHADER_PRESENT 0x100
#define TILER_PRESENT 0x110
#define L2_PRESENT 0x120
#define SHADER_READY 0x140
#define TILER_READY 0x150
#define L2_READY 0x160
#define L2_PWRON 0x1a0
#define L2_PWROFF 0x1e0
#define COHERENCY_FEATURES 0x300
#define MCU_CONTROL 0x700
#define MCU_STATUS 0x704
#define JOB_INT_BASE 0x1000
#define MMU_INT_BASE 0x2000
#define AS(n) (0x2400 + (n)*0x40)
#define AS_TRANSTAB 0x0
#define AS_FAULTSTATUS 0x1c
#define AS_FAULTADDRESS 0x20
#define FLUSH_ID 0x10000
#define DOORBELL 0x80000
#define REGISTERS_SIZE 0x100000

/* Byte offsets in each interrupt block. */
#define INT_RAWSTAT 0x0
#define INT_CLEAR 0x4
#define INT_MASK 0x8
#define INT_STAT 0xc

#define GPU_IRQ_RESET_COMPLETED BIT(8)
#define GPU_IRQ_CLEAN_CACHES_COMPLETED BIT(17)
#define JOB_IRQ_GLOBAL BIT(31)

#define MCU_DISABLED 0
#define MCU_ENABLED 1
#define MCU_HALTED 2

#define AS_COUNT 16

enum interrupt {
	INTERRUPT_GPU,
	INTERRUPT_MMU,
	INTERRUPT_JOB,
	INTERRUPT_COUNT
};

/* main.c */
u32 reg_read(u32 offset);
void reg_write(u32 offset, u32 value);
u64 reg_read64(u32 offset);
void reg_write64(u32 offset, u64 value);
/* Sets bits of the block's RAWSTAT at the end of the current poll of the registers. */
void raise_interrupt(enum interrupt block, u32 bits);

/* mmu.c */
/* Returns the kernel's address for an address of the GPU; NULL if the latter is not mapped. */
void *gpu_pointer(unsigned int as, u64 va);
void raise_mmu_fault(unsigned int as, u64 va, bool write);

/* firmware.c: the microcontroller */
void firmware_started(void);
void firmware_doorbell(void);
/* Runs the streams that panthor has started. */
void firmware_run(void);

/* stream.c: a command stream */
#define STREAM_REGISTERS 96
#define STREAM_CALLS 8

/*
 * The state of one stream. Level 0 is the ring buffer; each call adds a level. A group's suspend
 * buffer holds the state while the group is suspended.
 */
struct stream {
	u32 reg[STREAM_REGISTERS];
	u64 pc[STREAM_CALLS]; /* addresses; not used at level 0 */
	u64 end[STREAM_CALLS];
	unsigned int level;
	u64 extract; /* executed bytes of the ring */
	bool running;
	bool blocked; /* at a wait */
};

struct ring {
	u64 base; /* address */
	u64 size; /* bytes, a power of two */
	u64 insert; /* bytes written by the driver */
};

/*
 * Executes the stream until the ring is empty, a wait blocks, a fault occurs or the stream's share
 * is used up. Returns whether the state changed. Sets *signalled if the stream wrote a sync object.
 */
bool stream_run(struct stream *s, unsigned int as, const struct ring *ring, bool *signalled);

/* Counters in debugfs; see main.c. */
struct statistics {
	unsigned long flushes, doorbells, interrupts, jobs, instructions, skipped, faults;
};
extern struct statistics stats;

#endif
