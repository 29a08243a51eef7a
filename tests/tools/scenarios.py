#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# scenarios BUILD DRIVER SCENARIO: tests the vmbind-info of a build on lavapipe (DRIVER is its
# manifest) and on a driver with faults (fake_icd.c). Exit status 77 means skipped.

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from info import (
    LAYER,
    MANUAL,
    SCHEMA,
    SOURCE,
    TIMEOUT_OPTIONS,
    Tool,
    documented_words,
    expect,
    fail,
    words_of,
)

BUILD, DRIVER = (os.path.realpath(path) for path in sys.argv[1:3])
PROGRAM = os.path.join(BUILD, "tools/vmbind-info")
LIBRARY = os.path.join(BUILD, "layer/libVkLayer_VMBIND_sparse.so")
MANIFESTS = os.path.join(BUILD, "manifest")
FAKE_LAYER = os.path.join(BUILD, "tests/tools/fake_layer.json")
FAKE = os.path.join(BUILD, "tests/tools/fake_icd.json")
# A command that enumerates the devices.
ENUMERATE = [os.path.join(BUILD, "tests/icd/icd_features"), "tool_properties"]


def drivers(*manifests):
    """The variables that select drivers. Loaders before 1.3.207 know only the second."""
    return {"VK_DRIVER_FILES": ":".join(manifests), "VK_ICD_FILENAMES": ":".join(manifests)}


def clean_environment(scratch):
    """The environment without the caller's Vulkan settings and without installed layers."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if not re.match(r"VK_|VMB|\w+_VMBIND_|XDG_|NO_COLOR", key)
    }
    environment.update(
        HOME=scratch, XDG_DATA_DIRS=scratch, XDG_CONFIG_DIRS=scratch, NODEVICE_SELECT="1"
    )
    environment.update(drivers(DRIVER))
    return environment


ENABLED = {"VK_ADD_LAYER_PATH": MANIFESTS, "VK_INSTANCE_LAYERS": LAYER}


def only_device(report):
    expect("the number of devices", len(report["devices"]), 1)
    return report["devices"][0]


def by_name(report, start):
    found = [device for device in report["devices"] if device["name"].startswith(start)]
    expect(f"the number of devices named {start}", len(found), 1)
    return found[0]


def lavapipe(tool, _):
    report = tool.json()
    device = only_device(report)
    expect("the route", device["route"], "provide")
    expect("the type", device["type"], "cpu")
    expect("the driver", device["driver"]["name"], "llvmpipe")
    expect("the driver's sparseBinding", device["sparse"]["sparseBinding"], False)
    expect("the layer's sparseBinding", device["provided"]["sparseBinding"], True)
    expect("the advice", [advice["kind"] for advice in device["advice"]], ["newer-mesa"])
    expect("the loader's library", os.path.exists(report["loader"]["library"]), True)
    expect("the exit status for text", tool.text().status, 0)
    tool.agrees_with_layer(report, ENUMERATE, **ENABLED)
    # vmbind-info queries the driver without the layer even if the layer is enabled.
    enabled = tool.json(**ENABLED)
    expect("the devices with the layer enabled", enabled["devices"], report["devices"])
    expect("the status of the layer", enabled["layer"]["status"], "enabled")


def requested_routes(tool, _):
    for request, route in (
        ("native", "native"),
        ("provide", "provide"),
        ("assist", "native"),
        ("auto", "provide"),
    ):
        report = tool.json(VMBIND_ROUTE=request)
        expect(f"the route with VMBIND_ROUTE={request}", only_device(report)["route"], route)
        tool.agrees_with_layer(report, ENUMERATE, VMBIND_ROUTE=request, **ENABLED)
    answer = tool.run(VMBIND_ROUTE="nonsense")
    expect("VMBIND_ROUTE=nonsense is reported", "'nonsense' is unknown" in answer.errors, True)


def panvk(tool, _):
    """A fake driver with panvk's name: names and versions alone decide the route."""
    for minor, route in (("1", "assist"), ("2", "native")):
        variables = {"VMB_FAKE_PANVK": minor, **drivers(FAKE)}
        report = tool.json(**variables)
        device = only_device(report)
        expect(f"the route of 26.{minor}", device["route"], route)
        expect("the driver has a fault", device["works_around"] is not None, route == "assist")
        expect(
            "the advice",
            [advice["kind"] for advice in device["advice"]],
            ["newer-mesa"] if route == "assist" else [],
        )
        expect("the queue families with sparse binding", device["sparse"]["queue_families"], [0])
        tool.text(**variables)
        environment = dict(variables, VMB_TEST_DEVICE="Fake", **ENABLED)
        tool.agrees_with_layer(report, ENUMERATE, **environment)


def no_driver(tool, _):
    nowhere = drivers("/nonexistent")
    report = tool.json(**nowhere)
    expect("the devices", report["devices"], [])
    expect(
        "the problem",
        report["problem"]["text"],
        "failed in vkCreateInstance: VK_ERROR_INCOMPATIBLE_DRIVER",
    )
    expect("the exit status for text", tool.text(**nowhere).status, 3)


def no_loader(tool, scratch):
    """The dynamic linker finds a libvulkan.so.1 that is not a library."""
    with open(os.path.join(scratch, "libvulkan.so.1"), "w", encoding="utf-8") as file:
        file.write("This is not a library.\n")
    report = tool.json(LD_LIBRARY_PATH=scratch)
    expect("the loader", report["loader"], None)
    expect("the devices", report["devices"], [])
    expect("the status of the layer", report["layer"]["status"], "unknown")
    answer = tool.text(LD_LIBRARY_PATH=scratch)
    expect("the exit status for text", answer.status, 3)
    expect(
        "the text names the problem",
        b"there is no Vulkan loader (libvulkan.so.1)" in answer.text,
        True,
    )


def misbehaviours():
    kinds = (("crash", "crashed"), ("exit", "exited"), ("hang", "hung"))
    for how, kind in kinds:
        for function in (
            "vk_icdNegotiateLoaderICDInterfaceVersion",
            "vkCreateInstance",
            "vkEnumeratePhysicalDevices",
            "vkGetPhysicalDeviceProperties",
            "vkGetPhysicalDeviceProperties2",
            "vkGetPhysicalDeviceFeatures",
        ):
            # Each hang costs several time limits, so only some functions hang.
            if how != "hang" or function not in (
                "vk_icdNegotiateLoaderICDInterfaceVersion",
                "vkGetPhysicalDeviceProperties",
            ):
                yield how, kind, function
    # -1 is VK_ERROR_OUT_OF_HOST_MEMORY, which every loader returns to the application.
    yield "-1", "failed", "vkCreateInstance"
    yield "-1", "failed", "vkEnumeratePhysicalDevices"


# The functions that the report names as the place of a fault.
REPORTED = ("vkCreateInstance", "vkEnumeratePhysicalDevices", "vkGetPhysicalDeviceFeatures")


def bad_ones(report):
    bad = [driver for driver in report["broken_drivers"] if driver["manifest"] == FAKE]
    return bad + [
        device for device in report["devices"] if not device["name"].startswith("llvmpipe")
    ]


def with_hang(tool, function, good, **variables):
    """Raises the time limit until the devices in good answer and the bad driver hangs in function.
    A busy machine needs a higher limit."""
    for limit in ("2", "10", "50"):
        report = tool.json("--timeout", limit, **variables)
        answered = [device["name"][:8] for device in report["devices"] if not device["problem"]]
        problems = [bad["problem"] for bad in bad_ones(report) if bad["problem"]]
        hung = [problem["where"] for problem in problems if problem["kind"] == "hung"]
        if (
            report["layer"]["problem"] is None
            and answered == good
            and (function in hung or (hung and function not in REPORTED))
        ):
            break
    return report


def broken(tool, _):
    """The good driver answers beside the bad one. The report describes the bad driver's fault."""
    both = drivers(FAKE, DRIVER)
    expect("the devices of both", len(tool.json(**both)["devices"]), 2)
    for how, kind, function in misbehaviours():
        print(how, function)
        variables = {"VMB_FAKE_ICD": f"{how}:{function}", **both}
        report = (
            with_hang(tool, function, ["llvmpipe"], **variables)
            if how == "hang"
            else tool.json(**variables)
        )
        good = by_name(report, "llvmpipe")
        expect("the good one's route", good["route"], "provide")
        expect("the good one's problem", good["problem"], None)
        expect("the status of the layer", report["layer"]["status"], "missing")
        bad = bad_ones(report)
        expect("the number of bad drivers", len(bad), 1)
        expect("the kind of the problem", bad[0]["problem"]["kind"], kind)
        if function == "vkGetPhysicalDeviceFeatures":
            expect("where", bad[0]["problem"]["where"], function)
            expect("the bad device's name", bad[0]["name"], "Fake")
        if function in ("vkCreateInstance", "vkEnumeratePhysicalDevices"):
            expect("where", bad[0]["problem"]["where"], function)
    # Some loaders return these errors, others treat the driver as one without devices.
    for error in ("-3", "-4"):
        report = tool.json(VMB_FAKE_ICD=f"{error}:vkEnumeratePhysicalDevices", **both)
        expect("the good one's route", by_name(report, "llvmpipe")["route"], "provide")
        named = [driver["manifest"] for driver in report["broken_drivers"]]
        expect("the broken drivers", named, [FAKE] if report["problem"] else [])
    enabled = tool.json(VMB_FAKE_ICD="crash:vkCreateInstance", **both, **ENABLED)
    expect("the status of the layer", enabled["layer"]["status"], "enabled")
    text = tool.text(VMB_FAKE_ICD="crash:vkCreateInstance", **both)
    expect(
        "the text names the crash",
        b"crashed in vkCreateInstance: Segmentation fault" in text.text,
        True,
    )


def broken_alone(tool, _):
    """The broken driver is the only driver."""
    variables = {"VMB_FAKE_ICD": "crash:vkCreateInstance", **drivers(FAKE)}
    expect("the devices", tool.json(**variables)["devices"], [])
    expect("the exit status for text", tool.text(**variables).status, 3)
    function = "vkGetPhysicalDeviceFeatures"
    report = with_hang(tool, function, [], **dict(variables, VMB_FAKE_ICD=f"hang:{function}"))
    expect("the problem", only_device(report)["problem"]["kind"], "hung")


def broken_layer(tool, scratch):
    """Another project's implicit layer is broken. The report does not blame a driver."""
    place = os.path.join(scratch, "share/vulkan/implicit_layer.d")
    os.makedirs(place)
    os.symlink(FAKE_LAYER, os.path.join(place, "fake_layer.json"))
    variables = {
        "XDG_DATA_DIRS": os.path.join(scratch, "share"),
        "VMB_FAKE_LAYER": "crash",
        **drivers(FAKE, DRIVER),
    }
    report = tool.json(**variables)
    expect("the broken drivers", report["broken_drivers"], [])
    expect("the layer is broken", report["broken_layer"], True)
    expect(
        "the problem",
        (report["problem"]["kind"], report["problem"]["where"]),
        ("crashed", "vkCreateInstance"),
    )
    expect("the devices", len(report["devices"]), 2)
    expect("the good one's route", by_name(report, "llvmpipe")["route"], "provide")
    expect("the text names the layer", b"Broken layer" in tool.text(**variables).text, True)
    failing = tool.json(**dict(variables, VMB_FAKE_LAYER="-3"))
    expect("the broken drivers", failing["broken_drivers"], [])
    expect("the layer is broken", failing["broken_layer"], True)
    expect(
        "the problem",
        failing["problem"]["text"],
        "failed in vkCreateInstance: VK_ERROR_INITIALIZATION_FAILED",
    )
    # A driver and the layer are broken.
    report = tool.json(VMB_FAKE_ICD="crash:vkCreateInstance", **variables)
    expect(
        "the broken drivers", [driver["manifest"] for driver in report["broken_drivers"]], [FAKE]
    )
    expect("only the layer is broken", report["broken_layer"], False)
    expect("the good one's route", by_name(report, "llvmpipe")["route"], "provide")


def standard_places(tool, scratch):
    """Without variables vmbind-info searches the loader's standard places. A manifest found twice
    counts once."""
    places = [os.path.join(scratch, place, "vulkan/icd.d") for place in ("one", "two")]
    for place in places:
        os.makedirs(place)
    for place, name, manifest in (
        (places[0], "good", DRIVER),
        (places[1], "bad", FAKE),
        (places[1], "again", FAKE),
    ):
        os.symlink(manifest, os.path.join(place, f"{name}.json"))
    report = tool.json(
        VK_DRIVER_FILES=None,
        VK_ICD_FILENAMES=None,
        XDG_DATA_HOME=os.path.join(scratch, "one"),
        XDG_DATA_DIRS=f"/nonexistent:{os.path.join(scratch, 'two')}",
        VMB_FAKE_ICD="crash:vkCreateInstance",
    )
    expect(
        "the broken drivers", [driver["manifest"] for driver in report["broken_drivers"]], [FAKE]
    )
    expect("the good one's manifest", by_name(report, "llvmpipe")["driver"]["manifest"], DRIVER)


def names(tool, _):
    """Device names with quotes, control characters and invalid UTF-8."""
    for raw, wanted in (
        (b'A "device" \\ of\x1b[31m\n\x7f this', 'A "device" \\ of\x1b[31m\n\x7f this'),
        ("Gerät № 9 🂡".encode(), "Gerät № 9 🂡"),
        (b"cut \xe2\x82", "cut \ufffd\ufffd"),
        (
            b"\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xff",
            "\ufffd\ufffd \ufffd\ufffd\ufffd \ufffd\ufffd\ufffd\ufffd \ufffd",
        ),
        (b"long \xe0\x80\xaf \xf0\x8f\xbf\xbf", "long \ufffd\ufffd\ufffd \ufffd\ufffd\ufffd\ufffd"),
        (b"C1 \xc2\x9b31m", "C1 \x9b31m"),
    ):
        variables = {"VMB_FAKE_NAME": os.fsdecode(raw), **drivers(FAKE)}
        expect("the name", only_device(tool.json(**variables))["name"], wanted)
        tool.text(**variables)


def on_terminal(tool, *options, **variables):
    """The output of vmbind-info on a terminal."""
    environment = dict(tool.environment, TERM="xterm", **variables)
    output = b""
    # This process keeps the terminal open, because unread output is lost after the last close.
    reader, terminal = os.openpty()
    command = ["sh", "-c", '"$@"; echo "[exit status $?]"', "sh", PROGRAM]
    command += [*TIMEOUT_OPTIONS, *options]
    with subprocess.Popen(
        command, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ):
        while not (end := re.search(rb"\[exit status (\d+)\]\r\n", output)):
            output += os.read(reader, 4096)
    os.close(reader)
    os.close(terminal)
    if int(end[1]) != 0 or b"llvmpipe" not in output:
        fail(f"vmbind-info prints {output!r} on a terminal")
    return output


def color(tool, _):
    expect("colour on a terminal", b"\x1b[" in on_terminal(tool), True)
    expect("colour if NO_COLOR is empty", b"\x1b[" in on_terminal(tool, NO_COLOR=""), True)
    expect("colour with NO_COLOR", b"\x1b[" in on_terminal(tool, NO_COLOR="1"), False)
    expect("colour in JSON", b"\x1b[" in on_terminal(tool, "--json"), False)
    expect("colour in a pipe", b"\x1b[" in tool.run(TERM="xterm").text, False)


def enabling(tool, scratch):
    """The report of the layer's status. The command that it recommends enables the layer."""

    def install(kind, library=LIBRARY):
        directory = os.path.join(scratch, "share/vulkan", f"{kind}_layer.d")
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(MANIFESTS, "VkLayer_VMBIND_sparse.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        manifest["layer"]["library_path"] = library
        path = os.path.join(directory, "VkLayer_VMBIND_sparse.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        return path

    def state(wanted, manifests=(), follow=True, **variables):
        report = tool.json(**variables)
        layer = report["layer"]
        expect(f"the status with {variables}", layer["status"], wanted)
        expect("the manifests", layer["manifests"], list(manifests))
        expect(
            "the library", layer["library"], LIBRARY if wanted == "enabled" else layer["library"]
        )
        expect(
            "the route",
            only_device(report)["route"],
            "native" if variables.get("VMBIND_ROUTE") else "provide",
        )
        tool.text(**variables)
        if follow:
            command = ["sh", "-c", f'{layer["enable"]} "$@" --json', "sh", PROGRAM]
            command += TIMEOUT_OPTIONS
            after = json.loads(tool.run(command=command, **variables).text)["layer"]
            expect(
                f"the status after {layer['enable']}",
                (after["status"], after["library"]),
                ("enabled", LIBRARY),
            )
        elif layer["enable"] is not None:
            fail(f"the layer is {wanted}, but the report recommends {layer['enable']}")

    built = os.path.join(MANIFESTS, "VkLayer_VMBIND_sparse.json")
    state("missing")
    state("enabled", [built], follow=False, **ENABLED)
    state("available", [built], VK_ADD_LAYER_PATH=MANIFESTS)
    state("turned-off", [built], DISABLE_VMBIND_SPARSE="1", **ENABLED)
    places = {"XDG_DATA_DIRS": os.path.join(scratch, "share")}
    explicit = install("explicit")
    state("available", [explicit], **places)
    state("enabled", [explicit], follow=False, VK_INSTANCE_LAYERS=LAYER, **places)
    implicit = install("implicit")
    both = [explicit, implicit]
    state("available", both, **places)
    state("enabled", both, follow=False, ENABLE_VMBIND_SPARSE="1", **places)
    # Only the manifest's value enables the layer. Every value disables it.
    for value in ("0", "true", ""):
        state("available", both, ENABLE_VMBIND_SPARSE=value, **places)
        state("turned-off", both, ENABLE_VMBIND_SPARSE="1", DISABLE_VMBIND_SPARSE=value, **places)
    state("available", both, VK_INSTANCE_LAYERS=f"{LAYER}_2", **places)
    state("turned-off", both, ENABLE_VMBIND_SPARSE="1", DISABLE_VMBIND_SPARSE="1", **places)
    state("turned-off", both, ENABLE_VMBIND_SPARSE="1", VMBIND_ROUTE="off", **places)
    state("turned-off", both, DISABLE_VMBIND_SPARSE="1", VMBIND_ROUTE="off", **places)
    for kind in ("implicit", "explicit"):
        install(kind, "/nonexistent/libVkLayer_VMBIND_sparse.so")
    state("not-loaded", both, follow=False, ENABLE_VMBIND_SPARSE="1", **places)


def files(tool, scratch):
    """vmbind-info leaves the files of VMBIND_TRACE and VMBIND_STATS alone: they belong to the
    application."""
    directory = os.path.join(scratch, "files")
    trace = os.path.join(directory, "trace.json")
    os.mkdir(directory)
    text = '[\n{"ph":"M","cat":"__metadata","name":"process_name","args":{}}'
    with open(trace, "w", encoding="utf-8") as file:
        file.write(text)
    for path in (trace, os.path.join(directory, "%p.json")):
        variables = {
            "VMBIND_TRACE": path,
            "VMBIND_STATS": os.path.join(directory, "stats"),
            **ENABLED,
        }
        expect("the status of the layer", tool.json(**variables)["layer"]["status"], "enabled")
        expect("the files", os.listdir(directory), ["trace.json"])
        with open(trace, encoding="utf-8") as file:
            expect("the trace", file.read(), text)


def without(tool, directory):
    """Runs vmbind-info in a container where a directory is empty."""
    unshare = ["unshare", "--map-root-user", "--mount", "--pid", "--fork"]
    empty = ["sh", "-c", f'mount -t tmpfs none {directory} && exec "$@"', "sh"]
    try:
        subprocess.run([*unshare, *empty, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        print("skipped: not on this machine: mount namespaces")
        sys.exit(77)
    whole = tool.json()
    listing = tool.run(command=[*unshare, *empty, "ls", "-A", directory]).text
    expect(f"the content of {directory}", listing, b"")
    bare = Tool([*unshare, *empty, PROGRAM], tool.environment)
    expect("the devices", bare.json()["devices"], whole["devices"])
    expect("the exit status for text", bare.text().status, 0)


def no_sys(tool, _):
    without(tool, "/sys")


def no_proc(tool, _):
    without(tool, "/proc")


def usage(tool, _):
    for options in (
        ["--nonsense"],
        ["--timeout"],
        ["--timeout", "0"],
        ["--timeout", "-1"],
        ["--timeout", "3601"],
    ):
        answer = tool.run(*options)
        expect(
            f"the exit status of {options}",
            (answer.status, answer.text, bool(answer.errors)),
            (2, b"", True),
        )
    for options in (["--timeout", "5s"], ["--timeout", ""], ["more"]):
        expect(f"the exit status of {options}", tool.run(*options).status, 2)
    version = tool.run("--version")
    expect(
        "the version",
        (version.status, bool(re.fullmatch(rb"vmbind-info \d+\.\d+\.\d+\n", version.text))),
        (0, True),
    )
    help_text = tool.run("--help").text.decode("utf-8")
    expect("the columns of the help", max(map(len, help_text.split("\n"))) <= 80, True)
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            tool.command, env=tool.environment, stdout=full, stderr=subprocess.PIPE, check=False
        )
    expect("the exit status with stdout on /dev/full", result.returncode, 3)


def verbose(tool, _):
    """--verbose shows the messages of drivers and of the loader on stderr."""
    quiet = tool.run("--json", *TIMEOUT_OPTIONS, VK_LOADER_DEBUG="all")
    expect("stderr", quiet.errors, "")
    loud = tool.run("--json", "--verbose", *TIMEOUT_OPTIONS, VK_LOADER_DEBUG="all")
    expect("stderr with --verbose names lvp_icd", "lvp_icd" in loud.errors, True)
    expect("the output", loud.text, quiet.text)


def manual(tool, _):
    """The manual documents all options, fields and JSON words. mandoc or man reports no fault."""
    expect("the words missing from the manual", words_of(SCHEMA) - documented_words(), set())
    with open(MANUAL, encoding="utf-8") as file:
        text = file.read()
    options = set(re.findall(r"--(\w+)", tool.run("--help").text.decode("utf-8")))
    expect("the options", options, set(re.findall(r"^\.It Fl -(\w+)", text, re.MULTILINE)))
    fields = set(re.findall(r"^\.It ([a-z ]+)$", text, re.MULTILINE))
    for variables in (
        ENABLED,
        {"VMB_FAKE_ICD": "crash:vkCreateInstance", **drivers(FAKE, DRIVER)},
        {"VK_ADD_LAYER_PATH": MANIFESTS},
    ):
        text_output = tool.text(**variables).text.decode("utf-8")
        labels = set(re.findall(r"^  ([a-z ]+):  ", text_output, re.MULTILINE))
        expect("the text has the fields status and route", {"status", "route"} <= labels, True)
        expect("the fields missing from the manual", labels - fields, set())
    if shutil.which("mandoc"):
        lint = subprocess.run(
            ["mandoc", "-Tlint", "-Wwarning", MANUAL], capture_output=True, text=True, check=False
        )
        # On a system without manual pages mandoc reports the missing mandoc.db.
        complaints = [line for line in lint.stdout.split("\n") if line and "mandoc.db" not in line]
    elif shutil.which("man"):
        command = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", MANUAL]
        lint = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        complaints = lint.stderr.split("\n")[:-1]
    else:
        print("skipped: mandoc and man are not installed")
        sys.exit(77)
    expect("the complaints", complaints, [])


def newer(tool, _):
    """A newer lavapipe, with sparse resources of its own."""
    script = [os.path.join(SOURCE, "scripts/newer-lavapipe"), "--cached"]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", ""), ".cache")
    newer_tool = Tool([*script, PROGRAM], dict(tool.environment, XDG_CACHE_HOME=cache))
    report = newer_tool.json()
    device = only_device(report)
    expect("the route", device["route"], "native")
    expect("the driver's sparseBinding", device["sparse"]["sparseBinding"], True)
    expect("what the layer provides", device["provided"], None)
    expect("the advice", device["advice"], [])
    for merge, joins in (("auto", True), ("on", True), ("off", False)):
        answer = only_device(newer_tool.json(VMBIND_MERGE=merge))
        expect(f"joins_binds with VMBIND_MERGE={merge}", answer["joins_binds"], joins)
        expect("gains", answer["gains"], joins)
    expect("the exit status for text", newer_tool.text().status, 0)
    expect("without the layer", newer_tool.json(VMBIND_ROUTE="off")["gains"], False)
    newer_tool.agrees_with_layer(report, [*script, *ENUMERATE], **ENABLED)


SCENARIOS = (
    lavapipe,
    requested_routes,
    panvk,
    no_driver,
    no_loader,
    broken,
    broken_alone,
    broken_layer,
    standard_places,
    names,
    color,
    enabling,
    files,
    no_sys,
    no_proc,
    usage,
    verbose,
    manual,
    newer,
)


def main():
    scenarios = {function.__name__: function for function in SCENARIOS}
    with tempfile.TemporaryDirectory() as scratch:
        scenarios[sys.argv[3]](Tool([PROGRAM], clean_environment(scratch)), scratch)


main()
