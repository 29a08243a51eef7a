#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# panvk GENERATION: runs vmbind-info on this version of panvk, over the simulated kernel with and
# without the sparse op. The report agrees with the layer and with the simulated kernel.

import os
import sys

from info import SOURCE, Tool, expect

BUILD = os.path.join(SOURCE, "build-arm64")
PROGRAM = os.path.join(BUILD, "tools/vmbind-info")
ENUMERATE = [os.path.join(BUILD, "tests/icd/icd_features"), "tool_properties"]
PAGES = [4096, 2 << 20]

# For panthor 1.9: the route, whether the driver has sparse resources, whether the driver has a
# fault, and the advice.
GENERATIONS = {
    "25.0": ("provide", False, False, ["newer-mesa"]),
    "26.1": ("assist", True, True, ["newer-mesa"]),
    "26.2": ("native", True, False, []),
}


def main():
    generation = sys.argv[1]
    route, has_sparse, has_fault, advice = GENERATIONS[generation]
    script = [os.path.join(SOURCE, "scripts/panvk"), "--cached", generation]
    for panthor in ("1.9", "1.8"):
        is_new = panthor == "1.9"
        kernel = ["--panthor", panthor]
        tool = Tool([*script, *kernel, "--no-layer", PROGRAM], dict(os.environ))
        report = tool.json()
        expect("the number of devices", len(report["devices"]), 1)
        device = report["devices"][0]
        expect("the route", device["route"], route)
        expect("the driver", (device["driver"]["name"], device["driver"]["id"]), ("panvk", 20))
        expect(
            "the driver's version", device["driver"]["info"].startswith(f"Mesa {generation}."), True
        )
        expect("the driver's sparseBinding", device["sparse"]["sparseBinding"], has_sparse)
        expect(
            "the layer provides sparse resources",
            device["provided"] is not None,
            route == "provide",
        )
        if device["provided"]:
            # panvk 26.1 and 26.2 do not alias on this hardware.
            expect("aliasing", device["provided"]["sparseResidencyAliased"], False)
        expect("the driver has a fault", device["works_around"] is not None, has_fault)
        expect(
            "the kernel",
            (device["kernel_driver"]["name"], device["kernel_driver"]["version"]),
            ("panthor", panthor),
        )
        expect("the kernel's sparse op", device["kernel_driver"]["sparse_vm_bind"], is_new)
        expect("the kernel's pages", device["kernel_driver"]["page_sizes"], PAGES if is_new else [])
        kinds = [entry["kind"] for entry in device["advice"]]
        expect("the advice", kinds, advice if is_new else advice + ["newer-kernel"])
        expect("the status of the layer", report["layer"]["status"], "missing")
        tool.text()

        enabled = Tool([*script, *kernel, PROGRAM], dict(os.environ))
        with_layer = enabled.json()
        expect("the status of the layer", with_layer["layer"]["status"], "enabled")
        expect("the devices with the layer enabled", with_layer["devices"], report["devices"])
        tool.agrees_with_layer(report, [*script, *kernel, *ENUMERATE])


main()
