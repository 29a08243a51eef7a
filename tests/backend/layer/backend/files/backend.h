/* SPDX-License-Identifier: MIT */
#ifndef VMB_BACKEND_FILES_BACKEND_H
#define VMB_BACKEND_FILES_BACKEND_H

#include "backend/backend.h"

/* For CPU devices, as the host backend, but with a memfd for each allocation. */
extern const struct vmb_backend vmb_files_backend;

#endif
