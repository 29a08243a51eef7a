#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The environment, as a matrix: enabling the layer makes no working set-up worse.

    matrix.py BUILD [DRIVER...]             runs all rows on the drivers
    matrix.py --main BUILD [DRIVER...]      runs the rows that matter most
    matrix.py --all BUILD                   runs all rows on all drivers, with more values
    matrix.py --list                        lists the rows and the drivers
    matrix.py --row PATTERN --program NAME --verbose ...
                                            selects rows and programs, and reports each cell

A cell is a program of this folder in an environment on a driver:

- enumerate reports the instance, the devices, their features, limits, memory types and extensions.
- plain runs a job on a device without sparse features.
- full runs the job on a device with all features, and uses a sparse buffer if the device has them.

ROWS holds the environments. A row is a line of the table: the actions of `enter`, which starts the
program (enter.c), and the changes that the program makes itself (stages.c). Each cell runs without
and with the layer. Exit status, output and peak memory must be the same, apart from these
differences, which are intended:

- The programs print sparse facts on lines "sparse: ", and the layer's tool on lines "tool: ".
- On the provide route the layer changes the sparse facts, and full must succeed with them.
- If the layer's log gives a reason for the native route, the sparse facts are the driver's own.
  Only rows with MAY_BE_NATIVE allow this route on a driver that is provided for otherwise.

A cell that fails in the same way without and with the layer passes. Two cells run at a time. Exit
status 77 means that the driver is missing.
"""

import argparse
import concurrent.futures
import difflib
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
LAYER = "VK_LAYER_VMBIND_sparse"
PROGRAMS = ("enumerate", "plain", "full")
# Long enough for a busy machine. Only a hanging program takes as long.
TIMEOUT_S = 60
MIB = 1 << 20
MEMORY_TOLERANCE = 32 * MIB, 0.1
SKIPPED = 77
WRONG_ARGUMENT = 125
# Lines of the programs' output that differ on purpose.
SPARSE = re.compile(r"^sparse: .*\n", re.MULTILINE)
UNCOMPARED = re.compile(r"^(tool|note): .*\n", re.MULTILINE)
ROUTE = re.compile(r"^vmbind: \w+: .*: route (\w+): (.+)$", re.MULTILINE)
PEAK = re.compile(r"^note: VmPeak:\s*(\d+) kB$", re.MULTILINE)


class Driver(NamedTuple):
    name: str
    # A script as scripts/newer-lavapipe: SCRIPT --cached PROGRAM. None: the machine's lavapipe.
    script: str = None
    # Whether the layer provides sparse resources. Otherwise the driver has its own.
    provided: bool = True
    # Variables of the runs with the layer.
    variables: dict = {}


DRIVERS = (
    Driver("lavapipe"),
    Driver("newer-lavapipe", "newer-lavapipe", provided=False),
    Driver("newer-lavapipe-provide", "newer-lavapipe", variables={"VMBIND_ROUTE": "provide"}),
    Driver("swiftshader", "swiftshader"),
)

# The route may be native: the environment lacks what the provide route needs.
MAY_BE_NATIVE = "may be native"
# The layer's own allocations fail, so Vulkan calls may report that memory is short.
MAY_FAIL = "may fail"
# Runs with --main as well.
MAIN = "main"
# Runs with --all only.
LONG = "long"
# Only for drivers of the machine: programs with the set-uid bit ignore variables with paths.
OF_THE_MACHINE = "of the machine"
# The layer cannot log: standard error is closed, or the layer ignores VMBIND_LOG.
SILENT = "silent"


class Row(NamedTuple):
    name: str
    # Arguments for enter. PEAK is replaced by the program's peak of virtual memory without the
    # layer, plus a number of MiB; BUILD and SCRATCH are directories.
    enter: tuple = ()
    # Arguments STAGE:ACTION of the program.
    stages: tuple = ()
    marks: tuple = ()
    variables: dict = {}


def refused():
    """System calls that a seccomp filter refuses, and the stage from which on."""
    # The driver needs threads. From the stage device on it has them.
    table = (
        ("memfd_create", "start", (MAY_BE_NATIVE, MAIN)),
        ("clone3", "start", (MAY_BE_NATIVE,)),
        ("clone", "start", (MAY_BE_NATIVE,)),
        ("clone", "device", ()),
        ("execve", "start", ()),
        ("mremap", "start", (MAY_BE_NATIVE,)),
        ("prctl", "start", ()),
    )
    for call, stage, marks in table:
        for error in ("EPERM", "ENOSYS"):
            yield Row(
                f"{call}-{error}-at-{stage}",
                stages=(f"{stage}:refuse={call}:{error}",),
                marks=marks,
            )


def failing_allocations():
    for each in (1, 2, 3, 5, 7, 11, 13, 17, 23, 31, 47, 61, 97, 150, 211):
        yield Row(
            f"malloc-fails-each-{each}",
            enter=("preload=BUILD/libenvironment_fail_often.so",),
            variables={"VMB_TEST_FAIL_EACH": str(each)},
            marks=(MAY_BE_NATIVE, MAY_FAIL) + (() if each in (1, 2, 7, 23, 61) else (LONG,)),
        )


ROWS = (
    Row("nothing", marks=(MAIN,)),
    # Limits.
    Row("fsize-0", ("limit=fsize:0",), marks=(MAY_BE_NATIVE, MAIN)),
    Row("fsize-4-KiB", ("limit=fsize:0x1000",), marks=(MAY_BE_NATIVE,)),
    Row("fsize-1-GiB", ("limit=fsize:0x40000000",), marks=(MAY_BE_NATIVE, MAIN)),
    Row("as-peak+32-MiB", ("limit=as:PEAK+32",), marks=(MAY_BE_NATIVE, LONG)),
    Row("as-peak+256-MiB", ("limit=as:PEAK+256",), marks=(MAY_BE_NATIVE, MAIN)),
    Row("as-peak+4-GiB", ("limit=as:PEAK+4096",), marks=(MAY_BE_NATIVE,)),
    Row("nofile-16", ("limit=nofile:16",), marks=(MAY_BE_NATIVE, MAIN)),
    Row("nofile-8", ("limit=nofile:8",), marks=(MAY_BE_NATIVE, LONG)),
    Row("memlock-0", ("limit=memlock:0", "unprivileged"), marks=(MAIN,)),
    # RLIMIT_AS protects the machine from a layer that locks its reservations.
    Row(
        "mlockall",
        ("limit=as:PEAK+1024",),
        ("start:mlockall",),
        marks=(MAY_BE_NATIVE, MAIN),
    ),
    Row(
        "mlockall-memlock-0",
        ("limit=memlock:0", "limit=as:PEAK+1024", "unprivileged"),
        ("start:mlockall",),
        marks=(MAY_BE_NATIVE, LONG),
    ),
    Row("nproc-1", ("limit=nproc:1", "unprivileged"), marks=(MAY_BE_NATIVE, MAIN)),
    Row("nproc-5", ("limit=nproc:5", "unprivileged"), marks=(MAY_BE_NATIVE,)),
    Row("stack-256-KiB", ("limit=stack:0x40000",)),
    Row("mappings-60000", stages=("start:mappings=60000",), marks=(MAY_BE_NATIVE, MAIN)),
    # Without memory for the sparse part there are only few mappings left.
    Row("mappings-65000", stages=("start:mappings=65000",), marks=(MAY_BE_NATIVE, LONG)),
    # Refused system calls.
    *refused(),
    # File systems.
    Row("no-proc", ("hide=/proc",), marks=(MAIN,)),
    Row("no-sys", ("hide=/sys",)),
    Row("no-dev-shm", ("hide=/dev/shm",)),
    Row("read-only-root", ("read-only",)),
    Row("chroot", ("chroot=SCRATCH/root",), marks=(MAIN,)),
    Row("unprivileged", ("unprivileged",)),
    Row("set-uid", ("set-uid=SCRATCH/layer.json:LAYER",), marks=(OF_THE_MACHINE, SILENT)),
    # Descriptors and allocators.
    Row("closed-descriptors", ("close",), marks=(MAIN, SILENT)),
    Row("malloc-bump", ("preload=BUILD/libenvironment_bump.so",)),
    *failing_allocations(),
    # Processes.
    Row("fork-at-start", stages=("start:fork-exit",)),
    Row("fork-at-instance", stages=("instance:fork-exit",)),
    Row("fork-at-device", stages=("device:fork-exit",), marks=(MAIN,)),
    Row("fork-at-end", stages=("end:fork-exit",)),
    Row("daemon-at-start", stages=("start:fork-continue",)),
    Row("daemon-at-instance", stages=("instance:fork-continue",), marks=(MAIN,)),
    Row("exec-at-instance", stages=("instance:exec",)),
    Row("exec-at-device", stages=("device:exec",), marks=(MAIN,)),
    # Signals.
    Row("timer-SIGALRM", stages=("start:timer=SIGALRM",), marks=(MAIN,)),
    Row("timer-SIGPROF", stages=("start:timer=SIGPROF",)),
)


class Run(NamedTuple):
    status: object  # a number, or "timeout"
    out: str
    err: str
    peak: int  # bytes

    def describe(self):
        """The end of the outputs."""
        text = self.out + "".join(f"stderr: {line}\n" for line in self.err.splitlines())
        return f"status {self.status}, peak {self.peak // MIB} MiB\n" + "\n".join(
            text.splitlines()[-12:]
        )


class Skipped(Exception):
    pass


class Machine:
    """Where the programs run."""

    def __init__(self, build, icd, route, scratch):
        self.build = os.path.join(os.path.realpath(build), "tests/environment")
        self.manifests = os.path.join(os.path.realpath(build), "manifest")
        self.icd = icd
        self.route = route
        self.scratch = scratch
        self.peaks = {}
        with open(os.path.join(self.manifests, "VkLayer_VMBIND_sparse.json")) as file:
            manifest = json.load(file)
        self.layer = manifest["layer"]["library_path"]
        # set_uid() of enter.c copies the manifest and the library.
        manifest["layer"]["library_path"] = "/etc/vulkan/libVkLayer_VMBIND_sparse.so"
        with open(os.path.join(scratch, "layer.json"), "w") as file:
            json.dump(manifest, file)
        os.mkdir(os.path.join(scratch, "root"))

    def environment(self, driver, with_layer):
        cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
        found = {
            "PATH": os.environ["PATH"],
            "HOME": self.scratch,
            "XDG_RUNTIME_DIR": self.scratch,
            "XDG_CACHE_HOME": cache,
            "VK_LOADER_LAYERS_DISABLE": "~implicit~",
            "NODEVICE_SELECT": "1",
            "VK_LAYER_PATH": self.manifests,
            # The second run must not find the shaders of the first.
            "MESA_SHADER_CACHE_DISABLE": "true",
        }
        if "VMBIND_NEWER_SUITE" in os.environ:
            found["VMBIND_NEWER_SUITE"] = os.environ["VMBIND_NEWER_SUITE"]
        if not driver.script:
            found.update(VK_DRIVER_FILES=self.icd, VK_ICD_FILENAMES=self.icd)
        if with_layer:
            found.update(driver.variables, VK_INSTANCE_LAYERS=LAYER, VMBIND_LOG="info")
            if not driver.script and self.route:
                found["VMBIND_ROUTE"] = self.route
        return found

    def fill_in(self, text, driver, program):
        text = text.replace("BUILD", self.build).replace("SCRATCH", self.scratch)
        text = text.replace("LAYER", self.layer)
        found = re.fullmatch(r"(.*)PEAK\+(\d+)", text)
        if found:
            peak = self.peaks[driver.name, program]
            return f"{found[1]}{peak + int(found[2]) * MIB}"
        return text

    def command(self, driver, row, program):
        words = []
        if driver.script:
            words = [os.path.join(SOURCE, "scripts", driver.script), "--cached"]
        words.append(os.path.join(self.build, "environment_enter"))
        words += [self.fill_in(word, driver, program) for word in row.enter]
        words += ["--", os.path.join(self.build, f"environment_{program}"), *row.stages]
        return words

    def run(self, driver, row, program, with_layer):
        environment = dict(self.environment(driver, with_layer), **row.variables)
        # Pipes: RLIMIT_FSIZE holds for files.
        with subprocess.Popen(
            self.command(driver, row, program),
            env=environment,
            cwd=self.scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process, concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            out, err = (pool.submit(pipe.read) for pipe in (process.stdout, process.stderr))
            status, usage = wait_for(process)
            peak = usage.ru_maxrss * 1024 if usage else 0
            run = Run(status, out.result(), err.result(), peak)
        if run.status == WRONG_ARGUMENT:
            raise ValueError(f"{self.command(driver, row, program)}: {run.out}")
        if run.status == SKIPPED:
            lines = run.out.splitlines()
            raise Skipped(lines[-1].removeprefix("skipped: ") if lines else run.err.strip())
        return run

    def measure(self, driver):
        """The programs' peaks of virtual memory. Fails if a program does not work without the
        layer and without changes of the environment."""
        for program in PROGRAMS:
            run = self.run(driver, Row("nothing"), program, False)
            peak = PEAK.search(run.out)
            if run.status != 0 or not peak:
                sys.exit(f"{driver.name}: {program} fails without the layer\n{run.describe()}")
            self.peaks[driver.name, program] = int(peak[1]) * 1024


def wait_for(process):
    """The status and the resource usage of a process. Ends its process group."""
    deadline = time.monotonic() + TIMEOUT_S
    status, usage = "timeout", None
    while time.monotonic() < deadline:
        pid, code, found = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = status = os.waitstatus_to_exitcode(code)
            usage = found
            break
        time.sleep(0.01)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if status == "timeout":
        process.wait()
    return status, usage


def same_parts(run, with_sparse):
    """The part of the output that must be the same."""
    out = UNCOMPARED.sub("", run.out)
    return out if with_sparse else SPARSE.sub("", out)


def new_messages(without, with_layer):
    """The lines on stderr that only the run with the layer has, except the layer's own."""
    known = set(without.err.splitlines())
    lines = with_layer.err.splitlines()
    return [line for line in lines if line not in known and not line.startswith("vmbind: ")]


def has_sparse(program, run):
    """Whether the program saw sparse features. plain prints nothing about them."""
    return {
        "enumerate": "sparse: sparseBinding 1\n" in run.out,
        "plain": True,
        "full": "sparse: buffer unbound\n" in run.out,
    }[program]


def route_fault(driver, row, program, with_layer):
    """What is wrong with the route, or None. On the native route the caller has compared the sparse
    facts."""
    routes = ROUTE.findall(with_layer.err)
    native = [reason for route, reason in routes if route == "native"]
    if not routes and SILENT not in row.marks:
        return "the log names no route"
    if driver.provided and native and MAY_BE_NATIVE not in row.marks:
        return f"the route is native: {native[0]}"
    if not native and not has_sparse(program, with_layer):
        return "the route is not native, and the program finds no sparse features"
    return None


def fault_of(driver, row, program, without, with_layer):
    """What is wrong with a cell, or None."""
    if MAY_FAIL in row.marks and with_layer.status == 1:
        is_reported = re.search("VK_ERROR_OUT_OF_(HOST|DEVICE)_MEMORY", with_layer.out)
        return None if is_reported else "failed without an out-of-memory error"
    if without.status != with_layer.status:
        return f"the status is {with_layer.status}, and {without.status} without the layer"
    if isinstance(without.status, int) and without.status < 0:
        # The driver is killed in this environment, and the output ends anywhere.
        return None
    native = any(route == "native" for route, _ in ROUTE.findall(with_layer.err))
    with_sparse = native or not driver.provided
    if same_parts(without, with_sparse) != same_parts(with_layer, with_sparse):
        return "the outputs differ"
    if new_messages(without, with_layer):
        return f"new on stderr: {new_messages(without, with_layer)[0]}"
    amount, share = MEMORY_TOLERANCE
    if with_layer.peak > without.peak + max(amount, share * without.peak):
        return f"the peak is {with_layer.peak // MIB} MiB, not {without.peak // MIB} MiB"
    if without.status != 0 or MAY_FAIL in row.marks:
        # The programs end before they reach the layer, or the layer's instance.
        return None
    return route_fault(driver, row, program, with_layer)


class Cell(NamedTuple):
    driver: Driver
    row: Row
    program: str

    def name(self):
        return f"{self.driver.name} {self.row.name} {self.program}"


class Verdict(NamedTuple):
    kind: str
    text: str


def judge(machine, cell):
    try:
        without = machine.run(*cell, False)
        with_layer = machine.run(*cell, True)
    except Skipped as reason:
        return Verdict("skipped", f"skipped {cell.name()}: {reason}")
    fault = fault_of(*cell, without, with_layer)
    if not fault:
        if without.status != 0:
            return Verdict(
                "failed in both ways", f"same {cell.name()}: status {without.status} in both ways"
            )
        routes = {route for route, _ in ROUTE.findall(with_layer.err)}
        return Verdict("ok", f"ok {cell.name()}: {' '.join(sorted(routes))}")
    difference = difflib.unified_diff(
        *(UNCOMPARED.sub("", run.out).splitlines() for run in (without, with_layer)),
        "without",
        "with",
        lineterm="",
        n=0,
    )
    text = [f"FAIL {cell.name()}: {fault}"]
    text += [f"    {line}" for line in list(difference)[:20]]
    for title, run in (("without the layer", without), ("with the layer", with_layer)):
        text += [f"  {title}: " + run.describe().replace("\n", "\n    ")]
    return Verdict("failed", "\n".join(text))


def has_driver(driver, machine):
    if not driver.script:
        return True
    script = os.path.join(SOURCE, "scripts", driver.script)
    if not os.path.exists(script):
        print(f"skipped: not on this machine: scripts/{driver.script} is missing")
        return False
    found = subprocess.run(
        [script, "--cached", "/bin/true"], env=machine.environment(driver, False), check=False
    )
    if found.returncode == SKIPPED:
        print(f"skipped: {driver.name} has not been fetched")
    return found.returncode != SKIPPED


def cells_of(arguments, driver):
    for row in ROWS:
        if LONG in row.marks and not arguments.all:
            continue
        if arguments.main and MAIN not in row.marks:
            continue
        if OF_THE_MACHINE in row.marks and driver.script:
            continue
        if arguments.row and not any(fnmatch.fnmatch(row.name, name) for name in arguments.row):
            continue
        for program in arguments.program or PROGRAMS:
            yield Cell(driver, row, program)


def run_cells(machine, cells, verbose):
    """Runs the cells, and reports them in their order. Returns the number of failures."""
    counts = {"ok": 0, "failed in both ways": 0, "skipped": 0, "failed": 0}
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for verdict in pool.map(lambda cell: judge(machine, cell), cells):
            counts[verdict.kind] += 1
            if verbose or verdict.kind in ("failed", "skipped"):
                print(verdict.text, flush=True)
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    return counts["failed"]


def read_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", action="store_true", help="all rows, on all drivers")
    parser.add_argument("--main", action="store_true", help="the rows that matter most")
    parser.add_argument("--list", action="store_true", help="list the rows and the drivers")
    parser.add_argument("--verbose", action="store_true", help="report each cell")
    parser.add_argument("--row", action="append", metavar="PATTERN", help="only these rows")
    parser.add_argument("--program", action="append", choices=PROGRAMS)
    parser.add_argument("--route", help="VMBIND_ROUTE for the machine's lavapipe")
    parser.add_argument(
        "--icd",
        metavar="MANIFEST",
        default="/usr/share/vulkan/icd.d/lvp_icd.x86_64.json",
        help="the machine's lavapipe; default: %(default)s",
    )
    parser.add_argument("build", metavar="BUILD", nargs="?", default="build")
    parser.add_argument("drivers", metavar="DRIVER", nargs="*", help="the names of drivers")
    return parser.parse_args()


def main():
    arguments = read_arguments()
    if arguments.list:
        print("drivers:", *(driver.name for driver in DRIVERS))
        print("rows:", *(row.name for row in ROWS))
        return 0
    names = [driver.name for driver in DRIVERS]
    wanted = names if arguments.all else arguments.drivers or ["lavapipe"]
    scratch = tempfile.mkdtemp(prefix="vmbind-environment-")
    failures = tested = 0
    try:
        machine = Machine(arguments.build, arguments.icd, arguments.route, scratch)
        for driver in [DRIVERS[names.index(name)] for name in wanted]:
            if has_driver(driver, machine):
                tested += 1
                machine.measure(driver)
                cells = list(cells_of(arguments, driver))
                failures += run_cells(machine, cells, arguments.verbose)
    finally:
        shutil.rmtree(scratch)
    if failures:
        return 1
    return 0 if tested else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
