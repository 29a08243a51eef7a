# SPDX-License-Identifier: MIT
"""An arm64 machine with a GPU for the unmodified driver panthor: the kernel module fakemali, the
device tree, and three generations of panvk."""

import contextlib
import pathlib
import shutil
import subprocess

import cases_panthor
import firmware
import guest
from machine import Machine

LINKER = "ld-linux-aarch64.so.1"
QEMU = [
    "qemu-system-aarch64",
    *("-machine", "virt,gic-version=3"),
    *("-cpu", "cortex-a76"),
    *("-accel", "tcg"),
    *("-smp", "2"),
    *("-m", "3G"),  # includes the GPU's registers (guest/gpu.dtsi)
    *("-nic", "none"),
    *("-display", "none"),
    "-no-reboot",
]


def write_device_tree(directory, additions):
    """Writes QEMU's device tree of this machine with the additions; returns the file."""
    blob, source, result = (directory / name for name in ("virt.dtb", "virt.dts", "gpu.dtb"))
    machine = QEMU.index("-machine") + 1
    dump = QEMU[:machine] + [f"{QEMU[machine]},dumpdtb={blob}"] + QEMU[machine + 1 :]
    subprocess.run(dump, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # -q: dtc warns about QEMU's tree.
    subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", "-o", source, blob], check=True)
    with open(source, "a") as file:
        file.write(additions.read_text())
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", result, source], check=True)
    return result


def replace_link(link, target):
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def wrap_program(path, program, kernel):
    """Writes a script that runs a program of the kbuild package with the libraries of its own
    suite."""
    path.unlink()
    path.write_text(
        f'#!/bin/sh\nexec "{guest.SOURCE}/scripts/root-exec" "{kernel.kbuild}" "{program}" "$@"\n'
    )
    path.chmod(0o755)


def headers_tree(directory, kernel):
    """Assembles the kernel's headers for kbuild; returns the source tree and the build tree. The
    header packages link to the scripts of a third package, by relative links. The programs in it
    may need a newer libc than this machine's.
    """
    kbuild = kernel.kbuild / f"usr/lib/linux-kbuild-{kernel.version}"
    scripts = directory / "scripts"
    stamp = directory / "stamp"
    # make compares times: keep an up-to-date tree.
    unpacked = (kernel.kbuild / ".suite-unpack").stat().st_mtime_ns
    content = f"{guest.SOURCE} {kernel.root} {kernel.kbuild} {kernel.release} {unpacked}"
    trees = directory / "source", directory / "build"
    if stamp.exists() and stamp.read_text() == content:
        return trees
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(kbuild / "scripts", scripts, symlinks=True)
    wrap_program(scripts / "basic/fixdep", kbuild / "scripts/basic/fixdep", kernel)
    # The script modpost selects a program by the kernel's word size and byte order.
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
    """Builds the module fakemali; returns its file."""
    source, build = headers_tree(directory / "headers", kernel)
    output = directory / "fakemali"
    output.mkdir(exist_ok=True)
    for path in (guest.HERE / "fakemali").iterdir():
        replace_link(output / path.name, path)
    command = ["make", "-C", source, f"KBUILD_OUTPUT={build}", f"M={output}", "ARCH=arm64"]
    # Another compiler built the kernel. This one may lack some of its options, and pahole is
    # missing.
    command += [
        "CC=aarch64-linux-gnu-gcc",
        "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=",
        "CONFIG_DEBUG_INFO_BTF_MODULES=",
    ]
    done = subprocess.run(
        command + ["modules"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"cannot build fakemali:\n{done.stdout}")
    return output / "fakemali.ko"


class Panthor:
    cases = cases_panthor.CASES
    # Requirements: tools, and files of the build directory.
    tools = ["make", "aarch64-linux-gnu-gcc", "qemu-system-aarch64", "dtc", "readelf"]
    programs = [
        "tests/qemu/vmbind-vm-uapi",
        "tests/qemu/vmbind-vm-sparse",
        "tests/qemu/libvmbind_trace.so",
    ]
    for_host = []
    built_by = "./run arm64"
    boot_seconds = 120

    def _write_initramfs(self, path, kernel, module, build, sysroots, cases):
        """sysroots: maps a name below /roots to the directory on this machine."""
        programs = [build / program for program in self.programs]
        complaints = "WARNING:|BUG:|Oops|panthor .*(fault|timed? ?out)"
        with guest.initramfs(path, kernel, complaints, cases) as archive:
            # fakemali must be loaded before panthor probes.
            archive.copy("modules/fakemali.ko", module)
            order = ["fakemali", *guest.add_modules(archive, kernel, ["panthor"])]
            archive.write("modules/order", "\n".join(order) + "\n")
            archive.write(firmware.PATH, firmware.image())
            guest.add_layer(archive, build)
            guest.add_programs(archive, programs)
            names = ["libvulkan_panfrost.so", "libvulkan.so.1"]
            names += [name for program in programs for name in guest.needed_libraries(program)]
            icd = "usr/share/vulkan/icd.d/panfrost_icd.json"
            for name, sysroot in sysroots.items():
                libraries = sysroot / "usr/lib/aarch64-linux-gnu"
                guest.add_libraries(
                    archive, f"roots/{name}", libraries, names, (LINKER, f"usr/lib/{LINKER}")
                )
                archive.copy(f"roots/{name}/{icd}", sysroot / icd)

    @contextlib.contextmanager
    def start(self, build, directory, cases, log):
        kernel = guest.Kernel(*guest.fetch("newest-kernel"))
        roots = sorted({run.root for case in cases for run in case.runs if run.root})
        sysroots = {root: pathlib.Path(guest.fetch("panvk", root)[-1]) for root in roots}
        module = build_module(directory, kernel)
        device_tree = write_device_tree(directory, guest.HERE / "guest/gpu.dtsi")
        initramfs = directory / "initramfs"
        self._write_initramfs(initramfs, kernel, module, build, sysroots, cases)
        command = [*QEMU, "-serial", "stdio", "-monitor", "none"]
        command += ["-kernel", kernel.image, "-initrd", initramfs, "-dtb", device_tree]
        command += ["-append", "console=ttyAMA0 panic=-1 loglevel=4"]
        yield Machine(command, log)
