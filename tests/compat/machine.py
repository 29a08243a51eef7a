# SPDX-License-Identifier: MIT
"""The environment of compare's programs: a driver, layers in a given order, and a display."""

import glob
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

# The layer under test.
OURS = "VK_LAYER_VMBIND_sparse"
SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
# Variables of the caller's shell that would change the results.
NOT_INHERITED = re.compile(
    r"(VK_|VMBIND_|ENABLE_|DISABLE_|MESA_|GFXRECON_|MANGOHUD|RENDERDOC_|WINE|DXVK_|VKD3D_|"
    r"LIBGL_|GALLIUM_|NODEVICE_SELECT|DISPLAY$|WAYLAND_)"
)
# The loader's messages about enabled layers.
LOADER_MESSAGES = re.compile(
    r"^.*(\[Loader Message\]|VK_INSTANCE_LAYERS|VK_LOADER_DEBUG).*\n", re.MULTILINE
)
# Long enough for a busy machine.
TIMEOUT_S = 100


def fail(*what):
    print(*what, sep="\n")
    sys.exit(1)


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            skip(f"{program} is not installed")


def read_manifest(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Result(NamedTuple):
    status: int
    out: str
    err: str

    def text(self):
        return (
            f"{self.out}\nOn standard error:\n{LOADER_MESSAGES.sub('', self.err)}\n"
            f"Exit status {self.status}\n"
        )


class Machine:
    """Stock lavapipe, where the layer provides sparse resources, or the lavapipe of a newer suite,
    which has its own."""

    def __init__(self, build, driver, newer, scratch):
        self.build = os.path.realpath(build)
        self.newer = newer
        self.scratch = scratch
        # The directories of packages; the first one that has a layer wins.
        self.roots = ["/"]
        self.runner = []
        self.display = None
        self.environment = {k: v for k, v in os.environ.items() if not NOT_INHERITED.match(k)}
        self.environment.update(
            HOME=self.scratch, XDG_RUNTIME_DIR=self.scratch, RENDERDOC_TEMP=self.scratch
        )
        self.environment["NODEVICE_SELECT"] = "1"
        # scripts/newer-lavapipe keeps the newer driver in the caller's cache.
        self.environment.setdefault("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
        if newer:
            self.runner = [os.path.join(SOURCE, "scripts/newer-lavapipe"), "--cached"]
            self.roots.insert(0, self.newer_root())
        else:
            self.environment.update(VK_DRIVER_FILES=driver, VK_ICD_FILENAMES=driver)

    def script(self, name, *arguments):
        """What a script prints that finds unpacked packages."""
        found = subprocess.run(
            [os.path.join(SOURCE, "scripts", name), "--cached", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode == 77:
            skip(found.stderr.strip())
        if found.returncode:
            fail(f"{name}:", found.stderr)
        return found.stdout.strip()

    def newer_root(self):
        """The directory of the packages of the newer suite."""
        return self.script("newer-lavapipe")

    def application(self, name, path=""):
        """The directory that scripts/applications has unpacked, or a path in it."""
        paths = glob.glob(os.path.join(self.script("applications", name), path))
        return paths[0] if paths else fail(f"{name} has no {path}")

    def close(self):
        if self.display:
            self.display.close()

    def program(self, name):
        """The path of a program of this folder in the build tree."""
        return os.path.join(self.build, "tests/compat", name)

    def manifest(self, layer):
        """The path of a layer's manifest."""
        if layer == OURS:
            return os.path.join(self.build, "manifest/VkLayer_VMBIND_sparse.json")
        for root in self.roots:
            for path in sorted(glob.glob(os.path.join(root, "usr/share/vulkan/*_layer.d/*.json"))):
                if read_manifest(path)["layer"]["name"] == layer:
                    return path
        return skip(f"{layer} is not installed")

    def layer_path(self, layers):
        """The path for explicit layers in this order, the first one nearest to the program. Old
        loaders use the order of the directories."""
        directories = []
        for layer in dict.fromkeys(layers + [OURS]):
            directory = os.path.join(self.scratch, "explicit", layer)
            os.makedirs(directory, exist_ok=True)
            shutil.copy(self.manifest(layer), directory)
            directories.append(directory)
        return ":".join(directories)

    def implicit(self, layers):
        """The environment for implicit layers in this order, the first one nearest to the
        program."""
        directories = []
        environment = {}
        for layer in layers:
            directory = os.path.join(self.scratch, "implicit", layer)
            os.makedirs(os.path.join(directory, "vulkan/implicit_layer.d"), exist_ok=True)
            path = self.manifest(layer)
            manifest = read_manifest(path)
            if layer == OURS:
                # The installed manifest names the library without its directory.
                library = manifest["layer"]["library_path"]
                manifest = read_manifest(
                    os.path.join(self.build, "manifest/install/VkLayer_VMBIND_sparse.json")
                )
                manifest["layer"]["library_path"] = library
            elif os.path.isabs(manifest["layer"]["library_path"]):
                root = path[: path.rindex("/usr/share/vulkan/")]
                manifest["layer"]["library_path"] = root + manifest["layer"]["library_path"]
            with open(
                os.path.join(directory, "vulkan/implicit_layer.d/layer.json"), "w", encoding="utf-8"
            ) as file:
                json.dump(manifest, file)
            directories.append(directory)
            environment.update(manifest["layer"].get("enable_environment", {}))
            environment.update(dict.fromkeys(manifest["layer"]["disable_environment"], None))
        return dict(environment, XDG_DATA_DIRS=":".join(directories))

    def with_display(self):
        self.display = Display(self.scratch)
        self.environment["DISPLAY"] = self.display.name
        return self.display

    def environment_of(self, layers, variables):
        """The environment of a program. Variables that are None are removed."""
        environment = dict(self.environment, VK_LAYER_PATH=self.layer_path(layers), **variables)
        if layers:
            environment["VK_INSTANCE_LAYERS"] = ":".join(layers)
        return {name: value for name, value in environment.items() if value is not None}

    def start(self, command, layers=(), **variables):
        """Starts a program that runs until the caller terminates it."""
        return subprocess.Popen(
            self.runner + command,
            env=self.environment_of(list(layers), variables),
            cwd=self.scratch,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def run(self, command, layers=(), stdin=None, expected=0, **variables):
        done = subprocess.run(
            self.runner + command,
            env=self.environment_of(list(layers), variables),
            cwd=self.scratch,
            input=stdin,
            stdin=None if stdin else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        if result.status != expected:
            fail(f"{' '.join(command)} with layers {list(layers)}, {variables}:", result.text())
        return result

    def expect_order(self, command, order, layers=None, **variables):
        """Expects that the loader's chain has exactly these layers, in this order."""
        err = self.run(
            command,
            order if layers is None else layers,
            VK_LOADER_DEBUG="error,warn,layer",
            **variables,
        ).err
        stacks = re.findall(
            r"vkCreateInstance layer callstack setup to:(.*?)<Drivers>", err, re.DOTALL
        )
        found = [re.findall(r"\bVK_LAYER_\w+$", stack, re.MULTILINE) for stack in stacks]
        if not found or any(stack != order for stack in found):
            fail(f"the layers are {found}, expected {order}", err)


class Display:
    """An X server whose screen the test reads from a file."""

    # Larger than the windows: gfxrecon-replay hangs if a window fills the screen.
    SIZE = 640

    def __init__(self, scratch):
        need("Xvfb")
        self.screen = os.path.join(scratch, "Xvfb_screen0")
        reader, writer = os.pipe()
        self.server = subprocess.Popen(
            [
                "Xvfb",
                "-displayfd",
                str(writer),
                "-fbdir",
                scratch,
                "-screen",
                "0",
                f"{self.SIZE}x{self.SIZE}x24",
            ]
            + ["-nolisten", "tcp", "-noreset"],
            pass_fds=[writer],
            stderr=subprocess.DEVNULL,
        )
        os.close(writer)
        ready = select.select([reader], [], [], TIMEOUT_S)[0]
        with os.fdopen(reader) as file:
            number = file.readline().strip() if ready else ""
        if not number:
            fail("Xvfb did not start")
        self.name = f":{number}"

    def close(self):
        self.server.terminate()
        self.server.wait()

    def pixels(self):
        """The screen with four bytes a pixel, from the end of an xwd file."""
        with open(self.screen, "rb") as file:
            data = file.read()
        size = self.SIZE * self.SIZE * 4
        header = int.from_bytes(data[:4], "big")
        colors = int.from_bytes(data[76:80], "big")
        start = header + 12 * colors
        return data[start : start + size]

    def wait_until(self, accept, process=None):
        """Waits until accept(pixels) is true. Fails if process ends before."""
        deadline = time.monotonic() + TIMEOUT_S
        while not accept(pixels := self.pixels()):
            if process and process.poll() is not None:
                fail(f"the program ended with {process.returncode}")
            if time.monotonic() > deadline:
                fail("timeout: the expected picture is not on the screen")
            time.sleep(0.05)
        return pixels
