# SPDX-License-Identifier: MIT
"""Comparisons of programs without and with the layer, for all cases of compare.py."""

import difflib
import re

from machine import OURS, fail

FRAMES = 20
CUBE = ["vkcube", "--c", str(FRAMES)]
# A still picture by Direct3D 12.
TRIANGLE = ["vkd3d-triangle"]

# Values that differ between runs: amounts of memory, addresses, and the figures of vkmark.
VARYING = (
    (r"(budget|usage) +=.*", r"\1"),
    (r"( free memory|Currently available).*", r"\1"),
    (r"0x[0-9a-f]{9,}", "ADDRESS"),
    (r"(FPS|Score):.*", r"\1"),
)


def expect_same(what, without, with_layer):
    for pattern, replacement in VARYING:
        without = re.sub(pattern, replacement, without)
        with_layer = re.sub(pattern, replacement, with_layer)
    if without != with_layer:
        lines = difflib.unified_diff(
            without.splitlines(), with_layer.splitlines(), "without", "with", lineterm="", n=1
        )
        fail(f"{what}: the outputs differ", *lines)
    print(f"same: {what}")


def undo(what, text, changes, count):
    """Reverts the layer's expected changes. Fails unless each occurs count times."""
    for pattern, replacement in changes:
        text, found = re.subn(pattern, replacement, text)
        if found != count:
            fail(f"{what}: {pattern} occurs {found} times, expected {count}")
    return text


def same_output(machine, command, layers=(), **variables):
    """Compares the output of a program, and returns it."""
    without = machine.run(command, layers, **variables)
    with_layer = machine.run(command, [*layers, OURS], **variables)
    expect_same(" ".join(command), without.text(), with_layer.text())
    return without.out


def same_picture(machine, command, colors, unlike=None, **variables):
    """Compares the picture of a program that shows a still image with at least colors colors, and
    returns it. The run without the layer gives the expected picture, which differs from unlike."""

    def shown(layers, accept):
        process = machine.start(command, layers, **variables)
        try:
            return machine.display.wait_until(accept, process)
        finally:
            process.terminate()
            process.wait()

    earlier = None

    def is_complete(pixels):
        nonlocal earlier
        is_still, earlier = pixels == earlier, pixels
        return (
            is_still
            and pixels != unlike
            and len({pixels[i : i + 4] for i in range(0, len(pixels), 4)}) >= colors
        )

    empty = machine.display.pixels()
    picture = shown([], is_complete)
    machine.display.wait_until(lambda pixels: pixels == empty)
    shown([OURS], lambda pixels: pixels == picture)
    machine.display.wait_until(lambda pixels: pixels == empty)
    print(f"same: the picture of {' '.join(command)}")
    return picture
