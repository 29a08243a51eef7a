/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_VM_RAW_H
#define VMB_TEST_VM_RAW_H

#include "gpu.h"
#include "process.h"
#include "report.h"

/*
 * The cases of the program without Vulkan, by the names that it is called with. They report what
 * they see, and leave to the judge what should be.
 */

#define RAW_DEFER DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING
/* Blobs that the cases try to create, more than there is room for. */
#define RAW_BLOBS 24
/* Where the guest has it. */
#define RAW_HELPER "/vmbind/vmbind-map-helper"

/* One blob, from its creation to its end: plain (a request without hints), eager (hints 0),
 * deferred. */
void raw_life_plain(void);
void raw_life_eager(void);
void raw_life_deferred(void);
/* How many can be created. */
void raw_fit_eager(void);
void raw_fit_deferred(void);
/* What is accepted, and what comes of it. */
void raw_requests(void);
/* Blobs that the host has nothing for. */
void raw_refused(void);
/* Many deferred blobs, mapped later, again and again, and by another process. */
void raw_late(void);
/* The first mapping of a deferred blob while the window is full. */
void raw_full(void);
/* What becomes of a helper when there is room that the layer does not know of. */
void raw_patient(void);
/* What becomes of one when its application is killed; and if it cannot look for room. */
void raw_orphan(void);
void raw_orphan_blind(void);
/* What others can read of one that sleeps. */
void raw_look(void);
/* What becomes of it when the blob's handle is closed. */
void raw_close(void);
/* What another DRM device gets that imports a blob. */
void raw_import(void);

#endif
