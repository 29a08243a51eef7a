/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include "virtgpu/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Timeout of the first helper. Each further one gets three times as long. Most helpers take less
 * than a millisecond. */
#define FIRST_TIMEOUT_MS 20
#define MAP_ATTEMPTS 4
/* Timeout of the attempt for an imported blob. If the blob is in hostmem, the helper ends at once;
 * if hostmem is full, the helper blocks. */
#define IMPORTED_TIMEOUT_MS 800
/* Timeout of a helper that maps ordinary memory, which cannot block. */
#define ORDINARY_TIMEOUT_MS 2000
/* The first attempt may run before the kernel has freed the range of the probe's own blob. */
#define WAKE_ATTEMPTS 2
/* How long to probe while room may still be freed, and the pause between two probes. */
#define SETTLING_TIMEOUT_MS 250
#define WAKE_TIMEOUT_MS 8
#define PROBE_INTERVAL_MS 1
/* How many times one caller walks the list at most. */
#define ROUNDS 2

/* A blob on which helpers are blocked. */
struct vmb_blocked_blob {
	struct vmb_blocked_blob *next;
	/* Borrowed: vmb_guard_forget_hostmem() removes the blob before the owner frees these. */
	struct vmb_hostmem *hostmem;
	const char *helper;
	struct vmb_guarded blob; /* the list owns its dma-buf */
	/* A helper is blocked, but the file lock that shows this is missing: the helper program is
	 * older, or has not taken the lock yet. Then is_blocked_on() cannot be trusted. */
	bool is_lockless;
	/* In this round, blobs of the same device with at least this many bytes are skipped. */
	uint64_t too_large;
};

/* When to go on probing although hostmem is full: room may still be freed. */
enum expected {
	IF_SETTLING, /* only while hostmem records a recent close */
	ANYWAY, /* always: a blob may have been closed on another open file */
};

/* Probes for room until there is some, the timeout is over, or no room is being freed. Returns the
 * result of the last probe. */
static int wait_for_room(
	struct vmb_hostmem *hostmem, uint64_t size, enum expected expected, unsigned timeout_ms)
{
	uint64_t begin = hostmem->system->now_ms();
	int ret;

	while ((ret = vmb_hostmem_probe(hostmem, size)) == -ENOSPC &&
		(expected == ANYWAY || vmb_hostmem_is_settling(hostmem)) &&
		hostmem->system->now_ms() - begin < timeout_ms) {
		hostmem->system->sleep_ms(PROBE_INTERVAL_MS);
	}
	return ret;
}

/* Whether two descriptors belong to one dma-buf. */
static bool is_same(int a, int b)
{
	struct stat of_a;
	struct stat of_b;

	return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
		of_a.st_ino == of_b.st_ino;
}

static void blocked_remove(struct vmb_guard *guard, struct vmb_blocked_blob **blocked)
{
	struct vmb_blocked_blob *removed = *blocked;

	*blocked = removed->next;
	close(removed->blob.dmabuf);
	free(removed);
	guard->has_blocked = guard->blocked != NULL;
}

/* NULL if the list does not have the dma-buf. */
static const struct vmb_blocked_blob *blocked_find(const struct vmb_guard *guard, int dmabuf)
{
	const struct vmb_blocked_blob *blocked = guard->blocked;

	while (blocked && !is_same(blocked->blob.dmabuf, dmabuf)) {
		blocked = blocked->next;
	}
	return blocked;
}

static void blocked_remove_dmabuf(struct vmb_guard *guard, int dmabuf)
{
	struct vmb_blocked_blob **blocked = &guard->blocked;

	while (*blocked) {
		if (is_same((*blocked)->blob.dmabuf, dmabuf)) {
			blocked_remove(guard, blocked);
		} else {
			blocked = &(*blocked)->next;
		}
	}
}

/* Takes ownership of the dma-buf. If memory is short, the blob is not added, and its helpers find
 * room only by themselves. */
static void blocked_add(struct vmb_guard *guard, struct vmb_hostmem *hostmem, const char *helper,
	const struct vmb_guarded *blob)
{
	struct vmb_blocked_blob *blocked = malloc(sizeof(*blocked));

	blocked_remove_dmabuf(guard, blob->dmabuf);
	if (!blocked) {
		close(blob->dmabuf);
		return;
	}
	*blocked = (struct vmb_blocked_blob){
		.next = guard->blocked,
		.hostmem = hostmem,
		.helper = helper,
		.blob = *blob,
		.is_lockless = !hostmem->system->is_blocked_on(blob->dmabuf),
	};
	guard->blocked = blocked;
	guard->has_blocked = true;
}

/* Whether further helpers would give the same result: the blob is mapped, or the host refused it.
 * Only for results of helpers: EINVAL of a probe is not final. */
static bool is_final(int result)
{
	return result == 0 || result == -EINVAL;
}

/*
 * 0 if another helper should start, or the error of the probe. If no helper is blocked any more,
 * one of them has mapped the blob: a new helper returns at once, and needs no room. If the helpers
 * ended for another reason, the new one is the only one that may block.
 */
static int room_for_blocked(const struct vmb_blocked_blob *blocked, struct vmb_hostmem *hostmem,
	enum expected expected, unsigned timeout_ms)
{
	const struct vmb_guarded *blob = &blocked->blob;

	return blocked->is_lockless || hostmem->system->is_blocked_on(blob->dmabuf)
		? wait_for_room(hostmem, blob->size, expected, timeout_ms)
		: 0;
}

/* The only place that starts helpers: one after the other until one maps the dma-buf or fails. Sets
 * *may_block if one of them may still be blocked. */
static int run_helpers(const struct vmb_hostmem *hostmem, const char *helper, int dmabuf,
	int attempts, unsigned timeout_ms, bool *may_block)
{
	int ret = -EINPROGRESS;

	for (int i = 0; i < attempts && ret == -EINPROGRESS; i++) {
		ret = hostmem->system->run_helper(helper, dmabuf, hostmem->device, timeout_ms);
		timeout_ms *= 3;
		/* If waiting failed, assume that the helper is still blocked. */
		*may_block |= ret == -EINPROGRESS || ret == -ECHILD;
	}
	return ret;
}

/* The error that the driver gets. */
static int refusal(int ret)
{
	switch (ret) {
	case -EINPROGRESS:
		return -ENOSPC;
	case -EINTR:
	case -EAGAIN:
		/* drmIoctl() would repeat the ioctl for ever. */
		return -ENOMEM;
	default:
		return ret;
	}
}

/*
 * Starts one helper for an imported blob without a probe. The blob may be in hostmem already, and
 * then the helper succeeds even if hostmem is full. If the blob is not in hostmem, the helper may
 * block. One blocked helper is enough: the blob may have one of another process, or of an earlier
 * attempt. True if the result is final. Other errors may come from the start of the helper.
 */
static bool attempt_imported(const struct vmb_hostmem *hostmem, const char *helper,
	const struct vmb_guarded *blob, const struct vmb_blocked_blob *blocked, bool *may_block)
{
	*may_block = hostmem->system->is_blocked_on(blob->dmabuf);
	return !blocked && !*may_block &&
		is_final(run_helpers(
			hostmem, helper, blob->dmabuf, 1, IMPORTED_TIMEOUT_MS, may_block));
}

int vmb_guard_map(struct vmb_guard *guard, struct vmb_hostmem *hostmem, const char *helper,
	const struct vmb_guarded *blob)
{
	const struct vmb_blocked_blob *blocked = blocked_find(guard, blob->dmabuf);
	bool may_block = false;
	bool is_done = false;
	int ret = 0;

	if (blob->is_imported) {
		is_done = attempt_imported(hostmem, helper, blob, blocked, &may_block);
	}
	if (!is_done) {
		ret = blocked
			? room_for_blocked(blocked, hostmem, IF_SETTLING, SETTLING_TIMEOUT_MS)
			: wait_for_room(hostmem, blob->size, IF_SETTLING, SETTLING_TIMEOUT_MS);
		if (ret == 0) {
			ret = run_helpers(hostmem, helper, blob->dmabuf, MAP_ATTEMPTS,
				FIRST_TIMEOUT_MS, &may_block);
			is_done = is_final(ret);
		}
	}
	if (is_done) {
		/* The kernel has woken the helpers that were blocked on the blob. */
		blocked_remove_dmabuf(guard, blob->dmabuf);
		blob->mapped(blob);
		close(blob->dmabuf);
		return 0;
	}
	if (may_block) {
		blocked_add(guard, hostmem, helper, blob);
	} else {
		close(blob->dmabuf);
	}
	return refusal(ret);
}

/* 0 if the blob's helpers are woken and *blocked is removed. A negative errno if they stay
 * blocked. */
static int wake_one(struct vmb_guard *guard, struct vmb_blocked_blob **blocked, unsigned timeout_ms)
{
	const struct vmb_guarded *blob = &(*blocked)->blob;
	struct vmb_hostmem *hostmem = (*blocked)->hostmem;
	int ret = room_for_blocked(*blocked, hostmem, ANYWAY, timeout_ms);
	bool may_block = true;

	if (ret < 0) {
		return ret;
	}
	ret = run_helpers(hostmem, (*blocked)->helper, blob->dmabuf, WAKE_ATTEMPTS,
		FIRST_TIMEOUT_MS, &may_block);
	if (ret == -EINPROGRESS) {
		(*blocked)->is_lockless = !hostmem->system->is_blocked_on(blob->dmabuf);
	}
	if (!is_final(ret)) {
		return ret;
	}
	blob->mapped(blob);
	blocked_remove(guard, blocked);
	return 0;
}

bool vmb_guard_can_map(const struct vmb_hostmem *hostmem, const char *helper)
{
	int page = memfd_create("vmbind", MFD_CLOEXEC);
	bool may_block = false;

	if (page < 0) {
		return false;
	}
	bool can_map = ftruncate(page, sysconf(_SC_PAGESIZE)) == 0 &&
		run_helpers(hostmem, helper, page, 1, ORDINARY_TIMEOUT_MS, &may_block) == 0;
	close(page);
	return can_map;
}

static bool is_too_large(const struct vmb_guard *guard, const struct vmb_blocked_blob *blocked)
{
	for (const struct vmb_blocked_blob *before = guard->blocked; before != blocked;
		before = before->next) {
		if (before->hostmem->device == blocked->hostmem->device &&
			before->too_large <= blocked->blob.size) {
			return true;
		}
	}
	return false;
}

/* Walks the list once. If a device has no room for a blob, only its smaller blobs are attempted.
 * After any other error its remaining blobs are skipped. Once a blob failed, no probe waits. */
static void wake_all(struct vmb_guard *guard)
{
	struct vmb_blocked_blob **blocked = &guard->blocked;
	unsigned timeout_ms = WAKE_TIMEOUT_MS;

	while (*blocked) {
		struct vmb_blocked_blob *current = *blocked;
		current->too_large = UINT64_MAX;
		if (!is_too_large(guard, current)) {
			int ret = wake_one(guard, blocked, timeout_ms);
			if (ret == 0) {
				continue;
			}
			current->too_large = ret == -ENOSPC ? current->blob.size : 0;
			timeout_ms = 0;
		}
		blocked = &current->next;
	}
}

void vmb_guard_wake_blocked_helpers(struct vmb_guard *guard)
{
	guard->is_wake_due = true;
	/* During a round, other threads may close blobs, find the lock taken, and leave the waking
	 * to this thread: the second round does that. The number of rounds is limited, since other
	 * threads may close blobs without end. */
	for (int i = 0; i < ROUNDS && guard->has_blocked && guard->is_wake_due &&
		pthread_mutex_trylock(&guard->map_lock) == 0;
		i++) {
		guard->is_wake_due = false;
		wake_all(guard);
		pthread_mutex_unlock(&guard->map_lock);
	}
}

void vmb_guard_forget_hostmem(struct vmb_guard *guard, const struct vmb_hostmem *hostmem)
{
	struct vmb_blocked_blob **blocked = &guard->blocked;

	if (!guard->has_blocked) {
		return;
	}
	pthread_mutex_lock(&guard->map_lock);
	while (*blocked) {
		if ((*blocked)->hostmem == hostmem) {
			blocked_remove(guard, blocked);
		} else {
			blocked = &(*blocked)->next;
		}
	}
	pthread_mutex_unlock(&guard->map_lock);
}

void vmb_guard_after_fork(struct vmb_guard *guard)
{
	pthread_mutex_init(&guard->map_lock, NULL);
	while (guard->blocked) {
		blocked_remove(guard, &guard->blocked);
	}
}
