#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests the layer on a real kernel: boots Linux with its unmodified driver in an emulated machine,
and runs cases there.

The first run fetches the kernel and packages from Debian. The exit status is 1 if a case failed,
and 77 if a requirement is missing. BUILD/vm/MACHINE/console.log has the guest's console output.
"""

import argparse
import fcntl
import fnmatch
import pathlib
import shutil
import sys
import time

sys.dont_write_bytecode = True

import host
import panthor
import virtgpu
from case import Unavailable

MACHINES = {
    "host": host.Host(),
    "host-6.1": host.Host("6.1"),
    "panthor": panthor.Panthor(),
    "virtgpu": virtgpu.Virtgpu(),
    "virtgpu-6.12": virtgpu.Virtgpu("6.12"),
}


def choose(cases, names):
    """Returns the cases whose names match a pattern, or begin with it up to a dot."""
    if not names:
        return cases
    chosen = [
        case
        for case in cases
        if any(
            fnmatch.fnmatch(case.name, name) or case.name.startswith(f"{name}.") for name in names
        )
    ]
    if not chosen:
        sys.exit(f"no such case; there are: {' '.join(case.name for case in cases)}")
    return chosen


def check_build(bench, build):
    for tool in bench.tools:
        if not shutil.which(tool):
            raise Unavailable(f"{tool} is missing")
    for path in [*bench.programs, *bench.for_host, "manifest/VkLayer_VMBIND_sparse.json"]:
        if not (build / path).exists():
            raise Unavailable(f"{build / path} is missing: build it with {bench.built_by}")


def report(case, results):
    """Prints the verdicts of a case; returns whether the case passed."""
    missing = [run.name for run in case.runs if run.name not in results]
    verdicts = [(False, f"{name} did not finish") for name in missing]
    if not missing:
        try:
            verdicts = list(case.judge(*(results[run.name] for run in case.runs)))
        except (ArithmeticError, LookupError, TypeError, ValueError) as err:
            verdicts = [(False, f"cannot judge the recorded output: {err!r}")]
    for ok, text in verdicts:
        print({True: "PASS", False: "FAIL", None: "INFO"}[ok], f"{case.name}: {text}", flush=True)
    passed = all(ok is not False for ok, _ in verdicts) and any(ok for ok, _ in verdicts)
    if not passed:
        for run in case.runs:
            for line in results[run.name].lines[-200:] if run.name in results else []:
                if not line.startswith("{"):
                    print(f"     {run.name} | {line}")
    return passed


def watch(vm, chosen, boot_seconds):
    """Runs the cases and reports each as soon as it ends. Returns the names of the failed cases."""
    failed, reported = [], set()

    def report_if_complete(case):
        if case.name not in reported and all(run.name in vm.results for run in case.runs):
            reported.add(case.name)
            if not report(case, vm.results):
                failed.append(case.name)

    start = time.monotonic()
    seconds = boot_seconds + sum(run.seconds for case in chosen for run in case.runs)
    vm.run(seconds, lambda result: [report_if_complete(case) for case in chosen])
    for case in chosen:
        if case.name not in reported:
            report(case, vm.results)
            failed.append(case.name)
    if vm.hung is None:
        print(f"FAIL the guest did not finish, the emulator {vm.ending}; the end of {vm.log.name}:")
        vm.log.flush()
        print(pathlib.Path(vm.log.name).read_bytes()[-4000:].decode(errors="replace"))
    elif vm.hung:
        print(f"FAIL {vm.hung} processes hang in the kernel")
    print(
        f"Linux {vm.release}: up after {vm.uptime} s of guest time,"
        f" finished after {time.monotonic() - start:.0f} s"
    )
    print(f"{vm.hung} hung processes")
    if vm.hung != 0 and not failed:
        failed.append("(the guest)")
    return failed


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("machine", choices=MACHINES)
    parser.add_argument(
        "build",
        type=pathlib.Path,
        metavar="BUILD",
        help="the build directory; for panthor that of an arm64 build",
    )
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help="a name, its beginning up to a dot, or a pattern"
    )
    arguments = parser.parse_args()
    bench = MACHINES[arguments.machine]
    chosen = choose(bench.cases, arguments.cases)
    build = arguments.build.resolve()
    directory = build / "vm" / arguments.machine
    try:
        check_build(bench, build)
        directory.mkdir(parents=True, exist_ok=True)
        with open(directory / "lock", "w") as lock, open(directory / "console.log", "wb") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with bench.start(build, directory, chosen, log) as vm:
                failed = watch(vm, chosen, bench.boot_seconds)
    except Unavailable as err:
        print(f"skipped: {err}")
        return 77
    if failed:
        print(f"{len(failed)} of {len(chosen)} cases failed: {' '.join(failed)}")
        return 1
    print(f"0 of {len(chosen)} cases failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
