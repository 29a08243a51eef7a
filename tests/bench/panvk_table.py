#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# panvk_table DIRECTORY: prints Markdown tables of the VM_BIND ops and ioctls of each call of
# panvk_workload's "table", and of the targets. DIRECTORY holds the simulated kernel's op streams
# without and with the layer: GENERATION-PANTHOR-without and GENERATION-PANTHOR-with.

import json
import pathlib
import sys

PAGE = 4096
CREATIONS = ("create 100 MB buffer", "create 4096² image")
NULL_BINDS = ("NULL bind, buffer", "NULL bind, image")
SCATTERED = "24,415 scattered pages"
CALLS = CREATIONS + NULL_BINDS + (SCATTERED, "24,415 contiguous pages", "1,024 rebinds")
# The first version of panthor with the sparse op.
SPARSE_OP = "1.9"


class Call:
    """The VM_BINDs of one Vulkan call. An op is (address, size)."""

    def __init__(self):
        self.ioctls = 0
        self.ops = []
        self.resource = None  # (address, size)

    def hits(self, is_whole):
        """Whether all ops lie in the resource, and if it is_whole, cover it from end to end."""
        base, size = self.resource
        at = base
        for address, length in sorted(self.ops):
            if address < base or address + length > base + size:
                return False
            if is_whole and address > at:
                return False
            at = max(at, address + length)
        return not is_whole or at == base + size


def read(path):
    """The calls in the order of CALLS, or None if the device has no sparse resources."""
    calls = []
    resources = {}
    call = None
    with open(path, encoding="utf-8") as lines:
        for entry in map(json.loads, lines):
            words = entry.get("mark", "").split()
            if words == ["none"]:
                return None
            if not words:
                if call and entry.get("ioctl") == "vm_bind":
                    if entry["result"] != 0:
                        sys.exit(f"panvk_table: {path}: the kernel refused {entry}")
                    call.ioctls += 1
                    call.ops += [
                        (op["va"], op["size"]) for op in entry["ops"] if op["type"] != "sync_only"
                    ]
            elif words[0] in ("create", "bind", "binds", "blocks"):
                call = Call()
                call.resource = resources.get(words[1]) if len(words) > 1 else None
                calls.append(call)
            elif words[0] in ("buffer", "image"):
                size = -int(words[2]) // PAGE * -PAGE
                call.resource = resources[words[1]] = (min(call.ops)[0], size)
            else:
                call = None
    if len(calls) != len(CALLS):
        sys.exit(f"panvk_table: {path}: {len(calls)} calls, expected {len(CALLS)}")
    return calls


def cells(calls):
    if calls is None:
        return ["no sparse resources"] + ["–"] * (len(CALLS) - 1)
    texts = []
    for name, call in zip(CALLS, calls):
        is_right = call.hits(name in CREATIONS + NULL_BINDS)
        texts.append(f"{len(call.ops)} / {call.ioctls}" + ("" if is_right else ", wrong range"))
    return texts


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    rows.insert(1, ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]])
    for row in rows:
        texts = [row[0].ljust(widths[0])] + [
            text.rjust(width) for text, width in zip(row[1:], widths[1:])
        ]
        print(f"| {' | '.join(texts)} |")
    print()


def one_op(streams):
    """Whether each creation and each NULL bind with the layer took one op, on kernels with the
    sparse op."""
    for (_, panthor, layer), calls in streams.items():
        if layer == "with" and panthor == SPARSE_OP:
            for name, call in zip(CALLS, calls):
                if name in CREATIONS + NULL_BINDS:
                    yield (call.ioctls, len(call.ops)) == (1, 1) and call.hits(True)


def right_range(streams):
    """Whether the ops of each call with the layer were inside the resource."""
    for (_, _, layer), calls in streams.items():
        if layer == "with":
            for name, call in zip(CALLS, calls):
                yield call.hits(name in CREATIONS + NULL_BINDS)


def no_more_ops(streams):
    """Whether scattered binds take at most the driver's own number of ops, on drivers with sparse
    resources."""
    for (generation, panthor, layer), calls in streams.items():
        alone = streams.get((generation, panthor, "without"))
        if layer == "with" and alone:
            index = CALLS.index(SCATTERED)
            yield len(calls[index].ops) <= len(alone[index].ops)


def print_targets(streams):
    targets = {
        "one op for each creation and NULL bind, where the kernel has the sparse op": one_op,
        "with the layer, ops hit the right range": right_range,
        "scattered binds are never more ops than without the layer": no_more_ops,
    }
    rows = [["target", "met in", " "]]
    for text, judge in targets.items():
        verdicts = list(judge(streams))
        if verdicts:
            met = sum(verdicts)
            rows.append(
                [text, f"{met} of {len(verdicts)}", "met" if met == len(verdicts) else "missed"]
            )
    print_table(rows)


def main():
    paths = sorted(
        pathlib.Path(sys.argv[1]).iterdir(), key=lambda path: path.name.replace("without", "")
    )
    streams = {tuple(path.name.split("-")): read(path) for path in paths}
    for (generation, panthor, layer), calls in streams.items():
        if layer == "with" and calls is None:
            sys.exit(
                f"panvk_table: panvk {generation} on panthor {panthor} has no sparse resources with"
                " the layer"
            )
    print_table(
        [["panvk, panthor"] + list(CALLS)]
        + [
            [f"{generation}, {panthor}" + (", layer" if layer == "with" else "")] + cells(calls)
            for (generation, panthor, layer), calls in streams.items()
        ]
    )
    print_targets(streams)


main()
