// SPDX-License-Identifier: GPL-2.0
#include <linux/bitfield.h>
#include <linux/ktime.h>
#include <linux/minmax.h>

#include "fakemali.h"

/*
 * The command stream instructions of Mali v10 that control the stream: moves, loads and stores,
 * branches, calls, sync objects. The RUN instructions, which start shaders, the tiler or a fragment
 * job, are counted and skipped.
 */
enum opcode {
	MOVE48 = 1,
	MOVE32 = 2,
	RUN_FIRST = 4,
	RUN_LAST = 8,
	ADD_IMMEDIATE32 = 16,
	ADD_IMMEDIATE64 = 17,
	UMIN32 = 18,
	LOAD_MULTIPLE = 20,
	STORE_MULTIPLE = 21,
	BRANCH = 22,
	CALL = 32,
	JUMP = 33,
	SYNC_ADD32 = 37,
	SYNC_SET32 = 38,
	SYNC_WAIT32 = 39,
	STORE_STATE = 40,
	SYNC_ADD64 = 51,
	SYNC_SET64 = 52,
	SYNC_WAIT64 = 53,
};

#define INSTRUCTION_SIZE 8
/* The most instructions of a stream before the next stream runs. */
#define SHARE 100000

/* The fields that most instructions have. */
struct instruction {
	u64 word;
	enum opcode opcode;
	u8 dest, address, value; /* registers */
	s16 offset; /* bytes or instructions */
	u32 immediate;
	unsigned int condition;
};

enum outcome {
	NEXT,
	BLOCKED,
	FAULTED
};

static struct instruction decode(u64 word)
{
	return (struct instruction){
		.word = word,
		.opcode = word >> 56,
		.dest = word >> 48,
		.address = word >> 40,
		.value = word >> 32,
		.offset = (s16)word,
		.immediate = (u32)word,
		.condition = FIELD_GET(GENMASK_ULL(31, 28), word),
	};
}

/* Returns whether the registers exist. A 64-bit value takes two registers. */
static bool names_registers(const struct instruction *i)
{
	const unsigned int last = STREAM_REGISTERS - 2;

	if (i->dest > last) {
		return false;
	}
	/* A move has an immediate value in place of the registers. */
	return i->opcode == MOVE48 || i->opcode == MOVE32 ||
		(i->address <= last && i->value <= last);
}

static u64 get64(const struct stream *s, unsigned int reg)
{
	return s->reg[reg] | (u64)s->reg[reg + 1] << 32;
}

static void set64(struct stream *s, unsigned int reg, u64 value)
{
	s->reg[reg] = lower_32_bits(value);
	s->reg[reg + 1] = upper_32_bits(value);
}

/* The low 16 bits are the offset, the next 16 a mask of registers from dest on. */
static enum outcome load_or_store(struct stream *s, unsigned int as, const struct instruction *i)
{
	bool store = i->opcode == STORE_MULTIPLE;

	for (unsigned int n = 0; n < 16 && i->dest + n < STREAM_REGISTERS; n++) {
		u64 va = get64(s, i->address) + i->offset + n * sizeof(u32);
		u32 *word;

		if (!(i->word & BIT_ULL(16 + n))) {
			continue;
		}
		word = gpu_pointer(as, va);
		if (!word) {
			raise_mmu_fault(as, va, store);
			return FAULTED;
		}
		if (store) {
			WRITE_ONCE(*word, s->reg[i->dest + n]);
		} else {
			s->reg[i->dest + n] = READ_ONCE(*word);
		}
	}
	return NEXT;
}

static bool branch_is_taken(const struct stream *s, const struct instruction *i)
{
	s32 value = s->reg[i->address];

	switch (i->condition) {
	case 0:
		return value <= 0;
	case 1:
		return value > 0;
	case 2:
		return value == 0;
	case 3:
		return value != 0;
	case 4:
		return value < 0;
	case 5:
		return value >= 0;
	default:
		return true;
	}
}

static void call_or_jump(struct stream *s, const struct instruction *i)
{
	if (i->opcode == CALL && s->level < STREAM_CALLS - 1) {
		s->level++;
	}
	s->pc[s->level] = get64(s, i->address);
	s->end[s->level] = get64(s, i->address) + s->reg[i->value];
}

static enum outcome change_sync_object(
	struct stream *s, unsigned int as, const struct instruction *i)
{
	u64 va = get64(s, i->address);
	u64 *object = gpu_pointer(as, va);
	u32 *object32 = (u32 *)object;

	if (!object) {
		raise_mmu_fault(as, va, true);
		return FAULTED;
	}
	switch (i->opcode) {
	case SYNC_ADD32:
		WRITE_ONCE(*object32, *object32 + s->reg[i->value]);
		break;
	case SYNC_SET32:
		WRITE_ONCE(*object32, s->reg[i->value]);
		break;
	case SYNC_ADD64:
		WRITE_ONCE(*object, *object + get64(s, i->value));
		break;
	default:
		WRITE_ONCE(*object, get64(s, i->value));
		break;
	}
	return NEXT;
}

static enum outcome wait_for_sync_object(
	const struct stream *s, unsigned int as, const struct instruction *i)
{
	bool is32 = i->opcode == SYNC_WAIT32;
	u64 va = get64(s, i->address), value, reference;
	u64 *object = gpu_pointer(as, va);
	bool greater = i->condition & 1;

	if (!object) {
		raise_mmu_fault(as, va, false);
		return FAULTED;
	}
	value = is32 ? READ_ONCE(*(u32 *)object) : READ_ONCE(*object);
	reference = is32 ? s->reg[i->value] : get64(s, i->value);
	return (greater ? value > reference : value <= reference) ? NEXT : BLOCKED;
}

static void store_state(const struct stream *s, unsigned int as, const struct instruction *i)
{
	u64 *word = gpu_pointer(as, get64(s, i->address) + i->offset);

	if (word) {
		WRITE_ONCE(*word, ktime_get_ns());
	}
}

static enum outcome execute(struct stream *s, unsigned int as, u64 word, bool *signalled)
{
	struct instruction i = decode(word);
	enum outcome outcome = NEXT;

	stats.instructions++;
	if (!names_registers(&i)) {
		return NEXT;
	}
	switch (i.opcode) {
	case MOVE48:
		set64(s, i.dest, word & GENMASK_ULL(47, 0));
		break;
	case MOVE32:
		s->reg[i.dest] = i.immediate;
		break;
	case RUN_FIRST ... RUN_LAST:
		stats.skipped++;
		break;
	case ADD_IMMEDIATE32:
		s->reg[i.dest] = s->reg[i.address] + i.immediate;
		break;
	case ADD_IMMEDIATE64:
		set64(s, i.dest, get64(s, i.address) + (s64)(s32)i.immediate);
		break;
	case UMIN32:
		s->reg[i.dest] = min(s->reg[i.address], s->reg[i.value]);
		break;
	case LOAD_MULTIPLE:
	case STORE_MULTIPLE:
		outcome = load_or_store(s, as, &i);
		break;
	case BRANCH:
		if (s->level && branch_is_taken(s, &i)) {
			s->pc[s->level] += (s64)i.offset * INSTRUCTION_SIZE;
		}
		break;
	case CALL:
	case JUMP:
		call_or_jump(s, &i);
		break;
	case SYNC_ADD32:
	case SYNC_SET32:
	case SYNC_ADD64:
	case SYNC_SET64:
		outcome = change_sync_object(s, as, &i);
		*signalled |= outcome == NEXT;
		break;
	case SYNC_WAIT32:
	case SYNC_WAIT64:
		outcome = wait_for_sync_object(s, as, &i);
		break;
	case STORE_STATE:
		store_state(s, as, &i);
		break;
	}
	return outcome;
}

/* Writes the address of the next instruction to *va; returns false if there is none. */
static bool next_instruction(struct stream *s, const struct ring *ring, u64 *va)
{
	while (s->level && s->pc[s->level] >= s->end[s->level]) {
		s->level--;
	}
	if (s->level) {
		*va = s->pc[s->level];
		return true;
	}
	*va = ring->base + (s->extract & (ring->size - 1));
	return s->extract < ring->insert;
}

bool stream_run(struct stream *s, unsigned int as, const struct ring *ring, bool *signalled)
{
	bool progress = false;
	u64 va;

	s->blocked = false;
	for (int n = 0; n < SHARE && next_instruction(s, ring, &va); n++) {
		u64 *word = gpu_pointer(as, va);
		u64 *position = s->level ? &s->pc[s->level] : &s->extract;

		if (!word) {
			raise_mmu_fault(as, va, false);
			s->running = false;
			return true;
		}
		/* Advance first: the instruction may change the level, and a branch is relative to
		 * the next one. */
		*position += INSTRUCTION_SIZE;
		if (!s->level && READ_ONCE(*word) >> 56 == CALL) {
			stats.jobs++;
		}
		switch (execute(s, as, READ_ONCE(*word), signalled)) {
		case BLOCKED:
			*position -= INSTRUCTION_SIZE;
			s->blocked = true;
			return progress;
		case FAULTED:
			s->running = false;
			return true;
		case NEXT:
			progress = true;
		}
	}
	return progress;
}
