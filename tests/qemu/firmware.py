# SPDX-License-Identifier: MIT
"""A firmware image for panthor.

The driver loads the image and maps its one section. The guest's module fakemali answers requests in
that section, so the image has no code. The section describes the interface: the addresses of the
request and answer words of the global block, each group and each of its streams.
"""

import struct

# The driver's path of the firmware for the GPU that fakemali emulates.
PATH = "lib/firmware/arm/mali/arch10.8/mali_csffw.bin"

MAGIC = 0xC3F13A6E
SHARED_START, SHARED_SIZE = 0x04000000, 0x30000
GROUPS, STREAMS = 8, 8
GROUP_OFFSET, GROUP_STRIDE = 0x1000, 0x100
STREAM_OFFSET, STREAM_STRIDE = 0x40, 0xC
SUSPEND_SIZE, PROTECTED_SUSPEND_SIZE = 0x2000, 0x1000

# Flags of a section.
READ, WRITE, UNCACHED_COHERENT, SHARED, ZERO = 1 << 0, 1 << 1, 2 << 3, 1 << 30, 1 << 31

# Features of a stream: its last register, its scoreboard slots, and the flags for compute, fragment
# and tiler.
STREAM_FEATURES = 95 | 8 << 8 | 0b111 << 16


def shared_section():
    data = bytearray(0x2000)
    version = 1 << 24 | 1 << 16
    struct.pack_into(
        "<8I",
        data,
        0,
        version,
        0,
        SHARED_START + 0x20000,
        SHARED_START + 0x21000,
        GROUPS,
        GROUP_STRIDE,
        0,
        0,
    )
    for group in range(GROUPS):
        control = GROUP_OFFSET + group * GROUP_STRIDE
        into = SHARED_START + 0x4000 + group * 0x2000
        out = into + 0x1000
        struct.pack_into(
            "<7I",
            data,
            control,
            0,
            into,
            out,
            SUSPEND_SIZE,
            PROTECTED_SUSPEND_SIZE,
            STREAMS,
            STREAM_STRIDE,
        )
        for stream in range(STREAMS):
            offset = 0x100 * (1 + stream)
            struct.pack_into(
                "<3I",
                data,
                control + STREAM_OFFSET + stream * STREAM_STRIDE,
                STREAM_FEATURES,
                into + offset,
                out + offset,
            )
    return bytes(data)


def image():
    """A header, one entry (a section), the section's data."""
    section = shared_section()
    header_size, entry_size = 20, 24
    data = header_size + entry_size
    header = struct.pack("<IBBHIII", MAGIC, 0, 0, 0, 0, 0, data)
    flags = READ | WRITE | UNCACHED_COHERENT | SHARED | ZERO
    entry = struct.pack(
        "<I5I",
        entry_size << 8,
        flags,
        SHARED_START,
        SHARED_START + SHARED_SIZE,
        data,
        data + len(section),
    )
    return header + entry + section
