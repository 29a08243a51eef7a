/* SPDX-License-Identifier: MIT */
#ifndef HELPER_REPORT_H
#define HELPER_REPORT_H

#include <stdint.h>

/*
 * What test_helper and the program that it has started in the helper's place (helper_stand_in.c)
 * tell each other, in the first page of the file that the program is given.
 */

enum helper_order {
	HELPER_REPORT, /* say what was inherited, then end with status 0 */
	HELPER_HANG, /* until the page says to go on */
	HELPER_FAIL, /* end with ENOMEM as the status */
	HELPER_DIE, /* by SIGKILL */
	HELPER_KILL_PARENT, /* the process that waits for the program, then end with status 0 */
};

struct helper_page {
	int order;
	_Atomic int go_on;
	_Atomic int pid; /* of the program */
	_Atomic int is_locked; /* by one that hangs, as by the helper when it maps */
	int parent;
	int descriptors; /* open, not counting the directory that they were counted in */
	int is_first_open;
	int environment; /* variables */
	int arguments;
	pid_t application;
	unsigned long long device;
	/* As the kernel writes them in /proc/self/status. */
	char blocked[32];
	char ignored[32];
};

#endif
