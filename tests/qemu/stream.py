# SPDX-License-Identifier: MIT
"""The trace of vmbind-vm-sparse, as trace.c writes it: the ioctls, and the kernel's mappings at
each mark."""

import collections
import json

Mark = collections.namedtuple("Mark", "words ioctls maps")
Mapping = collections.namedtuple("Mapping", "start end object offset")


class Stream:
    """ioctls: all ioctls in order. marks: each with the ioctls since the previous mark, and the
    maps of the VMs at the mark."""

    def __init__(self, lines):
        self.ioctls = []
        self.marks = []
        self.text = []
        since = []
        for line in lines:
            if not line.startswith("{"):
                self.text.append(line)
                continue
            entry = json.loads(line)
            if "mark" in entry:
                self.marks.append(Mark(entry["mark"].split(), since, []))
                since = []
            elif "map" in entry:
                self.marks[-1].maps.append([mapping(va) for va in entry["map"]])
            else:
                self.ioctls.append(entry)
                since.append(entry)


def mapping(va):
    return Mapping(va["va"], va["va"] + va["size"], va["object"], va["offset"])


def binds_of(mark, start, end):
    """Yields the mark's VM_BINDs that touch the range, each with its ops that touch it."""
    for ioctl in mark.ioctls:
        if ioctl["ioctl"] == "vm_bind":
            ops = [op for op in ioctl["ops"] if op["va"] < end and start < op["va"] + op["size"]]
            if ops:
                yield ioctl, ops


def mapped(mark, start, end):
    """Returns the mappings in the range, cut to the range. At most one VM has mappings there."""
    for vm in mark.maps:
        found = []
        for m in vm:
            if m.start < end and start < m.end:
                cut = max(m.start, start)
                found.append(Mapping(cut, min(m.end, end), m.object, m.offset + cut - m.start))
        if found:
            return found
    return []
