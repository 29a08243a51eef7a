# SPDX-License-Identifier: MIT
"""One run of an emulated machine, read from its console."""

import os
import re
import selectors
import subprocess
import time

BEGIN = re.compile(r"vm: begin (\S+)$")
END = re.compile(r"vm: end (\S+) (\S+) (\d+) (\d+)$")
UP = re.compile(r"vm: up (\S+) (\S+)$")
DONE = re.compile(r"vm: done (\d+)$")

# The control character "resume output": the guest's terminal drops it, after an interrupt.
XON = b"\x11"
QUIET_SECONDS = 2


class Result:
    """The result of a run: output lines, exit status ("hung" if the run did not end), number of
    complaints in the kernel's log, number of hung processes after the run, and the result of
    Machine's outside()."""

    def __init__(self, name):
        self.name = name
        self.lines = []
        self.status = None
        self.complaints = 0
        self.hung = 0
        self.outside = None


class Machine:
    def __init__(self, command, log, environment=None, errors=subprocess.STDOUT, outside=None):
        """log: a file for the console output; errors: a file for the emulator's own output;
        outside: a function that is called with each run's output lines, for data from outside the
        guest."""
        self.log = log
        self.results = {}
        self.uptime = None
        self.release = None
        self.hung = None  # number of hung processes after all cases
        self.ending = "was killed"  # how the emulator ended, for messages
        self._current = None
        self._outside = outside
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )

    def run(self, seconds, ended):
        """Runs until the machine powers off, or the seconds are over. Calls ended(result) after
        each run of a case."""
        deadline = time.monotonic() + seconds
        rest = b""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self.process.stdout, selectors.EVENT_READ)
                while (left := deadline - time.monotonic()) > 0:
                    if not selector.select(min(left, QUIET_SECONDS)):
                        self._wake()
                        continue
                    data = os.read(self.process.stdout.fileno(), 1 << 16)
                    if not data:
                        self.ending = f"ended with {self.process.wait()}"
                        break
                    self.log.write(data)
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        self._line(line.decode(errors="replace").rstrip("\r"), ended)
        finally:
            self.process.kill()
            self.process.wait()

    def _wake(self):
        """Sends the guest's UART an interrupt. In about one of thirty runs, the emulated 16550 of a
        multiprocessor guest loses its transmit interrupt, and writers to the console block. Any
        other interrupt of the UART wakes them."""
        try:
            os.write(self.process.stdin.fileno(), XON)
        except BrokenPipeError:
            pass

    def _line(self, line, ended):
        if match := UP.match(line):
            self.uptime, self.release = float(match[1]), match[2]
        elif match := BEGIN.match(line):
            self._current = Result(match[1])
        elif match := DONE.match(line):
            self.hung = int(match[1])
        elif self._current and (match := END.match(line)):
            self._current.status, self._current.complaints, self._current.hung = (
                match[2],
                int(match[3]),
                int(match[4]),
            )
            if self._outside:
                self._current.outside = self._outside(self._current.lines)
            self.results[self._current.name] = self._current
            ended(self._current)
            self._current = None
        elif self._current:
            self._current.lines.append(line)
