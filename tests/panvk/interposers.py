#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# interposers GENERATION: runs the layer
#   - with a preloaded ioctl() tracer in front of the simulated kernel, and behind it
#   - without scripts/panvk, enabled by environment variables only
#   - with a preload library through which the driver's ioctls bypass the layer's hook
# and checks the GOT entries of libdrm and the driver before and after the hook.

import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import op_stream
from op_stream import fail

BUILD = os.path.realpath(os.path.join(op_stream.ROOT, "build-arm64"))
SIM = f"{BUILD}/tests/sim/libvmbind_sim.so"
TRACER = f"{BUILD}/tests/panvk/libpanvk_tracer.so"
BYPASS = f"{BUILD}/tests/panvk/libpanvk_bypass.so"
PROGRAM = ["panvk_workload", "single", "1", "2"]
WARNINGS = {
    "all": {
        "25.0": "another library handles the driver's ioctls, for example one in LD_PRELOAD",
        "26.1": "another library handles the driver's ioctls, for example one in LD_PRELOAD",
    },
    "vm_bind": {"25.0": None, "26.1": "another library handles some of the driver's ioctls"},
}


def expect_success(name, done):
    if done.returncode != 0:
        fail(f"{name}: {done.stdout}{done.stderr}")


def check_workload(name, ops):
    expect_success(name, op_stream.run_command(["tests/panvk/check_workload.py", ops]))


def vm_binds(ops):
    return [entry for entry in op_stream.read(ops) if entry.get("ioctl") == "vm_bind"]


def counted(ops):
    kernel_ops = [op for bind in vm_binds(ops) for op in bind["ops"]]
    return {
        "ioctls": len(vm_binds(ops)),
        "ops": len(kernel_ops),
        "sparse": sum("sparse" in op["flags"] for op in kernel_ops),
    }


def check_tracer(generation, directory):
    """A tracer in front of the simulated kernel sees the same VM_BINDs. A tracer behind it sees
    none."""
    for name, preloads in (("before", [TRACER]), ("behind", [SIM, TRACER])):
        ops, counts = os.path.join(directory, name), os.path.join(directory, f"{name}.counts")
        options = [word for preload in preloads for word in ("--preload", preload)]
        command = op_stream.command_of(generation, "1.9", ops, *PROGRAM, options=options)
        expect_success(name, op_stream.run_command(command, {"PANVK_TRACER": counts}))
        check_workload(name, ops)
        seen = op_stream.read(counts)[0]
        expected = counted(ops) if name == "before" else {"ioctls": 0, "ops": 0, "sparse": 0}
        if seen != expected or counted(ops)["sparse"] == 0:
            fail(f"a tracer {name} the simulated kernel saw {seen}, expected {expected}")


def check_by_hand(generation, directory):
    """Enables the layer with the loader's variables alone, beside a preloaded tracer."""
    root = subprocess.run(
        ["scripts/panvk", "--cached", generation],
        cwd=op_stream.ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    libraries = f"{root}/usr/lib/aarch64-linux-gnu"
    icd = f"{root}/usr/share/vulkan/icd.d/panfrost_icd.json"
    ops, counts = os.path.join(directory, "by-hand"), os.path.join(directory, "by-hand.counts")
    qemu = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    environment = {
        "VK_ADD_LAYER_PATH": f"{BUILD}/manifest",
        "VK_INSTANCE_LAYERS": "VK_LAYER_VMBIND_sparse",
        "VK_DRIVER_FILES": icd,
        "VK_ICD_FILENAMES": icd,
        "PAN_GPU_ID": "a867",
        "PAN_I_WANT_A_BROKEN_VULKAN_DRIVER": "1",
        "VMBIND_SIM_OPS": ops,
        "PANVK_TRACER": counts,
    }
    preload = f"LD_PRELOAD={TRACER}:{SIM}:{libraries}/libpanfrost_noop_drm_shim.so"
    command = [qemu, "-L", root, "-E", preload, "-E", f"LD_LIBRARY_PATH={libraries}"]
    expect_success(
        "by hand",
        op_stream.run_command(
            [*command, f"{BUILD}/tests/panvk/{PROGRAM[0]}", *PROGRAM[1:]], environment
        ),
    )
    check_workload("by hand", ops)
    if op_stream.read(counts)[0] != counted(ops):
        fail(f"a tracer saw {op_stream.read(counts)[0]}, expected {counted(ops)}")
    # On 26.2 the driver itself makes the sparse ops.
    if counted(ops)["sparse"] == 0:
        fail("by hand: the kernel received no sparse op")


def check_bypass(generation, directory, bypassed):
    """The layer leaves the device to the driver if the hook misses ioctls, and logs a warning."""
    environment = {"PANVK_BYPASS": bypassed}
    runs = {}
    for name, options in (("with", []), ("without", ["--no-layer"])):
        ops = os.path.join(directory, f"{bypassed}-{name}")
        options = ["--preload", BYPASS, *options]
        done = op_stream.run_command(
            op_stream.command_of(generation, "1.9", ops, *PROGRAM, options=options), environment
        )
        runs[name] = (ops, done)
    ops, done = runs["with"]
    warning = WARNINGS[bypassed][generation]
    if (
        warning
        and "vmbind: warn: Mali-G610" not in done.stderr
        or (warning or "") not in done.stderr
    ):
        fail(f"bypassing {bypassed}: expected the warning '{warning}', got {done.stderr}")
    # Without the layer, 25.0 has no sparse resources.
    if (done.returncode == 0) != (generation == "26.1") or done.returncode != runs["without"][
        1
    ].returncode:
        fail(
            f"bypassing {bypassed}, with the layer: {done.stderr}, without:"
            f" {runs['without'][1].stderr}"
        )
    if generation == "26.1":
        kernel_ops = [[bind["ops"] for bind in vm_binds(path)] for path, _ in runs.values()]
        if any("sparse" in op["flags"] for ops in kernel_ops[0] for op in ops):
            fail(f"bypassing {bypassed}: the layer still translates VM_BINDs")
        if bypassed == "all" and kernel_ops[0] != kernel_ops[1]:
            fail(f"bypassing {bypassed}: the ops with and without the layer differ")


def check_slots(generation):
    scenario = "left_alone" if generation == "26.2" else "hooked"
    _, done = op_stream.run(generation, "1.9", "panvk_slots", scenario)
    expect_success(f"slots, {scenario}", done)


def main():
    generation = sys.argv[1]
    check_slots(generation)
    with tempfile.TemporaryDirectory() as directory:
        check_tracer(generation, directory)
        check_by_hand(generation, directory)
        for bypassed in WARNINGS if generation != "26.2" else ():
            check_bypass(generation, directory, bypassed)


main()
