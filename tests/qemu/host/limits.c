/* SPDX-License-Identifier: MIT */
/*
 * The host backend under the guest's settings of /proc/sys/vm.
 *
 *   vmbind-vm-limits CHECK
 *   vmbind-vm-limits /PROGRAM    without root privileges
 *
 * Prints what happened. Exit status 1: the check failed. The program gives up root privileges: the
 * kernel keeps memory in reserve for root, so the guest's init can still fork.
 */
#define _GNU_SOURCE /* F_GET_SEALS, mincore */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/host/vm.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define PAGE (4 * KIB)
#define NOBODY 65534

#define MOST 4096
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			printf("line %d: not %s; errno %d\n", __LINE__, #condition, errno); \
			exit(1); \
		} \
	} while (0)

static void *pointer(uint64_t va)
{
	return (void *)(uintptr_t)va;
}

/* Whether all bytes have the value. */
static bool has(const void *start, uint64_t size, int value)
{
	const unsigned char *bytes = start;

	return bytes[0] == value && memcmp(bytes, bytes + 1, (size_t)size - 1) == 0;
}

static bool is_mapped(uint64_t va, uint64_t size)
{
	return msync(pointer(va), (size_t)size, MS_ASYNC) == 0;
}

/* Whether one mapping of the VM's memfd covers the range. */
static bool shows_memfd(uint64_t va, uint64_t size)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	uint64_t start, end;
	bool found = false;
	char line[512];

	CHECK(maps != NULL);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2 && start <= va &&
			end >= va + size) {
			found = strstr(line, "/memfd:vmbind") != NULL;
		}
	}
	fclose(maps);
	return found;
}

static struct vmb_vm *create_vm(void)
{
	struct vmb_vm *vm;

	int ret = vmb_host_vm_create(PAGE, NULL, &vm);
	if (ret < 0) {
		printf("vmb_host_vm_create: %s\n", strerror(-ret));
		exit(1);
	}
	return vm;
}

/* A resource, and memory of the same size. */
struct scene {
	struct vmb_vm *vm;
	struct vmb_reservation reservation;
	struct vmb_backing memory;
	uint64_t size;
};

static void scene_init(struct scene *scene, uint64_t size)
{
	scene->vm = create_vm();
	scene->size = size;
	CHECK(scene->vm->impl->reserve(scene->vm, size, PAGE, &scene->reservation) == 0);
	CHECK(scene->vm->impl->memory_create(scene->vm, size, &scene->memory) == 0);
	memset(scene->memory.map, 7, (size_t)size);
}

static void scene_finish(struct scene *scene)
{
	scene->vm->impl->release(scene->vm, &scene->reservation);
	scene->vm->impl->memory_destroy(scene->vm, &scene->memory);
	vmb_vm_destroy(scene->vm);
}

static int execute(const struct scene *scene, enum vmb_op_kind kind, uint64_t offset, uint64_t size)
{
	const struct vmb_op op = {
		.va = scene->reservation.va + offset,
		.size = size,
		.offset = kind == VMB_OP_MAP ? scene->memory.offset + offset : 0,
		.backing = kind == VMB_OP_MAP ? scene->memory.id : 0,
		.kind = kind,
	};
	size_t done;

	return scene->vm->impl->execute(scene->vm, &op, 1, &done);
}

/* Mappings of the process that are no part of the VM. */
struct others {
	void *maps[MOST];
	size_t sizes[MOST];
	size_t count;
};

/* Commits memory until the kernel refuses a page. */
static void others_init(struct others *others)
{
	static const uint64_t sizes[] = { 4 * MIB, 64 * KIB, PAGE };

	others->count = 0;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		void *map;
		while (others->count < MOST &&
			(map = mmap(NULL, sizes[i], PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED) {
			others->sizes[others->count] = sizes[i];
			others->maps[others->count++] = map;
		}
	}
	CHECK(others->count > 0 && others->count < MOST);
}

static void others_finish(struct others *others)
{
	while (others->count > 0) {
		others->count--;
		munmap(others->maps[others->count], others->sizes[others->count]);
	}
}

/* Allocates until the VM refuses. Writes each byte. Returns the number of allocations. */
static size_t allocate_all(struct vmb_vm *vm, struct vmb_backing *backings, uint64_t size)
{
	size_t count = 0;
	int ret = 0;

	while (count < MOST && (ret = vm->impl->memory_create(vm, size, &backings[count])) == 0) {
		count++;
	}
	for (size_t i = 0; i < count; i++) {
		memset(backings[i].map, (int)(i % 250), (size_t)size);
	}
	for (size_t i = 0; i < count; i++) {
		CHECK(has(backings[i].map, size, (int)(i % 250)));
	}
	printf("%zu allocations of %" PRIu64 " KiB, then %s\n", count, size / KIB, strerror(-ret));
	return count;
}

/* Memory that the VM gives out can be written, and is available again after it is freed. */
static void check_allocate(void)
{
	static const uint64_t sizes[] = { 8 * MIB, 128 * KIB };
	static struct vmb_backing backings[MOST];

	for (size_t i = 0; i < COUNT(sizes); i++) {
		size_t counts[2];
		for (size_t round = 0; round < 2; round++) {
			struct vmb_vm *vm = create_vm();
			counts[round] = allocate_all(vm, backings, sizes[i]);
			CHECK(counts[round] > 0 && counts[round] < MOST);
			for (size_t j = 0; j < counts[round]; j++) {
				vm->impl->memory_destroy(vm, &backings[j]);
			}
			CHECK(vm->impl->memory_create(vm, sizes[i], &backings[0]) == 0);
			memset(backings[0].map, 1, (size_t)sizes[i]);
			vmb_vm_destroy(vm);
		}
		/* The kernel counts in batches for each processor. */
		CHECK(counts[1] * sizes[i] + 8 * MIB >= counts[0] * sizes[i]);
	}
}

/* Each byte of a reservation can be written. */
static void check_reserve(void)
{
	static struct vmb_reservation ranges[MOST];
	struct vmb_vm *vm = create_vm();
	size_t count = 0;
	int ret = 0;

	while (count < MOST && (ret = vm->impl->reserve(vm, 8 * MIB, PAGE, &ranges[count])) == 0) {
		count++;
	}
	printf("%zu reservations of 8 MiB, then %s\n", count, strerror(-ret));
	CHECK(count > 0 && count < MOST);
	for (size_t i = 0; i < count; i++) {
		CHECK(has(pointer(ranges[i].va), 8 * MIB, 0));
		memset(pointer(ranges[i].va), 1, 8 * MIB);
	}
	for (size_t i = 0; i < count; i++) {
		vm->impl->release(vm, &ranges[i]);
	}
	vmb_vm_destroy(vm);
}

/* The range is bound as before. */
static void check_bound(const struct scene *scene, uint64_t offset, uint64_t size)
{
	uint64_t va = scene->reservation.va + offset;

	CHECK(is_mapped(va, size));
	CHECK(shows_memfd(va, size));
	CHECK(has(pointer(va), size, 7));
	memset(pointer(va), 8, (size_t)size);
	CHECK(has((char *)scene->memory.map + offset, size, 8));
	memset(pointer(va), 7, (size_t)size);
}

/* A refused unbind leaves the range bound. The unbind succeeds once memory is available. */
static void check_unbind(void)
{
	static const struct {
		uint64_t offset, size;
	} unbinds[] = { { 0, 16 * MIB }, { 4 * MIB, 8 * MIB }, { 0, PAGE } };
	static struct others others;
	struct scene scene;

	scene_init(&scene, 16 * MIB);
	for (size_t i = 0; i < COUNT(unbinds); i++) {
		uint64_t offset = unbinds[i].offset, size = unbinds[i].size;
		char *range = pointer(scene.reservation.va + offset);

		CHECK(execute(&scene, VMB_OP_MAP, 0, scene.size) == 0);
		others_init(&others);
		int ret = execute(&scene, VMB_OP_SPARSE, offset, size);
		printf("unbind of %" PRIu64 " KiB: %s\n", size / KIB, strerror(-ret));
		if (ret < 0) {
			check_bound(&scene, 0, scene.size);
		}
		others_finish(&others);
		CHECK(ret == 0 || execute(&scene, VMB_OP_SPARSE, offset, size) == 0);
		CHECK(is_mapped(scene.reservation.va, scene.size));
		CHECK(has(range, size, 0));
		memset(range, 1, (size_t)size);
		CHECK(has(scene.memory.map, scene.size, 7));
	}
	scene_finish(&scene);
}

/* Another process is refused memory again and again, while the VM unbinds. Each refusal exceeds the
 * limit for a moment. */
#define ROUNDS 3000

/* Less than the kernel keeps in reserve for root: the guest's init must be able to fork. */
#define REFUSED (16 * MIB)

static pid_t start_refused(void)
{
	pid_t parent = getpid();
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Leaves a part for the VM. */
		void *map, *last = NULL;
		while ((map = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED) {
			last = map;
		}
		munmap(last, 4 * MIB);
		while (getppid() == parent) {
			map = mmap(NULL, REFUSED, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (map != MAP_FAILED) {
				_exit(1);
			}
		}
		_exit(0);
	}
	CHECK(child > 0);
	return child;
}

static void check_compete(void)
{
	struct scene scene;
	size_t refused = 0;
	int status;

	scene_init(&scene, 64 * KIB);
	uint64_t va = scene.reservation.va;
	pid_t child = start_refused();
	for (size_t i = 0; i < ROUNDS; i++) {
		CHECK(execute(&scene, VMB_OP_MAP, 0, scene.size) == 0);
		int ret = execute(&scene, VMB_OP_SPARSE, 0, scene.size);
		if (!is_mapped(va, scene.size)) {
			printf("round %zu: unbind: %s: the range is not mapped\n", i,
				strerror(-ret));
			exit(1);
		}
		CHECK(has(pointer(va), scene.size, ret < 0 ? 7 : 0));
		refused += ret < 0;
	}
	printf("%zu of %d unbinds: refused\n", refused, ROUNDS);
	CHECK(waitpid(child, &status, WNOHANG) == 0);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	scene_finish(&scene);
}

static void *run_nothing(void *argument)
{
	return argument;
}

/* The rest of the process still works. */
static void check_process(void)
{
	pthread_t thread;

	void *memory = malloc(MIB);
	CHECK(memory != NULL);
	memset(memory, 1, MIB);
	free(memory);
	void *map = mmap(NULL, MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(map != MAP_FAILED);
	munmap(map, MIB);
	CHECK(pthread_create(&thread, NULL, run_nothing, NULL) == 0);
	pthread_join(thread, NULL);
}

/* vm.max_map_count is 1000. */
static void check_mappings(void)
{
	static struct vmb_backing backings[MOST];
	struct scene scene;
	size_t binds = 0, allocations = 0;
	int ret;

	scene_init(&scene, 2 * MOST * PAGE);
	while (binds < MOST && (ret = execute(&scene, VMB_OP_MAP, 2 * binds * PAGE, PAGE)) == 0) {
		binds++;
	}
	printf("%zu binds, then %s\n", binds, strerror(-ret));
	CHECK(ret == -ENOMEM && binds > 100);
	check_process();
	CHECK(is_mapped(scene.reservation.va, scene.size));
	for (size_t i = 0; i < MOST; i++) {
		uint64_t offset = 2 * i * PAGE;
		CHECK(has(pointer(scene.reservation.va + offset), PAGE, i < binds ? 7 : 0));
	}
	CHECK(execute(&scene, VMB_OP_SPARSE, 0, scene.size) == 0);
	while (allocations < MOST &&
		(ret = scene.vm->impl->memory_create(scene.vm, 2 * MIB, &backings[allocations])) ==
			0) {
		allocations++;
	}
	printf("%zu allocations, then %s\n", allocations, strerror(-ret));
	/* The kernel may merge the mappings of neighbouring allocations. */
	CHECK((ret == 0 || ret == -ENOMEM) && allocations > 100);
	check_process();
	scene_finish(&scene);
}

/* vm.memfd_noexec: the memory works, and is not executable. */
static void check_memfd(void)
{
	struct scene scene;
	struct stat status;
	char path[64];
	bool found = false;

	scene_init(&scene, 2 * MIB);
	CHECK(execute(&scene, VMB_OP_MAP, 0, scene.size) == 0);
	check_bound(&scene, 0, scene.size);
	CHECK(execute(&scene, VMB_OP_SPARSE, 0, scene.size) == 0);
	CHECK(has(pointer(scene.reservation.va), scene.size, 0));
	for (int fd = 3; fd < 64; fd++) {
		char target[64] = "";
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 &&
			strncmp(target, "/memfd:vmbind", 13) == 0) {
			found = true;
			CHECK(fstat(fd, &status) == 0 && (status.st_mode & 0111) == 0);
			CHECK(fcntl(fd, F_GET_SEALS) & 0x20 /* F_SEAL_EXEC */);
		}
	}
	CHECK(found);
	scene_finish(&scene);
}

static const struct {
	const char *name;
	void (*run)(void);
} checks[] = {
	{ "allocate", check_allocate },
	{ "reserve", check_reserve },
	{ "unbind", check_unbind },
	{ "compete", check_compete },
	{ "mappings", check_mappings },
	{ "memfd", check_memfd },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2 || (getuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))) {
		return 2;
	}
	if (argv[1][0] == '/') {
		execv(argv[1], &argv[1]);
		return 2;
	}
	for (size_t i = 0; i < COUNT(checks); i++) {
		if (strcmp(checks[i].name, argv[1]) == 0) {
			checks[i].run();
			return 0;
		}
	}
	return 2;
}
