#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs the benchmarks on the lavapipe of the system, which the layer provides sparse resources for,
# on a newer one, which has sparse resources of its own to compare with (scripts/newer-lavapipe), on
# panvk, of which build-arm64 has the programs, and on Venus in a guest (tests/qemu/run.py). ./run
# bench builds, and calls this.
#
#   tests/bench/run.sh BUILD [SECTION...]    sections: mmap plan tap calls; driver native; panvk;
#                                            virtgpu
set -euo pipefail

if [[ $# -lt 1 ]]; then
	echo "usage: tests/bench/run.sh BUILD [SECTION...]" >&2
	exit 2
fi
build=$(cd "$1" && pwd)
shift
for section; do
	case $section in
	mmap | plan | tap | calls | driver | native | panvk | virtgpu) ;;
	*)
		echo "tests/bench/run.sh: there is no section $section" >&2
		exit 2
		;;
	esac
done
cd "$(dirname "$0")/../.."

# Only what the benchmarks themselves set.
unset ENABLE_VMBIND_SPARSE DISABLE_VMBIND_SPARSE VMBIND_ROUTE VMBIND_STATS VMBIND_TRACE VMBIND_LOG
export VK_ADD_LAYER_PATH=$build/manifest VK_INSTANCE_LAYERS=VK_LAYER_VMBIND_sparse NODEVICE_SELECT=1
bench=$build/tests/bench/vmbind-bench

# wanted SECTION...: whether the command line names one of them, or none at all.
sections=("$@")
wanted() {
	local section
	[[ ${#sections[@]} -gt 0 ]] || return 0
	for section; do
		[[ " ${sections[*]} " != *" $section "* ]] || return 0
	done
	return 1
}

if wanted mmap plan tap calls; then
	drivers=(/usr/share/vulkan/icd.d/lvp_icd*.json)
	# The loader knew the driver's variable by its second name at first.
	VK_DRIVER_FILES=${drivers[0]} VK_ICD_FILENAMES=${drivers[0]} "$bench" "$@"
fi
if wanted driver native; then
	scripts/newer-lavapipe "$bench" "$@"
fi
if wanted panvk; then
	tests/bench/panvk.sh
fi
if wanted virtgpu; then
	printf '\nVenus in a guest with virtio-gpu, with and without the layer\n'
	# Without the packages it is skipped.
	tests/qemu/run.py virtgpu "$build" vulkan.cost || [[ $? -eq 77 ]]
fi
