#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# calls CASE PROGRAM [RUNNER...]: runs trace_workload with a trace, on the driver of the environment
# or by RUNNER, and compares the trace with what the program did, as it wrote it down itself, and
# with what the kernel had mapped.
#
#   provide     a seed of the day's time
#   native      the same on a driver that has sparse resources of its own
#   threads     four threads
#   killed      by SIGKILL
#   processes   two at once, and a third later, on one file
#   unwritable  nothing happens but an error in the log

import json
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from events import Trace, fail  # noqa: E402

PAGE = 4096
PROGRAM = sys.argv[2]
RUNNER = sys.argv[3:]


def start(directory, scenario, seed, trace="trace", name="list"):
    environment = dict(os.environ, VMBIND_TRACE=os.path.join(directory, trace))
    command = RUNNER + [PROGRAM, os.path.join(directory, name), scenario, str(seed)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(process, status=0):
    said = process.communicate(timeout=100)[1]
    if process.returncode == 77:
        print(said)
        sys.exit(77)
    if process.returncode != status:
        fail(f"the program ended with {process.returncode}: {said}")
    return said


class List:
    """What the program wrote down."""

    def __init__(self, directory, name="list"):
        self.path = os.path.join(directory, name)
        self.memories = []
        self.resources = []  # [handle, size, [(offset, size, memory, memory offset)]]
        there = {}
        with open(self.path, encoding="utf-8") as file:
            for line in file:
                word, *numbers = line.split()
                if word == "maps":
                    continue
                handle = int(numbers[0], 16)
                if word == "memory":
                    self.memories.append((handle, int(numbers[1])))
                elif word in ("buffer", "image"):
                    there[handle] = [handle, int(numbers[1]), []]
                    self.resources.append(there[handle])
                elif word == "bind":
                    offset, size, memory, memory_offset = numbers[1:]
                    there[handle][2].append(
                        (int(offset), int(size), int(memory, 16), int(memory_offset))
                    )
                elif word == "destroy":
                    del there[handle]


CREATIONS = ("vkCreateBuffer", "vkCreateImage", "vkAllocateMemory")


def in_order(trace):
    """Events as they took effect: what a call makes is there when it ends, what it takes away is
    gone when it begins."""
    events = [event for event in trace.events if event.phase in "Xi"]
    return sorted(events, key=lambda event: event.end if event.name in CREATIONS else event.start)


def resources_of(trace):
    """The same from the trace, resource by resource."""
    resources, there = [], {}
    for event in in_order(trace):
        kind = "buffer" if "buffer" in event.args else "image"
        if event.name in ("vkCreateBuffer", "vkCreateImage") and "sparse" in event.args:
            handle = event.hexadecimal(kind)
            there[handle] = [handle, event.number("required"), []]
            resources.append(there[handle])
        elif event.name in ("bind", "unbind"):
            memory = event.hexadecimal("memory") if event.name == "bind" else 0
            offset = event.number("memory_offset") if memory else 0
            bind = (event.number("offset"), event.number("size"), memory, offset)
            there[event.hexadecimal(kind)][2].append(bind)
        elif event.name in ("vkDestroyBuffer", "vkDestroyImage"):
            there.pop(event.hexadecimal(kind), None)
    return resources


def compare_calls(trace, expected, is_killed=False):
    allocated = [
        (event.hexadecimal("memory"), event.number("size"))
        for event in trace.named("vkAllocateMemory")
    ]
    if not set(expected.memories) <= set(allocated):
        fail("not all memory is in the trace")
    # Threads write down what they did when they did it, in another order than each other's calls
    # were made.
    found = sorted(resources_of(trace), key=str)
    wanted = sorted(expected.resources, key=str)
    if is_killed and found != wanted:
        fail("not all that was done before the program was killed is in the trace")
    if found != wanted:
        for one, other in zip(found, wanted):
            if one != other:
                fail(f"{one} in the trace, {other} in the list")
        fail(f"{len(found)} resources in the trace, {len(wanted)} in the list")
    for event in trace.named("vkQueueBindSparse"):
        inside = [
            b
            for b in trace.binds
            if b.thread == event.thread and event.start <= b.start <= event.end
        ]
        if event.args["result"] != "VK_SUCCESS" or len(inside) != event.number("binds"):
            fail(f"{len(inside)} binds in {event.data}")


def pages_after(resource):
    """What each page of a resource shows in the end."""
    pages = {}
    for offset, size, memory, memory_offset in resource[2]:
        for i in range(size // PAGE):
            if memory:
                pages[offset // PAGE + i] = (memory, memory_offset // PAGE + i)
            else:
                pages.pop(offset // PAGE + i, None)
    return pages


def compare_ops(trace):
    """Ops bind what binds ask for: each page of each resource, at the address that its creation
    names. Returns by handle where each was and what its pages were bound to when it was destroyed;
    handles are used again, and the last owner is it.
    """
    backings, mapped, there, ends = {}, {}, {}, {}
    resources = iter(resources_of(trace))
    compared = 0
    for event in in_order(trace):
        kind = "buffer" if "buffer" in event.args else "image"
        if "backing_offset" in event.args:
            backings[event.hexadecimal("memory")] = (
                event.number("backing"),
                event.number("backing_offset"),
            )
        elif "sparse" in event.args:
            there[event.hexadecimal(kind)] = (event.hexadecimal("va"), next(resources))
        elif event.category == "op":
            first = event.hexadecimal("va") // PAGE
            for i in range(event.number("size") // PAGE):
                is_map = event.name == "map"
                mapped[first + i] = (
                    (event.number("backing"), event.number("offset") // PAGE + i)
                    if is_map
                    else None
                )
        elif (
            event.name in ("vkDestroyBuffer", "vkDestroyImage") and event.hexadecimal(kind) in there
        ):
            base, resource = there.pop(event.hexadecimal(kind))
            shown = pages_after(resource)
            pages = {i: mapped.pop(base // PAGE + i, None) for i in range(resource[1] // PAGE)}
            for page, found in pages.items():
                wanted = None
                if page in shown:
                    backing, offset = backings[shown[page][0]]
                    wanted = (backing, offset // PAGE + shown[page][1])
                if found != wanted:
                    fail(
                        f"page {page} of the resource at {base:#x}: ops bind {found}, binds"
                        f" {wanted}"
                    )
                compared += wanted is not None
            ends[event.hexadecimal(kind)] = (base, pages)
    if not compared:
        fail("no page was bound that could be compared")
    return ends


def mapped_by_kernel(path):
    """Pages of the layer's file, by page of the address space."""
    kernel = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            fields = line.split(maxsplit=5)
            if len(fields) > 5 and fields[5].startswith("/memfd:vmbind"):
                low, high = (int(number, 16) for number in fields[0].split("-"))
                for i in range((high - low) // PAGE):
                    kernel[low // PAGE + i] = int(fields[2], 16) // PAGE + i
    return kernel


def alive_at_end(expected):
    """The resources that were there when the program looked: all that it does after that is to
    destroy."""
    with open(expected.path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    return {int(line.split()[1], 16) for line in lines[lines.index("maps") + 1 :]}


def compare_maps(trace, expected):
    """The ops are what the kernel had mapped in the end."""
    ends, kernel = compare_ops(trace), mapped_by_kernel(expected.path + ".maps")
    alive = alive_at_end(expected)
    bound = 0
    for handle in alive:
        base, pages = ends[handle]
        for page, backing in pages.items():
            wanted = backing[1] if backing else None
            found = kernel.get(base // PAGE + page)
            if found != wanted:
                fail(
                    f"page {page} at {base:#x}: the kernel has page {found} of the file, the ops"
                    f" {wanted}"
                )
            bound += wanted is not None
    if not bound:
        fail("nothing was mapped when the program looked")
    print(f"{len(alive)} resources, {bound} pages bound")


def compare_counters(trace, expected):
    """The counter shows only what once was bound, and in the end nothing."""
    shown, values = {}, set()
    with open(expected.path, encoding="utf-8") as file:
        for line in file:
            word, *numbers = line.split()
            if word == "bind":
                offset, size, memory = int(numbers[1]), int(numbers[2]), int(numbers[3], 16)
                pages = shown.setdefault(numbers[0], set())
                (pages.update if memory else pages.difference_update)(
                    range(offset // PAGE, (offset + size) // PAGE)
                )
            elif word == "destroy":
                shown.pop(numbers[0], None)
            values.add(sum(len(pages) for pages in shown.values()) * PAGE)
    counted = {event.args["bytes"] for event in trace.of_phase("C") if event.name == "bound"}
    # Binds of one call are counted together.
    if not counted <= values or max(counted) == 0 or trace.last_counter("bound", "bytes") != 0:
        fail(f"bytes bound that never were: {counted - values}")


def compare_saved(trace):
    saved = len(trace.binds) - len(trace.ops)
    if trace.last_counter("saved", "ops") != saved or saved <= 0:
        fail(
            f"{len(trace.binds)} binds, {len(trace.ops)} ops, and"
            f" {trace.last_counter('saved', 'ops')} said to be saved"
        )


def case_provide(directory, seed):
    finish(start(directory, "steps", seed))
    trace, expected = Trace(os.path.join(directory, "trace")), List(directory)
    trace.check_complete()
    compare_calls(trace, expected)
    compare_maps(trace, expected)
    compare_counters(trace, expected)
    compare_saved(trace)
    if not any(event.category == "layer" for event in trace.slices):
        fail("no batch was left to a thread of the layer")
    if trace.named("vkCreateDevice")[0].args["route"] != "provide":
        fail("the route is not provide")


def case_native(directory, seed):
    finish(start(directory, "steps", seed))
    trace, expected = Trace(os.path.join(directory, "trace")), List(directory)
    compare_calls(trace, expected)
    compare_counters(trace, expected)
    if trace.ops or trace.named("vkCreateDevice")[0].args["route"] != "native":
        fail("the route is not native")
    intercepted = {
        "vkAllocateMemory",
        "vkFreeMemory",
        "vkCreateBuffer",
        "vkDestroyBuffer",
        "vkCreateImage",
        "vkDestroyImage",
        "vkQueueBindSparse",
    }
    if not intercepted <= {event.name for event in trace.calls}:
        fail(f"no {intercepted - {event.name for event in trace.calls}} in the trace")


def case_threads(directory, seed):
    finish(start(directory, "threads", seed))
    trace, expected = Trace(os.path.join(directory, "trace")), List(directory)
    trace.check_complete()
    compare_calls(trace, expected)
    compare_ops(trace)
    compare_saved(trace)
    threads = {event.thread for event in trace.binds}
    if len(threads) != 4:
        fail(f"{len(threads)} threads have bound something")


def case_killed(directory, seed):
    finish(start(directory, "killed", seed), -9)
    trace = Trace(os.path.join(directory, "trace"), ended=False)
    compare_calls(trace, List(directory), is_killed=True)
    trace.check_complete()
    # The next program goes on in the same file, and ends it.
    finish(start(directory, "steps", seed, name="list2"))
    if len(Trace(os.path.join(directory, "trace")).named("process_name")) != 2:
        fail("the second program did not go on with the trace")


def case_processes(directory, seed):
    both = [
        start(directory, "steps", seed, name="list1"),
        start(directory, "steps", seed + 1, name="list2"),
    ]
    for process in both:
        finish(process)
    finish(start(directory, "steps", seed + 2, name="list3"))
    trace = Trace(os.path.join(directory, "trace"))
    trace.check_complete()
    pids = [event.thread[0] for event in trace.named("process_name")]
    if len(set(pids)) != 3:
        fail(f"not three processes: {pids}")
    # Each has a file of its own to be compared with.
    lists = [List(directory, name) for name in ("list1", "list2", "list3")]
    for pid in pids:
        events = [event for event in trace.events if event.thread[0] == pid]
        part = os.path.join(directory, f"part{pid}")
        with open(part, "w", encoding="utf-8") as file:
            file.write("[\n" + ",\n".join(json.dumps(event.data) for event in events) + "\n]\n")
        found = sorted(resources_of(Trace(part)), key=str)
        if not any(found == sorted(expected.resources, key=str) for expected in lists):
            fail(f"process {pid} is like none of the lists")


def case_unwritable(directory, seed):
    os.mkdir(os.path.join(directory, "trace"))
    with open(os.path.join(directory, "other"), "w", encoding="utf-8") as file:
        file.write("something else\n")
    for name, why in (
        ("trace", "Is a directory"),
        ("no/where", "No such file"),
        ("other", "the file is not a trace"),
    ):
        said = finish(start(directory, "steps", seed, trace=name, name="list" + why))
        path = os.path.join(directory, name)
        lines = [line for line in said.splitlines() if line.startswith("vmbind")]
        if len(lines) != 1 or not lines[0].startswith(
            f"vmbind: error: no trace is written to '{path}': {why}"
        ):
            fail(f"{path}: {said}")
    with open(os.path.join(directory, "other"), encoding="utf-8") as file:
        if file.read() != "something else\n":
            fail("a file that is no trace was written to")


def main():
    seed = random.SystemRandom().randrange(1 << 30)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as directory:
        globals()[f"case_{sys.argv[1]}"](directory, seed)


main()
