/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sigtimedwait */
#include "base/signals.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

void vmb_signals_block(struct vmb_blocked_signals *blocked)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &set, &blocked->before);
	sigpending(&blocked->pending);
}

void vmb_signals_unblock(const struct vmb_blocked_signals *blocked, int error)
{
	const struct timespec now = { 0 };
	int raised = error == -EPIPE ? SIGPIPE : error == -EFBIG ? SIGXFSZ : 0;
	sigset_t set;

	if (raised && !sigismember(&blocked->pending, raised)) {
		sigemptyset(&set);
		sigaddset(&set, raised);
		sigtimedwait(&set, NULL, &now);
	}
	pthread_sigmask(SIG_SETMASK, &blocked->before, NULL);
}
