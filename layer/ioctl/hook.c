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
 * What a call through a slot runs into. A slot has room for one address only, so that each function
 * that stood in one takes a thunk of its own. It keeps that for good: somebody may have taken the
 * thunk's address from the slot and call it whenever he likes.
 */

static _Atomic(vmb_ioctl_fn) nexts[VMB_HOOK_THUNKS];
/* NULL when nobody holds the hook. */
static _Atomic(vmb_hook_handler) current_handler;

static inline int pass(size_t thunk, int fd, unsigned long request, void *arg)
{
	vmb_ioctl_fn next;

	/* It was stored before any slot held the thunk. But the calling library's load of the slot
	 * is a plain one, which on some processors does not keep this one from being earlier. */
	do {
		next = atomic_load_explicit(&nexts[thunk], memory_order_acquire);
	} while (!next);
	vmb_hook_handler handler = atomic_load_explicit(&current_handler, memory_order_acquire);
	return handler ? handler(next, fd, request, arg) : next(fd, request, arg);
}

/* Takes the one argument whether or not the caller gave it, as the C library's ioctl() does. */
#define THUNK(index) \
	static int thunk_##index(int fd, unsigned long request, ...) \
	{ \
		va_list args; \
\
		va_start(args, request); \
		void *arg = va_arg(args, void *); \
		va_end(args); \
		return pass(index, fd, request, arg); \
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

/* With 64-bit time on a 32-bit system, glibc's header makes ioctl() the second. */
static const char *const names[] = { "ioctl", "__ioctl_time64" };
#define NAMES (sizeof(names) / sizeof(names[0]))

/* A slot that we wrote to, and have not restored yet. */
struct patch {
	struct patch *next;
	/* Compared with that of slots that are there, never followed: the library may be gone. */
	uintptr_t address;
	uintptr_t old;
	size_t thunk;
	bool is_loaded;
	bool is_new;
};

/* Guards the patches, the assignment of thunks, the count of users, and all writing to slots. */
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

/* The thunk that passes on to next; -ENOSPC if there is none left. */
static int thunk_for(vmb_ioctl_fn next)
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

/* -EAGAIN if something else than expected stands in the slot. */
static int exchange(
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

struct patching {
	const struct vmb_held_library *held;
	vmb_ioctl_fn found[NAMES];
};

/* What a call through the slot reaches. */
static vmb_ioctl_fn next_of(const struct vmb_elf *elf, uintptr_t value, vmb_ioctl_fn found)
{
	/* Into the library's own PLT: not bound yet. That is not to be called, for the dynamic
	 * linker would overwrite our thunk with what it finds. */
	return vmb_elf_contains(elf, value) ? found : (vmb_ioctl_fn)value;
}

static int patch_slot(const struct vmb_elf *elf, vmb_elf_slot *slot, vmb_ioctl_fn found)
{
	uintptr_t value = atomic_load(slot);
	struct patch *patch = *find_patch(slot);

	if (is_thunk(value)) {
		return 0;
	}
	vmb_ioctl_fn next = next_of(elf, value, found);
	/* Somebody came after us and calls us, or should: we must not call him in turn. But if it
	 * is what stood there before, the library was loaded anew, or bound the slot just as we
	 * patched it. */
	if (patch && next != found &&
		next != atomic_load_explicit(&nexts[patch->thunk], memory_order_relaxed)) {
		return 0;
	}
	int thunk = thunk_for(next);
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
	return exchange(elf, slot, value, (uintptr_t)thunks[thunk]);
}

static int patch_ioctl(
	const struct vmb_elf *elf, vmb_elf_slot *slot, const char *symbol, void *data)
{
	const struct patching *patching = data;
	int ret = 0;

	for (size_t i = 0; i < NAMES; i++) {
		if (patching->found[i] && strcmp(symbol, names[i]) == 0) {
			do {
				ret = patch_slot(elf, slot, patching->found[i]);
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
	/* Where it cannot be done, the thunk stays and passes on. */
	if (atomic_load(slot) == thunk && exchange(elf, slot, thunk, (*patch)->old) == 0) {
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
	/* The other libraries are gone, and their addresses may become those of something else. */
	for (struct patch **patch = &patches; *patch;) {
		if ((*patch)->is_loaded) {
			patch = &(*patch)->next;
		} else {
			remove_patch(patch);
		}
	}
	return 0;
}

static int hook(vmb_hook_handler handler, struct patching *patching)
{
	int ret = -EBUSY;

	pthread_mutex_lock(&patches_lock);
	if (users > 0 && handler != atomic_load_explicit(&current_handler, memory_order_relaxed)) {
		goto out;
	}
	/* Before the slots: whoever finds a thunk there finds the handler. */
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

	/* Nothing of this under our lock: the dynamic linker's own is held while libraries run
	 * their constructors, and one of those may call us. */
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
	/* What the dynamic linker would bind an unbound slot to, whichever library it is in: a
	 * lookup goes first through the program, what was preloaded and the C library. */
	for (size_t i = 0; i < NAMES; i++) {
		patching.found[i] = (vmb_ioctl_fn)dlsym(RTLD_DEFAULT, names[i]);
	}
	patching.held = held;
	ret = hook(handler, &patching);
out:
	vmb_libraries_let_go(held);
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
