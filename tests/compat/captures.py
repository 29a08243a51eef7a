# SPDX-License-Identifier: MIT
"""Cases of compare.py: captures and replays of gfxreconstruct."""

import itertools
import json
import os
import shutil
import struct

from checks import CUBE, FRAMES
from machine import OURS, fail, need

GFXRECONSTRUCT = "VK_LAYER_LUNARG_gfxreconstruct"

# Checks of vmbind-check. Sparse residency of images needs the newer driver.
BUFFER_CHECKS = ["buffer.rebind", "buffer.null", "queue.timeline", "image.opaque.pieces"]
IMAGE_CHECKS = ["image.region", "image.null", "image.mips"]


def record(machine, layers, command, **more):
    """Returns the capture of a program, and what the program prints. If processes of the program
    follow each other, the capture is of the last one."""
    path = os.path.join(machine.scratch, "capture.gfxr")
    variables = {
        "GFXRECON_CAPTURE_FILE": path,
        "GFXRECON_CAPTURE_FILE_TIMESTAMP": "false",
        "GFXRECON_LOG_LEVEL": "error",
        **more,
    }
    return path, machine.run(command, layers, **variables).out


def capture(machine, layers, command, **more):
    """Like record(), for programs whose instances all have these layers."""
    machine.expect_order(command, layers, GFXRECON_CAPTURE_FILE="/dev/null", **more)
    return record(machine, layers, command, **more)


def replay(machine, path, layers, frames):
    """Replays a capture and returns its frames as pictures."""
    shots = os.path.join(machine.scratch, "shots")
    os.mkdir(shots)
    machine.run(
        ["gfxrecon-replay", "--screenshots", f"1-{frames}", "--screenshot-dir", shots, path], layers
    )
    pictures = []
    for name in sorted(os.listdir(shots)):
        with open(os.path.join(shots, name), "rb") as file:
            pictures.append(file.read())
    shutil.rmtree(shots)
    if len(pictures) != frames or len(set(pictures)) != frames:
        fail(f"{len(set(pictures))} distinct pictures, expected {frames}")
    return pictures


def gfxreconstruct(machine):
    """Captures and replays vkcube, and captures a program that uses sparse buffers."""
    need("vkcube", "gfxrecon-replay")
    machine.with_display()
    path, _ = capture(machine, [GFXRECONSTRUCT], CUBE)
    pictures = replay(machine, path, [], FRAMES)
    if replay(machine, path, [OURS], FRAMES) != pictures:
        fail("vkcube replayed with the layer draws other pictures")
    for order in ([GFXRECONSTRUCT, OURS], [OURS, GFXRECONSTRUCT]):
        if replay(machine, capture(machine, order, CUBE)[0], [], FRAMES) != pictures:
            fail(f"vkcube captured with {order} draws other pictures")
        capture(machine, order, [machine.program("compat_instances")])
    print("same: all pictures of the cube")


def bands(picture):
    """The colors of a screenshot of compat_frames, from top to bottom: four bands of one color
    each. A screenshot is a bitmap with 32 bits a pixel, and its last row comes first."""
    start, width, height = struct.unpack_from("<10xI4xii", picture)
    size = 4 * width * abs(height) // 4
    found = []
    for band in range(4):
        pixels = picture[start + band * size : start + (band + 1) * size]
        colors = {color for (color,) in struct.iter_unpack("<I", pixels)}
        if len(colors) != 1:
            fail(f"a band of a frame has {len(colors)} colors")
        found.append(f"{colors.pop():08x}")
    return found if height < 0 else found[::-1]


def bind_calls(machine, path):
    """The vkQueueBindSparse calls of a capture, with arguments and results."""
    text = machine.run(["gfxrecon-convert", path, "--output", "stdout"]).out
    return [
        json.dumps(line["vkFunc"])
        for line in map(json.loads, text.splitlines())
        if line.get("vkFunc", {}).get("name") == "vkQueueBindSparse"
    ]


def same_binds(machine, command, at_least, **more):
    """Captures a program's binds, replays them, and captures the replay."""
    order = [GFXRECONSTRUCT, OURS]
    # The programs read memory that the GPU writes.
    variables = {"GFXRECON_MEMORY_TRACKING_MODE": "assisted", **more}
    path, _ = record(machine, order, command, **variables)
    first = os.path.join(machine.scratch, "first.gfxr")
    os.rename(path, first)
    expected = bind_calls(machine, first)
    path, _ = capture(machine, order, ["gfxrecon-replay", first], **variables)
    found = bind_calls(machine, path)
    if len(expected) < at_least or found != expected:
        fail(f"{command}: {len(found)} bind calls, expected {len(expected)}")
    print(f"{' '.join(command)}: the replay makes the same {len(found)} bind calls")


def check_replays(machine):
    """Replays the binds of single checks of vmbind-check. Each check runs in a process of its own,
    which comes last and ends without exit handlers."""
    need("gfxrecon-replay")
    program = os.path.join(machine.build, "tools/check/vmbind-check")
    for check in IMAGE_CHECKS + BUFFER_CHECKS if machine.newer else BUFFER_CHECKS:
        command = [program, "--only", check]
        same_binds(machine, command, 1, GFXRECON_CAPTURE_FILE_FLUSH="true")


def replays(machine):
    """Replays sparse binds. Without binds each frame of compat_frames would look alike."""
    need("gfxrecon-replay")
    machine.with_display()
    program = machine.program("compat_frames")
    # Below the layer, a capture has the layer's own calls and no sparse binds. On the native route
    # the layer makes no calls of its own.
    orders = [[GFXRECONSTRUCT, OURS]]
    if machine.newer:
        orders.append([OURS, GFXRECONSTRUCT])
    for order, resource in itertools.product(orders, ("buffer", "image")):
        path, out = capture(machine, order, [program, resource])
        expected = [line.split() for line in out.splitlines()]
        for layers in [[], [OURS]] if machine.newer else [[OURS]]:
            machine.expect_order(["gfxrecon-replay", path], layers)
            shown = [bands(picture) for picture in replay(machine, path, layers, len(expected))]
            if shown != expected:
                fail(f"{resource}, captured with {order}, replayed with {layers}:", shown, expected)
            print(f"{resource}, {order}, {layers}: the replay shows the {len(shown)} frames")
    # tests/icd runs this program on the provide route only.
    program = os.path.join(machine.build, "tests/icd/icd_random")
    same_binds(machine, [program], 500, VMB_ROUNDS="5000", VMBIND_ROUTE="provide")
