#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds test_uapi.c with include/uapi/ and with the kernel headers that scripts/kernel-headers has
# fetched, and compares what the two programs print. Exit status 77: no such headers are there.
#
#   test_uapi_run.sh CC DIRECTORY    the compiler, and the directory for the programs

set -euo pipefail
[[ $# -eq 2 ]] || exit 2
cc=("$1" -std=c11 -Wall -Wextra -Werror) directory=$2
source=$(cd "$(dirname "$0")/../.." && pwd)

include=$("$source/scripts/kernel-headers" --cached) || exit
# linux/types.h needs the headers of an architecture. DRM's interface is the same on all of them.
asm=$include/$("$1" -dumpmachine | sed 's/-pc-/-/; s/-unknown-/-/')
"${cc[@]}" -I "$source/include" "$source/tests/unit/test_uapi.c" -o "$directory/uapi_ours"
"${cc[@]}" -DKERNEL_HEADERS -isystem "$include" -isystem "$asm" "$source/tests/unit/test_uapi.c" \
	-o "$directory/uapi_kernel"
"$directory/uapi_ours" >"$directory/uapi_ours.txt"
"$directory/uapi_kernel" >"$directory/uapi_kernel.txt"
diff -u "$directory/uapi_ours.txt" "$directory/uapi_kernel.txt"
echo "$(wc -l <"$directory/uapi_ours.txt") lines, the same as in $include"
