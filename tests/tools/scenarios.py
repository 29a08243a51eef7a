#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# info BUILD DRIVER SCENARIO: vmbind-info of a build on this machine, on lavapipe (DRIVER is its
# manifest) and on a driver that misbehaves (fake_icd.c). Exit status 77 means skipped.

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
    PATIENCE,
    SCHEMA,
    SOURCE,
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
# Enumerates the devices.
ENUMERATE = [os.path.join(BUILD, "tests/icd/icd_features"), "tool_properties"]


def drivers(*manifests):
    """The variable has a new name since loader 1.3.207; the old one still works."""
    return {"VK_DRIVER_FILES": ":".join(manifests), "VK_ICD_FILENAMES": ":".join(manifests)}


def clean_environment(scratch):
    """Nothing of the caller's that concerns Vulkan, and no place where a layer is installed."""
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
    expect(f"the devices that are called {start}", len(found), 1)
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
    # The driver is asked without the layer where that is enabled, too.
    enabled = tool.json(**ENABLED)
    expect("the devices with the layer enabled", enabled["devices"], report["devices"])
    expect("the status of the layer", enabled["layer"]["status"], "enabled")


def wishes(tool, _):
    for wish, route in (
        ("native", "native"),
        ("provide", "provide"),
        ("assist", "native"),
        ("auto", "provide"),
    ):
        report = tool.json(VMBIND_ROUTE=wish)
        expect(f"the route wished to be {wish}", only_device(report)["route"], route)
        tool.agrees_with_layer(report, ENUMERATE, VMBIND_ROUTE=wish, **ENABLED)
    answer = tool.run(VMBIND_ROUTE="nonsense")
    expect("nonsense is reported", "'nonsense' is not known" in answer.errors, True)


def panvk(tool, _):
    """What calls itself panvk: the decision is about names and versions alone."""
    for minor, route in (("1", "assist"), ("2", "native")):
        variables = {"VMB_FAKE_PANVK": minor, **drivers(FAKE)}
        report = tool.json(**variables)
        device = only_device(report)
        expect(f"the route of 26.{minor}", device["route"], route)
        expect("has a fault", device["works_around"] is not None, route == "assist")
        expect(
            "the advice",
            [advice["kind"] for advice in device["advice"]],
            ["newer-mesa"] if route == "assist" else [],
        )
        expect("the families that bind", device["sparse"]["queue_families"], [0])
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
    """The dynamic linker finds a loader that is none."""
    with open(os.path.join(scratch, "libvulkan.so.1"), "w", encoding="utf-8") as file:
        file.write("This is not a library.\n")
    report = tool.json(LD_LIBRARY_PATH=scratch)
    expect("the loader", report["loader"], None)
    expect("the devices", report["devices"], [])
    expect("the status of the layer", report["layer"]["status"], "unknown")
    answer = tool.text(LD_LIBRARY_PATH=scratch)
    expect("the exit status for text", answer.status, 3)
    expect("says so", b"there is no Vulkan loader (libvulkan.so.1)" in answer.text, True)


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
            # Each hang takes the limit a few times.
            if how != "hang" or function not in (
                "vk_icdNegotiateLoaderICDInterfaceVersion",
                "vkGetPhysicalDeviceProperties",
            ):
                yield how, kind, function
    # VK_ERROR_OUT_OF_HOST_MEMORY, which every loader hands on.
    yield "-1", "failed", "vkCreateInstance"
    yield "-1", "failed", "vkEnumeratePhysicalDevices"


# Of these the report says that it happened there.
TOLD = ("vkCreateInstance", "vkEnumeratePhysicalDevices", "vkGetPhysicalDeviceFeatures")


def bad_ones(report):
    bad = [driver for driver in report["broken_drivers"] if driver["manifest"] == FAKE]
    return bad + [
        device for device in report["devices"] if not device["name"].startswith("llvmpipe")
    ]


def with_hang(tool, function, good, **variables):
    """With a limit that is enough for what does not hang, however busy the machine is: for good,
    the devices that answer, and for the bad driver to come to where it hangs."""
    for limit in ("2", "10", "50"):
        report = tool.json("--timeout", limit, **variables)
        answered = [device["name"][:8] for device in report["devices"] if not device["problem"]]
        problems = [bad["problem"] for bad in bad_ones(report) if bad["problem"]]
        hung = [problem["where"] for problem in problems if problem["kind"] == "hung"]
        if (
            report["layer"]["problem"] is None
            and answered == good
            and (function in hung or (hung and function not in TOLD))
        ):
            break
    return report


def broken(tool, _):
    """The good driver answers beside the bad one, which is told of as what it is."""
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
        expect("the bad ones", len(bad), 1)
        expect("what it did", bad[0]["problem"]["kind"], kind)
        if function == "vkGetPhysicalDeviceFeatures":
            expect("where", bad[0]["problem"]["where"], function)
            expect("its name, which it told before", bad[0]["name"], "Fake")
        if function in ("vkCreateInstance", "vkEnumeratePhysicalDevices"):
            expect("where", bad[0]["problem"]["where"], function)
    # Errors that some loaders hand on, and others take for a driver without devices.
    for error in ("-3", "-4"):
        report = tool.json(VMB_FAKE_ICD=f"{error}:vkEnumeratePhysicalDevices", **both)
        expect("the good one's route", by_name(report, "llvmpipe")["route"], "provide")
        named = [driver["manifest"] for driver in report["broken_drivers"]]
        expect("the broken drivers", named, [FAKE] if report["problem"] else [])
    enabled = tool.json(VMB_FAKE_ICD="crash:vkCreateInstance", **both, **ENABLED)
    expect("the status of the layer", enabled["layer"]["status"], "enabled")
    text = tool.text(VMB_FAKE_ICD="crash:vkCreateInstance", **both)
    expect("says so", b"crashed in vkCreateInstance: Segmentation fault" in text.text, True)


def broken_alone(tool, _):
    """Nobody is left to answer."""
    variables = {"VMB_FAKE_ICD": "crash:vkCreateInstance", **drivers(FAKE)}
    expect("the devices", tool.json(**variables)["devices"], [])
    expect("the exit status for text", tool.text(**variables).status, 3)
    function = "vkGetPhysicalDeviceFeatures"
    report = with_hang(tool, function, [], **dict(variables, VMB_FAKE_ICD=f"hang:{function}"))
    expect("the problem", only_device(report)["problem"]["kind"], "hung")


def broken_layer(tool, scratch):
    """Somebody else's, that is enabled without being asked for: no driver is blamed for what it
    does."""
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
        "what it did",
        (report["problem"]["kind"], report["problem"]["where"]),
        ("crashed", "vkCreateInstance"),
    )
    expect("the devices", len(report["devices"]), 2)
    expect("the good one's route", by_name(report, "llvmpipe")["route"], "provide")
    expect("says so", b"A broken layer" in tool.text(**variables).text, True)
    failing = tool.json(**dict(variables, VMB_FAKE_LAYER="-3"))
    expect("the broken drivers", failing["broken_drivers"], [])
    expect("the layer is broken", failing["broken_layer"], True)
    expect(
        "what it did",
        failing["problem"]["text"],
        "failed in vkCreateInstance: VK_ERROR_INITIALIZATION_FAILED",
    )
    # A driver that is broken as well.
    report = tool.json(VMB_FAKE_ICD="crash:vkCreateInstance", **variables)
    expect(
        "the broken drivers", [driver["manifest"] for driver in report["broken_drivers"]], [FAKE]
    )
    expect("only the layer is broken", report["broken_layer"], False)
    expect("the good one's route", by_name(report, "llvmpipe")["route"], "provide")


def standard_places(tool, scratch):
    """Without a variable the drivers are looked for where the loader does; the same one twice is
    one."""
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
    """Whatever a driver calls its device."""
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
    """What is written to a terminal."""
    environment = dict(tool.environment, TERM="xterm", **variables)
    output = b""
    # This process keeps the terminal open, too: what was written to one that nobody has open any
    # more may never be read.
    reader, terminal = os.openpty()
    command = ["sh", "-c", '"$@"; echo "[exit status $?]"', "sh", PROGRAM, *PATIENCE, *options]
    with subprocess.Popen(
        command, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ):
        while not (end := re.search(rb"\[exit status (\d+)\]\r\n", output)):
            output += os.read(reader, 4096)
    os.close(reader)
    os.close(terminal)
    if int(end[1]) != 0 or b"llvmpipe" not in output:
        fail(f"on a terminal it says {output!r}")
    return output


def color(tool, _):
    expect("colour on a terminal", b"\x1b[" in on_terminal(tool), True)
    expect("colour if NO_COLOR is empty", b"\x1b[" in on_terminal(tool, NO_COLOR=""), True)
    expect("colour with NO_COLOR", b"\x1b[" in on_terminal(tool, NO_COLOR="1"), False)
    expect("colour in JSON", b"\x1b[" in on_terminal(tool, "--json"), False)
    expect("colour in a pipe", b"\x1b[" in tool.run(TERM="xterm").text, False)


def enabling(tool, scratch):
    """What it says of the environment, and that what it tells to do does it."""

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
        expect("is loaded", layer["library"], LIBRARY if wanted == "enabled" else layer["library"])
        expect(
            "the route",
            only_device(report)["route"],
            "native" if variables.get("VMBIND_ROUTE") else "provide",
        )
        tool.text(**variables)
        if follow:
            command = ["sh", "-c", f'{layer["enable"]} "$@" --json', "sh", PROGRAM, *PATIENCE]
            after = json.loads(tool.run(command=command, **variables).text)["layer"]
            expect(
                f"the status after {layer['enable']}",
                (after["status"], after["library"]),
                ("enabled", LIBRARY),
            )
        elif layer["enable"] is not None:
            fail(f"{wanted}, but to be enabled by {layer['enable']}")

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
    # The loader wants the very value to enable it, and any to disable it.
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
    """It neither spoils nor makes the files that the layer is told to write: they are the
    application's."""
    directory = os.path.join(scratch, "files")
    trace = os.path.join(directory, "trace.json")
    os.mkdir(directory)
    with open(trace, "w", encoding="utf-8") as file:
        file.write("[\n{}\n]\n")
    for path in (trace, os.path.join(directory, "%p.json")):
        variables = {
            "VMBIND_TRACE": path,
            "VMBIND_STATS": os.path.join(directory, "stats"),
            **ENABLED,
        }
        expect("the status of the layer", tool.json(**variables)["layer"]["status"], "enabled")
        expect("the files", os.listdir(directory), ["trace.json"])
        with open(trace, encoding="utf-8") as file:
            expect("the trace", file.read(), "[\n{}\n]\n")


def without(tool, directory):
    """In a container that lacks a directory."""
    unshare = ["unshare", "--map-root-user", "--mount", "--pid", "--fork"]
    empty = ["sh", "-c", f'mount -t tmpfs none {directory} && exec "$@"', "sh"]
    try:
        subprocess.run([*unshare, *empty, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        print("skipped: not on this machine: mount namespaces")
        sys.exit(77)
    whole = tool.json()
    listing = tool.run(command=[*unshare, *empty, "ls", "-A", directory]).text
    expect(f"what is in {directory}", listing, b"")
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
    expect("the exit status where nothing can be written", result.returncode, 3)


def verbose(tool, _):
    """What drivers and the loader print is for whoever asks for it, and never in the output."""
    quiet = tool.run("--json", *PATIENCE, VK_LOADER_DEBUG="all")
    expect("what is on stderr", quiet.errors, "")
    loud = tool.run("--json", "--verbose", *PATIENCE, VK_LOADER_DEBUG="all")
    expect("what is on stderr, verbosely", "lvp_icd" in loud.errors, True)
    expect("the output", loud.text, quiet.text)


def manual(tool, _):
    """Has all options and all that the JSON is made of, and is right by mandoc or man."""
    expect("what is not in the manual", words_of(SCHEMA) - documented_words(), set())
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
        told = tool.text(**variables).text.decode("utf-8")
        labels = set(re.findall(r"^  ([a-z ]+):  ", told, re.MULTILINE))
        expect("there are fields", {"status", "route"} <= labels, True)
        expect("the fields that are not in the manual", labels - fields, set())
    if shutil.which("mandoc"):
        lint = subprocess.run(
            ["mandoc", "-Tlint", "-Wwarning", MANUAL], capture_output=True, text=True, check=False
        )
        # The section that it would look for a page in is not there on a system without pages.
        complaints = [line for line in lint.stdout.split("\n") if line and "mandoc.db" not in line]
    elif shutil.which("man"):
        command = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", MANUAL]
        lint = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        complaints = lint.stderr.split("\n")[:-1]
    else:
        print("skipped: neither mandoc nor man")
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
    expect("the exit status for text", newer_tool.text().status, 1)
    newer_tool.agrees_with_layer(report, [*script, *ENUMERATE], **ENABLED)


SCENARIOS = (
    lavapipe,
    wishes,
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
