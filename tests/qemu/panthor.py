# SPDX-License-Identifier: MIT
"""An arm64 machine in which the unmodified driver panthor finds a GPU: the kernel's module
fakemali, the device tree, three generations of panvk."""

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
    *("-m", "3G"),  # the GPU's registers (guest/gpu.dtsi) lie in it
    *("-nic", "none"),
    *("-display", "none"),
    "-no-reboot",
]


def write_device_tree(directory, additions):
    """QEMU's own tree for this machine with the additions; returns the file."""
    blob, source, result = (directory / name for name in ("virt.dtb", "virt.dts", "gpu.dtb"))
    machine = QEMU.index("-machine") + 1
    dump = QEMU[:machine] + [f"{QEMU[machine]},dumpdtb={blob}"] + QEMU[machine + 1 :]
    subprocess.run(dump, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # Neither tool is quiet about what QEMU's tree does that dtc does not like.
    subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", "-o", source, blob], check=True)
    with open(source, "a") as file:
        file.write(additions.read_text())
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", result, source], check=True)
    return result


def replace_link(link, target):
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def wrap_program(path, program, kernel):
    """A script that runs a program of the kbuild package with the libraries that it was built
    for."""
    path.unlink()
    path.write_text(
        f'#!/bin/sh\nexec "{guest.SOURCE}/scripts/root-exec" "{kernel.kbuild}" "{program}" "$@"\n'
    )
    path.chmod(0o755)


def headers_tree(directory, kernel):
    """The kernel's headers as kbuild wants them. The packages have their scripts in a third
    package, by relative links, and the programs among those may need a newer libc than this
    machine's. Returns the trees of the source and of the build.
    """
    kbuild = kernel.kbuild / f"usr/lib/linux-kbuild-{kernel.version}"
    scripts = directory / "scripts"
    stamp = directory / "stamp"
    # make compares times, so what is there stays.
    unpacked = (kernel.kbuild / ".suite-unpack").stat().st_mtime_ns
    content = f"{guest.SOURCE} {kernel.root} {kernel.kbuild} {kernel.release} {unpacked}"
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
    for path in (guest.HERE / "fakemali").iterdir():
        replace_link(output / path.name, path)
    command = ["make", "-C", source, f"KBUILD_OUTPUT={build}", f"M={output}", "ARCH=arm64"]
    # The kernel was built by another compiler. This one need not have all of that one's options,
    # and there is no pahole.
    command += [
        "CC=aarch64-linux-gnu-gcc",
        "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=",
        "CONFIG_DEBUG_INFO_BTF_MODULES=",
    ]
    done = subprocess.run(
        command + ["modules"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"fakemali was not built:\n{done.stdout}")
    return output / "fakemali.ko"


class Panthor:
    cases = cases_panthor.CASES
    # What has to be there: tools, and files of the build directory.
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
        """sysroots: directory by the name that it gets below /roots."""
        programs = [build / program for program in self.programs]
        complaints = "WARNING:|BUG:|Oops|panthor .*(fault|timed? ?out)"
        with guest.initramfs(path, kernel, complaints, cases) as archive:
            # The GPU has to answer before panthor asks.
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
