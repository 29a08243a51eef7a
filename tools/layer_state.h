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
	VMB_LAYER_UNKNOWN, /* there is no loader, or no driver to create an instance with */
	VMB_LAYER_MISSING, /* the loader does not find it */
	VMB_LAYER_AVAILABLE, /* it does, and nobody asks for it */
	VMB_LAYER_NOT_LOADED, /* it was asked for, and not loaded */
	VMB_LAYER_TURNED_OFF, /* by DISABLE_VMBIND_SPARSE or by the route off */
	VMB_LAYER_ENABLED,
};

struct vmb_layer_state {
	enum vmb_layer_status status;
	struct vmb_problem problem; /* why the status is unknown */
	char library[1024]; /* what was loaded, empty if nothing was */
	struct vmb_manifests manifests; /* that name the layer */
	/* What goes before a command to enable the layer for it; NULL if it is enabled, or not
	 * there. */
	char *enable;
};

const char *vmb_layer_status_name(enum vmb_layer_status status);

/*
 * Asks the loader with the environment as it is, but for the files that the layer is to write.
 * driver is the manifest of one that is known to create instances, NULL if all do. Finish it in any
 * case; -ENOMEM.
 */
int vmb_layer_state_init(struct vmb_layer_state *state, const struct vmb_asking *asking,
	const struct vmb_settings *settings, const char *driver);
void vmb_layer_state_finish(struct vmb_layer_state *state);

#endif
