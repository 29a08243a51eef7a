#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests the checks on small trees and reports, each with one fault that the check must find."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import form  # noqa: E402
import skips  # noqa: E402
import walls  # noqa: E402

GUARD = "#ifndef {0}\n#define {0}\n{1}\n#endif\n"


class Tree(unittest.TestCase):
    """A directory that holds the files of a test."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def write(self, files):
        for path, text in files.items():
            whole = os.path.join(self.directory.name, path)
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            with open(whole, "w", encoding="utf-8") as file:
                file.write(text)


class Walls(Tree):
    def faults(self, files):
        self.write(files)
        return walls.check(self.directory.name)

    def test_allowed(self):
        files = {
            "base/log.h": "void vmb_log(void);\n",
            "vk/device.h": '#include "base/log.h"\nstruct vmb_device {\n\tint fd;\n};\n',
            "provide/buffer.c": (
                '#include "vk/device.h"\nvoid f(struct vmb_device *d) { vmb_log(); }\n'
            ),
            "entry.c": '#include "provide/buffer.h"\n',
            "provide/buffer.h": "",
        }
        self.assertEqual(self.faults(files), [])

    def test_feature_includes_feature(self):
        faults = self.faults({"assist/a.h": "", "provide/b.c": '#include "assist/a.h"\n'})
        self.assertEqual(faults, ["provide/b.c must not include assist/a.h"])

    def test_arrow_up(self):
        faults = self.faults({"vk/device.h": "", "base/log.c": '#include "vk/device.h"\n'})
        self.assertEqual(faults, ["base/log.c must not include vk/device.h"])

    def test_part_of_a_folder(self):
        files = {
            "backend/host/vm.h": "",
            "backend/panthor/vm.h": "",
            "assist/a.c": '#include "backend/panthor/vm.h"\n',
            "assist/b.c": '#include "backend/host/vm.h"\n',
        }
        self.assertEqual(self.faults(files), ["assist/b.c must not include backend/host/vm.h"])

    def test_not_relative(self):
        faults = self.faults({"plan/plan.h": "", "plan/plan.c": '#include "plan.h"\n'})
        self.assertEqual(faults, ['plan/plan.c: "plan.h" is not relative to layer/'])

    def test_name(self):
        files = {
            "route/decide.h": "void vmb_route_decide(void);\n",
            "vk/device.c": "void vmb_route_decide(void);\nvoid f(void) { vmb_route_decide(); }\n",
        }
        faults = self.faults(files)
        self.assertEqual(faults, ["vk/device.c must not use vmb_route_decide of route/decide.h"])

    def test_name_in_comment(self):
        files = {
            "route/decide.h": "void vmb_route_decide(void);\n",
            "vk/device.c": '/* vmb_route_decide() */\nconst char *s = "vmb_route_decide";\n',
        }
        self.assertEqual(self.faults(files), [])

    def test_opaque(self):
        files = {
            "backend/backend.h": "struct vmb_backend {\n\tint a;\n};\n",
            "vk/device.h": (
                "struct vmb_backend;\nstruct vmb_device {\n\tstruct vmb_backend *b;\n};\n"
            ),
        }
        self.assertEqual(self.faults(files), [])

    def test_circle(self):
        files = {
            "base/a.h": "",
            "base/a.c": '#include "base/b.h"\n',
            "base/b.h": "",
            "base/b.c": '#include "base/a.h"\n',
        }
        self.assertEqual(self.faults(files), ["a circle: base/a -> base/b -> base/a"])

    def test_circle_of_calls(self):
        files = {
            "base/a.h": "void vmb_a(void);\nvoid vmb_c(void);\n",
            "base/a.c": '#include "base/a.h"\nvoid vmb_a(void)\n{\n\tvmb_b();\n}\n',
            "base/b.c": '#include "base/a.h"\nvoid vmb_b(void)\n{\n\tvmb_a();\n}\n',
        }
        self.assertEqual(self.faults(files), ["a circle: base/a -> base/b -> base/a"])


class Form(Tree):
    def faults(self, files):
        self.write(files)
        return form.check(self.directory.name)

    def test_columns(self):
        faults = self.faults({"a.c": "\t" + "x" * 92 + "\n", "b.py": "x" * 101 + "\n"})
        self.assertEqual(faults, ["b.py:1: 101 columns"])

    def test_skipped_folders(self):
        long = "x" * 101 + "\n"
        faults = self.faults({"build-asan/a.c": long, "tests/build/a.c": long, ".ci/run": long})
        self.assertEqual(faults, [".ci/run:1: 101 columns", "tests/build/a.c:1: 101 columns"])

    def test_table(self):
        self.assertEqual(self.faults({"docs/a.md": "| " + "x" * 200 + " |\n"}), [])

    def test_long_file(self):
        text = "int a;\n" * 501
        faults = self.faults({"layer/a.c": text, "tests/a.c": text})
        self.assertEqual(faults, ["layer/a.c: 501 lines"])

    def test_long_function(self):
        def function(lines):
            return "int f(void)\n{\n" + "\tg();\n" * lines + "}\n"

        faults = self.faults({"layer/a.c": function(58), "layer/b.c": function(59)})
        self.assertEqual(faults, ["layer/b.c:2: a function of 61 lines"])


class Skips(unittest.TestCase):
    def lines(self, output, message="SKIP_RETURN_CODE=77"):
        return skips.check(
            f'<testsuite><testcase name="a"/><testcase name="b"><skipped message="{message}"/>'
            f"<system-out>{output}</system-out></testcase></testsuite>"
        )

    def test_download(self):
        lines = self.lines("panvk: 25.0 has not been fetched (scripts/panvk 25.0)")
        self.assertEqual(lines, (["b: skipped, a download is missing"], 0))

    def test_package(self):
        lines = self.lines("skipped: there is no vulkaninfo")
        self.assertEqual(lines, (["b: may not be skipped: skipped: there is no vulkaninfo"], 1))

    def test_silent(self):
        self.assertEqual(self.lines(""), (["b: may not be skipped: "], 1))

    def test_fixture(self):
        """ctest itself fails after a failed fixture."""
        self.assertEqual(self.lines("", "Fixture dependency failed"), ([], 0))


if __name__ == "__main__":
    unittest.main()
