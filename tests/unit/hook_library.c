/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dl_iterate_phdr, pipe2 */
#include "hook_library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

atomic_int handled;

const char *library_path(const char *name)
{
	static _Thread_local char path[4096];

	snprintf(path, sizeof(path), "%s/%s.so", HOOK_LIBS, name);
	return path;
}

void library_open(struct library *library, const char *name)
{
	library->handle = dlopen(library_path(name), RTLD_LAZY | RTLD_LOCAL);
	if (!library->handle) {
		fail_msg("%s", dlerror());
	}
	library->call = (int (*)(int, unsigned long, void *))dlsym(library->handle, "call_ioctl");
	assert_non_null(library->call);
}

void library_close(struct library *library)
{
	assert_int_equal(dlclose(library->handle), 0);
}

int pipe_bytes(const struct library *library)
{
	int ends[2];
	int bytes = 0;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		return -1;
	}
	if (write(ends[1], "12345", PIPE_BYTES) != PIPE_BYTES ||
		library->call(ends[0], FIONREAD, &bytes) < 0) {
		bytes = -1;
	}
	close(ends[0]);
	close(ends[1]);
	return bytes;
}

int add_to_bytes(vmb_ioctl_fn next, int fd, unsigned long request, void *argument)
{
	int ret = next(fd, request, argument);

	handled++;
	if (ret == 0 && request == FIONREAD) {
		*(int *)argument += ADDED;
	}
	return ret;
}

/* Visits each word of the library's writable segments. Returns the number of words. */
static size_t each_word(struct dl_phdr_info *info,
	void (*visit)(uintptr_t *word, size_t index, void *data), void *data)
{
	size_t index = 0;

	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		if (header->p_type != PT_LOAD || !(header->p_flags & PF_W)) {
			continue;
		}
		uintptr_t start = (info->dlpi_addr + header->p_vaddr) & -sizeof(uintptr_t);
		uintptr_t end = info->dlpi_addr + header->p_vaddr + header->p_memsz;
		for (; start + sizeof(uintptr_t) <= end; start += sizeof(uintptr_t)) {
			visit((uintptr_t *)start, index++, data);
		}
	}
	return index;
}

static void count_word(uintptr_t *word, size_t index, void *data)
{
	(void)word;
	(void)index;
	(void)data;
}

static void copy_word(uintptr_t *word, size_t index, void *data)
{
	struct image *image = data;

	image->copy[index] = *word;
}

static int copy_library(struct dl_phdr_info *info, size_t size, void *data)
{
	struct image *image = data;

	(void)size;
	if (info->dlpi_addr != image->base) {
		return 0;
	}
	image->words = each_word(info, count_word, NULL);
	image->copy = calloc(image->words, sizeof(uintptr_t));
	assert_non_null(image->copy);
	each_word(info, copy_word, image);
	return 1;
}

void image_init(struct image *image, const struct library *library)
{
	struct link_map *map;

	assert_int_equal(dlinfo(library->handle, RTLD_DI_LINKMAP, &map), 0);
	image->base = map->l_addr;
	assert_int_equal(dl_iterate_phdr(copy_library, image), 1);
	assert_true(image->words > 0);
}

void image_finish(struct image *image)
{
	free(image->copy);
}

struct comparison {
	const struct image *image;
	size_t changes;
	uintptr_t *changed;
};

static void compare_word(uintptr_t *word, size_t index, void *data)
{
	struct comparison *comparison = data;

	if (*word != comparison->image->copy[index]) {
		comparison->changes++;
		comparison->changed = word;
	}
}

static int compare_library(struct dl_phdr_info *info, size_t size, void *data)
{
	struct comparison *comparison = data;

	(void)size;
	if (info->dlpi_addr != comparison->image->base) {
		return 0;
	}
	each_word(info, compare_word, comparison);
	return 1;
}

size_t image_changes(const struct image *image, uintptr_t **changed)
{
	struct comparison comparison = { .image = image };

	assert_int_equal(dl_iterate_phdr(compare_library, &comparison), 1);
	if (changed) {
		*changed = comparison.changed;
	}
	return comparison.changes;
}
