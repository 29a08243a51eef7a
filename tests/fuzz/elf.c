/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* struct dl_phdr_info */
#include <unistd.h>

#include "input.h"
#include "ioctl/elf_object.h"

/*
 * Loaded libraries with any symbols, hash tables, relocations and segments, as a dynamic linker
 * accepts them. elf_object.c trusts what the dynamic linker itself has used: the tables are well
 * formed, and every table that the library needs is there. Entries of tables that the library does
 * not use may be left over. Each table is in memory of its own. Checks the defined symbols, the
 * visited slots, the segments and the read-only range against the list that the library was made
 * of.
 */

#define MAX_SYMBOLS 12
#define MAX_RELOCATIONS 12
#define MAX_DYNAMIC 24
#define NAME_SIZE 4
#define SEGMENTS 12

#if defined(__x86_64__)
#define JUMP_SLOT R_X86_64_JUMP_SLOT
#define GLOB_DAT R_X86_64_GLOB_DAT
#define RELATIVE R_X86_64_RELATIVE
#else
#define JUMP_SLOT R_AARCH64_JUMP_SLOT
#define GLOB_DAT R_AARCH64_GLOB_DAT
#define RELATIVE R_AARCH64_RELATIVE
#endif

struct library {
	uintptr_t base;
	bool is_relocated; /* the dynamic section has absolute addresses, as with glibc */
	size_t symbol_count; /* with symbol 0 */
	size_t hashed; /* the first symbol in the hash table */
	char *strings;
	size_t strings_size;
	ElfW(Sym) * symbols;
	uint32_t *hash;
	void *relocations[VMB_ELF_RELOCATIONS];
	size_t relocation_counts[VMB_ELF_RELOCATIONS];
	bool plt_has_addends;
	ElfW(Dyn) * dynamic;
	size_t dynamic_count;
	ElfW(Phdr) headers[SEGMENTS];
	size_t header_count;
	void *tables[SEGMENTS];
	size_t table_count;
	size_t soname;
};

static void *add_table(struct library *library, size_t size)
{
	void *table = exact_memory(size);

	library->tables[library->table_count++] = table;
	library->headers[library->header_count++] = (ElfW(Phdr)){
		.p_type = PT_LOAD,
		.p_vaddr = (uintptr_t)table - library->base,
		.p_memsz = size,
	};
	return table;
}

static const char *name_of(const struct library *library, size_t symbol)
{
	return library->strings + library->symbols[symbol].st_name;
}

/* Names of up to three letters out of two, so that many are equal. */
static void take_name(struct input *input, char name[NAME_SIZE])
{
	uint8_t bits = input_u8(input);
	size_t length = bits >> 4 & 3;

	memset(name, 0, NAME_SIZE);
	for (size_t i = 0; i < length; i++) {
		name[i] = bits >> i & 1 ? 'a' : (char)0xf1;
	}
}

static void make_symbols(struct input *input, struct library *library)
{
	library->symbol_count = 1 + input_below(input, MAX_SYMBOLS);
	library->hashed = 1 + input_below(input, library->symbol_count);
	library->strings_size = library->symbol_count * NAME_SIZE + 8;
	library->strings = add_table(library, library->strings_size);
	library->symbols = add_table(library, library->symbol_count * sizeof(ElfW(Sym)));
	for (size_t i = 1; i < library->symbol_count; i++) {
		take_name(input, library->strings + i * NAME_SIZE);
		library->symbols[i].st_name = (ElfW(Word))(i * NAME_SIZE);
		/* The symbols of a GNU hash table are defined. */
		library->symbols[i].st_shndx = i < library->hashed || input_u8(input) & 1
			? SHN_UNDEF
			: 7;
	}
	memcpy(library->strings + library->symbol_count * NAME_SIZE, "lib.so", 7);
	library->soname = input_u8(input) & 1 ? library->symbol_count * NAME_SIZE : 0;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++) {
		hash = hash * 33 + (unsigned char)*name;
	}
	return hash;
}

/* The GNU hash table sorts symbols by bucket. */
static void sort_by_bucket(struct library *library, uint32_t buckets)
{
	for (size_t i = library->hashed + 1; i < library->symbol_count; i++) {
		for (size_t j = i; j > library->hashed &&
			gnu_hash(name_of(library, j - 1)) % buckets >
				gnu_hash(name_of(library, j)) % buckets;
			j--) {
			ElfW(Sym) symbol = library->symbols[j];
			library->symbols[j] = library->symbols[j - 1];
			library->symbols[j - 1] = symbol;
		}
	}
}

static void make_gnu_hash(struct input *input, struct library *library)
{
	size_t hashed = library->symbol_count - library->hashed;
	uint32_t buckets = (uint32_t)input_below(input, 5) + (hashed ? 1 : 0);
	uint32_t filter = 1u << input_below(input, 3);
	size_t words = 4 + filter * (sizeof(ElfW(Addr)) / sizeof(uint32_t)) + buckets + hashed;

	library->hash = add_table(library, words * sizeof(uint32_t));
	uint32_t *bucket = library->hash + words - hashed - buckets;
	uint32_t *hashes = library->hash + words - hashed;
	library->hash[0] = buckets;
	library->hash[1] = (uint32_t)library->hashed;
	library->hash[2] = filter;
	if (!hashed) {
		return;
	}
	sort_by_bucket(library, buckets);
	for (size_t i = 0; i < hashed; i++) {
		uint32_t hash = gnu_hash(name_of(library, library->hashed + i));
		bool is_last = i + 1 == hashed ||
			gnu_hash(name_of(library, library->hashed + i + 1)) % buckets !=
				hash % buckets;
		hashes[i] = (hash & ~1u) | is_last;
		if (!bucket[hash % buckets]) {
			bucket[hash % buckets] = (uint32_t)(library->hashed + i);
		}
	}
}

static uint32_t sysv_hash(const char *name)
{
	uint32_t hash = 0;

	for (; *name; name++) {
		hash = (hash << 4) + (unsigned char)*name;
		uint32_t high = hash & 0xf0000000;
		hash ^= high >> 24;
		hash &= ~high;
	}
	return hash;
}

static void make_sysv_hash(struct input *input, struct library *library)
{
	uint32_t buckets = (uint32_t)input_below(input, 5);
	size_t words = 2 + buckets + library->symbol_count;

	library->hash = add_table(library, words * sizeof(uint32_t));
	library->hash[0] = buckets;
	library->hash[1] = (uint32_t)library->symbol_count;
	uint32_t *next = library->hash + 2 + buckets;
	for (size_t i = library->hashed; buckets && i < library->symbol_count; i++) {
		uint32_t *bucket = &library->hash[2 + sysv_hash(name_of(library, i)) % buckets];
		next[i] = *bucket;
		*bucket = (uint32_t)i;
	}
	if (!buckets) {
		library->hashed = library->symbol_count;
	}
}

static size_t stride_of(const struct library *library, size_t table)
{
	bool has_addend = table == VMB_ELF_RELA ||
		(table == VMB_ELF_PLT && library->plt_has_addends);

	return has_addend ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
}

static ElfW(Rel) * relocation_at(const struct library *library, size_t table, size_t index)
{
	return (void *)((char *)library->relocations[table] + index * stride_of(library, table));
}

static void make_relocations(struct input *input, struct library *library, size_t table)
{
	static const uint32_t types[] = { JUMP_SLOT, GLOB_DAT, RELATIVE, 0, 1, 255 };
	size_t count = input_below(input, MAX_RELOCATIONS);

	library->relocation_counts[table] = count;
	library->relocations[table] = add_table(library, count * stride_of(library, table));
	for (size_t i = 0; i < count; i++) {
		ElfW(Rel) *relocation = relocation_at(library, table, i);
		uint64_t symbol = input_below(input, library->symbol_count);
		uint32_t type = types[input_below(input, 6)];
		/* Other types may have any index that the dynamic linker does not read. */
		if (type == RELATIVE) {
			symbol = input_u32(input);
		}
		relocation->r_offset = input_u32(input);
		relocation->r_info = ELF64_R_INFO(symbol, type);
	}
}

static void add_entry(struct library *library, ElfW(Sxword) tag, uint64_t value)
{
	library->dynamic[library->dynamic_count++] = (ElfW(Dyn)){ .d_tag = tag,
		.d_un.d_val = value };
}

static void add_address(struct library *library, ElfW(Sxword) tag, const void *address)
{
	add_entry(library, tag, (uintptr_t)address - (library->is_relocated ? 0 : library->base));
}

/* Adds the entries of a relocation table, or leaves one of them out: the dynamic linker then
 * ignores the table. */
static void add_relocations(struct input *input, struct library *library, size_t table)
{
	static const struct {
		ElfW(Sxword) address, size;
	} tags[] = {
		[VMB_ELF_PLT] = { DT_JMPREL, DT_PLTRELSZ },
		[VMB_ELF_RELA] = { DT_RELA, DT_RELASZ },
		[VMB_ELF_REL] = { DT_REL, DT_RELSZ },
	};
	size_t left_out = input_below(input, 12);
	size_t bytes = library->relocation_counts[table] * stride_of(library, table);

	if (left_out != 0) {
		add_address(library, tags[table].address, library->relocations[table]);
	}
	if (left_out != 1) {
		add_entry(library, tags[table].size, bytes);
	}
	if (table == VMB_ELF_PLT && left_out != 2) {
		add_entry(library, DT_PLTREL, library->plt_has_addends ? DT_RELA : DT_REL);
	}
	if (left_out < 2 || (table == VMB_ELF_PLT && left_out == 2)) {
		library->relocation_counts[table] = 0;
	}
}

static void make_dynamic(struct input *input, struct library *library, bool is_gnu)
{
	library->dynamic = add_table(library, MAX_DYNAMIC * sizeof(*library->dynamic));
	for (size_t i = 0; i < VMB_ELF_RELOCATIONS; i++) {
		if (input_u8(input) & 3) {
			add_relocations(input, library, i);
		} else {
			library->relocation_counts[i] = 0;
		}
	}
	add_address(library, DT_SYMTAB, library->symbols);
	add_address(library, DT_STRTAB, library->strings);
	add_address(library, is_gnu ? DT_GNU_HASH : DT_HASH, library->hash);
	if (library->soname) {
		add_entry(library, DT_SONAME, library->soname);
	}
	add_entry(library, 0x60000000 + input_u8(input), input_u64(input));
	add_entry(library, DT_NULL, 0);
	library->headers[library->header_count++] = (ElfW(Phdr)){
		.p_type = PT_DYNAMIC,
		.p_vaddr = (uintptr_t)library->dynamic - library->base,
		.p_memsz = library->dynamic_count * sizeof(*library->dynamic),
	};
}

static void make_library(struct input *input, struct library *library)
{
	bool is_gnu = input_u8(input) & 1;

	*library = (struct library){ .base = UINT64_C(0x10000000000) };
	library->is_relocated = input_u8(input) & 1;
	library->plt_has_addends = input_u8(input) & 1;
	make_symbols(input, library);
	if (is_gnu) {
		make_gnu_hash(input, library);
	} else {
		make_sysv_hash(input, library);
	}
	for (size_t i = 0; i < VMB_ELF_RELOCATIONS; i++) {
		make_relocations(input, library, i);
	}
	make_dynamic(input, library, is_gnu);
	if (input_u8(input) & 1) {
		library->headers[library->header_count++] = (ElfW(Phdr)){
			.p_type = PT_GNU_RELRO,
			.p_vaddr = input_u32(input),
			.p_memsz = input_u32(input) >> input_below(input, 32),
		};
	}
}

static void free_library(struct library *library)
{
	for (size_t i = 0; i < library->table_count; i++) {
		free(library->tables[i]);
	}
}

static void check_symbol(const struct library *library, const struct vmb_elf *elf, const char *name)
{
	bool is_defined = false;

	for (size_t i = library->hashed; i < library->symbol_count; i++) {
		is_defined |= library->symbols[i].st_shndx != SHN_UNDEF &&
			strcmp(name_of(library, i), name) == 0;
	}
	expect(vmb_elf_defines(elf, name) == is_defined, "unexpected symbol is defined");
}

/* The walk through the list of the library's slots. */
struct walk {
	const struct library *library;
	size_t table;
	size_t index;
};

static bool is_slot(const struct library *library, const ElfW(Rel) * relocation)
{
	uint32_t type = ELF64_R_TYPE(relocation->r_info);

	return (type == JUMP_SLOT || type == GLOB_DAT) &&
		library->symbols[ELF64_R_SYM(relocation->r_info)].st_shndx == SHN_UNDEF;
}

/* The next slot of the list, or NULL. */
static const ElfW(Rel) * next_slot(struct walk *walk)
{
	for (; walk->table < VMB_ELF_RELOCATIONS; walk->table++, walk->index = 0) {
		while (walk->index < walk->library->relocation_counts[walk->table]) {
			const ElfW(Rel) *relocation = relocation_at(
				walk->library, walk->table, walk->index++);
			if (is_slot(walk->library, relocation)) {
				return relocation;
			}
		}
	}
	return NULL;
}

static int check_slot(const struct vmb_elf *elf, vmb_elf_slot *slot, const char *symbol, void *data)
{
	struct walk *walk = data;
	const ElfW(Rel) *expected = next_slot(walk);

	expect(expected && (uintptr_t)slot == elf->base + expected->r_offset, "unexpected slot");
	expect(strcmp(symbol, name_of(walk->library, ELF64_R_SYM(expected->r_info))) == 0,
		"a slot has an unexpected symbol");
	return 0;
}

static void check_addresses(
	const struct library *library, const struct vmb_elf *elf, uintptr_t address)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	bool is_in = false;
	bool is_read_only = false;

	for (size_t i = 0; i < library->header_count; i++) {
		const ElfW(Phdr) *header = &library->headers[i];
		uintptr_t start = library->base + header->p_vaddr;
		is_in |= header->p_type == PT_LOAD && address >= start &&
			address < start + header->p_memsz;
		if (header->p_type == PT_GNU_RELRO) {
			is_read_only = address >= start / page * page &&
				address < (start + header->p_memsz) / page * page;
		}
	}
	expect(vmb_elf_contains(elf, address) == is_in, "unexpected segment");
	expect(vmb_elf_is_read_only(elf, (vmb_elf_slot *)address) == is_read_only,
		"unexpected read-only range");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct library library;
	struct vmb_elf elf;
	char name[NAME_SIZE];

	make_library(&input, &library);
	const struct dl_phdr_info info = {
		.dlpi_addr = library.base,
		.dlpi_name = "made",
		.dlpi_phdr = library.headers,
		.dlpi_phnum = (ElfW(Half))library.header_count,
	};
	expect(vmb_elf_read(&elf, &info), "the library has no symbols");
	expect(strcmp(elf.soname, library.soname ? "lib.so" : "") == 0, "unexpected soname");
	for (size_t i = 0; i < library.symbol_count; i++) {
		check_symbol(&library, &elf, name_of(&library, i));
	}
	take_name(&input, name);
	check_symbol(&library, &elf, name);
	struct walk walk = { .library = &library };
	expect(vmb_elf_each_slot(&elf, check_slot, &walk) == 0 && !next_slot(&walk),
		"a slot is left out");
	check_addresses(&library, &elf, (uintptr_t)library.tables[0] + input_u8(&input));
	check_addresses(&library, &elf, library.base + (input_u32(&input) & ~UINT32_C(7)));
	free_library(&library);
	return 0;
}
