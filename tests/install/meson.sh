#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds and installs the layer with meson, and compares with CMake: the source files of both
# builds, the installed files, the manifests.
#
#   tests/install/meson.sh BUILD DIRECTORY    BUILD is a build with CMake

set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cmake_build=$1
rm -rf "$2"
mkdir -p "$2"
work=$(cd "$2" && pwd)
. "$root/tests/check.sh"

libdir=lib/$(gcc -print-multiarch)
meson setup "$work/build" "$root" --werror --prefix=/usr --libdir="$libdir" \
	--libexecdir="$libdir" >"$work/log"
ninja -C "$work/build" >>"$work/log"
DESTDIR=$work/meson meson install -C "$work/build" --no-rebuild >>"$work/log"
DESTDIR=$work/cmake cmake --install "$cmake_build" --prefix /usr >>"$work/log"

c_files() {
	grep -oE "[a-z_0-9/]+\.c\b" "$1" | sort -u
}
same_sources() {
	diff <(c_files "$root/layer/CMakeLists.txt") <(c_files "$root/layer/meson.build")
}
same_macros() {
	diff <(grep -ohE 'DVMB_[A-Z_]+' "$cmake_build/build.ninja" | grep -v DVMB_SIM | sort -u) \
		<(grep -ohE 'DVMB_[A-Z_]+' "$work/build/build.ninja" | sort -u)
}
# The files of the layer. CMake also installs the tools.
installed() {
	(cd "$work/$1/usr" && find . -type f | sed "s,/$libdir/,/lib/,; s,/libexec/,/lib/," |
		grep -vE '/bin/|/man/' | sort)
}
same_files() {
	diff <(installed cmake) <(installed meson)
}
same_manifests() {
	diff -r "$work/cmake/usr/share/vulkan" "$work/meson/usr/share/vulkan"
}
exports_one_function() {
	local functions
	functions=$(nm -D --defined-only "$work/meson/usr/$libdir/libVkLayer_VMBIND_sparse.so" |
		awk '$2 == "T" { print $3 }')
	[[ $functions == vkNegotiateLoaderLayerInterfaceVersion ]]
}

check "meson.build lists the files of CMakeLists.txt" same_sources
check "meson.build defines the macros of CMakeLists.txt" same_macros
check "meson installs the files that CMake installs" same_files
check "the manifests are the same" same_manifests
check "the library exports one function" exports_one_function
exit "$failures"
