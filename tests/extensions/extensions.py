#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares docs/extensions.md with the device extensions of a driver.

    extensions.py page                          the page has a sorted table and a sorted list
    extensions.py 25.0|26.1|26.2                panvk
    extensions.py newer                         the lavapipe of a newer suite
    extensions.py swiftshader
    extensions.py stock MANIFEST                the driver of a manifest
    extensions.py hidden 26.1                   the layer hides features of panvk 26.1

Fails if the driver offers an extension that the page does not list.
"""

import os
import re
import subprocess
import sys

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
PAGE = os.path.join(SOURCE, "docs/extensions.md")
SCRIPTS = os.path.join(SOURCE, "scripts")
PANVK = ("25.0", "26.1", "26.2")
WORDS = ("honoured", "passed", "hidden")
# A few of the features in vulkaninfo's output on panvk 26.1, with VMBIND_ROUTE=provide.
HIDDEN = {"bufferDeviceAddressCaptureReplay": "false", "sparseResidencyAliased": "false"}
KEPT = {"bufferDeviceAddress": "true", "memoryMapPlaced": "true", "sparseBinding": "true"}


def fail(message):
    sys.exit(f"extensions.py: {message}")


def page_names():
    """The extensions of the page's table, and those of its list."""
    with open(PAGE, encoding="utf-8") as page:
        text = page.read()
    table = re.findall(rf"^\| `(VK_\w+)` \| (?:{'|'.join(WORDS)}) \| \S.* \|$", text, re.MULTILINE)
    others = re.findall(r"^- `(VK_\w+)`$", text, re.MULTILINE)
    rows = re.findall(r"^(?:\| |- )`VK_\w+`", text, re.MULTILINE)
    if len(rows) != len(table) + len(others):
        fail("a row of docs/extensions.md has another form")
    return table, others


def check_page():
    table, others = page_names()
    for names in (table, others):
        if names != sorted(names):
            fail("docs/extensions.md is not sorted")
    names = table + others
    if not table or not others or len(names) != len(set(names)):
        fail("docs/extensions.md lists an extension twice, or none")


def script(name, *arguments):
    path = os.path.join(SCRIPTS, name)
    if not os.path.exists(path):
        print(f"{name} has not been fetched: no scripts/{name}")
        sys.exit(77)
    return [path, "--cached", *arguments, "vulkaninfo"]


def vulkaninfo(command, **variables):
    """The output of vulkaninfo without layers, unless the variables enable one."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VK_INSTANCE_LAYERS")}
    environment.update(NODEVICE_SELECT="1", **variables)
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    if result.returncode:
        print(result.stdout[-2000:], result.stderr[-2000:])
        sys.exit(77 if result.returncode == 77 else 1)
    return result.stdout


def offered(output):
    """The device extensions of all devices in vulkaninfo's output."""
    lists = re.findall(r"^Device Extensions: count = (\d+)\n((?:\t.*\n)*)", output, re.MULTILINE)
    if not lists:
        fail("vulkaninfo shows no device")
    names = set()
    for count, lines in lists:
        found = re.findall(r"^\t(VK_\w+) ", lines, re.MULTILINE)
        if len(found) != int(count):
            fail(f"vulkaninfo shows {len(found)} of {count} extensions")
        names.update(found)
    return names


def check_driver(driver, arguments):
    variables = {}
    if driver in PANVK:
        command = script("panvk", driver, "--no-layer")
    elif driver == "newer":
        command = script("newer-lavapipe")
    elif driver == "swiftshader":
        command = script("swiftshader")
    else:
        command = ["vulkaninfo"]
        variables = {"VK_DRIVER_FILES": arguments[0], "VK_ICD_FILENAMES": arguments[0]}
    table, others = page_names()
    unknown = offered(vulkaninfo(command, **variables)) - set(table + others)
    if unknown:
        fail("docs/extensions.md does not list " + ", ".join(sorted(unknown)))


def check_features(output, expected):
    for name, value in expected.items():
        found = re.findall(rf"^\t{name} += (\w+)$", output, re.MULTILINE)
        if not found or any(one != value for one in found):
            fail(f"{name}: {found}, expected {value}")


def check_hidden(generation):
    output = vulkaninfo(script("panvk", generation), VMBIND_ROUTE="provide")
    check_features(output, {**HIDDEN, **KEPT})


def main():
    driver = sys.argv[1]
    if driver == "page":
        check_page()
    elif driver == "hidden":
        check_hidden(sys.argv[2])
    else:
        check_driver(driver, sys.argv[2:])


main()
