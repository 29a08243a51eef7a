# SPDX-License-Identifier: MIT
#
# Cross builds for arm64 with Debian's compiler (packages gcc-aarch64-linux-gnu,
# libc6-dev-arm64-cross). ./run arm64 does the following steps:
#
#   scripts/suite-unpack bookworm arm64 arm64-libraries libvulkan-dev libvulkan1 \
#     libcmocka-dev libcmocka0 libjson-c-dev libjson-c5
#   cmake --preset arm64 -DVMBIND_ARM64_ROOT=DIR
#
# The first command prints DIR. Without VMBIND_ARM64_ROOT the build uses the system's libraries
# (multiarch: libvulkan-dev:arm64, libcmocka-dev:arm64, libjson-c-dev:arm64). The layer alone needs
# no libraries: -DVMBIND_CHECK=OFF -DVMBIND_TESTS=OFF -DVMBIND_DEMO=OFF.

set(VMBIND_ARM64_ROOT "" CACHE PATH
	"Directory of unpacked arm64 packages; empty: the system's own libraries")

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(CMAKE_FIND_ROOT_PATH ${VMBIND_ARM64_ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
# The headers of Vulkan and SPIR-V are the same on all architectures: the build machine's will do.
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE BOTH)
