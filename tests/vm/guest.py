# SPDX-License-Identifier: MIT
"""What the guest consists of: the kernel's module fakemali, and the initramfs."""

import json
import lzma
import os
import pathlib
import re
import shutil
import subprocess

import firmware
from archive import Archive

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
LIBRARIES = "usr/lib/aarch64-linux-gnu"
LINKER = "ld-linux-aarch64.so.1"


class Kernel:
    """What scripts/newest-kernel has unpacked."""

    def __init__(self, release, root, kbuild):
        self.release = release
        self.root = pathlib.Path(root)
        self.kbuild = pathlib.Path(kbuild)
        self.version = release.removesuffix("-arm64")
        self.modules = self.root / "usr/lib/modules" / release
        self.image = self._image()

    def _image(self):
        images = sorted(self.root.glob(f"**/vmlinu[xz]*{self.release}*")) + sorted(self.modules.glob("vmlinuz*"))
        images = [path for path in images if path.is_file()]
        if not images:
            raise FileNotFoundError(f"no image in {self.root}")
        return images[0]


def replace_link(link, target):
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def wrap_program(path, program, kernel):
    """A script that runs a program of the kbuild package with the libraries that it was built for."""
    path.unlink()
    path.write_text(f'#!/bin/sh\nexec "{SOURCE}/scripts/root-exec" "{kernel.kbuild}" "{program}" "$@"\n')
    path.chmod(0o755)


def headers_tree(directory, kernel):
    """The kernel's headers as kbuild wants them. The packages have their scripts in a third package, by relative links, and the
    programs among those may need a newer libc than this machine's. Returns the trees of the source and of the build."""
    kbuild = kernel.kbuild / f"usr/lib/linux-kbuild-{kernel.version}"
    scripts = directory / "scripts"
    stamp = directory / "stamp"
    # make compares times, so what is there stays.
    content = f"{SOURCE} {kernel.root} {kernel.kbuild} {kernel.release} {(kernel.kbuild / '.suite-unpack').stat().st_mtime_ns}"
    trees = directory / "source", directory / "build"
    if stamp.exists() and stamp.read_text() == content:
        return trees
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(kbuild / "scripts", scripts, symlinks=True)
    wrap_program(scripts / "basic/fixdep", kbuild / "scripts/basic/fixdep", kernel)
    # modpost itself only chooses among these, by the kind of the kernel.
    wrap_program(scripts / "mod/modpost", kbuild / "scripts/mod/modpost.real-lsb-64", kernel)
    for tree, suffix in zip(trees, ("common", "arm64")):
        tree.mkdir()
        for entry in (kernel.root / f"usr/src/linux-headers-{kernel.version}-{suffix}").iterdir():
            replace_link(tree / entry.name, entry)
        replace_link(tree / "scripts", scripts)
        replace_link(tree / "tools", kbuild / "tools")
    stamp.write_text(content)
    return trees


def build_module(directory, kernel):
    """Returns the file of the module fakemali."""
    source, build = headers_tree(directory / "headers", kernel)
    output = directory / "fakemali"
    output.mkdir(exist_ok=True)
    for path in (HERE / "fakemali").iterdir():
        replace_link(output / path.name, path)
    command = ["make", "-C", source, f"KBUILD_OUTPUT={build}", f"M={output}", "ARCH=arm64"]
    # The kernel was built by another compiler. This one need not have all of that one's options, and there is no pahole.
    command += ["CC=aarch64-linux-gnu-gcc", "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=", "CONFIG_DEBUG_INFO_BTF_MODULES="]
    done = subprocess.run(command + ["modules"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"fakemali was not built:\n{done.stdout}")
    return output / "fakemali.ko"


def add_modules(archive, kernel, wanted):
    """The kernel's modules with all that they depend on, and the order in which to load them."""
    files = {path.name.partition(".")[0].replace("-", "_"): path for path in kernel.modules.glob("kernel/**/*.ko*")}
    order = []

    def add(name):
        # What is no file is built into the kernel.
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
    archive.write("modules/order", "\n".join(order) + "\n")


def needed_libraries(path):
    output = subprocess.run(["readelf", "--dynamic", "--wide", path], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output)


def add_root(archive, root, sysroot, programs):
    """The driver of an unpacked directory, the Vulkan loader and the libraries that they and the programs need."""
    libraries = sysroot / LIBRARIES
    driver = "libvulkan_panfrost.so"
    pending = [driver, "libvulkan.so.1", LINKER]
    for program in programs:
        pending += needed_libraries(program)
    added = set()
    while pending:
        name = pending.pop()
        if name in added:
            continue
        added.add(name)
        archive.copy(f"{root}/{LIBRARIES}/{name}", libraries / name)
        pending += needed_libraries(libraries / name)
    archive.link(f"{root}/lib", "usr/lib")
    archive.link(f"{root}/usr/lib/{LINKER}", f"aarch64-linux-gnu/{LINKER}")
    icd = "usr/share/vulkan/icd.d/panfrost_icd.json"
    archive.copy(f"{root}/{icd}", sysroot / icd)


def add_layer(archive, build):
    layer = build / "layer/libVkLayer_VMBIND_sparse.so"
    manifest = json.loads((build / "manifest/VkLayer_VMBIND_sparse.json").read_text())
    manifest["layer"]["library_path"] = f"../{layer.name}"
    archive.copy(f"vmbind/{layer.name}", layer)
    archive.write("vmbind/manifest/VkLayer_VMBIND_sparse.json", json.dumps(manifest))


def write_initramfs(path, kernel, module, build, programs, sysroots, cases):
    """programs: files that go to /vmbind; sysroots: directory by the name that it gets below /roots; cases: (name, seconds,
    command)."""
    with open(path, "wb") as file:
        archive = Archive(file)
        for directory in ("bin", "dev", "proc", "sys", "tmp"):
            archive.directory(directory)
        # Before /dev is mounted.
        archive.device("dev/console", 5, 1)
        archive.copy("init", HERE / "guest/init")
        archive.copy("bin/busybox", kernel.root / "usr/bin/busybox")
        add_modules(archive, kernel, ["panthor"])
        archive.copy("modules/fakemali.ko", module)
        archive.write(firmware.PATH, firmware.image())
        add_layer(archive, build)
        for program in programs:
            archive.copy(f"vmbind/{os.path.basename(program)}", program)
        for name, sysroot in sysroots.items():
            add_root(archive, f"roots/{name}", sysroot, programs)
        archive.write("cases", "".join("\t".join(map(str, case)) + "\n" for case in cases))
        archive.finish()
