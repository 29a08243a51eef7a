/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* F_OFD_SETLK, gettid, memrchr, program_invocation_short_name */
#include "base/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json_text.h"
#include "base/log.h"

/*
 * The file is an array of events, one a line. It is ended by whoever is the last to have it open,
 * and what comes later takes the end away again. Who that is the locks of two of its bytes tell,
 * which go with the open file, however the process ends:
 *
 *  - MUTEX_BYTE is held for writing by who looks at the ends of the file;
 *  - USE_BYTE is held for reading by all that have it open.
 *
 * A child that was forked has the same open file: closing it gives up no lock then. What the child
 * does with its parent's instance is not written, so that nothing comes after the parent's end.
 */
struct vmb_trace {
	int fd;
	pid_t owner; /* the process that opened it */
	atomic_bool failed; /* a write has */
	/* Guards the counters, and is held while they are written: their events are in order. */
	pthread_mutex_t counters_lock;
	int64_t counters[VMB_TRACE_COUNTERS];
	int64_t written[VMB_TRACE_COUNTERS];
};

#define MUTEX_BYTE 0
#define USE_BYTE 1

#define END "\n]\n"
#define END_SIZE (sizeof(END) - 1)

/* Room for three events, of which one has arguments. */
struct text {
	size_t length;
	char data[2048];
};

/* This thread's innermost slice. */
static _Thread_local struct vmb_trace_slice *current;

uint64_t vmb_trace_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Nothing after an event of which only a part could be written: it would belong to that. */
static void write_all(struct vmb_trace *trace, const char *data, size_t size)
{
	if (atomic_load_explicit(&trace->failed, memory_order_relaxed) ||
		getpid() != trace->owner) {
		return;
	}
	while (size > 0) {
		ssize_t written = write(trace->fd, data, size);
		if (written < 0 && errno == EINTR) {
			continue;
		}
		if (written < 0) {
			if (!atomic_exchange(&trace->failed, true)) {
				vmb_log(VMB_LOG_ERROR, VMB_LOG_ERROR, "the trace is incomplete: %s",
					strerror(errno));
			}
			return;
		}
		data += written;
		size -= (size_t)written;
	}
}

/* All or nothing of it. */
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

/* The members that all events have, times in microseconds. */
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

/* An arrow from a slice's origin to a slice of this thread. Both begin with their slices, and have
 * to lie within them. */
static void append_arrow(struct text *text, const struct vmb_trace_origin *origin, uint64_t start)
{
	/* Of all processes that write to the file, and of all times that they load the layer: an op
	 * begins when no other does on its thread. Threads have 22 bits, 42 are more than an
	 * hour. */
	uint64_t id = (uint64_t)gettid() << 42 | (start & ((UINT64_C(1) << 42) - 1));
	append_event(text, ",\n", "s", "op", "op", origin->thread, origin->time + 1);
	append_text(text, ",\"id\":\"0x%" PRIx64 "\"}", id);
	append_event(text, ",\n", "f", "op", "op", (uint32_t)gettid(), start + 1);
	append_text(text, ",\"bp\":\"e\",\"id\":\"0x%" PRIx64 "\"}", id);
}

static void write_text(struct vmb_trace *trace, const struct text *text)
{
	write_all(trace, text->data, text->length);
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

/* counters_lock is held. */
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
			vmb_trace_now());
		/* Those of a process that have one name are one, but for this. */
		append_text(&text, ",\"id\":\"%d\",\"args\":{\"%s\":%" PRId64 "}}", trace->fd,
			names[i].unit, trace->counters[i]);
	}
	write_text(trace, &text);
}

void vmb_trace_hostmem(struct vmb_trace *trace, int64_t promised, int64_t mapped)
{
	if (!trace) {
		return;
	}
	pthread_mutex_lock(&trace->counters_lock);
	trace->counters[VMB_TRACE_HOSTMEM_DEFERRED] += promised;
	trace->counters[VMB_TRACE_HOSTMEM_MAPPED] += mapped;
	write_counters(trace);
	pthread_mutex_unlock(&trace->counters_lock);
}

void vmb_trace_begin_slice(struct vmb_trace_slice *slice, const char *name)
{
	slice->outer = current;
	slice->name = name;
	slice->start = vmb_trace_now();
	slice->origin = (struct vmb_trace_origin){ slice->start, (uint32_t)gettid() };
	slice->args.length = 0;
	current = slice;
}

void vmb_trace_end_slice(struct vmb_trace_slice *slice)
{
	struct vmb_trace *trace = slice->trace;
	struct text text = { 0 };

	append_slice(&text, slice->origin.time == slice->start ? "vulkan" : "layer", slice->name,
		slice->start, vmb_trace_now(), &slice->args);
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
	append_event(&text, ",\n", "i", "bind", name, (uint32_t)gettid(), vmb_trace_now());
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

/* Metadata, which has no time. */
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

static int lock_byte(int fd, short type, off_t byte, bool waits)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return fcntl(fd, waits ? F_OFD_SETLKW : F_OFD_SETLK, &lock) == 0 ? 0 : -errno;
}

/* Whether nobody else has the file open. Where there are no locks all goes well but for who begins
 * and ends the file. MUTEX_BYTE is held. */
static bool is_alone(int fd)
{
	int ret = lock_byte(fd, F_WRLCK, USE_BYTE, false);

	return ret != -EAGAIN && ret != -EACCES;
}

static size_t trim(const char *text, size_t length)
{
	while (length && memchr(" \t\r\n", text[length - 1], 4)) {
		length--;
	}
	return length;
}

/* Whether a line holds as many brackets as it opens: one whose end could not be written does
 * not. */
static bool is_whole(const char *line, size_t length)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < length; i++) {
		if (line[i] == '"') {
			in_string = !in_string;
		} else if (in_string) {
			i += line[i] == '\\';
		} else {
			depth += (line[i] == '{') - (line[i] == '}');
		}
	}
	return depth == 0 && !in_string;
}

static size_t trim_comma(const char *text, size_t length)
{
	size_t kept = trim(text, length);

	return kept && text[kept - 1] == ',' ? trim(text, kept - 1) : kept;
}

/* How much of the file's tail there is to go on with: what is left without the array's end, which
 * people add to a trace of a killed program as well, and without an event that could not be written
 * to its end. */
static size_t kept_tail(const char *tail, size_t length)
{
	size_t kept = trim(tail, length);

	if (kept && tail[kept - 1] == ']') {
		kept--;
	}
	kept = trim_comma(tail, kept);
	const char *end = memrchr(tail, '\n', kept);
	size_t line = end ? (size_t)(end - tail) + 1 : 0;
	if (is_whole(tail + line, kept - line)) {
		return kept;
	}
	return end ? trim_comma(tail, line) : length;
}

/* Takes the end of the array away, and says what has to be written before an event that goes on
 * with it. */
static int reopen_array(int fd, off_t size, const char **separator)
{
	char tail[2 * sizeof(struct text)];
	off_t start = size > (off_t)sizeof(tail) ? size - (off_t)sizeof(tail) : 0;
	ssize_t length = pread(fd, tail, sizeof(tail), start);

	if (length < 0) {
		return -errno;
	}
	size_t kept = kept_tail(tail, (size_t)length);
	*separator = start + (off_t)kept <= 1 ? "\n" : ",\n";
	return ftruncate(fd, start + (off_t)kept) < 0 ? -errno : 0;
}

static int continue_array(int fd, bool is_alone, const char **separator)
{
	struct stat file;
	char first;

	*separator = "[\n";
	if (fstat(fd, &file) < 0) {
		return -errno;
	}
	if (!S_ISREG(file.st_mode) || file.st_size == 0) {
		return 0;
	}
	if (pread(fd, &first, 1, 0) != 1 || first != '[') {
		return -EEXIST;
	}
	*separator = ",\n";
	return is_alone ? reopen_array(fd, file.st_size, separator) : 0;
}

static int begin_file(struct vmb_trace *trace)
{
	struct text text = { 0 };
	const char *separator;

	lock_byte(trace->fd, F_WRLCK, MUTEX_BYTE, true);
	int ret = continue_array(trace->fd, is_alone(trace->fd), &separator);
	if (ret == 0) {
		append_name(&text, separator, "process_name", program_invocation_short_name);
		write_text(trace, &text);
	}
	lock_byte(trace->fd, ret == 0 ? F_RDLCK : F_UNLCK, USE_BYTE, true);
	lock_byte(trace->fd, F_UNLCK, MUTEX_BYTE, false);
	return ret;
}

static void end_file(struct vmb_trace *trace)
{
	if (getpid() != trace->owner) {
		return;
	}
	lock_byte(trace->fd, F_WRLCK, MUTEX_BYTE, true);
	if (is_alone(trace->fd)) {
		write_all(trace, END, END_SIZE);
	}
	lock_byte(trace->fd, F_UNLCK, USE_BYTE, false);
	lock_byte(trace->fd, F_UNLCK, MUTEX_BYTE, false);
}

/* The path with the process id in it, owned by the caller; NULL if memory is short. */
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
	char *expanded = expand_path(path);
	int ret = -ENOMEM;

	if (!trace || !expanded) {
		goto fail;
	}
	trace->fd = open(expanded, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (trace->fd < 0) {
		ret = -errno;
		goto fail;
	}
	trace->owner = getpid();
	ret = begin_file(trace);
	if (ret < 0) {
		close(trace->fd);
		goto fail;
	}
	pthread_mutex_init(&trace->counters_lock, NULL);
	free(expanded);
	*out = trace;
	return 0;

fail:
	free(expanded);
	free(trace);
	return ret;
}

void vmb_trace_close(struct vmb_trace *trace)
{
	if (!trace) {
		return;
	}
	end_file(trace);
	close(trace->fd);
	pthread_mutex_destroy(&trace->counters_lock);
	free(trace);
}
