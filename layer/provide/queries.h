/* SPDX-License-Identifier: MIT */
#ifndef VMB_PROVIDE_QUERIES_H
#define VMB_PROVIDE_QUERIES_H

#include "vk/commands.h"

/* The queries of a physical device on the provide route: the driver's results, with sparse
 * resources added. */
extern const struct vmb_instance_commands vmb_provide_queries;

#endif
