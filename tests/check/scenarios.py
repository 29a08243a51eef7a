#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# scenarios.py BUILD DRIVER SCENARIO: vmbind-check on real drivers, without faults. DRIVER is the
# manifest of the system's lavapipe. Exit status 77 means skipped.

import json
import os
import pty
import re
import subprocess
import sys

BUILD, DRIVER, SCENARIO = sys.argv[1:]
ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
PROGRAM = os.path.join(os.path.realpath(BUILD), "tools/check/vmbind-check")
MANUAL = os.path.join(ROOT, "tools/check/vmbind-check.1")
LAYER = "VK_LAYER_VMBIND_sparse"

FINDABLE = {
    "VK_ADD_LAYER_PATH": os.path.join(os.path.realpath(BUILD), "manifest"),
    "VK_DRIVER_FILES": DRIVER,
    "VK_ICD_FILENAMES": DRIVER,
}
ENABLED = dict(FINDABLE, VK_INSTANCE_LAYERS=LAYER)

PASS, FAIL, NOTHING, USAGE = range(4)


def expect(condition, text):
    if not condition:
        sys.exit(f"{SCENARIO}: {text}")


def run(status, *options, script=None, environment=None):
    """Runs the program and returns what it wrote. script: of scripts/, which selects a driver."""
    command = [PROGRAM, *options]
    if script:
        command = [os.path.join(ROOT, "scripts", script), "--cached", *command]
    done = subprocess.run(
        command,
        env=dict(os.environ, **(FINDABLE if environment is None else environment)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == 77 and script:
        sys.exit(77)
    print(done.stdout, done.stderr)
    expect(done.returncode == status, f"exit status {done.returncode}, not {status}")
    return done


def statuses(run_object):
    return {check["name"]: check["status"] for check in run_object["checks"]}


def expect_narrow(text):
    for line in text.splitlines():
        expect(len(line) <= 80, f"more than 80 columns: {line}")


def clean(script=None):
    """All checks pass with the layer, or are skipped for a reason; the text is narrow."""
    done = run(PASS, script=script, environment=ENABLED)
    expect(re.search(r"with\s+VK_LAYER_VMBIND_sparse\n", done.stdout), "the layer is not enabled")
    expect(re.search(r"\n[0-9]+ passed, 0 failed, [0-9]+ skipped\.\n$", done.stdout), "summary")
    expect("PASS  buffer.null " in done.stdout, "buffer.null did not pass")
    expect_narrow(done.stdout)


def lavapipe():
    clean()


def swiftshader():
    clean("swiftshader")


def newer():
    """The driver's own sparse resources, without the layer and with it."""
    done = run(PASS, "--compare", "--json", script="newer-lavapipe")
    report = json.loads(done.stdout)
    for one, enabled in zip(report["runs"], (False, True)):
        expect(one["layer"] is enabled, "the layer's state")
        skipped = {name for name, status in statuses(one).items() if status == "skip"}
        expect(skipped == {"buffer.size.4g", "image.tail"}, f"skipped: {skipped}")
        expect("fail" not in statuses(one).values(), "a check failed")
    expect(set(report["changes"].values()) <= {"same", "faster", "slower"}, report["changes"])


def compare():
    """lavapipe without sparse resources: the layer adds them."""
    options = ["--compare", "--only", "buffer.null", "--only", "image.blocks"]
    done = run(PASS, *options)
    expect(re.search(r"buffer\.null +SKIP +PASS  ADDED: ", done.stdout), "buffer.null")
    expect(re.search(r"image\.blocks +SKIP +SKIP ", done.stdout), "image.blocks")
    expect("0 checks pass that failed, and 1 that were skipped." in done.stdout, "the sum")
    expect_narrow(done.stdout)


def worse():
    """A layer that crashes where there are sparse resources: a check that gets worse is loud. Both
    runs keep the other layers of the environment."""
    # Loader 1.3.239 orders layers as in the path.
    directory = os.path.join(os.path.realpath(BUILD), "tests/check")
    paths = directory + ":" + FINDABLE["VK_ADD_LAYER_PATH"]
    environment = dict(
        ENABLED,
        VK_ADD_LAYER_PATH=paths,
        VK_INSTANCE_LAYERS=f"VK_LAYER_VMB_faulty:{LAYER}",
        VMB_FAULT="crash",
    )
    done = run(FAIL, "--compare", "--only", "buffer.bind", environment=environment)
    expect(re.search(r"buffer\.bind +SKIP +FAIL  WORSE: ", done.stdout), "buffer.bind")
    expect("*** WORSE: 1 of the checks got worse by enabling the layer. ***" in done.stdout, "loud")


def no_layer():
    environment = dict(FINDABLE, VK_ADD_LAYER_PATH="/nonexistent")
    done = run(NOTHING, "--compare", environment=environment)
    expect("does not find VK_LAYER_VMBIND_sparse" in done.stderr, "no message")


def nothing():
    done = run(NOTHING)
    expect("none of 1 devices has sparse resources" in done.stderr, "no message")
    done = run(NOTHING, "--device", "Voodoo", environment=ENABLED)
    expect("no device is called 'Voodoo'" in done.stderr, "no message for a device")
    done = run(NOTHING, "--device", "7", environment=ENABLED)
    expect("no device is called '7'" in done.stderr, "no message for a number")
    # All selected checks are skipped.
    run(NOTHING, "--only", "image.blocks", environment=ENABLED)


def usage():
    for options in (["--only", "nothing"], ["--timeout", "0"], ["--frobnicate"], ["extra"]):
        run(USAGE, *options)
    expect("--compare" in run(PASS, "--help").stdout, "--help")
    expect(run(PASS, "--version").stdout.startswith("vmbind-check "), "--version")
    names = [line.split()[0] for line in run(PASS, "--list").stdout.splitlines() if line[0] != " "]
    expect(len(names) > 30 and len(set(names)) == len(names), "--list")
    done = run(PASS, "--device", "llvmpipe", "--only", "queue.fence", environment=ENABLED)
    expect("1 passed, 0 failed, 0 skipped." in done.stdout, "--only")
    run(PASS, "--device", "0", "--only", "queue.fence", environment=ENABLED)


def manual():
    """The manual names each option, each check and each key of the JSON."""
    with open(MANUAL, encoding="utf-8") as file:
        text = file.read().replace("\\-", "-")
    for option in re.findall(r"--([a-z]+)", run(PASS, "--help").stdout):
        expect(f"Fl -{option}" in text, f"--{option} is not in the manual")
    for line in run(PASS, "--list").stdout.splitlines():
        expect(line[0] == " " or line.split()[0] in text, f"not in the manual: {line}")
    options = ["--compare", "--json", "--only", "speed.buffer", "--only", "queue.fence"]
    report = json.loads(run(PASS, *options).stdout)

    def keys(value, below=""):
        if isinstance(value, list):
            for item in value:
                yield from keys(item, below)
        elif isinstance(value, dict) and below not in ("facts", "changes"):
            for key, item in value.items():
                yield key
                yield from keys(item, key)

    for key in set(keys(report)):
        expect(f".It Sy {key}" in text, f"the key {key} is not in the manual")


def progress():
    """A terminal names the running check."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(ENABLED)
        os.execv(PROGRAM, [PROGRAM, "--only", "queue.fence"])
    shown = b""
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
    expect(b"queue.fence ..." in shown, shown)
    expect(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == PASS, "exit status")


globals()[SCENARIO]()
