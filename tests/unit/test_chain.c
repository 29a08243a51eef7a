/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fail_alloc.h"
#include "scenarios.h"
#include "vk/chain.h"

/* Linked with --wrap=process_vm_readv and --wrap=pipe2. */
ssize_t __real_process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_count,
	const struct iovec *remote, unsigned long remote_count, unsigned long flags);
ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_count,
	const struct iovec *remote, unsigned long remote_count, unsigned long flags);

int __real_pipe2(int ends[2], int flags);
int __wrap_pipe2(int ends[2], int flags);

/* The calls that a sandbox forbids. */
static bool forbid_reads;
static bool forbid_pipes;

int __wrap_pipe2(int ends[2], int flags)
{
	if (forbid_pipes) {
		errno = EMFILE;
		return -1;
	}
	return __real_pipe2(ends, flags);
}

ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_count,
	const struct iovec *remote, unsigned long remote_count, unsigned long flags)
{
	if (forbid_reads) {
		errno = EPERM;
		return -1;
	}
	return __real_process_vm_readv(pid, local, local_count, remote, remote_count, flags);
}

/*
 * chain has a letter for each structure; a letter stands for a type. listed has the types that the
 * caller wants to change. copied is the expected number of copied structures.
 */
struct scenario {
	const char *name;
	const char *chain;
	const char *listed;
	size_t copied;
};

static const struct scenario scenarios[] = {
	{ "no chain", "", "a", 0 },
	{ "nothing listed", "abc", "", 0 },
	{ "no listed type in the chain", "abc", "de", 0 },
	{ "the only structure", "a", "a", 1 },
	{ "the first structure", "abc", "a", 1 },
	{ "the second structure", "abc", "b", 2 },
	{ "the last structure", "abc", "c", 3 },
	{ "types in descending order", "zyxw", "x", 3 },
	{ "two structures", "abcde", "db", 4 },
	{ "two structures side by side", "abcd", "bc", 3 },
	{ "one of two listed types", "abcd", "xb", 2 },
	{ "all structures", "abcd", "dcba", 4 },
	{ "one type twice", "abcbd", "b", 4 },
	{ "all structures of one type", "aaa", "a", 3 },
	{ "a long chain", "abcdefghijklmnopqrstuvwxyz", "y", 25 },
};

/* The place of a structure in its own read-only pages. */
enum place {
	/* The structure ends with the last page. The next page is unmapped or unreadable. */
	BEFORE_UNMAPPED,
	BEFORE_UNREADABLE,
	/* The structure starts with the first page. */
	AT_START,
	/* The structure spans two pages. */
	ACROSS,
};

struct spot {
	const char *name;
	enum place place;
	size_t size; /* of the structure */
};

static const struct spot spots[] = {
	{ "before an unmapped page, empty", BEFORE_UNMAPPED, sizeof(VkBaseInStructure) },
	{ "before an unmapped page, short", BEFORE_UNMAPPED, 24 },
	{ "before an unmapped page, long", BEFORE_UNMAPPED, 3000 },
	{ "before an unmapped page, longest", BEFORE_UNMAPPED, 4096 },
	{ "before an unreadable page, empty", BEFORE_UNREADABLE, sizeof(VkBaseInStructure) },
	{ "before an unreadable page, short", BEFORE_UNREADABLE, 40 },
	{ "before an unreadable page, longest", BEFORE_UNREADABLE, 4096 },
	{ "at the start, short", AT_START, 48 },
	{ "at the start, longest", AT_START, 4096 },
	{ "across, empty", ACROSS, sizeof(VkBaseInStructure) },
	{ "across, short", ACROSS, 56 },
	{ "across, longest", ACROSS, 4096 },
};
#define SPOTS (sizeof(spots) / sizeof(spots[0]))

#define MAX_STRUCTS 32

struct placed {
	char *pages;
	size_t page_count;
	VkBaseOutStructure *at;
};

struct original {
	const struct spot *spot;
	struct placed structs[MAX_STRUCTS];
	size_t count;
};

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* A type that the Vulkan headers do not use. */
static VkStructureType type_of(char letter)
{
	return (VkStructureType)(0x7ffff000 + letter);
}

/* The expected byte at an offset of structure index; not 0. */
static unsigned char payload(size_t index, size_t offset)
{
	return (unsigned char)(1 + (index * 31 + offset * 7 + offset / 256) % 255);
}

/* Allocates three pages for a structure. vmb_chain_copy() must not depend on the pages behind
 * it. */
static void place_struct(struct placed *placed, const struct spot *spot)
{
	size_t page = page_size();
	char *pages = mmap(
		NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	placed->pages = pages;
	placed->page_count = 3;
	switch (spot->place) {
	case BEFORE_UNMAPPED:
		assert_int_equal(munmap(pages + 2 * page, page), 0);
		placed->page_count = 2;
		placed->at = (void *)(pages + 2 * page - spot->size);
		break;
	case BEFORE_UNREADABLE:
		assert_int_equal(mprotect(pages + 2 * page, page, PROT_NONE), 0);
		placed->at = (void *)(pages + 2 * page - spot->size);
		break;
	case AT_START:
		placed->at = (void *)pages;
		break;
	case ACROSS:
		placed->at = (void *)(pages + page - 8);
		break;
	}
}

/* Makes the structure read-only: a write to the application's chain crashes the test. */
static void protect_struct(struct placed *placed, enum place place)
{
	size_t pages = place == BEFORE_UNREADABLE ? 2 : placed->page_count;

	assert_int_equal(mprotect(placed->pages, pages * page_size(), PROT_READ), 0);
}

static void original_init(struct original *original, const char *letters, const struct spot *spot)
{
	*original = (struct original){ .spot = spot, .count = strlen(letters) };
	assert_true(original->count <= MAX_STRUCTS);
	for (size_t i = 0; i < original->count; i++) {
		place_struct(&original->structs[i], spot);
	}
	for (size_t i = 0; i < original->count; i++) {
		VkBaseOutStructure *at = original->structs[i].at;
		for (size_t k = sizeof(*at); k < spot->size; k++) {
			((unsigned char *)at)[k] = payload(i, k);
		}
		at->sType = type_of(letters[i]);
		at->pNext = i + 1 < original->count ? original->structs[i + 1].at : NULL;
	}
	for (size_t i = 0; i < original->count; i++) {
		protect_struct(&original->structs[i], spot->place);
	}
}

static void original_finish(struct original *original)
{
	for (size_t i = 0; i < original->count; i++) {
		struct placed *placed = &original->structs[i];
		munmap(placed->pages, placed->page_count * page_size());
	}
}

static const void *head_of(const struct original *original)
{
	return original->count ? original->structs[0].at : NULL;
}

/* A copied structure has the original's contents and another address. */
static void check_copied(
	const struct original *original, size_t index, const VkBaseOutStructure *copied)
{
	const VkBaseOutStructure *at = original->structs[index].at;

	assert_ptr_not_equal(copied, at);
	assert_int_equal((uintptr_t)copied % _Alignof(max_align_t), 0);
	assert_int_equal(copied->sType, at->sType);
	for (size_t i = sizeof(*copied); i < original->spot->size; i++) {
		assert_int_equal(((const unsigned char *)copied)[i], payload(index, i));
	}
}

static void check_copy(const struct original *original, const struct vmb_chain *copy, size_t copied)
{
	const VkBaseOutStructure *node = copy->head;

	for (size_t i = 0; i < copied; i++) {
		assert_non_null(node);
		check_copied(original, i, node);
		node = node->pNext;
	}
	assert_ptr_equal(node, copied < original->count ? original->structs[copied].at : NULL);
}

/* The caller can change a listed structure of the copy. The original stays unchanged. */
static void change_listed(
	const struct vmb_chain *copy, const struct original *original, VkStructureType type)
{
	const VkBaseInStructure *before = vmb_chain_find(head_of(original), type);
	VkBaseOutStructure *found = vmb_chain_find_out(copy->head, type);

	assert_int_equal(found != NULL, before != NULL);
	if (found) {
		assert_int_equal(before->sType, type);
		assert_int_equal(found->sType, type);
		assert_ptr_not_equal(found, before);
		memset(found + 1, 0, original->spot->size - sizeof(*found));
		for (size_t i = sizeof(*before); i < original->spot->size; i++) {
			assert_int_not_equal(((const unsigned char *)before)[i], 0);
		}
	}
}

static size_t list_types(const char *letters, VkStructureType *types)
{
	size_t count = strlen(letters);

	for (size_t i = 0; i < count; i++) {
		types[i] = type_of(letters[i]);
	}
	return count;
}

static void check_scenario(const struct scenario *scenario, const struct spot *spot)
{
	VkStructureType types[MAX_STRUCTS];
	size_t type_count = list_types(scenario->listed, types);
	struct original original;
	struct vmb_chain copy;

	original_init(&original, scenario->chain, spot);
	fail_alloc_after(FAIL_NEVER);
	assert_int_equal(vmb_chain_copy(&copy, head_of(&original), types, type_count), VK_SUCCESS);
	assert_int_equal(fail_alloc_count(), scenario->copied);
	if (scenario->copied == 0) {
		assert_ptr_equal(copy.head, head_of(&original));
	}
	check_copy(&original, &copy, scenario->copied);
	for (size_t i = 0; i < type_count; i++) {
		change_listed(&copy, &original, types[i]);
	}
	vmb_chain_finish(&copy);
	assert_null(copy.head);
	vmb_chain_finish(&copy);
	original_finish(&original);
}

static void test_scenario(void **state)
{
	for (size_t i = 0; i < SPOTS; i++) {
		forbid_reads = false;
		check_scenario(*state, &spots[i]);
		forbid_reads = true;
		check_scenario(*state, &spots[i]);
	}
	forbid_reads = false;
}

static void test_find(void **state)
{
	struct original original;

	(void)state;
	original_init(&original, "abcb", &spots[0]);
	void *head = original.structs[0].at;
	for (size_t i = 0; i < 3; i++) {
		VkStructureType type = type_of("abc"[i]);
		assert_ptr_equal(vmb_chain_find(head, type), original.structs[i].at);
		assert_ptr_equal(vmb_chain_find_out(head, type), original.structs[i].at);
	}
	assert_null(vmb_chain_find(head, type_of('d')));
	assert_null(vmb_chain_find_out(head, type_of('d')));
	assert_null(vmb_chain_find(NULL, type_of('a')));
	assert_null(vmb_chain_find_out(NULL, type_of('a')));
	original_finish(&original);
}

static void check_failure(struct original *original, VkResult expected)
{
	const VkStructureType type = type_of('e');
	struct vmb_chain copy;

	assert_int_equal(vmb_chain_copy(&copy, head_of(original), &type, 1), expected);
	assert_null(copy.head);
	assert_null(copy.blocks);
	/* An empty chain owns nothing, and vmb_chain_finish() accepts it. */
	vmb_chain_finish(&copy);
}

static void test_without_memory(void **state)
{
	struct original original;

	(void)state;
	original_init(&original, "abcdef", &spots[1]);
	for (uint64_t good = 0; good < 5; good++) {
		fail_alloc_after(good);
		check_failure(&original, VK_ERROR_OUT_OF_HOST_MEMORY);
	}
	fail_alloc_after(FAIL_NEVER);
	original_finish(&original);
}

/* A pipe replaces process_vm_readv(). If both are forbidden, the copy fails and leaks nothing. */
static void test_forbidden_reads(void **state)
{
	struct original original;

	(void)state;
	original_init(&original, "abcdef", &spots[1]);
	forbid_reads = true;
	forbid_pipes = true;
	check_failure(&original, VK_ERROR_INITIALIZATION_FAILED);
	forbid_reads = false;
	forbid_pipes = false;
	original_finish(&original);
}

static void test_zeroed(void **state)
{
	struct vmb_chain copy = { 0 };

	(void)state;
	vmb_chain_finish(&copy);
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_find),
	cmocka_unit_test(test_without_memory),
	cmocka_unit_test(test_forbidden_reads),
	cmocka_unit_test(test_zeroed),
};

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = { .test_func = test_scenario };

	return run_scenarios("chain", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
