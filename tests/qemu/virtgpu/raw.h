/* SPDX-License-Identifier: MIT */
#ifndef VMB_TEST_QEMU_RAW_H
#define VMB_TEST_QEMU_RAW_H

#include "gpu.h"
#include "process.h"
#include "report.h"

/*
 * The cases of vmbind-vm-raw, named as the program's argument. The cases report results;
 * tests/qemu/cases_virtgpu.py compares them with the expected ones.
 */

#define RAW_DEFER DRM_VIRTGPU_BLOB_FLAG_HINT_DEFER_MAPPING
/* Number of blobs that the cases create at most: more than hostmem has room for. */
#define RAW_BLOBS 24
/* The helper's path in the guest. */
#define RAW_HELPER "/vmbind/vmbind-map-helper"

/* The life of one blob: plain (a request without blob_hints), eager (blob_hints 0), deferred. */
void raw_life_plain(void);
void raw_life_eager(void);
void raw_life_deferred(void);
/* The number of blobs that fit into hostmem. */
void raw_fit_eager(void);
void raw_fit_deferred(void);
/* The accepted requests, and whether their blobs are deferred. */
void raw_requests(void);
/* Blobs with a blob_id that the host refuses. */
void raw_refused(void);
/* Deferred blobs that are mapped later, then again, and by another process. */
void raw_late(void);
/* The first mapping of a deferred blob on a full hostmem. */
void raw_full(void);
/* A blocked helper, after the test frees room without the layer. */
void raw_patient(void);
/* A blocked helper whose application is killed; blind: the helper cannot probe for room. */
void raw_orphan(void);
void raw_orphan_blind(void);
/* The readable files in /proc of a blocked helper. */
void raw_look(void);
/* A helper of a blob whose handle is closed. */
void raw_close(void);
/* The import of a blob by another DRM device. */
void raw_import(void);

#endif
