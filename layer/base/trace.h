/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_TRACE_H
#define VMB_BASE_TRACE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The trace: the file that VMBIND_TRACE names, in the Chrome trace event format. docs/traces.md
 * describes the events. This file has no Vulkan types.
 *
 * Each event is appended to the file with one write, before its function returns. A killed program
 * loses no event, and the events of several threads and processes do not mix. A NULL trace is off.
 *
 * Any thread may call any function. Only vmb_trace_open() can fail. If a write fails, the layer
 * logs the error once and writes no further events. Times are nanoseconds of CLOCK_MONOTONIC; sizes
 * are in bytes.
 */
struct vmb_trace;

/* Begins a trace in a new or an empty file, or continues an existing trace. The first %p in the
 * path becomes the process id. -EEXIST if the file is neither empty nor a trace; any other negative
 * errno. vmb_output_error() describes the errors. */
int vmb_trace_open(const char *path, struct vmb_trace **out);
/* Closes the trace. All slices of the trace must have ended. Accepts NULL. */
void vmb_trace_close(struct vmb_trace *trace);

/* The arguments of an event: JSON members. A member that does not fit is left out. */
struct vmb_trace_args {
	size_t length;
	char text[1024];
};

void vmb_trace_number(struct vmb_trace_args *args, const char *key, uint64_t value);
/* For handles and addresses, which JSON numbers would round. */
void vmb_trace_hex(struct vmb_trace_args *args, const char *key, uint64_t value);
/* Replaces bytes that are not UTF-8. A text above about 500 bytes is cut. */
void vmb_trace_text(struct vmb_trace_args *args, const char *key, const char *value);

/* The start of the arrows to ops: a time and the thread of a slice. thread is 0 without a slice. */
struct vmb_trace_origin {
	uint64_t time;
	uint32_t thread;
};

/* A span of time on one thread, inside the slice that the thread began before. Lives on the
 * caller's stack. If tracing is off, only trace is set. */
struct vmb_trace_slice {
	struct vmb_trace *trace;
	struct vmb_trace_slice *outer;
	const char *name; /* JSON text; borrowed until the slice ends */
	uint64_t start;
	/* The call that this slice works for: the slice itself, or the vkQueueBindSparse that
	 * queued the batch. */
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

/* Add a member to this thread's innermost slice if the slice belongs to the trace. For functions
 * that do not have the slice. */
void vmb_trace_annotate_number(struct vmb_trace *trace, const char *key, uint64_t value);
void vmb_trace_annotate_hex(struct vmb_trace *trace, const char *key, uint64_t value);

/* The origin of this thread's innermost slice; zeros without a trace or a slice. */
struct vmb_trace_origin vmb_trace_origin(const struct vmb_trace *trace);

/* Names this thread. */
void vmb_trace_thread(struct vmb_trace *trace, const char *name);
/* Writes an event without a duration, inside this thread's innermost slice. */
void vmb_trace_instant(
	struct vmb_trace *trace, const char *name, const struct vmb_trace_args *args);

/* An op that the kernel executes. */
struct vmb_trace_op {
	const char *kind; /* "map", "sparse", "unmap" or "sync" */
	uint64_t va;
	uint64_t size;
	uint32_t backing; /* map only: GEM handle, or 0 without one */
	uint64_t offset; /* map only: into the backing */
	int error; /* 0, or the negative errno of an op that was not executed */
};

/* Writes an op that lasted from start to end on this thread, and an arrow from the slice's origin.
 * Subtracts 1 from OPS_SAVED. */
void vmb_trace_op(
	struct vmb_trace *trace, const struct vmb_trace_op *op, uint64_t start, uint64_t end);
/* Writes a system call of this thread. */
void vmb_trace_system_call(struct vmb_trace *trace, const char *name,
	const struct vmb_trace_args *args, uint64_t start, uint64_t end);

enum vmb_trace_counter {
	VMB_TRACE_BYTES_BOUND,
	VMB_TRACE_OPS_SAVED, /* binds, or ops of the driver, minus the ops sent */
	VMB_TRACE_HOSTMEM_DEFERRED,
	VMB_TRACE_HOSTMEM_MAPPED,
	VMB_TRACE_COUNTERS,
};

/* Changes a counter. The next slice that ends writes the value. */
void vmb_trace_add(struct vmb_trace *trace, enum vmb_trace_counter counter, int64_t change);
/* Adds to the bytes of deferred blobs and of blobs in hostmem, and writes both counters at once. */
void vmb_trace_hostmem(struct vmb_trace *trace, int64_t deferred, int64_t mapped);

#endif
