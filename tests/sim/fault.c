/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "errnos.h"

struct vmb_sim_fault {
	char name[32];
	/* The number of the operation that fails, counted down. 0: the fault has occurred. */
	uint64_t left;
	int error;
};

static int parse_one(struct vmb_sim_fault *fault, const char *text, size_t length)
{
	char copy[96];
	char error[32];
	int end = 0;
	if (length >= sizeof(copy)) {
		return -EINVAL;
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	*fault = (struct vmb_sim_fault){ 0 };
	if (sscanf(copy, "%31[a-z_]:%" SCNu64 ":%31[A-Z0-9]%n", fault->name, &fault->left, error,
		    &end) != 3 ||
		(size_t)end != length || fault->left == 0) {
		return -EINVAL;
	}
	fault->error = vmb_sim_errno_value(error);
	return fault->error ? 0 : -EINVAL;
}

int vmb_sim_faults_parse(struct vmb_sim_faults *faults, const char *text)
{
	vmb_sim_faults_finish(faults);
	while (*text) {
		size_t length = strcspn(text, ",");
		faults->faults = vmb_sim_grow(
			faults->faults, faults->count, &faults->capacity, sizeof(*faults->faults));
		if (parse_one(&faults->faults[faults->count], text, length)) {
			fprintf(stderr, "vmbind_sim: expected IOCTL:N:ERRNO, got: %.*s\n",
				(int)length, text);
			vmb_sim_faults_finish(faults);
			return -EINVAL;
		}
		faults->count++;
		text += length + (text[length] == ',');
	}
	return 0;
}

int vmb_sim_faults_next(struct vmb_sim_faults *faults, const char *name)
{
	int error = 0;
	for (size_t i = 0; i < faults->count; i++) {
		struct vmb_sim_fault *fault = &faults->faults[i];
		if (fault->left && strcmp(fault->name, name) == 0 && --fault->left == 0) {
			error = -fault->error;
		}
	}
	return error;
}

void vmb_sim_faults_finish(struct vmb_sim_faults *faults)
{
	free(faults->faults);
	*faults = (struct vmb_sim_faults){ 0 };
}
