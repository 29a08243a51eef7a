/* SPDX-License-Identifier: MIT */
/*
 * The simulated kernel as a preload, and its op stream.
 *
 *   test_sim_preload LIBRARY
 *
 * Each test starts this program again with the library preloaded and the name of a part. After that
 * the test reads the op stream.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios.h"
#include "uapi/panthor.h"

static const char *library;

/* The parts run with the library preloaded. A failed REQUIRE() prints its line and exits with 1. */

#define REQUIRE(truth) \
	do { \
		if (!(truth)) { \
			fprintf(stderr, "line %d: %s\n", __LINE__, #truth); \
			exit(1); \
		} \
	} while (0)

static int open_node(void)
{
	int fd = open("/dev/dri/renderD128", O_RDWR | O_CLOEXEC);
	REQUIRE(fd >= 0);
	return fd;
}

static uint32_t create_vm(int fd)
{
	struct drm_panthor_vm_create args = { 0 };
	REQUIRE(ioctl(fd, DRM_IOCTL_PANTHOR_VM_CREATE, &args) == 0);
	return args.id;
}

static uint32_t create_bo(int fd, uint64_t size)
{
	struct drm_panthor_bo_create args = { .size = size };
	REQUIRE(ioctl(fd, DRM_IOCTL_PANTHOR_BO_CREATE, &args) == 0);
	return args.handle;
}

static int bind_sparse(int fd, uint32_t vm, uint64_t va)
{
	struct drm_panthor_vm_bind_op op[1] = {
		{
			.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP |
				DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC |
				DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE,
			.va = va,
			.size = 4096,
		},
	};
	struct drm_panthor_vm_bind args = { .vm_id = vm, .ops = DRM_PANTHOR_OBJ_ARRAY(1, op) };
	return ioctl(fd, DRM_IOCTL_PANTHOR_VM_BIND, &args);
}

static void mark(const char *text)
{
	int (*function)(const char *);
	void *address = dlsym(RTLD_DEFAULT, "vmbind_sim_mark");
	REQUIRE(address);
	memcpy(&function, &address, sizeof(address));
	REQUIRE(function(text) == 0);
}

/* Duplicated descriptors share an open file. The file stays open until the last close(). */
static void part_descriptors(void)
{
	int fd = open_node();
	uint32_t vm = create_vm(fd);
	int copies[4] = { dup(fd), fcntl(fd, F_DUPFD_CLOEXEC, 50), dup2(fd, 60), dup3(fd, 61, 0) };
	REQUIRE(close(fd) == 0);
	for (int i = 0; i < 4; i++) {
		REQUIRE(bind_sparse(copies[i], vm, 4096 * (uint64_t)(i + 1)) == 0);
		struct stat status;
		REQUIRE(fstat(copies[i], &status) == 0);
		REQUIRE(S_ISCHR(status.st_mode) && major(status.st_rdev) == 226);
	}
	/* Another open() gives another file. */
	int other = open_node();
	REQUIRE(bind_sparse(other, vm, 4096) == -1 && errno == EINVAL);
	/* dup2() closes the descriptor that it replaces. */
	int null = open("/dev/null", O_RDWR);
	REQUIRE(dup2(null, other) == other);
	REQUIRE(bind_sparse(other, vm, 4096) == -1 && errno == ENOTTY);
	for (int i = 0; i < 4; i++) {
		REQUIRE(close(copies[i]) == 0);
	}
	REQUIRE(bind_sparse(copies[3], vm, 4096) == -1 && errno == EBADF);
}

static void part_memory(void)
{
	int fd = open_node();
	struct drm_panthor_bo_mmap_offset args = { .handle = create_bo(fd, 8192) };
	REQUIRE(ioctl(fd, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &args) == 0);
	char *first = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)args.offset);
	char *second = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)args.offset);
	REQUIRE(first != MAP_FAILED && second != MAP_FAILED && first != second);
	first[5000] = 42;
	REQUIRE(second[5000] == 42);
	REQUIRE(mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 4096) == MAP_FAILED && errno == EINVAL);
	/* The flush id's page can be mapped again when it was unmapped. */
	for (int i = 0; i < 2; i++) {
		uint32_t *flush_id = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd,
			(off_t)DRM_PANTHOR_USER_MMIO_OFFSET_64BIT);
		REQUIRE(flush_id != MAP_FAILED && *flush_id == 0);
		REQUIRE(munmap(flush_id, 4096) == 0);
	}
	/* Calls with other descriptors reach libc. */
	REQUIRE(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	struct stat status;
	REQUIRE(fstat(0, &status) == 0);
	struct drm_gem_close unknown = { .handle = 77 };
	REQUIRE(ioctl(0, DRM_IOCTL_GEM_CLOSE, &unknown) == -1);
}

static void part_stream(void)
{
	/* A fixed number, because the test may inherit descriptors. */
	int fd = dup2(open_node(), 40);
	REQUIRE(fd == 40);
	uint32_t vm = create_vm(fd);
	mark("say \"it\"\n");
	REQUIRE(bind_sparse(fd, vm, 4096) == 0);
	REQUIRE(bind_sparse(fd, vm, 8192) == 0);
	REQUIRE(bind_sparse(fd, vm, 100) == -1 && errno == EINVAL);
	struct drm_gem_close close_args = { .handle = create_bo(fd, 4096) };
	REQUIRE(ioctl(fd, DRM_IOCTL_GEM_CLOSE, &close_args) == 0);
}

static void part_crash(void)
{
	part_stream();
	abort();
}

static void part_destroy(void)
{
	int fd = open_node();
	struct drm_panthor_vm_destroy args = { .id = create_vm(fd) };
	REQUIRE(bind_sparse(fd, args.id, 4096) == 0);
	REQUIRE(ioctl(fd, DRM_IOCTL_PANTHOR_VM_DESTROY, &args) == 0);
	uint32_t second = create_vm(fd);
	REQUIRE(bind_sparse(fd, second, 8192) == 0);
	REQUIRE(close(fd) == 0);
}

static void part_old(void)
{
	int fd = open_node();
	struct drm_version version = { 0 };
	REQUIRE(ioctl(fd, DRM_IOCTL_VERSION, &version) == 0);
	REQUIRE(version.version_major == 1 && version.version_minor == 8);
	REQUIRE(bind_sparse(fd, create_vm(fd), 4096) == -1 && errno == EINVAL);
}

static void part_fault(void)
{
	int fd = open_node();
	uint32_t vm = create_vm(fd);
	REQUIRE(bind_sparse(fd, vm, 4096) == 0);
	REQUIRE(bind_sparse(fd, vm, 8192) == -1 && errno == ENOMEM);
	REQUIRE(bind_sparse(fd, vm, 8192) == 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} parts[] = {
	{ "descriptors", part_descriptors },
	{ "memory", part_memory },
	{ "stream", part_stream },
	{ "crash", part_crash },
	{ "destroy", part_destroy },
	{ "old", part_old },
	{ "fault", part_fault },
};

static int run_part(const char *name)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(parts[i].name, name) == 0) {
			parts[i].run();
			return 0;
		}
	}
	return 2;
}

/* Runs a part and reads its op stream. Returns the part's wait status. */
static int start_part(
	const char *name, const char *variable, const char *value, char *stream, size_t size)
{
	char path[] = "/tmp/vmbind-sim-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setenv("LD_PRELOAD", library, 1);
		setenv("VMBIND_SIM_OPS", path, 1);
		unsetenv("VMBIND_SIM_PANTHOR");
		unsetenv("VMBIND_SIM_FAULT");
		if (variable) {
			setenv(variable, value, 1);
		}
		execl("/proc/self/exe", "test_sim_preload", library, name, (char *)NULL);
		_exit(3);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	ssize_t length = read(fd, stream, size - 1);
	assert_true(length >= 0);
	stream[length] = '\0';
	close(fd);
	unlink(path);
	return status;
}

static void expect_success(
	const char *name, const char *variable, const char *value, char *stream, size_t size)
{
	assert_int_equal(start_part(name, variable, value, stream, size), 0);
}

static void expect_line(const char *stream, const char *line)
{
	const char *found = strstr(stream, line);
	if (!found || (found != stream && found[-1] != '\n') || found[strlen(line)] != '\n') {
		fail_msg("no line\n%s\nin\n%s", line, stream);
	}
}

#define SPARSE_OP(va) \
	"\"ops\":[{\"type\":\"map\",\"flags\":[\"noexec\",\"sparse\"],\"bo\":0,\"offset\":0," \
	"\"va\":" va ",\"size\":4096,\"syncs\":[]}]"

/* Checks the op stream of part_stream() without its last line. */
static void expect_stream(const char *stream)
{
	expect_line(stream,
		"{\"ioctl\":\"vm_create\",\"fd\":40,\"file\":1,\"vm\":1,\"asked_user_va_range\":0,"
		"\"user_va_range\":140737488355328,\"result\":0,\"errno\":\"\"}");
	expect_line(stream, "{\"mark\":\"say \\\"it\\\"\\u000a\"}");
	expect_line(stream,
		"{\"ioctl\":\"vm_bind\",\"fd\":40,\"file\":1,\"vm\":1,\"async\":false,"
		"\"failed_index\":null," SPARSE_OP("8192") ",\"result\":0,\"errno\":\"\"}");
	expect_line(stream,
		"{\"ioctl\":\"vm_bind\",\"fd\":40,\"file\":1,\"vm\":1,\"async\":false,"
		"\"failed_index\":0," SPARSE_OP("100") ",\"result\":-1,\"errno\":\"EINVAL\"}");
	expect_line(stream,
		"{\"ioctl\":\"bo_create\",\"fd\":40,\"file\":1,\"size\":4096,\"flags\":[],\"vm\":0,"
		"\"handle\":1,\"id\":1,\"result\":0,\"errno\":\"\"}");
	expect_line(stream,
		"{\"ioctl\":\"gem_close\",\"fd\":40,\"file\":1,\"handle\":1,\"result\":0,"
		"\"errno\":\"\"}");
}

static void stream_of_a_run(void **state)
{
	(void)state;
	char stream[8192];
	expect_success("stream", NULL, NULL, stream, sizeof(stream));
	expect_stream(stream);
	expect_line(stream,
		"{\"map\":[{\"va\":4096,\"size\":8192,\"kind\":\"sparse\",\"bo\":0,\"id\":0,"
		"\"offset\":0,\"flags\":[\"noexec\",\"sparse\"]}],\"file\":1,\"vm\":1,"
		"\"mappings\":2}");
}

static void stream_of_a_crash(void **state)
{
	(void)state;
	char stream[8192];
	int status = start_part("crash", NULL, NULL, stream, sizeof(stream));
	assert_true(WIFSIGNALED(status));
	expect_stream(stream);
}

static void map_of_a_destroyed_vm(void **state)
{
	(void)state;
	char stream[8192];
	expect_success("destroy", NULL, NULL, stream, sizeof(stream));
	expect_line(stream,
		"{\"map\":[{\"va\":4096,\"size\":4096,\"kind\":\"sparse\",\"bo\":0,\"id\":0,"
		"\"offset\":0,\"flags\":[\"noexec\",\"sparse\"]}],\"file\":1,\"vm\":1,"
		"\"mappings\":1,\"destroyed\":true}");
	expect_line(stream,
		"{\"map\":[{\"va\":8192,\"size\":4096,\"kind\":\"sparse\",\"bo\":0,\"id\":0,"
		"\"offset\":0,\"flags\":[\"noexec\",\"sparse\"]}],\"file\":1,\"vm\":1,"
		"\"mappings\":1,\"destroyed\":true}");
}

static void descriptors(void **state)
{
	(void)state;
	char stream[8192];
	expect_success("descriptors", NULL, NULL, stream, sizeof(stream));
	expect_success("memory", NULL, NULL, stream, sizeof(stream));
}

static void settings(void **state)
{
	(void)state;
	char stream[8192];
	expect_success("old", "VMBIND_SIM_PANTHOR", "1.8", stream, sizeof(stream));
	expect_success("fault", "VMBIND_SIM_FAULT", "vm_bind:2:ENOMEM", stream, sizeof(stream));
	int status = start_part("old", "VMBIND_SIM_PANTHOR", "2.8", stream, sizeof(stream));
	assert_true(WIFSIGNALED(status));
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		return run_part(argv[2]);
	}
	if (argc != 2) {
		return 2;
	}
	library = argv[1];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_of_a_run),
		cmocka_unit_test(stream_of_a_crash),
		cmocka_unit_test(map_of_a_destroyed_vm),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(settings),
	};
	return cmocka_run_group_tests_name("sim preload", tests, NULL, NULL);
}
