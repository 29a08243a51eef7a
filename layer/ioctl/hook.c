/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include "ioctl/hook.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ioctl/elf_object.h"
#include "ioctl/libraries.h"

/*
 * Thunks. A slot has room for one address, so each function that a slot held before gets its own
 * thunk. The assignment is permanent: another hook may have read the thunk's address from the slot
 * and may call the thunk at any time.
 */

static _Atomic(vmb_ioctl_fn) nexts[VMB_HOOK_THUNKS];
/* NULL while the hook has no users. */
static _Atomic(vmb_hook_handler) current_handler;

static inline int call_handler(size_t thunk, int fd, unsigned long request, void *arg)
{
	vmb_ioctl_fn next;

	/* nexts[thunk] was stored before any slot held the thunk. The library's load of the slot is
	 * not atomic, so some processors may run the load below before it. */
	do {
		next = atomic_load_explicit(&nexts[thunk], memory_order_acquire);
	} while (!next);
	vmb_hook_handler handler = atomic_load_explicit(&current_handler, memory_order_acquire);
	return handler ? handler(next, fd, request, arg) : next(fd, request, arg);
}

/* The C library's ioctl() also reads the third argument whether or not the caller passed it.
 * Request numbers have 32 bits. musl's callers pass an int: the upper half of the register is
 * undefined. */
#define THUNK(index) \
	static int thunk_##index(int fd, unsigned long request, ...) \
	{ \
		va_list args; \
\
		va_start(args, request); \
		void *arg = va_arg(args, void *); \
		va_end(args); \
		return call_handler(index, fd, (unsigned int)request, arg); \
	}

THUNK(0)
THUNK(1)
THUNK(2)
THUNK(3)
THUNK(4)
THUNK(5)
THUNK(6)
THUNK(7)

static const vmb_ioctl_fn thunks[VMB_HOOK_THUNKS] = {
	thunk_0,
	thunk_1,
	thunk_2,
	thunk_3,
	thunk_4,
	thunk_5,
	thunk_6,
	thunk_7,
};

/* glibc's headers rename ioctl() to __ioctl_time64 for 64-bit time on a 32-bit system. */
static const char *const names[] = { "ioctl", "__ioctl_time64" };
#define NAMES (sizeof(names) / sizeof(names[0]))

/* A slot that holds a thunk, or held one until another hook replaced the thunk. */
struct patch {
	struct patch *next;
	/* Of the slot. Never dereferenced: the library may be unloaded. */
	uintptr_t address;
	uintptr_t old; /* the slot's value before */
	size_t thunk;
	bool is_loaded; /* the last walk found the library */
	bool is_new; /* the last walk made the patch */
};

/* Guards patches, nexts, users, and every write to a slot. */
static pthread_mutex_t patches_lock = PTHREAD_MUTEX_INITIALIZER;
static struct patch *patches;
static size_t users;

static bool is_thunk(uintptr_t value)
{
	for (size_t i = 0; i < VMB_HOOK_THUNKS; i++) {
		if (value == (uintptr_t)thunks[i]) {
			return true;
		}
	}
	return false;
}

/* The index of the thunk that calls next, or -ENOSPC if all thunks are assigned. */
static int assign_thunk(vmb_ioctl_fn next)
{
	for (int i = 0; i < VMB_HOOK_THUNKS; i++) {
		vmb_ioctl_fn taken = atomic_load_explicit(&nexts[i], memory_order_relaxed);
		if (!taken) {
			atomic_store_explicit(&nexts[i], next, memory_order_release);
		}
		if (!taken || taken == next) {
			return i;
		}
	}
	return -ENOSPC;
}

static struct patch **find_patch(const vmb_elf_slot *slot)
{
	struct patch **patch = &patches;

	while (*patch && (*patch)->address != (uintptr_t)slot) {
		patch = &(*patch)->next;
	}
	return patch;
}

static void remove_patch(struct patch **patch)
{
	struct patch *removed = *patch;

	*patch = removed->next;
	free(removed);
}

/* Returns -EAGAIN if the slot does not hold the expected value. */
static int exchange_slot(
	const struct vmb_elf *elf, vmb_elf_slot *slot, uintptr_t expected, uintptr_t value)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = (void *)((uintptr_t)slot & -(uintptr_t)size);
	bool is_read_only = vmb_elf_is_read_only(elf, slot);

	if (is_read_only && mprotect(page, size, PROT_READ | PROT_WRITE) < 0) {
		return -errno;
	}
	int ret = atomic_compare_exchange_strong(slot, &expected, value) ? 0 : -EAGAIN;
	if (is_read_only && mprotect(page, size, PROT_READ) < 0) {
		ret = -errno;
	}
	return ret;
}

/* The data of a walk that patches. */
struct patching {
	const struct vmb_held_library *held;
	vmb_ioctl_fn resolved[NAMES]; /* the function that each name is bound to, or NULL */
};

/* The function that a call through the slot reaches. */
static vmb_ioctl_fn slot_function(const struct vmb_elf *elf, uintptr_t value, vmb_ioctl_fn resolved)
{
	/* An address in the library is its PLT: the slot is not bound. A call through the PLT makes
	 * the dynamic linker overwrite the thunk. */
	return vmb_elf_contains(elf, value) ? resolved : (vmb_ioctl_fn)value;
}

static int patch_slot(const struct vmb_elf *elf, vmb_elf_slot *slot, vmb_ioctl_fn resolved)
{
	uintptr_t value = atomic_load(slot);
	struct patch *patch = *find_patch(slot);

	if (is_thunk(value)) {
		return 0;
	}
	vmb_ioctl_fn next = slot_function(elf, value, resolved);
	/* Another hook replaced the thunk and calls it: patching the slot again would recurse. The
	 * original function in the slot means that the library was loaded again, or that it bound
	 * the slot during the last patch. */
	if (patch && next != resolved &&
		next != atomic_load_explicit(&nexts[patch->thunk], memory_order_relaxed)) {
		return 0;
	}
	int thunk = assign_thunk(next);
	if (thunk < 0) {
		return thunk;
	}
	if (!patch) {
		patch = calloc(1, sizeof(*patch));
		if (!patch) {
			return -ENOMEM;
		}
		patch->address = (uintptr_t)slot;
		patch->next = patches;
		patches = patch;
	}
	patch->old = value;
	patch->thunk = (size_t)thunk;
	patch->is_loaded = true;
	patch->is_new = true;
	return exchange_slot(elf, slot, value, (uintptr_t)thunks[thunk]);
}

static int patch_ioctl(
	const struct vmb_elf *elf, vmb_elf_slot *slot, const char *symbol, void *data)
{
	const struct patching *patching = data;
	int ret = 0;

	for (size_t i = 0; i < NAMES; i++) {
		if (patching->resolved[i] && strcmp(symbol, names[i]) == 0) {
			do {
				ret = patch_slot(elf, slot, patching->resolved[i]);
			} while (ret == -EAGAIN);
		}
	}
	return ret;
}

static int patch_library(const struct vmb_elf *elf, void *data)
{
	const struct patching *patching = data;

	for (struct patch *patch = patches; patch; patch = patch->next) {
		patch->is_loaded |= vmb_elf_contains(elf, patch->address);
	}
	if (!vmb_library_is_held(patching->held, elf)) {
		return 0;
	}
	return vmb_elf_each_slot(elf, patch_ioctl, data);
}

static int restore_slot(
	const struct vmb_elf *elf, vmb_elf_slot *slot, const char *symbol, void *data)
{
	const bool *only_new = data;
	struct patch **patch = find_patch(slot);

	(void)symbol;
	if (!*patch || (*only_new && !(*patch)->is_new)) {
		return 0;
	}
	uintptr_t thunk = (uintptr_t)thunks[(*patch)->thunk];
	/* If the slot cannot be written, the thunk stays and calls the original function. */
	if (atomic_load(slot) == thunk && exchange_slot(elf, slot, thunk, (*patch)->old) == 0) {
		remove_patch(patch);
	}
	return 0;
}

static int restore_library(const struct vmb_elf *elf, void *data)
{
	return vmb_elf_each_slot(elf, restore_slot, data);
}

static int patch_libraries(struct patching *patching)
{
	bool only_new = true;

	for (struct patch *patch = patches; patch; patch = patch->next) {
		patch->is_loaded = false;
		patch->is_new = false;
	}
	int ret = vmb_libraries_each(patch_library, patching);
	if (ret < 0) {
		vmb_libraries_each(restore_library, &only_new);
		return ret;
	}
	/* The addresses of an unloaded library may be reused. */
	for (struct patch **patch = &patches; *patch;) {
		if ((*patch)->is_loaded) {
			patch = &(*patch)->next;
		} else {
			remove_patch(patch);
		}
	}
	return 0;
}

static int add_user(vmb_hook_handler handler, struct patching *patching)
{
	int ret = -EBUSY;

	pthread_mutex_lock(&patches_lock);
	if (users > 0 && handler != atomic_load_explicit(&current_handler, memory_order_relaxed)) {
		goto out;
	}
	/* The handler is stored before the slots are patched: a thunk must find the handler. */
	atomic_store_explicit(&current_handler, handler, memory_order_release);
	ret = patch_libraries(patching);
	if (ret == 0) {
		users++;
	} else if (users == 0) {
		atomic_store_explicit(&current_handler, NULL, memory_order_release);
	}
out:
	pthread_mutex_unlock(&patches_lock);
	return ret;
}

int vmb_hook_acquire(vmb_hook_handler handler)
{
	struct patching patching = { 0 };
	struct vmb_held_library *held;

	/* Calls into the dynamic linker must not hold patches_lock. The dynamic linker holds its
	 * own lock while constructors run, and a constructor may call vmb_hook_acquire(). */
	int ret = vmb_libraries_hold(&held);
	if (ret < 0) {
		return ret;
	}
	if (held) {
		ret = vmb_libraries_pin((void *)thunks[0]);
		if (ret < 0) {
			goto out;
		}
	}
	/* The dynamic linker binds a slot of any library to the same function: a lookup starts with
	 * the program, the preloaded libraries and the C library. */
	for (size_t i = 0; i < NAMES; i++) {
		patching.resolved[i] = (vmb_ioctl_fn)dlsym(RTLD_DEFAULT, names[i]);
	}
	patching.held = held;
	ret = add_user(handler, &patching);
out:
	vmb_libraries_release(held);
	return ret;
}

void vmb_hook_release(void)
{
	bool only_new = false;

	pthread_mutex_lock(&patches_lock);
	users--;
	if (users == 0) {
		vmb_libraries_each(restore_library, &only_new);
		atomic_store_explicit(&current_handler, NULL, memory_order_release);
	}
	pthread_mutex_unlock(&patches_lock);
}

static int count_slot(const struct vmb_elf *elf, vmb_elf_slot *slot, const char *symbol, void *data)
{
	size_t *count = data;

	(void)elf;
	(void)symbol;
	*count += is_thunk(atomic_load(slot));
	return 0;
}

static int count_library(const struct vmb_elf *elf, void *data)
{
	return vmb_elf_each_slot(elf, count_slot, data);
}

size_t vmb_hook_count(void)
{
	size_t count = 0;

	vmb_libraries_each(count_library, &count);
	return count;
}
