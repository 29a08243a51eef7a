# SPDX-License-Identifier: MIT
"""The cases of the host backend under settings of /proc/sys/vm that concern the whole machine."""

import re

from case import Case, Run, quiet

# The settings of a case. Some kernels do not lower memfd_noexec again, so its cases are last.


def committed(mib):
    """mib: the limit of all processes, in MiB. The kernel keeps a part for the guest's init, which
    runs as root. The limit is set before overcommit_memory: restoring overcommit_kbytes to 0 also
    sets overcommit_ratio to 0."""
    return {
        "admin_reserve_kbytes": 32 << 10,
        "overcommit_kbytes": mib << 10,
        "overcommit_memory": 2,
    }


FEW_MAPPINGS = {"max_map_count": 1000}
NO_EXEC = {"memfd_noexec": 1}
NO_EXEC_ENFORCED = {"memfd_noexec": 2}

UNIT_SUMMARY = re.compile(r"\[  (PASSED|FAILED|SKIPPED) .*")


def command(settings, program):
    """Runs the program under the settings, and restores the kernel's. Prints each setting."""
    before = "".join(
        f"o_{name}=$(cat /proc/sys/vm/{name}); echo {value} >/proc/sys/vm/{name};"
        f" echo {name} $(cat /proc/sys/vm/{name}); "
        for name, value in settings.items()
    )
    after = "".join(
        f"echo $o_{name} >/proc/sys/vm/{name}; "
        for name in reversed(settings)
        if name != "memfd_noexec"
    )
    return f"{before}{program}; status=$?; {after}(exit $status)"


def host_case(name, settings, program, seconds):
    def judge(result):
        for setting, value in settings.items():
            yield f"{setting} {value}" in result.lines, f"vm.{setting}={value}"
        for line in result.lines:
            # The program's own lines; of cmocka, the totals and the skipped tests.
            if UNIT_SUMMARY.match(line) or not re.match(r"\[|\w+ \d+$", line):
                yield None, line
        yield result.status == "0", f"exit status {result.status}"
        yield quiet(result)
        yield result.hung == 0, f"{result.hung} hung processes"

    return Case(name, [Run(name, command(settings, program), seconds, None)], judge)


def unit(name, settings):
    return host_case(f"{name}.unit", settings, "/vmbind/vmbind-vm-limits /vmbind/test_host", 240)


def limits(name, settings, check):
    return host_case(f"{name}.{check}", settings, f"/vmbind/vmbind-vm-limits {check}", 120)


def cases(has_noexec):
    return [
        limits("committed", committed(160), "allocate"),
        limits("committed", committed(160), "reserve"),
        limits("committed", committed(160), "unbind"),
        limits("committed", committed(160), "compete"),
        # A run of the unit test takes half a minute: each kernel runs some of them.
        *([] if has_noexec else [unit("mappings", FEW_MAPPINGS)]),
        limits("mappings", FEW_MAPPINGS, "mappings"),
        *(
            [
                limits("noexec-1", NO_EXEC, "memfd"),
                unit("noexec-2", NO_EXEC_ENFORCED),
                limits("noexec-2", NO_EXEC_ENFORCED, "memfd"),
            ]
            if has_noexec
            else []
        ),
    ]
