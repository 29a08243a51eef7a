# SPDX-License-Identifier: MIT
"""An x86-64 machine for the host backend. It has no GPU. QEMU comes from the packages of the
virtio-gpu machine."""

import contextlib
import pathlib

import cases_host
import guest
import virtgpu
from machine import Machine

LIBRARIES = pathlib.Path("/usr/lib/x86_64-linux-gnu")


class Host:
    tools = ["readelf"]
    programs = ["tests/unit/test_host", "tests/qemu/host/vmbind-vm-limits"]
    for_host = []
    built_by = "./run build"
    boot_seconds = 120

    def __init__(self, series=None):
        """series: of the kernel. The default is the newest. Linux 6.1 has no vm.memfd_noexec."""
        self.series = series
        self.cases = cases_host.cases(has_noexec=series != "6.1")

    def _write_initramfs(self, path, kernel, build, cases):
        programs = [build / program for program in self.programs]
        with guest.initramfs(path, kernel, "WARNING:|BUG:|Oops", cases) as archive:
            archive.write("modules/order", "")
            guest.add_programs(archive, programs)
            names = [name for program in programs for name in guest.needed_libraries(program)]
            linker = (virtgpu.LINKER, f"lib64/{virtgpu.LINKER}")
            guest.add_libraries(archive, "", LIBRARIES, names, linker)

    @contextlib.contextmanager
    def start(self, build, directory, cases, log):
        host = virtgpu.Host()
        kernel = guest.Kernel(
            *guest.fetch("newest-kernel", "amd64", *([self.series] if self.series else []))
        )
        initramfs = directory / "initramfs"
        self._write_initramfs(initramfs, kernel, build, cases)
        command = [
            *host.run("usr/bin/qemu-system-x86_64"),
            *("-L", host.root / "usr/share/qemu", "-L", host.root / "usr/share/seabios"),
            *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
            *("-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "1G"),
            *("-serial", "stdio", "-monitor", "none"),
            *("-kernel", kernel.image, "-initrd", initramfs),
            # no_timer_check: as in virtgpu.py. With huge pages a written page takes 2 MiB, and the
            # unit test compares resident memory.
            *(
                "-append",
                "console=ttyS0 panic=-1 loglevel=4 no_timer_check transparent_hugepage=never",
            ),
        ]
        with open(directory / "qemu.log", "wb") as errors:
            yield Machine(command, log, None, errors)
