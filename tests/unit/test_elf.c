/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* struct dl_phdr_info */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ioctl/elf_object.h"
#include "scenarios.h"

/*
 * Tests elf_object.c on dynamic sections that no linker makes, but that the dynamic linker loads: a
 * table of relocations with one of its entries left out. test_hook.c has real libraries.
 */

#if defined(__x86_64__)
#define JUMP_SLOT R_X86_64_JUMP_SLOT
#elif defined(__aarch64__)
#define JUMP_SLOT R_AARCH64_JUMP_SLOT
#endif

#ifdef JUMP_SLOT

struct scenario {
	const char *name;
	ElfW(Sxword) tags[3]; /* of a table with one slot */
	int slots;
};

static const struct scenario scenarios[] = {
	{ "PLT", { DT_JMPREL, DT_PLTRELSZ, DT_PLTREL }, 1 },
	{ "PLT without an address", { DT_PLTRELSZ, DT_PLTREL }, 0 },
	{ "PLT without a size", { DT_JMPREL, DT_PLTREL }, 0 },
	{ "PLT without a type", { DT_JMPREL, DT_PLTRELSZ }, 0 },
	{ "RELA", { DT_RELA, DT_RELASZ }, 1 },
	{ "RELA without an address", { DT_RELASZ }, 0 },
	{ "RELA without a size", { DT_RELA }, 0 },
	{ "REL", { DT_REL, DT_RELSZ }, 1 },
	{ "REL without an address", { DT_RELSZ }, 0 },
	{ "REL without a size", { DT_REL }, 0 },
};

static char strings[] = "\0ioctl";
static ElfW(Sym) symbols[] = { { .st_name = 0 }, { .st_name = 1 } };
static uintptr_t slot;
/* The members that both kinds of relocation have. */
static ElfW(Rela) relocation;

static ElfW(Dyn) make_entry(ElfW(Sxword) tag)
{
	ElfW(Dyn) entry = { .d_tag = tag };

	switch (tag) {
	case DT_JMPREL:
	case DT_RELA:
	case DT_REL:
		entry.d_un.d_ptr = (uintptr_t)&relocation;
		break;
	case DT_PLTREL:
		entry.d_un.d_val = DT_RELA;
		break;
	case DT_RELSZ:
		entry.d_un.d_val = sizeof(ElfW(Rel));
		break;
	case DT_PLTRELSZ:
	case DT_RELASZ:
		entry.d_un.d_val = sizeof(ElfW(Rela));
		break;
	}
	return entry;
}

static int count_slot(
	const struct vmb_elf *elf, vmb_elf_slot *found, const char *symbol, void *data)
{
	int *count = data;

	(void)elf;
	assert_ptr_equal(found, &slot);
	assert_string_equal(symbol, "ioctl");
	return ++*count > 1;
}

static void test_entries(void **state)
{
	const struct scenario *scenario = *state;
	ElfW(Dyn) dynamic[8] = {
		{ .d_tag = DT_SYMTAB, .d_un.d_ptr = (uintptr_t)symbols },
		{ .d_tag = DT_STRTAB, .d_un.d_ptr = (uintptr_t)strings },
	};
	const ElfW(Phdr) header = { .p_type = PT_DYNAMIC, .p_vaddr = (uintptr_t)dynamic };
	const struct dl_phdr_info info = {
		.dlpi_name = "made", .dlpi_phdr = &header, .dlpi_phnum = 1
	};
	struct vmb_elf elf;
	int slots = 0;

	relocation = (ElfW(Rela)){
		.r_offset = (uintptr_t)&slot,
		.r_info = ELF64_R_INFO(1, JUMP_SLOT),
	};
	for (size_t i = 0; i < 3 && scenario->tags[i]; i++) {
		dynamic[2 + i] = make_entry(scenario->tags[i]);
	}
	assert_true(vmb_elf_read(&elf, &info));
	assert_int_equal(vmb_elf_each_slot(&elf, count_slot, &slots), 0);
	assert_int_equal(slots, scenario->slots);
}

static void test_no_tables(void **state)
{
	const struct dl_phdr_info info = { .dlpi_name = "made" };
	struct vmb_elf elf;

	(void)state;
	assert_false(vmb_elf_read(&elf, &info));
}

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = cmocka_unit_test(test_entries);
	const struct CMUnitTest others[] = { cmocka_unit_test(test_no_tables) };

	return run_scenarios("elf", &table, &each, others, 1);
}

#else

int main(void)
{
	return 0;
}

#endif
