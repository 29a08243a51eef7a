#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/bench/panvk.sh: prints Markdown tables of the VM_BIND ops and of the layer's time, on each
# generation of panvk over the simulated kernel, with the layer and without. The script needs
# build-arm64 and the drivers' packages. If some are missing, it logs them and omits their tables.

set -euo pipefail
cd "$(dirname "$0")/../.."

unset VMBIND_ROUTE VMBIND_STATS VMBIND_TRACE VMBIND_LOG VMBIND_SIM_PANTHOR VMBIND_SIM_OPS \
	VMBIND_SIM_FAULT

ops=$(mktemp -d)
trap 'rm -rf "$ops"' EXIT

# workload GENERATION PANTHOR NAME [OPTION...]
workload() {
	local generation=$1 panthor=$2 name=$3
	shift 3
	scripts/panvk --cached "$generation" --panthor "$panthor" "$@" \
		--ops "$ops/$generation-$panthor-$name" \
		build-arm64/tests/panvk/panvk_workload table
}

# Runs the workload with the layer and without it at the same time.
workloads() {
	local generation=$1 panthor without
	for panthor in 1.8 1.9; do
		workload "$generation" "$panthor" without --no-layer &
		without=$!
		workload "$generation" "$panthor" with
		wait "$without"
	done
}

table() {
	cat <<-'END'
		### VM_BIND ops / ioctls of single Vulkan calls

		"wrong range": an op outside of the resource, or over a part of it only.

	END
	tests/bench/panvk_table.py "$ops"
}

# The assist route only.
share() {
	cat <<-'END'
		### The layer's time in vkQueueBindSparse, panvk 26.1 on panthor 1.9

		Processor time of the calling thread under qemu-user, which slows all code alike.
		Medians of 11 rounds; devices with the layer and without it take turns. In
		parentheses: the time without the ioctls, since the kernel is simulated. The layer's
		time is the time of the call less the time that the driver alone takes for the same
		ops, without the ioctls. The target is for the layer's share of the whole time.

	END
	scripts/panvk --cached 26.1 --panthor 1.9 build-arm64/tests/bench/panvk_bind
}

if [[ ! -x build-arm64/tests/bench/panvk_bind ]]; then
	echo "bench: skipping panvk: build-arm64 is missing (./run arm64 builds it)" >&2
	exit
fi
versions=()
for generation in 25.0 26.1 26.2; do
	if ! root=$(scripts/panvk "$generation"); then
		echo "bench: skipping panvk $generation: cannot fetch its packages" >&2
		continue
	fi
	versions+=("$(zcat "$root/usr/share/doc/mesa-vulkan-drivers/changelog.Debian.gz" |
		sed -n '1s/.*(\(.*\)).*/\1/p')")
	workloads "$generation"
done
[[ ${#versions[@]} -gt 0 ]] || exit 0

printf '## panvk over a simulated kernel\n\n'
printf 'Mesa %s, for arm64.\n\n' "$(printf '%s, ' "${versions[@]}" | sed 's/, $//')"
table
[[ " ${versions[*]}" != *" 26.1"* ]] || share
