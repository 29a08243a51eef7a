// SPDX-License-Identifier: GPL-2.0
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/of_irq.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "fakemali.h"

/*
 * The registers are ordinary RAM, mapped write-back here and as device memory by panthor. The
 * mismatch is harmless in an emulator without caches.
 */

#define POLL_US 50
/* The interval at which an active level-triggered interrupt is asserted again. */
#define REASSERT_NS (2 * NSEC_PER_MSEC)

/* GPU_CMD: the low byte is the command. */
#define GPU_CMD_RESET 1
#define GPU_CMD_FLUSH_CACHES 4

struct statistics stats;

static void *registers;
static struct task_struct *thread;
static struct dentry *directory;
static u32 last_mcu_control;

static struct interrupt_block {
	const char *name; /* in the device tree */
	u32 base;
	u32 raised; /* not yet in RAWSTAT */
	int irq;
	u64 asserted_at;
} blocks[INTERRUPT_COUNT] = {
	[INTERRUPT_GPU] = { .name = "gpu", .base = GPU_INT_BASE },
	[INTERRUPT_MMU] = { .name = "mmu", .base = MMU_INT_BASE },
	[INTERRUPT_JOB] = { .name = "job", .base = JOB_INT_BASE },
};

u32 reg_read(u32 offset)
{
	return READ_ONCE(*(u32 *)(registers + offset));
}

void reg_write(u32 offset, u32 value)
{
	WRITE_ONCE(*(u32 *)(registers + offset), value);
}

u64 reg_read64(u32 offset)
{
	return reg_read(offset) | (u64)reg_read(offset + 4) << 32;
}

void reg_write64(u32 offset, u64 value)
{
	reg_write(offset, lower_32_bits(value));
	reg_write(offset + 4, upper_32_bits(value));
}

void raise_interrupt(enum interrupt block, u32 bits)
{
	blocks[block].raised |= bits;
}

/* Returns and clears a register that the GPU consumes. */
static u32 consume_register(u32 offset)
{
	return reg_read(offset) ? xchg((u32 *)(registers + offset), 0) : 0;
}

static void reset_registers(void)
{
	reg_write64(SHADER_READY, 0);
	reg_write64(TILER_READY, 0);
	reg_write64(L2_READY, 0);
	reg_write(MCU_STATUS, MCU_DISABLED);
	memset(registers + AS(0), 0, AS(AS_COUNT) - AS(0));
	for (int i = 0; i < INTERRUPT_COUNT; i++) {
		reg_write(blocks[i].base + INT_RAWSTAT, 0);
	}
}

/* The Mali-G610 of the RK3588. */
static void init_registers(void)
{
	static const struct {
		u32 offset, value;
	} values[] = {
		{ GPU_ID, 0xa8670000 },
		{ L2_FEATURES, 0x7120306 },
		{ TILER_FEATURES, 0x809 },
		{ MEM_FEATURES, 0x301 },
		{ MMU_FEATURES, 0x2830 }, /* 48 bits of virtual addresses, 40 of physical ones */
		{ AS_PRESENT, 0xff },
		{ CSF_ID, 0x40a0412 },
		{ THREAD_FEATURES, 0x1000 },
		{ THREAD_FEATURES + 4, 0x400 },
		{ THREAD_FEATURES + 8, 0x400 },
		{ TEXTURE_FEATURES, 0x4010000 },
		{ TEXTURE_FEATURES + 4, 0xc1ffff9e },
		{ TEXTURE_FEATURES + 8, 0x1ffff },
		{ TEXTURE_FEATURES + 12, 0x1ffff },
		{ SHADER_PRESENT, 0x50005 },
		{ TILER_PRESENT, 1 },
		{ L2_PRESENT, 1 },
		{ COHERENCY_FEATURES, 0 },
		{ FLUSH_ID, 1 },
	};

	memset(registers, 0, REGISTERS_SIZE);
	for (int i = 0; i < ARRAY_SIZE(values); i++) {
		reg_write(values[i].offset, values[i].value);
	}
	reset_registers();
}

static void execute_gpu_command(u32 command)
{
	switch (command & 0xff) {
	case GPU_CMD_RESET:
		reset_registers();
		raise_interrupt(INTERRUPT_GPU, GPU_IRQ_RESET_COMPLETED);
		break;
	case GPU_CMD_FLUSH_CACHES:
		stats.flushes++;
		reg_write(FLUSH_ID, reg_read(FLUSH_ID) + 1);
		raise_interrupt(INTERRUPT_GPU, GPU_IRQ_CLEAN_CACHES_COMPLETED);
		break;
	}
}

static void control_mcu(u32 control)
{
	if (control == last_mcu_control) {
		return;
	}
	last_mcu_control = control;
	reg_write(MCU_STATUS, control ? MCU_ENABLED : MCU_DISABLED);
	firmware_started();
	if (control) {
		raise_interrupt(INTERRUPT_JOB, JOB_IRQ_GLOBAL); /* booted */
	}
}

static void update_interrupt(struct interrupt_block *block)
{
	u32 raw = reg_read(block->base + INT_RAWSTAT) | block->raised;
	u32 status = raw & reg_read(block->base + INT_MASK);
	u32 old = reg_read(block->base + INT_STAT);
	u64 now = ktime_get_ns();

	block->raised = 0;
	reg_write(block->base + INT_RAWSTAT, raw);
	reg_write(block->base + INT_STAT, status);
	if (!status || (status == old && now - block->asserted_at < REASSERT_NS)) {
		return;
	}
	block->asserted_at = now;
	stats.interrupts++;
	irq_set_irqchip_state(block->irq, IRQCHIP_STATE_PENDING, true);
}

static void poll_registers(void)
{
	/*
	 * Read commands before INT_CLEAR. panthor writes INT_CLEAR before the command: for each
	 * command read here, the clear is read below and executed before the command.
	 */
	u32 command = consume_register(GPU_CMD);
	u32 power_on = consume_register(L2_PWRON);
	u32 power_off = consume_register(L2_PWROFF);
	u32 mcu_control = reg_read(MCU_CONTROL);
	u32 doorbell = consume_register(DOORBELL);

	smp_mb();
	for (int i = 0; i < INTERRUPT_COUNT; i++) {
		u32 status = blocks[i].base + INT_RAWSTAT;
		u32 clear = consume_register(blocks[i].base + INT_CLEAR);

		reg_write(status, reg_read(status) & ~clear);
	}
	if (command) {
		execute_gpu_command(command);
	}
	reg_write(L2_READY, (reg_read(L2_READY) & ~power_off) | power_on);
	control_mcu(mcu_control);
	if (doorbell) {
		firmware_doorbell();
	}
	firmware_run();
	/* AS_COMMAND needs no answer: AS_STATUS never has the busy bit. */
	reg_write64(GPU_CYCLES, ktime_get_ns());
	reg_write64(GPU_TIMESTAMP, ktime_get_ns() / 16);
	for (int i = 0; i < INTERRUPT_COUNT; i++) {
		update_interrupt(&blocks[i]);
	}
}

static int poll_until_stopped(void *unused)
{
	while (!kthread_should_stop()) {
		poll_registers();
		usleep_range(POLL_US, 2 * POLL_US);
	}
	return 0;
}

static int stats_show(struct seq_file *file, void *unused)
{
	seq_printf(file,
		"flushes %lu doorbells %lu interrupts %lu jobs %lu "
		"instructions %lu skipped %lu faults %lu\n",
		stats.flushes, stats.doorbells, stats.interrupts, stats.jobs, stats.instructions,
		stats.skipped, stats.faults);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int find_interrupts(struct device_node *node)
{
	for (int i = 0; i < INTERRUPT_COUNT; i++) {
		blocks[i].irq = of_irq_get_byname(node, blocks[i].name);
		if (blocks[i].irq <= 0) {
			return -ENODEV;
		}
	}
	return 0;
}

static int find_gpu(struct resource *memory)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "arm,mali-valhall-csf");
	int err;

	if (!node) {
		return -ENODEV;
	}
	err = of_address_to_resource(node, 0, memory);
	if (!err) {
		err = find_interrupts(node);
	}
	of_node_put(node);
	return err;
}

static int __init fakemali_init(void)
{
	struct resource memory;
	int err = find_gpu(&memory);

	if (err) {
		return err;
	}
	registers = memremap(memory.start, resource_size(&memory), MEMREMAP_WB);
	if (!registers) {
		return -ENOMEM;
	}
	init_registers();
	thread = kthread_create(poll_until_stopped, NULL, "fakemali");
	if (IS_ERR(thread)) {
		memunmap(registers);
		return PTR_ERR(thread);
	}
	/* The thread must run while panthor polls a register. */
	sched_set_fifo(thread);
	wake_up_process(thread);
	directory = debugfs_create_dir("fakemali", NULL);
	debugfs_create_file("stats", 0444, directory, NULL, &stats_fops);
	return 0;
}

static void __exit fakemali_exit(void)
{
	debugfs_remove(directory);
	kthread_stop(thread);
	memunmap(registers);
}

module_init(fakemali_init);
module_exit(fakemali_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Emulated registers and firmware of a Mali GPU for panthor");
