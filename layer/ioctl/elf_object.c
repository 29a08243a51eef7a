/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* struct dl_phdr_info */
#include "ioctl/elf_object.h"

#include <string.h>
#include <unistd.h>

/*
 * The dynamic linker has used the same tables to load the library, so this file does not check them
 * again.
 */

#if UINTPTR_MAX > UINT32_MAX
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#define TYPE_OF(info) ELF64_R_TYPE(info)
#else
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#define TYPE_OF(info) ELF32_R_TYPE(info)
#endif

#if defined(__x86_64__)
#define JUMP_SLOT R_X86_64_JUMP_SLOT
#define GLOB_DAT R_X86_64_GLOB_DAT
#elif defined(__aarch64__)
#define JUMP_SLOT R_AARCH64_JUMP_SLOT
#define GLOB_DAT R_AARCH64_GLOB_DAT
#elif defined(__i386__)
#define JUMP_SLOT R_386_JMP_SLOT
#define GLOB_DAT R_386_GLOB_DAT
#elif defined(__arm__)
#define JUMP_SLOT R_ARM_JUMP_SLOT
#define GLOB_DAT R_ARM_GLOB_DAT
#else
/* R_…_NONE has no symbol: the walk finds no slot on any other architecture. */
#define JUMP_SLOT 0
#define GLOB_DAT 0
#endif

static const ElfW(Phdr) * find_header(const struct vmb_elf *elf, ElfW(Word) type)
{
	for (size_t i = 0; i < elf->header_count; i++) {
		if (elf->headers[i].p_type == type) {
			return &elf->headers[i];
		}
	}
	return NULL;
}

bool vmb_elf_contains(const struct vmb_elf *elf, uintptr_t address)
{
	for (size_t i = 0; i < elf->header_count; i++) {
		const ElfW(Phdr) *header = &elf->headers[i];
		if (header->p_type == PT_LOAD &&
			address - (elf->base + header->p_vaddr) < header->p_memsz) {
			return true;
		}
	}
	return false;
}

/* glibc adds the base to the pointers in the dynamic section of a loaded library; musl does not. */
static uintptr_t entry_address(const struct vmb_elf *elf, const ElfW(Dyn) * entry)
{
	uintptr_t address = entry->d_un.d_ptr;

	return vmb_elf_contains(elf, address) ? address : elf->base + address;
}

static size_t stride_of(ElfW(Xword) tag)
{
	return tag == DT_RELA ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
}

static void read_entry(struct vmb_elf *elf, const ElfW(Dyn) * entry)
{
	switch (entry->d_tag) {
	case DT_SYMTAB:
		elf->symbols = (const ElfW(Sym) *)entry_address(elf, entry);
		break;
	case DT_STRTAB:
		elf->strings = (const char *)entry_address(elf, entry);
		break;
	case DT_GNU_HASH:
		elf->gnu_hash = (const uint32_t *)entry_address(elf, entry);
		break;
	case DT_HASH:
		elf->sysv_hash = (const uint32_t *)entry_address(elf, entry);
		break;
	case DT_JMPREL:
		elf->relocations[VMB_ELF_PLT].start = entry_address(elf, entry);
		break;
	case DT_PLTRELSZ:
		elf->relocations[VMB_ELF_PLT].bytes = entry->d_un.d_val;
		break;
	case DT_PLTREL:
		elf->relocations[VMB_ELF_PLT].stride = stride_of(entry->d_un.d_val);
		break;
	case DT_RELA:
		elf->relocations[VMB_ELF_RELA].start = entry_address(elf, entry);
		break;
	case DT_RELASZ:
		elf->relocations[VMB_ELF_RELA].bytes = entry->d_un.d_val;
		break;
	case DT_REL:
		elf->relocations[VMB_ELF_REL].start = entry_address(elf, entry);
		break;
	case DT_RELSZ:
		elf->relocations[VMB_ELF_REL].bytes = entry->d_un.d_val;
		break;
	default:
		break;
	}
}

bool vmb_elf_read(struct vmb_elf *elf, const struct dl_phdr_info *info)
{
	size_t soname = 0;

	*elf = (struct vmb_elf){
		.base = info->dlpi_addr,
		.path = info->dlpi_name,
		.headers = info->dlpi_phdr,
		.header_count = info->dlpi_phnum,
		.relocations = {
			[VMB_ELF_RELA].stride = stride_of(DT_RELA),
			[VMB_ELF_REL].stride = stride_of(DT_REL),
		},
	};
	const ElfW(Phdr) *dynamic = find_header(elf, PT_DYNAMIC);
	if (!dynamic) {
		return false;
	}
	const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(elf->base + dynamic->p_vaddr);
	for (; entry->d_tag != DT_NULL; entry++) {
		read_entry(elf, entry);
		if (entry->d_tag == DT_SONAME) {
			soname = entry->d_un.d_val;
		}
	}
	if (!elf->symbols || !elf->strings) {
		return false;
	}
	/* The string at offset 0 is empty. */
	elf->soname = elf->strings + soname;
	return true;
}

static bool is_definition(const struct vmb_elf *elf, size_t index, const char *symbol)
{
	const ElfW(Sym) *found = &elf->symbols[index];

	return found->st_shndx != SHN_UNDEF && strcmp(elf->strings + found->st_name, symbol) == 0;
}

/*
 * Layout of DT_GNU_HASH: number of buckets, index of the first hashed symbol, number of words in
 * the Bloom filter, shift of the filter, the filter, the buckets, the hashes. A bucket holds the
 * index of the first symbol of its chain, or 0. Bit 0 of a hash marks the end of a chain.
 */
static bool gnu_defines(const struct vmb_elf *elf, const char *symbol)
{
	const uint32_t *table = elf->gnu_hash;
	const uint32_t *buckets = table + 4 + table[2] * (sizeof(ElfW(Addr)) / sizeof(*table));
	const uint32_t *hashes = buckets + table[0];
	uint32_t hash = 5381;

	for (const char *c = symbol; *c; c++) {
		hash = hash * 33 + (unsigned char)*c;
	}
	size_t index = table[0] ? buckets[hash % table[0]] : 0;
	if (index < table[1]) {
		return false;
	}
	for (;; index++) {
		uint32_t found = hashes[index - table[1]];
		if ((found | 1) == (hash | 1) && is_definition(elf, index, symbol)) {
			return true;
		}
		if (found & 1) {
			return false;
		}
	}
}

/* Layout of DT_HASH: number of buckets, number of symbols, the buckets, the next symbol of each. */
static bool sysv_defines(const struct vmb_elf *elf, const char *symbol)
{
	const uint32_t *table = elf->sysv_hash;
	const uint32_t *buckets = table + 2;
	const uint32_t *next = buckets + table[0];
	uint32_t hash = 0;

	for (const char *c = symbol; *c; c++) {
		hash = (hash << 4) + (unsigned char)*c;
		hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
	}
	size_t index = table[0] ? buckets[hash % table[0]] : STN_UNDEF;
	while (index != STN_UNDEF && !is_definition(elf, index, symbol)) {
		index = next[index];
	}
	return index != STN_UNDEF;
}

bool vmb_elf_defines(const struct vmb_elf *elf, const char *symbol)
{
	if (elf->gnu_hash) {
		return gnu_defines(elf, symbol);
	}
	return elf->sysv_hash && sysv_defines(elf, symbol);
}

bool vmb_elf_is_read_only(const struct vmb_elf *elf, const vmb_elf_slot *slot)
{
	const ElfW(Phdr) *relro = find_header(elf, PT_GNU_RELRO);
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	if (!relro) {
		return false;
	}
	/* The dynamic linkers round both ends down: the last partial page stays writable. */
	uintptr_t start = (elf->base + relro->p_vaddr) & -page;
	uintptr_t end = (elf->base + relro->p_vaddr + relro->p_memsz) & -page;
	return (uintptr_t)slot >= start && (uintptr_t)slot < end;
}

int vmb_elf_each_slot(const struct vmb_elf *elf, vmb_elf_slot_visitor visit, void *data)
{
	int ret = 0;

	for (size_t i = 0; i < VMB_ELF_RELOCATIONS; i++) {
		uintptr_t at = elf->relocations[i].start;
		uintptr_t end = at + elf->relocations[i].bytes;
		/* The dynamic linkers ignore the size of a table without DT_RELA or DT_REL, and a
		 * table of DT_JMPREL without DT_PLTREL. */
		if (!elf->relocations[i].start || !elf->relocations[i].stride) {
			continue;
		}
		for (; ret == 0 && at < end; at += elf->relocations[i].stride) {
			/* The first members of ElfW(Rela) are those of ElfW(Rel). */
			const ElfW(Rel) *relocation = (const ElfW(Rel) *)at;
			const ElfW(Sym) *symbol = &elf->symbols[SYMBOL_OF(relocation->r_info)];
			uint32_t type = TYPE_OF(relocation->r_info);

			if ((type == JUMP_SLOT || type == GLOB_DAT) &&
				symbol->st_shndx == SHN_UNDEF) {
				ret = visit(elf, (vmb_elf_slot *)(elf->base + relocation->r_offset),
					elf->strings + symbol->st_name, data);
			}
		}
	}
	return ret;
}
