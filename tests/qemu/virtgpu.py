# SPDX-License-Identifier: MIT
"""An x86-64 machine with virtio-gpu, whose Vulkan is the host's lavapipe by way of Venus. QEMU,
what it draws with and the guest's driver are of one newer Debian suite, unpacked beside; it needs
neither KVM nor a GPU, nor root."""

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
# Where on the PCI bus the second GPU is. It is only there for cases that bring it in: Venus fails
# where there are two.
OTHER_DEVICE = "0000:00:02.0"

CREATE = re.compile(r"virtio_gpu_cmd_res_create_blob res (\S+), size (\d+)")
MAP = re.compile(r"virtio_gpu_cmd_res_map_blob res (\S+),")
UNMAP = re.compile(r"virtio_gpu_cmd_res_unmap_blob res (\S+),.* mapping_state (\d+)")
# A context that is only opened for its name: tests/qemu/virtgpu/report.c.
MARK = re.compile(r"virtio_gpu_cmd_ctx_create ctx \S+, name (vm:\S+)")

TRACED = [
    "virtio_gpu_cmd_ctx_create",
    "virtio_gpu_cmd_ctx_res_*",
    "virtio_gpu_cmd_res_*_blob",
    "virtio_gpu_cmd_res_unref",
]

# The same mark, as the guest's programs report it.
REPORTED_MARK = re.compile(r'"mark": "(vm:[^"]+)"')
# How long QEMU may be behind what the guest has said.
PATIENCE = 30

# What the caller's shell may have set is not the renderer's business.
NOT_INHERITED = re.compile(r"VK_|VMBIND_|ENABLE_|DISABLE_|MESA_|LIBGL_|GALLIUM_")

# What the host had been asked for when it came to a mark: commands are all that are traced, but for
# marks.
Outside = collections.namedtuple("Outside", "blobs maps commands mapped_bytes")


class Trace:
    """Follows QEMU's trace: what the guest's kernel asks the host for, in that order."""

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
        """Returns the marks, an Outside for each name, when those are among them that the lines
        report."""
        wanted = {match[1] for line in lines if (match := REPORTED_MARK.search(line))}
        deadline = time.monotonic() + PATIENCE
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
        # QEMU comes back to an unmapping, in another state.
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
    """The unpacked packages, and how programs from there are run."""

    def __init__(self):
        self.root = pathlib.Path(guest.fetch("virtgpu-host")[-1])
        self.libraries = self.root / LIBRARIES
        self.linker = self.libraries / LINKER

    def run(self, program):
        """A command, up to the program's arguments."""
        path = f"{self.libraries}:{self.libraries}/pulseaudio"
        return [self.linker, "--library-path", path, self.root / program]

    def write_icd(self, path, library):
        """A driver's manifest with the path of its library."""
        path.write_text(
            f'{{"file_format_version": "1.0.1",'
            f' "ICD": {{"library_path": "{library}", "api_version": "1.4.0"}}}}\n'
        )
        return path

    def environment(self, directory, display, preload):
        """preload: a library for the renderer."""
        # virglrenderer starts it by itself, with its own arguments and descriptors.
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
            # A file that whoever else draws at the time may be changing; nothing here is worth
            # keeping.
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
    """A display that nobody sees; yields its number."""
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
        """series: of the kernel; the newest by default, which knows the hint to map later."""
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
            # Another DRM device, to import into: tests/qemu/virtgpu/other.c.
            *("-device", "virtio-gpu-pci,addr=0x2"),
            *("-serial", "stdio", "-monitor", "none"),
            *("-D", trace, *(word for event in TRACED for word in ("-trace", event))),
            *("-kernel", kernel.image, "-initrd", initramfs),
            # The kernel panics if it gets no timer interrupt in a moment of its choice, on a busy
            # machine too.
            *("-append", "console=ttyS0 panic=-1 loglevel=4 no_timer_check irqaffinity=0"),
        ]
        with open(directory / "qemu.log", "wb") as errors, x_server(errors) as display:
            environment = host.environment(directory, display, build / self.for_host[0])
            yield Machine(command, log, environment, errors, Trace(trace).wait_for)
