#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Checks that panvk presents a Mali GPU with the layer in the loader's chain and without it.
#
#   tests/panvk/vulkaninfo.sh GENERATION

set -euo pipefail

generation=$1
source=$(cd "$(dirname "$0")/../.." && pwd)
library=$source/build-arm64/layer/libVkLayer_VMBIND_sparse.so

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# summary [OPTION...]: writes vulkaninfo's summary to $scratch/out, and the loader's log of its
# layers to $scratch/err.
summary() {
	local status=0
	VK_LOADER_DEBUG=error,layer "$source/scripts/panvk" --cached "$generation" "$@" \
		vulkaninfo --summary \
		>"$scratch/out" 2>"$scratch/err" || status=$?
	[[ $status -ne 0 ]] || return 0
	cat "$scratch/err"
	exit "$status"
}

# expect DESCRIPTION COMMAND...
expect() {
	local description=$1
	shift
	"$@" && return
	echo "failed: $description"
	cat "$scratch/out" "$scratch/err"
	exit 1
}

in_chain() {
	grep -q "Library: .*$library" "$scratch/err"
}

not_in_chain() {
	! in_chain
}

is_mali() {
	grep -q 'deviceName .*= Mali-G610' "$scratch/out" &&
		grep -qF "= Mesa $generation." "$scratch/out"
}

summary
expect "with the layer, the device is panvk's Mali" is_mali
expect "the layer is in the chain" in_chain
summary --no-layer
expect "without the layer, the device is panvk's Mali" is_mali
expect "the layer is not in the chain" not_in_chain
