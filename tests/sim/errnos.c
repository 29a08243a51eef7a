/* SPDX-License-Identifier: MIT */
#include "errnos.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	int value;
	const char *name;
} errnos[] = {
#define ERRNO(name) \
	{ \
		name, #name \
	}
	ERRNO(E2BIG),
	ERRNO(EACCES),
	ERRNO(EAGAIN),
	ERRNO(EBADF),
	ERRNO(EBUSY),
	ERRNO(ECANCELED),
	ERRNO(EFAULT),
	ERRNO(EINTR),
	ERRNO(EINVAL),
	ERRNO(EIO),
	ERRNO(EMFILE),
	ERRNO(ENODEV),
	ERRNO(ENOENT),
	ERRNO(ENOMEM),
	ERRNO(ENOSPC),
	ERRNO(ENOSYS),
	ERRNO(ENOTTY),
	ERRNO(EOPNOTSUPP),
	ERRNO(EPERM),
	ERRNO(ETIME),
#undef ERRNO
};

const char *vmb_sim_errno_name(int error)
{
	for (size_t i = 0; i < sizeof(errnos) / sizeof(*errnos); i++) {
		if (errnos[i].value == error) {
			return errnos[i].name;
		}
	}
	return error ? "?" : "";
}

int vmb_sim_errno_value(const char *name)
{
	for (size_t i = 0; i < sizeof(errnos) / sizeof(*errnos); i++) {
		if (strcmp(errnos[i].name, name) == 0) {
			return errnos[i].value;
		}
	}
	return 0;
}
