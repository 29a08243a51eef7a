#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Inside a clean root: installs, uses and removes the packages of /srv/built/ARCHITECTURE, for the
# native and a foreign architecture. scripts/package runs this script.
#
#   tests/package/use.sh NATIVE FOREIGN

set -euo pipefail
shopt -s nullglob

native=$1 foreign=$2
layer=vulkan-layer-vmbind
. "$(dirname "$0")/../check.sh"

# debs ARCHITECTURE: prints the packages without those of debugging symbols.
debs() {
	find "/srv/built/$1" -name '*.deb' ! -name '*-dbgsym_*'
}

# Prints all files except caches and the files of apt and dpkg.
list_files() {
	find / \( -path /proc -o -path /sys -o -path /dev -o -path /srv -o -path /tmp \
		-o -path /var/log -o -path /var/cache \
		-o -path /var/lib/apt -o -path /var/lib/dpkg \) -prune \
		-o -type d -printf '%y %m %u %g %p\n' -o -printf '%y %m %u %g %s %l %p\n' | sort
}

elf_files() {
	local file
	dpkg -L "$@" | sort -u | while read -r file; do
		if [[ -f $file && $(head -c 4 "$file" | tr -d '\0') == $'\x7fELF' ]]; then
			echo "$file"
		fi
	done
}

# Checks for the protections of dpkg-buildflags(1) with hardening=+all.
is_hardened() {
	local file=$1 faults=()
	local header program dynamic symbols
	header=$(readelf -hW "$file")
	program=$(readelf -lW "$file")
	dynamic=$(readelf -dW "$file")
	symbols=$(readelf --dyn-syms -W "$file")
	grep -q 'Type: *DYN' <<<"$header" || faults+=("not position-independent")
	grep -q GNU_RELRO <<<"$program" || faults+=("no RELRO")
	grep -qE 'GNU_STACK .* RW ' <<<"$program" || faults+=("executable stack")
	grep -qE '\(FLAGS(_1)?\).*NOW' <<<"$dynamic" || faults+=("lazy binding")
	! grep -qE '\((RPATH|RUNPATH)\)' <<<"$dynamic" || faults+=("RPATH")
	! grep -q TEXTREL <<<"$dynamic" || faults+=("text relocations")
	# The helper has no buffers to protect.
	if [[ $file != */vmbind-map-helper ]]; then
		grep -q __stack_chk_fail <<<"$symbols" || faults+=("no stack protector")
		grep -qE ' __[a-z]+_chk(@|$)' <<<"$symbols" || faults+=("no fortified functions")
	fi
	[[ ${#faults[@]} -eq 0 ]] || { (IFS=';' && echo "$file: ${faults[*]}") && return 1; }
}

# as_user VAR=VALUE... COMMAND...
as_user() {
	setpriv --reuid=1000 --regid=1000 --clear-groups env -i PATH="$PATH" HOME=/nonexistent "$@"
}

drivers=$(printf '%s:' /usr/share/vulkan/icd.d/lvp_icd*.json)

# reports ARCHITECTURE TEXT [VAR=VALUE...]: the demo reports the layer as TEXT. The exit status is
# ignored, because the rest of the demo needs a 64-bit address space.
reports() {
	as_user VK_DRIVER_FILES="$drivers" VK_ICD_FILENAMES="$drivers" "${@:3}" \
		"/srv/built/$1/vmbind-demo" >/srv/log 2>&1 || true
	grep -qF "Layer:  VK_LAYER_VMBIND_sparse is $2" /srv/log
}

# binds ARCHITECTURE: runs icd_bind with the installed layer.
binds() {
	if ! as_user VK_DRIVER_FILES="$drivers" VK_ICD_FILENAMES="$drivers" ENABLE_VMBIND_SPARSE=1 \
		VMBIND_ROUTE=provide \
		"/srv/built/$1/icd_bind" >/srv/log 2>&1; then
		tail -n 20 /srv/log
		return 1
	fi
}

apt_get() {
	if ! env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends "$@" \
		>/srv/log 2>&1; then
		cat /srv/log
		return 1
	fi
}

# Installs both architectures at once. dpkg refuses packages with different contents of a shared
# file.
list_files >/srv/before
mapfile -t own < <(debs "$native")
mapfile -t foreign_debs < <(debs "$foreign" | grep "/${layer}_")
check "the $native packages install" apt_get install "${own[@]}"
list_files >/srv/installed
comm -13 /srv/before /srv/installed | sed 's/^/        /'
check "the $foreign package installs beside them" apt_get install "${foreign_debs[@]}"
packages=("$layer:$foreign")
for deb in "${own[@]}"; do
	packages+=("$(dpkg-deb -f "$deb" Package):$native")
done
mapfile -t elf < <(elf_files "${packages[@]}")
check "both architectures have a library" test \
	"$(printf '%s\n' "${elf[@]}" | grep -c /libVkLayer_VMBIND_sparse.so)" -eq 2
for file in "${elf[@]}"; do
	check "$file is hardened" is_hardened "$file"
done
for architecture in "$native" "$foreign"; do
	check "$architecture: the layer is off by default" reports "$architecture" "NOT active"
	check "$architecture: the layer is on with ENABLE_VMBIND_SPARSE=1" \
		reports "$architecture" active ENABLE_VMBIND_SPARSE=1
	check "$architecture: sparse binding works" binds "$architecture"
done
check "the packages are removed" apt_get purge "${packages[@]}"
list_files >/srv/after
check "the removal leaves no files" diff /srv/before /srv/after

check "lintian finds nothing" setpriv --reuid=1000 --regid=1000 --clear-groups \
	lintian --display-info --pedantic --fail-on error,warning "/srv/built/$native"/*.changes

# autopkgtest unpacks the source, installs the packages and runs debian/tests.
autopkgtest_passes() {
	autopkgtest --no-built-binaries "${own[@]}" "/srv/built/$native"/*.dsc -- null \
		>/srv/log 2>&1 || { cat /srv/log && return 1; }
	grep -E '^[^ ]+ +PASS' /srv/log | sort -u
}
cd /srv
check "autopkgtest passes" autopkgtest_passes

if [[ $failures -gt 0 ]]; then
	echo "$failures failed"
	exit 1
fi
