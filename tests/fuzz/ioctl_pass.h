/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_IOCTL_PASS_H
#define TESTS_FUZZ_IOCTL_PASS_H

#include <errno.h>
#include <sys/ioctl.h>

#include "input.h"
#include "ioctl/hook.h"

/*
 * An ioctl that a translator does not know. The translator must make exactly this ioctl, and return
 * what the kernel returns. The kernel's answer comes from the input too.
 */

#define IOCTL_PASS_MAX 256
/* The value of errno before an ioctl. No kernel returns it. */
#define IOCTL_PASS_ERRNO 12345

struct ioctl_pass {
	int fd;
	unsigned long request;
	void *arg;
	size_t size;
	unsigned char before[IOCTL_PASS_MAX];
	unsigned char after[IOCTL_PASS_MAX];
	int ret;
	int error;
	unsigned calls;
};

/* Makes an ioctl of any number, direction and size. */
static inline void ioctl_pass_init(struct ioctl_pass *pass, struct input *input, int fd)
{
	pass->calls = 0;
	pass->fd = fd;
	pass->size = input_u8(input);
	unsigned char type = input_rarely(input) ? input_u8(input) : 'd';
	unsigned char number = input_u8(input);
	pass->request = _IOC(input_u8(input) & 3u, type, number, pass->size);
	/* Some callers sign-extend the number. */
	if (input_rarely(input)) {
		pass->request |= ~(unsigned long)UINT32_MAX;
	}
	pass->ret = (int8_t)input_u8(input);
	pass->ret = pass->ret < -1 ? -1 : pass->ret;
	pass->error = 1 + (int)input_below(input, 130);
	input_bytes(input, pass->before, pass->size);
	input_bytes(input, pass->after, pass->size);
	pass->arg = NULL;
	if (pass->size) {
		pass->arg = exact_memory(pass->size);
		memcpy(pass->arg, pass->before, pass->size);
	}
}

/* The kernel's side. */
static inline int ioctl_pass_answer(
	struct ioctl_pass *pass, int fd, unsigned long request, const void *arg)
{
	pass->calls++;
	expect(fd == pass->fd && request == pass->request && arg == pass->arg,
		"an unexpected ioctl reaches the kernel");
	if (pass->size) {
		expect(memcmp(pass->arg, pass->before, pass->size) == 0,
			"the argument reaches the kernel changed");
		memcpy(pass->arg, pass->after, pass->size);
	}
	if (pass->ret < 0) {
		errno = pass->error;
	}
	return pass->ret;
}

/* Checks the caller's side. error is errno after the ioctl. */
static inline void ioctl_pass_finish(struct ioctl_pass *pass, int ret, int error)
{
	expect(pass->calls == 1, "an ioctl does not reach the kernel once");
	expect(ret == pass->ret, "the result of an ioctl is changed");
	expect(error == (ret < 0 ? pass->error : IOCTL_PASS_ERRNO), "errno is changed");
	if (pass->size) {
		expect(memcmp(pass->arg, pass->after, pass->size) == 0,
			"the kernel's data in the argument is changed");
	}
	free(pass->arg);
}

#endif
