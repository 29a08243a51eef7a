# SPDX-License-Identifier: MIT
"""Cases of compare.py: other projects' programs that use OpenGL or Direct3D on Vulkan."""

import glob
import os
import re
from ctypes.util import find_library

from checks import TRIANGLE, expect_same, same_output, same_picture, undo
from machine import OURS, SOURCE, fail, need, skip

ZINK = {
    "MESA_LOADER_DRIVER_OVERRIDE": "zink",
    "GALLIUM_DRIVER": "zink",
    "LIBGL_ALWAYS_SOFTWARE": "1",
}


def vkd3d(machine):
    """vkd3d enables every supported feature."""
    need(*TRIANGLE)
    machine.with_display()
    same_picture(machine, TRIANGLE, 100)


def zink(machine):
    """Zink enables every supported feature. The layer adds GL_ARB_sparse_buffer."""
    need("glxinfo", "glxdemo")
    machine.with_display()
    command = ["glxinfo", "-s", "-l"]
    without = machine.run(command, **ZINK).text()
    with_layer = machine.run(command, [OURS], **ZINK).text()
    if not re.search(r"OpenGL renderer string: zink", without):
        fail("the GL driver is not zink:", without)
    if not machine.newer:
        # glxinfo lists the core and the compatibility profile.
        with_layer = undo("glxinfo", with_layer, [(r"    GL_ARB_sparse_buffer\n", "")], 2)
    expect_same("glxinfo", without, with_layer)
    same_picture(machine, ["glxdemo"], 3, **ZINK)


def piglit(machine):
    """The tests of arb_sparse_buffer run only if the driver has sparse buffers."""
    directory = machine.application("piglit", "usr/lib/*/piglit")
    variables = dict(ZINK, LD_LIBRARY_PATH=os.path.join(directory, "lib"), PIGLIT_PLATFORM="glx")
    if not find_library("waffle-1"):
        skip("libwaffle-1-0 is not installed")
    programs = sorted(glob.glob(os.path.join(directory, "bin/arb_sparse_buffer-*")))
    if len(programs) != 4:
        fail(f"piglit has {programs}, expected four")
    machine.with_display()
    machine.expect_order([programs[0], "-auto", "-fbo"], [OURS], **variables)
    for program in programs:
        for layers in ([], [OURS]):
            result = machine.run([program, "-auto", "-fbo"], layers, **variables)
            expected = "pass" if layers or machine.newer else "skip"
            if f'PIGLIT: {{"result": "{expected}" }}' not in result.out:
                fail(f"{program}, layers {layers}, expected {expected}:", result.text())
            print(f"{os.path.basename(program)}, layers {layers}: {expected}")


def vkmark(machine):
    """Runs all scenes, and compares the picture of a still one."""
    root = machine.application("vkmark")
    libraries = machine.application("vkmark", "usr/lib/*/vkmark")
    command = [
        os.path.join(root, "usr/bin/vkmark"),
        *("--winsys-dir", libraries),
        *("--data-dir", os.path.join(root, "usr/share/vkmark")),
        *("--winsys", "xcb", "--size", "300x300"),
    ]
    # On stock only the driver is stock: the program needs the libc of the newer suite.
    if not machine.newer:
        command = [os.path.join(SOURCE, "scripts/root-exec"), machine.newer_root(), *command]
    variables = {"LD_LIBRARY_PATH": os.path.dirname(libraries)}
    scenes = ("vertex", "texture", "shading", "effect2d", "desktop", "cube", "clear")
    benchmarks = [argument for scene in scenes for argument in ("-b", f"{scene}:duration=0.1")]
    machine.with_display()
    machine.expect_order([*command, "-b", "clear:duration=0.1"], [OURS], **variables)
    out = same_output(machine, command + benchmarks, **variables)
    if out.count("FPS:") != len(scenes):
        fail("a scene did not run:", out)
    same_picture(machine, command + ["--run-forever", "-b", "effect2d"], 100, **variables)
