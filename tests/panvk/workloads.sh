#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# workloads GENERATION [COUNT [SEED]]: compares the simulated kernel's op stream with the Vulkan
# calls of a program that binds and unbinds. Runs COUNT random workloads (default: 20) from SEED on
# (default: the time), 20 in a process.
#   25.0  the layer provides, on panthor with the sparse op and without
#   26.1  the layer assists, on panthor with the sparse op and without; the addresses of image
#         blocks must be those of 26.2 by itself
#   26.2  the op stream is the same without the layer and with VMBIND_MERGE=off; with joined binds
#         the mappings are the same

set -euo pipefail
cd "$(dirname "$0")/../.."

generation=$1
count=${2-20}
seed=${3-$(date +%s)}
program=build-arm64/tests/panvk/panvk_workload
check=tests/panvk/check_workload.py
ops=$(mktemp -d)
trap 'rm -rf "$ops"' EXIT
# Open files of the shader cache change the numbers of other file descriptors.
export MESA_SHADER_CACHE_DISABLE=true

# run GENERATION PANTHOR NAME WORKLOAD...
run() {
	local generation=$1 panthor=$2 name=$3
	shift 3
	scripts/panvk --cached "$generation" --panthor "$panthor" ${no_layer:+--no-layer} \
		--ops "$ops/$name" "$program" "$@"
}

compare() {
	case $generation in
	25.0)
		run 25.0 1.9 provide "$@"
		run 25.0 1.8 provide-1.8 "$@"
		"$check" --same "$ops"/provide "$ops"/provide-1.8
		;;
	26.1)
		run 26.1 1.9 assist "$@"
		run 26.1 1.8 assist-1.8 "$@"
		run 26.2 1.9 native "$@"
		"$check" --same "$ops"/native "$ops"/assist "$ops"/assist-1.8
		;;
	26.2)
		for panthor in 1.8 1.9; do
			VMBIND_MERGE=off run 26.2 "$panthor" with "$@"
			no_layer=true run 26.2 "$panthor" without "$@"
			cmp "$ops"/without "$ops"/with
			run 26.2 "$panthor" joined "$@"
			"$check" --same "$ops"/without "$ops"/joined
		done
		;;
	esac
}

echo "seeds from $seed"
compare single
for name in provide assist; do
	[[ ! -e $ops/$name ]] || "$check" --single "$ops/$name"
done
for ((first = seed; first < seed + count; first += 20)); do
	last=$((first + 19 < seed + count ? first + 19 : seed + count - 1))
	# shellcheck disable=SC2046
	compare $(seq "$first" "$last")
done
