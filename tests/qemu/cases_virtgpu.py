# SPDX-License-Identifier: MIT
"""The cases on virtio-gpu, and the expected results.

The guest programs report lines of JSON. A mark reports the used bytes of hostmem in the guest's
kernel. QEMU's trace has the same mark, with the bytes that the host has mapped by then.
"""

import json
import statistics

from case import Case, Run, quiet

MIB = 1 << 20
HOSTMEM = "256M"
HOSTMEM_SIZE = 256 * MIB
BLOB = 16 * MIB
FIT = HOSTMEM_SIZE // BLOB
ATTEMPTED = 24

OK = "Success"
FULL = "No space left on device"
INVALID = "Invalid argument"


class Report:
    """The report of a run."""

    def __init__(self, result):
        self.objects = [
            json.loads(line) for line in result.lines if line.startswith("{") and line.endswith("}")
        ]
        self.marks = {each["at"]: each["used"] for each in self.objects if "mark" in each}
        self.outside = {
            each["at"]: result.outside[each["mark"]] for each in self.objects if "mark" in each
        }
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
    """Checks the used bytes of hostmem at each mark, in the guest's kernel and on the host."""
    for at, size in expected.items():
        inside, outside = report.marks[at], report.outside[at].mapped_bytes
        text = f"{at}: {mib(inside)} used in the guest, {mib(outside)} mapped by the host"
        yield inside == outside == size, text + (
            "" if inside == outside == size else f", not {mib(size)}"
        )


def raw(name, judge, seconds=240):
    """A case of vmbind-vm-raw."""
    run = Run(f"raw.{name}", f"/vmbind/vmbind-vm-raw {name}", seconds, None)

    def judge_all(result):
        yield from ended(result)
        if result.status == "0":
            yield from judge(Report(result))

    return Case(run.name, [run], judge_all)


def life(name, deferred):
    first = 0 if deferred else BLOB

    def judge(report):
        yield from used(
            report,
            {
                "begin": 0,
                "created": first,
                "offset": first,
                "mapped": BLOB,
                "unmapped": BLOB,
                "closed": 0,
            },
        )
        for key in ("wrong", "wrong_again"):
            yield report[key] == 0, f"{report[key]} of {BLOB} bytes {key.replace('_', ' ')}"

    return raw(f"life.{name}", judge)


def fit(name, deferred):
    count, error, size = (ATTEMPTED, OK, 0) if deferred else (FIT, FULL, HOSTMEM_SIZE)

    def judge(report):
        text = f"{report['created']} of {ATTEMPTED} blobs of {mib(BLOB)} fit into "
        text += f"{mib(HOSTMEM_SIZE)}, then: {report['error']}"
        yield (report["created"], report["error"]) == (count, error), text
        yield from used(report, {"begin": 0, "created": size, "closed": 0})

    return raw(f"fit.{name}", judge)


# The requests of raw_requests.c: the result of the creation, the result of the mapping, and whether
# a kernel that knows the hint defers the mapping.
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
            got = tuple(
                each[key] for key in ("create", "map", "used_created", "used_mapped", "wrong")
            )
            text = f"{name}: create: {got[0]}, {mib(got[2])} used; "
            text += f"map: {got[1] or 'not attempted'}, {mib(got[3])} used"
            yield got == expected, text

    return raw("requests", judge)


def refused(knows_hint):
    """The creation succeeds, and the mapping fails: the host's error arrives at the mapping."""

    def judge(report):
        for name, each in zip(
            ("eager", "deferred"), (each for each in report.objects if "hints" in each)
        ):
            ok = (each["create"], each["map"], each["left"]) == (OK, INVALID, 0)
            text = f"{name}: create: {each['create']}, map: {each['map']}"
            yield ok, f"{text}, {mib(each['left'])} left in hostmem"
            yield report.outside[name].mapped_bytes == 0, f"{name}: nothing is mapped by the host"

    return raw("refused", judge)


def late(knows_hint):
    count = ATTEMPTED if knows_hint else FIT

    def judge(report):
        size = 8 * BLOB if knows_hint else HOSTMEM_SIZE
        yield report["created"] == count, f"{report['created']} blobs created"
        yield from used(report, {"created": 0 if knows_hint else HOSTMEM_SIZE, "mapped": size})
        yield report[
            "wrong"
        ] == 0, f"{report['wrong']} of {mib(report['compared'])} wrong through later mappings"
        yield report["other_process"] == 0, "another process sees the same"

    return raw("late", judge)


def full(knows_hint):
    """The reason for the layer's guard: a kernel that passes a failed check needs no guard."""

    def judge(report):
        yield report["created"] == FIT, f"{report['created']} blobs fill hostmem"
        if not knows_hint:
            yield report["deferred"] == FULL, f"a blob with the hint: {report['deferred']}"
            return
        second, blocked = report["second_process"], report["blocked_process"]
        yield report["deferred"] == OK, f"a deferred blob: {report['deferred']}"
        yield report["blocks"] == 1, "a process that maps the deferred blob blocks in the kernel"
        yield report["survives_kill"] == 1, "SIGKILL does not end the blocked process"
        yield report["blocks_with_room"] == 1, "room in hostmem does not wake the blocked process"
        yield second == 0, f"another process maps the blob: {second}"
        yield blocked == -2, f"the mapping wakes the blocked process; SIGKILL ends it: {blocked}"
        yield from used(report, {"full": HOSTMEM_SIZE, "woken": HOSTMEM_SIZE})

    return raw("full", judge)


def patient(knows_hint):
    def judge(report):
        if not knows_hint:
            yield report["deferred"] == FULL, f"a blob with the hint: {report['deferred']}"
            return
        children, with_room = report["children"], report["with_room"]
        yield report["while_full"] == -1, "the layer's helper blocks on a full hostmem"
        yield children == 1, f"the helper has one child for all its probes: {children}"
        yield with_room == 0, f"the helper maps the blob when there is room: {with_room}"
        yield from used(report, {"mapped": HOSTMEM_SIZE})

    return raw("patient", judge)


def orphan(knows_hint, name):
    def judge(report):
        if not knows_hint:
            yield report["deferred"] == FULL, f"a blob with the hint: {report['deferred']}"
            return
        stopped, orphaned = report["stopped"], report["orphaned"]
        yield report["while_full"] == -1, "the layer's helper blocks on a full hostmem"
        cause = "SIGTERM and room without a probe do" if name == "orphan.blind" else "SIGTERM does"
        yield stopped == -1, f"{cause} not end the helper: {stopped}"
        yield orphaned == 0, f"the helper maps the blob after its application ended: {orphaned}"
        yield from used(report, {"mapped": HOSTMEM_SIZE})

    return raw(name, judge)


# The files of raw_look() whose readers take the mmap lock, which the blocked process holds.
LOCKED = ("smaps_rollup",)


def look(knows_hint):
    def judge(report):
        if not knows_hint:
            yield report["deferred"] == FULL, f"a blob with the hint: {report['deferred']}"
            return
        yield report["blocks"] == 1, "the layer's helper blocks on a full hostmem"
        locks = (report["locked"], report["unlocked"])
        yield locks == (1, 1), "the dma-buf is locked while the helper is blocked"
        for each in (each for each in report.objects if "file" in each):
            locked = each["file"] in LOCKED
            text = "blocks readers" if locked else "is readable"
            yield each["readable"] == (not locked), f"the helper's /proc/PID/{each['file']} {text}"
        yield report["with_room"] == 0, f"the helper ends when there is room: {report['with_room']}"

    return raw("look", judge)


def close(knows_hint):
    """Without the hint there is no helper, and the mapping of a blob with a closed handle may
    fail."""

    def judge(report):
        yield from used(report, {"closed": 0})
        if not knows_hint:
            error = report["while_full"]
            yield error == FULL, f"a blob with the hint on a full hostmem: {error}"
            return
        with_room, second = report["with_room"], report["second_helper"]
        blocked = report["blocked_helper"]
        yield with_room == 0, f"the layer's helper maps a blob whose handle is closed: {with_room}"
        yield report["while_full"] == -1, "the helper blocks on a full hostmem"
        yield second == 0, f"with room, a second helper maps the blob of a closed handle: {second}"
        yield blocked == 0, f"the mapping wakes the blocked helper: {blocked}"
        yield from used(report, {"woken": HOSTMEM_SIZE - BLOB})

    return raw("close", judge)


def imported(knows_hint):
    """The kernel maps the blob's addresses for the other device, whose driver then refuses memory
    of another device."""

    def judge(report):
        found = {each["import"]: each for each in report.objects if "import" in each}
        for name, real in {
            "eager": True,
            "deferred": not knows_hint,
            "deferred, mapped": True,
        }.items():
            each = found[name]
            text = f"{name}: another device gets address {each['address']:#x}, "
            text += f"{mib(each['size'])} ({each['error']})"
            yield (each["address"] != 0, each["size"] == BLOB) == (real, real), text

    return raw("import", judge)


# VkResult names.
SUCCESS = "VK_SUCCESS"
NO_MEMORY = "VK_ERROR_OUT_OF_DEVICE_MEMORY"
NO_MAP = "VK_ERROR_MEMORY_MAP_FAILED"


def vulkan_run(name, case, how, seconds, preload):
    """how: "without" or "with" the layer."""
    environment = {
        "VK_DRIVER_FILES": "/usr/share/vulkan/icd.d/virtio_icd.json",
        "VMB_TEST_DEVICE": "Venus",
        "MESA_SHADER_CACHE_DISABLE": "1",
    }
    if preload:
        environment["LD_PRELOAD"] = f"/vmbind/{preload}"
    if how == "with":
        environment |= {
            "VK_ADD_LAYER_PATH": "/vmbind/manifest",
            "VK_INSTANCE_LAYERS": "VK_LAYER_VMBIND_sparse",
            "VMBIND_LOG": "info",
            "VMBIND_STATS": "-",
        }
    words = " ".join(f"{key}={value}" for key, value in environment.items())
    return Run(name, f"env {words} /vmbind/vmbind-vm-vulkan {case}", seconds, None)


def vulkan(case, judge, hows=("without", "with"), seconds=240, preload=None):
    """judge: called with a Report for each of hows."""

    def judge_all(*results):
        for how, result in zip(hows, results):
            for ok, text in ended(result):
                yield ok, f"{how} the layer: {text}"
        if "with" in hows:
            there = any(
                line.startswith("vmbind: info") for line in results[hows.index("with")].lines
            )
            yield there, "with the layer: the layer is loaded"
        if all(result.status == "0" for result in results):
            yield from judge(*(Report(result) for result in results))

    names = [f"vulkan.{case}/{how}.{turn}" for turn, how in enumerate(hows)]
    runs = [vulkan_run(name, case, how, seconds, preload) for name, how in zip(names, hows)]
    return Case(f"vulkan.{case}", runs, judge_all)


def all_freed(report, how):
    for ok, text in used(report, {"end": 0}):
        yield ok, f"{how} the layer: {text}"


def growth(report, how, at, expected):
    """Compares the growth of the used hostmem since the mark "device" with the expected one."""
    inside = report.marks[at] - report.marks["device"]
    outside = report.outside[at].mapped_bytes - report.outside["device"].mapped_bytes
    text = (
        f"{how} the layer: {at}: {mib(inside)} used in the guest, {mib(outside)} mapped by the host"
    )
    return (inside, outside) == expected, text if (
        inside,
        outside,
    ) == expected else f"{text}, not {expected}"


def retried(report, how):
    if report["retries"]:
        text = f"mappings that must succeed were refused and repeated {report['retries']} times"
        yield None, f"{how} the layer: {text}"


def vulkan_fit(knows_hint):
    def judge(without, with_layer):
        for how, report, deferred in (
            ("without", without, False),
            ("with", with_layer, knows_hint),
        ):
            count, last = (ATTEMPTED, SUCCESS) if deferred else (FIT - 1, NO_MEMORY)
            text = f"{report['allocated']} of {ATTEMPTED} exportable allocations fit into "
            text += f"{mib(HOSTMEM_SIZE)}: {report['last']}"
            yield (report["allocated"], report["last"]) == (count, last), f"{how} the layer: {text}"
            size = report.marks["allocated"] - report.marks["device"]
            yield size == (
                0 if deferred else count * BLOB
            ), f"{how} the layer: {mib(size)} of hostmem used for them"
            yield from all_freed(report, how)
        text = f"to map one gives {with_layer['map']} with the layer, {without['map']} without"
        yield with_layer["map"] == without["map"], text
        yield from retried(with_layer, "with")

    return vulkan("fit", judge)


def judge_late(report, how, allocated, sizes):
    text = f"{report['allocated']} of {ATTEMPTED} allocated: {report['last']}"
    yield report["allocated"] == allocated, f"{how} the layer: {text}"
    for at, size in sizes.items():
        yield growth(report, how, at, (size, size))
    text = f"{report['written']} written, {report['wrong']} bytes of "
    text += f"{mib(report['written'] * BLOB)} wrong in later mappings"
    yield (report["written"], report["wrong"]) == (report["visited"], 0), f"{how} the layer: {text}"
    yield from retried(report, how)
    yield from all_freed(report, how)


def vulkan_plain(knows_hint):
    """Non-exportable memory. Venus creates its blob at the first mapping: the layer has nothing to
    defer."""

    def judge(without, with_layer):
        for how, report in (("without", without), ("with", with_layer)):
            yield from judge_late(report, how, ATTEMPTED, {"allocated": 0, "mapped": 8 * BLOB})

    return vulkan("plain", judge)


def vulkan_late(knows_hint):
    def judge(without, with_layer):
        full = (FIT - 1) * BLOB
        yield from judge_late(without, "without", FIT - 1, {"allocated": full, "mapped": full})
        if knows_hint:
            sizes = {"allocated": 0, "mapped": 8 * BLOB}
            yield from judge_late(with_layer, "with", ATTEMPTED, sizes)
            stats = with_layer["virtgpu"]
            counts = tuple(
                stats[key] for key in ("blobs_hinted", "blobs_mapped_later", "window_bytes")
            )
            yield counts == (ATTEMPTED, 8, HOSTMEM_SIZE), f"the layer's statistics agree: {stats}"
        else:
            yield from judge_late(with_layer, "with", FIT - 1, {"allocated": full, "mapped": full})

    return vulkan("late", judge)


def vulkan_full(knows_hint):
    def judge(report):
        count = ATTEMPTED if knows_hint else FIT - 1
        text = (
            f"{report['allocated']} allocated, {report['mapped']} mapped, then: {report['refused']}"
        )
        refused = NO_MAP if knows_hint else SUCCESS
        yield (report["allocated"], report["mapped"], report["refused"]) == (
            count,
            FIT - 1,
            refused,
        ), text
        yield report["refused_again"] == refused, f"and again: {report['refused_again']}"
        replaced = count - report["mapped"]
        text = f"{report['replaced']} of {replaced} refused mappings succeed after a free"
        yield report["replaced"] == replaced, text
        yield from retried(report, "with")
        yield report["wrong"] == 0, f"{report['wrong']} bytes wrong"
        yield from all_freed(report, "with")

    return vulkan("full", judge, hows=("with",))


def vulkan_traced():
    """The case "full" with a trace. The trace has the refused mappings and the mapped bytes of
    hostmem."""

    def judge(result):
        yield from ended(result)
        report = Report(result)
        lines = [line for line in result.lines if line == "[" or line.startswith('{"ph":')]
        try:
            events = json.loads("".join(lines) + "]")
        except ValueError as error:
            yield False, f"the trace is not valid JSON: {error}"
            return
        maps = [event["args"] for event in events if event["name"] == "vkMapMemory"]
        mapped = {each["memory"] for each in maps if each["result"] == "VK_SUCCESS"}
        refused = {
            each["memory"] for each in maps if each["result"] == "VK_ERROR_MEMORY_MAP_FAILED"
        }
        yield len(mapped) == ATTEMPTED, f"in the trace {len(mapped)} of {ATTEMPTED} are mapped"
        yield refused and refused <= mapped, f"in the trace {len(refused)} are refused at first"
        for name, most in (("promised", ATTEMPTED * BLOB), ("mapped", report["mapped"] * BLOB)):
            values = [
                event["args"]["bytes"] for event in events if event["name"] == f"hostmem {name}"
            ]
            seen = (max(values, default=0), values[-1:])
            yield seen == (
                most,
                [0],
            ), f"in the trace {mib(seen[0])} are {name} at most, {seen[1]} in the end"

    run = vulkan_run("vulkan.traced", "full", "with", 240, None)
    command = f"VMBIND_TRACE=/tmp/trace {run.command} && cat /tmp/trace && echo"
    return Case("vulkan.traced", [run._replace(command=command)], judge)


def vulkan_refused(knows_hint):
    def judge(without, with_layer):
        for how, report in (("without", without), ("with", with_layer)):
            text = f"{report['map']}, again: {report['again']}; other memory: {report['other']}"
            ok = (report["allocated"], report["map"], report["again"], report["other"]) == (
                4,
                NO_MAP,
                NO_MAP,
                SUCCESS,
            )
            yield ok, f"{how} the layer: mappings of refused blobs: {text}"
            yield from all_freed(report, how)

    return vulkan("refused", judge, preload="libvmbind_refused.so")


def vulkan_never(knows_hint):
    def judge(report):
        count = report["allocated"]
        # The kernel releases freed hostmem asynchronously.
        yield count == report[
            "of"
        ] if knows_hint else count > 0, f"{count} of {report['of']} allocated, and freed unmapped"
        maps = report.outside["freed"].maps - report.outside["device"].maps
        yield maps == (0 if knows_hint else count), f"{maps} of them were ever mapped by the host"
        yield from all_freed(report, "with")

    return vulkan("never", judge, hows=("with",))


def vulkan_export(knows_hint):
    def judge(report):
        first = (0, 0) if knows_hint else (BLOB, BLOB)
        yield growth(report, "with", "allocated", first)
        yield growth(report, "with", "exported", (BLOB, BLOB))
        real = report["address"] != 0 and report["size"] == BLOB
        text = f"address {report['address']:#x}, {mib(report['size'])} ({report['other']})"
        yield real, f"another device gets {text}"
        yield report[
            "dma_buf_wrong"
        ] == 0, f"{report['dma_buf_wrong']} bytes wrong when the dma-buf is mapped"
        yield report[
            "imported_wrong"
        ] == 0, f"{report['imported_wrong']} bytes wrong when the same device imports it"
        yield from all_freed(report, "with")

    return vulkan("export", judge, hows=("with",))


def judge_competition(report, knows_hint):
    works = [each for each in report.objects if "errors" in each]
    keys = ("attempted", "allocated", "mapped", "refused", "errors", "wrong")
    attempted, allocated, mapped, refused, errors, wrong = (
        sum(each[key] for each in works) for key in keys
    )
    # Without the hint, allocations fail on a full hostmem.
    allocations_pass = allocated == attempted if knows_hint else allocated > 0
    yield allocations_pass, f"{allocated} of {attempted} allocated"
    yield mapped > 0, f"{mapped} mapped, {refused} refused on a full hostmem"
    yield (errors, wrong) == (0, 0), f"{errors} other errors, {wrong} bytes wrong"


def compete(case, knows_hint):
    def judge(report):
        yield from judge_competition(report, knows_hint)
        if "processes" in report.values:
            yield report["ended"] == report[
                "processes"
            ], f"{report['ended']} of {report['processes']} processes ended"
        yield from all_freed(report, "with")

    return vulkan(case, judge, hows=("with",))


def vulkan_killed(knows_hint):
    def judge(report):
        yield report["killed"] == report[
            "processes"
        ], f"{report['killed']} of {report['processes']} processes were killed"
        yield from all_freed(report, "with")

    return vulkan("killed", judge, hows=("with",))


def vulkan_children(knows_hint):
    def judge(report):
        ways = {each["way"]: each for each in report.objects if "way" in each}
        none = "No child processes"
        for way, signals, waited in (
            ("handler", 0, none),
            ("ignored", 0, none),
            ("wait loop", 1, "its own child"),
        ):
            each = ways[way]
            text = f"{way}: {each['mapped']} mapped, {each['signals']} signals, "
            text += f"wait() gives: {each['wait']}"
            yield (each["mapped"], each["signals"], each["wait"]) == (4, signals, waited), text
        each = ways["exec"]
        text = f"exec: {each['mapped']} mapped, {each['wrong']} of {each['started']} programs "
        text += "inherited a file"
        yield (each["mapped"], each["wrong"], each["wait"]) == (4, 0, none) and each[
            "started"
        ] > 0, text
        yield from retried(report, "with")
        yield from all_freed(report, "with")

    return vulkan("children", judge, hows=("with",))


COSTS = {
    "allocation_ms": "an allocation",
    "first_map_ms": "its first mapping",
    "later_map_ms": "a later mapping",
}
ROUNDS = 3


def cost(knows_hint):
    """Reports the costs without a verdict. The runs alternate, as the machine's speed varies."""

    def judge(*reports):
        sides = reports[0::2], reports[1::2]
        for key, text in COSTS.items():
            without, with_layer = (
                statistics.median(report[key] for report in side) for side in sides
            )
            times = f"{without:.3f} ms without the layer, {with_layer:.3f} ms with it"
            more = f"{with_layer / without:.2f} times, {with_layer - without:+.3f} ms"
            yield None, f"{text}: {times}: {more}"
        for how, side in zip(("without", "with"), sides):
            before, after = side[0].outside["before"], side[0].outside["after"]
            counts = (
                after.commands - before.commands,
                after.blobs - before.blobs,
                after.maps - before.maps,
            )
            operations = "%d commands to the host; %d blobs created, %d mapped" % counts
            yield None, f"during a first mapping {how} the layer: {operations}"
        yield True, f"medians of {ROUNDS} runs each"

    return vulkan("cost", judge, hows=("without", "with") * ROUNDS)


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
        patient(knows_hint),
        orphan(knows_hint, "orphan"),
        orphan(knows_hint, "orphan.blind"),
        look(knows_hint),
        close(knows_hint),
        imported(knows_hint),
        vulkan_fit(knows_hint),
        vulkan_plain(knows_hint),
        vulkan_late(knows_hint),
        vulkan_full(knows_hint),
        *([vulkan_traced()] if knows_hint else []),
        vulkan_refused(knows_hint),
        vulkan_never(knows_hint),
        vulkan_export(knows_hint),
        compete("threads", knows_hint),
        compete("devices", knows_hint),
        compete("processes", knows_hint),
        vulkan_killed(knows_hint),
        vulkan_children(knows_hint),
        cost(knows_hint),
    ]
