/* SPDX-License-Identifier: MIT */
#ifndef HELPER_REPORT_H
#define HELPER_REPORT_H

#include <stdint.h>

/*
 * test_helper and the program that stands in for the helper (helper_stand_in.c) share the first
 * page of the program's file: test_helper writes an order, and the program a report.
 */

enum helper_order {
	HELPER_REPORT, /* report what was inherited, then exit with status 0 */
	HELPER_HANG, /* until go_on is set */
	HELPER_FAIL, /* exit with ENOMEM as the status */
	HELPER_DIE, /* by SIGKILL */
	HELPER_KILL_PARENT, /* kill the process that waits, then exit with status 0 */
};

struct helper_page {
	int order;
	_Atomic int go_on;
	_Atomic int pid; /* of the program */
	_Atomic int is_locked; /* a hanging program has the lock that a mapping helper takes */
	int parent;
	int descriptors; /* open, without the one of /proc/self/fd */
	int is_first_open;
	int environment; /* variables */
	int arguments;
	pid_t application;
	unsigned long long device;
	/* SigBlk and SigIgn of /proc/self/status. */
	char blocked[32];
	char ignored[32];
};

#endif
