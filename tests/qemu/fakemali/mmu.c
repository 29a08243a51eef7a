// SPDX-License-Identifier: GPL-2.0
#include <linux/io.h>
#include <linux/minmax.h>

#include "fakemali.h"

/* AArch64 page tables of 4 KiB pages and four levels, as in the kernel's io-pgtable. */
#define GPU_PTE_VALID BIT_ULL(0)
#define GPU_PTE_TABLE BIT_ULL(1) /* on the last level: a page */
#define GPU_PTE_ADDRESS(pte) ((pte)&GENMASK_ULL(47, 12))
#define LEVELS 4
#define LEVEL_SHIFT(level) (12 + 9 * (LEVELS - 1 - (level)))

/* panthor ignores the level of the fault. */
#define TRANSLATION_FAULT_3 0xc3
#define FAULT_ACCESS_SHIFT 8
#define FAULT_ACCESS_READ 2
#define FAULT_ACCESS_WRITE 3

void *gpu_pointer(unsigned int as, u64 va)
{
	u64 table = GPU_PTE_ADDRESS(reg_read64(AS(as) + AS_TRANSTAB));

	for (int level = 0; table && level < LEVELS; level++) {
		unsigned int shift = LEVEL_SHIFT(level);
		u64 offset_mask = BIT_ULL(shift) - 1;
		const u64 *entries = phys_to_virt(table);
		u64 pte = READ_ONCE(entries[(va >> shift) & 511]);

		if (!(pte & GPU_PTE_VALID)) {
			return NULL;
		}
		table = GPU_PTE_ADDRESS(pte);
		if (level == LEVELS - 1 || !(pte & GPU_PTE_TABLE)) {
			return phys_to_virt((table & ~offset_mask) | (va & offset_mask));
		}
	}
	return NULL;
}

void raise_mmu_fault(unsigned int as, u64 va, bool write)
{
	u32 access = write ? FAULT_ACCESS_WRITE : FAULT_ACCESS_READ;

	stats.faults++;
	reg_write(AS(as) + AS_FAULTSTATUS, TRANSLATION_FAULT_3 | access << FAULT_ACCESS_SHIFT);
	reg_write64(AS(as) + AS_FAULTADDRESS, va);
	raise_interrupt(INTERRUPT_MMU, BIT(as));
}
