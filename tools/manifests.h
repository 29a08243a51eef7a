/* SPDX-License-Identifier: MIT */
#ifndef VMB_MANIFESTS_H
#define VMB_MANIFESTS_H

#include <stddef.h>

/* Where the Vulkan loader looks for manifests on Linux (its documents LoaderDriverInterface.md and
 * LoaderLayerInterface.md): it does not tell which files it has found. */

enum vmb_manifest_kind {
	VMB_MANIFEST_DRIVER,
	VMB_MANIFEST_IMPLICIT_LAYER,
	VMB_MANIFEST_EXPLICIT_LAYER,
};

struct vmb_manifests {
	char **paths; /* each file once, in the loader's order; owned */
	size_t count;
};

/* Adds those of a kind; -ENOMEM. Directories and files that cannot be read are not there. */
int vmb_manifests_find(struct vmb_manifests *found, enum vmb_manifest_kind kind);
/* Leaves those that contain the text. */
void vmb_manifests_keep(struct vmb_manifests *found, const char *text);
/* Accepts a zeroed list. */
void vmb_manifests_finish(struct vmb_manifests *found);

#endif
