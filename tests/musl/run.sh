#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds the layer, vmbind-info and the unit tests with the C library musl, and runs the unit tests.
# Debian has no cmocka for musl, so the script builds it from the source package.
#
#   tests/musl/run.sh DIRECTORY     builds in DIRECTORY
#
# Exit status 77 means skipped: the source package has not been fetched and cannot be.

set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd)
source=$("$root/scripts/suite-unpack" --source bookworm "$(dpkg --print-architecture)" \
	cmocka-source cmocka) || {
	echo "skipped: the source of cmocka cannot be fetched"
	exit 77
}

# The kernel's headers and those of Vulkan are the system's, after those of musl.
export CC=musl-gcc
export CFLAGS="-idirafter /usr/include -idirafter /usr/include/$(gcc -print-multiarch)"
mkdir -p "$build/include"
ln -sfn /usr/include/vulkan "$build/include/vulkan"
ln -sfn /usr/include/vk_video "$build/include/vk_video"
ln -sfn /usr/include/spirv "$build/include/spirv"

cmake -S "$source/source" -B "$build/cmocka" -G Ninja -DWITH_STATIC_LIB=ON \
	-DUNIT_TESTING=OFF -DWITH_EXAMPLES=OFF -DCMAKE_BUILD_TYPE=Release >"$build/cmocka.log" 2>&1
cmake --build "$build/cmocka" >>"$build/cmocka.log" 2>&1
library=$(find "$build/cmocka" -name "libcmocka*.a")

# The loader is for programs that this script does not build.
cmake -S "$root" -B "$build/layer" -G Ninja -DVMBIND_WERROR=ON -DVMBIND_DEMO=OFF \
	-DVMBIND_CHECK=OFF -DVMBIND_VULKAN_INCLUDE_DIR="$build/include" \
	-DVMBIND_SPIRV_INCLUDE_DIR="$build/include" \
	-DVMBIND_VULKAN_LIBRARY="/usr/lib/$(gcc -print-multiarch)/libvulkan.so" \
	-DVMBIND_CMOCKA_INCLUDE_DIR="$source/source/include" \
	-DVMBIND_CMOCKA_LIBRARY="$library"
cmake --build "$build/layer" --target vmbind_layer vmbind_layer_installed vmbind_map_helper \
	vmbind-info unit-tests
ctest --test-dir "$build/layer" --label-regex unit --output-on-failure
