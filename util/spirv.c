/* SPDX-License-Identifier: MIT */
#include "spirv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Appends an instruction: EMIT(&s->body, SpvOpStore, pointer, value). */
#define EMIT(section, op, ...) \
	emit(section, op, (const uint32_t[]){ __VA_ARGS__ }, \
		COUNT(((const uint32_t[]){ __VA_ARGS__ })))

static void append(struct spv_words *list, uint32_t word)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? list->capacity * 2 : 64;
		list->words = realloc(list->words, list->capacity * sizeof(uint32_t));
		if (!list->words) {
			perror("spirv");
			abort();
		}
	}
	list->words[list->count++] = word;
}

static void emit(struct spv_words *section, SpvOp op, const uint32_t *operands, size_t count)
{
	append(section, (uint32_t)(count + 1) << SpvWordCountShift | (uint32_t)op);
	for (size_t i = 0; i < count; i++) {
		append(section, operands[i]);
	}
}

static void emit_simple(struct spv_words *section, SpvOp op)
{
	emit(section, op, NULL, 0);
}

/* A string ends with at least one zero byte and is padded with zeros to whole words. */
static void append_string(struct spv_words *list, const char *text)
{
	size_t length = strlen(text);

	for (size_t at = 0; at <= length; at += 4) {
		uint32_t word = 0;
		size_t left = length - at;
		memcpy(&word, text + at, left < 4 ? left : 4);
		append(list, word);
	}
}

static spv_id new_id(struct spv *s)
{
	append(&s->value_types, SPV_TYPE_COUNT);
	return s->next_id++;
}

static spv_id new_value(struct spv *s, enum spv_type type)
{
	spv_id id = new_id(s);

	s->value_types.words[id] = type;
	return id;
}

static enum spv_type type_of(const struct spv *s, spv_id id)
{
	return (enum spv_type)s->value_types.words[id];
}

static uint32_t size_of(enum spv_type type)
{
	return type == SPV_ADDRESS ? 8 : 4;
}

static void declare_types(struct spv *s)
{
	s->types[SPV_BOOL] = new_id(s);
	s->types[SPV_U32] = new_id(s);
	s->types[SPV_ADDRESS] = new_id(s);
	s->uvec3 = new_id(s);
	EMIT(&s->declarations, SpvOpTypeBool, s->types[SPV_BOOL]);
	EMIT(&s->declarations, SpvOpTypeInt, s->types[SPV_U32], 32, 0);
	EMIT(&s->declarations, SpvOpTypeVector, s->types[SPV_ADDRESS], s->types[SPV_U32], 2);
	EMIT(&s->declarations, SpvOpTypeVector, s->uvec3, s->types[SPV_U32], 3);
}

static spv_id pointer_type(struct spv *s, SpvStorageClass class, spv_id pointee)
{
	spv_id id = new_id(s);

	EMIT(&s->declarations, SpvOpTypePointer, id, class, pointee);
	return id;
}

static spv_id global_variable(struct spv *s, SpvStorageClass class, spv_id type)
{
	spv_id id = new_id(s);

	EMIT(&s->declarations, SpvOpVariable, pointer_type(s, class, type), id, class);
	if (s->global_count == COUNT(s->globals)) {
		fprintf(stderr, "spirv: too many global variables\n");
		abort();
	}
	s->globals[s->global_count++] = id;
	return id;
}

void spv_begin(struct spv *s, uint32_t local_size)
{
	*s = (struct spv){ .local_size = local_size };
	new_id(s); /* 0 is not a valid id */
	declare_types(s);
	s->main = new_id(s);

	spv_id input = global_variable(s, SpvStorageClassInput, s->uvec3);
	EMIT(&s->decorations, SpvOpDecorate, input, SpvDecorationBuiltIn,
		SpvBuiltInGlobalInvocationId);
	spv_id vector = new_id(s);
	EMIT(&s->body, SpvOpLoad, s->uvec3, vector, input);
	s->invocation = new_value(s, SPV_U32);
	EMIT(&s->body, SpvOpCompositeExtract, s->types[SPV_U32], s->invocation, vector, 0);
}

/* Capabilities, addressing and the entry point precede the decorations. */
static void assemble_head(struct spv *s)
{
	struct spv_words *m = &s->module;
	/* SPIR-V 1.5 includes device addresses, and the entry point lists every global variable. In
	 * 1.3, which more drivers support, the entry point lists only the inputs. */
	size_t interface = s->uses_addresses ? s->global_count : 1;

	append(m, SpvMagicNumber);
	append(m, s->uses_addresses ? 0x00010500 : 0x00010300);
	append(m, 0); /* generator */
	append(m, s->next_id);
	append(m, 0); /* reserved */
	EMIT(m, SpvOpCapability, SpvCapabilityShader);
	if (s->uses_addresses) {
		EMIT(m, SpvOpCapability, SpvCapabilityPhysicalStorageBufferAddresses);
	}
	EMIT(m, SpvOpMemoryModel,
		s->uses_addresses ? SpvAddressingModelPhysicalStorageBuffer64
				  : SpvAddressingModelLogical,
		SpvMemoryModelGLSL450);
	append(m, (uint32_t)(5 + interface) << SpvWordCountShift | SpvOpEntryPoint);
	append(m, SpvExecutionModelGLCompute);
	append(m, s->main);
	append_string(m, "main");
	for (size_t i = 0; i < interface; i++) {
		append(m, s->globals[i]);
	}
	EMIT(m, SpvOpExecutionMode, s->main, SpvExecutionModeLocalSize, s->local_size, 1, 1);
}

static void append_all(struct spv_words *list, const struct spv_words *section)
{
	for (size_t i = 0; i < section->count; i++) {
		append(list, section->words[i]);
	}
}

void spv_end(struct spv *s)
{
	spv_id void_type = new_id(s);
	spv_id function_type = new_id(s);
	spv_id label = new_id(s);

	EMIT(&s->declarations, SpvOpTypeVoid, void_type);
	EMIT(&s->declarations, SpvOpTypeFunction, function_type, void_type);
	emit_simple(&s->body, SpvOpReturn);
	emit_simple(&s->body, SpvOpFunctionEnd);

	assemble_head(s);
	append_all(&s->module, &s->decorations);
	append_all(&s->module, &s->declarations);
	EMIT(&s->module, SpvOpFunction, void_type, s->main, SpvFunctionControlMaskNone,
		function_type);
	EMIT(&s->module, SpvOpLabel, label);
	append_all(&s->module, &s->variables);
	append_all(&s->module, &s->body);
	s->code = s->module.words;
	s->code_size = s->module.count * sizeof(uint32_t);
}

void spv_finish(struct spv *s)
{
	struct spv_words *lists[] = { &s->value_types, &s->decorations, &s->declarations,
		&s->variables, &s->body, &s->module };

	for (size_t i = 0; i < COUNT(lists); i++) {
		free(lists[i]->words);
	}
	*s = (struct spv){ 0 };
}

static void decorate_binding(struct spv *s, spv_id variable, uint32_t binding)
{
	EMIT(&s->decorations, SpvOpDecorate, variable, SpvDecorationDescriptorSet, 0);
	EMIT(&s->decorations, SpvOpDecorate, variable, SpvDecorationBinding, binding);
}

/* The type struct { element data[]; }. */
static spv_id array_block(struct spv *s, enum spv_type element)
{
	spv_id array = new_id(s);
	spv_id block = new_id(s);

	EMIT(&s->declarations, SpvOpTypeRuntimeArray, array, s->types[element]);
	EMIT(&s->declarations, SpvOpTypeStruct, block, array);
	EMIT(&s->decorations, SpvOpDecorate, array, SpvDecorationArrayStride, size_of(element));
	EMIT(&s->decorations, SpvOpDecorate, block, SpvDecorationBlock);
	EMIT(&s->decorations, SpvOpMemberDecorate, block, 0, SpvDecorationOffset, 0);
	return block;
}

spv_id spv_storage_buffer(struct spv *s, uint32_t binding, enum spv_type element)
{
	spv_id variable = global_variable(s, SpvStorageClassStorageBuffer, array_block(s, element));

	decorate_binding(s, variable, binding);
	s->value_types.words[variable] = element;
	return variable;
}

void spv_push_constants(struct spv *s, const enum spv_type *types, size_t count)
{
	struct spv_words members = { 0 };
	spv_id block = new_id(s);
	uint32_t offset = 0;

	if (count > COUNT(s->push_types)) {
		fprintf(stderr, "spirv: too many push constants\n");
		abort();
	}
	append(&members, block);
	for (size_t i = 0; i < count; i++) {
		uint32_t size = size_of(types[i]);
		offset = (offset + size - 1) & ~(size - 1);
		append(&members, s->types[types[i]]);
		s->push_types[i] = types[i];
		EMIT(&s->decorations, SpvOpMemberDecorate, block, (uint32_t)i, SpvDecorationOffset,
			offset);
		offset += size;
	}
	emit(&s->declarations, SpvOpTypeStruct, members.words, members.count);
	free(members.words);
	EMIT(&s->decorations, SpvOpDecorate, block, SpvDecorationBlock);
	s->push_block = global_variable(s, SpvStorageClassPushConstant, block);
}

spv_id spv_u32(struct spv *s, uint32_t value)
{
	spv_id id = new_value(s, SPV_U32);

	EMIT(&s->declarations, SpvOpConstant, s->types[SPV_U32], id, value);
	return id;
}

spv_id spv_invocation(struct spv *s)
{
	return s->invocation;
}

/* Appends an instruction that has a result: "id = op type operands". */
static spv_id result(
	struct spv *s, SpvOp op, enum spv_type type, const uint32_t *operands, size_t count)
{
	spv_id id = new_value(s, type);

	append(&s->body, (uint32_t)(count + 3) << SpvWordCountShift | (uint32_t)op);
	append(&s->body, s->types[type]);
	append(&s->body, id);
	for (size_t i = 0; i < count; i++) {
		append(&s->body, operands[i]);
	}
	return id;
}

#define RESULT(s, op, type, ...) \
	result(s, op, type, (const uint32_t[]){ __VA_ARGS__ }, \
		COUNT(((const uint32_t[]){ __VA_ARGS__ })))

spv_id spv_push_constant(struct spv *s, uint32_t index)
{
	enum spv_type type = s->push_types[index];
	spv_id pointer = new_id(s);

	EMIT(&s->body, SpvOpAccessChain,
		pointer_type(s, SpvStorageClassPushConstant, s->types[type]), pointer,
		s->push_block, spv_u32(s, index));
	return RESULT(s, SpvOpLoad, type, pointer);
}

spv_id spv_op(struct spv *s, SpvOp op, spv_id a, spv_id b)
{
	return RESULT(s, op, type_of(s, a), a, b);
}

spv_id spv_compare(struct spv *s, SpvOp op, spv_id a, spv_id b)
{
	return RESULT(s, op, SPV_BOOL, a, b);
}

spv_id spv_select(struct spv *s, spv_id condition, spv_id yes, spv_id no)
{
	return RESULT(s, SpvOpSelect, type_of(s, yes), condition, yes, no);
}

static spv_id element_pointer(
	struct spv *s, SpvStorageClass class, spv_id block, enum spv_type type, spv_id index)
{
	spv_id pointer = new_id(s);

	EMIT(&s->body, SpvOpAccessChain, pointer_type(s, class, s->types[type]), pointer, block,
		spv_u32(s, 0), index);
	return pointer;
}

static spv_id element(struct spv *s, spv_id buffer, spv_id index)
{
	return element_pointer(s, SpvStorageClassStorageBuffer, buffer, type_of(s, buffer), index);
}

spv_id spv_read(struct spv *s, spv_id buffer, spv_id index)
{
	return RESULT(s, SpvOpLoad, type_of(s, buffer), element(s, buffer, index));
}

void spv_write(struct spv *s, spv_id buffer, spv_id index, spv_id value)
{
	EMIT(&s->body, SpvOpStore, element(s, buffer, index), value);
}

spv_id spv_atomic_add(struct spv *s, spv_id buffer, spv_id index, spv_id value)
{
	return RESULT(s, SpvOpAtomicIAdd, type_of(s, buffer), element(s, buffer, index),
		spv_u32(s, SpvScopeDevice), spv_u32(s, SpvMemorySemanticsMaskNone), value);
}

static spv_id at_address(struct spv *s, spv_id address, spv_id index, enum spv_type type)
{
	const SpvStorageClass class = SpvStorageClassPhysicalStorageBuffer;
	spv_id block = new_id(s);

	s->uses_addresses = true;
	EMIT(&s->body, SpvOpBitcast, pointer_type(s, class, array_block(s, type)), block, address);
	return element_pointer(s, class, block, type, index);
}

spv_id spv_address_read(struct spv *s, spv_id address, spv_id index, enum spv_type type)
{
	return RESULT(s, SpvOpLoad, type, at_address(s, address, index, type),
		SpvMemoryAccessAlignedMask, size_of(type));
}

void spv_address_write(struct spv *s, spv_id address, spv_id index, spv_id value)
{
	enum spv_type type = type_of(s, value);

	EMIT(&s->body, SpvOpStore, at_address(s, address, index, type), value,
		SpvMemoryAccessAlignedMask, size_of(type));
}

spv_id spv_variable(struct spv *s, enum spv_type type)
{
	spv_id id = new_value(s, type);

	EMIT(&s->variables, SpvOpVariable, pointer_type(s, SpvStorageClassFunction, s->types[type]),
		id, SpvStorageClassFunction);
	return id;
}

spv_id spv_get(struct spv *s, spv_id variable)
{
	return RESULT(s, SpvOpLoad, type_of(s, variable), variable);
}

void spv_set(struct spv *s, spv_id variable, spv_id value)
{
	EMIT(&s->body, SpvOpStore, variable, value);
}

spv_id spv_if(struct spv *s, spv_id condition)
{
	spv_id then = new_id(s);
	spv_id merge = new_id(s);

	EMIT(&s->body, SpvOpSelectionMerge, merge, SpvSelectionControlMaskNone);
	EMIT(&s->body, SpvOpBranchConditional, condition, then, merge);
	EMIT(&s->body, SpvOpLabel, then);
	return merge;
}

void spv_end_if(struct spv *s, spv_id branch)
{
	EMIT(&s->body, SpvOpBranch, branch);
	EMIT(&s->body, SpvOpLabel, branch);
}

struct spv_loop spv_for(struct spv *s, spv_id count)
{
	struct spv_loop loop = {
		.counter = spv_variable(s, SPV_U32),
		.header = new_id(s),
		.next = new_id(s),
		.merge = new_id(s),
	};
	spv_id test = new_id(s);
	spv_id inside = new_id(s);

	spv_set(s, loop.counter, spv_u32(s, 0));
	EMIT(&s->body, SpvOpBranch, loop.header);
	EMIT(&s->body, SpvOpLabel, loop.header);
	EMIT(&s->body, SpvOpLoopMerge, loop.merge, loop.next, SpvLoopControlMaskNone);
	EMIT(&s->body, SpvOpBranch, test);
	EMIT(&s->body, SpvOpLabel, test);
	loop.i = spv_get(s, loop.counter);
	EMIT(&s->body, SpvOpBranchConditional, spv_compare(s, SpvOpULessThan, loop.i, count),
		inside, loop.merge);
	EMIT(&s->body, SpvOpLabel, inside);
	return loop;
}

void spv_end_for(struct spv *s, const struct spv_loop *loop)
{
	EMIT(&s->body, SpvOpBranch, loop->next);
	EMIT(&s->body, SpvOpLabel, loop->next);
	spv_set(s, loop->counter, spv_op(s, SpvOpIAdd, loop->i, spv_u32(s, 1)));
	EMIT(&s->body, SpvOpBranch, loop->header);
	EMIT(&s->body, SpvOpLabel, loop->merge);
}
