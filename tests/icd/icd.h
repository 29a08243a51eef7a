/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_ICD_H
#define VMB_TESTS_ICD_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vk.h"

/*
 * What the programs here share. Each is a table of scenarios, run through the real loader on a real
 * driver. What they assert is what the GPU read or wrote, or what the driver says without the
 * layer, never the layer's own word.
 *
 * A program's arguments are patterns: only scenarios that match one of them are run.
 */

/* A scenario gets a device with every sparse buffer feature: struct vku *vk = *state. */
#define SCENARIO(function) \
	{ \
#function, function, icd_setup, icd_teardown, NULL \
	}
/* The same once more for something else, which it finds with icd_parameter(state). */
#define SCENARIO_FOR(function, parameter, label) \
	{ \
#function " " label, function, icd_setup, icd_teardown, (void *)(parameter) \
	}
/* One that makes its own devices; state is NULL. */
#define SCENARIO_BARE(function) cmocka_unit_test(function)
/* One that runs in a process of its own: void function(void), which must use EXPECT() and not
 * cmocka's asserts, and may call icd_child_skip(). It is killed after a minute. */
#define SCENARIO_IN_CHILD(function) \
	{ \
#function, icd_in_child, NULL, NULL, (void *)(function) \
	}

int icd_setup(void **state);
int icd_teardown(void **state);
const void *icd_parameter(void **state);
void icd_in_child(void **state);
void icd_child_skip(const char *why) __attribute__((noreturn));

/* Runs a table; returns what main() returns. */
#define ICD_RUN(table, argc, argv) icd_run(table, sizeof(table) / sizeof((table)[0]), argc, argv)
int icd_run(const struct CMUnitTest *tests, size_t count, int argc, char **argv);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define EXPECT(condition) \
	((condition) ? (void)0 : vku_fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition))
#define EXPECT_EQ(a, b) \
	icd_expect_equal((uint64_t)(a), (uint64_t)(b), #a " == " #b, __FILE__, __LINE__)
#define EXPECT_RESULT(call, result) icd_expect_result((call), result, #call, __FILE__, __LINE__)
/* One of the two that mean that there is not enough of something. */
#define EXPECT_OUT_OF_MEMORY(call) icd_expect_out_of_memory((call), #call, __FILE__, __LINE__)

void icd_expect_equal(uint64_t a, uint64_t b, const char *what, const char *file, int line);
void icd_expect_result(
	VkResult result, VkResult expected, const char *call, const char *file, int line);
void icd_expect_out_of_memory(VkResult result, const char *call, const char *file, int line);

/* For scenarios that do on purpose what an application must not. */
void icd_skip_if_validating(void);
/* Whether this is a build with AddressSanitizer or ThreadSanitizer, which need address space and
 * mappings of their own. */
bool icd_sanitized(void);

/* The driver as it is without the layer; finish with vku_finish(). */
void icd_driver_init(struct vku *driver);

/* A structure that no driver and no layer knows, for pNext chains. */
struct icd_unknown {
	VkStructureType sType;
	void *pNext;
	uint32_t data[6];
};
struct icd_unknown icd_unknown(void *next);
void icd_expect_unknown_intact(const struct icd_unknown *unknown);

/* A copy of something in memory that cannot be written to; size bytes, at most 64 KiB. What points
 * into itself is copied once to have the address, and once more with the pointers. */
void *icd_read_only(const void *data, size_t size);
void icd_rewrite_read_only(void *copy, const void *data, size_t size);
void icd_read_only_free(void *data);

/* Monotonic. */
double icd_seconds(void);
void icd_sleep(double seconds);

/* Of this process. */
uint64_t icd_resident_bytes(void);
/* In files in memory that it has open: what is resident nowhere, and used all the same. */
uint64_t icd_memfd_bytes(void);
size_t icd_count_mappings(void);
size_t icd_count_fds(void);
size_t icd_count_threads(void);
/* Waits until there are that many, or fewer: one that was joined is listed a moment longer. */
void icd_wait_for_threads(size_t count);

#define ICD_SPARSE_BUFFER \
	(VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT | \
		VK_BUFFER_CREATE_SPARSE_ALIASED_BIT)

/*
 * A sparse buffer and memory to bind to it, both counted in pages: the sparse block size of the
 * buffer. At first nothing is bound, and each word of page m of the memory is icd_stamp(m).
 */
struct icd_pages {
	VkBuffer buffer;
	VkDeviceMemory memory;
	uint32_t *map; /* of the memory */
	VkDeviceSize page; /* bytes */
	uint32_t page_words;
	uint32_t buffer_pages;
	uint32_t memory_pages;
};

void icd_pages_init(
	const struct vku *vk, struct icd_pages *p, uint32_t buffer_pages, uint32_t memory_pages);
void icd_pages_finish(const struct vku *vk, struct icd_pages *p);
uint32_t icd_stamp(uint32_t memory_page);

/* Binds count pages from page at on to the memory from page memory_page on. */
VkSparseMemoryBind icd_page_bind(
	const struct icd_pages *p, uint32_t at, uint32_t count, uint32_t memory_page);
VkSparseMemoryBind icd_page_unbind(const struct icd_pages *p, uint32_t at, uint32_t count);
/* The GPU reads word everywhere in a page of the buffer. */
void icd_expect_page(const struct vku *vk, const struct icd_pages *p, uint32_t at, uint32_t word);
/* Fills a page of the buffer on the GPU. */
void icd_fill_page(const struct vku *vk, const struct icd_pages *p, uint32_t at, uint32_t word);
/* The CPU reads word everywhere in a page of the memory. */
void icd_expect_memory(const struct icd_pages *p, uint32_t memory_page, uint32_t word);
/* The GPU reads word everywhere in [offset, offset + size) of a buffer. */
void icd_expect_filled(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset,
	VkDeviceSize size, uint32_t word);

#endif
