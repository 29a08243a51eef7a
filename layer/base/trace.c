/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* gettid, program_invocation_short_name */
#include "base/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/output.h"
#include "base/trace_file.h"

struct vmb_trace {
	char *path;
	int fd;
	pid_t owner; /* the process that opened the file */
	/* Guards failed. Held during each write: if the reader of a pipe is slow, one thread waits
	 * for the reader, and the others do not add their own timeouts. */
	pthread_mutex_t write_lock;
	bool failed; /* a write failed, and the trace has ended */
	/* Guards the counters. Held during their write, which keeps their events in order. */
	pthread_mutex_t counters_lock;
	int64_t counters[VMB_TRACE_COUNTERS];
	int64_t written[VMB_TRACE_COUNTERS];
};

/* The text of at most three events, one of them with arguments. */
struct text {
	size_t length;
	char data[2048];
};

/* This thread's innermost slice. */
static _Thread_local struct vmb_trace_slice *current;

/* Appends the whole text, or nothing. */
__attribute__((format(printf, 4, 5))) static void append(
	char *data, size_t room, size_t *length, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	int size = vsnprintf(data + *length, room - *length, format, list);
	va_end(list);
	if (size >= 0 && (size_t)size < room - *length) {
		*length += (size_t)size;
	}
	data[*length] = '\0';
}

#define append_text(text, ...) \
	append((text)->data, sizeof((text)->data), &(text)->length, __VA_ARGS__)
#define append_args(args, ...) \
	append((args)->text, sizeof((args)->text), &(args)->length, __VA_ARGS__)

static const char *comma(const struct vmb_trace_args *args)
{
	return args->length ? "," : "";
}

void vmb_trace_number(struct vmb_trace_args *args, const char *key, uint64_t value)
{
	append_args(args, "%s\"%s\":%" PRIu64, comma(args), key, value);
}

void vmb_trace_hex(struct vmb_trace_args *args, const char *key, uint64_t value)
{
	append_args(args, "%s\"%s\":\"0x%" PRIx64 "\"", comma(args), key, value);
}

void vmb_trace_text(struct vmb_trace_args *args, const char *key, const char *value)
{
	char text[512];
	size_t length = 0, size = 1;

	while (size && length + VMB_JSON_CHARACTER_MAX < sizeof(text)) {
		size = vmb_json_character(&value, text + length);
		length += size;
	}
	text[length] = '\0';
	append_args(args, "%s\"%s\":\"%s\"", comma(args), key, text);
}

/* The members that all events have. Times are in microseconds. */
static void append_event(struct text *text, const char *separator, const char *phase,
	const char *category, const char *name, uint32_t thread, uint64_t time)
{
	append_text(text,
		"%s{\"ph\":\"%s\",\"cat\":\"%s\",\"name\":\"%s\",\"pid\":%ld,\"tid\":%" PRIu32
		",\"ts\":%" PRIu64 ".%03u",
		separator, phase, category, name, (long)getpid(), thread, time / 1000,
		(unsigned)(time % 1000));
}

static void append_slice(struct text *text, const char *category, const char *name, uint64_t start,
	uint64_t end, const struct vmb_trace_args *args)
{
	uint64_t duration = end - start;

	append_event(text, ",\n", "X", category, name, (uint32_t)gettid(), start);
	append_text(text, ",\"dur\":%" PRIu64 ".%03u,\"args\":{%s}}", duration / 1000,
		(unsigned)(duration % 1000), args->length ? args->text : "");
}

/* Appends an arrow from an origin to a slice of this thread. The format requires both ends to lie
 * within their slices. */
static void append_arrow(struct text *text, const struct vmb_trace_origin *origin, uint64_t start)
{
	/* The id is unique among all processes that write to the file, since each op of a thread
	 * has another start. Thread ids have 22 bits; 42 bits of nanoseconds are over an hour. */
	uint64_t id = (uint64_t)gettid() << 42 | (start & ((UINT64_C(1) << 42) - 1));
	append_event(text, ",\n", "s", "op", "op", origin->thread, origin->time + 1);
	append_text(text, ",\"id\":\"0x%" PRIx64 "\"}", id);
	append_event(text, ",\n", "f", "op", "op", (uint32_t)gettid(), start + 1);
	append_text(text, ",\"bp\":\"e\",\"id\":\"0x%" PRIx64 "\"}", id);
}

/* Writes nothing after a failed write, and nothing in a child of fork(). */
static void write_text(struct vmb_trace *trace, const struct text *text)
{
	size_t written;

	if (getpid() != trace->owner) {
		return;
	}
	pthread_mutex_lock(&trace->write_lock);
	if (text->length > 0 && !trace->failed) {
		int ret = vmb_output_write(trace->fd, text->data, text->length, &written);
		if (ret < 0) {
			trace->failed = true;
			vmb_trace_file_blank(trace->fd, written);
			vmb_log(VMB_LOG_ERROR, VMB_LOG_ERROR, "the trace '%s' ends early: %s",
				trace->path, vmb_output_error(ret));
		}
	}
	pthread_mutex_unlock(&trace->write_lock);
}

void vmb_trace_add(struct vmb_trace *trace, enum vmb_trace_counter counter, int64_t change)
{
	if (!trace) {
		return;
	}
	pthread_mutex_lock(&trace->counters_lock);
	trace->counters[counter] += change;
	pthread_mutex_unlock(&trace->counters_lock);
}

/* The caller holds counters_lock. */
static void write_counters(struct vmb_trace *trace)
{
	static const struct {
		const char *name;
		const char *unit;
	} names[VMB_TRACE_COUNTERS] = {
		[VMB_TRACE_BYTES_BOUND] = { "bound", "bytes" },
		[VMB_TRACE_OPS_SAVED] = { "saved", "ops" },
		[VMB_TRACE_HOSTMEM_DEFERRED] = { "hostmem promised", "bytes" },
		[VMB_TRACE_HOSTMEM_MAPPED] = { "hostmem mapped", "bytes" },
	};
	struct text text = { 0 };

	for (int i = 0; i < VMB_TRACE_COUNTERS; i++) {
		if (trace->counters[i] == trace->written[i]) {
			continue;
		}
		trace->written[i] = trace->counters[i];
		append_event(&text, ",\n", "C", "counter", names[i].name, (uint32_t)gettid(),
			vmb_clock_ns());
		/* The id separates the counters of several traces of one process. */
		append_text(&text, ",\"id\":\"%d\",\"args\":{\"%s\":%" PRId64 "}}", trace->fd,
			names[i].unit, trace->counters[i]);
	}
	write_text(trace, &text);
}

void vmb_trace_hostmem(struct vmb_trace *trace, int64_t deferred, int64_t mapped)
{
	if (!trace) {
		return;
	}
	pthread_mutex_lock(&trace->counters_lock);
	trace->counters[VMB_TRACE_HOSTMEM_DEFERRED] += deferred;
	trace->counters[VMB_TRACE_HOSTMEM_MAPPED] += mapped;
	write_counters(trace);
	pthread_mutex_unlock(&trace->counters_lock);
}

void vmb_trace_begin_slice(struct vmb_trace_slice *slice, const char *name)
{
	slice->outer = current;
	slice->name = name;
	slice->start = vmb_clock_ns();
	slice->origin = (struct vmb_trace_origin){ slice->start, (uint32_t)gettid() };
	slice->args.length = 0;
	current = slice;
}

void vmb_trace_end_slice(struct vmb_trace_slice *slice)
{
	struct vmb_trace *trace = slice->trace;
	struct text text = { 0 };

	append_slice(&text, slice->origin.time == slice->start ? "vulkan" : "layer", slice->name,
		slice->start, vmb_clock_ns(), &slice->args);
	write_text(trace, &text);
	current = slice->outer;
	pthread_mutex_lock(&trace->counters_lock);
	write_counters(trace);
	pthread_mutex_unlock(&trace->counters_lock);
}

void vmb_trace_annotate_number(struct vmb_trace *trace, const char *key, uint64_t value)
{
	if (trace && current && current->trace == trace) {
		vmb_trace_number(&current->args, key, value);
	}
}

void vmb_trace_annotate_hex(struct vmb_trace *trace, const char *key, uint64_t value)
{
	if (trace && current && current->trace == trace) {
		vmb_trace_hex(&current->args, key, value);
	}
}

struct vmb_trace_origin vmb_trace_origin(const struct vmb_trace *trace)
{
	return trace && current ? current->origin : (struct vmb_trace_origin){ 0 };
}

void vmb_trace_instant(struct vmb_trace *trace, const char *name, const struct vmb_trace_args *args)
{
	struct text text = { 0 };

	if (!trace) {
		return;
	}
	append_event(&text, ",\n", "i", "bind", name, (uint32_t)gettid(), vmb_clock_ns());
	append_text(&text, ",\"s\":\"t\",\"args\":{%s}}", args->length ? args->text : "");
	write_text(trace, &text);
}

void vmb_trace_op(
	struct vmb_trace *trace, const struct vmb_trace_op *op, uint64_t start, uint64_t end)
{
	struct vmb_trace_args args = { 0 };
	struct text text = { 0 };

	if (!trace) {
		return;
	}
	vmb_trace_hex(&args, "va", op->va);
	vmb_trace_number(&args, "size", op->size);
	if (strcmp(op->kind, "map") == 0) {
		vmb_trace_number(&args, "backing", op->backing);
		vmb_trace_number(&args, "offset", op->offset);
	}
	if (op->error) {
		vmb_trace_text(&args, "error", strerror(-op->error));
	}
	append_slice(&text, "op", op->kind, start, end, &args);
	if (current && current->trace == trace && current->origin.thread) {
		append_arrow(&text, &current->origin, start);
	}
	write_text(trace, &text);
	vmb_trace_add(trace, VMB_TRACE_OPS_SAVED, -1);
}

void vmb_trace_system_call(struct vmb_trace *trace, const char *name,
	const struct vmb_trace_args *args, uint64_t start, uint64_t end)
{
	struct text text = { 0 };

	if (!trace) {
		return;
	}
	append_slice(&text, "kernel", name, start, end, args);
	write_text(trace, &text);
}

/* Metadata has no time. */
static void append_name(
	struct text *text, const char *separator, const char *what, const char *name)
{
	struct vmb_trace_args args = { 0 };

	vmb_trace_text(&args, "name", name);
	append_event(text, separator, "M", "__metadata", what, (uint32_t)gettid(), 0);
	append_text(text, ",\"args\":{%s}}", args.text);
}

void vmb_trace_thread(struct vmb_trace *trace, const char *name)
{
	struct text text = { 0 };

	if (!trace) {
		return;
	}
	append_name(&text, ",\n", "thread_name", name);
	write_text(trace, &text);
}

/* Begins or continues the array, and names the process. */
static int begin_file(struct vmb_trace *trace)
{
	struct text text = { 0 };

	append_name(&text, "[\n", "process_name", program_invocation_short_name);
	return vmb_trace_file_begin(trace->fd, text.data, text.length);
}

/* Replaces the first %p by the process id. The caller owns the result; NULL if memory is short. */
static char *expand_path(const char *path)
{
	const char *mark = strstr(path, "%p");
	char *expanded = NULL;

	if (!mark) {
		return strdup(path);
	}
	int ret = asprintf(
		&expanded, "%.*s%ld%s", (int)(mark - path), path, (long)getpid(), mark + 2);
	return ret < 0 ? NULL : expanded;
}

int vmb_trace_open(const char *path, struct vmb_trace **out)
{
	struct vmb_trace *trace = calloc(1, sizeof(*trace));
	int ret = -ENOMEM;

	if (!trace) {
		return ret;
	}
	trace->path = expand_path(path);
	if (!trace->path) {
		goto fail;
	}
	ret = trace->fd = vmb_output_open(trace->path, O_RDWR);
	if (ret < 0) {
		goto fail;
	}
	ret = begin_file(trace);
	if (ret < 0) {
		close(trace->fd);
		goto fail;
	}
	trace->owner = getpid();
	pthread_mutex_init(&trace->write_lock, NULL);
	pthread_mutex_init(&trace->counters_lock, NULL);
	*out = trace;
	return 0;

fail:
	free(trace->path);
	free(trace);
	return ret;
}

void vmb_trace_close(struct vmb_trace *trace)
{
	if (!trace) {
		return;
	}
	close(trace->fd);
	pthread_mutex_destroy(&trace->counters_lock);
	pthread_mutex_destroy(&trace->write_lock);
	free(trace->path);
	free(trace);
}
