# SPDX-License-Identifier: MIT
#
# Sourced by scripts that count failed checks in `failures`.

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
