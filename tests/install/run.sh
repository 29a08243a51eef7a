#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs a build into a temporary prefix and enables the layer in every way that the manifests
# support.
#
#   tests/install/run.sh BUILD                      on the system's loader
#   tests/install/run.sh BUILD NEWEST_LOADER...     runs vulkaninfo with the command
#                                                   NEWEST_LOADER, for example
#                                                   scripts/newest-loader --cached; its exit
#                                                   status 77 skips the test

set -euo pipefail

build=$1
runner=("${@:2}")
source=$(cd "$(dirname "$0")/../.." && pwd)
layer=VK_LAYER_VMBIND_sparse
library=lib$(sed s/VK_LAYER_/VkLayer_/ <<<$layer).so
manifest=VkLayer_VMBIND_sparse.json
drivers=(/usr/share/vulkan/icd.d/lvp_icd*.json)

if [[ ${#runner[@]} -gt 0 ]]; then
	status=0
	"${runner[@]}" true || status=$?
	[[ $status -ne 77 ]] || exit 77
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
. "$source/tests/check.sh"

# vulkaninfo_in PREFIX [VAR=VALUE...]: runs vulkaninfo with a clean environment and only the layers
# of the prefix. The report goes to $scratch/out, the loader's log to $scratch/err.
vulkaninfo_in() {
	local prefix=$1
	shift
	env -i PATH="$PATH" HOME="$scratch/home" XDG_CACHE_HOME="${XDG_CACHE_HOME:-$HOME/.cache}" \
		LD_LIBRARY_PATH="$prefix/lib" XDG_DATA_DIRS="$prefix/share" \
		VK_DRIVER_FILES="${drivers[0]}" VK_ICD_FILENAMES="${drivers[0]}" \
		VK_LOADER_DEBUG=error,warn,layer "$@" \
		"${runner[@]}" vulkaninfo >"$scratch/out" 2>"$scratch/err"
}

# Prints how often the layer is in the loader's chain: one number for each instance, without
# duplicates.
times_loaded() {
	awk -v layer=$layer '
		/vkCreateInstance layer callstack/ { inside = 1; count = 0 }
		inside && $NF == layer { count++ }
		inside && /<Drivers>/ { print count; inside = 0 }
	' "$scratch/err" | sort -u
}

# Prints the reported sparseBinding. Without the layer lavapipe 22.3 reports false.
sparse_binding() {
	awk '$1 == "sparseBinding" { print $3; exit }' "$scratch/out"
}

# state PREFIX EXPECTED [VAR=VALUE...]: EXPECTED is on, off (not loaded) or inert (without effect,
# loaded or not).
state() {
	local prefix=$1 expected=$2
	shift 2
	if ! vulkaninfo_in "$prefix" "$@"; then
		echo "vulkaninfo failed:"
		tail -n 5 "$scratch/err"
		return 1
	fi
	local times sparse
	times=$(times_loaded)
	sparse=$(sparse_binding)
	case $expected in
	on) [[ $times == 1 && $sparse == true ]] && return ;;
	off) [[ $times == 0 && $sparse == false ]] && return ;;
	inert) [[ $times =~ ^[01]$ && $sparse == false ]] && return ;;
	esac
	echo "expected $expected; in the chain ${times:-(not printed)} times," \
		"sparseBinding is ${sparse:-(not printed)}"
	grep -E '^(ERROR|WARNING)' "$scratch/err" | head -n 5 || true
	return 1
}

has_text() {
	grep -qF -- "$2" "$1"
}

lacks_text() {
	! grep -qF -- "$2" "$1"
}

exports_one_symbol() {
	local symbols
	symbols=$(nm -D --defined-only "$1" | awk '{ print $NF }')
	[[ $symbols == vkNegotiateLoaderLayerInterfaceVersion ]] || { echo "$symbols" && return 1; }
}

needs_only_libc() {
	local others
	others=$(readelf -d "$1" | awk -F '[][]' '/NEEDED/ { print $2 }' |
		grep -vE '^(libc\.so\.|libdrm\.so\.|ld-linux)') || return 0
	echo "$others"
	return 1
}

# Runs the helper program at the path that is compiled into the library.
finds_helper() {
	local helper
	helper=$(dirname "$1")/$(grep -ao '[./a-z0-9_-]*/vmbind-map-helper' "$1" | head -n 1)
	[[ -x $helper ]] && "$helper" <>"$scratch/page" && ! "$helper" </dev/null ||
		{ echo "$helper" && return 1; }
}

# The library of the build tree contains no path to a helper of another directory.
finds_helper_beside_only() {
	! grep -aqo '[./a-z0-9_-]*/vmbind-map-helper' "$1" &&
		[[ -x $(dirname "$1")/vmbind-map-helper ]]
}

# Without the feature virtgpu.
has_no_helper() {
	lacks_text "$1" vmbind-map-helper &&
		[[ -z $(find "$prefix" "$build/layer" -name vmbind-map-helper) ]]
}

mkdir "$scratch/home"
head -c 4096 /dev/zero >"$scratch/page"

# As configured.
prefix=$scratch/prefix
cmake --install "$build" --prefix "$prefix" >/dev/null
installed=$(find "$prefix" -name "$library")
check "the library is installed once" test "$(wc -l <<<"$installed")" -eq 1 -a -n "$installed"
[[ $installed == "$prefix/lib/$library" ]] ||
	{ mkdir -p "$prefix/lib" && cp "$installed" "$prefix/lib/"; }
check "the library exports one function" exports_one_symbol "$installed"
check "the library needs only libc and libdrm" needs_only_libc "$installed"
virtgpu=$(sed -n 's/^VMBIND_VIRTGPU:BOOL=//p' "$build/CMakeCache.txt")
if [[ $virtgpu == ON ]]; then
	check "the library finds its helper program" finds_helper "$installed"
	check "the uninstalled library finds a helper beside it only" \
		finds_helper_beside_only "$build/layer/$library"
else
	check "no helper program is installed" has_no_helper "$installed"
fi
for kind in implicit explicit; do
	file=$prefix/share/vulkan/${kind}_layer.d/$manifest
	check "the $kind manifest names the bare library" has_text "$file" \
		"\"library_path\": \"$library\""
done
check "the build tree's manifest names its own library" \
	has_text "$build/manifest/$manifest" \
		"\"library_path\": \"$(cd "$build" && pwd)/layer/$library\""

# vmbind-info is installed, needs only libc and libdrm, and recommends ENABLE_VMBIND_SPARSE.
run_info() {
	env -i PATH="$PATH" HOME="$scratch/home" XDG_DATA_DIRS="$prefix/share" \
		LD_LIBRARY_PATH="$prefix/lib" \
		VK_DRIVER_FILES="${drivers[0]}" VK_ICD_FILENAMES="${drivers[0]}" "$@" \
		"$prefix/bin/vmbind-info" >"$scratch/info"
}
info_is_installed() {
	needs_only_libc "$prefix/bin/vmbind-info" && test -s "$prefix/share/man/man1/vmbind-info.1"
}
info_recommends_enabling() {
	run_info && has_text "$scratch/info" " ENABLE_VMBIND_SPARSE=1 COMMAND" &&
		run_info ENABLE_VMBIND_SPARSE=1 && has_text "$scratch/info" "$prefix/lib/$library"
}
check "vmbind-info and its manual page are installed" info_is_installed
check "vmbind-info reports how to enable the layer" \
	info_recommends_enabling
runs_residency() {
	"$prefix/bin/vmbind-residency" --help >/dev/null
}
check "vmbind-residency is installed" runs_residency
check "the manual page of vmbind-residency is installed" \
	test -s "$prefix/share/man/man1/vmbind-residency.1"

check "off with nothing set" state "$prefix" off
check "on with ENABLE_VMBIND_SPARSE=1" state "$prefix" on ENABLE_VMBIND_SPARSE=1
check "on with VK_INSTANCE_LAYERS" state "$prefix" on VK_INSTANCE_LAYERS=$layer
check "on, once, with both" state "$prefix" on ENABLE_VMBIND_SPARSE=1 VK_INSTANCE_LAYERS=$layer
check "off with ENABLE_ and DISABLE_VMBIND_SPARSE=1" state "$prefix" off ENABLE_VMBIND_SPARSE=1 \
	DISABLE_VMBIND_SPARSE=1
check "inert with VK_INSTANCE_LAYERS and DISABLE_VMBIND_SPARSE=1" \
	state "$prefix" inert VK_INSTANCE_LAYERS=$layer DISABLE_VMBIND_SPARSE=1
check "inert with all three" \
	state "$prefix" inert ENABLE_VMBIND_SPARSE=1 VK_INSTANCE_LAYERS=$layer \
		DISABLE_VMBIND_SPARSE=1

# A distribution's build: always on, with the library outside the linker's search path.
always=$scratch/always
headers=$(sed -n 's/^VMBIND_VULKAN_INCLUDE_DIR:[A-Z]*=//p' "$build/CMakeCache.txt")
cmake -S "$source" -B "$scratch/build" -G Ninja -DVMBIND_VULKAN_INCLUDE_DIR="$headers" \
	-DVMBIND_TESTS=OFF -DVMBIND_DEMO=OFF -DVMBIND_ALWAYS_ON=ON "-DVMBIND_VIRTGPU=$virtgpu" \
	-DCMAKE_INSTALL_LIBDIR=lib/vmbind -DVMBIND_MANIFEST_LIBRARY=../../../lib/vmbind/$library \
	>/dev/null
cmake --build "$scratch/build" >/dev/null
cmake --install "$scratch/build" --prefix "$always" >/dev/null
check "VMBIND_ALWAYS_ON omits enable_environment" \
	lacks_text "$always/share/vulkan/implicit_layer.d/$manifest" ENABLE_VMBIND_SPARSE
if [[ $virtgpu == ON ]]; then
	check "always on: the library finds its helper program" \
		finds_helper "$always/lib/vmbind/$library"
fi
check "always on: on with nothing set" state "$always" on
check "always on: once with VK_INSTANCE_LAYERS" state "$always" on VK_INSTANCE_LAYERS=$layer
check "always on: off with DISABLE_VMBIND_SPARSE=1" state "$always" off DISABLE_VMBIND_SPARSE=1

if [[ $failures -gt 0 ]]; then
	echo "$failures failed"
	exit 1
fi
