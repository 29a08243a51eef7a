# SPDX-License-Identifier: MIT
"""The virtual machine: its device tree, and one run of it."""

import os
import re
import selectors
import subprocess
import time

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
BEGIN = re.compile(r"vm: begin (\S+)$")
END = re.compile(r"vm: end (\S+) (\S+) (\d+)$")
UP = re.compile(r"vm: up (\S+) (\S+)$")


class Result:
    """What a case gave: its output, its exit status ("hung" if it did not end) and how often the kernel complained."""

    def __init__(self, name):
        self.name = name
        self.lines = []
        self.status = None
        self.complaints = 0


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


class Machine:
    def __init__(self, kernel, initramfs, device_tree, log):
        """log: a file that gets all that the console says."""
        self.log = log
        self.results = {}
        self.uptime = None
        self.release = None
        self.finished = False
        self._current = None
        command = [*QEMU, "-serial", "stdio", "-monitor", "none"]
        command += ["-kernel", kernel, "-initrd", initramfs, "-dtb", device_tree]
        command += ["-append", "console=ttyAMA0 panic=-1 loglevel=4"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, seconds, ended):
        """Until it powers off, or for so many seconds; calls ended(result) after each case."""
        deadline = time.monotonic() + seconds
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while selector.select(max(0, deadline - time.monotonic())):
                data = os.read(self.process.stdout.fileno(), 1 << 16)
                if not data:
                    break
                self.log.write(data)
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._line(line.decode(errors="replace").rstrip("\r"), ended)
        self.process.kill()
        self.process.wait()

    def _line(self, line, ended):
        if match := UP.match(line):
            self.uptime, self.release = float(match[1]), match[2]
        elif match := BEGIN.match(line):
            self._current = Result(match[1])
        elif line == "vm: done":
            self.finished = True
        elif self._current and (match := END.match(line)):
            self._current.status, self._current.complaints = match[2], int(match[3])
            self.results[self._current.name] = self._current
            ended(self._current)
            self._current = None
        elif self._current:
            self._current.lines.append(line)
