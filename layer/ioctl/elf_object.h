/* SPDX-License-Identifier: MIT */
#ifndef VMB_IOCTL_ELF_OBJECT_H
#define VMB_IOCTL_ELF_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The dynamic section of a loaded library: its symbols and relocations.
 *
 * A struct vmb_elf owns nothing. Its pointers lead into the library and are valid while the library
 * stays loaded. Every function only reads and allocates nothing. Any thread may call the functions,
 * also from a callback of dl_iterate_phdr().
 */

/* The relocation tables of a library. */
enum vmb_elf_relocations {
	VMB_ELF_PLT, /* DT_JMPREL */
	VMB_ELF_RELA,
	VMB_ELF_REL,
	VMB_ELF_RELOCATIONS,
};

struct vmb_elf {
	uintptr_t base; /* load bias: address in memory minus address in the file */
	const char *path; /* dlpi_name of dl_iterate_phdr() */
	const char *soname; /* "" without DT_SONAME */

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

/* A GOT entry: the library calls a function of another library through it. */
typedef _Atomic(uintptr_t) vmb_elf_slot;
/* Returns 0 to continue the walk. */
typedef int (*vmb_elf_slot_visitor)(
	const struct vmb_elf *elf, vmb_elf_slot *slot, const char *symbol, void *data);

/* Fills in elf. Returns false if the object has no dynamic symbols. */
bool vmb_elf_read(struct vmb_elf *elf, const struct dl_phdr_info *info);
/* Whether the library defines the symbol. An undefined reference does not count. */
bool vmb_elf_defines(const struct vmb_elf *elf, const char *symbol);
/* Whether the address lies in a PT_LOAD segment of the library. */
bool vmb_elf_contains(const struct vmb_elf *elf, uintptr_t address);
/* Whether the dynamic linker makes the slot read-only after relocation (PT_GNU_RELRO). */
bool vmb_elf_is_read_only(const struct vmb_elf *elf, const vmb_elf_slot *slot);
/*
 * Visits the slot of each function that the library imports, whether bound lazily or at load time.
 * Returns the last result of the visitor, or 0 if the library has no slots.
 */
int vmb_elf_each_slot(const struct vmb_elf *elf, vmb_elf_slot_visitor visit, void *data);

#endif
