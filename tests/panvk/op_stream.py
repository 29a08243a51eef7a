# SPDX-License-Identifier: MIT
"""Runs programs on panvk (scripts/panvk), and checks their op streams of the simulated kernel."""

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
    """Returns the finished process with its output. Fails after a timeout."""
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
        fail(f"timeout: {' '.join(command)}")
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
    """Runs a program by scripts/panvk. Returns its op stream and the finished process."""
    with tempfile.TemporaryDirectory() as directory:
        ops = os.path.join(directory, "ops")
        done = run_command(
            command_of(generation, panthor, ops, program, *arguments, options=options), environment
        )
        return read(ops), done


def fault_number(stream, ioctl):
    """The 1-based number of the first such ioctl after the mark "fault". For "vm_bind_op" the
    number counts ops."""
    count, marked = 1, False
    for entry in stream:
        marked = marked or entry.get("mark") == "fault"
        is_one = entry.get("ioctl") == ioctl.removesuffix("_op")
        if is_one and marked:
            return count
        if is_one:
            count += len(entry["ops"]) if ioctl.endswith("_op") else 1
    return fail(f"no {ioctl} after the mark 'fault'")


def left(stream):
    """The maps that the VMs still had when they were destroyed."""
    maps = [entry["map"] for entry in stream if "map" in entry]
    if not maps:
        fail("no VM was destroyed")
    return {(area["kind"], area["va"], area["size"]) for areas in maps for area in areas}


def leftovers(generation, panthor):
    """The maps that the driver itself leaves in each VM: half of a ring that is mapped twice."""
    stream, _ = run(generation, panthor, "panvk_provide", "features", options=["--no-layer"])
    return left(stream)


class Map:
    """The maps of a VM: ranges that do not overlap, each [start, end, content, offset into the
    content]."""

    def __init__(self):
        self.areas = []

    def replace(self, start, end, content, offset):
        """Maps the range. content None unmaps it."""
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
        if content is not None:
            areas.append([start, end, content, offset])
        self.areas[first:last] = sorted(areas, key=lambda area: area[0])

    def shows(self, start, end, content, offset):
        """Whether all of a range maps this content. Memory must be contiguous from offset on."""
        at = start
        for a, b, mapped, begin in self.areas:
            if b <= start or a >= end:
                continue
            if a > at or mapped != content:
                return False
            if content != "sparse" and begin - a != offset - start:
                return False
            at = b
        return at >= end


class Stream:
    """
    Follows a stream, and checks these marks of the program:

      memory N SIZE     the next BO of that size is memory N; no other BO has that size
      shows N ADDRESS SIZE sparse | shows N ADDRESS SIZE MEMORY OFFSET
                        the expected map of the range, in the VM that memory N was created for
      fault, failed     the state at "failed" must be the state at "fault"
    """

    def __init__(self, name, stream, panthor, is_checked=True):
        self.name = f"{name}, panthor {panthor}"
        self.has_sparse = panthor == "1.9"
        self.is_checked = is_checked  # whether "shows" marks are checked
        self.stream = stream
        self.wanted = {}  # size -> memory
        self.memory = {}  # memory -> (file, VM)
        self.handles = {}  # (file, handle) -> id of the BO
        self.names = {}  # id -> memory
        self.maps = {}  # (file, VM) -> Map
        self.before = None
        self.last = None  # the latest mark
        self.shown = 0
        for entry in stream:
            if "mark" in entry:
                self.last = entry["mark"]
                self.handle_mark(self.last.split())
            elif entry.get("ioctl") and entry["result"] == 0 or entry.get("ioctl") == "vm_bind":
                self.handle_ioctl(entry)

    def fail(self, message):
        fail(f"{self.name}, at '{self.last}': {message}")

    def handle_mark(self, words):
        if words[0] == "memory":
            self.wanted[int(words[2])] = int(words[1])
        elif words[0] == "shows" and self.is_checked:
            self.check_shown(*(int(word) if word.isdigit() else word for word in words[1:]))
        elif words[0] == "fault":
            self.before = self.snapshot()
        elif words[0] == "failed" and self.snapshot() != self.before:
            self.fail(f"the state changed from {self.before} to {self.snapshot()}")

    def snapshot(self):
        return dict(self.handles), {
            vm: [list(a) for a in vm_map.areas] for vm, vm_map in self.maps.items()
        }

    def handle_ioctl(self, entry):
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

    def apply(self, file, vm_map, op):
        end = op["va"] + op["size"]
        if op["type"] == "unmap":
            vm_map.replace(op["va"], end, None, 0)
        elif op["type"] == "map" and "sparse" in op["flags"]:
            vm_map.replace(op["va"], end, "sparse", 0)
        elif op["type"] == "map":
            content = self.names.get(self.handles[file, op["bo"]])
            # Without the sparse op, sparse ranges map a BO that is not the application's.
            content = content or ("something else" if self.has_sparse else "sparse")
            vm_map.replace(op["va"], end, content, op["offset"])

    def check_shown(self, number, address, size, content, offset=0):
        vm_map = self.maps[self.memory[number]]
        if not vm_map.shows(address, address + size, content, offset):
            near = [area for area in vm_map.areas if area[0] < address + size and area[1] > address]
            self.fail(f"VM {self.memory[number]} maps {near}")
        self.shown += 1

    def finish(self, leftovers=frozenset()):
        """Checks that the program reached its end, and left no maps and no GEM handles."""
        if self.last != "done":
            self.fail("the program did not reach the mark 'done'")
        if not self.shown:
            self.fail("the program wrote no 'shows' mark")
        if self.handles or left(self.stream) - leftovers:
            self.fail(f"leaves BOs {self.handles} and maps {left(self.stream) - leftovers}")

    def between(self, first, last=None):
        """The ioctls from the first mark to the last one. last None means the next mark."""
        entries, inside = [], False
        for entry in self.stream:
            if "mark" in entry:
                if inside and (last is None or entry["mark"] == last):
                    return entries
                inside = inside or entry["mark"] == first
            elif inside and "ioctl" in entry:
                entries.append(entry)
        return entries
