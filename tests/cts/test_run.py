#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tests/cts/run.py with a stand-in for deqp-vk. The names of its cases select their results,
crashes and hangs."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

RUN = pathlib.Path(__file__).resolve().with_name("run.py")

# The last word of a case's name is its behaviour without the layer, the word before it with the
# layer.
DEQP = r"""#!/usr/bin/env python3
import fnmatch, os, pathlib, signal, sys, time
assert os.path.samefile(os.getcwd(), os.path.dirname(sys.argv[0])), "not run from its own directory"
options = dict(argument.partition("=")[::2] for argument in sys.argv[1:])
layer = os.environ.get("VK_INSTANCE_LAYERS")
names = pathlib.Path("names").read_text().split()
patterns = options.get("--deqp-case", "").split(",")
if "--deqp-caselist-file" in options:
    patterns = pathlib.Path(options["--deqp-caselist-file"]).read_text().split()
names = [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
if options.get("--deqp-runmode") == "stdout-caselist":
    print("GROUP: t")
    for name in names:
        print("TEST: " + name)
    sys.exit()
def do(name):
    what = name.split(".")[-2 if layer else -1]
    if what == "vanish":
        return
    if what == "stillborn":
        os.kill(os.getpid(), signal.SIGABRT)
    print(f"\nTest case '{name}'..", flush=True)
    if what == "crash":
        print("ouch", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "hang":
        time.sleep(1000)
    if what == "exit":
        sys.exit(1)
    if what == "flicker":
        marker = pathlib.Path("flickered")
        what = "Fail" if marker.exists() else "Pass"
        marker.touch()
    if what == "interrupt":
        marker = pathlib.Path("interrupted")
        if marker.exists():
            os.kill(os.getppid(), signal.SIGTERM)
            time.sleep(1000)
        what = "Pass"
        marker.touch()
    print(f"  {'Pass' if what == 'late' else what} (a reason (of its own))", flush=True)
    if what == "late":
        os.kill(os.getpid(), signal.SIGBUS)
with open(options["--deqp-log-filename"], "w") as log:
    log.write("#sessionInfo deviceName stand-in\n")
if layer and os.environ.get("VMBIND_LOG"):
    print("vmbind: info: stand-in: route provide: of course", file=sys.stderr, flush=True)
for name in names:
    do(name)
print("DONE!")
"""


class RunTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = pathlib.Path(scratch.name)
        self.deqp = self.directory / "deqp-vk"
        self.deqp.write_text(DEQP)
        self.deqp.chmod(0o755)
        (self.directory / "build" / "manifest").mkdir(parents=True)
        (self.directory / "build" / "manifest" / "layer.json").write_text("{}")

    def run_cases(self, names, *options, timeout=100):
        (self.directory / "names").write_text("\n".join(names))
        return subprocess.run(
            [
                RUN,
                "--deqp",
                self.deqp,
                "--build",
                self.directory / "build",
                "--quiet",
                "--timeout",
                str(timeout),
                "--out",
                self.directory / "out",
                *options,
                "t.*",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def results(self, name):
        lines = (self.directory / "out" / f"{name}.tsv").read_text().splitlines()
        return {fields[0]: fields[1] for fields in (line.split("\t") for line in lines)}

    def test_same(self):
        done = self.run_cases(["t.1.Pass.Pass", "t.2.Fail.Fail", "t.3.NotSupported.NotSupported"])
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("no case changed", done.stdout)

    def test_better(self):
        done = self.run_cases(
            ["t.0.Pass.Pass", "t.1.Pass.NotSupported", "t.2.Pass.crash", "t.3.NotSupported.Fail"]
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("NotSupported → Pass: 1\n", done.stdout)
        self.assertIn("Crash → Pass: 1\n", done.stdout)
        self.assertEqual(self.results("without")["t.2.Pass.crash"], "Crash")

    def test_worse(self):
        for after in ("Fail", "NotSupported", "QualityWarning", "DeviceLost"):
            done = self.run_cases(["t.0.Pass.Pass", f"t.1.{after}.Pass"])
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(f"Pass → {after}: 1 (worse)", done.stdout)
            self.assertIn(
                f"  t.1.{after}.Pass: Pass → {after} (a reason (of its own))\n", done.stdout
            )
        for after in ("Fail", "crash"):
            self.assertEqual(
                self.run_cases(["t.0.Pass.Pass", f"t.1.{after}.NotSupported"]).returncode, 1
            )

    def test_continues_after_crash(self):
        ends = {
            "crash": "Crash",
            "hang": "Timeout",
            "exit": "Crash",
            "late": "Crash",
            "stillborn": "Crash",
            "vanish": "Missing",
        }
        for end, status in ends.items():
            with self.subTest(end):
                names = [
                    "t.0.Pass.Pass",
                    "t.1.Pass.Pass",
                    f"t.2.{end}.Pass",
                    "t.3.Pass.Pass",
                    f"t.4.{end}.Pass",
                    "t.5.Pass.Pass",
                ]
                # Only "hang" may reach the timeout, even on a busy machine.
                done = self.run_cases(names, timeout=10 if end == "hang" else 100)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertEqual(
                    list(self.results("with").values()),
                    ["Pass", "Pass", status, "Pass", status, "Pass"],
                    done.stdout,
                )
                self.assertEqual(set(self.results("without").values()), {"Pass"})

    def test_reports_crash_reason(self):
        done = self.run_cases(["t.0.Pass.Pass", "t.1.crash.Pass"])
        self.assertIn("Pass → Crash (SIGSEGV: ouch)", done.stdout)

    def test_unsteady(self):
        # Without the layer, "flicker" passes in the first run only.
        done = self.run_cases(["t.0.Pass.Pass", "t.1.Fail.flicker"])
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("1 unsteady", done.stdout)

    def test_interrupted_when_run_again(self):
        done = self.run_cases(["t.0.Pass.Pass", "t.1.Fail.interrupt"])
        self.assertEqual(done.returncode, 130, done.stdout)
        self.assertIn("Pass → Fail: 1 (worse)", done.stdout)
        self.assertEqual(len(self.results("with")), 2)

    def test_batches_and_fraction(self):
        names = [f"t.{i:04}.Pass.{'NotSupported' if i % 10 == 4 else 'Pass'}" for i in range(1200)]
        done = self.run_cases(names, "--jobs", "3")
        self.assertEqual(sorted(self.results("with")), names, done.stdout)
        self.assertIn("NotSupported → Pass: 120\n", done.stdout)
        done = self.run_cases(names, "--fraction", "5/10", "--jobs", "1")
        self.assertEqual(sorted(self.results("with")), names[4::10], done.stdout)

    def test_exclude(self):
        self.run_cases(["t.1.Pass.Pass", "t.2.Pass.Pass", "t.21.Pass.Pass"], "--exclude", "t.2.*")
        self.assertEqual(sorted(self.results("with")), ["t.1.Pass.Pass", "t.21.Pass.Pass"])

    def test_wrapper(self):
        wrapper = self.directory / "wrapper"
        wrapper.write_text(f'#!/bin/sh\necho "$1" >>"{self.directory}/wrapped"\nshift\nexec "$@"\n')
        wrapper.chmod(0o755)
        done = self.run_cases(["t.1.Pass.Pass"], "--wrapper", f"{wrapper} option")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("option", (self.directory / "wrapped").read_text())

    def test_cannot_run(self):
        self.assertEqual(self.run_cases([]).returncode, 2)
        self.assertEqual(self.run_cases(["t.1.Pass.Pass"], "--fraction", "0/4").returncode, 2)
        self.assertEqual(self.run_cases(["t.1.Pass.Pass"], "--build", self.directory).returncode, 2)
        self.deqp.write_text(DEQP.replace("vmbind: info", "something else"))
        done = self.run_cases(["t.1.Pass.Pass"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("the layer is not active", done.stdout)
        self.deqp.write_text("#!/bin/sh\nexit 1\n")
        self.assertEqual(self.run_cases(["t.1.Pass.Pass"]).returncode, 2)


if __name__ == "__main__":
    unittest.main()
