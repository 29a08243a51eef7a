/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/trace.h"

/* The contents of a trace file, with # in place of values that differ between runs. */

static char path[64];
static char contents[1 << 16];

static int set_up(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/vmbind-trace-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

/* Replaces each value of a key with #. */
static void hide_values(const char *key)
{
	char *at = contents;

	while ((at = strstr(at, key))) {
		at += strlen(key);
		size_t length = strcspn(at, ",}");
		memmove(at + 1, at + length, strlen(at + length) + 1);
		*at = '#';
	}
}

static const char *read_file(const char *name)
{
	FILE *file = fopen(name, "r");

	assert_non_null(file);
	contents[fread(contents, 1, sizeof(contents) - 1, file)] = '\0';
	fclose(file);
	hide_values("\"pid\":");
	hide_values("\"tid\":");
	hide_values("\"ts\":");
	hide_values("\"dur\":");
	hide_values("\"id\":");
	return contents;
}

static struct vmb_trace *open_trace(void)
{
	struct vmb_trace *trace = NULL;

	assert_int_equal(vmb_trace_open(path, &trace), 0);
	assert_non_null(trace);
	return trace;
}

#define COMMON "\"pid\":#,\"tid\":#,\"ts\":#"
#define PROCESS \
	"{\"ph\":\"M\",\"cat\":\"__metadata\",\"name\":\"process_name\"," COMMON \
	",\"args\":{\"name\":\"test_trace\"}}"
#define CALL(name, args) \
	"{\"ph\":\"X\",\"cat\":\"vulkan\",\"name\":\"" name "\"," COMMON \
	",\"dur\":#,\"args\":{" args "}}"

static void write_call(struct vmb_trace *trace, const char *name)
{
	struct vmb_trace_slice slice;

	vmb_trace_begin(&slice, trace, name);
	vmb_trace_end(&slice);
}

static void close_ends_the_array(void **state)
{
	(void)state;
	struct vmb_trace *trace = open_trace();
	write_call(trace, "one");
	assert_string_equal(read_file(path), "[\n" PROCESS ",\n" CALL("one", ""));
	vmb_trace_close(trace);
	assert_string_equal(read_file(path), "[\n" PROCESS ",\n" CALL("one", "") "\n]\n");
}

static void open_continues_an_array(void **state)
{
	(void)state;
	vmb_trace_close(open_trace());
	struct vmb_trace *trace = open_trace();
	write_call(trace, "two");
	vmb_trace_close(trace);
	assert_string_equal(
		read_file(path), "[\n" PROCESS ",\n" PROCESS ",\n" CALL("two", "") "\n]\n");
}

static void expect_continued(const char *text, const char *expected)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	vmb_trace_close(open_trace());
	assert_string_equal(read_file(path), expected);
}

/* Files of a killed program, files cut by a full disk, and files that a user completed by hand. */
static void open_continues_an_incomplete_array(void **state)
{
	(void)state;
	expect_continued("[\n{\"ph\":\"M\"}", "[\n{\"ph\":\"M\"},\n" PROCESS "\n]\n");
	expect_continued("[\n{\"ph\":\"M\"},\n{\"ph", "[\n{\"ph\":\"M\"},\n" PROCESS "\n]\n");
	expect_continued("[\n{\"ph\":\"M\"},\n{\"ph]\n", "[\n{\"ph\":\"M\"},\n" PROCESS "\n]\n");
	expect_continued("[\n{\"ph\":\"M\"}]\n", "[\n{\"ph\":\"M\"},\n" PROCESS "\n]\n");
	expect_continued("[\n{\"ph\":\"M\"}\n\n ] \n", "[\n{\"ph\":\"M\"},\n" PROCESS "\n]\n");
	expect_continued("[\n{\"ph", "[\n" PROCESS "\n]\n");
	expect_continued("[\n{\"ph\":\"M\"},", "[\n{\"ph\":\"M\"},\n" PROCESS "\n]\n");
	expect_continued("[\n{\"ph\":\"M\"},\n", "[\n{\"ph\":\"M\"},\n" PROCESS "\n]\n");
	expect_continued("[\n{\"ph\":\"M\"},\n]\n", "[\n{\"ph\":\"M\"},\n" PROCESS "\n]\n");
	expect_continued(
		"[\n{\"ph\":\"M\"},\n{\"args\":{}", "[\n{\"ph\":\"M\"},\n" PROCESS "\n]\n");
	expect_continued("[\n{\"a\":\"{\\\"{\"}", "[\n{\"a\":\"{\\\"{\"},\n" PROCESS "\n]\n");
	expect_continued("[]", "[\n" PROCESS "\n]\n");
}

static void last_close_ends_the_array(void **state)
{
	(void)state;
	struct vmb_trace *one = open_trace();
	struct vmb_trace *two = open_trace();
	vmb_trace_close(one);
	write_call(two, "late");
	vmb_trace_close(two);
	assert_string_equal(
		read_file(path), "[\n" PROCESS ",\n" PROCESS ",\n" CALL("late", "") "\n]\n");
}

/* A killed process releases its lock on the file. */
static void killed_process_does_not_keep_the_file_open(void **state)
{
	(void)state;
	struct vmb_trace *trace = open_trace();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		write_call(open_trace(), "killed");
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	vmb_trace_close(trace);
	assert_string_equal(
		read_file(path), "[\n" PROCESS ",\n" PROCESS ",\n" CALL("killed", "") "\n]\n");
}

/* A child inherits the trace and may outlive its parent. */
static void child_does_not_keep_the_file_open(void **state)
{
	(void)state;
	struct vmb_trace *trace = open_trace();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		pause();
		_exit(0);
	}
	vmb_trace_close(trace);
	assert_string_equal(read_file(path), "[\n" PROCESS "\n]\n");
	/* This call blocks forever if the file is still locked. */
	vmb_trace_close(open_trace());
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_string_equal(read_file(path), "[\n" PROCESS ",\n" PROCESS "\n]\n");
}

/* A child writes nothing to the trace of its parent. */
static void child_does_not_end_the_array(void **state)
{
	(void)state;
	struct vmb_trace *trace = open_trace();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		write_call(trace, "child");
		vmb_trace_close(trace);
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	struct vmb_trace *other = open_trace();
	write_call(trace, "parent");
	vmb_trace_close(other);
	vmb_trace_close(trace);
	assert_string_equal(
		read_file(path), "[\n" PROCESS ",\n" PROCESS ",\n" CALL("parent", "") "\n]\n");
}

static void open_rejects_other_files(void **state)
{
	struct vmb_trace *trace = NULL;
	FILE *file = fopen(path, "w");

	(void)state;
	fputs("dear diary\n]\n", file);
	fclose(file);
	assert_int_equal(vmb_trace_open(path, &trace), -EEXIST);
	assert_null(trace);
	assert_string_equal(read_file(path), "dear diary\n]\n");
}

static void open_returns_errors(void **state)
{
	struct vmb_trace *trace = NULL;

	(void)state;
	assert_int_equal(vmb_trace_open("/nowhere/at/all", &trace), -ENOENT);
	assert_int_equal(vmb_trace_open("/", &trace), -EISDIR);
	assert_null(trace);
}

static void path_contains_the_process_id(void **state)
{
	char pattern[80];
	char name[96];
	struct vmb_trace *trace;

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s.%%p.json", path);
	snprintf(name, sizeof(name), "%s.%ld.json", path, (long)getpid());
	assert_int_equal(vmb_trace_open(pattern, &trace), 0);
	vmb_trace_close(trace);
	assert_string_equal(read_file(name), "[\n" PROCESS "\n]\n");
	unlink(name);
}

/* The trace reports a full disk once. */
static void full_disk_is_reported_once(void **state)
{
	struct vmb_trace *trace;
	FILE *messages = tmpfile();
	char line[200];

	(void)state;
	int saved = dup(STDERR_FILENO);
	fflush(stderr);
	dup2(fileno(messages), STDERR_FILENO);
	assert_int_equal(vmb_trace_open("/dev/full", &trace), 0);
	write_call(trace, "one");
	write_call(trace, "two");
	vmb_trace_close(trace);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(messages);
	assert_non_null(fgets(line, sizeof(line), messages));
	assert_string_equal(
		line, "vmbind: error: the trace is incomplete: No space left on device\n");
	assert_null(fgets(line, sizeof(line), messages));
	fclose(messages);
}

/* The trace writes no event after an incomplete one, even if the disk has room again. */
static void incomplete_event_ends_the_trace(void **state)
{
	struct rlimit before, limit;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	struct vmb_trace *trace = open_trace();
	limit = before;
	limit.rlim_cur = strlen(read_file(path)) + 80;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	write_call(trace, "cut");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	write_call(trace, "late");
	vmb_trace_close(trace);
	assert_null(strstr(read_file(path), "late"));
	assert_int_not_equal(contents[strlen(contents) - 1], '\n');
	vmb_trace_close(open_trace());
	assert_string_equal(read_file(path), "[\n" PROCESS ",\n" PROCESS "\n]\n");
}

static void text_is_escaped(void **state)
{
	struct vmb_trace_args args = { 0 };

	(void)state;
	vmb_trace_text(&args, "a", "\"back\\slash\"\n\x7f ä caf\xe9");
	vmb_trace_number(&args, "b", UINT64_MAX);
	vmb_trace_hex(&args, "c", UINT64_MAX);
	assert_string_equal(args.text,
		"\"a\":\"\\\"back\\\\slash\\\"\\u000a\\u007f ä "
		"caf\xef\xbf\xbd\",\"b\":18446744073709551615,"
		"\"c\":\"0xffffffffffffffff\"");
}

/* A long text is cut between two characters. A member without room is left out as a whole. */
static void long_text_is_cut(void **state)
{
	struct vmb_trace_args args = { 0 };
	char text[2000] = "";

	(void)state;
	for (int shift = 0; shift < 3; shift++) {
		memset(text, 'x', (size_t)shift);
		for (size_t i = (size_t)shift; i + 4 < sizeof(text); i += 3) {
			memcpy(text + i, "€", 4);
		}
		args.length = 0;
		vmb_trace_text(&args, "a", text);
		assert_string_equal(args.text + args.length - 4, "€\"");
	}
	vmb_trace_text(&args, "b", text);
	size_t length = args.length;
	vmb_trace_text(&args, "c", text);
	assert_int_equal(args.length, length);
	assert_int_equal(strlen(args.text), length);
}

#define OP(kind, args) \
	"{\"ph\":\"X\",\"cat\":\"op\",\"name\":\"" kind "\"," COMMON ",\"dur\":#,\"args\":{" args \
	"}}"
#define ARROW \
	",\n{\"ph\":\"s\",\"cat\":\"op\",\"name\":\"op\"," COMMON ",\"id\":#},\n" \
	"{\"ph\":\"f\",\"cat\":\"op\",\"name\":\"op\"," COMMON ",\"bp\":\"e\",\"id\":#}"
#define SAVED(count) \
	",\n{\"ph\":\"C\",\"cat\":\"counter\",\"name\":\"saved\"," COMMON \
	",\"id\":#,\"args\":{\"ops\":" count "}}"

static void arrows_point_from_calls_to_ops(void **state)
{
	const struct vmb_trace_op map = { "map", 0x1000, 4096, 7, 8192, 0 };
	const struct vmb_trace_op sparse = { "sparse", 0x2000, 4096, 0, 0, -ENOMEM };
	struct vmb_trace_slice slice;

	(void)state;
	struct vmb_trace *trace = open_trace();
	vmb_trace_add(trace, VMB_TRACE_OPS_SAVED, 5);
	vmb_trace_op(trace, &sparse, 10, 20);
	vmb_trace_begin(&slice, trace, "call");
	vmb_trace_number(&slice.args, "n", 1);
	vmb_trace_op(trace, &map, 10, 20);
	vmb_trace_end(&slice);
	assert_string_equal(read_file(path),
		"[\n" PROCESS ",\n" OP("sparse",
			"\"va\":\"0x2000\",\"size\":4096,"
			"\"error\":\"Cannot allocate memory\"") ",\n" OP("map",
			"\"va\":\"0x1000\",\"size\":4096,"
			"\"backing\":7,\"offset\":8192") ARROW ",\n" CALL("call", "\"n\":1")
			SAVED("3"));
	vmb_trace_close(trace);
}

/* An op belongs only to slices of its own trace. */
static void traces_are_independent(void **state)
{
	const struct vmb_trace_op unmap = { "unmap", 0x1000, 4096, 0, 0, 0 };
	struct vmb_trace_slice slice;
	struct vmb_trace *other;

	(void)state;
	struct vmb_trace *trace = open_trace();
	assert_int_equal(vmb_trace_open("/dev/null", &other), 0);
	vmb_trace_begin(&slice, other, "call");
	vmb_trace_op(trace, &unmap, 10, 20);
	vmb_trace_end(&slice);
	assert_string_equal(read_file(path),
		"[\n" PROCESS ",\n" OP("unmap", "\"va\":\"0x1000\",\"size\":4096"));
	vmb_trace_close(other);
	vmb_trace_close(trace);
}

/* The instances of a process may share a file, so arrow ids must be unique in the process. */
static void arrow_ids_are_unique(void **state)
{
	const struct vmb_trace_op unmap = { "unmap", 0x1000, 4096, 0, 0, 0 };
	char *ids[2][2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct vmb_trace_slice slice;
		struct vmb_trace *trace = open_trace();
		vmb_trace_begin(&slice, trace, "call");
		uint64_t now = vmb_trace_now();
		vmb_trace_op(trace, &unmap, now, now + 10);
		vmb_trace_end(&slice);
		vmb_trace_close(trace);
	}
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	contents[fread(contents, 1, sizeof(contents) - 1, file)] = '\0';
	fclose(file);
	char *at = contents;
	for (int i = 0; i < 4; i++) {
		at = strstr(at, "\"id\":\"0x") + 6;
		ids[i / 2][i % 2] = at;
		at = strchr(at, '}');
		*at++ = '\0';
	}
	assert_string_equal(ids[0][0], ids[0][1]);
	assert_string_equal(ids[1][0], ids[1][1]);
	assert_string_not_equal(ids[0][0], ids[1][0]);
}

static struct vmb_trace_origin origin;

static void *run_worker(void *trace)
{
	const struct vmb_trace_op map = { "map", 0x1000, 4096, 7, 8192, 0 };
	struct vmb_trace_slice slice;

	vmb_trace_thread(trace, "worker");
	vmb_trace_begin(&slice, trace, "batch");
	slice.origin = origin;
	vmb_trace_op(trace, &map, 10, 20);
	vmb_trace_end(&slice);
	return NULL;
}

/* An arrow starts in the thread that queued the op. */
static void arrows_point_between_threads(void **state)
{
	struct vmb_trace_slice slice;
	char expected[64];
	pthread_t worker;

	(void)state;
	struct vmb_trace *trace = open_trace();
	vmb_trace_begin(&slice, trace, "call");
	origin = vmb_trace_origin(trace);
	assert_int_equal(pthread_create(&worker, NULL, run_worker, trace), 0);
	assert_int_equal(pthread_join(worker, NULL), 0);
	vmb_trace_end(&slice);
	/* A thread outside of slices has no origin. */
	assert_int_equal(vmb_trace_origin(trace).thread, 0);
	vmb_trace_close(trace);

	FILE *file = fopen(path, "r");
	contents[fread(contents, 1, sizeof(contents) - 1, file)] = '\0';
	fclose(file);
	snprintf(expected, sizeof(expected), "\"tid\":%ld,\"ts\":%llu.%03u", (long)getpid(),
		(unsigned long long)(origin.time + 1) / 1000, (unsigned)((origin.time + 1) % 1000));
	const char *start = strstr(contents, "{\"ph\":\"s\"");
	assert_non_null(start);
	const char *end = strstr(start, "{\"ph\":\"f\"");
	assert_non_null(end);
	const char *found = strstr(start, expected);
	assert_true(found && found < end);
	assert_null(strstr(end, expected));
	assert_non_null(strstr(contents, "\"cat\":\"layer\",\"name\":\"batch\""));
	assert_non_null(strstr(contents, "\"args\":{\"name\":\"worker\"}"));
}

#define COUNTER(name, bytes) \
	",\n{\"ph\":\"C\",\"cat\":\"counter\",\"name\":\"" name "\"," COMMON \
	",\"id\":#,\"args\":{\"bytes\":" bytes "}}"

static void counters_are_written(void **state)
{
	(void)state;
	struct vmb_trace *trace = open_trace();
	vmb_trace_add(trace, VMB_TRACE_BYTES_BOUND, 4096);
	write_call(trace, "one");
	write_call(trace, "two");
	vmb_trace_add(trace, VMB_TRACE_BYTES_BOUND, -8192);
	vmb_trace_hostmem(trace, 100, 50);
	vmb_trace_hostmem(trace, 0, 10);
	assert_string_equal(read_file(path),
		"[\n" PROCESS ",\n" CALL("one", "") COUNTER("bound", "4096") ",\n" CALL("two", "")
			COUNTER("bound", "-4096") COUNTER("hostmem promised", "100")
				COUNTER("hostmem mapped", "50") COUNTER("hostmem mapped", "60"));
	vmb_trace_close(trace);
}

/* The instances of a process may share a file, and each instance has its own counters. */
static void counters_are_independent(void **state)
{
	struct vmb_trace *traces[] = { open_trace(), open_trace() };
	char name[2][32];

	(void)state;
	for (int i = 0; i < 2; i++) {
		vmb_trace_add(traces[i], VMB_TRACE_BYTES_BOUND, 4096);
		write_call(traces[i], "call");
	}
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	contents[fread(contents, 1, sizeof(contents) - 1, file)] = '\0';
	fclose(file);
	const char *at = contents;
	for (int i = 0; i < 2; i++) {
		at = strstr(at, "\"name\":\"bound\"");
		assert_non_null(at);
		at = strstr(at, "\"id\":");
		assert_non_null(at);
		assert_int_equal(sscanf(at, "%31[^,]", name[i]), 1);
	}
	assert_string_not_equal(name[0], name[1]);
	vmb_trace_close(traces[0]);
	vmb_trace_close(traces[1]);
}

static void null_trace_is_accepted(void **state)
{
	const struct vmb_trace_op op = { "map", 0, 0, 0, 0, 0 };
	const struct vmb_trace_args args = { 0 };

	(void)state;
	write_call(NULL, "call");
	vmb_trace_instant(NULL, "bind", &args);
	vmb_trace_thread(NULL, "worker");
	vmb_trace_op(NULL, &op, 1, 2);
	vmb_trace_system_call(NULL, "ioctl", &args, 1, 2);
	vmb_trace_add(NULL, VMB_TRACE_BYTES_BOUND, 1);
	vmb_trace_hostmem(NULL, 1, 1);
	vmb_trace_close(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(close_ends_the_array),
		TEST(open_continues_an_array),
		TEST(open_continues_an_incomplete_array),
		TEST(last_close_ends_the_array),
		TEST(killed_process_does_not_keep_the_file_open),
		TEST(child_does_not_keep_the_file_open),
		TEST(child_does_not_end_the_array),
		TEST(open_rejects_other_files),
		TEST(open_returns_errors),
		TEST(path_contains_the_process_id),
		TEST(full_disk_is_reported_once),
		TEST(incomplete_event_ends_the_trace),
		TEST(text_is_escaped),
		TEST(long_text_is_cut),
		TEST(arrows_point_from_calls_to_ops),
		TEST(traces_are_independent),
		TEST(arrow_ids_are_unique),
		TEST(arrows_point_between_threads),
		TEST(counters_are_written),
		TEST(counters_are_independent),
		TEST(null_trace_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
