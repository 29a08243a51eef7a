#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs the benchmarks. ./run bench builds, and calls this script. The drivers are:
#   - the system's lavapipe, on the provide route
#   - a newer lavapipe with sparse resources of its own (scripts/newer-lavapipe), for comparison
#   - panvk, with the programs of build-arm64
#   - Venus in a guest (tests/qemu/run.py)
#
#   tests/bench/run.sh BUILD [SECTION...]    sections: mmap order plan tap calls; driver native
#                                            merge; replay; panvk; virtgpu
set -euo pipefail

if [[ $# -lt 1 ]]; then
	echo "usage: tests/bench/run.sh BUILD [SECTION...]" >&2
	exit 2
fi
build=$(cd "$1" && pwd)
shift
for section; do
	case $section in
	mmap | order | plan | tap | calls | driver | native | merge | replay | panvk | virtgpu) ;;
	*)
		echo "tests/bench/run.sh: unknown section '$section'" >&2
		exit 2
		;;
	esac
done
cd "$(dirname "$0")/../.."

# The benchmarks choose the layer's settings themselves.
unset ENABLE_VMBIND_SPARSE DISABLE_VMBIND_SPARSE VMBIND_ROUTE VMBIND_STATS VMBIND_TRACE VMBIND_LOG
export VK_ADD_LAYER_PATH=$build/manifest VK_INSTANCE_LAYERS=VK_LAYER_VMBIND_sparse NODEVICE_SELECT=1
bench=$build/tests/bench/vmbind-bench

# is_selected SECTION...: whether the command line names one of these sections, or no section.
sections=("$@")
is_selected() {
	local section
	[[ ${#sections[@]} -gt 0 ]] || return 0
	for section; do
		[[ " ${sections[*]} " != *" $section "* ]] || return 0
	done
	return 1
}

if is_selected mmap order plan tap calls; then
	drivers=(/usr/share/vulkan/icd.d/lvp_icd*.json)
	# Loaders before 1.3.207 read VK_ICD_FILENAMES only.
	VK_DRIVER_FILES=${drivers[0]} VK_ICD_FILENAMES=${drivers[0]} "$bench" "$@"
fi
if is_selected driver native merge; then
	scripts/newer-lavapipe "$bench" "$@"
fi
if is_selected replay; then
	printf '\n## A frame of tiled textures, on drivers without their GPU\n\n'
	for driver in radv nvk honeykrisp; do
		# Exit status 77: the drivers do not run on this machine.
		scripts/native "$driver" --build "$build" "$build/tests/bench/native_replay" ||
			[[ $? -eq 77 ]]
	done
fi
if is_selected panvk; then
	tests/bench/panvk.sh
fi
if is_selected virtgpu; then
	printf '\nVenus in a guest with virtio-gpu, with and without the layer\n'
	# Exit status 77: the packages are missing, and the benchmark is skipped.
	tests/qemu/run.py virtgpu "$build" vulkan.cost || [[ $? -eq 77 ]]
fi
