#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds the layer and the programs of tests/icd for i386, and runs the programs on i386 lavapipe,
# as Steam's 32-bit games would. The driver and its libraries are unpacked beside the system.
#
#   tests/i386/run.sh DIRECTORY     builds in DIRECTORY
#
# Exit status 77 means skipped: the packages cannot be fetched.

set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$1
libraries=$("$root/scripts/suite-unpack" --with-deps bookworm i386 i386-lavapipe \
	mesa-vulkan-drivers libvulkan-dev libvulkan1 libcmocka-dev libc6-dev) || {
	echo "skipped: the i386 packages cannot be fetched"
	exit 77
}
. "$root/tests/check.sh"

programs=$(sed -n 's/^icd_program(\([a-z_]*\).*/\1/p' "$root/tests/icd/CMakeLists.txt")
cmake -S "$root" -B "$build" -G Ninja --toolchain "$root/cmake/i386-linux-gnu.cmake" \
	-DVMBIND_I386_ROOT="$libraries" -DVMBIND_WERROR=ON -DVMBIND_TOOLS=OFF -DVMBIND_DEMO=OFF \
	>"$build.log"
# shellcheck disable=SC2086 # a list of words
cmake --build "$build" --target vmbind_layer vmbind_map_helper $(printf 'icd_%s ' $programs) \
	>>"$build.log"

driver=("$libraries"/usr/lib/*/libvulkan_lvp.so)
"$root/scripts/driver-manifest" "$build/lvp_icd.json" "${driver[0]}" 1.3.0
export VK_DRIVER_FILES=$build/lvp_icd.json VK_ICD_FILENAMES=$build/lvp_icd.json
export VK_ADD_LAYER_PATH=$build/manifest VK_INSTANCE_LAYERS=VK_LAYER_VMBIND_sparse
export NODEVICE_SELECT=1 VMBIND_LAYER_LIBRARY=$build/layer/libVkLayer_VMBIND_sparse.so

# An unpacked program needs the unpacked dynamic linker.
run() {
	"$libraries/lib/i386-linux-gnu/ld-linux.so.2" --library-path \
		"$libraries/lib/i386-linux-gnu:$libraries/usr/lib/i386-linux-gnu" "$@"
}
passes() {
	local status=0
	run "$build/tests/icd/icd_$1" >"$build/icd_$1.log" 2>&1 || status=$?
	[[ $status -eq 0 || $status -eq 77 ]] || {
		tail -n 30 "$build/icd_$1.log"
		return 1
	}
}
for program in $programs; do
	check "icd_$program on i386" passes "$program"
done
exit "$failures"
