#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# calls CASE PROGRAM [RUNNER...]: traces trace_workload, on the driver of the environment or with
# RUNNER. Compares the trace with the program's list of its calls and with the kernel's mappings.
#
#   provide     a random seed
#   native      a random seed, on a driver with sparse resources of its own
#   threads     four threads
#   killed      the program ends by SIGKILL
#   processes   two processes at once and a third later, with one trace file
#   unwritable  the trace or statistics cannot be written: the layer only logs a warning

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


def start_with(directory, scenario, seed, name="list", stdout=None, **variables):
    environment = dict(os.environ, **variables)
    command = RUNNER + [PROGRAM, os.path.join(directory, name), scenario, str(seed)]
    return subprocess.Popen(
        command, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True
    )


def start(directory, scenario, seed, name="list"):
    trace = os.path.join(directory, "trace")
    return start_with(directory, scenario, seed, name, VMBIND_TRACE=trace)


def finish(process, status=0):
    # CTest limits the time: a busy machine needs an unknown time.
    errors = process.communicate()[1]
    if process.returncode == 77:
        print(errors)
        sys.exit(77)
    if process.returncode != status:
        fail(f"the program ended with {process.returncode}: {errors}")
    return errors


class List:
    """The program's list of its calls."""

    def __init__(self, directory, name="list"):
        self.path = os.path.join(directory, name)
        self.memories = []
        self.resources = []  # [handle, size, [(offset, size, memory, memory offset)]]
        alive = {}
        with open(self.path, encoding="utf-8") as file:
            for line in file:
                word, *numbers = line.split()
                if word == "maps":
                    continue
                handle = int(numbers[0], 16)
                if word == "memory":
                    self.memories.append((handle, int(numbers[1])))
                elif word in ("buffer", "image"):
                    alive[handle] = [handle, int(numbers[1]), []]
                    self.resources.append(alive[handle])
                elif word == "bind":
                    offset, size, memory, memory_offset = numbers[1:]
                    alive[handle][2].append(
                        (int(offset), int(size), int(memory, 16), int(memory_offset))
                    )
                elif word == "destroy":
                    del alive[handle]


CREATIONS = ("vkCreateBuffer", "vkCreateImage", "vkAllocateMemory")


def in_order(trace):
    """Events in the order of their effect. Objects exist from the end of their creation to the
    start of their destruction."""
    events = [event for event in trace.events if event.phase in "Xi"]
    return sorted(events, key=lambda event: event.end if event.name in CREATIONS else event.start)


def resources_of(trace):
    """The resources and binds of the trace, in the form of List.resources."""
    resources, alive = [], {}
    for event in in_order(trace):
        kind = "buffer" if "buffer" in event.args else "image"
        if event.name in ("vkCreateBuffer", "vkCreateImage") and "sparse" in event.args:
            handle = event.hexadecimal(kind)
            alive[handle] = [handle, event.number("required"), []]
            resources.append(alive[handle])
        elif event.name in ("bind", "unbind"):
            memory = event.hexadecimal("memory") if event.name == "bind" else 0
            offset = event.number("memory_offset") if memory else 0
            bind = (event.number("offset"), event.number("size"), memory, offset)
            alive[event.hexadecimal(kind)][2].append(bind)
        elif event.name in ("vkDestroyBuffer", "vkDestroyImage"):
            alive.pop(event.hexadecimal(kind), None)
    return resources


def compare_calls(trace, expected, is_killed=False):
    allocated = [
        (event.hexadecimal("memory"), event.number("size"))
        for event in trace.named("vkAllocateMemory")
    ]
    if not set(expected.memories) <= set(allocated):
        fail("the trace lacks some memory")
    # Threads write their lines after their calls, so the order of the list differs from the trace.
    found = sorted(resources_of(trace), key=str)
    wanted = sorted(expected.resources, key=str)
    if is_killed and found != wanted:
        fail("the trace lacks calls from before the SIGKILL")
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
            fail(f"{len(inside)} binds lie in {event.data}")


def pages_after(resource):
    """The memory page that each page of a resource is bound to at the end."""
    pages = {}
    for offset, size, memory, memory_offset in resource[2]:
        for i in range(size // PAGE):
            if memory:
                pages[offset // PAGE + i] = (memory, memory_offset // PAGE + i)
            else:
                pages.pop(offset // PAGE + i, None)
    return pages


def compare_ops(trace):
    """Compares the ops with the binds, for each page of each resource at its traced address.
    Returns the address and the bound pages of each resource at its destruction, by handle. Handles
    are reused; the last resource with the handle counts.
    """
    backings, mapped, alive, ends = {}, {}, {}, {}
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
            alive[event.hexadecimal(kind)] = (event.hexadecimal("va"), next(resources))
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
            event.name in ("vkDestroyBuffer", "vkDestroyImage") and event.hexadecimal(kind) in alive
        ):
            base, resource = alive.pop(event.hexadecimal(kind))
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
        fail("no bound page was compared")
    return ends


def mapped_by_kernel(path):
    """Maps each page of the address space to a page of the layer's memfd."""
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
    """The resources alive at the program's copy of its mappings. After the copy the program only
    destroys resources."""
    with open(expected.path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    return {int(line.split()[1], 16) for line in lines[lines.index("maps") + 1 :]}


def compare_maps(trace, expected):
    """Compares the ops with the kernel's mappings at the end."""
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
                    f"page {page} at {base:#x}: the kernel maps page {found} of the file, the"
                    f" ops page {wanted}"
                )
            bound += wanted is not None
    if not bound:
        fail("no page was mapped at the copy of the mappings")
    print(f"{len(alive)} resources, {bound} pages bound")


def compare_counters(trace, expected):
    """The counter of bound bytes has only values that the list has, and ends with 0."""
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
    # The layer updates the counter once for each call.
    if not counted <= values or max(counted) == 0 or trace.last_counter("bound", "bytes") != 0:
        fail(f"the counter has wrong values: {counted - values}")


def compare_saved(trace):
    saved = len(trace.binds) - len(trace.ops)
    if trace.last_counter("saved", "ops") != saved or saved <= 0:
        fail(
            f"{len(trace.binds)} binds, {len(trace.ops)} ops, and"
            f" the counter has {trace.last_counter('saved', 'ops')} saved"
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
        fail("no batch ran on a thread of the layer")
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
        fail(f"the trace lacks {intercepted - {event.name for event in trace.calls}}")


def case_threads(directory, seed):
    finish(start(directory, "threads", seed))
    trace, expected = Trace(os.path.join(directory, "trace")), List(directory)
    trace.check_complete()
    compare_calls(trace, expected)
    compare_ops(trace)
    compare_saved(trace)
    threads = {event.thread for event in trace.binds}
    if len(threads) != 4:
        fail(f"{len(threads)} threads have binds, expected 4")


def case_killed(directory, seed):
    finish(start(directory, "killed", seed), -9)
    trace = Trace(os.path.join(directory, "trace"))
    compare_calls(trace, List(directory), is_killed=True)
    trace.check_complete()
    # The next program appends to the same file.
    finish(start(directory, "steps", seed, name="list2"))
    if len(Trace(os.path.join(directory, "trace")).named("process_name")) != 2:
        fail("the second program did not append to the trace")


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
        fail(f"the trace has the processes {pids}, expected three")
    # Each process has its own list.
    lists = [List(directory, name) for name in ("list1", "list2", "list3")]
    for pid in pids:
        events = [event for event in trace.events if event.thread[0] == pid]
        part = os.path.join(directory, f"part{pid}")
        with open(part, "w", encoding="utf-8") as file:
            file.write("[\n" + ",\n".join(json.dumps(event.data) for event in events))
        found = sorted(resources_of(Trace(part)), key=str)
        if not any(found == sorted(expected.resources, key=str) for expected in lists):
            fail(f"process {pid} matches no list")


def expect_warning(errors, message):
    lines = [line for line in errors.splitlines() if line.startswith("vmbind")]
    if len(lines) != 1 or not lines[0].startswith(f"vmbind: warn: {message}"):
        fail(f"no warning '{message}': {errors}")


def case_unwritable(directory, seed):
    contents = {"other": "something else\n", "settings.ini": "[\nsection]\nkey = value\n"}
    for name, text in contents.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(text)
    os.mkdir(os.path.join(directory, "trace"))
    os.mkfifo(os.path.join(directory, "fifo"))
    trace, statistics = ("VMBIND_TRACE", "a trace"), ("VMBIND_STATS", "statistics")
    for (variable, what), name, why in (
        (trace, "trace", "Is a directory"),
        (trace, "no/where", "No such file"),
        (trace, "other", "the file exists and is not a trace"),
        (trace, "settings.ini", "the file exists and is not a trace"),
        (trace, "fifo", "no program reads from the pipe"),
        (statistics, "trace", "Is a directory"),
        (statistics, "no/where", "No such file"),
        (statistics, "fifo", "no program reads from the pipe"),
    ):
        path = os.path.join(directory, name)
        process = start_with(directory, "steps", seed, **{variable: path})
        expect_warning(finish(process), f"cannot write {what} to '{path}': {why}")
    # A pipe that is full and has a reader that does not read.
    reader, writer = os.pipe2(os.O_NONBLOCK)
    os.write(writer, bytes(1 << 20))
    os.set_blocking(writer, True)
    process = start_with(directory, "steps", seed, stdout=writer, VMBIND_STATS="-")
    expect_warning(finish(process), "cannot write statistics to '-': the program that reads")
    os.close(reader)
    for name, text in contents.items():
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            if file.read() != text:
                fail(f"the layer wrote to {name}, which is not a trace")


def main():
    seed = random.SystemRandom().randrange(1 << 30)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as directory:
        globals()[f"case_{sys.argv[1]}"](directory, seed)


main()
