/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_BACKEND_H
#define VMB_BACKEND_HOST_BACKEND_H

#include "backend/backend.h"

/* For drivers whose device is the CPU: mmap(2) binds memory. */
extern const struct vmb_backend vmb_host_backend;

#endif
