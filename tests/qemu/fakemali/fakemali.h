/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FAKEMALI_H
#define FAKEMALI_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

/*
 * fakemali: as much of an Arm Mali GPU with a command stream frontend as the unmodified driver
 * panthor needs to probe, suspend and resume, serve VM_BIND and run command streams.
 *
 * The guest's device tree declares a piece of RAM to be the GPU's registers. panthor maps it as
 * such; this module maps it, too, and a kernel thread looks at what panthor wrote and does what the
 * GPU would have done: main.c. Nothing is rendered.
 *
 * Everything but debugfs runs in that one thread, so nothing here is locked.
 */

/* Registers, as byte offsets. */
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
#define THREAD_FEATURES 0xa0 /* and the two words that follow */
#define TEXTURE_FEATURES 0xac /* and the three words that follow */
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

/* Of each interrupt block. */
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
/* Sets bits of the block's RAWSTAT when the thread comes to the interrupts next. */
void raise_interrupt(enum interrupt block, u32 bits);

/* mmu.c */
/* Where an address of the GPU lies in the kernel's mapping of all memory; NULL if it is not
 * mapped. */
void *gpu_pointer(unsigned int as, u64 va);
void raise_mmu_fault(unsigned int as, u64 va, bool write);

/* firmware.c: the microcontroller */
void firmware_started(void);
void firmware_doorbell(void);
/* Runs what can be run of the streams that panthor has started. */
void firmware_run(void);

/* stream.c: a command stream */
#define STREAM_REGISTERS 96
#define STREAM_CALLS 8

/*
 * The state of one stream. Level 0 is the ring buffer; each call adds a level. It is what the
 * firmware would keep in a group's suspend buffer, and is kept there.
 */
struct stream {
	u32 reg[STREAM_REGISTERS];
	u64 pc[STREAM_CALLS]; /* addresses; not used at level 0 */
	u64 end[STREAM_CALLS];
	unsigned int level;
	u64 extract; /* bytes of the ring that were executed */
	bool running;
	bool blocked; /* at a wait */
};

struct ring {
	u64 base; /* address */
	u64 size; /* bytes, a power of two */
	u64 insert; /* bytes that were put there */
};

/*
 * Executes the stream until the ring is empty, a wait blocks it, a fault stops it or it has had its
 * share. Returns whether it got anywhere; sets *signalled if it wrote a sync object.
 */
bool stream_run(struct stream *s, unsigned int as, const struct ring *ring, bool *signalled);

/* What debugfs tells; see main.c. */
struct statistics {
	unsigned long flushes, doorbells, interrupts, jobs, instructions, skipped, faults;
};
extern struct statistics stats;

#endif
