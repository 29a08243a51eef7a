/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_BACKEND_H
#define VMB_BACKEND_PANTHOR_BACKEND_H

#include "backend/backend.h"

/* The backend for panvk on the kernel driver panthor. It binds memory with VM_BIND. */
extern const struct vmb_backend vmb_panthor_backend;

#endif
