/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_ELF_OBJECT_H
#define VMB_IOCTL_ELF_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What the dynamic section of a loaded library says about its symbols. Nothing is copied and
 * nothing is allocated: all of it lies in the library, and is valid while that stays loaded. The
 * functions only read, and may be called from any thread and from a callback of dl_iterate_phdr().
 */

enum vmb_elf_relocations {
	VMB_ELF_PLT,
	VMB_ELF_RELA,
	VMB_ELF_REL,
	VMB_ELF_RELOCATIONS,
};

struct vmb_elf {
	uintptr_t base;
	const char *path; /* as dl_iterate_phdr() gives it */
	const char *soname; /* "" if it has none */

	/* private */
	const ElfW(Phdr) * headers;
	size_t header_count;
	const ElfW(Sym) * symbols;
	const char *strings;
	const uint32_t *gnu_hash;
	const uint32_t *sysv_hash;
	struct {
		uintptr_t start;
		size_t bytes;
		size_t stride;
	} relocations[VMB_ELF_RELOCATIONS];
};

/* A word of the library's GOT, through which it calls a function of another one. */
typedef _Atomic(uintptr_t) vmb_elf_slot;
/* A result other than 0 ends the walk. */
typedef int (*vmb_elf_slot_visitor)(
	const struct vmb_elf *elf, vmb_elf_slot *slot, const char *symbol, void *data);

/* False if the object has no dynamic symbols. */
bool vmb_elf_read(struct vmb_elf *elf, const struct dl_phdr_info *info);
/* Whether it has that symbol itself; one that it only asks for does not count. */
bool vmb_elf_defines(const struct vmb_elf *elf, const char *symbol);
/* Whether an address lies in it. */
bool vmb_elf_contains(const struct vmb_elf *elf, uintptr_t address);
/* Whether a slot is among what the dynamic linker makes read-only after relocation. */
bool vmb_elf_is_read_only(const struct vmb_elf *elf, const vmb_elf_slot *slot);
/*
 * Visits the slots of functions that the library does not define itself, lazily bound or not.
 * Returns the visitor's last result, 0 if there was no slot.
 */
int vmb_elf_each_slot(const struct vmb_elf *elf, vmb_elf_slot_visitor visit, void *data);

#endif
