#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# devices GENERATION: runs the scenarios of panvk_devices and compares the maps of each VM with the
# program's marks.

import sys

sys.dont_write_bytecode = True

import op_stream


def check_plain(checked):
    """The layer adds no ops to a device without sparse features."""
    entries = checked.between("plain", "not plain")
    if any(
        "sparse" in op["flags"]
        for entry in entries
        if entry["ioctl"] == "vm_bind"
        for op in entry["ops"]
    ):
        checked.fail("a device without sparse features has a sparse range")
    sizes = [entry["size"] for entry in entries if entry["ioctl"] == "bo_create"]
    if sizes.count(1 << 20) != 24:
        checked.fail(f"expected 24 BOs of 1 MiB: {sizes}")


def check_collisions(checked):
    """Checks that handles collide: application memory has the GEM handle of another kind of BO on
    another open file."""
    memory, others = set(), set()
    for entry in checked.stream:
        if entry.get("ioctl") == "bo_create" and entry["result"] == 0:
            kind = memory if entry["id"] in checked.names else others
            kind.add((entry["file"], entry["handle"]))
    if not any(f != file and h == handle for file, handle in memory for f, h in others):
        checked.fail("no GEM handle collides between the open files")


def main():
    generation = sys.argv[1]
    for panthor in ("1.9", "1.8"):
        leftovers = op_stream.leftovers(generation, panthor)
        for scenario in ("one_instance", "two_instances", "instances_in_turn", "threads"):
            stream, done = op_stream.run(generation, panthor, "panvk_devices", scenario)
            if done.returncode != 0:
                op_stream.fail(f"{scenario}, panthor {panthor}: {done.stdout}{done.stderr}")
            checked = op_stream.Stream(scenario, stream, panthor)
            checked.finish(leftovers)
            if scenario in ("one_instance", "two_instances"):
                check_plain(checked)
            if scenario == "two_instances":
                check_collisions(checked)


main()
