/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/host/mapping.h"
#include "backend/host/vm.h"
#include "fail_alloc.h"

/* The sanitizers ignore mlockall(). */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NO_LOCKED_MEMORY
#endif

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)

/* The granularity that the driver chooses: a few pages in these tests. */
#define GRANULE (64 * KIB)

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The process's open files and mappings */

static size_t open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory)) {
		count++;
	}
	closedir(directory);
	return count;
}

static bool is_memfd(const char *name)
{
	char path[64], target[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%.16s", name);
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length < 0) {
		return false;
	}
	target[length] = '\0';
	return strncmp(target, "/memfd:vmbind", 13) == 0;
}

/* Returns the descriptor of the VM's memfd, or -1. At most one VM exists at a time. */
static int find_memfd(void)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = -1;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (is_memfd(entry->d_name)) {
			assert_int_equal(found, -1);
			found = atoi(entry->d_name);
		}
	}
	closedir(directory);
	return found;
}

/* Returns the bytes allocated to the VM's memfd. */
static uint64_t file_memory(void)
{
	struct stat status;

	assert_int_equal(fstat(find_memfd(), &status), 0);
	return (uint64_t)status.st_blocks * 512;
}

static size_t memfd_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	size_t count = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		count += strstr(line, "/memfd:vmbind") != NULL;
	}
	fclose(maps);
	return count;
}

/* Returns a column of statm in bytes: 0 is the address space, 1 the resident memory. */
static uint64_t statm(int column)
{
	FILE *file = fopen("/proc/self/statm", "r");
	uint64_t pages[2];

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%" SCNu64 " %" SCNu64, &pages[0], &pages[1]), 2);
	fclose(file);
	return pages[column] * page_size();
}

/* Whether the kernel commits memory for reservations and allocations. */
static bool is_committed(void)
{
	FILE *file = fopen("/proc/sys/vm/overcommit_memory", "r");
	int mode = 0;

	if (file) {
		assert_int_equal(fscanf(file, "%d", &mode), 1);
		fclose(file);
	}
	return mode == 2;
}

#define LARGEST_COMMITTED (64 * MIB)

/* Skips a test that needs a large reservation. */
static void skip_if_committed(uint64_t reserved)
{
	if (reserved > LARGEST_COMMITTED && is_committed()) {
		print_message("skipped: vm.overcommit_memory is 2, and the test reserves %" PRIu64
			      " MiB\n",
			reserved / MIB);
		skip();
	}
}

static bool is_mapped(uint64_t va)
{
	return msync((void *)(uintptr_t)va, page_size(), MS_ASYNC) == 0;
}

static volatile uint64_t *word(uint64_t va)
{
	return (volatile uint64_t *)(uintptr_t)va;
}

/* In a child process. The child exits with 0 on success. On a failure the exit status is derived
 * from the line of the CHECK. */
#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			_exit(__LINE__ % 251 + 1); \
		} \
	} while (0)

/* The scene: a VM, a reservation of GRANULES granules, and memory of the same size */

#define GRANULES 16

struct scene {
	struct vmb_vm *vm;
	struct vmb_reservation reservation;
	struct vmb_backing backing;
};

static uint64_t at(const struct scene *scene, uint64_t granule)
{
	return scene->reservation.va + granule * GRANULE;
}

static volatile uint64_t *memory(const struct scene *scene, uint64_t granule)
{
	return word((uintptr_t)scene->backing.map + granule * GRANULE);
}

static void scene_init(struct scene *scene)
{
	assert_int_equal(vmb_host_vm_create(GRANULE, NULL, &scene->vm), 0);
	assert_int_equal(scene->vm->impl->reserve(
				 scene->vm, GRANULES * GRANULE, GRANULE, &scene->reservation),
		0);
	assert_int_equal(
		scene->vm->impl->memory_create(scene->vm, GRANULES * GRANULE, &scene->backing), 0);
	for (uint64_t i = 0; i < GRANULES; i++) {
		*memory(scene, i) = 100 + i;
	}
}

static void scene_finish(struct scene *scene)
{
	scene->vm->impl->memory_destroy(scene->vm, &scene->backing);
	scene->vm->impl->release(scene->vm, &scene->reservation);
	vmb_vm_destroy(scene->vm);
}

static struct vmb_op map_op(
	const struct scene *scene, uint64_t granule, uint64_t count, uint64_t from)
{
	return (struct vmb_op){
		.va = at(scene, granule),
		.size = count * GRANULE,
		.offset = scene->backing.offset + from * GRANULE,
		.backing = scene->backing.id,
		.kind = VMB_OP_MAP,
	};
}

static struct vmb_op other_op(
	const struct scene *scene, uint64_t granule, uint64_t count, enum vmb_op_kind kind)
{
	return (struct vmb_op){ .va = at(scene, granule), .size = count * GRANULE, .kind = kind };
}

static void execute(const struct scene *scene, const struct vmb_op *ops, size_t count)
{
	size_t done = count + 1;

	assert_int_equal(scene->vm->impl->execute(scene->vm, ops, count, &done), 0);
	assert_int_equal(done, count);
}

/*
 * Blanks separate the ops. All numbers are granules.
 *   M<at>+<count>=<from>   map memory, starting at its granule <from>
 *   S<at>+<count>          make sparse
 *   U<at>+<count>          unmap
 * The field shown has a character for each granule of the reservation after the ops:
 *   a to p                 granule 0 to 15 of the memory
 *   -                      sparse
 *   .                      unmapped
 */
struct scenario {
	const char *name;
	const char *ops;
	const char *shown;
};

static const struct scenario scenarios[] = {
	{ "nothing", "", "----------------" },
	{ "one bind", "M3+1=5", "---f------------" },
	{ "a range", "M3+4=0", "---abcd---------" },
	{ "everything", "M0+16=0", "abcdefghijklmnop" },
	{ "aliases", "M0+2=7 M4+2=7 M9+1=8", "hi--hi---i------" },
	{ "bound anew", "M2+4=0 M3+2=8", "--aijd----------" },
	{ "unbound", "M2+4=0 S3+2", "--a--d----------" },
	{ "unbound and bound again", "M2+4=0 S2+4 M4+2=0", "----ab----------" },
	{ "unbound over more than was bound", "M2+1=0 M5+1=1 S0+16", "----------------" },
	{ "sparse again", "S0+16 S3+3", "----------------" },
	{ "unmapped", "M2+4=0 U3+2", "--a..d----------" },
	{ "unmapped and sparse again", "U0+8 S2+2 M6+1=0", "..--..a.--------" },
};

static struct vmb_op parse_op(const struct scene *scene, const char *text)
{
	unsigned granule, count, from = 0;
	char letter;

	assert_true(sscanf(text, "%c%u+%u=%u", &letter, &granule, &count, &from) >= 3);
	if (letter == 'M') {
		return map_op(scene, granule, count, from);
	}
	return other_op(scene, granule, count, letter == 'S' ? VMB_OP_SPARSE : VMB_OP_UNMAP);
}

/* A write to the memory shows in the reservation. A write to the range shows in the memory. */
static void check_bound(const struct scene *scene, uint64_t granule, uint64_t from)
{
	volatile uint64_t *first = word(at(scene, granule));
	volatile uint64_t *last = word(at(scene, granule + 1) - 8);
	volatile uint64_t *last_of_memory = word((uintptr_t)memory(scene, from + 1) - 8);

	assert_int_equal(*first, 100 + from);
	*last_of_memory = 7;
	assert_int_equal(*last, 7);
	*last = 8;
	assert_int_equal(*last_of_memory, 8);
}

/* A sparse granule can be read and written. The write leaves all memory unchanged. */
static void check_sparse(const struct scene *scene, uint64_t granule)
{
	volatile uint64_t *first = word(at(scene, granule));

	assert_int_equal(*first, 0);
	*word(at(scene, granule + 1) - 8) = 9;
	*first = 9;
	for (uint64_t i = 0; i < GRANULES; i++) {
		assert_int_equal(*memory(scene, i), 100 + i);
	}
	*first = 0;
}

static void check_shown(const struct scene *scene, const char *shown)
{
	for (uint64_t i = 0; i < GRANULES; i++) {
		switch (shown[i]) {
		case '-':
			check_sparse(scene, i);
			break;
		case '.':
			assert_false(is_mapped(at(scene, i)));
			assert_false(is_mapped(at(scene, i + 1) - page_size()));
			break;
		default:
			check_bound(scene, i, (uint64_t)(shown[i] - 'a'));
			break;
		}
	}
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	struct vmb_op ops[8];
	struct scene scene;
	size_t count = 0;

	scene_init(&scene);
	for (const char *text = scenario->ops; *text; text += strspn(text, " ")) {
		ops[count++] = parse_op(&scene, text);
		text += strcspn(text, " ");
	}
	uint64_t calls = scene.vm->system_calls;
	execute(&scene, ops, count);
	assert_int_equal(scene.vm->system_calls - calls, count);
	check_shown(&scene, scenario->shown);
	scene_finish(&scene);
}

/* A range that becomes sparse reads zero. A bind discards earlier writes to the sparse range. */
static void test_sparse_forgets(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	struct vmb_op bind = map_op(&scene, 2, 1, 3);
	struct vmb_op unbind = other_op(&scene, 2, 1, VMB_OP_SPARSE);
	*word(at(&scene, 2)) = 55;
	execute(&scene, &bind, 1);
	assert_int_equal(*word(at(&scene, 2)), 103);
	execute(&scene, &unbind, 1);
	assert_int_equal(*word(at(&scene, 2)), 0);
	*word(at(&scene, 2)) = 56;
	execute(&scene, &bind, 1);
	assert_int_equal(*word(at(&scene, 2)), 103);
	scene_finish(&scene);
}

/* Failing ops */

static void test_invalid_op(void **state)
{
	struct scene scene;
	size_t done = 99;

	(void)state;
	scene_init(&scene);
	struct vmb_op ops[] = { map_op(&scene, 0, 2, 4), map_op(&scene, 3, 1, 0),
		map_op(&scene, 5, 1, 1) };
	ops[1].offset += 1;
	assert_int_equal(scene.vm->impl->execute(scene.vm, ops, 3, &done), -EINVAL);
	assert_int_equal(done, 1);
	check_shown(&scene, "ef--------------");
	assert_int_equal(scene.vm->impl->execute(scene.vm, ops + 1, 2, &done), -EINVAL);
	assert_int_equal(done, 0);
	ops[0].kind = VMB_OP_UNMAP;
	ops[0].va += 1;
	assert_int_equal(scene.vm->impl->execute(scene.vm, ops, 1, &done), -EINVAL);
	assert_int_equal(done, 0);
	check_shown(&scene, "ef--------------");
	scene_finish(&scene);
}

/* A range that uses up the process's mappings, except a few. */
struct filler {
	char *start;
	size_t size;
};

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER
#endif
#endif

/* Returns the limit on mappings, or 0 if the limit is unknown. Under ThreadSanitizer the result is
 * 0 too: the sanitizer's own mappings would fail first, and the sanitizer would abort. */
static size_t most_mappings(void)
{
#if defined(THREAD_SANITIZER) || defined(__SANITIZE_THREAD__)
	return 0;
#else
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	size_t most = 0;

	if (file) {
		assert_int_equal(fscanf(file, "%zu", &most), 1);
		fclose(file);
	}
	return most;
#endif
}

/* Changes the protection of every second page until the kernel refuses another mapping. Then frees
 * the given number of mappings again. The caller must not allocate before it unmaps the filler. */
static void fill(struct filler *filler, size_t most, size_t left)
{
	size_t page = page_size();
	size_t i = 1;

	filler->size = (most + 3) * page;
	filler->start = mmap(
		NULL, filler->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (filler->start == MAP_FAILED) {
		return;
	}
	while (i < most && mprotect(filler->start + i * page, page, PROT_READ) == 0) {
		i += 2;
	}
	for (; left > 0; left -= 2) {
		i -= 2;
		mprotect(filler->start + i * page, page, PROT_NONE);
	}
}

#define LEFT 100

/* Returns how many of LEFT mappings the process can make. Unmaps them. */
static size_t mappings_left(void)
{
	void *maps[LEFT];
	size_t count = 0;

	/* Mappings with different protection do not merge. */
	while (count < LEFT) {
		maps[count] = mmap(NULL, page_size(), count % 2 ? PROT_READ : PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (maps[count] == MAP_FAILED) {
			break;
		}
		count++;
	}
	for (size_t i = 0; i < count; i++) {
		munmap(maps[i], page_size());
	}
	return count;
}

static void test_no_mappings_left(void **state)
{
	size_t most = most_mappings();
	struct vmb_op ops[GRANULES / 2];
	struct filler filler;
	struct scene scene;
	size_t done = 99;

	(void)state;
	if (most == 0 || most > 2000000) {
		skip();
	}
	scene_init(&scene);
	for (uint64_t i = 0; i < GRANULES / 2; i++) {
		ops[i] = map_op(&scene, 2 * i + 1, 1, 2 * i);
	}
	fill(&filler, most, 6);
	int ret = scene.vm->impl->execute(scene.vm, ops, GRANULES / 2, &done);
	size_t left = mappings_left();
	munmap(filler.start, filler.size);

	assert_true(filler.start != MAP_FAILED);
	assert_int_equal(ret, -ENOMEM);
	assert_true(done >= 2 && done < GRANULES / 2);
	/* The VM has left mappings for the rest of the process. */
	assert_int_equal(left, LEFT);
	char shown[] = "-a-c-e-g-i-k-m-o";
	/* Each op is done or has no effect: the granules of the remaining ops are still sparse. */
	memset(shown + 2 * done, '-', GRANULES - 2 * done);
	check_shown(&scene, shown);
	/* The remaining ops succeed once mappings are available. */
	execute(&scene, ops + done, GRANULES / 2 - done);
	check_shown(&scene, "-a-c-e-g-i-k-m-o");
	scene_finish(&scene);
}

/* Reservations */

struct size_case {
	const char *name;
	uint64_t size;
	uint64_t alignment;
};

static const struct size_case reservations[] = {
	{ "reserve: one granule", GRANULE, 1 },
	{ "reserve: aligned to a page", 3 * GRANULE, 4096 },
	{ "reserve: aligned to itself", GRANULE, GRANULE },
	{ "reserve: aligned to 2 MiB", 5 * GRANULE, 2 * MIB },
	{ "reserve: aligned to 1 GiB", GRANULE, GIB },
	{ "reserve: aligned to less than its size", 3 * GIB, 64 * MIB },
	{ "reserve: 64 GiB", 64 * GIB, GRANULE },
};

static void check_reservation(
	const struct size_case *wanted, const struct vmb_reservation *reservation)
{
	uint64_t end = reservation->va + reservation->size;

	assert_int_equal(reservation->size, wanted->size);
	assert_int_equal(reservation->va % wanted->alignment, 0);
	assert_int_equal(reservation->va % page_size(), 0);
	/* A device may access any address of the reservation. */
	assert_int_equal(*word(reservation->va), 0);
	assert_int_equal(*word(end - 8), 0);
	*word(end - 8) = 1;
}

/* A reservation uses address space only. The release returns all of the address space. */
static void test_reserve(void **state)
{
	const struct size_case *wanted = *state;
	struct vmb_reservation ranges[8];
	struct vmb_vm *vm;

	skip_if_committed(8 * wanted->size);
	assert_int_equal(vmb_host_vm_create(GRANULE, NULL, &vm), 0);
	uint64_t memory = statm(1), space = statm(0);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(
			vm->impl->reserve(vm, wanted->size, wanted->alignment, &ranges[i]), 0);
		check_reservation(wanted, &ranges[i]);
	}
	assert_true(statm(1) < memory + 4 * MIB);
	/* The reservation keeps no address space for the alignment. */
	assert_true(statm(0) < space + 8 * wanted->size + 4 * MIB);
	for (size_t i = 0; i < 8; i++) {
		vm->impl->release(vm, &ranges[i]);
		assert_false(is_mapped(ranges[i].va));
		assert_false(is_mapped(ranges[i].va + ranges[i].size - page_size()));
	}
	assert_true(statm(0) < space + 4 * MIB);
	vmb_vm_destroy(vm);
}

static void test_reserve_too_much(void **state)
{
	static const struct size_case wanted[] = {
		{ "2^48", UINT64_C(1) << 48, GRANULE },
		{ "2^62", UINT64_C(1) << 62, GRANULE },
		{ "2^63", UINT64_C(1) << 63, GRANULE },
		{ "2^64", -GRANULE, GRANULE },
		{ "2^64 with room to align it", -GRANULE, 2 * MIB },
		{ "aligned to 2^48", GRANULE, UINT64_C(1) << 48 },
		{ "aligned to 2^63", GRANULE, UINT64_C(1) << 63 },
		{ "2^63, aligned to 2^63", UINT64_C(1) << 63, UINT64_C(1) << 63 },
	};
	struct vmb_reservation reservation;
	struct vmb_backing first, backing;
	struct vmb_vm *vm;

	(void)state;
	assert_int_equal(vmb_host_vm_create(GRANULE, NULL, &vm), 0);
	assert_int_equal(vm->impl->memory_create(vm, GRANULE, &first), 0);
	uint64_t space = statm(0);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		assert_int_equal(
			vm->impl->reserve(vm, wanted[i].size, wanted[i].alignment, &reservation),
			-ENOMEM);
		if (wanted[i].size > GRANULE) {
			assert_true(vm->impl->memory_create(vm, wanted[i].size, &backing) < 0);
		}
	}
	assert_true(statm(0) < space + 4 * MIB);
	/* The failed calls used no address space and no memory. */
	assert_int_equal(vm->impl->reserve(vm, GRANULE, GRANULE, &reservation), 0);
	vm->impl->release(vm, &reservation);
	assert_int_equal(vm->impl->memory_create(vm, GRANULE, &backing), 0);
	assert_int_equal(backing.offset, first.offset + GRANULE);
	vm->impl->memory_destroy(vm, &backing);
	vm->impl->memory_destroy(vm, &first);
	vmb_vm_destroy(vm);
}

static void test_release_of_nothing(void **state)
{
	const struct vmb_reservation reservation = { 0 };
	const struct vmb_backing backing = { 0 };
	struct vmb_vm *vm;

	(void)state;
	assert_int_equal(vmb_host_vm_create(GRANULE, NULL, &vm), 0);
	vm->impl->release(vm, &reservation);
	vm->impl->memory_destroy(vm, &backing);
	vm->impl->memory_destroy(vm, &backing);
	assert_int_equal(vm->system_calls, 0);
	vmb_vm_destroy(vm);
	vmb_vm_destroy(NULL);
}

/* Memory */

static void write_all(const struct vmb_backing *backing, int value)
{
	memset(backing->map, value, backing->size);
}

static void test_memory_destroy_frees_pages(void **state)
{
	struct vmb_backing backings[2];
	struct vmb_vm *vm;

	(void)state;
	assert_int_equal(vmb_host_vm_create(GRANULE, NULL, &vm), 0);
	assert_int_equal(vm->impl->memory_create(vm, 8 * MIB, &backings[0]), 0);
	assert_int_equal(vm->impl->memory_create(vm, 2 * MIB, &backings[1]), 0);
	assert_int_equal(file_memory(), is_committed() ? 10 * MIB : 0);
	write_all(&backings[0], 1);
	write_all(&backings[1], 2);
	assert_int_equal(file_memory(), 10 * MIB);
	vm->impl->memory_destroy(vm, &backings[0]);
	assert_int_equal(file_memory(), 2 * MIB);
	assert_int_equal(memfd_mappings(), 1);
	assert_int_equal(((char *)backings[1].map)[0], 2);
	assert_int_equal(((char *)backings[1].map)[2 * MIB - 1], 2);
	vm->impl->memory_destroy(vm, &backings[1]);
	assert_int_equal(file_memory(), 0);
	assert_int_equal(memfd_mappings(), 0);
	vmb_vm_destroy(vm);
}

/* If memory is freed while bound, the range reads zero and never shows new memory. */
static void test_memory_destroy_while_bound(void **state)
{
	struct vmb_backing other;
	struct scene scene;

	(void)state;
	scene_init(&scene);
	struct vmb_op op = map_op(&scene, 0, GRANULES, 0);
	execute(&scene, &op, 1);
	assert_int_equal(*word(at(&scene, 3)), 103);
	scene.vm->impl->memory_destroy(scene.vm, &scene.backing);
	assert_int_equal(*word(at(&scene, 3)), 0);
	assert_int_equal(scene.vm->impl->memory_create(scene.vm, scene.backing.size, &other), 0);
	write_all(&other, 0x55);
	for (uint64_t i = 0; i < GRANULES; i++) {
		assert_int_equal(*word(at(&scene, i)), 0);
		*word(at(&scene, i)) = 1;
	}
	assert_int_equal(((char *)other.map)[0], 0x55);
	scene.backing = other;
	scene_finish(&scene);
}

/* New memory reads as zero, also where freed memory was. */
static void test_memory_is_zeroed(void **state)
{
	struct vmb_backing backing;
	struct vmb_vm *vm;

	(void)state;
	assert_int_equal(vmb_host_vm_create(GRANULE, NULL, &vm), 0);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(vm->impl->memory_create(vm, GRANULE, &backing), 0);
		for (size_t at = 0; at < GRANULE; at += 8) {
			assert_int_equal(*word((uintptr_t)backing.map + at), 0);
		}
		write_all(&backing, 1);
		vm->impl->memory_destroy(vm, &backing);
	}
	assert_int_equal(file_memory(), 0);
	vmb_vm_destroy(vm);
}

/* fork(). The child has a copy of all memory, and changes nothing in the parent. */

enum child_work {
	CHILD_WRITES,
	CHILD_FREES,
	CHILD_DESTROYS,
	CHILD_ALLOCATES,
	CHILD_BINDS,
};

struct fork_case {
	const char *name;
	enum child_work work;
};

static const struct fork_case fork_cases[] = {
	{ "fork: the child writes", CHILD_WRITES },
	{ "fork: the child frees", CHILD_FREES },
	{ "fork: the child destroys the VM", CHILD_DESTROYS },
	{ "fork: the child allocates", CHILD_ALLOCATES },
	{ "fork: the child binds and writes", CHILD_BINDS },
};

static void run_child(const struct scene *scene, enum child_work work)
{
	const struct vmb_op bind = map_op(scene, 0, GRANULES, 0);
	struct vmb_vm *vm = scene->vm;
	struct vmb_backing backing;
	size_t done;

	CHECK(*memory(scene, 3) == 103);
	switch (work) {
	case CHILD_WRITES:
		memset(scene->backing.map, 0xff, scene->backing.size);
		break;
	case CHILD_FREES:
		vm->impl->memory_destroy(vm, &scene->backing);
		break;
	case CHILD_DESTROYS:
		vmb_vm_destroy(vm);
		break;
	case CHILD_ALLOCATES:
		for (int i = 0; i < 40; i++) {
			CHECK(vm->impl->memory_create(vm, GRANULES * GRANULE, &backing) == 0);
			memset(backing.map, 0xff, backing.size);
		}
		break;
	case CHILD_BINDS:
		CHECK(vm->impl->execute(vm, &bind, 1, &done) == 0);
		CHECK(*word(at(scene, 5)) == 105);
		memset((void *)(uintptr_t)at(scene, 0), 0xff, GRANULES * GRANULE);
		break;
	}
}

static void test_fork(void **state)
{
	const struct fork_case *test = *state;
	struct vmb_backing other;
	struct scene scene;
	int status;

	scene_init(&scene);
	struct vmb_op bind = map_op(&scene, 0, 4, 4);
	execute(&scene, &bind, 1);
	pid_t child = fork();
	if (child == 0) {
		run_child(&scene, test->work);
		_exit(0);
	}
	/* The parent goes on while the child works. */
	assert_int_equal(scene.vm->impl->memory_create(scene.vm, GRANULES * GRANULE, &other), 0);
	write_all(&other, 0x11);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (uint64_t i = 0; i < GRANULES; i++) {
		assert_int_equal(*memory(&scene, i), 100 + i);
	}
	check_shown(&scene, "efgh------------");
	const char *bytes = other.map;
	assert_int_equal(bytes[0], 0x11);
	assert_memory_equal(bytes, bytes + 1, other.size - 1);
	scene.vm->impl->memory_destroy(scene.vm, &other);
	scene_finish(&scene);
}

/* Core dumps */

/* Whether the mapping at an address is part of a core dump. */
static bool is_dumped(uint64_t va)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	uint64_t start = 0, end = 0;
	bool dumped = true;
	char line[512];

	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		uint64_t from, to;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2) {
			start = from;
			end = to;
		}
		if (strncmp(line, "VmFlags:", 8) == 0 && start <= va && va < end) {
			dumped = !strstr(line, " dd");
		}
	}
	fclose(smaps);
	return dumped;
}

static void test_no_dump(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	struct vmb_op bind = map_op(&scene, 2, 4, 0);
	struct vmb_op unbind = other_op(&scene, 3, 2, VMB_OP_SPARSE);
	execute(&scene, &bind, 1);
	execute(&scene, &unbind, 1);
	check_shown(&scene, "--a--d----------");
	for (uint64_t i = 0; i < GRANULES; i++) {
		assert_int_equal(is_dumped(at(&scene, i)), i == 2 || i == 5);
	}
	assert_true(is_dumped((uintptr_t)scene.backing.map));
	scene_finish(&scene);
}

/* The VM itself */

static void test_create(void **state)
{
	struct vmb_vm *vm;

	(void)state;
	assert_int_equal(vmb_host_vm_create(GRANULE, NULL, &vm), 0);
	assert_string_equal(vm->impl->name, "host");
	assert_int_equal(vm->granularity, GRANULE);
	assert_int_equal(vm->system_calls, 0);
	assert_true(fcntl(find_memfd(), F_GETFD) & FD_CLOEXEC);
	vmb_vm_destroy(vm);
	assert_int_equal(find_memfd(), -1);
}

static void test_no_leaks(void **state)
{
	struct scene scene;

	(void)state;
	size_t files = open_files();
	uint64_t space = statm(0);
	for (size_t i = 0; i < 100; i++) {
		struct vmb_backing kept;
		scene_init(&scene);
		assert_int_equal(scene.vm->impl->memory_create(scene.vm, 4 * MIB, &kept), 0);
		struct vmb_op op = map_op(&scene, i % GRANULES, 1, 0);
		execute(&scene, &op, 1);
		scene.vm->impl->memory_destroy(scene.vm, &kept);
		scene_finish(&scene);
	}
	assert_int_equal(open_files(), files);
	assert_int_equal(memfd_mappings(), 0);
	assert_true(statm(0) < space + 16 * MIB);
}

static void test_create_without_memory(void **state)
{
	struct vmb_vm *vm;

	(void)state;
	size_t files = open_files();
	fail_alloc_after(0);
	int ret = vmb_host_vm_create(GRANULE, NULL, &vm);
	fail_alloc_after(FAIL_NEVER);
	assert_int_equal(ret, -ENOMEM);
	assert_int_equal(open_files(), files);
}

static void test_address_space(void **state)
{
	uint64_t space = statm(0);
	uint64_t size = vmb_host_address_space();

	(void)state;
	assert_int_equal(size & (size - 1), 0);
	assert_true(size >= (sizeof(void *) > 4 && !is_committed() ? 64 * GIB : 64 * MIB));
	assert_true(statm(0) < space + 4 * MIB);
}

/* Resource limits
 *
 * A process cannot raise its hard limits again, so each test runs in a child process. */

static void check_limit(int resource, uint64_t limit)
{
	const struct rlimit both = { .rlim_cur = limit, .rlim_max = limit };

	CHECK(setrlimit(resource, &both) == 0);
}

static void no_files(void)
{
	struct vmb_vm *vm;

	check_limit(RLIMIT_NOFILE, 3);
	CHECK(vmb_host_vm_create(GRANULE, NULL, &vm) == -EMFILE);
}

/* A limit on files limits the memory that is allocated at one time, not the sum of all
 * allocations. The process gets no signal. */
static void short_files(void)
{
	struct vmb_backing backing, held;
	struct vmb_vm *vm;

	size_t files = open_files();
	check_limit(RLIMIT_FSIZE, 40 * MIB + 5);
	CHECK(vmb_host_vm_create(GRANULE, NULL, &vm) == 0);
	CHECK(vm->impl->memory_create(vm, 41 * MIB, &backing) == -EFBIG);
	CHECK(vm->impl->memory_create(vm, GRANULE, &held) == 0);
	memset(held.map, 7, GRANULE);
	for (int i = 0; i < 20; i++) {
		CHECK(vm->impl->memory_create(vm, 30 * MIB, &backing) == 0);
		((char *)backing.map)[0] = 1;
		((char *)backing.map)[backing.size - 1] = 1;
		vm->impl->memory_destroy(vm, &backing);
		CHECK(open_files() <= files + 2);
	}
	CHECK(((char *)held.map)[GRANULE - 1] == 7);
	vm->impl->memory_destroy(vm, &held);
	vmb_vm_destroy(vm);
	CHECK(open_files() == files);
}

static void no_file_space(void)
{
	struct vmb_vm *vm;

	check_limit(RLIMIT_FSIZE, GRANULE - 1);
	CHECK(vmb_host_vm_create(GRANULE, NULL, &vm) == -EFBIG);
}

#ifndef NO_LOCKED_MEMORY
/* Returns the kilobytes of a line of /proc/self/status. */
static uint64_t status_kib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	uint64_t value = 0;
	char line[256];

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, strlen(name)) == 0) {
			value = strtoull(line + strlen(name), NULL, 10);
		}
	}
	fclose(file);
	return value;
}

/* Under mlockall(MCL_FUTURE) the kernel populates new mappings. Reservations and unbinds take no
 * memory nevertheless. */
static void locked_memory(void)
{
	struct vmb_reservation reservation;
	struct vmb_backing backing;
	struct vmb_vm *vm;
	size_t done;

	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	if (setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0 || mlockall(MCL_FUTURE) < 0) {
		return; /* without root privileges */
	}
	CHECK(vmb_memory_is_locked());
	uint64_t before = status_kib("VmHWM:");
	CHECK(vmb_host_address_space() >= GIB);
	CHECK(vmb_host_vm_create(GRANULE, NULL, &vm) == 0);
	CHECK(vm->impl->reserve(vm, GIB, GRANULE, &reservation) == 0);
	CHECK(vm->impl->memory_create(vm, GRANULE, &backing) == 0);
	const struct vmb_op ops[] = {
		{ .va = reservation.va,
			.size = GRANULE,
			.offset = backing.offset,
			.backing = backing.id,
			.kind = VMB_OP_MAP },
		{ .va = reservation.va, .size = GIB, .kind = VMB_OP_SPARSE },
	};
	CHECK(vm->impl->execute(vm, ops, 2, &done) == 0);
	CHECK(*word(reservation.va + GIB / 2) == 0);
	*word(reservation.va + GIB / 2) = 1;
	CHECK(status_kib("VmHWM:") < before + 32 * KIB);
	vm->impl->release(vm, &reservation);
	vm->impl->memory_destroy(vm, &backing);
	vmb_vm_destroy(vm);
}
#endif

static void little_address_space(void)
{
	uint64_t limit = statm(0) + 3 * GIB / 2;
	struct vmb_reservation reservation;
	struct vmb_vm *vm;

	CHECK(vmb_host_vm_create(GRANULE, NULL, &vm) == 0);
	check_limit(RLIMIT_AS, limit);
	CHECK(vmb_host_address_space() == GIB);
	CHECK(vm->impl->reserve(vm, 2 * GIB, GRANULE, &reservation) == -ENOMEM);
	CHECK(vm->impl->reserve(vm, GIB, GRANULE, &reservation) == 0);
	vm->impl->release(vm, &reservation);
	vmb_vm_destroy(vm);
}

static void no_address_space(void)
{
	check_limit(RLIMIT_AS, 0);
	CHECK(vmb_host_address_space() == 0);
}

struct limited {
	const char *name;
	void (*run)(void);
	uint64_t reserved; /* the bytes that the test reserves */
};

static const struct limited limited[] = {
	{ "no files", no_files, 0 },
	{ "short files", short_files, 0 },
	{ "no file space", no_file_space, 0 },
#ifndef NO_LOCKED_MEMORY
	{ "locked memory", locked_memory, GIB },
#endif
	{ "little address space", little_address_space, GIB },
	{ "no address space", no_address_space, 0 },
};

static void test_limited(void **state)
{
	const struct limited *test = *state;
	int status;

	skip_if_committed(test->reserved);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* cmocka's signal handler would report a failure of the parent's test. */
		signal(SIGXFSZ, SIG_DFL);
		test->run();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fail_msg("%s: status 0x%x", test->name, (unsigned)status);
	}
}

/* Threads */

#define THREADS 4
#define ROUNDS 300

#define TAKEN 1000
/* The granules of a shared mapping of small memory, which may be partly unused. */
#define SLACK 256

struct worker {
	struct vmb_vm *vm;
	pthread_barrier_t *start;
	uint64_t id;
	struct vmb_backing taken[TAKEN];
	const char *error;
};

/* Binds the thread's memory to the thread's range and checks that the range shows the memory. */
static const char *work_once(struct worker *worker, uint64_t round)
{
	struct vmb_vm *vm = worker->vm;
	uint64_t size = (1 + round % 3) * GRANULE;
	uint64_t value = worker->id << 32 | round;
	struct vmb_reservation reservation;
	struct vmb_backing backing;
	size_t done;

	if (vm->impl->reserve(vm, size, 1 + (round % 2) * (2 * MIB - 1), &reservation) ||
		vm->impl->memory_create(vm, size, &backing)) {
		return "reserve or memory_create failed";
	}
	const struct vmb_op ops[] = {
		{ .va = reservation.va,
			.size = size,
			.offset = backing.offset,
			.backing = backing.id },
		{ .va = reservation.va, .size = GRANULE, .kind = VMB_OP_SPARSE },
		{ .va = reservation.va,
			.size = GRANULE,
			.offset = backing.offset + size - GRANULE,
			.backing = backing.id },
	};
	*word((uintptr_t)backing.map) = value;
	*word((uintptr_t)backing.map + size - GRANULE) = value;
	if (vm->impl->execute(vm, ops, 3, &done) || done != 3) {
		return "execute failed";
	}
	if (*word(reservation.va) != value || *word(reservation.va + size - GRANULE) != value) {
		return "the range shows other memory";
	}
	vm->impl->release(vm, &reservation);
	vm->impl->memory_destroy(vm, &backing);
	return NULL;
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	pthread_barrier_wait(worker->start);
	for (uint64_t i = 0; i < ROUNDS && !worker->error; i++) {
		worker->error = work_once(worker, i);
	}
	return NULL;
}

static void run_threads(struct worker *workers, void *(*run)(void *), struct vmb_vm *vm)
{
	pthread_t threads[THREADS];
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .vm = vm, .id = i + 1, .start = &start };
		assert_int_equal(pthread_create(&threads[i], NULL, run, &workers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	pthread_barrier_destroy(&start);
	for (size_t i = 0; i < THREADS; i++) {
		assert_string_equal(workers[i].error ? workers[i].error : "", "");
	}
}

static void test_threads(void **state)
{
	static struct worker workers[THREADS];
	struct vmb_vm *vm;

	(void)state;
	assert_int_equal(vmb_host_vm_create(GRANULE, NULL, &vm), 0);
	run_threads(workers, work, vm);
	vmb_vm_destroy(vm);
	assert_int_equal(memfd_mappings(), 0);
}

static void *take_memory(void *argument)
{
	struct worker *worker = argument;

	pthread_barrier_wait(worker->start);
	for (size_t i = 0; i < TAKEN && !worker->error; i++) {
		if (worker->vm->impl->memory_create(worker->vm, GRANULE, &worker->taken[i])) {
			worker->error = "memory_create failed";
		}
	}
	return NULL;
}

/* Each memory_create returns different memory, on all threads. */
static void test_memory_for_threads(void **state)
{
	static bool taken[THREADS * TAKEN + SLACK];
	static struct worker workers[THREADS];
	struct vmb_vm *vm;

	(void)state;
	assert_int_equal(vmb_host_vm_create(GRANULE, NULL, &vm), 0);
	run_threads(workers, take_memory, vm);
	uint64_t first = UINT64_MAX;
	for (size_t i = 0; i < THREADS * TAKEN; i++) {
		uint64_t offset = workers[i / TAKEN].taken[i % TAKEN].offset;
		first = offset < first ? offset : first;
	}
	/* A mapping holds many of them. */
	assert_true(memfd_mappings() < 32);
	for (size_t i = 0; i < THREADS * TAKEN; i++) {
		struct vmb_backing *backing = &workers[i / TAKEN].taken[i % TAKEN];
		size_t place = (backing->offset - first) / GRANULE;
		assert_true(place < THREADS * TAKEN + SLACK);
		assert_false(taken[place]);
		taken[place] = true;
		vm->impl->memory_destroy(vm, backing);
	}
	vmb_vm_destroy(vm);
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_create),
	cmocka_unit_test(test_create_without_memory),
	cmocka_unit_test(test_sparse_forgets),
	cmocka_unit_test(test_invalid_op),
	cmocka_unit_test(test_no_mappings_left),
	cmocka_unit_test(test_reserve_too_much),
	cmocka_unit_test(test_release_of_nothing),
	cmocka_unit_test(test_memory_destroy_frees_pages),
	cmocka_unit_test(test_memory_destroy_while_bound),
	cmocka_unit_test(test_memory_is_zeroed),
	cmocka_unit_test(test_no_dump),
	cmocka_unit_test(test_no_leaks),
	cmocka_unit_test(test_address_space),
	cmocka_unit_test(test_threads),
	cmocka_unit_test(test_memory_for_threads),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TESTS \
	(COUNT(scenarios) + COUNT(reservations) + COUNT(fork_cases) + COUNT(limited) + \
		COUNT(others))

static struct CMUnitTest named(const char *name, CMUnitTestFunction function, const void *state)
{
	return (struct CMUnitTest){
		.name = name, .test_func = function, .initial_state = (void *)(uintptr_t)state
	};
}

int main(void)
{
	struct CMUnitTest tests[TESTS];
	size_t count = 0;

	for (size_t i = 0; i < COUNT(scenarios); i++) {
		tests[count++] = named(scenarios[i].name, test_scenario, &scenarios[i]);
	}
	for (size_t i = 0; i < COUNT(reservations); i++) {
		tests[count++] = named(reservations[i].name, test_reserve, &reservations[i]);
	}
	for (size_t i = 0; i < COUNT(fork_cases); i++) {
		tests[count++] = named(fork_cases[i].name, test_fork, &fork_cases[i]);
	}
	for (size_t i = 0; i < COUNT(limited); i++) {
		tests[count++] = named(limited[i].name, test_limited, &limited[i]);
	}
	memcpy(&tests[count], others, sizeof(others));
	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
