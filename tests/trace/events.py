# SPDX-License-Identifier: MIT
"""Reads a trace strictly. Each deviation from docs/traces.md and from the Chrome trace event format
ends the program."""

import json
import os
import re
import sys


def fail(message):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {message}")


def nanoseconds(number):
    return round(number * 1000)


class Event:
    def __init__(self, data):
        for key, kind in (
            ("ph", str),
            ("name", str),
            ("cat", str),
            ("pid", int),
            ("tid", int),
            ("ts", (int, float)),
        ):
            if not isinstance(data.get(key), kind):
                fail(f"an event lacks {key}: {data}")
        self.data = data
        self.phase = data["ph"]
        self.name = data["name"]
        self.category = data["cat"]
        self.thread = (data["pid"], data["tid"])
        self.start = nanoseconds(data["ts"])
        self.args = data.get("args", {})
        self.end = self.start
        if self.phase == "X":
            if not isinstance(data.get("dur"), (int, float)) or data["dur"] < 0:
                fail(f"a slice lacks a duration: {data}")
            self.end += nanoseconds(data["dur"])
        if self.phase in "XiCM" and not isinstance(data.get("args"), dict):
            fail(f"an event lacks arguments: {data}")

    def number(self, key):
        if not isinstance(self.args.get(key), int):
            fail(f"no {key}: {self.data}")
        return self.args[key]

    def hexadecimal(self, key):
        if not re.fullmatch("0x[0-9a-f]+", self.args.get(key, "")):
            fail(f"no {key}: {self.data}")
        return int(self.args[key], 16)


class Trace:
    """A trace file: JSON without the closing bracket."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            self.events = [Event(data) for data in json.loads(text + "]")]
        except ValueError as error:
            fail(f"{path}: {error}")
        lines = [line for line in text.splitlines() if line.startswith("{")]
        if len(lines) != len(self.events):
            fail(f"{path}: {len(self.events)} events on {len(lines)} lines")
        self.slices = self.of_phase("X")
        self.calls = [event for event in self.slices if event.category == "vulkan"]
        self.ops = [event for event in self.slices if event.category == "op"]
        self.binds = [event for event in self.of_phase("i") if event.name in ("bind", "unbind")]
        self.check_metadata()
        self.check_nesting()
        self.check_times()
        self.check_arrows()

    def of_phase(self, phase):
        return [event for event in self.events if event.phase == phase]

    def named(self, name):
        return [event for event in self.events if event.name == name]

    def check_metadata(self):
        unknown = {event.phase for event in self.events} - set("XiCMsf")
        if unknown:
            fail(f"unknown phases {unknown}")
        named = {
            event.thread[0]
            for event in self.named("process_name")
            if event.phase == "M" and event.args.get("name")
        }
        if {event.thread[0] for event in self.events} != named:
            fail("a process has no name")

    def by_thread(self, events):
        threads = {}
        for event in events:
            threads.setdefault(event.thread, []).append(event)
        return threads

    def check_nesting(self):
        """Slices of a thread are nested or disjoint."""
        for events in self.by_thread(self.slices).values():
            open_slices = []
            for event in sorted(events, key=lambda event: (event.start, -event.end)):
                while open_slices and open_slices[-1].end <= event.start:
                    open_slices.pop()
                if open_slices and event.end > open_slices[-1].end:
                    fail(f"{event.data} overlaps {open_slices[-1].data}")
                open_slices.append(event)

    def check_times(self):
        """Checks the order of calls by their ends, of instants, and of each counter."""
        for events in self.by_thread(self.calls).values():
            ends = [event.end for event in events]
            if ends != sorted(ends):
                fail("a thread's calls are not in the order of their ends")
        for events in self.by_thread(self.of_phase("i")).values():
            times = [event.start for event in events]
            if times != sorted(times):
                fail("a thread's instants are not in order")
        counters = {}
        for event in self.of_phase("C"):
            key = (event.thread[0], event.name, event.data["id"])
            if event.start < counters.get(key, 0):
                fail(f"a counter's times decrease: {event.data}")
            counters[key] = event.start

    def check_arrows(self):
        """Each arrow begins in a call and ends in an op of the same process. No op has two."""
        starts, ends = {}, {}
        for event in self.of_phase("s") + self.of_phase("f"):
            table = starts if event.phase == "s" else ends
            key = int(event.data["id"], 16)
            if key in table:
                fail(f"a duplicate arrow: {event.data}")
            table[key] = event
        if starts.keys() != ends.keys():
            fail("an arrow lacks its begin or its end")
        calls = self.by_thread(self.calls)
        ops = {(op.thread, op.start): op for op in self.ops}
        self.call_of = {}
        for key, start in starts.items():
            end = ends[key]
            inside = [c for c in calls.get(start.thread, []) if c.start < start.start <= c.end]
            op = ops.get((end.thread, end.start - 1))
            if end.data.get("bp") != "e" or not op or id(op) in self.call_of:
                fail(f"an arrow does not end at an op: {end.data}")
            # If the program was killed during a call, the trace lacks the call.
            self.call_of[id(op)] = inside[-1] if inside else None
            if inside and inside[-1].start != start.start - 1:
                fail(f"an arrow does not begin at a call: {start.data}")

    def check_complete(self):
        """Each op inside a call or a batch has an arrow from a call."""
        around = self.by_thread([s for s in self.slices if s.category in ("vulkan", "layer")])
        for op in self.ops:
            is_inside = any(
                s.start <= op.start and op.end <= s.end for s in around.get(op.thread, [])
            )
            if is_inside and not self.call_of.get(id(op)):
                fail(f"an op lacks its arrow: {op.data}")

    def last_counter(self, name, unit):
        values = [event.args[unit] for event in self.of_phase("C") if event.name == name]
        return values[-1] if values else 0

    def most(self, name, unit):
        return max(
            (event.args[unit] for event in self.of_phase("C") if event.name == name), default=0
        )
