# SPDX-License-Identifier: MIT
"""Runs vmbind-info and compares its output with its manual page and with the layer's log."""

import json
import os
import re
import subprocess
import sys

# Long enough for a busy machine, for tests without a hanging driver.
TIMEOUT_OPTIONS = ("--timeout", "300")
LAYER = "VK_LAYER_VMBIND_sparse"
SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
MANUAL = os.path.join(SOURCE, "tools/vmbind-info.1")

FEATURES = {
    name: bool
    for name in (
        "sparseBinding",
        "sparseResidencyBuffer",
        "sparseResidencyImage2D",
        "sparseResidencyImage3D",
        "sparseResidency2Samples",
        "sparseResidency4Samples",
        "sparseResidency8Samples",
        "sparseResidency16Samples",
        "sparseResidencyAliased",
        "shaderResourceResidency",
    )
}
PROPERTIES = {
    name: bool
    for name in (
        "residencyStandard2DBlockShape",
        "residencyStandard2DMultisampleBlockShape",
        "residencyStandard3DBlockShape",
        "residencyAlignedMipSize",
        "residencyNonResidentStrict",
    )
}


class Null:
    """The schema of a value that may be null."""

    def __init__(self, schema):
        self.schema = schema


PROBLEM = Null(
    {"kind": {"failed", "crashed", "exited", "hung", "no-child"}, "where": str, "text": str}
)
DEVICE = {
    "name": str,
    "type": {"cpu", "integrated-gpu", "discrete-gpu", "virtual-gpu", "other"},
    "vendor_id": int,
    "device_id": int,
    "api_version": str,
    "driver": {"id": int, "name": str, "info": str, "version": int, "manifest": Null(str)},
    "kernel_driver": Null(
        {
            "node": str,
            "error": Null(str),
            "name": Null(str),
            "version": Null(str),
            "sparse_vm_bind": Null(bool),
            "page_sizes": [int],
            "defer_mapping": Null(bool),
            "hostmem": Null({"size": int, "used": Null(int)}),
        }
    ),
    "sparse": {**FEATURES, "sparseAddressSpaceSize": int, **PROPERTIES, "queue_families": [int]},
    "route": Null({"native", "assist", "provide"}),
    "reason": Null(str),
    "works_around": Null(str),
    "defers": bool,
    "joins_binds": bool,
    "joins_reason": Null(str),
    "gains": bool,
    "provided": Null({**FEATURES, "sparseAddressSpaceSize": int}),
    "advice": [
        {
            "kind": {"newer-mesa", "newer-kernel", "larger-hostmem", "render-node", "native-route"},
            "text": str,
        }
    ],
    "problem": PROBLEM,
}
# A schema is a type, a set of words, or a container of schemas. Objects have exactly these keys, in
# this order.
SCHEMA = {
    "format": int,
    "vmbind_version": str,
    "system": {"name": str, "release": str, "machine": str},
    "loader": Null({"library": str, "api_version": str}),
    "layer": {
        "status": {"enabled", "available", "turned-off", "not-loaded", "missing", "unknown"},
        "library": Null(str),
        "manifests": [str],
        "enable": Null(str),
        "problem": PROBLEM,
    },
    "devices": [DEVICE],
    "broken_drivers": [{"manifest": str, "problem": PROBLEM}],
    "broken_layer": bool,
    "gains": bool,
    "problem": PROBLEM,
}


def fail(message):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {message}")


def expect(what, seen, wanted):
    if seen != wanted:
        fail(f"{what}: {seen!r}, expected {wanted!r}")


def check_schema(where, value, schema):
    if isinstance(schema, Null):
        if value is not None:
            check_schema(where, value, schema.schema)
    elif isinstance(schema, dict):
        expect(f"the keys of {where}", list(value), list(schema))
        for key, inner in schema.items():
            check_schema(f"{where}.{key}", value[key], inner)
    elif isinstance(schema, list):
        for i, item in enumerate(value):
            check_schema(f"{where}[{i}]", item, schema[0])
    elif isinstance(schema, set):
        if value not in schema:
            fail(f"{where}: {value!r} is not in {schema}")
    elif type(value) is not schema:
        fail(f"{where}: {value!r} is not a {schema.__name__}")


def words_of(schema):
    """The keys and words that the manual has to document: all except Vulkan's own names."""
    if isinstance(schema, Null):
        return words_of(schema.schema)
    if isinstance(schema, list):
        return words_of(schema[0])
    if isinstance(schema, set):
        return schema
    if not isinstance(schema, dict):
        return set()
    words = {key for key in schema if key not in FEATURES and key not in PROPERTIES}
    return words.union(*(words_of(inner) for inner in schema.values()))


def documented_words():
    """The words marked with Cm in the manual's section JSON."""
    words, section = set(), None
    with open(MANUAL, encoding="utf-8") as manual:
        for line in manual:
            if line.startswith(".Sh "):
                section = line[4:].strip()
            if section == "JSON" and re.match(r"\.(It )?Cm ", line):
                words.update(
                    word for word in line.split() if word not in (".It", ".Cm", "Cm", ",", ".")
                )
    return words


class Answer:
    def __init__(self, result):
        self.status = result.returncode
        self.text = result.stdout
        self.errors = result.stderr.decode("utf-8", "replace")

    def complain(self, message):
        fail(
            f"{message}\n{self.text.decode('utf-8', 'replace')}{self.errors}"
            f"exit status {self.status}"
        )


class Tool:
    """vmbind-info, run by command in an environment."""

    def __init__(self, command, environment):
        self.command = command
        self.environment = environment

    def run(self, *options, command=None, **variables):
        environment = dict(self.environment, **variables)
        environment = {key: value for key, value in environment.items() if value is not None}
        command = [*(command or self.command), *options]
        answer = Answer(subprocess.run(command, env=environment, capture_output=True, check=False))
        if answer.status == 77:
            print(answer.errors)
            sys.exit(77)
        return answer

    def text(self, *options, **variables):
        """Runs vmbind-info without --json. Checks the columns, the characters and stderr."""
        answer = self.run(*TIMEOUT_OPTIONS, *options, **variables)
        lines = answer.text.decode("utf-8").split("\n")
        for line in lines:
            # vmbind-info does not break words longer than a line.
            if len(line) > 80 and " " in re.sub(r"^ *([a-z ]+:)? *", "", line):
                answer.complain(f"a line has more than 80 columns: {line}")
            if not line.isprintable():
                answer.complain(f"a line is not printable: {line!r}")
        if answer.errors:
            answer.complain("stderr is not empty")
        return answer

    def json(self, *options, **variables):
        """Runs vmbind-info --json. Checks the report against the schema and the exit status."""
        answer = self.run("--json", *TIMEOUT_OPTIONS, *options, **variables)
        try:
            report = json.loads(answer.text.decode("utf-8"))
        except ValueError as error:
            answer.complain(f"stdout is not JSON: {error}")
        check_schema("the report", report, SCHEMA)
        expect("format", report["format"], 1)
        devices = report["devices"]
        expect("gains", report["gains"], any(device["gains"] for device in devices))
        status = 3
        if any(device["route"] for device in devices):
            status = 0 if report["gains"] else 1
        if answer.status != status:
            answer.complain(f"the exit status is {answer.status}, expected {status}")
        return report

    def agrees_with_layer(self, report, program, **variables):
        """Compares the report with the routes that the layer logs to stderr. program enumerates the
        devices with the layer enabled."""
        answer = self.run(command=program, VMBIND_LOG="info", **variables)
        logged = set(
            re.findall(
                r"^vmbind: (?:info|warn): (.*): route (\w+): (.*)$", answer.errors, re.MULTILINE
            )
        )
        reported = {
            (device["name"], device["route"], device["reason"]) for device in report["devices"]
        }
        if not logged or logged != reported:
            answer.complain(f"the layer logs {logged}, vmbind-info reports {reported}")
