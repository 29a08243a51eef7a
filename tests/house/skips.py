#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the skipped tests of a run of ctest.

    skips.py JUNIT      the file of ctest --output-junit

Lists the skipped tests. Fails if the output of a skipped test matches none of REASONS: after
./run test has installed all packages, no test may be skipped for a missing package.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree

# A part of the test's output, and the reason why the test may be skipped.
REASONS = (
    (r"has not been fetched|cannot be fetched", "a download is missing"),
    (r"scripts/\S+( \S+)* failed", "a download for the emulated machine is missing"),
    (r"has Mesa \S+, not \S+", "the archive has another version"),
    (r"no headers of Linux 7\.3 or newer", "the archive has no newer headers"),
    # The test panvk.build-arm64 has the cause.
    (r"build-arm64/\S+ has not been built|not been built for arm64", "the arm64 build is missing"),
    (r"skipped: not on this machine: ", "the machine cannot run the test"),
)
RETURN_CODE = "SKIP_RETURN_CODE=77"


def reason_of(output):
    for pattern, reason in REASONS:
        if re.search(pattern, output):
            return reason
    return None


def skipped_tests(junit):
    """The name and the output of each test that skipped itself."""
    for case in ElementTree.fromstring(junit).iter("testcase"):
        skipped = case.find("skipped")
        if skipped is not None and skipped.get("message") == RETURN_CODE:
            yield case.get("name"), case.findtext("system-out") or ""


def check(junit):
    """The lines to print, and the number of tests that may not be skipped."""
    lines = []
    faults = 0
    for name, output in skipped_tests(junit):
        reason = reason_of(output)
        if reason:
            lines.append(f"{name}: skipped, {reason}")
        else:
            faults += 1
            lines.append(f"{name}: may not be skipped: {output.strip()}")
    return lines, faults


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: skips.py JUNIT")
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        lines, faults = check(file.read())
    for line in lines:
        print(line)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
