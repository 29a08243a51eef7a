# SPDX-License-Identifier: MIT
"""Cases of compare.py: other projects' programs that use OpenGL or Direct3D on Vulkan."""

import glob
import os
import re
import shutil
from ctypes.util import find_library

from checks import TRIANGLE, expect_same, same_output, same_picture, undo
from machine import OURS, SOURCE, TIMEOUT_S, fail, need, skip

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


class Wine:
    """A Windows installation with Direct3D on Vulkan: 12 by Wine's own vkd3d, 11 by DXVK."""

    def __init__(self, machine, program):
        self.machine = machine
        self.program = program
        self.prefix = os.path.join(machine.scratch, "wine")
        self.variables = {
            "WINEPREFIX": self.prefix,
            "WINEDEBUG": "-all",
            "DXVK_LOG_LEVEL": "none",
            "DXVK_STATE_CACHE": "0",
        }

    def install(self, dxvk):
        # Without these parts a new installation asks for downloads and writes menus.
        unwanted = "mscoree,mshtml,winemenubuilder.exe="
        self.start("wine", "wineboot", "--init", WINEDLLOVERRIDES=unwanted)
        for path in glob.glob(os.path.join(dxvk, "*.dll.so")):
            name = os.path.basename(path).removesuffix(".so")
            shutil.copy(path, os.path.join(self.prefix, "drive_c/windows/system32", name))
        # The first program starts further processes, which would keep its output open.
        self.start("wine", self.program, "12", WINEDLLOVERRIDES="d3d11,dxgi=b")

    def start(self, *command, **more):
        """Runs a command that starts further processes."""
        process = self.machine.start(list(command), **self.variables, **more)
        if process.wait(TIMEOUT_S):
            fail(f"{command} fails")

    def same(self, version, origin):
        """origin is n for DXVK, and b for Wine's own libraries. vkd3d needs Wine's dxgi."""
        command = ["wine", self.program, version]
        variables = dict(self.variables, WINEDLLOVERRIDES=f"d3d11,dxgi={origin}")
        self.machine.expect_order(command, [OURS], **variables)
        out = same_output(self.machine, command, **variables)
        if "all texels: ffcc6633" not in out:
            fail(f"Direct3D {version} did not clear the texture:", out)

    def close(self):
        # -k fails if no server runs. -w waits for the end of the server.
        for option in ("-k", "-w"):
            self.machine.start(["wineserver", option], **self.variables).wait(TIMEOUT_S)


def wine(machine):
    """The features of Direct3D, the texels of a cleared texture, and copied words."""
    need("wine", "wineserver")
    dxvk = machine.application("dxvk", "usr/lib/dxvk/wine64")
    program = machine.program("compat_direct3d.exe.so")
    if not os.path.exists(program):
        skip(f"{program} is not built")
    machine.with_display()
    session = Wine(machine, program)
    try:
        session.install(dxvk)
        session.same("12", "b")
        session.same("11", "n")
    finally:
        session.close()
