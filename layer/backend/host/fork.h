/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_FORK_H
#define VMB_BACKEND_HOST_FORK_H

#include <pthread.h>

/*
 * Objects that must change in a child process after fork(). Handlers of pthread_atfork(3) change
 * the objects. vfork(2), posix_spawn(3) and clone(2) run no handlers.
 */
struct vmb_fork_watch {
	struct vmb_fork_watch *next;
	pthread_mutex_t *lock; /* held during fork(), and during in_child */
	/* Runs in the child process. May call only async-signal-safe functions. */
	void (*in_child)(struct vmb_fork_watch *watch);
};

/* Adds a watch. lock and in_child are set. Returns 0 or -ENOMEM. Any thread, as the next one. */
int vmb_fork_watch_add(struct vmb_fork_watch *watch);
void vmb_fork_watch_remove(struct vmb_fork_watch *watch);

#endif
