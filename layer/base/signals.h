/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_SIGNALS_H
#define VMB_BASE_SIGNALS_H

#include <signal.h>

/*
 * SIGPIPE and SIGXFSZ, which the kernel sends to a thread that writes to a pipe without a reader,
 * or that makes a file longer than RLIMIT_FSIZE. Their default action ends the program. So the
 * layer blocks them around such system calls.
 */
struct vmb_blocked_signals {
	sigset_t before;
	sigset_t pending;
};

/* Any thread. Each call is followed by one of vmb_signals_unblock() in the same thread. */
void vmb_signals_block(struct vmb_blocked_signals *blocked);
/* error: of the system call, a negative errno, or 0. Discards the signal that came with the error,
 * unless it was pending before. */
void vmb_signals_unblock(const struct vmb_blocked_signals *blocked, int error);

#endif
