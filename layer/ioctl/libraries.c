/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dl_iterate_phdr, dladdr, dlinfo */
#include "ioctl/libraries.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_libdrm(const char *soname)
{
	static const char stem[] = "libdrm.so.";
	size_t length = sizeof(stem) - 1;

	return strncmp(soname, stem, length) == 0 && soname[length] &&
		strspn(soname + length, "0123456789") == strlen(soname + length);
}

struct walk {
	vmb_library_visitor visit;
	void *data;
	bool is_past_program;
};

static int visit_object(struct dl_phdr_info *info, size_t size, void *data)
{
	struct walk *walk = data;
	struct vmb_elf elf;

	(void)size;
	/* The first object is the program (dl_iterate_phdr(3)). */
	if (!walk->is_past_program) {
		walk->is_past_program = true;
		return 0;
	}
	if (!vmb_elf_read(&elf, info)) {
		return 0;
	}
	/* A Vulkan driver defines this function (LoaderDriverInterface.md of the Vulkan loader). */
	if (!is_libdrm(elf.soname) && !vmb_elf_defines(&elf, "vk_icdGetInstanceProcAddr")) {
		return 0;
	}
	return walk->visit(&elf, walk->data);
}

int vmb_libraries_each(vmb_library_visitor visit, void *data)
{
	struct walk walk = { .visit = visit, .data = data };

	return dl_iterate_phdr(visit_object, &walk);
}

struct vmb_held_library {
	struct vmb_held_library *next;
	void *handle; /* NULL if the library was unloaded before dlopen() */
	uintptr_t base;
	char path[];
};

static int add_library(const struct vmb_elf *elf, void *data)
{
	struct vmb_held_library **held = data;
	size_t size = strlen(elf->path) + 1;
	struct vmb_held_library *library = calloc(1, sizeof(*library) + size);

	if (!library) {
		return -ENOMEM;
	}
	memcpy(library->path, elf->path, size);
	library->next = *held;
	*held = library;
	return 0;
}

void vmb_libraries_release(struct vmb_held_library *library)
{
	while (library) {
		struct vmb_held_library *next = library->next;
		if (library->handle) {
			dlclose(library->handle);
		}
		free(library);
		library = next;
	}
}

int vmb_libraries_hold(struct vmb_held_library **held)
{
	*held = NULL;
	int ret = vmb_libraries_each(add_library, held);
	if (ret < 0) {
		vmb_libraries_release(*held);
		return ret;
	}
	for (struct vmb_held_library *i = *held; i; i = i->next) {
		struct link_map *map;

		i->handle = dlopen(i->path, RTLD_LAZY | RTLD_NOLOAD);
		if (i->handle && dlinfo(i->handle, RTLD_DI_LINKMAP, &map) == 0) {
			i->base = map->l_addr;
		}
	}
	return 0;
}

bool vmb_library_is_held(const struct vmb_held_library *library, const struct vmb_elf *elf)
{
	while (library && !(library->handle && library->base == elf->base)) {
		library = library->next;
	}
	return library != NULL;
}

static int program_contains(struct dl_phdr_info *info, size_t size, void *data)
{
	struct vmb_elf program;

	(void)size;
	/* Both results stop the walk at the first object, the program. */
	return vmb_elf_read(&program, info) && vmb_elf_contains(&program, (uintptr_t)data) ? 1 : -1;
}

int vmb_libraries_pin(void *code)
{
	Dl_info self;

	if (dl_iterate_phdr(program_contains, code) == 1) {
		return 0;
	}
	if (!dladdr(code, &self)) {
		return -ENOENT;
	}
	void *handle = dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
	if (!handle) {
		return -ENOENT;
	}
	dlclose(handle);
	return 0;
}
