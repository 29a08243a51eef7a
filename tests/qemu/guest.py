# SPDX-License-Identifier: MIT
"""The contents of a guest's initramfs: kernel modules, libraries, the layer, programs, and the list
of cases."""

import contextlib
import json
import lzma
import os
import pathlib
import re
import subprocess

from archive import Archive
from case import Unavailable

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]


def fetch(*command):
    """Runs a script of scripts/ that fetches packages, and returns its output lines."""
    done = subprocess.run(
        [SOURCE / "scripts" / command[0], *command[1:]], stdout=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        raise Unavailable(f"scripts/{' '.join(command)} failed")
    return done.stdout.splitlines()


class Kernel:
    """A kernel that scripts/newest-kernel has unpacked."""

    def __init__(self, release, root, kbuild=None):
        self.release = release
        self.root = pathlib.Path(root)
        self.kbuild = kbuild and pathlib.Path(kbuild)
        self.version = release.rpartition("-")[0]
        # Debian 12's packages are older than the merged /usr.
        self.modules = self._find(f"lib/modules/{release}")
        self.busybox = self._find("bin/busybox")
        self.image = self._image()

    def _find(self, path):
        merged = self.root / "usr" / path
        return merged if merged.exists() else self.root / path

    def _image(self):
        images = sorted(self.root.glob(f"**/vmlinu[xz]*{self.release}*")) + sorted(
            self.modules.glob("vmlinuz*")
        )
        images = [path for path in images if path.is_file()]
        if not images:
            raise FileNotFoundError(f"no image in {self.root}")
        return images[0]


def add_modules(archive, kernel, wanted):
    """Adds the wanted modules and their dependencies; returns the names in load order."""
    files = {
        path.name.partition(".")[0].replace("-", "_"): path
        for path in kernel.modules.glob("kernel/**/*.ko*")
    }
    order = []

    def add(name):
        # A module without a file is built into the kernel.
        if name in order or name not in files:
            return
        data = files[name].read_bytes()
        if files[name].suffix == ".xz":
            data = lzma.decompress(data)
        for other in re.search(rb"\0depends=([^\0]*)\0", data)[1].decode().split(","):
            add(other.replace("-", "_"))
        order.append(name)
        archive.write(f"modules/{name}.ko", data)

    for name in wanted:
        add(name)
    return order


def needed_libraries(path):
    output = subprocess.run(
        ["readelf", "--dynamic", "--wide", path], check=True, capture_output=True, text=True
    ).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output)


def add_libraries(archive, root, libraries, names, linker):
    """Adds the named libraries and their dependencies, at the same paths below the directory root
    of the guest. linker: the name of the dynamic linker, and its path in the programs."""
    directory = f"{root}/usr/lib/{libraries.name}"
    linker, linker_path = linker
    pending = [*names, linker]
    added = set()
    while pending:
        name = pending.pop()
        if name in added:
            continue
        added.add(name)
        archive.copy(f"{directory}/{name}", libraries / name)
        pending += needed_libraries(libraries / name)
    archive.link(f"{root}/lib", "usr/lib")
    if linker_path != f"usr/lib/{libraries.name}/{linker}":
        archive.link(f"{root}/{linker_path}", f"/usr/lib/{libraries.name}/{linker}")


def add_layer(archive, build):
    layer = build / "layer/libVkLayer_VMBIND_sparse.so"
    manifest = json.loads((build / "manifest/VkLayer_VMBIND_sparse.json").read_text())
    manifest["layer"]["library_path"] = f"../{layer.name}"
    archive.copy(f"vmbind/{layer.name}", layer)
    archive.write("vmbind/manifest/VkLayer_VMBIND_sparse.json", json.dumps(manifest))


def add_programs(archive, programs):
    for program in programs:
        archive.copy(f"vmbind/{os.path.basename(program)}", program)


@contextlib.contextmanager
def initramfs(path, kernel, complaints, cases):
    """Yields an archive with the files of the guest's init, for the caller to fill. complaints: a
    regular expression; a matching line in the kernel's log fails a case."""
    with open(path, "wb") as file:
        archive = Archive(file)
        for directory in ("bin", "dev", "proc", "roots", "sys", "tmp"):
            archive.directory(directory)
        # The init needs a console before it mounts /dev.
        archive.device("dev/console", 5, 1)
        archive.copy("init", HERE / "guest/init")
        archive.copy("bin/busybox", kernel.busybox)
        archive.write("complaints", complaints + "\n")
        runs = [(run.name, run.seconds, run.command) for case in cases for run in case.runs]
        archive.write("cases", "".join("\t".join(map(str, run)) + "\n" for run in runs))
        yield archive
        archive.finish()
