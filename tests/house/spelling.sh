#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Checks the spelling of all files. .codespellrc holds the exceptions.

set -euo pipefail

cd "$(dirname "$0")/../.."
if ! command -v codespell >/dev/null; then
	echo "skipped: codespell is missing"
	exit 77
fi
codespell
