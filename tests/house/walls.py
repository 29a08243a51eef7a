#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the walls between the folders of layer/.

    walls.py [LAYER]

Fails on an include or a name that crosses a wall which ALLOWED does not open, on a circle between
files, and on an include that is not relative to layer/. A source file and its header are one node.
"""

import os
import re
import sys

# Which folder may use which, beside itself. Files directly in layer/ may use everything.
ALLOWED = {
    "provide": {"route", "backend", "plan", "vk", "base"},
    "assist": {"backend/panthor", "ioctl", "vk", "base"},
    "merge": {"plan", "vk", "base"},
    "virtgpu": {"ioctl", "vk", "base"},
    "observe": {"plan", "vk", "base"},
    "route": {"backend", "ioctl", "vk", "base"},
    "backend": {"plan", "ioctl", "base"},
    "ioctl": {"base"},
    "vk": {"base"},
    "plan": set(),
    "base": set(),
}

# Folders that a tree may lack: the build has a switch for each.
OPTIONAL = {"virtgpu"}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
# What a header declares for other files: functions, variables, macros, and the bodies of structs
# and enums.
FUNCTION = re.compile(r"\b(vmb_\w+)\s*\(")
VARIABLE = re.compile(r"\bextern\b[^;]*?\b(vmb_\w+)\s*(?:\[|;)")
MACRO = re.compile(r"^\s*#\s*define\s+((?:VMB_|vmb_)\w+)", re.MULTILINE)
BODY = re.compile(r"\b(?:struct|enum|union)\s+(vmb_\w+)\s*\{")
TYPEDEF = re.compile(r"\btypedef\b[^;]*?\b(vmb_\w+)\s*(?:\)|;)")
ENUMERATORS = re.compile(r"\benum\s+\w*\s*\{([^}]*)\}")
# What a source file defines for other files.
DEFINITION = re.compile(
    r"^(?!static\b)[A-Za-z_][^;{}()=]*?\b(vmb_\w+)\s*(?:\([^;{}]*\)\s*\n\{|(?:\[\])?\s*=\s*\{)",
    re.MULTILINE,
)
NAME = re.compile(r"\b(?:vmb_|VMB_)\w+\b")
# A file may pass pointers to a struct on that it declares without a body.
OPAQUE = re.compile(r"^struct (vmb_\w+);", re.MULTILINE)


def read_files(layer):
    """The text of each source file by its path relative to layer/."""
    files = {}
    for directory, _, names in os.walk(layer):
        for name in names:
            if name.endswith((".c", ".h")):
                path = os.path.join(directory, name)
                with open(path, encoding="utf-8") as file:
                    files[os.path.relpath(path, layer)] = file.read()
    return files


def folder_of(path):
    return os.path.dirname(path).split("/")[0]


def may_use(user, used):
    """Whether one file may use another."""
    folder, other = folder_of(user), folder_of(used)
    if folder in ("", other):
        return True
    if other == "":
        return False
    allowed = ALLOWED.get(folder, set())
    return any(used == place or used.startswith(place + "/") for place in allowed)


def node_of(path):
    return os.path.splitext(path)[0]


def strip(text):
    return STRING.sub('""', COMMENT.sub(" ", text))


def declared_names(header):
    text = strip(header)
    names = set()
    for pattern in (FUNCTION, VARIABLE, MACRO, BODY, TYPEDEF):
        names.update(pattern.findall(text))
    for body in ENUMERATORS.findall(text):
        names.update(NAME.findall(body))
    return names


def owners_of_names(files):
    """Each declared name, with the header that declares it. A name that several headers declare has
    no single owner."""
    owners = {}
    for path, text in files.items():
        if path.endswith(".h"):
            for name in declared_names(text):
                owners.setdefault(name, set()).add(path)
    return {name: next(iter(paths)) for name, paths in owners.items() if len(paths) == 1}


def check_includes(files, faults):
    """Arrows from each node to the nodes that it includes."""
    arrows = {}
    present = {path.split("/")[0] for path in files}
    for path, text in files.items():
        for included in INCLUDE.findall(text):
            if included.split("/")[0] in OPTIONAL - present:
                continue
            if included not in files:
                faults.append(f'{path}: "{included}" is not relative to layer/')
                continue
            if not may_use(path, included):
                faults.append(f"{path} must not include {included}")
            if node_of(path) != node_of(included):
                arrows.setdefault(node_of(path), set()).add(node_of(included))
    return arrows


def check_names(files, faults):
    owners = owners_of_names(files)
    for path, text in files.items():
        opaque = set(OPAQUE.findall(text))
        for name in sorted(set(NAME.findall(strip(text))) - opaque):
            owner = owners.get(name)
            if owner and not may_use(path, owner):
                faults.append(f"{path} must not use {name} of {owner}")


def add_arrows_of_names(files, arrows):
    """Arrows from each node to the nodes that define the names it uses."""
    definers = {}
    for path, text in files.items():
        if path.endswith(".c"):
            definers.update((name, node_of(path)) for name in DEFINITION.findall(strip(text)))
    for path, text in files.items():
        for name in set(NAME.findall(strip(text))):
            if path.endswith(".c") and definers.get(name, node_of(path)) != node_of(path):
                arrows.setdefault(node_of(path), set()).add(definers[name])


def find_circle(arrows):
    """Some circle of nodes, or None."""
    state = {}

    def visit(node, trail):
        state[node] = "open"
        for other in sorted(arrows.get(node, ())):
            if state.get(other) == "open":
                return trail[trail.index(other) :] + [other]
            if other not in state:
                circle = visit(other, trail + [other])
                if circle:
                    return circle
        state[node] = "done"
        return None

    for node in sorted(arrows):
        if node not in state:
            circle = visit(node, [node])
            if circle:
                return circle
    return None


def check(layer):
    """The faults of a tree, one sentence each."""
    files = read_files(layer)
    faults = []
    arrows = check_includes(files, faults)
    check_names(files, faults)
    add_arrows_of_names(files, arrows)
    circle = find_circle(arrows)
    if circle:
        faults.append("a circle: " + " -> ".join(circle))
    return faults


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    layer = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..", "layer")
    faults = check(layer)
    for fault in faults:
        print(f"walls.py: {fault}", file=sys.stderr)
    print(f"{len(read_files(layer))} files, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
