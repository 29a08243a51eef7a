/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_ICD_H
#define VMB_TESTS_ICD_H

/* cmocka.h requires these headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vk.h"

/*
 * Common code of the programs here. Each program is a table of scenarios, run through the real
 * loader on a real driver. Scenarios check the words that the GPU reads or writes, or compare with
 * the driver without the layer. They never rely on the layer's own reports.
 *
 * A program's arguments are patterns. Only the scenarios that match a pattern run.
 */

/* A scenario with a device that has all sparse buffer features: struct vku *vk = *state. */
#define SCENARIO(function) \
	{ \
#function, function, icd_setup, icd_teardown, NULL \
	}
/* A scenario with a parameter, which icd_parameter(state) returns. */
#define SCENARIO_FOR(function, parameter, label) \
	{ \
#function " " label, function, icd_setup, icd_teardown, (void *)(parameter) \
	}
/* A scenario that creates its own devices; state is NULL. */
#define SCENARIO_BARE(function) cmocka_unit_test(function)
/* A scenario in a process of its own, of type void function(void). The function uses EXPECT(), not
 * cmocka's asserts, and may call icd_child_skip(). The process is killed after 300 seconds. */
#define SCENARIO_IN_CHILD(function) \
	{ \
#function, icd_in_child, NULL, NULL, (void *)(function) \
	}

int icd_setup(void **state);
int icd_teardown(void **state);
const void *icd_parameter(void **state);
void icd_in_child(void **state);
void icd_child_skip(const char *why) __attribute__((noreturn));

/* Runs a table of scenarios. Returns the exit status for main(). */
#define ICD_RUN(table, argc, argv) icd_run(table, sizeof(table) / sizeof((table)[0]), argc, argv)
int icd_run(const struct CMUnitTest *tests, size_t count, int argc, char **argv);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define EXPECT(condition) \
	((condition) ? (void)0 : vku_fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition))
#define EXPECT_EQ(a, b) \
	icd_expect_equal((uint64_t)(a), (uint64_t)(b), #a " == " #b, __FILE__, __LINE__)
#define EXPECT_RESULT(call, result) icd_expect_result((call), result, #call, __FILE__, __LINE__)
/* Expects VK_ERROR_OUT_OF_HOST_MEMORY or VK_ERROR_OUT_OF_DEVICE_MEMORY. */
#define EXPECT_OUT_OF_MEMORY(call) icd_expect_out_of_memory((call), #call, __FILE__, __LINE__)

void icd_expect_equal(uint64_t a, uint64_t b, const char *condition, const char *file, int line);
void icd_expect_result(
	VkResult result, VkResult expected, const char *call, const char *file, int line);
void icd_expect_out_of_memory(VkResult result, const char *call, const char *file, int line);

/* For scenarios with deliberately invalid usage. */
void icd_skip_if_validating(void);
/* Returns whether this build uses AddressSanitizer or ThreadSanitizer. Both need address space and
 * mappings of their own. */
bool icd_sanitized(void);
/* A 32-bit process has 2 to 4 GiB of addresses, also for sparse resources. */
#define ICD_IS_32_BIT (sizeof(void *) == 4)

/* The size of a large buffer: wanted, or the driver's limit. */
VkDeviceSize icd_buffer_size(const struct vku *vk, VkDeviceSize wanted);

/* Creates a device without the layer; vku_finish() destroys it. */
void icd_driver_init(struct vku *driver);

/* A structure for pNext chains with an sType unknown to drivers and layers. */
struct icd_unknown {
	VkStructureType sType;
	void *pNext;
	uint32_t data[6];
};
struct icd_unknown icd_unknown(void *next);
void icd_expect_unknown_intact(const struct icd_unknown *unknown);

/* Copies size bytes, at most 64 KiB, to read-only memory. A structure with pointers into itself is
 * copied twice: first for the address, then with icd_rewrite_read_only() for the pointers. */
void *icd_read_only(const void *data, size_t size);
void icd_rewrite_read_only(void *copy, const void *data, size_t size);
void icd_read_only_free(void *data);

/* The monotonic clock. */
double icd_seconds(void);
void icd_sleep(double seconds);

/* The resident memory of this process. */
uint64_t icd_resident_bytes(void);
/* The memory used by this process's open memfds, also where it is not mapped. */
uint64_t icd_memfd_bytes(void);
size_t icd_count_mappings(void);
size_t icd_count_fds(void);
size_t icd_count_threads(void);
/* Waits until at most count threads exist. /proc lists a joined thread slightly longer. */
void icd_wait_for_threads(size_t count);

/* Without aliasing: panvk does not support it. */
#define ICD_RESIDENT_BUFFER \
	(VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT)
#define ICD_SPARSE_BUFFER (ICD_RESIDENT_BUFFER | VK_BUFFER_CREATE_SPARSE_ALIASED_BIT)

/* The sparse block size of buffers. */
VkDeviceSize icd_page_size(const struct vku *vk);

/*
 * A sparse buffer and memory to bind. The page size is the sparse block size of the buffer. At
 * first the buffer is unbound, and each word of memory page m is icd_stamp(m).
 */
struct icd_pages {
	VkBuffer buffer;
	VkDeviceMemory memory;
	uint32_t *map; /* the mapped memory */
	VkDeviceSize page; /* bytes */
	uint32_t page_words;
	uint32_t buffer_pages;
	uint32_t memory_pages;
};

void icd_pages_init(
	const struct vku *vk, struct icd_pages *p, uint32_t buffer_pages, uint32_t memory_pages);
void icd_pages_finish(const struct vku *vk, struct icd_pages *p);
uint32_t icd_stamp(uint32_t memory_page);

/* Binds count pages, from buffer page at and memory page memory_page on. */
VkSparseMemoryBind icd_page_bind(
	const struct icd_pages *p, uint32_t at, uint32_t count, uint32_t memory_page);
VkSparseMemoryBind icd_page_unbind(const struct icd_pages *p, uint32_t at, uint32_t count);
/* Expects that the GPU reads word everywhere in a buffer page. */
void icd_expect_page(const struct vku *vk, const struct icd_pages *p, uint32_t at, uint32_t word);
/* The GPU fills a buffer page. */
void icd_fill_page(const struct vku *vk, const struct icd_pages *p, uint32_t at, uint32_t word);
/* Expects that the CPU reads word everywhere in a memory page. */
void icd_expect_memory(const struct icd_pages *p, uint32_t memory_page, uint32_t word);
/* Expects that the GPU reads word everywhere in [offset, offset + size) of a buffer. */
void icd_expect_filled(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset,
	VkDeviceSize size, uint32_t word);

#endif
