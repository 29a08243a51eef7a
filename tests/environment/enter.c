/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* unshare, AT_RECURSIVE */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "actions.h"
#include "command_line.h"
#include "stages.h"

/*
 * enter [ACTION...] -- PROGRAM [ARG...]: changes the environment and executes the program.
 * actions[] lists the actions. Exit status 77: the machine does not allow a change.
 */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Users without accounts. Each process of enter has two of its own: RLIMIT_NPROC counts all
 * processes of a user. */
#define FIRST_USER 0x10000000u
#define USER (FIRST_USER + 2 * (unsigned)getpid())
#define OTHER_USER (USER + 1)

static char **program;
static const char *preload;

static void skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void skip(const char *format, ...)
{
	const int error = errno;
	va_list args;

	va_start(args, format);
	printf("skipped: ");
	vprintf(format, args);
	va_end(args);
	printf(": %s\n", strerror(error));
	exit(77);
}

static void reject(const char *argument)
{
	printf("wrong argument: %s\n", argument);
	exit(WRONG_ARGUMENT);
}

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "as", RLIMIT_AS },
	{ "fsize", RLIMIT_FSIZE },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "stack", RLIMIT_STACK },
};

/* limit=NAME:BYTES */
static void set_limit(const char *argument)
{
	const size_t length = strcspn(argument, ":");

	for (size_t i = 0; i < COUNT(limits); i++) {
		if (strlen(limits[i].name) == length &&
			strncmp(limits[i].name, argument, length) == 0) {
			const rlim_t value = strtoull(argument + length + 1, NULL, 0);
			const struct rlimit limit = { value, value };
			if (setrlimit(limits[i].resource, &limit) != 0) {
				skip("setrlimit %s", argument);
			}
			return;
		}
	}
	reject(argument);
}

static void write_file(const char *path, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void write_file(const char *path, const char *format, ...)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	va_list args;

	va_start(args, format);
	if (fd < 0 || vdprintf(fd, format, args) < 0) {
		skip("%s", path);
	}
	va_end(args);
	close(fd);
}

/* A mount namespace. A user who is not root needs a user namespace for it. */
static void enter_namespace(void)
{
	static bool entered;
	const unsigned uid = geteuid();
	const unsigned gid = getegid();

	if (entered) {
		return;
	}
	if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0) {
		skip("unshare");
	}
	if (uid != 0) {
		write_file("/proc/self/setgroups", "deny");
		write_file("/proc/self/uid_map", "%u %u 1", uid, uid);
		write_file("/proc/self/gid_map", "%u %u 1", gid, gid);
	}
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		skip("a private mount of /");
	}
	entered = true;
}

/* hide=PATH: an empty directory covers the path. */
static void hide(const char *path)
{
	enter_namespace();
	if (mount("vmbind-test", path, "tmpfs", 0, "mode=755") != 0) {
		skip("a mount on %s", path);
	}
}

static void make_read_only(const char *argument)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };

	(void)argument;
	enter_namespace();
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof(attributes)) != 0) {
		skip("a read-only mount of /");
	}
}

/* chroot=PATH: a copy of the root at the path, without /proc, /sys and /dev. */
static void change_root(const char *path)
{
	enter_namespace();
	if (mount("/", path, NULL, MS_BIND | MS_REC, NULL) != 0 || chroot(path) != 0 ||
		chdir("/") != 0) {
		skip("chroot %s", path);
	}
	hide("/proc");
	hide("/sys");
	hide("/dev");
}

/* The standard descriptors are closed, and the program's output is OUTPUT_FD. */
static void close_standard(const char *argument)
{
	(void)argument;
	if (dup2(STDOUT_FILENO, OUTPUT_FD) < 0) {
		skip("dup2");
	}
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		close(fd);
	}
}

/* Keeps only the capability to read all files: the build tree may be in a private directory. */
static void keep_reading(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const unsigned bit = 1u << CAP_DAC_READ_SEARCH;
	const struct __user_cap_data_struct data[2] = {
		{ .effective = bit, .permitted = bit, .inheritable = bit },
	};

	if (syscall(SYS_capset, &header, data) != 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0) != 0) {
		skip("capabilities");
	}
}

/* Root becomes a user without privileges and without other processes. */
static void drop_privileges(const char *argument)
{
	(void)argument;
	if (geteuid() != 0) {
		return;
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setresgid(USER, USER, USER) != 0 ||
		setresuid(USER, USER, USER) != 0) {
		skip("a change of the user");
	}
	keep_reading();
}

static void copy_file(const char *from, const char *to, mode_t mode)
{
	char buffer[65536];
	ssize_t count;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (in < 0 || out < 0) {
		skip("a copy of %s", from);
	}
	while ((count = read(in, buffer, sizeof(buffer))) > 0) {
		if (write(out, buffer, (size_t)count) != count) {
			skip("%s", to);
		}
	}
	/* fchown() clears the set-uid bit. */
	if (count < 0 || fchown(out, OTHER_USER, OTHER_USER) != 0 || fchmod(out, mode) != 0) {
		skip("%s", to);
	}
	close(in);
	close(out);
}

/*
 * set-uid=MANIFEST:LIBRARY: the program is a copy that belongs to another user and has the set-uid
 * bit. The loader of such a program ignores the paths of the environment, so the layer's manifest
 * is in a system directory. Both users can read the copies.
 */
static void set_uid(const char *argument)
{
	static char copy[] = "/etc/vulkan/program";
	const size_t length = strcspn(argument, ":");
	char manifest[4096];

	snprintf(manifest, sizeof(manifest), "%.*s", (int)length, argument);
	if (geteuid() != 0) {
		errno = EPERM;
		skip("a set-uid program needs root");
	}
	hide("/etc/vulkan");
	if (mkdir("/etc/vulkan/explicit_layer.d", 0755) != 0) {
		skip("/etc/vulkan/explicit_layer.d");
	}
	copy_file(manifest, "/etc/vulkan/explicit_layer.d/layer.json", 0644);
	copy_file(argument + length + 1, "/etc/vulkan/libVkLayer_VMBIND_sparse.so", 0755);
	copy_file(program[0], copy, 04755);
	if (setresgid(USER, USER, USER) != 0 || setresuid(USER, USER, USER) != 0) {
		skip("a change of the user");
	}
	program[0] = copy;
}

/* preload=LIBRARY: for the program only. */
static void set_preload(const char *argument)
{
	preload = argument;
}

static const struct action actions[] = {
	{ "chroot", change_root },
	{ "close", close_standard },
	{ "hide", hide },
	{ "limit", set_limit },
	{ "preload", set_preload },
	{ "read-only", make_read_only },
	{ "set-uid", set_uid },
	{ "unprivileged", drop_privileges },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	struct command_line line;
	int count = 1;

	command_line_read(&line, argc);
	while (count < argc && strcmp(argv[count], "--") != 0) {
		count++;
	}
	if (count + 1 >= argc) {
		reject("-- PROGRAM is missing");
	}
	program = argv + count + 1;
	/* The outputs of crashed programs suffice. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	for (int i = 1; i < count; i++) {
		if (!action_run(actions, argv[i])) {
			reject(argv[i]);
		}
	}
	if (preload && setenv("LD_PRELOAD", preload, 1) != 0) {
		skip("setenv");
	}
	command_line_exec(&line, program);
	skip("%s", program[0]);
}
