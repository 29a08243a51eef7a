/* SPDX-License-Identifier: MIT */
#ifndef VMB_UTIL_SPIRV_H
#define VMB_UTIL_SPIRV_H

#include <spirv/unified1/spirv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Compute shaders without a shader compiler. A shader is a sequence of C calls. Each call appends
 * one or two instructions and returns the id of their result. The following shader writes the
 * number of each invocation into one word of a buffer:
 *
 *	struct spv s;
 *	spv_begin(&s, 64);
 *	spv_id data = spv_storage_buffer(&s, 0, SPV_U32);
 *	spv_id i = spv_invocation(&s);
 *	spv_write(&s, data, i, i);
 *	spv_end(&s);
 *	... s.code, s.code_size ...
 *	spv_finish(&s);
 *
 * The calls do not validate the shader: spirv-val does. The program ends if memory runs out.
 */

typedef uint32_t spv_id;

enum spv_type {
	SPV_BOOL,
	SPV_U32,
	/* A 64-bit device address, as two 32-bit words: not all drivers have shaderInt64. */
	SPV_ADDRESS,
	SPV_TYPE_COUNT,
};

/* A growing list of words; private to spirv.c. */
struct spv_words {
	uint32_t *words;
	size_t count;
	size_t capacity;
};

struct spv {
	/* The finished module, after spv_end(). */
	const uint32_t *code;
	size_t code_size; /* bytes */

	/* private */
	uint32_t local_size;
	spv_id next_id;
	spv_id types[SPV_TYPE_COUNT];
	spv_id uvec3, main, invocation;
	spv_id push_block;
	enum spv_type push_types[16];
	bool uses_addresses;
	/* Global variables, listed by the entry point. */
	spv_id globals[16];
	size_t global_count;
	/* By id: the type of a value, or the element type of a buffer. */
	struct spv_words value_types;
	/* The sections of a module, in SPIR-V's order. */
	struct spv_words decorations, declarations, variables, body;
	struct spv_words module;
};

/* A shader with local_size invocations in each workgroup, all along x. */
void spv_begin(struct spv *s, uint32_t local_size);
/* Assembles the module. */
void spv_end(struct spv *s);
void spv_finish(struct spv *s);

/* A storage buffer in descriptor set 0. */
spv_id spv_storage_buffer(struct spv *s, uint32_t binding, enum spv_type element);
/* Declares all push constants, in order, each aligned to its size. Call once. */
void spv_push_constants(struct spv *s, const enum spv_type *types, size_t count);

/* Values. */
spv_id spv_u32(struct spv *s, uint32_t value);
/* gl_GlobalInvocationID.x */
spv_id spv_invocation(struct spv *s);
spv_id spv_push_constant(struct spv *s, uint32_t index);

/* a op b, of a's type: SpvOpIAdd, SpvOpIMul, SpvOpBitwiseXor, SpvOpShiftLeftLogical, ... */
spv_id spv_op(struct spv *s, SpvOp op, spv_id a, spv_id b);
/* a op b, a bool: SpvOpIEqual, SpvOpULessThan, ... */
spv_id spv_compare(struct spv *s, SpvOp op, spv_id a, spv_id b);
spv_id spv_select(struct spv *s, spv_id condition, spv_id yes, spv_id no);

/* Elements of a storage buffer. */
spv_id spv_read(struct spv *s, spv_id buffer, spv_id index);
void spv_write(struct spv *s, spv_id buffer, spv_id index, spv_id value);
/* Returns the previous value of the element. */
spv_id spv_atomic_add(struct spv *s, spv_id buffer, spv_id index, spv_id value);

/* Elements of an array at a device address. */
spv_id spv_address_read(struct spv *s, spv_id address, spv_id index, enum spv_type type);
void spv_address_write(struct spv *s, spv_id address, spv_id index, spv_id value);

/* Variables. */
spv_id spv_variable(struct spv *s, enum spv_type type);
spv_id spv_get(struct spv *s, spv_id variable);
void spv_set(struct spv *s, spv_id variable, spv_id value);

/* if (condition) { ... } */
spv_id spv_if(struct spv *s, spv_id condition);
void spv_end_if(struct spv *s, spv_id branch);

/* for (u32 i = 0; i < count; i++) { ... } */
struct spv_loop {
	spv_id i;
	/* private */
	spv_id counter, header, next, merge;
};
struct spv_loop spv_for(struct spv *s, spv_id count);
void spv_end_for(struct spv *s, const struct spv_loop *loop);

#endif
