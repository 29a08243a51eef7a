/* SPDX-License-Identifier: MIT */
#include "backend/host/fork.h"

/* Global because the handlers of pthread_atfork() take no argument. Held before a watch's lock. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vmb_fork_watch *list;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int register_error;

static void before_fork(void)
{
	pthread_mutex_lock(&list_lock);
	for (struct vmb_fork_watch *watch = list; watch; watch = watch->next) {
		pthread_mutex_lock(watch->lock);
	}
}

static void unlock_all(void)
{
	for (struct vmb_fork_watch *watch = list; watch; watch = watch->next) {
		pthread_mutex_unlock(watch->lock);
	}
	pthread_mutex_unlock(&list_lock);
}

static void after_fork_in_child(void)
{
	for (struct vmb_fork_watch *watch = list; watch; watch = watch->next) {
		watch->in_child(watch);
	}
	unlock_all();
}

static void register_handlers(void)
{
	register_error = -pthread_atfork(before_fork, unlock_all, after_fork_in_child);
}

int vmb_fork_watch_add(struct vmb_fork_watch *watch)
{
	pthread_once(&once, register_handlers);
	if (register_error) {
		return register_error;
	}
	pthread_mutex_lock(&list_lock);
	watch->next = list;
	list = watch;
	pthread_mutex_unlock(&list_lock);
	return 0;
}

void vmb_fork_watch_remove(struct vmb_fork_watch *watch)
{
	pthread_mutex_lock(&list_lock);
	struct vmb_fork_watch **link = &list;
	while (*link != watch) {
		link = &(*link)->next;
	}
	*link = watch->next;
	pthread_mutex_unlock(&list_lock);
}
