/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* F_OFD_SETLK, F_SETLEASE */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
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

static void open_begins_an_array(void **state)
{
	(void)state;
	struct vmb_trace *trace = open_trace();
	write_call(trace, "one");
	assert_string_equal(read_file(path), "[\n" PROCESS ",\n" CALL("one", ""));
	vmb_trace_close(trace);
	assert_string_equal(read_file(path), "[\n" PROCESS ",\n" CALL("one", ""));
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

#define START "[\n{\"ph\":\"M\",\"cat\":\"__metadata\",\"name\":\"process_name\","
#define FIRST START "\"args\":{}}"

/* The file before a trace is opened, and afterwards. NULL: the file is refused and unchanged. */
static const struct {
	const char *before;
	const char *after;
} beginnings[] = {
	{ "", "[\n" PROCESS },
	{ FIRST, FIRST ",\n" PROCESS },
	/* Earlier versions, and users, close the array. */
	{ FIRST "\n]\n", FIRST "\n \n,\n" PROCESS },
	{ FIRST "]", FIRST " ,\n" PROCESS },
	{ FIRST "\n\n ] \n", FIRST "\n\n   \n,\n" PROCESS },
	{ "dear diary\n]\n", NULL },
	{ "[section]\nkey = value\n", NULL },
	{ "[\n", NULL },
	{ "[\n{}\n]\n", NULL },
	{ "[\n{\"ph\":\"M\"}", NULL },
	{ "[]", NULL },
	{ "[", NULL },
	{ " ", NULL },
	{ "\n", NULL },
	{ " " FIRST, NULL },
};

static void open_accepts_only_traces_and_empty_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		const char *before = beginnings[i].before, *after = beginnings[i].after;
		struct vmb_trace *trace = NULL;

		write_file(before);
		assert_int_equal(vmb_trace_open(path, &trace), after ? 0 : -EEXIST);
		assert_true(!!trace == !!after);
		vmb_trace_close(trace);
		assert_string_equal(read_file(path), after ? after : before);
	}
}

static bool intrudes;
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);

/* Begins the trace of another process just before a write. */
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	if (intrudes) {
		intrudes = false;
		vmb_trace_close(open_trace());
	}
	return __real_write(fd, data, size);
}

static void two_traces_begin_at_once(void **state)
{
	(void)state;
	intrudes = true;
	struct vmb_trace *trace = open_trace();
	assert_false(intrudes);
	write_call(trace, "one");
	vmb_trace_close(trace);
	assert_string_equal(read_file(path), "[\n" PROCESS ",\n" PROCESS ",\n" CALL("one", ""));
}

/* A program that may only read the file can lock the file. */
static void locks_are_ignored(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		int go[2], done[2];
		char byte = 0;

		write_file("");
		assert_int_equal(pipe(go) | pipe(done), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			struct flock lock = { .l_type = F_RDLCK };
			int fd = open(path, O_RDONLY);
			close(done[1]);
			int ret = i == 2 ? flock(fd, LOCK_SH)
					 : fcntl(fd, i ? F_SETLK : F_OFD_SETLK, &lock);
			byte = ret == 0;
			if (write(go[1], &byte, 1) == 1 && read(done[0], &byte, 1) == 0) {
				_exit(0);
			}
			_exit(1);
		}
		assert_int_equal(read(go[0], &byte, 1), 1);
		assert_int_equal(byte, 1);
		struct vmb_trace *trace = open_trace();
		write_call(trace, "one");
		vmb_trace_close(trace);
		assert_string_equal(read_file(path), "[\n" PROCESS ",\n" CALL("one", ""));
		close(go[0]), close(go[1]), close(done[0]), close(done[1]);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
}

static void two_traces_share_a_file(void **state)
{
	(void)state;
	struct vmb_trace *one = open_trace();
	struct vmb_trace *two = open_trace();
	write_call(one, "early");
	vmb_trace_close(one);
	write_call(two, "late");
	vmb_trace_close(two);
	assert_string_equal(read_file(path),
		"[\n" PROCESS ",\n" PROCESS ",\n" CALL("early", "") ",\n" CALL("late", ""));
}

/* A child writes nothing to the trace of its parent. */
static void child_does_not_trace(void **state)
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
	write_call(trace, "parent");
	vmb_trace_close(trace);
	assert_string_equal(read_file(path), "[\n" PROCESS ",\n" CALL("parent", ""));
}

/* The kinds of files that a path can name, and the result of vmb_trace_open(). */
enum kind {
	DIRECTORY,
	SOCKET,
	FIFO,
	BLOCK_DEVICE,
	LEASED,
	LINK_TO_NOTHING,
	LINK_TO_TRACE,
	LINK_TO_DIARY,
	FOREIGN_LINK,
	FOREIGN_LINK_IN_STICKY,
};

static const struct {
	const char *name;
	enum kind kind;
	int result;
} kinds[] = {
	{ "a directory", DIRECTORY, -EISDIR },
	{ "a socket", SOCKET, -ENXIO },
	{ "a FIFO without a reader", FIFO, -ENXIO },
	{ "a block device", BLOCK_DEVICE, -ENODEV },
	{ "a file with a lease", LEASED, -EAGAIN },
	{ "a link to nothing", LINK_TO_NOTHING, 0 },
	{ "a link to a trace", LINK_TO_TRACE, 0 },
	{ "a link to another file", LINK_TO_DIARY, -EEXIST },
	{ "a link of another user", FOREIGN_LINK, -EXDEV },
	{ "a link of another user in a directory like /tmp", FOREIGN_LINK_IN_STICKY, -EXDEV },
};

static int make_socket(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	int ret = bind(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return ret;
}

static int make_link(const char *name, const char *text, uid_t owner)
{
	if (text) {
		write_file(text);
	} else {
		unlink(path);
	}
	return symlink(path, name) < 0 ? -1 : lchown(name, owner, (gid_t)-1);
}

/* Creates a file of a kind. Returns a file descriptor to keep open, or -1 without the rights. */
static int make_kind(enum kind kind, const char *directory, const char *name)
{
	const int none = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int ret = 0;

	switch (kind) {
	case DIRECTORY:
		ret = mkdir(name, 0700);
		break;
	case SOCKET:
		ret = make_socket(name);
		break;
	case FIFO:
		ret = mkfifo(name, 0600);
		break;
	case BLOCK_DEVICE:
		/* A number that no driver has: the layer refuses before it opens the device. */
		ret = mknod(name, S_IFBLK | 0600, makedev(250, 250));
		break;
	case LEASED:
		close(none);
		signal(SIGIO, SIG_IGN);
		ret = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		return ret >= 0 && fcntl(ret, F_SETLEASE, F_WRLCK) == 0 ? ret : -1;
	case LINK_TO_NOTHING:
		ret = make_link(name, NULL, geteuid());
		break;
	case LINK_TO_TRACE:
		ret = make_link(name, FIRST, geteuid());
		break;
	case LINK_TO_DIARY:
		ret = make_link(name, "dear diary\n", geteuid());
		break;
	case FOREIGN_LINK_IN_STICKY:
		assert_int_equal(chmod(directory, 01777), 0);
		/* fall through */
	case FOREIGN_LINK:
		ret = make_link(name, NULL, 12345);
		break;
	}
	return ret < 0 ? -1 : none;
}

static void check_target(enum kind kind)
{
	switch (kind) {
	case LINK_TO_NOTHING:
		assert_string_equal(read_file(path), "[\n" PROCESS);
		break;
	case LINK_TO_TRACE:
		assert_string_equal(read_file(path), FIRST ",\n" PROCESS);
		break;
	case LINK_TO_DIARY:
		assert_string_equal(read_file(path), "dear diary\n");
		break;
	case FOREIGN_LINK:
	case FOREIGN_LINK_IN_STICKY:
		assert_int_equal(access(path, F_OK), -1);
		break;
	default:
		break;
	}
}

/* No kind of file blocks, and only regular files are changed. */
static void open_checks_the_kind_of_the_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char directory[] = "/tmp/vmbind-kinds-XXXXXX";
		char name[64];
		struct vmb_trace *trace = NULL;

		assert_non_null(mkdtemp(directory));
		snprintf(name, sizeof(name), "%s/file", directory);
		int fd = make_kind(kinds[i].kind, directory, name);
		int ret = fd < 0 ? kinds[i].result : vmb_trace_open(name, &trace);
		if (ret != kinds[i].result) {
			fail_msg("%s: %s", kinds[i].name, strerror(-ret));
		}
		vmb_trace_close(trace);
		if (fd >= 0) {
			check_target(kinds[i].kind);
			close(fd);
		} else {
			print_message("%s: needs root\n", kinds[i].name);
		}
		remove(name);
		rmdir(directory);
	}
}

static void open_returns_errors(void **state)
{
	static const struct {
		const char *path;
		int result;
	} paths[] = {
		{ "/nowhere/at/all", -ENOENT },
		{ "/", -EISDIR },
		{ "/dev/full", -ENOSPC },
		{ "/dev/zero", -ENODEV },
		{ "/dev/null", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct vmb_trace *trace = NULL;
		assert_int_equal(vmb_trace_open(paths[i].path, &trace), paths[i].result);
		vmb_trace_close(trace);
	}
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
	assert_string_equal(read_file(name), "[\n" PROCESS);
	unlink(name);
}

/* The messages on stderr since begin_messages(). */
static FILE *messages;
static int saved_stderr;

static void begin_messages(void)
{
	messages = tmpfile();
	saved_stderr = dup(STDERR_FILENO);
	fflush(stderr);
	dup2(fileno(messages), STDERR_FILENO);
}

static void expect_message(const char *reason)
{
	char line[300], expected[300];

	fflush(stderr);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	rewind(messages);
	assert_non_null(fgets(line, sizeof(line), messages));
	snprintf(expected, sizeof(expected), "vmbind: error: the trace '%s' ends early: %s\n", path,
		reason);
	assert_string_equal(line, expected);
	assert_null(fgets(line, sizeof(line), messages));
	fclose(messages);
}

/* A full disk, here a limit, ends the trace with one message. The signal of the limit does not
 * reach the program. The file has no incomplete event, even if the disk has room again. */
static void full_disk_ends_the_trace(void **state)
{
	struct rlimit before, limit;
	char expected[2000];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	struct vmb_trace *trace = open_trace();
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	limit = before;
	limit.rlim_cur = (rlim_t)ftell(file) + 40;
	fclose(file);
	begin_messages();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	write_call(trace, "cut");
	write_call(trace, "again");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	write_call(trace, "late");
	expect_message("the limit on the size of files is reached (ulimit -f)");
	vmb_trace_close(trace);
	vmb_trace_close(open_trace());
	snprintf(expected, sizeof(expected), "[\n" PROCESS "%40s,\n" PROCESS, "");
	assert_string_equal(read_file(path), expected);
}

/* The reader of a FIFO does not read, or ends. Neither the wait nor SIGPIPE reaches the program. */
static void reader_of_a_fifo_fails(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		unlink(path);
		assert_int_equal(mkfifo(path, 0600), 0);
		int reader = open(path, O_RDONLY | O_NONBLOCK);
		assert_true(reader >= 0);
		struct vmb_trace *trace = open_trace();
		begin_messages();
		if (i == 0) {
			close(reader);
		}
		/* More than the pipe holds. */
		for (int j = 0; j < 20000; j++) {
			write_call(trace, "one");
		}
		expect_message(i == 0 ? "the program that reads from the pipe has ended"
				      : "the program that reads from the pipe does not read");
		vmb_trace_close(trace);
		if (i == 1) {
			close(reader);
		}
	}
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
	const struct vmb_trace_op sparse = { "sparse", 0x2000, 4096, 0, 0, -EINVAL };
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
			"\"error\":\"Invalid argument\"") ",\n" OP("map",
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
		uint64_t now = vmb_clock_ns();
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
		TEST(open_begins_an_array),
		TEST(open_accepts_only_traces_and_empty_files),
		TEST(two_traces_begin_at_once),
		TEST(locks_are_ignored),
		TEST(two_traces_share_a_file),
		TEST(child_does_not_trace),
		TEST(open_checks_the_kind_of_the_file),
		TEST(open_returns_errors),
		TEST(path_contains_the_process_id),
		TEST(full_disk_ends_the_trace),
		TEST(reader_of_a_fifo_fails),
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
