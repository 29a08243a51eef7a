/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_HOST_BACKEND_H
#define VMB_BACKEND_HOST_BACKEND_H

#include "backend/backend.h"

/* The backend for drivers whose device is the CPU. It binds memory with mmap(2). */
extern const struct vmb_backend vmb_host_backend;

#endif
