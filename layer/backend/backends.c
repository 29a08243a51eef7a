/* SPDX-License-Identifier: MIT */
#include "backend/host/backend.h"
#include "backend/panthor/backend.h"

const struct vmb_backend *const vmb_backends[] = {
	&vmb_panthor_backend,
	&vmb_host_backend,
	NULL,
};
