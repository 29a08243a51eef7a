/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "scene.h"

/*
 * The GOT entries for ioctl() in libdrm and the driver: their values and page protections before,
 * during and after the layer's hook.
 */

#define SLOTS 16

struct slot {
	const uintptr_t *address;
	uintptr_t value;
	char protection[5]; /* as in /proc/self/maps */
};

struct slots {
	struct slot slot[SLOTS];
	size_t count;
};

static void read_protection(struct slot *slot)
{
	FILE *file = fopen("/proc/self/maps", "re");
	uintptr_t address = (uintptr_t)slot->address;
	uintptr_t start, end;
	char line[512];
	char protection[5];

	EXPECT(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, protection) == 3 &&
			start <= address && address < end) {
			memcpy(slot->protection, protection, sizeof(protection));
		}
	}
	fclose(file);
	EXPECT(slot->protection[0]);
}

static const ElfW(Dyn) * find_dynamic(const struct dl_phdr_info *info, ElfW(Sxword) tag)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_DYNAMIC) {
			continue;
		}
		const ElfW(
			Dyn) *entry = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
		while (entry->d_tag != DT_NULL && entry->d_tag != tag) {
			entry++;
		}
		return entry->d_tag == tag ? entry : NULL;
	}
	return NULL;
}

/* libdrm and the driver have all of these dynamic tags. */
static int add_library(struct dl_phdr_info *info, size_t size, void *data)
{
	struct slots *slots = data;

	(void)size;
	if (!strstr(info->dlpi_name, "/libdrm.so") &&
		!strstr(info->dlpi_name, "/libvulkan_panfrost.so")) {
		return 0;
	}
	const ElfW(Sym) *symbols = (const void *)find_dynamic(info, DT_SYMTAB)->d_un.d_ptr;
	const char *strings = (const void *)find_dynamic(info, DT_STRTAB)->d_un.d_ptr;
	const ElfW(Rela) *relocations = (const void *)find_dynamic(info, DT_JMPREL)->d_un.d_ptr;
	size_t count = find_dynamic(info, DT_PLTRELSZ)->d_un.d_val / sizeof(*relocations);
	for (size_t i = 0; i < count; i++) {
		const ElfW(Sym) *symbol = &symbols[ELF64_R_SYM(relocations[i].r_info)];
		if (strcmp(strings + symbol->st_name, "ioctl") == 0) {
			EXPECT(slots->count < SLOTS);
			slots->slot[slots->count++].address = (const void *)(info->dlpi_addr +
				relocations[i].r_offset);
		}
	}
	return 0;
}

static struct slots read_slots(void)
{
	struct slots slots = { 0 };

	dl_iterate_phdr(add_library, &slots);
	for (size_t i = 0; i < slots.count; i++) {
		slots.slot[i].value = *slots.slot[i].address;
		read_protection(&slots.slot[i]);
	}
	return slots;
}

static void expect_same(const struct slots *slots, bool values)
{
	struct slots now = read_slots();

	EXPECT_EQ(now.count, slots->count);
	for (size_t i = 0; i < now.count; i++) {
		EXPECT(now.slot[i].address == slots->slot[i].address);
		EXPECT((now.slot[i].value == slots->slot[i].value) == values);
		EXPECT(strcmp(now.slot[i].protection, slots->slot[i].protection) == 0);
	}
}

/* is_hooked: whether the layer hooks ioctl() for a device with sparse features. */
static void check(bool is_hooked)
{
	struct vku instance;
	struct scene first, second;

	vku_instance_init(&instance, &(struct vku_options){ 0 });
	const struct slots before = read_slots();
	EXPECT(before.count > 0);
	for (unsigned i = 0; i < 2; i++) {
		scene_begin(&first, &instance);
		expect_same(&before, !is_hooked);
		scene_begin(&second, &instance);
		scene_end(&first);
		expect_same(&before, !is_hooked);
		scene_create_buffer(&second, MIB);
		scene_bind(&second, 0, MIB, 0);
		scene_end(&second);
		expect_same(&before, true);
	}
	vkDestroyInstance(instance.instance, NULL);
}

static void hooked(void **state)
{
	(void)state;
	check(true);
}

static void left_alone(void **state)
{
	(void)state;
	check(false);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SCENARIO_BARE(hooked),
		SCENARIO_BARE(left_alone),
	};

	return ICD_RUN(tests, argc, argv);
}
