# SPDX-License-Identifier: MIT
"""A case: one or more runs of a program in the guest, and a judge function for their results.

The judge is called with a machine.Result for each run. The judge yields (ok, text) for each check;
ok is None for a text without a verdict.
"""

import collections

# seconds: the time limit of the run; root: the directory of unpacked packages with the driver, or
# None
Run = collections.namedtuple("Run", "name command seconds root")
Case = collections.namedtuple("Case", "name runs judge")


class Unavailable(Exception):
    """A requirement of a machine is missing here. The test is skipped."""


def quiet(result, complaints=0):
    return (
        result.complaints == complaints,
        f"warnings and faults in the kernel's log: {result.complaints}",
    )
