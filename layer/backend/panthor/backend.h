/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_PANTHOR_BACKEND_H
#define VMB_BACKEND_PANTHOR_BACKEND_H

#include "backend/backend.h"

/* For panvk on the kernel driver panthor: VM_BIND binds memory. */
extern const struct vmb_backend vmb_panthor_backend;

#endif
