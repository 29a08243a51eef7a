/* SPDX-License-Identifier: MIT */
#include "virtgpu/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long the first helper is waited for, in ms; each one after it three times as long as the one
 * before. Most take less than one. */
#define PATIENCE 20
#define TRIES 4
/* The first may come too early for the room that the probe took. */
#define RESCUE_TRIES 2
/* How long room that is on its way back is waited for, in ms, and how often is looked. */
#define SETTLING_PATIENCE 250
#define RESCUE_PATIENCE 8
#define LOOK_EACH 1
/* How often one caller goes through the list at most. */
#define ROUNDS 2

/* A blob that helpers sleep on. */
struct vmb_rescue {
	struct vmb_rescue *next;
	/* Who has these takes them away with vmb_guard_leave(). */
	struct vmb_window *window;
	const char *helper;
	struct vmb_guarded blob; /* its dma-buf is ours */
	/* Helpers were left on it, and no lock of theirs was seen: an older program, or one that
	 * had not come to it. That there is none tells nothing then. */
	bool is_lockless;
	/* In this round blobs of the same device that have this size at least are not tried any
	 * more. */
	uint64_t too_large;
};

/* What is known of room that may be on its way back. */
enum expected {
	IF_SETTLING, /* something was closed just now, if the window was told of it */
	ANYWAY, /* it may have been closed on another open file, whose window was told */
};

/* Whether there is room, now or in a moment. */
static int probe(
	struct vmb_window *window, uint64_t size, enum expected expected, unsigned patience_ms)
{
	uint64_t begin = window->system->now_ms();
	int ret;

	while ((ret = vmb_window_probe(window, size)) == -ENOSPC &&
		(expected == ANYWAY || vmb_window_is_settling(window)) &&
		window->system->now_ms() - begin < patience_ms) {
		window->system->sleep_ms(LOOK_EACH);
	}
	return ret;
}

/* Whether two descriptors are of one dma-buf. */
static bool is_same(int a, int b)
{
	struct stat of_a;
	struct stat of_b;

	return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
		of_a.st_ino == of_b.st_ino;
}

static void drop(struct vmb_guard *guard, struct vmb_rescue **rescue)
{
	struct vmb_rescue *dropped = *rescue;

	*rescue = dropped->next;
	close(dropped->blob.dmabuf);
	free(dropped);
	guard->has_rescues = guard->rescues != NULL;
}

/* NULL if no helpers are known to sleep on it. */
static const struct vmb_rescue *find(const struct vmb_guard *guard, int dmabuf)
{
	const struct vmb_rescue *rescue = guard->rescues;

	while (rescue && !is_same(rescue->blob.dmabuf, dmabuf)) {
		rescue = rescue->next;
	}
	return rescue;
}

static void forget(struct vmb_guard *guard, int dmabuf)
{
	struct vmb_rescue **rescue = &guard->rescues;

	while (*rescue) {
		if (is_same((*rescue)->blob.dmabuf, dmabuf)) {
			drop(guard, rescue);
		} else {
			rescue = &(*rescue)->next;
		}
	}
}

/* Without memory for it the helpers are left to themselves. */
static void remember(struct vmb_guard *guard, struct vmb_window *window, const char *helper,
	const struct vmb_guarded *blob)
{
	struct vmb_rescue *rescue = malloc(sizeof(*rescue));

	forget(guard, blob->dmabuf);
	if (!rescue) {
		close(blob->dmabuf);
		return;
	}
	*rescue = (struct vmb_rescue){
		.next = guard->rescues,
		.window = window,
		.helper = helper,
		.blob = *blob,
		.is_lockless = !window->system->sleeps_on(blob->dmabuf),
	};
	guard->rescues = rescue;
	guard->has_rescues = true;
}

/* Whether the kernel is done with a blob, as a helper tells: it was mapped, or the host refused
 * it. */
static bool is_settled(int result)
{
	return result == 0 || result == -EINVAL;
}

/*
 * Whether it is worth a try to map a blob that helpers were left on. If none is there any more one
 * of them has found room by itself, and the blob is in the window, which may be full by now. Should
 * they have gone for another reason, there are none that the next ones could add to.
 */
static int look_for_room(const struct vmb_rescue *rescue, struct vmb_window *window,
	enum expected expected, unsigned patience_ms)
{
	const struct vmb_guarded *blob = &rescue->blob;

	return rescue->is_lockless || window->system->sleeps_on(blob->dmabuf)
		? probe(window, blob->size, expected, patience_ms)
		: 0;
}

/* Lets helpers make the mapping, one after the other. *is_any_left: whether one may sleep on it
 * still. */
static int run_helpers(const struct vmb_window *window, const char *helper, int dmabuf, int tries,
	bool *is_any_left)
{
	unsigned patience = PATIENCE;
	int ret = -EINPROGRESS;

	for (int i = 0; i < tries && ret == -EINPROGRESS; i++) {
		ret = window->system->run_helper(helper, dmabuf, window->device, patience);
		patience *= 3;
		/* What became of one that could not be waited for nobody knows. */
		*is_any_left |= ret == -EINPROGRESS || ret == -ECHILD;
	}
	return ret;
}

/* What the caller of ioctl() is told. */
static int refusal(int ret)
{
	switch (ret) {
	case -EINPROGRESS:
		return -ENOSPC;
	case -EINTR:
	case -EAGAIN:
		/* Who is told one of these calls again, for ever. */
		return -ENOMEM;
	default:
		return ret;
	}
}

int vmb_guard_map(struct vmb_guard *guard, struct vmb_window *window, const char *helper,
	const struct vmb_guarded *blob)
{
	const struct vmb_rescue *known = find(guard, blob->dmabuf);
	int ret = known ? look_for_room(known, window, IF_SETTLING, SETTLING_PATIENCE)
			: probe(window, blob->size, IF_SETTLING, SETTLING_PATIENCE);
	bool is_any_left = blob->has_sleepers;

	if (ret == 0) {
		ret = run_helpers(window, helper, blob->dmabuf, TRIES, &is_any_left);
	}
	if (is_settled(ret)) {
		/* Those that slept on it were woken. */
		forget(guard, blob->dmabuf);
		blob->mapped(blob);
		close(blob->dmabuf);
		return 0;
	}
	if (is_any_left) {
		remember(guard, window, helper, blob);
	} else {
		close(blob->dmabuf);
	}
	return refusal(ret);
}

/* 0, or why the helpers that sleep on it still do. */
static int rescue_one(struct vmb_guard *guard, struct vmb_rescue **rescue, unsigned patience_ms)
{
	const struct vmb_guarded *blob = &(*rescue)->blob;
	struct vmb_window *window = (*rescue)->window;
	int ret = look_for_room(*rescue, window, ANYWAY, patience_ms);
	bool is_any_left = true;

	if (ret < 0) {
		return ret;
	}
	ret = run_helpers(window, (*rescue)->helper, blob->dmabuf, RESCUE_TRIES, &is_any_left);
	if (ret == -EINPROGRESS) {
		(*rescue)->is_lockless = !window->system->sleeps_on(blob->dmabuf);
	}
	if (!is_settled(ret)) {
		return ret;
	}
	blob->mapped(blob);
	drop(guard, rescue);
	return 0;
}

static bool is_too_large(const struct vmb_guard *guard, const struct vmb_rescue *rescue)
{
	for (const struct vmb_rescue *tried = guard->rescues; tried != rescue;
		tried = tried->next) {
		if (tried->window->device == rescue->window->device &&
			tried->too_large <= rescue->blob.size) {
			return true;
		}
	}
	return false;
}

/* Goes once through the list. Where there is no room for one blob there may be for a smaller one of
 * its device, but only the first is waited for; with anything else in the way that device is left
 * alone. */
static void rescue_all(struct vmb_guard *guard)
{
	struct vmb_rescue **rescue = &guard->rescues;
	unsigned patience = RESCUE_PATIENCE;

	while (*rescue) {
		struct vmb_rescue *tried = *rescue;
		tried->too_large = UINT64_MAX;
		if (!is_too_large(guard, tried)) {
			int ret = rescue_one(guard, rescue, patience);
			if (ret == 0) {
				continue;
			}
			tried->too_large = ret == -ENOSPC ? tried->blob.size : 0;
			patience = 0;
		}
		rescue = &tried->next;
	}
}

void vmb_guard_rescue(struct vmb_guard *guard)
{
	guard->is_rescue_due = true;
	/* Once more for those that came meanwhile and found the lock taken. Who comes during that
	 * is left to the next call: others may go on closing for as long as they like. */
	for (int i = 0; i < ROUNDS && guard->has_rescues && guard->is_rescue_due &&
		pthread_mutex_trylock(&guard->map_lock) == 0;
		i++) {
		guard->is_rescue_due = false;
		rescue_all(guard);
		pthread_mutex_unlock(&guard->map_lock);
	}
}

void vmb_guard_leave(struct vmb_guard *guard, const struct vmb_window *window)
{
	struct vmb_rescue **rescue = &guard->rescues;

	if (!guard->has_rescues) {
		return;
	}
	pthread_mutex_lock(&guard->map_lock);
	while (*rescue) {
		if ((*rescue)->window == window) {
			drop(guard, rescue);
		} else {
			rescue = &(*rescue)->next;
		}
	}
	pthread_mutex_unlock(&guard->map_lock);
}

void vmb_guard_after_fork(struct vmb_guard *guard)
{
	pthread_mutex_init(&guard->map_lock, NULL);
	while (guard->rescues) {
		drop(guard, &guard->rescues);
	}
}
