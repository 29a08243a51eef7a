# SPDX-License-Identifier: MIT
"""What a case is: one or more runs of a program in the guest, and a function that judges their
results.

The judge is called with a machine.Result for each run and yields (ok, text) for each thing that it
checked; ok is None where there is only something to tell.
"""

import collections

# seconds: after which it has hung; root: the directory of unpacked packages that its driver is
# from, None if it needs none
Run = collections.namedtuple("Run", "name command seconds root")
Case = collections.namedtuple("Case", "name runs judge")


class Unavailable(Exception):
    """Something that a machine needs cannot be had here: skipped, not failed."""


def quiet(result, complaints=0):
    return (
        result.complaints == complaints,
        f"warnings and faults in the kernel's log: {result.complaints}",
    )
