# SPDX-License-Identifier: MIT
"""What runs on virtio-gpu, and what is expected of it.

The programs report lines of JSON. A mark among them says how much of the window the guest's kernel has given away; what the host
had mapped when it came to the same mark is from QEMU's trace.
"""

import json

from case import Case, Run, quiet

MIB = 1 << 20
HOSTMEM = "256M"
WINDOW = 256 * MIB
BLOB = 16 * MIB
FIT = WINDOW // BLOB
TRIED = 24

OK = "Success"
FULL = "No space left on device"
INVALID = "Invalid argument"


class Report:
    """What a run has said."""

    def __init__(self, result):
        self.objects = [json.loads(line) for line in result.lines if line.startswith("{")]
        self.marks = {each["at"]: each["used"] for each in self.objects if "mark" in each}
        self.outside = {each["at"]: result.outside[each["mark"]] for each in self.objects if "mark" in each}
        self.values = {key: value for each in self.objects for key, value in each.items()}

    def __getitem__(self, key):
        return self.values[key]


def mib(size):
    return f"{size / MIB:g} MiB"


def ended(result):
    yield result.status == "0", f"exit status {result.status}"
    yield quiet(result)
    yield result.hung == 0, f"{result.hung} hung processes"


def used(report, expected):
    """The window is used as expected at each mark, in the guest's kernel and on the host."""
    for at, size in expected.items():
        inside, outside = report.marks[at], report.outside[at].mapped_bytes
        text = f"{at}: {mib(inside)} used in the guest, {mib(outside)} mapped by the host"
        yield inside == outside == size, text + ("" if inside == outside == size else f", not {mib(size)}")


def raw(name, judge, seconds=60):
    """A case of the program without Vulkan."""
    run = Run(f"raw.{name}", f"/vmbind/vmbind-vm-raw {name}", seconds, None)

    def judge_all(result):
        yield from ended(result)
        if result.status == "0":
            yield from judge(Report(result))

    return Case(run.name, [run], judge_all)


def life(name, deferred):
    first = 0 if deferred else BLOB

    def judge(report):
        yield from used(report, {"begin": 0, "created": first, "offset": first, "mapped": BLOB, "unmapped": BLOB, "closed": 0})
        for key in ("wrong", "wrong_again"):
            yield report[key] == 0, f"{report[key]} of {BLOB} bytes {key.replace('_', ' ')}"

    return raw(f"life.{name}", judge)


def fit(name, deferred):
    count, error, size = (TRIED, OK, 0) if deferred else (FIT, FULL, WINDOW)

    def judge(report):
        text = f"{report['created']} of {TRIED} blobs of {mib(BLOB)} fit into {mib(WINDOW)}, then: {report['error']}"
        yield (report["created"], report["error"]) == (count, error), text
        yield from used(report, {"begin": 0, "created": size, "closed": 0})

    return raw(f"fit.{name}", judge)


# Of raw_requests.c: whether a request is accepted, mapping succeeds, and the mapping is deferred where the kernel knows the hint.
REQUESTS = {
    "no hints": (OK, OK, False),
    "hints 0": (OK, OK, False),
    "defer": (OK, OK, True),
    "unknown bit 1": (OK, OK, False),
    "unknown bit 31": (OK, OK, False),
    "all bits": (OK, OK, True),
    "defer, pad2": (OK, OK, True),
    "defer, tail": (OK, OK, True),
    "defer, long tail": (OK, OK, True),
    "defer, not mappable": (OK, INVALID, None),
    "defer, unknown flag": (INVALID, "", None),
    "guest": (OK, OK, None),
    "guest, defer": (OK, OK, None),
}


def requests(knows_hint):
    def judge(report):
        found = {each["request"]: each for each in report.objects if "request" in each}
        for name, (create, mapping, deferred) in REQUESTS.items():
            each = found[name]
            small = MIB if deferred is not None else 0
            expected = (create, mapping, 0 if deferred and knows_hint else small, small, 0)
            got = tuple(each[key] for key in ("create", "map", "used_created", "used_mapped", "wrong"))
            text = f"{name}: create: {got[0]}, {mib(got[2])} used; map: {got[1] or 'not tried'}, {mib(got[3])} used"
            yield got == expected, text

    return raw("requests", judge)


def refused(knows_hint):
    """The guest hears of what the host refuses when it maps, not when it creates."""

    def judge(report):
        for name, each in zip(("eager", "deferred"), (each for each in report.objects if "hints" in each)):
            ok = (each["create"], each["map"], each["left"]) == (OK, INVALID, 0)
            yield ok, f"{name}: create: {each['create']}, map: {each['map']}, {mib(each['left'])} left in the window"
            yield report.outside[name].mapped_bytes == 0, f"{name}: nothing is mapped by the host"

    return raw("refused", judge)


def late(knows_hint):
    count = TRIED if knows_hint else FIT

    def judge(report):
        size = 8 * BLOB if knows_hint else WINDOW
        yield report["created"] == count, f"{report['created']} blobs created"
        yield from used(report, {"created": 0 if knows_hint else WINDOW, "mapped": size})
        yield report["wrong"] == 0, f"{report['wrong']} of {mib(report['compared'])} wrong through later mappings"
        yield report["other_process"] == 0, "another process sees the same"

    return raw("late", judge)


def full(knows_hint):
    """What the guard is for. If a kernel is found to do without, so can the layer."""

    def judge(report):
        yield report["created"] == FIT, f"{report['created']} blobs fill the window"
        if not knows_hint:
            yield report["deferred"] == FULL, f"one with the hint: {report['deferred']}"
            return
        yield report["deferred"] == OK, f"a deferred one: {report['deferred']}"
        yield report["sleeps"] == 1, "to map it puts the process to sleep in the kernel"
        yield report["survives_kill"] == 1, "SIGKILL does not end it"
        yield report["stays_with_room"] == 1, "room in the window does not wake it"
        yield report["rescue"] == 0, f"another process can map it then: {report['rescue']}"
        yield report["sleeper"] == -2, f"which wakes the first, and it is killed: {report['sleeper']}"
        yield from used(report, {"full": WINDOW, "rescued": WINDOW})

    return raw("full", judge)


def imported(knows_hint):
    """The other device has the blob's addresses mapped for it before it says that it cannot use memory of somebody else's."""

    def judge(report):
        found = {each["import"]: each for each in report.objects if "import" in each}
        for name, real in {"eager": True, "deferred": not knows_hint, "deferred, mapped": True}.items():
            each = found[name]
            text = f"{name}: another device gets address {each['address']:#x}, {mib(each['size'])} ({each['error']})"
            yield (each["address"] != 0, each["size"] == BLOB) == (real, real), text

    return raw("import", judge)


def cases(knows_hint):
    return [
        life("plain", False),
        life("eager", False),
        life("deferred", knows_hint),
        fit("eager", False),
        fit("deferred", knows_hint),
        requests(knows_hint),
        refused(knows_hint),
        late(knows_hint),
        full(knows_hint),
        imported(knows_hint),
    ]
