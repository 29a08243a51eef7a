// SPDX-License-Identifier: GPL-2.0
#include <linux/build_bug.h>
#include <linux/string.h>

#include "fakemali.h"

/*
 * Emulates the firmware of the GPU's microcontroller. The interface is a section of memory shared
 * with panthor, defined by the firmware image (tests/qemu/firmware.py). The section has one global
 * block, a block for each group, and a block for each stream of a group. panthor changes bits of a
 * request word and rings the doorbell. The firmware answers with equal bits in the acknowledge
 * word.
 */

/* The microcontroller uses address space 0. */
#define MCU_AS 0
#define SHARED_VA 0x04000000
#define GROUP_OFFSET 0x1000
#define STREAM_OFFSET 0x40

#define GROUPS 8
#define STREAMS 8
/* A group's suspend buffer has room for STREAMS of this size. */
#define SUSPENDED_STREAM_SIZE 1024
static_assert(sizeof(struct stream) <= SUSPENDED_STREAM_SIZE);

struct global_control {
	u32 version, features, input_va, output_va, group_count, group_stride;
};

struct group_control {
	u32 features, input_va, output_va, suspend_size, protected_suspend_size;
	u32 stream_count, stream_stride;
};

struct stream_control {
	u32 features, input_va, output_va;
};

struct global_input {
	u32 request, acknowledge_irq_mask, doorbell_request;
};

struct global_output {
	u32 acknowledge, reserved, doorbell_acknowledge;
};

struct group_input {
	u32 request, acknowledge_irq_mask, doorbell_request, stream_irq_acknowledge;
	u32 reserved[4];
	u64 allow_compute, allow_fragment;
	u32 allow_other, endpoint_request;
	u64 reserved2;
	u64 suspend_va, protected_suspend_va;
	u32 config;
};
static_assert(offsetof(struct group_input, suspend_va) == 0x40);
static_assert(offsetof(struct group_input, config) == 0x50);

struct group_output {
	u32 acknowledge, reserved, doorbell_acknowledge, stream_irq_request;
	u32 status_endpoint_current, status_endpoint_request, status_state;
};

struct stream_input {
	u32 request, config, reserved, acknowledge_irq_mask;
	u64 ring_va;
	u32 ring_size, reserved2;
	u64 heap_start, heap_end;
	u64 ring_input_va, ring_output_va;
};
static_assert(offsetof(struct stream_input, ring_input_va) == 0x30);

/* Request bits that are events: the firmware toggles them, and panthor acknowledges. */
#define GLOBAL_EVENTS GENMASK(26, 20)
#define GROUP_EVENT_SYNC_UPDATE BIT(28)
#define GROUP_EVENT_IDLE BIT(29)
#define GROUP_EVENT_PROGRESS BIT(31)
#define GROUP_EVENTS (GROUP_EVENT_SYNC_UPDATE | GROUP_EVENT_IDLE | GROUP_EVENT_PROGRESS)
#define STREAM_EVENTS (BIT(26) | BIT(27) | BIT(30) | BIT(31))

#define GLOBAL_HALT BIT(0)

#define GROUP_STATE_MASK GENMASK(2, 0)
enum group_state {
	TERMINATE,
	START,
	SUSPEND,
	RESUME
};
#define GROUP_CONFIG_AS_MASK GENMASK(3, 0)
#define GROUP_STATUS_IDLE BIT(0)

#define STREAM_STATE_MASK GENMASK(2, 0)
#define STREAM_START 1

struct group {
	bool running;
	struct stream streams[STREAMS];
};
static struct group groups[GROUPS];

static void *mcu_pointer(u32 va)
{
	return gpu_pointer(MCU_AS, va);
}

static struct global_control *global_control(void)
{
	return mcu_pointer(SHARED_VA);
}

static struct group_control *group_control(unsigned int g)
{
	return mcu_pointer(SHARED_VA + GROUP_OFFSET + g * global_control()->group_stride);
}

static struct stream_control *stream_control(unsigned int g, unsigned int s)
{
	return mcu_pointer(SHARED_VA + GROUP_OFFSET + g * global_control()->group_stride +
		STREAM_OFFSET + s * group_control(g)->stream_stride);
}

/* Acknowledges all requests; returns the changed bits. */
static u32 acknowledge(u32 *request, u32 *answer, u32 events)
{
	u32 old = READ_ONCE(*answer);
	u32 new = (old & events) | (READ_ONCE(*request) & ~events);

	WRITE_ONCE(*answer, new);
	return old ^ new;
}

/* Toggles an event's bit if panthor has acknowledged the last one; returns whether it did. */
static bool toggle_event(u32 *request, u32 *answer, u32 event)
{
	if ((READ_ONCE(*request) ^ READ_ONCE(*answer)) & event) {
		return false;
	}
	WRITE_ONCE(*answer, *answer ^ event);
	return true;
}

/* The ring's two pages hold the bytes that panthor inserted and the executed bytes. */
static u64 *ring_insert(const struct stream_input *in)
{
	return mcu_pointer(in->ring_input_va);
}

static u64 *ring_extract(const struct stream_input *in)
{
	return mcu_pointer(in->ring_output_va);
}

static bool run_stream(unsigned int g, unsigned int s, unsigned int as, bool *signalled)
{
	struct stream *stream = &groups[g].streams[s];
	struct stream_input *in = mcu_pointer(stream_control(g, s)->input_va);
	u64 *insert = ring_insert(in), *extract = ring_extract(in);
	struct ring ring = { .base = in->ring_va, .size = in->ring_size };
	bool progress;

	if (!insert || !extract || !ring.size) {
		return false;
	}
	ring.insert = READ_ONCE(*insert);
	progress = stream_run(stream, as, &ring, signalled);
	WRITE_ONCE(*extract, stream->extract);
	return progress;
}

static void run_group(unsigned int g)
{
	struct group_input *in = mcu_pointer(group_control(g)->input_va);
	struct group_output *out = mcu_pointer(group_control(g)->output_va);
	unsigned int as = in->config & GROUP_CONFIG_AS_MASK;
	bool progress = false, signalled = false, busy = false;

	for (unsigned int s = 0; s < STREAMS; s++) {
		struct stream *stream = &groups[g].streams[s];

		if (stream->running) {
			progress |= run_stream(g, s, as, &signalled);
		}
		busy |= stream->blocked;
	}
	if (signalled && toggle_event(&in->request, &out->acknowledge, GROUP_EVENT_SYNC_UPDATE)) {
		raise_interrupt(INTERRUPT_JOB, BIT(g));
	}
	out->status_state = busy ? 0 : GROUP_STATUS_IDLE;
	if (progress && !busy && toggle_event(&in->request, &out->acknowledge, GROUP_EVENT_IDLE)) {
		raise_interrupt(INTERRUPT_JOB, BIT(g));
	}
}

void firmware_run(void)
{
	if (reg_read(MCU_STATUS) != MCU_ENABLED || !global_control()) {
		return;
	}
	for (unsigned int g = 0; g < GROUPS; g++) {
		if (groups[g].running) {
			run_group(g);
		}
	}
}

void firmware_started(void)
{
	memset(groups, 0, sizeof(groups));
}

static void stop_stream(struct stream *stream, struct stream *saved)
{
	if (saved) {
		memcpy(saved, stream, sizeof(*stream));
	}
	stream->running = false;
}

static void start_stream(struct stream *stream, const struct stream *saved, const u64 *extract)
{
	if (saved) {
		memcpy(stream, saved, sizeof(*stream));
	} else {
		memset(stream, 0, sizeof(*stream));
	}
	/* Within a call, the saved state has the position. */
	if (!stream->level && extract) {
		stream->extract = READ_ONCE(*extract);
	}
	stream->running = false;
}

static void serve_stream(unsigned int g, unsigned int s, enum group_state state, bool changed)
{
	struct stream_control *control = stream_control(g, s);
	struct stream_input *in = mcu_pointer(control->input_va);
	u32 *answer = mcu_pointer(control->output_va);
	struct group_input *group_in = mcu_pointer(group_control(g)->input_va);
	struct stream *stream = &groups[g].streams[s];
	struct stream *saved = NULL;
	bool active = state == START || state == RESUME;

	if (group_in->suspend_va) {
		saved = mcu_pointer(group_in->suspend_va + s * SUSPENDED_STREAM_SIZE);
	}
	if (changed && active) {
		start_stream(stream, state == RESUME ? saved : NULL, ring_extract(in));
	} else if (changed) {
		stop_stream(stream, state == SUSPEND ? saved : NULL);
	}
	if ((in->request & STREAM_STATE_MASK) == STREAM_START) {
		stream->running |= active;
	} else {
		stream->running = false;
	}
	acknowledge(&in->request, answer, STREAM_EVENTS);
}

static void serve_group(unsigned int g)
{
	struct group_input *in = mcu_pointer(group_control(g)->input_va);
	struct group_output *out = mcu_pointer(group_control(g)->output_va);
	enum group_state state = in->request & GROUP_STATE_MASK;
	bool changed = (in->request ^ out->acknowledge) & GROUP_STATE_MASK;

	for (unsigned int s = 0; s < STREAMS; s++) {
		serve_stream(g, s, state, changed);
	}
	groups[g].running = state == START || state == RESUME;
	WRITE_ONCE(out->doorbell_acknowledge, READ_ONCE(in->doorbell_request));
	if (acknowledge(&in->request, &out->acknowledge, GROUP_EVENTS) & in->acknowledge_irq_mask) {
		raise_interrupt(INTERRUPT_JOB, BIT(g));
	}
}

void firmware_doorbell(void)
{
	struct global_input *in;
	struct global_output *out;

	if (reg_read(MCU_STATUS) == MCU_DISABLED || !global_control()) {
		return;
	}
	stats.doorbells++;
	for (unsigned int g = 0; g < GROUPS; g++) {
		serve_group(g);
	}
	in = mcu_pointer(global_control()->input_va);
	out = mcu_pointer(global_control()->output_va);
	if (in->request & GLOBAL_HALT) {
		reg_write(MCU_STATUS, MCU_HALTED);
	}
	WRITE_ONCE(out->doorbell_acknowledge, READ_ONCE(in->doorbell_request));
	if (acknowledge(&in->request, &out->acknowledge, GLOBAL_EVENTS) &
		in->acknowledge_irq_mask) {
		raise_interrupt(INTERRUPT_JOB, JOB_IRQ_GLOBAL);
	}
}
