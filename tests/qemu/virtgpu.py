# SPDX-License-Identifier: MIT
"""An x86-64 machine with virtio-gpu and Venus, on the host's lavapipe. QEMU, the renderer and the
guest's driver come from a newer Debian suite. The machine needs no KVM, no GPU and no root."""

import collections
import contextlib
import os
import pathlib
import re
import subprocess
import time

import cases_virtgpu
import guest
from machine import Machine

LIBRARIES = "usr/lib/x86_64-linux-gnu"
LINKER = "ld-linux-x86-64.so.2"
MEMORY = "1G"
# The second GPU's address on the PCI bus. Only some cases add the device: Venus fails in a guest
# with two GPUs.
OTHER_DEVICE = "0000:00:02.0"

CREATE = re.compile(r"virtio_gpu_cmd_res_create_blob res (\S+), size (\d+)")
MAP = re.compile(r"virtio_gpu_cmd_res_map_blob res (\S+),")
UNMAP = re.compile(r"virtio_gpu_cmd_res_unmap_blob res (\S+),.* mapping_state (\d+)")
# A mark is a context with a unique name: tests/qemu/virtgpu/report.c.
MARK = re.compile(r"virtio_gpu_cmd_ctx_create ctx \S+, name (vm:\S+)")

TRACED = [
    "virtio_gpu_cmd_ctx_create",
    "virtio_gpu_cmd_ctx_res_*",
    "virtio_gpu_cmd_res_*_blob",
    "virtio_gpu_cmd_res_unref",
]

# The same mark in the report of a guest program.
REPORTED_MARK = re.compile(r'"mark": "(vm:[^"]+)"')
# Limit for the delay of QEMU's trace behind the guest's console.
TIMEOUT_S = 30

# Variables that the renderer must not inherit from the caller's shell.
NOT_INHERITED = re.compile(r"VK_|VMBIND_|ENABLE_|DISABLE_|MESA_|LIBGL_|GALLIUM_")

# The host's state at a mark. commands: the number of traced commands, without marks.
Outside = collections.namedtuple("Outside", "blobs maps commands mapped_bytes")


class Trace:
    """Follows QEMU's trace: the commands of the guest's kernel, in the order of their execution."""

    def __init__(self, path):
        self.path = path
        self.position = 0
        self.marks = {}
        self._sizes = {}
        self._mapped = set()
        self._blobs = 0
        self._maps = 0
        self._commands = 0

    def wait_for(self, lines):
        """Waits for the marks that the lines report, and returns all marks: an Outside by name."""
        wanted = {match[1] for line in lines if (match := REPORTED_MARK.search(line))}
        deadline = time.monotonic() + TIMEOUT_S
        self._read()
        while not wanted <= self.marks.keys() and time.monotonic() < deadline:
            time.sleep(0.05)
            self._read()
        return self.marks

    def _read(self):
        with open(self.path, "rb") as file:
            file.seek(self.position)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self.position += len(data)
        for line in data.decode(errors="replace").splitlines():
            self._line(line)

    def _line(self, line):
        if match := MARK.match(line):
            mapped_bytes = sum(self._sizes[resource] for resource in self._mapped)
            self.marks[match[1]] = Outside(self._blobs, self._maps, self._commands, mapped_bytes)
            return
        unmap = UNMAP.match(line)
        # QEMU traces an unmap command again in each later state: count the first.
        self._commands += not unmap or unmap[2] == "0"
        if match := CREATE.match(line):
            self._sizes[match[1]] = int(match[2])
            self._blobs += 1
        elif match := MAP.match(line):
            self._mapped.add(match[1])
            self._maps += 1
        elif unmap:
            self._mapped.discard(unmap[1])


class Host:
    """The unpacked packages, and the commands for their programs."""

    def __init__(self):
        self.root = pathlib.Path(guest.fetch("virtgpu-host")[-1])
        self.libraries = self.root / LIBRARIES
        self.linker = self.libraries / LINKER

    def run(self, program):
        """Returns the command for a program, without arguments."""
        path = f"{self.libraries}:{self.libraries}/pulseaudio"
        return [self.linker, "--library-path", path, self.root / program]

    def write_icd(self, path, library):
        """Writes a driver's manifest with the path of its library."""
        path.write_text(
            f'{{"file_format_version": "1.0.1",'
            f' "ICD": {{"library_path": "{library}", "api_version": "1.4.0"}}}}\n'
        )
        return path

    def environment(self, directory, display, preload):
        """preload: a library for the renderer."""
        # virglrenderer starts the server, with arguments and descriptors of its own.
        server = directory / "render-server"
        linker, *words = self.run("usr/libexec/virgl_render_server")
        words = " ".join(f'"{word}"' for word in (linker, "--preload", preload, *words))
        server.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        server.chmod(0o755)
        return {
            **{name: value for name, value in os.environ.items() if not NOT_INHERITED.match(name)},
            "DISPLAY": f":{display}",
            "QEMU_MODULE_DIR": f"{self.libraries}/qemu",
            "RENDER_SERVER_EXEC_PATH": str(server),
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "GALLIUM_DRIVER": "llvmpipe",
            # Other processes may write the shared cache meanwhile.
            "MESA_SHADER_CACHE_DISABLE": "1",
            "LIBGL_DRIVERS_PATH": f"{self.libraries}/dri",
            "GBM_BACKENDS_PATH": f"{self.libraries}/gbm",
            "__EGL_VENDOR_LIBRARY_DIRS": f"{self.root}/usr/share/glvnd/egl_vendor.d",
            "VK_DRIVER_FILES": str(
                self.write_icd(directory / "lvp_icd.json", self.libraries / "libvulkan_lvp.so")
            ),
            "SDL_VIDEODRIVER": "x11",
            "XDG_RUNTIME_DIR": str(directory),
        }


@contextlib.contextmanager
def x_server(log):
    """Runs Xvfb; yields the number of its display."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "640x480x24", "-nolisten", "tcp"]
    process = subprocess.Popen(
        command, pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    os.close(writing)
    try:
        with open(reading) as file:
            display = file.readline().strip()
        if not display:
            raise RuntimeError(f"Xvfb did not start: {log.name}")
        yield display
    finally:
        process.terminate()
        process.wait()


class Virtgpu:
    tools = ["Xvfb", "readelf"]
    programs = [
        "tests/qemu/virtgpu/vmbind-vm-raw",
        "tests/qemu/virtgpu/vmbind-vm-vulkan",
        "tests/qemu/virtgpu/libvmbind_refused.so",
        "layer/vmbind-map-helper",
    ]
    for_host = ["tests/qemu/virtgpu/libvmbind_udmabuf.so"]
    built_by = "./run build"
    boot_seconds = 120

    def __init__(self, series=None):
        """series: of the kernel. The default is the newest, which knows the deferral hint."""
        self.series = series
        self.cases = cases_virtgpu.cases(knows_hint=not series)

    def _write_initramfs(self, path, kernel, host, build, cases):
        programs = [build / program for program in self.programs]
        with guest.initramfs(path, kernel, "WARNING:|BUG:|Oops", cases) as archive:
            order = guest.add_modules(archive, kernel, ["virtio_pci", "virtio_gpu"])
            archive.write("modules/order", "\n".join(order) + "\n")
            archive.write("prepare", f"echo 1 >/sys/bus/pci/devices/{OTHER_DEVICE}/remove\n")
            guest.add_layer(archive, build)
            guest.add_programs(archive, programs)
            names = ["libvulkan_virtio.so", "libvulkan.so.1"]
            names += [name for program in programs for name in guest.needed_libraries(program)]
            guest.add_libraries(archive, "", host.libraries, names, (LINKER, f"lib64/{LINKER}"))
            icd = "usr/share/vulkan/icd.d/virtio_icd.json"
            archive.copy(icd, host.root / icd)

    @contextlib.contextmanager
    def start(self, build, directory, cases, log):
        host = Host()
        kernel = guest.Kernel(
            *guest.fetch("newest-kernel", "amd64", *([self.series] if self.series else []))
        )
        initramfs, trace = directory / "initramfs", directory / "trace.log"
        self._write_initramfs(initramfs, kernel, host, build, cases)
        trace.write_bytes(b"")
        command = [
            *host.run("usr/bin/qemu-system-x86_64"),
            *("-L", host.root / "usr/share/qemu", "-L", host.root / "usr/share/seabios"),
            *("-nodefaults", "-no-user-config", "-no-reboot"),
            *(
                "-machine",
                "q35,memory-backend=memory",
                "-accel",
                "tcg",
                "-cpu",
                "max",
                "-smp",
                "2",
                "-m",
                MEMORY,
            ),
            *("-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on"),
            *("-vga", "none", "-display", "sdl,gl=on"),
            *("-device", f"virtio-gpu-gl-pci,blob=on,hostmem={cases_virtgpu.HOSTMEM},venus=on"),
            # A second DRM device for imports: tests/qemu/virtgpu/other.c.
            *("-device", "virtio-gpu-pci,addr=0x2"),
            *("-serial", "stdio", "-monitor", "none"),
            *("-D", trace, *(word for event in TRACED for word in ("-trace", event))),
            *("-kernel", kernel.image, "-initrd", initramfs),
            # no_timer_check: on a busy machine the kernel's timer check may fail, and the kernel
            # panics. irqaffinity=0: block_kernel_work() of tests/qemu/virtgpu/report.c.
            *("-append", "console=ttyS0 panic=-1 loglevel=4 no_timer_check irqaffinity=0"),
        ]
        with open(directory / "qemu.log", "wb") as errors, x_server(errors) as display:
            environment = host.environment(directory, display, build / self.for_host[0])
            yield Machine(command, log, environment, errors, Trace(trace).wait_for)
