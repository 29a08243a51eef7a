#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# hostile: runs vmbind-residency on files that were made to do harm. The program ends with a message
# and exit status 1, writes no picture, and needs little memory.

import json
import os
import random
import subprocess
import sys
import tempfile

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/vmbind-residency")
MAX_KIB = 1200 << 10  # the tool limits itself to 1 GiB
LONG = 100 << 20

CREATE = {
    "ph": "X",
    "name": "vkCreateBuffer",
    "pid": 1,
    "tid": 1,
    "ts": 1,
    "dur": 1,
    "args": {"buffer": "0x1", "size": 4096, "required": 4096, "sparse": "binding"},
}
ALLOCATE = dict(CREATE, name="vkAllocateMemory", args={"memory": "0x2", "size": 4096})
NAME = dict(
    CREATE, name="vkSetDebugUtilsObjectNameEXT", args={"type": 9, "object": "0x1", "name": "a"}
)
PART = dict(
    CREATE, name="level", args={"image": "0x3", "offset": 0, "size": 4096, "layer": 0, "level": 0}
)
IMAGE = dict(
    CREATE,
    name="vkCreateImage",
    args={"image": "0x3", "required": 1, "width": 1, "height": 1, "depth": 1, "sparse": "binding"},
)
BIND = dict(
    CREATE,
    name="bind",
    ts=9,
    args={"buffer": "0x1", "offset": 0, "size": 4096, "memory": "0x2", "memory_offset": 0},
)
GOOD = [CREATE, ALLOCATE, NAME, PART, IMAGE, BIND]
# JSON texts that are no valid value of any member that vmbind-residency reads.
BAD_VALUES = ["-1", "-1e300", "1e999", "NaN", "-Infinity", "9" * 400, "9" * 9999]
BAD_VALUES += ["[]", "[1]", "{}", "null", "true", "[" * 9999]


def one_line(*events):
    return "[" + ",".join(json.dumps(event) for event in events) + "]"


def lines(*events):
    return "[\n" + ",\n".join(json.dumps(event) for event in events)


def repeated(start, part, end):
    return start + part * (LONG // len(part)) + end


# Names, contents of the file, and words of the message.
FILES = (
    ("empty", "", "not a trace"),
    ("zeros", bytes(1 << 20), "not a trace"),
    ("text", "dear diary\n", "not a trace"),
    ("INI", "[section]\nkey = value\n", "no sparse resource"),
    ("random", random.Random(1).randbytes(1 << 20), "not a trace"),
    ("random list", b"[" + random.Random(1).randbytes(1 << 20), "not UTF-8"),
    ("UTF-16", lines(*GOOD).encode("utf-16"), "not a trace"),
    ("invalid UTF-8", lines(*GOOD).encode().replace(b'"a"', b'"\xff"'), "not UTF-8"),
    ("invalid UTF-8 on one line", one_line(*GOOD).encode().replace(b'"a"', b'"\xff"'), "not UTF-8"),
    ("object", "{}", "no list of events"),
    ("object of an object", '{"traceEvents": {}}', "no list of events"),
    ("object without an end", '{"traceEvents": [', "incomplete"),
    ("list without an end", "[\n", "no sparse resource"),
    ("values", "[1, [], null, 1.5]", "no sparse resource"),
    ("cut", lines(*GOOD)[:60], "no sparse resource"),
    ("deep list", "[" * 200000, "nested too deeply"),
    ("deep object", '{"a":' * 200000, "nested too deeply"),
    ("deep event", "[\n" + '{"a":' * 100000, "nested too deeply"),
    ("list of names", lines(dict(CREATE, name=["vkCreateBuffer"])), "no sparse resource"),
    ("list of arguments", lines(dict(CREATE, args=[1])), "no sparse resource"),
    ("no size", lines(dict(CREATE, args=dict(CREATE["args"], size=0, required=0))), "size 0"),
    ("NaN in another event", one_line(*GOOD, {"name": "x", "ts": float("nan")}), "NaN"),
    ("many digits", "[" + "1" * 9999 + "]", "digits"),
    ("long list", lambda: repeated("[", "[],", "[]]"), "memory"),
    ("long event", lambda: repeated('[{"args":[', "{},", "0]}]"), "memory"),
    ("long line of spaces", lambda: repeated("[\n{}\n", " ", "\n]"), "a line has more"),
    ("long line", lambda: repeated(lines(CREATE) + ',\n{"args":[', "0,", "0]}"), "a line has more"),
)


def fail(message):
    sys.exit(f"hostile: {message}")


def run(path, picture):
    """The exit status, the messages and the peak memory in KiB."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        with subprocess.Popen([TOOL, path, "-o", picture], stderr=errors) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        return process.returncode, errors.read(), usage.ru_maxrss


def check_refused(name, path, words, picture):
    status, errors, memory = run(path, picture)
    if status != 1 or not errors.startswith("vmbind-residency: ") or "Traceback" in errors:
        fail(f"{name}: exit status {status}: {errors[-2000:]}")
    if words not in errors or len(errors) > 2000:
        fail(f"{name}: the message lacks '{words}': {errors[:2000]}")
    if memory > MAX_KIB:
        fail(f"{name}: {memory >> 10} MiB of memory")
    if os.path.exists(picture):
        fail(f"{name}: there is a picture")


def write(path, content):
    content = content() if callable(content) else content
    with open(path, "wb") as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


def with_value(event, key, text, form):
    """A trace in which a member or an argument of an event has a JSON text as its value."""
    mark = "@value@"
    if key in event["args"]:
        changed = dict(event, args=dict(event["args"], **{key: mark}))
    else:
        changed = dict(event, **{key: mark})
    events = [changed if other is event else other for other in GOOD]
    return form(*events).replace(f'"{mark}"', text)


def check_values(path, picture):
    """Each member that the program reads, in turn with one half of the bad values."""
    cases = [(event, key) for event in GOOD for key in ("pid", "ts", "dur", *event["args"])]
    for number, (event, key) in enumerate(cases):
        for text in BAD_VALUES[number % 2 :: 2]:
            write(path, with_value(event, key, text, (one_line, lines)[number // 2 % 2]))
            check_refused(f"{event['name']}, {key} is {text[:20]}", path, "", picture)


def check_accepted(path):
    """Texts of any kind are names."""
    for name in ("a" * 100000, "\ud800", "\0\x1b[31m", "]]>", "&lt;"):
        named = dict(NAME, args=dict(NAME["args"], name=name))
        write(path, lines(CREATE, named, ALLOCATE, BIND))
        status, errors, _ = run(path, path + ".svg")
        if status != 0 or errors:
            fail(f"the name {name[:20]!r}: exit status {status}: {errors}")
        if os.path.getsize(path + ".svg") > 100000:
            fail(f"the name {name[:20]!r} makes a large picture")


def main():
    with tempfile.TemporaryDirectory() as directory:
        path, picture = (os.path.join(directory, name) for name in ("trace", "picture"))
        write(path, lines(*GOOD))
        status, errors, _ = run(path, path + ".svg")
        if status != 0 or errors:
            fail(f"the good trace: exit status {status}: {errors}")
        for name, content, words in FILES:
            write(path, content)
            check_refused(name, path, words, picture)
            print(f"ok  {name}", flush=True)
        check_refused("/dev/zero", "/dev/zero", "not a trace", picture)
        check_refused("a directory", directory, "directory", picture)
        check_values(path, picture)
        check_accepted(path)


main()
