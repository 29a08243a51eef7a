/* SPDX-License-Identifier: MIT */
#ifndef VMB_VIRTGPU_FEATURE_H
#define VMB_VIRTGPU_FEATURE_H

#include "vk/device.h"

/* Defers the mapping of blobs on virtio-gpu, on every route. */
extern const struct vmb_feature vmb_virtgpu_feature;

#endif
