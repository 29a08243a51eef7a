/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_TRACE_H
#define VMB_BASE_TRACE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The trace: the file that VMBIND_TRACE names, in the Chrome trace event format. docs/traces.md
 * describes the events. Knows no Vulkan.
 *
 * One write appends an event to the file, before the function that makes the event returns. A
 * program that is killed loses no event, and the events of several threads and processes do not
 * mix. NULL stands for a trace that is off.
 *
 * Any thread may call any function. Only vmb_trace_open() can fail. An event that cannot be written
 * is lost, and the loss is logged once. Times are nanoseconds of CLOCK_MONOTONIC; sizes are in
 * bytes.
 */
struct vmb_trace;

/* Opens a file, or continues a trace that is there. %p in the path becomes the process id. -EEXIST
 * if the file is not a trace; negative errno. The trace must not be closed while slices of it are
 * open. */
int vmb_trace_open(const char *path, struct vmb_trace **out);
/* Ends the file, unless another trace has it open. Accepts NULL. */
void vmb_trace_close(struct vmb_trace *trace);

/* The arguments of an event: JSON members. A member that does not fit is left out. */
struct vmb_trace_args {
	size_t length;
	char text[1024];
};

void vmb_trace_number(struct vmb_trace_args *args, const char *key, uint64_t value);
/* For handles and addresses, which JSON numbers would round. */
void vmb_trace_hex(struct vmb_trace_args *args, const char *key, uint64_t value);
/* Bytes that are not UTF-8 are replaced. */
void vmb_trace_text(struct vmb_trace_args *args, const char *key, const char *value);

/* Where the arrows to ops begin: a time in a slice of a thread. thread is 0 without a slice. */
struct vmb_trace_origin {
	uint64_t time;
	uint32_t thread;
};

/* A span of time on one thread, inside the slice that was begun before. Lives on the caller's
 * stack. Only trace is set if tracing is off. */
struct vmb_trace_slice {
	struct vmb_trace *trace;
	struct vmb_trace_slice *outer;
	const char *name; /* JSON text; stays until the end */
	uint64_t start;
	/* The call this slice works for: itself, or the vkQueueBindSparse that queued the batch. */
	struct vmb_trace_origin origin;
	struct vmb_trace_args args;
};

/* private to trace.c */
void vmb_trace_begin_slice(struct vmb_trace_slice *slice, const char *name);
void vmb_trace_end_slice(struct vmb_trace_slice *slice);

static inline void vmb_trace_begin(
	struct vmb_trace_slice *slice, struct vmb_trace *trace, const char *name)
{
	slice->trace = trace;
	if (trace) {
		vmb_trace_begin_slice(slice, name);
	}
}

static inline void vmb_trace_end(struct vmb_trace_slice *slice)
{
	if (slice->trace) {
		vmb_trace_end_slice(slice);
	}
}

/* Add a member to this thread's innermost slice, if it belongs to the trace: for functions that
 * another one called. */
void vmb_trace_annotate_number(struct vmb_trace *trace, const char *key, uint64_t value);
void vmb_trace_annotate_hex(struct vmb_trace *trace, const char *key, uint64_t value);

/* The origin of this thread's innermost slice; zeros without a trace or a slice. */
struct vmb_trace_origin vmb_trace_origin(const struct vmb_trace *trace);

/* Names this thread. */
void vmb_trace_thread(struct vmb_trace *trace, const char *name);
/* An event without a duration, inside this thread's innermost slice. */
void vmb_trace_instant(
	struct vmb_trace *trace, const char *name, const struct vmb_trace_args *args);

uint64_t vmb_trace_now(void);

/* An op that the kernel executes. */
struct vmb_trace_op {
	const char *kind; /* "map", "sparse", "unmap" or "sync" */
	uint64_t va;
	uint64_t size;
	uint32_t backing; /* the kernel's name for the memory; map only, as offset */
	uint64_t offset;
	int error; /* negative errno if it was not executed */
};

/* An op that lasted from start to end on this thread, with an arrow to it. Takes one op off
 * OPS_SAVED. */
void vmb_trace_op(
	struct vmb_trace *trace, const struct vmb_trace_op *op, uint64_t start, uint64_t end);
/* A system call of this thread. */
void vmb_trace_system_call(struct vmb_trace *trace, const char *name,
	const struct vmb_trace_args *args, uint64_t start, uint64_t end);

enum vmb_trace_counter {
	VMB_TRACE_BYTES_BOUND,
	VMB_TRACE_OPS_SAVED, /* in binds, and not sent */
	VMB_TRACE_HOSTMEM_DEFERRED,
	VMB_TRACE_HOSTMEM_MAPPED,
	VMB_TRACE_COUNTERS,
};

/* Changes a counter. Its value is written when the next slice ends. */
void vmb_trace_add(struct vmb_trace *trace, enum vmb_trace_counter counter, int64_t change);
/* Changes the bytes of blobs that are deferred, and of those in hostmem. Written at once. */
void vmb_trace_hostmem(struct vmb_trace *trace, int64_t deferred, int64_t mapped);

#endif
