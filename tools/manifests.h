/* SPDX-License-Identifier: MIT */
#ifndef VMB_MANIFESTS_H
#define VMB_MANIFESTS_H

#include <stddef.h>

/* Searches for manifests like the Vulkan loader on Linux (LoaderDriverInterface.md and
 * LoaderLayerInterface.md in its documentation). The loader does not report the files that it has
 * found. */

enum vmb_manifest_kind {
	VMB_MANIFEST_DRIVER,
	VMB_MANIFEST_IMPLICIT_LAYER,
	VMB_MANIFEST_EXPLICIT_LAYER,
};

struct vmb_manifests {
	char **paths; /* each file once, in the loader's order; owned */
	size_t count;
};

/* Adds the manifests of a kind. Skips unreadable directories and files. Returns 0 or -ENOMEM. */
int vmb_manifests_find(struct vmb_manifests *found, enum vmb_manifest_kind kind);
/* Removes the manifests that do not contain the text. */
void vmb_manifests_keep(struct vmb_manifests *found, const char *text);
/* Accepts a zeroed list. */
void vmb_manifests_finish(struct vmb_manifests *found);

#endif
