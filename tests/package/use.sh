#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Inside a clean root: installs, uses and removes the packages of /srv/built/ARCHITECTURE, those of
# the machine's own and of a foreign architecture. scripts/package runs it.
#
#   tests/package/use.sh NATIVE FOREIGN

set -euo pipefail
shopt -s nullglob

native=$1 foreign=$2
layer=vulkan-layer-vmbind
failures=0

# check NAME COMMAND...
check() {
	local name=$1
	shift
	if "$@"; then
		echo "ok      $name"
	else
		echo "NOT OK  $name"
		failures=$((failures + 1))
	fi
}

# debs ARCHITECTURE: those of users, which are all but the debugging symbols.
debs() {
	find "/srv/built/$1" -name '*.deb' ! -name '*-dbgsym_*'
}

# All files, but for caches and what apt and dpkg keep for themselves.
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

# Position-independent and protected, as dpkg-buildflags(1) has it with hardening=+all.
is_hardened() {
	local file=$1 lacks=()
	local header program dynamic symbols
	header=$(readelf -hW "$file")
	program=$(readelf -lW "$file")
	dynamic=$(readelf -dW "$file")
	symbols=$(readelf --dyn-syms -W "$file")
	grep -q 'Type: *DYN' <<<"$header" || lacks+=("position independence")
	grep -q GNU_RELRO <<<"$program" || lacks+=(RELRO)
	grep -qE 'GNU_STACK .* RW ' <<<"$program" || lacks+=("a stack that is not executable")
	grep -qE '\(FLAGS(_1)?\).*NOW' <<<"$dynamic" || lacks+=("binding at once")
	! grep -qE '\((RPATH|RUNPATH)\)' <<<"$dynamic" || lacks+=("freedom from RPATH")
	! grep -q TEXTREL <<<"$dynamic" || lacks+=("freedom from text relocations")
	# The helper has no buffers to protect.
	if [[ $file != */vmbind-map-helper ]]; then
		grep -q __stack_chk_fail <<<"$symbols" || lacks+=("a stack protector")
		grep -qE ' __[a-z]+_chk(@|$)' <<<"$symbols" || lacks+=("fortified functions")
	fi
	[[ ${#lacks[@]} -eq 0 ]] || { (IFS=';' && echo "$file has no ${lacks[*]}") && return 1; }
}

# as_user VAR=VALUE... COMMAND...
as_user() {
	setpriv --reuid=1000 --regid=1000 --clear-groups env -i PATH="$PATH" HOME=/nonexistent "$@"
}

drivers=$(printf '%s:' /usr/share/vulkan/icd.d/lvp_icd*.json)

# tells ARCHITECTURE TEXT [VAR=VALUE...]: the demo, of the layer. What else it has to show takes
# more addresses than 32 bits have.
tells() {
	as_user VK_DRIVER_FILES="$drivers" VK_ICD_FILENAMES="$drivers" "${@:3}" \
		"/srv/built/$1/vmbind-demo" >/srv/log 2>&1 || true
	grep -qF "Layer:  VK_LAYER_VMBIND_sparse is $2" /srv/log
}

# binds ARCHITECTURE: the tests of binding, on the layer that is installed.
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

# Both architectures beside each other. dpkg refuses two that share a file which is not the same in
# both.
list_files >/srv/before
mapfile -t own < <(debs "$native")
mapfile -t foreign_debs < <(debs "$foreign" | grep "/${layer}_")
check "installs" apt_get install "${own[@]}"
list_files >/srv/installed
comm -13 /srv/before /srv/installed | sed 's/^/        /'
check "installs for $foreign beside" apt_get install "${foreign_debs[@]}"
packages=("$layer:$foreign")
for deb in "${own[@]}"; do
	packages+=("$(dpkg-deb -f "$deb" Package):$native")
done
mapfile -t elf < <(elf_files "${packages[@]}")
check "has a library for each" test \
	"$(printf '%s\n' "${elf[@]}" | grep -c /libVkLayer_VMBIND_sparse.so)" -eq 2
for file in "${elf[@]}"; do
	check "$file is hardened" is_hardened "$file"
done
for architecture in "$native" "$foreign"; do
	check "programs for $architecture do not have the layer" tells "$architecture" "NOT active"
	check "but with ENABLE_VMBIND_SPARSE=1" tells "$architecture" active ENABLE_VMBIND_SPARSE=1
	check "and it binds" binds "$architecture"
done
check "is removed" apt_get purge "${packages[@]}"
list_files >/srv/after
check "and leaves nothing" diff /srv/before /srv/after

check "lintian finds nothing" setpriv --reuid=1000 --regid=1000 --clear-groups \
	lintian --display-info --pedantic --fail-on error,warning "/srv/built/$native"/*.changes

# Unpacks the source, installs the packages by itself and runs debian/tests.
autopkgtest_passes() {
	autopkgtest --no-built-binaries "${own[@]}" "/srv/built/$native"/*.dsc -- null \
		>/srv/log 2>&1 || { cat /srv/log && return 1; }
	grep -E '^[^ ]+ +PASS' /srv/log | sort -u
}
cd /srv
check "autopkgtest" autopkgtest_passes

if [[ $failures -gt 0 ]]; then
	echo "$failures failed"
	exit 1
fi
