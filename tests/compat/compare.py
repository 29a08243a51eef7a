#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs other projects' programs without and with the layer and compares their output and pictures.

compare BUILD DRIVER_MANIFEST stock|newer CASE

stock uses the driver of the manifest, with the route provide. newer uses the driver of
scripts/newer-lavapipe, with the route native. Exit status 77 means skipped.
"""

import glob
import os
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
from applications import piglit, vkd3d, vkmark, wine, zink  # noqa: E402
from captures import check_replays, gfxreconstruct, replays  # noqa: E402
from checks import CUBE, TRIANGLE, expect_same, same_output, same_picture, undo  # noqa: E402
from machine import OURS, Machine, fail, need, skip  # noqa: E402

VALIDATION = "VK_LAYER_KHRONOS_validation"
OVERLAY = "VK_LAYER_MESA_overlay"
DEVICE_SELECT = "VK_LAYER_MESA_device_select"
RENDERDOC = "VK_LAYER_RENDERDOC_Capture"
VKBASALT = "VK_LAYER_VKBASALT_post_processing"

# One line of text, and no figures.
HUD = "no_small_font,fps=0,frame_timing=0,cpu_stats=0,gpu_stats=0,custom_text=vmbind"
SUMMARY = ["vulkaninfo", "--summary"]

# The changes that the layer makes to vulkaninfo's output on the provide route, once for each
# device. Each pattern matches the output with the layer; the replacement is the output without the
# layer. On the native route the outputs are equal.
PROVIDED = {
    "text": (
        (r"(\tsparseAddressSpaceSize +=) 0x[0-9a-f]{9,}\n", r"\1 0x00000000\n"),
        (r"(\tqueueFlags += .*) \| QUEUE_SPARSE_BINDING\n", r"\1\n"),
        (r"(\tsparseBinding +=) true\n", r"\1 false\n"),
        (r"(\tsparseResidencyBuffer +=) true\n", r"\1 false\n"),
        (r"(\tsparseResidencyAliased +=) true\n", r"\1 false\n"),
    ),
    "json": (
        (r'("sparseAddressSpaceSize":) [1-9]\d+,\n', r"\1 0,\n"),
        (r',\n\s*"VK_QUEUE_SPARSE_BINDING_BIT"\n', r"\n"),
        (r'("sparseBinding":) true,\n', r"\1 false,\n"),
        (r'("sparseResidencyBuffer":) true,\n', r"\1 false,\n"),
        (r'("sparseResidencyAliased":) true,\n', r"\1 false,\n"),
    ),
}
# vulkaninfo prints this for memory types that sparse images do not support.
NON_SPARSE = (r"\t+\(non-sparse\)\n", "")
# The layer reports itself as a tool on every route.
TOOL = (r"\tvmbind sparse layer:\n(\t\t.*\n)+\n", "")


class Vulkaninfo:
    """Runs vulkaninfo, with stock on two devices: the driver's manifest is listed twice."""

    def __init__(self, machine):
        need("vulkaninfo")
        self.machine = machine
        self.variables = {}
        self.devices = 1
        machine.with_display()
        if not machine.newer:
            first = machine.environment["VK_DRIVER_FILES"]
            second = shutil.copy(first, os.path.join(machine.scratch, "second_icd.json"))
            self.variables = {
                "VK_DRIVER_FILES": f"{first}:{second}",
                "VK_ICD_FILENAMES": f"{first}:{second}",
            }
            self.devices = 2

    def run(self, arguments, layers):
        return self.machine.run(["vulkaninfo"] + arguments, layers, **self.variables)

    def text(self, *arguments, has_features=True, has_tools=False):
        without = self.run(list(arguments), []).text()
        with_layer = self.run(list(arguments), [OURS]).text()
        if has_features and not self.machine.newer:
            with_layer = undo(arguments, with_layer, PROVIDED["text"], self.devices)
            without = re.sub(*NON_SPARSE, without)
        if has_tools:
            with_layer = undo(arguments, with_layer, [TOOL], self.devices)
            # vulkaninfo prints a heading and empty lines only if there are tools.
            without, with_layer = (
                re.sub(r"\nTooling Info:\n-+|\n(?=\n)", "", text) for text in (without, with_layer)
            )
        expect_same(f"vulkaninfo {' '.join(arguments)}", without, with_layer)

    def json_of(self, device, layers):
        self.run([f"--json={device}"], layers)
        files = glob.glob(os.path.join(self.machine.scratch, "*VULKANINFO*.json"))
        if len(files) != 1:
            fail(f"vulkaninfo wrote {files}, expected one file")
        with open(files[0], encoding="utf-8") as file:
            text = file.read()
        os.unlink(files[0])
        return text

    def json(self, device):
        without = self.json_of(device, [])
        with_layer = self.json_of(device, [OURS])
        if not self.machine.newer:
            with_layer = undo("JSON", with_layer, PROVIDED["json"], 1)
        expect_same(f"vulkaninfo --json={device}", without, with_layer)


def vulkaninfo(machine):
    info = Vulkaninfo(machine)
    machine.expect_order(SUMMARY, [OURS])
    info.text("--summary", has_features=False)
    info.text("--text", "--show-formats")
    info.text("--show-tool-props", has_tools=True)
    for device in range(info.devices):
        info.json(device)


def own(machine, program, *arguments, stdin=None):
    """Runs a program of this folder. The program makes its own checks as well."""
    path = machine.program(f"compat_{program}")
    if not os.path.exists(path):
        skip(f"{path} is not built")
    command = [path, *arguments]
    machine.expect_order(command, [OURS], stdin=stdin)
    without = machine.run(command, stdin=stdin)
    with_layer = machine.run(command, [OURS], stdin=stdin)
    if not without.out:
        fail(f"{program} prints nothing")
    expect_same(program, without.text(), with_layer.text())


def volk(machine):
    own(machine, "volk")


def instances(machine):
    own(machine, "instances")


def loads(machine):
    own(machine, "loads")


def forks(machine):
    own(machine, "forks", *machine.runner, machine.program("compat_forks"))


def functions(machine):
    header = "/usr/include/vulkan/vulkan_core.h"
    if not os.path.exists(header):
        skip(f"{header} is missing")
    with open(header, encoding="utf-8") as file:
        names = re.findall(r"VKAPI_CALL (vk\w+)\(", file.read())
    own(machine, "functions", stdin="\n".join(names) + "\n")


def vkcube(machine):
    need("vkcube")
    machine.with_display()
    machine.expect_order(CUBE, [OURS])
    same_output(machine, CUBE)


def validation(machine):
    """The validation layer reports no new messages, above and below the layer."""
    need("vkcube", "vulkaninfo")
    machine.with_display()
    for command in (CUBE, SUMMARY, [machine.program("compat_volk")]):
        if not os.path.exists(command[0]) and os.path.isabs(command[0]):
            continue
        without = machine.run(command, [VALIDATION]).text()
        for order in ([VALIDATION, OURS], [OURS, VALIDATION]):
            machine.expect_order(command, order)
            expect_same(f"{command[0]}, {order}", without, machine.run(command, order).text())


def overlay(machine):
    need("vkcube")
    machine.with_display()
    out = os.path.join(machine.scratch, "overlay")
    variables = {"VK_LAYER_MESA_OVERLAY_CONFIG": f"output_file={out},fps_sampling_period=1"}
    without = machine.run(CUBE, [OVERLAY], **variables).text()
    for order in ([OVERLAY, OURS], [OURS, OVERLAY]):
        machine.expect_order(CUBE, order, **variables)
        os.unlink(out)
        expect_same(f"vkcube, {order}", without, machine.run(CUBE, order, **variables).text())
        with open(out, encoding="utf-8") as file:
            if not file.readline().startswith("device, "):
                fail("the overlay recorded no frames")


def implicit(machine, layer, *commands, **more):
    """Runs commands with another implicit layer above and below the layer."""
    need(*(command[0] for command in commands))
    machine.with_display()
    for command in commands:
        variables = dict(machine.implicit([layer, OURS]), ENABLE_VMBIND_SPARSE=None)
        machine.expect_order(command, [layer], [], **variables, **more)
        without = machine.run(command, **variables, **more).text()
        for order in ([layer, OURS], [OURS, layer]):
            variables = machine.implicit(order)
            machine.expect_order(command, order, [], **variables, **more)
            expect_same(
                f"{command[0]}, {order}", without, machine.run(command, **variables, **more).text()
            )


def device_select(machine):
    implicit(machine, DEVICE_SELECT, CUBE, SUMMARY, MESA_VK_DEVICE_SELECT="list")


def renderdoc(machine):
    # forks uses one device: RenderDoc supports only one.
    implicit(machine, RENDERDOC, CUBE, [machine.program("compat_forks")])


def mangohud(machine):
    """The display of MangoHud shows only a text, so that the pictures stay the same."""
    layer = "VK_LAYER_MANGOHUD_overlay"
    variables = {"MANGOHUD_CONFIG": HUD, "MANGOHUD_LOG_LEVEL": "off"}
    if machine.newer:
        machine.roots.insert(0, machine.application("mangohud"))
        libraries = machine.application("mangohud", "usr/lib/*/mangohud")
        variables["LD_LIBRARY_PATH"] = os.path.dirname(libraries)
        layer += f"_{os.uname().machine}"
    implicit(machine, layer, CUBE, [machine.program("compat_forks")], **variables)
    need("vkd3d-triangle")
    plain = same_picture(machine, TRIANGLE, 100)
    variables.update(machine.implicit([layer]))
    same_picture(machine, TRIANGLE, 100, unlike=plain, **variables)


def vkbasalt(machine):
    implicit(machine, VKBASALT, CUBE, SUMMARY, [machine.program("compat_forks")])


CASES = (
    check_replays,
    device_select,
    forks,
    functions,
    gfxreconstruct,
    instances,
    loads,
    mangohud,
    overlay,
    piglit,
    renderdoc,
    replays,
    validation,
    vkbasalt,
    vkcube,
    vkd3d,
    vkmark,
    volk,
    vulkaninfo,
    wine,
    zink,
)


def main():
    build, driver, which, name = sys.argv[1:]
    case = {case.__name__: case for case in CASES}[name]
    with tempfile.TemporaryDirectory(prefix="vmbind-compat-") as scratch:
        machine = Machine(build, driver, which == "newer", scratch)
        try:
            case(machine)
        finally:
            machine.close()


main()
