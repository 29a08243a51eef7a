/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_TRACE_H
#define VMB_BASE_TRACE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The trace: what VMBIND_TRACE writes, in the Chrome trace event format; docs/traces.md describes
 * the events. Knows no Vulkan.
 *
 * An event is appended to the file by one write, before the function that makes it returns: a
 * program that is killed loses none, and those of several threads and processes do not mix. Whoever
 * has no trace has a NULL pointer, which everything here takes for a trace that is off.
 *
 * All functions may be called from any thread. None but the first can fail: what cannot be written
 * is lost, which is reported once. Times are nanoseconds of CLOCK_MONOTONIC; sizes are in bytes.
 */
struct vmb_trace;

/* Opens a file, or goes on with one that is there; a %p in the path becomes the process id. -EEXIST
 * if the file holds something else. The trace must not be closed while slices of it are open. */
int vmb_trace_open(const char *path, struct vmb_trace **out);
/* Ends the file, if no other trace is still open on it. Accepts NULL. */
void vmb_trace_close(struct vmb_trace *trace);

/* What an event says besides its name: JSON, as far as there is room; what does not fit is left
 * out. */
struct vmb_trace_args {
	size_t length;
	char text[1024];
};

void vmb_trace_number(struct vmb_trace_args *args, const char *key, uint64_t value);
/* A handle or an address, which JSON's numbers would round. */
void vmb_trace_hex(struct vmb_trace_args *args, const char *key, uint64_t value);
/* Whatever is not UTF-8 in it is replaced. */
void vmb_trace_text(struct vmb_trace_args *args, const char *key, const char *value);

/* Where the arrows to ops begin: in a slice of a thread. thread is 0 where there is none. */
struct vmb_trace_origin {
	uint64_t time;
	uint32_t thread;
};

/* A span of time on one thread, within the one that it was begun in. Lives on the caller's stack;
 * only trace is set where tracing is off. */
struct vmb_trace_slice {
	struct vmb_trace *trace;
	struct vmb_trace_slice *outer;
	const char *name; /* as is in JSON, and there until the end */
	uint64_t start;
	/* Its own, unless somebody else is worked for. */
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
/* Something that happened at one time, within this thread's innermost slice. */
void vmb_trace_instant(
	struct vmb_trace *trace, const char *name, const struct vmb_trace_args *args);

uint64_t vmb_trace_now(void);

/* What the kernel was given. */
struct vmb_trace_op {
	const char *kind; /* "map", "sparse", "unmap" or "sync" */
	uint64_t va;
	uint64_t size;
	uint32_t backing; /* the kernel's name for the memory; map only, like offset */
	uint64_t offset;
	int error; /* negative errno if it was not executed */
};

/* An op that took from start to end on this thread, with an arrow to it; and one op less is
 * saved. */
void vmb_trace_op(
	struct vmb_trace *trace, const struct vmb_trace_op *op, uint64_t start, uint64_t end);
/* A call that took so long on this thread. */
void vmb_trace_system_call(struct vmb_trace *trace, const char *name,
	const struct vmb_trace_args *args, uint64_t start, uint64_t end);

enum vmb_trace_counter {
	VMB_TRACE_BYTES_BOUND,
	VMB_TRACE_OPS_SAVED, /* asked for, and not necessary */
	VMB_TRACE_HOSTMEM_DEFERRED,
	VMB_TRACE_HOSTMEM_MAPPED,
	VMB_TRACE_COUNTERS,
};

/* Changes a counter, which is written when the next slice ends. */
void vmb_trace_add(struct vmb_trace *trace, enum vmb_trace_counter counter, int64_t change);
/* Changes of the bytes of blobs in the host's memory window: those promised to the driver, and
 * those mapped for it. Written at once. */
void vmb_trace_hostmem(struct vmb_trace *trace, int64_t promised, int64_t mapped);

#endif
