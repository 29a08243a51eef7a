#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# errors GENERATION: runs the scenarios of panvk_errors, each with an injected kernel error, and
# checks the VMs afterwards.

import sys

sys.dont_write_bytecode = True

import op_stream

GIB = 1 << 30

# Faults that the application sees as an error. "IOCTL ERROR..." fails consecutive ioctls (or ops),
# from the first one after the mark "fault" on. "IOCTL+N ERROR..." starts N later.
FAILURES = {
    "device_fails": ["vm_create ENOMEM", "bo_create ENOMEM"],
    "first_buffer_fails": ["vm_bind EINVAL"],
    "buffer_fails": ["vm_bind EINVAL", "vm_bind EACCES"],
    "image_fails": ["vm_bind EINVAL"],
    "bind_fails": ["vm_bind EINVAL", "vm_bind_op ENOMEM"],
    "unbind_fails": ["vm_bind EINVAL"],
}
# With the sparse op the layer halves an op after ENOMEM. ENOMEM for 2 MiB is final.
FAILURES_1_9 = {
    "huge_fails": ["vm_bind" + " ENOMEM" * 12],
    "unbind_fails": ["vm_bind" + " ENOMEM" * 5],
}
# Without the sparse op a call takes many ops, and the kernel has executed some of them. For the
# layer's ops, ENOMEM for a single op is final.
FAILURES_1_8 = {
    "first_buffer_fails": ["vm_bind_op+20 ENOMEM"],
    "buffer_fails": ["vm_bind_op+20 ENOMEM", "vm_bind_op+5 EINVAL"],
    "image_fails": ["vm_bind_op+5 ENOMEM"],
    "unbind_fails": ["vm_bind_op+3" + " ENOMEM" * 5],
}
# Faults after which the same ioctl is repeated. The application does not notice them.
RESTARTS = {
    "buffer": ["vm_bind EINTR", "vm_bind EAGAIN", "vm_bind EINTR EAGAIN EINTR"],
    "image": ["vm_bind EINTR", "vm_bind EAGAIN"],
    "unbind": ["vm_bind EINTR", "vm_bind EAGAIN", "vm_bind EINTR EAGAIN EINTR"],
}
# With the sparse op the layer answers ENOMEM with smaller ops.
SMALLER = {
    "buffer": ["vm_bind ENOMEM", "vm_bind ENOMEM ENOMEM"],
    "huge": ["vm_bind ENOMEM", "vm_bind_op ENOMEM ENOMEM ENOMEM", "vm_bind EINTR ENOMEM EINTR"],
    "unbind": ["vm_bind ENOMEM", "vm_bind ENOMEM ENOMEM"],
}


class Errors:
    def __init__(self, generation, panthor):
        self.generation = generation
        self.panthor = panthor
        self.dry = {}
        self.leftovers = op_stream.leftovers(generation, panthor)

    def run(self, scenario, fault):
        """Runs a scenario with a fault. Returns the checked stream and the entries that failed."""
        program = "panvk_errors"
        if scenario not in self.dry:
            self.dry[scenario], _ = op_stream.run(self.generation, self.panthor, program, scenario)
        ioctl, *errors = fault.split()
        ioctl, _, later = ioctl.partition("+")
        number = op_stream.fault_number(self.dry[scenario], ioctl) + int(later or 0)
        faults = ",".join(f"{ioctl}:{number + i}:{error}" for i, error in enumerate(errors))
        stream, done = op_stream.run(
            self.generation,
            self.panthor,
            program,
            scenario,
            environment={"VMBIND_SIM_FAULT": faults},
        )
        name = f"{scenario}, {fault}"
        if done.returncode != 0:
            op_stream.fail(f"{name}, panthor {self.panthor}: {done.stdout}{done.stderr}")
        checked = op_stream.Stream(name, stream, self.panthor)
        checked.finish(self.leftovers)
        failed = [
            entry
            for entry in stream
            if "ioctl" in entry and ioctl.startswith(entry["ioctl"]) and entry["errno"] in errors
        ]
        if not failed:
            checked.fail("no ioctl failed")
        return checked, failed

    def check_restart(self, scenario, fault):
        """The caller repeats the same ioctl."""
        checked, failed = self.run(scenario, fault)
        binds = [entry for entry in checked.stream if entry.get("ioctl") == "vm_bind"]
        for entry in failed:
            again = binds[binds.index(entry) + 1]
            if again["ops"] != entry["ops"] or again["async"] != entry["async"]:
                checked.fail(f"{entry} was not repeated, the next VM_BIND is {again}")

    def check_smaller(self, scenario, fault):
        """After ENOMEM the op is split into halves, each in its own ioctl."""
        checked, failed = self.run(scenario, fault)
        refused = [entry for entry in failed if entry["errno"] == "ENOMEM"]
        binds = [entry for entry in checked.stream if entry.get("ioctl") == "vm_bind"]
        after = binds[binds.index(refused[-1]) + 1 :]
        op = refused[0]["ops"][0]
        at, pieces = op["va"], []
        while at < op["va"] + op["size"]:
            piece = after.pop(0)
            if piece["errno"] == "EINTR":
                continue
            if (
                len(piece["ops"]) != 1
                or piece["ops"][0]["va"] != at
                or "sparse" not in piece["ops"][0]["flags"]
            ):
                checked.fail(f"{piece} is not the sparse piece at {at}")
            pieces.append(piece["ops"][0])
            at += pieces[-1]["size"]
        largest = max(piece["size"] for piece in pieces)
        if at != op["va"] + op["size"] or largest > op["size"] / 2 ** len(refused) + (2 << 20):
            checked.fail(f"{pieces} do not cover {op} in small enough pieces")
        syncs = [piece["syncs"] for piece in pieces]
        if any(syncs[:-1]) or syncs[-1] != op["syncs"]:
            checked.fail(f"the syncs of {pieces} are not those of {op}")

    def check_huge(self):
        """Creating the buffer takes one op, and so does unbinding all of it."""
        stream, _ = op_stream.run(self.generation, self.panthor, "panvk_errors", "huge")
        checked = op_stream.Stream("huge", stream, self.panthor)
        checked.finish(self.leftovers)
        for mark in ("fault", "unbind"):
            binds = [entry for entry in checked.between(mark) if entry["ioctl"] == "vm_bind"]
            if (
                len(binds) != 1
                or len(binds[0]["ops"]) != 1
                or binds[0]["ops"][0]["size"] < 4 * GIB - (1 << 20)
            ):
                checked.fail(f"expected one op after '{mark}': {binds}")


def main():
    generation = sys.argv[1]
    # provide.py covers the other failures of the provide route.
    if generation == "25.0":
        errors = Errors(generation, "1.9")
        for scenario, faults in RESTARTS.items():
            for fault in faults:
                errors.check_restart(scenario, fault)
        return
    for panthor in ("1.9", "1.8"):
        errors = Errors(generation, panthor)
        for failures in (FAILURES, FAILURES_1_9 if panthor == "1.9" else FAILURES_1_8):
            for scenario, faults in failures.items():
                for fault in faults:
                    errors.run(scenario, fault)
        for scenario, faults in RESTARTS.items():
            for fault in faults:
                errors.check_restart(scenario, fault)
        if panthor == "1.9":
            errors.check_huge()
            for scenario, faults in SMALLER.items():
                for fault in faults:
                    errors.check_smaller(scenario, fault)


main()
