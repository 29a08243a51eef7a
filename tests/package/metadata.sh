#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Compares facts in debian/ and CHANGELOG.md with the rest of the tree.
#
#   tests/package/metadata.sh VERSION     VERSION is the project version in CMake

set -euo pipefail

cd "$(dirname "$0")/../.."
failures=0

# same WHAT FOUND EXPECTED
same() {
	[[ $2 == "$3" ]] && return
	echo "$1: $2, expected $3"
	failures=$((failures + 1))
}

same "version of debian/changelog" "$(sed -n '1s/^vmbind (\(.*\)) .*/\1/p' debian/changelog)" "$1"
same "newest version of CHANGELOG.md" \
	"$(sed -n 's/^## \[\([0-9][^]]*\)\].*/\1/p' CHANGELOG.md | head -n 1)" "$1"
same "version of README.md" "$(sed -n 's/^Version \([0-9.]*[0-9]\)\..*/\1/p' README.md)" "$1"
same "version of vmbind.spec" "$(sed -n 's/^Version: *//p' packaging/rpm/vmbind.spec)" "$1"
same "version of PKGBUILD" "$(sed -n 's/^pkgver=//p' packaging/arch/PKGBUILD)" "$1"
same "oldest libvulkan-dev of debian/control" \
	"$(sed -n 's/^ libvulkan-dev (>= \(.*\)),$/\1/p' debian/control)" \
	"$(sed -n 's/.*Vulkan headers (\(1[0-9.]*\) or newer).*/\1/p' docs/packaging.md)"

# debian/copyright names the directory of each file with a license other than MIT.
while read -r file; do
	same "$file is in debian/copyright" "$(grep -cxF "Files: ${file%/*}/*" debian/copyright)" 1
done < <(find . \( -path './build*' -o -path './.?*' \) -prune -o -type f -print | cut -c 3- |
	xargs -d '\n' grep -lE 'SPDX-License-Identifier: *[A-Z]' |
		xargs -d '\n' grep -LE 'SPDX-License-Identifier: *MIT')
[[ $failures -eq 0 ]]
