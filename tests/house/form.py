#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the form of the files.

    form.py [TREE]

Fails on a line of text above 100 columns, and in layer/ on a file above 500 lines or a function
above 60. Tabs are 8 columns wide. Exempt are rows of tables (of scenarios outside layer/, where
clang-format is off), lines that hold one long link or path, and manual pages, whose lines troff
fills.
"""

import os
import re
import sys

COLUMNS = 100
FILE_LINES = 500
FUNCTION_LINES = 60

# C code is formatted with tabs, and clang-format leaves tables of scenarios alone where the code
# says so.
CHECKED = (".c", ".h", ".py", ".sh", ".md", ".txt", ".cmake", ".in", ".yml")
CHECKED_FILES = ("run", ".ci/run", "debian/rules", "tools/vmbind-residency")
CHECKED_FOLDERS = ("scripts/", "debian/tests/")
SKIPPED_FOLDERS = (".git", ".cache", "__pycache__")
FUNCTION_END = re.compile(r"^\}")
FUNCTION_BEGIN = re.compile(r"^\{")


def is_skipped(folder, path):
    return folder in SKIPPED_FOLDERS or (path == "" and folder.startswith("build"))


def files_of(tree):
    """Finds all sources, also in a tarball, where git knows no files."""
    found = []
    for directory, folders, names in os.walk(tree):
        path = os.path.normpath(os.path.relpath(directory, tree))
        path = "" if path == "." else path
        folders[:] = sorted(folder for folder in folders if not is_skipped(folder, path))
        found.extend(os.path.join(path, name) for name in sorted(names))
    return found


def is_checked(path):
    return path.endswith(CHECKED) or path in CHECKED_FILES or path.startswith(CHECKED_FOLDERS)


def is_exempt(path, line):
    if path.endswith(".md"):
        # A table row, or a line that a link or a command makes long.
        return line.lstrip().startswith("|") or line.startswith("    ") or "](" in line
    return False


def long_lines(path, text):
    formats = True
    for number, line in enumerate(text.split("\n"), 1):
        if "clang-format off" in line:
            formats = path.startswith("layer/")
        if "clang-format on" in line:
            formats = True
        width = len(line.expandtabs(8))
        if width > COLUMNS and formats and not is_exempt(path, line):
            yield f"{path}:{number}: {width} columns"


def function_faults(path, text):
    """Functions begin and end with a brace in the first column."""
    begin = None
    for number, line in enumerate(text.split("\n"), 1):
        if FUNCTION_BEGIN.match(line):
            begin = number
        elif FUNCTION_END.match(line) and begin:
            if number - begin + 1 > FUNCTION_LINES:
                yield f"{path}:{begin}: a function of {number - begin + 1} lines"
            begin = None


def check(tree):
    """The faults of a tree, one a line."""
    faults = []
    for path in files_of(tree):
        if not is_checked(path):
            continue
        with open(os.path.join(tree, path), encoding="utf-8") as file:
            text = file.read()
        faults.extend(long_lines(path, text))
        if path.startswith("layer/") and path.endswith((".c", ".h")):
            lines = text.count("\n")
            if lines > FILE_LINES:
                faults.append(f"{path}: {lines} lines")
            faults.extend(function_faults(path, text))
    return faults


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    tree = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..")
    faults = check(tree)
    for fault in faults:
        print(f"form.py: {fault}", file=sys.stderr)
    print(f"{len(files_of(tree))} files, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
