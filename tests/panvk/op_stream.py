# SPDX-License-Identifier: MIT
"""Programs on panvk (scripts/panvk), and what the op stream of the simulated kernel says of
them."""

import bisect
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
SKIPPED = 77


def fail(message):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {message}")


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def run_command(command, environment=()):
    """The finished process, with its output. A program that waits for ever ends."""
    variables = {k: v for k, v in os.environ.items() if k != "VMBIND_SIM_FAULT"} | dict(environment)
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=variables,
            timeout=240,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        fail(f"does not end: {' '.join(command)}")
    if done.returncode == SKIPPED:
        print(done.stdout + done.stderr)
        sys.exit(SKIPPED)
    return done


def command_of(generation, panthor, ops, program, *arguments, options=()):
    command = [
        "scripts/panvk",
        "--cached",
        generation,
        "--panthor",
        panthor,
        "--ops",
        ops,
        *options,
    ]
    return [*command, f"build-arm64/tests/panvk/{program}", *arguments]


def run(generation, panthor, program, *arguments, options=(), environment=()):
    """The op stream of a program that was run by scripts/panvk, and the finished process."""
    with tempfile.TemporaryDirectory() as directory:
        ops = os.path.join(directory, "ops")
        done = run_command(
            command_of(generation, panthor, ops, program, *arguments, options=options), environment
        )
        return read(ops), done


def fault_number(stream, ioctl):
    """How many of these ioctls, or of the ops of VM_BINDs, come up to the first one behind the mark
    "fault", and with it."""
    count, marked = 1, False
    for entry in stream:
        marked = marked or entry.get("mark") == "fault"
        is_one = entry.get("ioctl") == ioctl.removesuffix("_op")
        if is_one and marked:
            return count
        if is_one:
            count += len(entry["ops"]) if ioctl.endswith("_op") else 1
    return fail(f"there is no {ioctl} behind the mark")


def left(stream):
    """What was in the VMs when they were destroyed."""
    maps = [entry["map"] for entry in stream if "map" in entry]
    if not maps:
        fail("no VM was destroyed")
    return {(area["kind"], area["va"], area["size"]) for areas in maps for area in areas}


def leftovers(generation, panthor):
    """What the driver leaves in the VM of any device: half of a ring that it maps twice."""
    stream, _ = run(generation, panthor, "panvk_provide", "features", options=["--no-layer"])
    return left(stream)


class Map:
    """What is mapped in a VM: ranges that do not overlap, each [start, end, what, offset into
    it]."""

    def __init__(self):
        self.areas = []

    def replace(self, start, end, what, offset):
        """what None takes away what is there."""
        areas = []
        first = bisect.bisect_right(self.areas, start, key=lambda area: area[1])
        last = first
        while last < len(self.areas) and self.areas[last][0] < end:
            a, b, old, at = self.areas[last]
            if a < start:
                areas.append([a, start, old, at])
            if b > end:
                areas.append([end, b, old, at + end - a])
            last += 1
        if what is not None:
            areas.append([start, end, what, offset])
        self.areas[first:last] = sorted(areas, key=lambda area: area[0])

    def shows(self, start, end, what, offset):
        """Whether a range has nothing else than this in it, which for memory goes on from
        offset."""
        at = start
        for a, b, there, begin in self.areas:
            if b <= start or a >= end:
                continue
            if a > at or there != what or (what != "sparse" and begin - a != offset - start):
                return False
            at = b
        return at >= end


class Stream:
    """
    Follows a stream. Of the program's marks it knows

      memory N SIZE     the next BO of that size, which no other BO has, is memory N
      shows N ADDRESS SIZE sparse | shows N ADDRESS SIZE MEMORY OFFSET
                        what has to be mapped there, in the VM that memory N was created for
      fault, failed     what lies between is to change nothing
    """

    def __init__(self, name, stream, panthor, is_checked=True):
        self.name = f"{name}, panthor {panthor}"
        self.has_sparse = panthor == "1.9"
        self.is_checked = is_checked  # against the marks
        self.stream = stream
        self.wanted = {}  # size -> memory
        self.memory = {}  # memory -> (file, VM)
        self.handles = {}  # (file, handle) -> id of the BO
        self.names = {}  # id -> memory
        self.maps = {}  # (file, VM) -> Map
        self.before = None
        self.last = None  # mark
        self.shown = 0
        for entry in stream:
            if "mark" in entry:
                self.last = entry["mark"]
                self.marked(self.last.split())
            elif entry.get("ioctl") and entry["result"] == 0 or entry.get("ioctl") == "vm_bind":
                self.told(entry)

    def complain(self, message):
        fail(f"{self.name}, at '{self.last}': {message}")

    def marked(self, words):
        if words[0] == "memory":
            self.wanted[int(words[2])] = int(words[1])
        elif words[0] == "shows" and self.is_checked:
            self.check_shown(*(int(word) if word.isdigit() else word for word in words[1:]))
        elif words[0] == "fault":
            self.before = self.snapshot()
        elif words[0] == "failed" and self.snapshot() != self.before:
            self.complain(f"not as it was: {self.before}, now {self.snapshot()}")

    def snapshot(self):
        return dict(self.handles), {
            vm: [list(a) for a in there.areas] for vm, there in self.maps.items()
        }

    def told(self, entry):
        kind, file = entry["ioctl"], entry["file"]
        if kind == "bo_create":
            self.handles[file, entry["handle"]] = entry["id"]
            number = self.wanted.pop(entry["size"], None)
            if number is not None:
                self.names[entry["id"]] = number
                self.memory[number] = (file, entry["vm"])
        elif kind == "prime_fd_to_handle":
            self.handles.setdefault((file, entry["handle"]), "imported")
        elif kind == "gem_close":
            del self.handles[file, entry["handle"]]
        elif kind == "vm_create":
            self.maps[file, entry["vm"]] = Map()
        elif kind == "vm_destroy":
            del self.maps[file, entry["vm"]]
        elif kind == "vm_bind":
            done = len(entry["ops"]) if entry["result"] == 0 else entry["failed_index"] or 0
            for op in entry["ops"][:done]:
                self.apply(file, self.maps[file, entry["vm"]], op)

    def apply(self, file, there, op):
        end = op["va"] + op["size"]
        if op["type"] == "unmap":
            there.replace(op["va"], end, None, 0)
        elif op["type"] == "map" and "sparse" in op["flags"]:
            there.replace(op["va"], end, "sparse", 0)
        elif op["type"] == "map":
            what = self.names.get(self.handles[file, op["bo"]])
            # Without the sparse op, ranges are filled with what is not the application's.
            what = what or ("something else" if self.has_sparse else "sparse")
            there.replace(op["va"], end, what, op["offset"])

    def check_shown(self, number, address, size, what, offset=0):
        there = self.maps[self.memory[number]]
        if not there.shows(address, address + size, what, offset):
            near = [area for area in there.areas if area[0] < address + size and area[1] > address]
            self.complain(f"in VM {self.memory[number]} there is {near}")
        self.shown += 1

    def finish(self, leftovers=frozenset()):
        """All came to its end, and nothing is left in VMs or of handles."""
        if self.last != "done":
            self.complain("did not come to its end")
        if not self.shown:
            self.complain("there was nothing to check")
        if self.handles or left(self.stream) - leftovers:
            self.complain(f"leaves BOs {self.handles} and {left(self.stream) - leftovers}")

    def between(self, first, last=None):
        """What the kernel was told from this mark on to that one, or to the next one whatever it
        is."""
        entries, inside = [], False
        for entry in self.stream:
            if "mark" in entry:
                if inside and (last is None or entry["mark"] == last):
                    return entries
                inside = inside or entry["mark"] == first
            elif inside and "ioctl" in entry:
                entries.append(entry)
        return entries
