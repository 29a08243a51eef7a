#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# panvk GENERATION [SEED]: traces random workloads of panvk_workload, on panthor with and without
# the sparse op. Compares the trace's ops with the simulated kernel's ops, its binds with the
# program's binds, and its places of image blocks with the driver's.

import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../panvk")]
from events import Trace, fail  # noqa: E402
from op_stream import SKIPPED, command_of, read  # noqa: E402

os.chdir(os.path.join(HERE, "../.."))
BLOCK = 65536
PAGE = 4096


def run(generation, panthor, directory, workloads):
    trace, ops = os.path.join(directory, "trace"), os.path.join(directory, "ops")
    if os.path.exists(trace):
        os.unlink(trace)
    command = command_of(generation, panthor, ops, "panvk_workload", *workloads)
    result = subprocess.run(command, env=dict(os.environ, VMBIND_TRACE=trace), check=False)
    if result.returncode == SKIPPED:
        sys.exit(SKIPPED)
    if result.returncode != 0:
        fail(f"the program ended with {result.returncode}")
    return Trace(trace), read(ops)


def op_of_kernel(op):
    kind = (
        "sparse" if "sparse" in op["flags"] else {"sync_only": "sync"}.get(op["type"], op["type"])
    )
    memory = (op["bo"], op["offset"]) if kind == "map" else None
    return (kind, op["va"], op["size"], memory)


def op_of_trace(op):
    memory = (op.number("backing"), op.number("offset")) if op.name == "map" else None
    return (op.name, op.hexadecimal("va"), op.number("size"), memory)


def devices_of_kernel(stream):
    """The VM_BIND ioctls of each device. Each workload creates one device and writes marks."""
    devices, current = [], None
    for entry in stream:
        if entry.get("mark", "").startswith("begin"):
            current = []
            devices.append(current)
        elif current is not None and entry.get("ioctl") == "vm_bind":
            if entry["result"] != 0:
                fail(f"the kernel refused {entry}")
            current.append([op_of_kernel(op) for op in entry["ops"]])
    return devices


def compare_ops(trace, stream):
    """Compares the intercepted ops with the kernel's. Interception lasts from vkCreateDevice until
    just before the driver destroys the device."""
    expected = devices_of_kernel(stream)
    calls = [
        event for event in trace.slices if event.category == "kernel" and event.name == "VM_BIND"
    ]
    creations = sorted(event.start for event in trace.named("vkCreateDevice"))
    if len(creations) != len(expected):
        fail(f"{len(creations)} devices in the trace, {len(expected)} in the kernel")
    total = 0
    for i, ioctls in enumerate(expected):
        end = creations[i + 1] if i + 1 < len(creations) else float("inf")
        mine = sorted((c for c in calls if creations[i] <= c.start < end), key=lambda c: c.start)
        found = []
        for call in mine:
            inside = [
                op
                for op in trace.ops
                if op.thread == call.thread and call.start <= op.start and op.end <= call.end
            ]
            if len(inside) != call.number("ops"):
                fail(f"{len(inside)} ops lie in {call.data}")
            found.append([op_of_trace(op) for op in inside])
        if not found or found != ioctls[: len(found)]:
            position = next(
                (j for j, (a, b) in enumerate(zip(found, ioctls)) if a != b), len(ioctls)
            )
            fail(
                f"device {i}, ioctl {position}: {found[position:][:1]} in the trace,"
                f" {ioctls[position:][:1]} in the kernel"
            )
        rest = [op for ioctl in ioctls[len(found) :] for op in ioctl]
        if any(op[0] != "unmap" for op in rest):
            fail(f"device {i}: the trace lacks ops of the kernel: {rest}")
        total += sum(len(ops) for ops in found)
    return total


def compare_binds(trace, stream):
    """Compares the binds of each call, except binds of image blocks."""
    expected, pending = [], None
    for words in (entry["mark"].split() for entry in stream if "mark" in entry):
        if words[0] in ("bind", "blocks"):
            pending = pending or []
            pending += (
                [tuple(int(word) for word in words[2:])] if words[0] == "bind" else ["blocks"]
            )
        elif words[0] == "bound":
            expected.append(pending)
            pending = None
    calls = sorted(trace.named("vkQueueBindSparse"), key=lambda call: call.start)
    if len(calls) != len(expected):
        fail(f"{len(calls)} calls in the trace, expected {len(expected)}")
    memories = number_memories(trace)
    in_tails = {(b.thread, b.start) for b in trace.binds if "level" in b.args}
    for call, wanted in zip(calls, expected):
        inside = [
            b for b in trace.binds if b.thread == call.thread and call.start <= b.start <= call.end
        ]
        if wanted == ["blocks"]:
            continue
        found = []
        for bind in inside:
            memory = memories[bind.hexadecimal("memory"), call.start] if bind.name == "bind" else 0
            memory_offset = bind.number("memory_offset") if memory else 0
            found.append((bind.number("offset"), bind.number("size"), memory, memory_offset))
        # The trace's offsets of mip tails differ from the driver's.
        if any((bind.thread, bind.start) in in_tails for bind in inside):
            found = [bind[1:] for bind in found]
            wanted = [bind[1:] for bind in wanted]
        if found != wanted:
            fail(f"{found} in {call.data}, expected {wanted}")


class number_memories:
    """Maps handles to the programs' memory numbers: 1, 2, ... for each device."""

    def __init__(self, trace):
        self.allocations = []
        number = 0
        for event in sorted(
            trace.named("vkCreateDevice") + trace.named("vkAllocateMemory"), key=lambda e: e.start
        ):
            number = 0 if event.name == "vkCreateDevice" else number + 1
            if number:
                self.allocations.append((event.start, event.hexadecimal("memory"), number))

    def __getitem__(self, key):
        handle, time = key
        return [
            number
            for start, memory, number in self.allocations
            if memory == handle and start < time
        ][-1]


def compare_blocks(trace):
    """Compares the places of image blocks. The offset of a level differs between trace and driver.
    Within a level both order the blocks by rows."""
    bos, places = {}, {}
    compared = 0
    events = sorted(trace.calls, key=lambda event: event.start)
    for call in events:
        inside = [op for op in trace.ops if trace.call_of.get(id(op)) is call]
        if call.name == "vkAllocateMemory":
            maps = [op for op in inside if op.name == "map"]
            bos[call.hexadecimal("memory")] = maps[-1].number("backing")
        elif call.name == "vkDestroyImage":
            image = call.hexadecimal("image")
            places = {key: value for key, value in places.items() if key[0] != image}
        elif call.name == "vkQueueBindSparse":
            binds = [
                b
                for b in trace.binds
                if b.thread == call.thread and call.start <= b.start <= call.end
            ]
            if not binds or "level" not in binds[0].args:
                continue
            shown, wanted = {}, {}
            for op in inside:
                for i in range(op.number("size") // BLOCK if op.name == "map" else 0):
                    key = (op.number("backing"), op.number("offset") + i * BLOCK)
                    shown.setdefault(key, []).append(op.hexadecimal("va") + i * BLOCK)
            for bind in binds:
                for i in range(bind.number("size") // BLOCK if bind.name == "bind" else 0):
                    key = (
                        bos[bind.hexadecimal("memory")],
                        bind.number("memory_offset") + i * BLOCK,
                    )
                    level = (bind.hexadecimal("image"), bind.number("layer"), bind.number("level"))
                    wanted.setdefault(key, []).append((level, bind.number("offset") + i * BLOCK))
            # If a call binds a place twice, the driver may pass only the last bind to the kernel.
            last = {block: key for key, blocks in wanted.items() for block in blocks}
            for key, blocks in wanted.items():
                if len(blocks) != 1 or len(shown.get(key, [])) != 1 or last[blocks[0]] != key:
                    continue
                level, offset = blocks[0]
                place = shown[key][0] - offset
                if places.setdefault(level, place) != place:
                    fail(
                        f"level {level} begins at {place:#x}, but earlier at {places[level]:#x}, in"
                        f" {call.data}"
                    )
                compared += 1
    return compared


def main():
    generation = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 30)
    print(f"seed {seed}")
    workloads = ["single"] + [str(seed + i) for i in range(14)]
    with tempfile.TemporaryDirectory() as directory:
        for panthor in ("1.9", "1.8"):
            trace, stream = run(generation, panthor, directory, workloads)
            route = {event.args["route"] for event in trace.named("vkCreateDevice")}
            trace.check_complete()
            compare_binds(trace, stream)
            if generation == "26.2":
                if route != {"native"} or trace.ops:
                    fail(f"routes {route}")
                print(f"panthor {panthor}: {route}")
                continue
            ops = compare_ops(trace, stream)
            blocks = compare_blocks(trace)
            if generation == "26.1" and (route != {"assist"} or not blocks):
                fail(f"routes {route}, {blocks} blocks compared")
            if generation == "25.0" and route != {"provide"}:
                fail(f"routes {route}")
            if trace.last_counter("bound", "bytes") != 0 or trace.most("bound", "bytes") == 0:
                fail("the counter of bound bytes is never above 0 or does not end with 0")
            print(
                f"panthor {panthor}: {ops} ops, {blocks} blocks,"
                f" {trace.last_counter('saved', 'ops')} ops saved"
            )


main()
