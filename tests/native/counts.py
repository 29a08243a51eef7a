#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts what a driver makes of sparse binds (binds.c), without and with the layer. On panvk, whose
NULL binds the layer corrects, it counts with VMBIND_MERGE=off and without the variable.

    counts.py radv|nvk|honeykrisp BUILD    on Mesa's drm-shim (scripts/native)
    counts.py 26.1|26.2                    panvk on the simulated kernel (scripts/panvk)

Fails if, in any scenario,

- the GPU's final mappings differ between the two runs,
- without the layer, the mappings of many binds differ from those of the one bind that expresses the
  same: the driver then takes memory in another order than the layer supposes,
- the layer makes more ioctls or more ops,
- binds that one bind can express cost more than that one bind, on a driver on which they join, or
- binds that cannot be joined cost anything else than without the layer.

Prints a table of ioctls and ops.
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../panvk"))
from op_stream import ROOT, Map, fail, read, run_command  # noqa: E402

# Scenarios that one bind can express, and that bind.
SAME_AS = {
    "buffer-in-order": "buffer-one",
    "buffer-reverse": "buffer-one",
    "buffer-shuffled": "buffer-one",
    "buffer-batches": "buffer-one",
    "buffer-null-shuffled": "buffer-null-one",
    "image-in-order": "image-one",
    "image-shuffled": "image-one",
    "image-null": "image-null-one",
    "region-tiles": "region-one",
    "mip-chain": "mip-chain-one",
    "layers": "layers-one",
    "edges": "edges-one",
    "volume": "volume-one",
    "volume-edges": "volume-edges-one",
    "volume-null": "volume-null-one",
}
UNJOINED = ("buffer-slots", "image-slots")


def command_of(build, driver, ops, options):
    if build is None:
        script = ["scripts/panvk", "--cached", driver, "--panthor", "1.9"]
        program = "build-arm64/tests/native/native_binds"
    else:
        script = ["scripts/native", "--cached", driver, "--build", build]
        program = os.path.join(build, "tests/native/native_binds")
    return [*script, "--ops", ops, *options, program]


def run(build, driver, options=(), environment=()):
    """The op stream between the marks of each scenario."""
    with tempfile.TemporaryDirectory() as directory:
        ops = os.path.join(directory, "ops")
        done = run_command(command_of(build, driver, ops, options), environment)
        if done.returncode:
            fail(f"{' '.join(done.args)}: {done.stdout}{done.stderr}")
        scenarios, current = {}, None
        for entry in read(ops):
            if "mark" in entry:
                current = None
                if entry["mark"] not in ("end", "before"):
                    current = scenarios.setdefault(entry["mark"], [])
            elif current is not None and entry.get("ioctl") == "vm_bind":
                current.append(entry["ops"])
        return scenarios


def kind_of(op):
    if "sparse" in (op["type"], *op.get("flags", ())):
        return "sparse"
    return op["type"]


def mappings(ioctls):
    """The final mappings that a scenario made, neighbours joined."""
    final = Map()
    for ops in ioctls:
        for op in ops:
            kind = kind_of(op)
            if kind == "sync_only":
                continue
            content = (kind, op["bo"] if kind == "map" else 0)
            final.replace(op["va"], op["va"] + op["size"], content, op["offset"])
    joined = []
    for start, end, content, offset in final.areas:
        if content[0] != "map":
            offset = 0
        last = joined[-1] if joined else None
        if last and last[1] == start and last[2] == content:
            continues = content[0] != "map" or last[3] + start - last[0] == offset
            if continues:
                last[1] = end
                continue
        joined.append([start, end, content, offset])
    return joined


def shape(ioctls):
    """The mappings, independent of the resource's address and of the memory's handle."""
    areas = mappings(ioctls)
    handles = {}
    return [
        (start - areas[0][0], end - start, kind, handles.setdefault(bo, len(handles)), offset)
        for start, end, (kind, bo), offset in areas
    ]


def counts(ioctls):
    return len(ioctls), sum(len(ops) for ops in ioctls)


def text(pair):
    return f"{pair[0]:,} / {pair[1]:,}"


def check(name, without, layer):
    """The faults of a scenario."""
    before, after = counts(without[name]), counts(layer[name])
    one = without.get(SAME_AS.get(name))
    if mappings(without[name]) != mappings(layer[name]):
        yield "other mappings"
    if after[0] > before[0] or after[1] > before[1]:
        yield "more work"
    if name in UNJOINED and after != before:
        yield "other counts of binds that cannot be joined"
    if one and shape(one) != shape(without[name]):
        yield "other mappings than the one bind"
    if one and max(after[0] - counts(one)[0], after[1] - counts(one)[1]) > 0:
        yield f"more work than the one bind: {text(counts(one))}"


def check_statistics(build, driver, ioctls):
    """The statistics of one scenario on a driver that makes an ioctl for each bind."""
    with tempfile.TemporaryDirectory() as directory:
        ops, path = os.path.join(directory, "ops"), os.path.join(directory, "stats")
        command = [*command_of(build, driver, ops, []), "buffer-shuffled"]
        run_command(command, {"VMBIND_STATS": path})
        merge = read(path)[0]["merge"]
    expected = {
        "calls": 1,
        "batches_given": 1,
        "batches_passed": 1,
        "binds_given": 1024,
        "binds_passed": ioctls,
        "calls_unchanged": 0,
    }
    return [] if merge == expected else [f"the statistics are {merge}, expected {expected}"]


def main():
    driver, build = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    if build is None:
        without = run(build, driver, environment={"VMBIND_MERGE": "off"})
    else:
        without = run(build, driver, ["--no-layer"])
    layer = run(build, driver)
    faults = []
    if not without or without.keys() != layer.keys():
        fail("other scenarios with the layer")
    print(f"| {driver}, ioctls / ops | without | with the layer |")
    print("| --- | ---: | ---: |")
    for name in without:
        print(f"| {name} | {text(counts(without[name]))} | {text(counts(layer[name]))} |")
        faults += [f"{name}: {fault}" for fault in check(name, without, layer)]
    if driver == "radv":
        faults += check_statistics(build, driver, len(layer["buffer-shuffled"]))
    for fault in faults:
        print(f"counts.py: {fault}", file=sys.stderr)
    return 1 if faults else 0


sys.exit(main())
