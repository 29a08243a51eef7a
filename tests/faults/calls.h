/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_FAULTS_CALLS_H
#define VMB_TESTS_FAULTS_CALLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The functions of libc that make the layer's system calls. The program defines these functions
 * itself, so that the calls of the layer and the driver arrive here. The calls of the layer are
 * counted by call site, and one of them fails.
 */

/* The kernels that the calls imitate. */
struct calls_kernel {
	bool locks; /* mlockall(MCL_FUTURE) is in force, as far as mincore(2) shows */
	bool commits; /* as vm.overcommit_memory=2: no large private writable mapping */
	bool is_old; /* Linux before 6.3: no MFD_NOEXEC_SEAL */
	bool is_sandboxed; /* process_vm_readv(2) is forbidden */
};

#define CALLS_MAX_SITES 256
#define CALLS_MAX_ERRORS 12

/* A place of the layer's code that calls a function. */
struct calls_site {
	_Atomic uint64_t key; /* 0: unused */
	atomic_uint calls;
};

/* Shared with child processes. */
struct calls {
	struct calls_kernel kernel;
	/* Counts, and lets a call fail, only while armed. */
	atomic_bool is_armed;
	struct calls_site sites[CALLS_MAX_SITES];
	/* The fault: the nth call of a site. nth 0: no call fails. */
	uint64_t key;
	unsigned nth;
	int error;
	atomic_uint injected;
};

/* NULL until the program sets it. */
extern struct calls *calls;

const char *calls_function(uint64_t key);
/* The offset of the return address in the layer's library. */
uint64_t calls_offset(uint64_t key);
/* The errnos of the function's manual page, ended by 0. */
const int *calls_errors(uint64_t key);

#endif
