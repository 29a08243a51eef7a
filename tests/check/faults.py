#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# faults.py BUILD FAULT: vmbind-check on a driver with a planted fault (faulty_layer.c). Exactly the
# checks that FAULTS lists fail. The driver below is a newer suite's lavapipe. Exit status 77 means
# skipped.

import json
import os
import subprocess
import sys

NEWER = os.path.join(os.path.dirname(__file__), "../../scripts/newer-lavapipe")

# The checks that bind NULL.
NULL = """buffer.null buffer.alias queue.busy image.null image.null-all image.layers image.mips
    image.tail image.volume"""
# The checks that bind a page with an offset into its memory.
OFFSETS = """buffer.bind buffer.partial buffer.rebind buffer.null buffer.alias buffer.unbound
    buffer.many.in-order buffer.many.reversed buffer.many.shuffled buffer.many.scattered
    buffer.address buffer.size.64k buffer.size.2m queue.order queue.binary queue.timeline
    queue.wait-first queue.fence queue.busy"""

FAULTS = {
    "none": "",
    "null-range": "buffer.null buffer.alias queue.busy",
    "null-ignored": NULL,
    "exchanged-pages": """buffer.many.in-order buffer.many.reversed buffer.many.shuffled
        buffer.many.scattered""",
    "exchanged-blocks": """image.blocks image.many image.edges image.rebind image.layers
        image.mips image.volume""",
    "offset-page": OFFSETS,
    "y-before-x": "image.region image.edges image.volume.region",
    "z-before-x": "image.volume.region",
    "edges-forgotten": "image.edges image.volume.region",
    "levels-forgotten": "image.mips image.tail",
    "layer-ignored": "image.layers",
    "tail-forgotten": "image.tail",
    "bind-overtakes": "queue.order",
    "early-signal": "queue.binary queue.timeline queue.wait-first",
    "early-fence": "queue.fence",
    "wait-ignored": "queue.wait-first queue.fence",
    "leak": "buffer.leak",
}

# What a check says of a driver that ends it.
ENDS = {
    "lost": "vkQueueBindSparse returned VK_ERROR_DEVICE_LOST",
    "hang": "the check did not end within 2 s",
    "crash": "the driver crashed: Segmentation fault",
    "exit": "the driver ended the process with status 0",
}


def run(build, fault, *options):
    directory = os.path.join(build, "tests/check")
    paths = [directory]
    if os.environ.get("VK_ADD_LAYER_PATH"):
        paths.append(os.environ["VK_ADD_LAYER_PATH"])
    environment = dict(
        os.environ,
        VMB_FAULT=fault,
        VK_INSTANCE_LAYERS="VK_LAYER_VMB_faulty",
        VK_ADD_LAYER_PATH=":".join(paths),
    )
    command = [NEWER, "--cached", os.path.join(build, "tools/check/vmbind-check"), "--json"]
    done = subprocess.run(
        command + list(options), env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode == 77:
        sys.exit(77)
    if done.returncode not in (0, 1):
        sys.exit(f"vmbind-check ended with {done.returncode}: {done.stdout}")
    checks = json.loads(done.stdout)["runs"][0]["checks"]
    return done.returncode, {check["name"]: check for check in checks}


def check_fault(build, fault):
    options = ["--only", "buffer", "--only", "queue", "--only", "image"]
    status, checks = run(build, fault, *options)
    failed = {name for name, check in checks.items() if check["status"] == "fail"}
    expected = set(FAULTS[fault].split())
    skipped = {name for name, check in checks.items() if check["status"] == "skip"}
    for name in sorted(failed | expected):
        print(name, checks[name]["status"], checks[name]["text"])
    if failed != expected:
        sys.exit(f"{fault}: not found by {expected - failed}; found by {failed - expected}")
    if skipped != {"buffer.size.4g"}:
        sys.exit(f"{fault}: skipped: {skipped}")
    if status != (1 if expected else 0):
        sys.exit(f"{fault}: exit status {status}")


def check_end(build, fault):
    status, checks = run(build, fault, "--only", "buffer.bind", "--timeout", "2")
    check = checks["buffer.bind"]
    print(check["status"], check["text"])
    if status != 1 or check["status"] != "fail" or check["text"] != ENDS[fault]:
        sys.exit(f"{fault}: not '{ENDS[fault]}'")


def main():
    build, fault = sys.argv[1:]
    if fault in ENDS:
        check_end(build, fault)
    else:
        check_fault(build, fault)


main()
