/* SPDX-License-Identifier: MIT */
#ifndef VMB_LAYER_STATE_H
#define VMB_LAYER_STATE_H

#include <stdbool.h>

#include "base/settings.h"
#include "child.h"
#include "loader.h"
#include "manifests.h"

/* Whether the layer is enabled in this environment. */
enum vmb_layer_status {
	VMB_LAYER_UNKNOWN, /* no loader, or no driver that can create an instance */
	VMB_LAYER_MISSING, /* the loader does not find the layer */
	VMB_LAYER_AVAILABLE, /* found, but not requested */
	VMB_LAYER_NOT_LOADED, /* requested, but not loaded */
	VMB_LAYER_TURNED_OFF, /* by DISABLE_VMBIND_SPARSE or VMBIND_ROUTE=off */
	VMB_LAYER_ENABLED,
};

struct vmb_layer_state {
	enum vmb_layer_status status;
	struct vmb_problem problem; /* why the status is unknown */
	char library[1024]; /* path of the loaded layer, or empty */
	struct vmb_manifests manifests; /* of the layer */
	/* Prefix of a command that enables the layer; NULL if the layer is enabled or missing. */
	char *enable;
};

const char *vmb_layer_status_name(enum vmb_layer_status status);

/*
 * Queries the loader in the unchanged environment, without VMBIND_STATS and VMBIND_TRACE. driver is
 * the manifest of a driver that can create instances, or NULL if all can. Returns 0 or -ENOMEM.
 * Finish the state in any case.
 */
int vmb_layer_state_init(struct vmb_layer_state *state, const struct vmb_query_options *options,
	const struct vmb_settings *settings, const char *driver);
void vmb_layer_state_finish(struct vmb_layer_state *state);

#endif
