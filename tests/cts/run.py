#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the Vulkan CTS without and with the layer, and reports every case whose result changed.

Cases run in batches, with a deqp-vk process for each batch. If a case crashes or exceeds the
timeout, its result is Crash or Timeout, and a new process continues with the next case. Each batch
runs without the layer, and directly afterwards with the layer, so that worse results appear early.
Each case that got worse then runs again a few times without the layer, alone and with its batch. If
the driver alone gives an equally bad result, the case is unsteady and does not count as worse.

Exit status: 0 no case got worse; 1 a case got worse; 2 the comparison is not possible; 130
interrupted (the report covers the cases compared so far).
"""

import argparse
import collections
import os
import pathlib
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

LAYER = "VK_LAYER_VMBIND_sparse"
SOURCE = pathlib.Path(__file__).resolve().parents[2]
PATTERNS = ["dEQP-VK.sparse_resources.*", "dEQP-VK.api.*"]
LARGEST_BATCH = 500
SMALLEST_BATCH = 50
BATCHES_PER_JOB = 16
RECHECKS = 3
MAX_RECHECKED = 200
MAX_FAILED_STARTS = 3

# A case got worse if the rank of its result rose. Missing is not a deqp-vk result: the case never
# began.
RANKS = [
    {"Pass", "Waiver"},
    {"QualityWarning", "CompatibilityWarning"},
    {"NotSupported"},
    {"Fail", "ResourceError", "InternalError", "DeviceLost", "Pending", "Missing"},
    {"Crash", "Timeout"},
]
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}
BEGIN = re.compile(r"Test case '([^']+)'\.\.$")
RESULT = re.compile(r"  (\w+) \((.*)$")

Result = collections.namedtuple("Result", "status reason seconds")


class CannotRun(Exception):
    pass


def rank(status):
    return RANK.get(status, RANK["Fail"])


class Stopwatch:
    def __init__(self):
        self.start = time.monotonic()

    def seconds(self):
        return time.monotonic() - self.start


class Deqp:
    """deqp-vk in one environment. run() returns a result for every case, also for cases that crash
    or hang."""

    def __init__(self, name, binary, wrapper, environment, timeout):
        self.name = name
        self.binary = binary
        self.command = wrapper + [
            str(binary),
            "--deqp-log-images=disable",
            "--deqp-log-shader-sources=disable",
        ]
        self.environment = environment
        self.timeout = timeout
        self.processes = set()
        self.stopped = False

    def start(self, arguments, **streams):
        # deqp-vk reads its data from the working directory, the directory of the binary. A separate
        # session lets kill() end the process with all its children.
        process = subprocess.Popen(
            self.command + arguments,
            cwd=self.binary.parent,
            env=self.environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            **streams,
        )
        self.processes.add(process)
        return process

    def stop(self):
        self.stopped = True
        for process in list(self.processes):
            kill(process)

    def list_cases(self, patterns):
        listing = subprocess.run(
            self.command + ["--deqp-runmode=stdout-caselist", "--deqp-case=" + ",".join(patterns)],
            cwd=self.binary.parent,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if listing.returncode != 0:
            raise CannotRun(
                f"{self.binary} failed to list its cases:\n{listing.stderr}{listing.stdout[-2000:]}"
            )
        cases = [
            line[len("TEST: ") :]
            for line in listing.stdout.splitlines()
            if line.startswith("TEST: ")
        ]
        return [case.strip() for case in cases]

    def probe(self, case):
        """Runs one case. Returns the device's name, and the layer's route or None."""
        with tempfile.NamedTemporaryFile("r", suffix=".qpa") as log, tempfile.TemporaryFile(
            "w+", errors="replace"
        ) as errors:
            environment = dict(self.environment, VMBIND_LOG="info")
            subprocess.run(
                self.command + ["--deqp-case=" + case, "--deqp-log-filename=" + log.name],
                cwd=self.binary.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
            errors.seek(0)
            output = errors.read()
            device = re.search(r"^#sessionInfo deviceName (.*)$", log.read(), re.MULTILINE)
        if not device:
            raise CannotRun(f"{self.binary} failed to run {case} {self.name} the layer:\n{output}")
        route = re.search(r"^vmbind: \w+: (.*: route .*)$", output, re.MULTILINE)
        return device.group(1), route and route.group(1)

    def run(self, cases, scratch, cache):
        results = {}
        left = list(cases)
        suspect = None
        failed_starts = 0
        while left and not self.stopped:
            began, next_suspect = self.run_process(left, results, scratch, cache)
            if began:
                self.blame(suspect, results)
                suspect, failed_starts = next_suspect, 0
            else:
                failed_starts += 1
            left = [case for case in left if case not in results]
            if failed_starts == MAX_FAILED_STARTS and not self.stopped:
                # No case begins repeatedly, so the first case is the cause and not its predecessor.
                results[left.pop(0)] = Result("Crash", "the process ended before the case began", 0)
                suspect, failed_starts = None, 0
        self.blame(suspect, results)
        return results

    def blame(self, suspect, results):
        """The process died after the suspect's result, and the next case runs in a new process. So
        the suspect caused the crash."""
        if suspect:
            case, how = suspect
            results[case] = Result("Crash", "after its result, " + how, results[case].seconds)

    def run_process(self, cases, results, scratch, cache):
        """Adds the results of one process to results. Returns whether a case has begun or all cases
        are done. If the process died between cases, also returns the last case and the reason."""
        caselist = scratch / "cases.txt"
        caselist.write_text("\n".join(cases) + "\n")
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            process = self.start(
                [
                    f"--deqp-caselist-file={caselist}",
                    "--deqp-log-filename=/dev/null",
                    f"--deqp-shadercache-filename={cache}",
                    "--deqp-shadercache-truncate=disable",
                ],
                stdout=subprocess.PIPE,
                stderr=errors,
            )
            reader = Reader(results)
            hung = not follow(process, reader, self.timeout)
            kill(process)
            status = process.wait()
            process.stdout.close()
            self.processes.discard(process)
            errors.seek(0)
            last_lines = " / ".join(errors.read().strip().splitlines()[-3:])
        how = f"timeout after {self.timeout} s" if hung else f"{ending(status)}: {last_lines}"
        if self.stopped:
            return True, None
        if reader.case:
            reader.end("Timeout" if hung else "Crash", how)
        elif (hung or status < 0) and reader.last:
            return True, (reader.last, how)
        elif status == 0:
            for case in cases:
                results.setdefault(case, Result("Missing", "deqp-vk did not run it", 0))
        return reader.last is not None or status == 0, None


class Reader:
    """Parses deqp-vk's output line by line."""

    def __init__(self, results):
        self.results = results
        self.case = None
        self.last = None

    def line(self, line):
        begin = BEGIN.match(line)
        if begin:
            self.case = begin.group(1)
            self.watch = Stopwatch()
            return
        result = RESULT.match(line)
        if result and self.case and (result.group(1) in RANK):
            self.end(result.group(1), result.group(2).removesuffix(")"))

    def end(self, status, reason):
        self.results[self.case] = Result(status, reason, self.watch.seconds())
        self.last, self.case = self.case, None


def follow(process, reader, timeout):
    """Feeds the reader until the process closes its output. Returns false after a timeout without
    output."""
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(timeout):
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            if not chunk:
                try:
                    process.wait(timeout)
                except subprocess.TimeoutExpired:
                    return False
                return True
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                reader.line(line.decode(errors="replace"))
    return False


def kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def ending(status):
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


class Comparison:
    def __init__(self, without, with_layer, cases, jobs, out, quiet):
        self.without = without
        self.with_layer = with_layer
        batch = min(max(len(cases) // (jobs * BATCHES_PER_JOB), SMALLEST_BATCH), LARGEST_BATCH)
        self.batches = collections.deque(
            tuple(cases[i : i + batch]) for i in range(0, len(cases), batch)
        )
        self.total = len(cases)
        self.jobs = jobs
        self.results = {}
        self.batch_of = {}
        self.worse = []
        self.unsteady = []
        self.lock = threading.Lock()
        self.out = out
        self.quiet = quiet
        self.watch = Stopwatch()
        self.failure = None

    def run(self):
        workers = [threading.Thread(target=self.work) for _ in range(self.jobs)]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        except KeyboardInterrupt:
            self.stop()
            for worker in workers:
                worker.join()
            return False
        if self.failure:
            raise self.failure
        return True

    def stop(self):
        self.without.stop()
        self.with_layer.stop()

    def work(self):
        with tempfile.TemporaryDirectory(prefix="vmbind-cts-") as scratch:
            scratch = pathlib.Path(scratch)
            try:
                while self.step(scratch):
                    pass
            except Exception as failure:  # run() raises it in the main thread
                self.failure = failure
                self.stop()

    def step(self, scratch):
        with self.lock:
            if not self.batches or self.without.stopped:
                return False
            cases = self.batches.popleft()
        # The run with the layer uses the shaders compiled in the run without it.
        cache = scratch / "shaders.bin"
        cache.unlink(missing_ok=True)
        before = self.without.run(cases, scratch, cache)
        after = self.with_layer.run(cases, scratch, cache)
        with self.lock:
            for case in cases:
                if case in before and case in after:
                    self.add(case, before[case], after[case], cases)
            self.show_progress()
        return True

    def add(self, case, before, after, batch):
        self.results[case] = before, after
        if rank(after.status) > rank(before.status):
            self.worse.append(case)
            self.batch_of[case] = batch
            print(f"worse: {case}: {before.status} → {after.status} ({after.reason})", flush=True)

    def recheck(self):
        if len(self.worse) > MAX_RECHECKED:
            print(f"more than {MAX_RECHECKED} cases got worse: skipping the reruns", flush=True)
            return True
        try:
            self.run_worse_again()
        except KeyboardInterrupt:
            self.stop()
            return False
        return True

    def run_worse_again(self):
        with tempfile.TemporaryDirectory(prefix="vmbind-cts-") as scratch:
            scratch = pathlib.Path(scratch)
            for _ in range(RECHECKS):
                for case in list(self.worse):
                    self.run_again([case], scratch)
                # Results may depend on memory that the previous cases of the batch left behind.
                for batch in {self.batch_of[case]: None for case in self.worse}:
                    self.run_again(batch, scratch)

    def run_again(self, cases, scratch):
        for case, result in self.without.run(cases, scratch, scratch / "shaders.bin").items():
            if case in self.worse and rank(result.status) >= rank(self.results[case][1].status):
                self.worse.remove(case)
                self.unsteady.append(case)

    def show_progress(self):
        if not self.quiet:
            print(
                (
                    f"{len(self.results)} of {self.total} cases, {self.watch.seconds():.0f} s,"
                    f" {len(self.worse)} worse"
                ),
                file=sys.stderr,
                flush=True,
            )

    def write(self):
        self.out.mkdir(parents=True, exist_ok=True)
        for index, name in enumerate(("without", "with")):
            with open(self.out / f"{name}.tsv", "w") as file:
                for case, pair in sorted(self.results.items()):
                    result = pair[index]
                    file.write(f"{case}\t{result.status}\t{result.seconds:.2f}\t{result.reason}\n")
        with open(self.out / "changed.tsv", "w") as file:
            for case, (before, after) in sorted(self.results.items()):
                if before.status != after.status:
                    file.write(f"{case}\t{before.status}\t{after.status}\t{after.reason}\n")

    def report(self):
        totals = [
            collections.Counter(pair[i].status for pair in self.results.values()) for i in (0, 1)
        ]
        changes = collections.Counter(
            (before.status, after.status)
            for before, after in self.results.values()
            if before.status != after.status
        )
        print(f"\n{'':22}{'without':>10}{'with':>10}")
        print(f"{'cases':22}{len(self.results):10}{len(self.results):10}")
        for status in sorted(totals[0] | totals[1], key=lambda status: (rank(status), status)):
            print(f"{status:22}{totals[0][status]:10}{totals[1][status]:10}")
        print()
        for (before, after), count in sorted(changes.items(), key=lambda item: -item[1]):
            direction = " (worse)" if rank(after) > rank(before) else ""
            print(f"{before} → {after}: {count}{direction}")
        if not changes:
            print("no case changed")
        self.list_cases("got worse", self.worse)
        self.list_cases("unsteady: as bad without the layer when run again", self.unsteady)
        print(
            f"\nevery case: {self.out}/without.tsv, with.tsv;"
            f" changed cases: {self.out}/changed.tsv"
        )

    def list_cases(self, description, cases):
        if cases:
            print(f"\n{len(cases)} {description}:")
        for case in sorted(cases):
            before, after = self.results[case]
            print(f"  {case}: {before.status} → {after.status} ({after.reason})")


def fraction(text):
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    part, parts = (int(number) for number in match.groups()) if match else (0, 0)
    if not 1 <= part <= parts:
        raise argparse.ArgumentTypeError(f"{text} is not N/M with N from 1 to M")
    return part, parts


def positive(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return int(text)


def options():
    parser = argparse.ArgumentParser(
        usage="%(prog)s --deqp PATH [option...] [PATTERN...]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "patterns",
        nargs="*",
        metavar="PATTERN",
        help="case names, with * as wildcard (default: %s)" % " ".join(PATTERNS),
    )
    parser.add_argument(
        "--deqp",
        required=True,
        metavar="PATH",
        type=pathlib.Path,
        help="deqp-vk, in its build directory with its data",
    )
    parser.add_argument(
        "--build",
        metavar="DIR",
        type=pathlib.Path,
        default=SOURCE / "build",
        help="build directory of the layer (default: build, in the source tree)",
    )
    parser.add_argument(
        "--icd",
        metavar="JSON",
        type=pathlib.Path,
        help="the driver's manifest (default: the loader's first driver)",
    )
    parser.add_argument(
        "--wrapper",
        metavar="COMMAND",
        default="",
        help="command that runs deqp-vk, e.g. scripts/newer-lavapipe",
    )
    parser.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="skip these cases; repeatable",
    )
    parser.add_argument(
        "--fraction",
        metavar="N/M",
        type=fraction,
        default=(1, 1),
        help="only every M-th case, from the N-th on: 1/20 … 20/20 together are all cases",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=positive,
        default=os.cpu_count() or 1,
        help="processes at a time (default: one for each processor)",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=positive,
        default=300,
        help="time limit of a case (default: 300)",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=pathlib.Path,
        help="directory for the results of every case (default: cts, in the build directory)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    chosen = parser.parse_args()
    chosen.build = chosen.build.resolve()
    chosen.out = (chosen.out or chosen.build / "cts").resolve()
    chosen.deqp = chosen.deqp.resolve()
    if not os.access(chosen.deqp, os.X_OK) or not chosen.deqp.is_file():
        parser.error(f"{chosen.deqp} is not an executable file")
    if not list((chosen.build / "manifest").glob("*.json")):
        parser.error(f"{chosen.build} has no manifest/*.json: build the layer, or give --build")
    if chosen.icd and not chosen.icd.is_file():
        parser.error(f"{chosen.icd} does not exist")
    chosen.wrapper = shlex.split(chosen.wrapper)
    if chosen.wrapper:
        found = shutil.which(chosen.wrapper[0])
        if not found:
            parser.error(f"{chosen.wrapper[0]} is not an executable file")
        chosen.wrapper[0] = os.path.abspath(found)
    return chosen


def environments(build, icd):
    """The environments without and with the layer. Both exclude the user's other layers."""
    base = dict(os.environ)
    for name in (
        "VK_INSTANCE_LAYERS",
        "VK_ADD_LAYER_PATH",
        "VK_LAYER_PATH",
        "ENABLE_VMBIND_SPARSE",
        "DISABLE_VMBIND_SPARSE",
    ):
        base.pop(name, None)
    if icd:
        base["VK_DRIVER_FILES"] = base["VK_ICD_FILENAMES"] = str(icd.resolve())
    without = dict(base, DISABLE_VMBIND_SPARSE="1")
    return without, dict(base, VK_ADD_LAYER_PATH=str(build / "manifest"), VK_INSTANCE_LAYERS=LAYER)


def choose_cases(deqp, chosen):
    cases = deqp.list_cases(chosen.patterns or PATTERNS)
    if chosen.exclude:
        left_out = re.compile(
            "|".join(re.escape(pattern).replace(r"\*", ".*") for pattern in chosen.exclude)
        )
        cases = [case for case in cases if not left_out.fullmatch(case)]
    part, parts = chosen.fraction
    cases = cases[part - 1 :: parts]
    if not cases:
        raise CannotRun("no case matches the patterns")
    return cases


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    chosen = options()
    signal.signal(signal.SIGTERM, interrupt)
    without, with_layer = (
        Deqp(name, chosen.deqp, chosen.wrapper, environment, chosen.timeout)
        for name, environment in zip(("without", "with"), environments(chosen.build, chosen.icd))
    )
    cases = choose_cases(without, chosen)
    device, route = without.probe(cases[0])
    if route:
        raise CannotRun("the layer is active in the run without the layer: " + route)
    _, route = with_layer.probe(cases[0])
    if not route:
        raise CannotRun(
            "the layer is not active in the run with the layer:"
            f" {chosen.build} must be a build for this loader"
        )
    print(f"device: {device}\nlayer:  {route}", flush=True)

    comparison = Comparison(without, with_layer, cases, chosen.jobs, chosen.out, chosen.quiet)
    complete = comparison.run() and comparison.recheck()
    comparison.write()
    comparison.report()
    if not complete:
        return 130
    return 1 if comparison.worse else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotRun as problem:
        print(f"tests/cts/run.py: {problem}", file=sys.stderr)
        sys.exit(2)
