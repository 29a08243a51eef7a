#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Inside a clean root: builds the packages from /srv/vmbind into /srv/built. scripts/package runs
# this script.
#
#   tests/package/build.sh once|twice     twice: builds again in another environment and compares
#                                         the packages

set -euo pipefail

times=$1
source=/srv/vmbind
version=$(dpkg-parsechangelog -l "$source/debian/changelog" -S Version)

# build DIRECTORY USER UMASK [VAR=VALUE...]
build() {
	local directory=$1 user=$2 mask=$3
	shift 3
	mkdir -p "$directory"
	cp -a "$source" "$directory/vmbind-$version"
	chown -R "$user:$user" "$directory"
	if ! (cd "$directory/vmbind-$version" && umask "$mask" &&
		setpriv --reuid="$user" --regid="$user" --clear-groups env -i PATH="$PATH" \
			HOME=/nonexistent "$@" \
			dpkg-buildpackage --no-sign) >/srv/log 2>&1; then
		tail -n 150 /srv/log
		exit 1
	fi
}

build /srv/built 1000 0022 LC_ALL=C.UTF-8 TZ=UTC DEB_BUILD_OPTIONS=parallel=2
grep -aE '^[0-9]+% tests passed' /srv/log
cp /srv/built/vmbind-*/obj-*/demo/vmbind-demo /srv/built/vmbind-*/obj-*/tests/icd/icd_bind \
	/srv/built/
rm -r /srv/built/vmbind-*/
chown -R 0:0 /srv/built
[[ $times == twice ]] || exit 0

# The second build has another path, time, user, umask, locale and time zone, and runs no tests.
again=/srv/a/longer/path
build "$again" 2000 0077 LC_ALL=POSIX TZ=Pacific/Kiritimati DEB_BUILD_OPTIONS=nocheck \
	LANGUAGE=fr_FR USER=else
differences=0
for file in /srv/built/*.deb /srv/built/*.dsc /srv/built/*.tar.*; do
	if cmp "$file" "$again/${file##*/}"; then
		echo "ok      ${file##*/} is identical in the second build:" \
			"$(sha256sum <"$file" | cut -c -64)"
	else
		differences=$((differences + 1))
	fi
done
[[ $differences -eq 0 ]]
