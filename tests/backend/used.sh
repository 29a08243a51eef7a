#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# used.sh PROGRAM: runs a program of icd/. Fails unless the statistics name the test backend, its
# reason, and ops.

set -euo pipefail
statistics=$(mktemp)
trap 'rm -f "$statistics"' EXIT

VMBIND_STATS=$statistics "$1"
for member in '"kernel_driver":"files"' '"reason":"the test suite added a backend"' \
	'"map_ops":[1-9]'; do
	grep -q "$member" "$statistics" || {
		echo "used.sh: no $member in the statistics" >&2
		exit 1
	}
done
