#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# check_workload [--same] [--single] OPS [OPS...]: compares each op stream of panvk_workload on the
# simulated kernel with the marks of the program's Vulkan calls. Prints the first difference and
# exits with status 1.
#   --same    also compares the streams with each other. Only the driver knows the addresses of an
#             image's blocks, so the marks do not contain them.
#   --single  also counts the ops of the workload "single"

import json
import sys

PAGE = 4096


def fail(message):
    sys.exit(f"check_workload: {message}")


class Stream:
    """The op stream of one run, page by page. A page is None (unmapped), "sparse", or (memory, page
    of the memory)."""

    def __init__(self, path):
        self.path = path
        self.pages = {}
        self.memory = {}  # BO -> number of the program's memory
        self.sizes = {}  # BO -> bytes
        self.resources = {}  # id -> [kind, base, size, model or None]
        self.opened = None  # the latest mark
        self.first_op = None
        self.pending = []  # binds of the current call
        self.snapshots = []
        self.calls = []  # (mark, ioctls, ops)
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                self.read(json.loads(line))

    def fail(self, message):
        fail(f"{self.path}: workload {self.name}: {message}")

    def read(self, entry):
        if "mark" in entry:
            self.mark(entry["mark"].split())
        elif entry.get("ioctl") == "bo_create" and entry["result"] == 0:
            self.sizes[entry["handle"]] = entry["size"]
            if self.opened and self.opened[0] == "memory" and entry["size"] == int(self.opened[2]):
                self.memory[entry["handle"]] = int(self.opened[1])
        elif entry.get("ioctl") == "gem_close" and entry["result"] == 0:
            self.memory.pop(entry["handle"], None)
        elif entry.get("ioctl") == "vm_bind":
            self.bind(entry)

    def bind(self, entry):
        if entry["result"] != 0:
            self.fail(f"the kernel refused {entry}")
        if self.calls:
            self.calls[-1][1] += 1
            self.calls[-1][2] += len(entry["ops"])
        for op in entry["ops"]:
            if op["type"] == "sync_only":
                continue
            if self.first_op is None and op["type"] == "map":
                self.first_op = op
            first = op["va"] // PAGE
            for i in range((op["size"] + PAGE - 1) // PAGE):
                if op["type"] == "unmap":
                    self.pages.pop(first + i, None)
                elif "sparse" in op["flags"]:
                    self.pages[first + i] = "sparse"
                else:
                    self.pages[first + i] = (self.memory.get(op["bo"]), op["offset"] // PAGE + i)

    def show(self, page):
        """A BO that is not the program's memory is a driver's fallback BO, and counts as sparse."""
        content = self.pages.get(page)
        if isinstance(content, tuple) and content[0] is None:
            return "sparse"
        return content

    def range(self, base, size):
        return [self.show(base // PAGE + i) for i in range(size // PAGE)]

    def mark(self, words):
        previous, self.opened = self.opened, words
        word = words[0]
        if word == "begin":
            self.name = words[1]
            self.resources = {}
        elif word == "create":
            self.first_op = None
        elif word in ("buffer", "image"):
            self.created(word, words)
        elif word == "bind":
            self.pending.append([int(w) for w in words[1:]])
        elif word == "blocks":
            self.resources[int(words[1])][3] = None
        elif word == "bound":
            self.bound()
        elif word == "destroy":
            self.destroyed = self.resources.pop(int(words[1]))
        elif word == "ready" and previous and previous[0] == "destroy":
            _, base, size, _ = self.destroyed
            if any(self.range(base, size)):
                self.fail("pages of a destroyed resource are still mapped")
        elif word == "check":
            self.check()
        if word in ("create", "bind", "blocks", "destroy"):
            if not (word == "bind" and previous and previous[0] == "bind"):
                self.calls.append([word, 0, 0])
        elif word in ("ready", "begin"):
            self.calls.append(["", 0, 0])

    def created(self, kind, words):
        size = (int(words[2]) + PAGE - 1) // PAGE * PAGE
        if self.first_op is None:
            fail(f"{self.path}: no map op for {words}")
        base = self.first_op["va"]
        if kind == "buffer" and base != int(words[3]):
            self.fail(f"{words}: the first map op is at {base}")
        shown = self.range(base, size)
        if shown != ["sparse"] * len(shown):
            self.fail(f"{words}: some pages are not sparse after creation")
        self.resources[int(words[1])] = [kind, base, size, shown]

    def bound(self):
        for resource, offset, size, memory, memory_offset in self.pending:
            model = self.resources[resource][3]
            if model is None:
                continue
            for i in range((size + PAGE - 1) // PAGE):
                model[offset // PAGE + i] = (
                    (memory, memory_offset // PAGE + i) if memory else "sparse"
                )
        self.pending = []
        for number, (_, base, size, model) in self.resources.items():
            if model is not None:
                self.compare(number, self.range(base, size), model)

    def compare(self, number, shown, model):
        for i, (actual, expected) in enumerate(zip(shown, model)):
            if actual != expected:
                self.fail(f"resource {number}, page {i}: {actual}, expected {expected}")

    def check(self):
        self.snapshots.append(
            (
                self.name,
                {n: self.range(base, size) for n, (_, base, size, _) in self.resources.items()},
            )
        )


def compare(one, other):
    if len(one.snapshots) != len(other.snapshots):
        fail(f"{other.path}: {len(other.snapshots)} checks, {one.path}: {len(one.snapshots)}")
    for (name, here), (_, there) in zip(one.snapshots, other.snapshots):
        if here.keys() != there.keys():
            fail(f"{other.path}: workload {name}: resources differ from {one.path}")
        for number, shown in here.items():
            if len(shown) != len(there[number]):
                fail(
                    f"{other.path}: workload {name}: the size of resource {number} differs from"
                    f" {one.path}"
                )
            for i, (a, b) in enumerate(zip(shown, there[number])):
                if a != b:
                    fail(
                        f"{other.path}: workload {name}: resource {number}, page {i}: {b}, in"
                        f" {one.path} {a}"
                    )


def check_single(stream):
    counts = [
        (word, ioctls, ops)
        for word, ioctls, ops in stream.calls
        if word in ("create", "bind", "blocks")
    ]
    if len(counts) != 7:
        fail(f"{stream.path}: {len(counts)} calls, expected 7")
    for word, ioctls, ops in counts:
        if (ioctls, ops) != (1, 1):
            fail(f"{stream.path}: {word}: {ioctls} ioctls and {ops} ops, expected 1 and 1")


def main():
    arguments = sys.argv[1:]
    options = [a for a in arguments if a.startswith("--")]
    streams = [Stream(path) for path in arguments if not path.startswith("--")]
    if not streams or not all(s.snapshots for s in streams):
        fail("a stream has no 'check' mark")
    if "--single" in options:
        for stream in streams:
            check_single(stream)
    if "--same" in options:
        for other in streams[1:]:
            compare(streams[0], other)
    print(f"{len(streams)} streams, {sum(len(s.snapshots) for s in streams)} checks")


main()
