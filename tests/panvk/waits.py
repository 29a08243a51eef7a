#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# waits GENERATION: runs the scenarios of panvk_waits with and without the layer. The VM_BINDs of
# both runs must wait for and signal the same syncobjs and points in the same order. Ops must lie
# between the same syncs.

import sys

sys.dont_write_bytecode = True

import op_stream


def binds(stream):
    return [entry for entry in stream.between("step", "stepped") if entry["ioctl"] == "vm_bind"]


def events(stream):
    """Waits, signals and ops in the kernel's order. Consecutive ops count as one event."""
    found = []
    for op in (op for bind in binds(stream) for op in bind["ops"]):
        for kind in ("wait", None, "signal"):
            if kind is None and op["type"] != "sync_only" and found[-1:] != ["ops"]:
                found.append("ops")
            found += [(kind, s["handle"], s["value"]) for s in op["syncs"] if s["op"] == kind]
    return found


def check_ends(stream):
    """Each VM_BIND is asynchronous, waits with its first op and signals with its last one."""
    for bind in binds(stream):
        waits = [op for op in bind["ops"] if any(sync["op"] == "wait" for sync in op["syncs"])]
        signals = [op for op in bind["ops"] if any(sync["op"] == "signal" for sync in op["syncs"])]
        if (
            not bind["async"]
            or any(w is not bind["ops"][0] for w in waits)
            or any(s is not bind["ops"][-1] for s in signals)
        ):
            stream.fail(f"is synchronous, or has syncs at inner ops: {bind}")


def run(generation, panthor, scenario, options=()):
    stream, done = op_stream.run(generation, panthor, "panvk_waits", scenario, options=options)
    if done.returncode != 0:
        op_stream.fail(f"{scenario}, panthor {panthor}: {done.stdout}{done.stderr}")
    return stream


def main():
    generation = sys.argv[1]
    for panthor in ("1.9", "1.8"):
        leftovers = op_stream.leftovers(generation, panthor)
        for scenario in ("one_bind", "two_binds", "batches", "before_signal", "scattered"):
            drivers = op_stream.Stream(
                scenario,
                run(generation, panthor, scenario, ["--no-layer"]),
                panthor,
                is_checked=False,
            )
            stream = op_stream.Stream(scenario, run(generation, panthor, scenario), panthor)
            stream.finish(leftovers)
            check_ends(stream)
            if events(stream) != events(drivers) or not events(stream):
                stream.fail(f"{events(stream)}, without the layer {events(drivers)}")


main()
