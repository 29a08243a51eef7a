#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# provide GENERATION: runs the scenarios of panvk_provide on panthor with the sparse op and without,
# and checks the op stream of each. The program itself checks the results of its Vulkan calls.

import sys

sys.dont_write_bytecode = True

import op_stream
from op_stream import fail, left

PAGE = 4096
MAX_OPS = 512  # in one ioctl of the layer


def run(generation, panthor, scenario, fault=None):
    """The op stream of one scenario."""
    environment = {"VMBIND_SIM_FAULT": fault} if fault else {}
    stream, done = op_stream.run(
        generation, panthor, "panvk_provide", scenario, environment=environment
    )
    # Without a fault the "_fails" scenarios fail. They run once to number their ioctls.
    if done.returncode != 0 and (fault or not scenario.endswith("_fails")):
        fail(f"{scenario}, panthor {panthor}: {done.stdout}{done.stderr}")
    return stream


class Scenario:
    """Follows a stream page by page, and keeps the ioctls after each mark."""

    def __init__(self, name, panthor, stream, leftovers):
        self.name = f"{name}, panthor {panthor}"
        self.pages = {}  # of the application's device: None, "sparse" or (memory, page)
        self.memory = {}  # BO -> number of the memory
        self.has_begun = False  # whether the program wrote a mark
        self.mark = "nothing"
        self.steps = []  # (mark, [vm_bind or bo_create])
        for entry in stream:
            if "mark" in entry:
                self.handle_mark(entry["mark"].split())
            elif self.has_begun:
                self.handle_ioctl(entry)
        if self.mark != "done" and name != "features":
            self.fail("the program did not reach the mark 'done'")
        if left(stream) - leftovers:
            self.fail(f"leaves maps in a VM: {left(stream) - leftovers}")

    def fail(self, message):
        fail(f"{self.name}: {message}")

    def handle_mark(self, words):
        if words[0] == "shows":
            self.check_shown(int(words[1]), int(words[2]), words[3:])
            return
        if words[0] == "failed" and self.pages:
            self.fail(f"leaves {len(self.pages)} pages mapped")
        self.mark = words[0]
        self.words = words
        self.has_begun = True
        self.steps.append((" ".join(words), []))

    def handle_ioctl(self, entry):
        kind = entry.get("ioctl")
        if kind == "bo_create" and entry["result"] == 0 and self.mark == "memory":
            self.memory[entry["handle"]] = int(self.words[1])
        if kind == "gem_close" and entry["result"] == 0:
            self.memory.pop(entry["handle"], None)
        if kind in ("vm_bind", "bo_create"):
            self.steps[-1][1].append(entry)
        if kind == "vm_bind":
            done = len(entry["ops"]) if entry["result"] == 0 else entry["failed_index"] or 0
            for op in entry["ops"][:done]:
                self.apply(op)

    def apply(self, op):
        if op["type"] == "sync_only":
            return
        if op["type"] == "map" and "noexec" not in op["flags"]:
            self.fail(f"{op} is executable")
        first = op["va"] // PAGE
        for i in range(op["size"] // PAGE):
            if op["type"] == "unmap":
                self.pages.pop(first + i, None)
            elif "sparse" in op["flags"] or op["bo"] not in self.memory:
                self.pages[first + i] = "sparse"
            else:
                self.pages[first + i] = (self.memory[op["bo"]], op["offset"] // PAGE + i)

    def check_shown(self, address, size, content):
        for i in range(size // PAGE):
            expected = "sparse"
            if content != ["sparse"]:
                expected = (int(content[0]), int(content[1]) // PAGE + i)
            shown = self.pages.get(address // PAGE + i)
            if shown != expected:
                self.fail(
                    f"after '{self.mark}', page {i} of {address:#x}: {shown}, expected {expected}"
                )

    def binds(self, mark):
        """For each mark of this kind, the VM_BINDs after it."""
        return [
            [entry for entry in entries if entry["ioctl"] == "vm_bind"]
            for words, entries in self.steps
            if words.split()[0] == mark
        ]

    def only(self, mark):
        """The only op of the only VM_BIND after the only mark of this kind."""
        found = self.binds(mark)
        if len(found) != 1 or len(found[0]) != 1 or len(found[0][0]["ops"]) != 1:
            self.fail(f"expected one op after '{mark}': {found}")
        return found[0][0]["ops"][0]

    def asynchronous(self, bind, waits):
        """Checks an asynchronous VM_BIND: one op, this number of waits, one timeline signal."""
        if not bind["async"] or bind["result"] != 0 or len(bind["ops"]) != 1:
            self.fail(f"expected one asynchronous op: {bind}")
        syncs = bind["ops"][0]["syncs"]
        if [s["op"] for s in syncs] != ["wait"] * waits + ["signal"] or not all(
            s["timeline"] for s in syncs
        ):
            self.fail(f"expected {waits} waits and one signal: {bind}")


def check_creation(scenario, sparse):
    """A creation allocates BOs of one page only, whatever the resource's size, and takes one op."""
    created = [
        e
        for words, entries in scenario.steps
        if words == "create"
        for e in entries
        if e["ioctl"] == "bo_create"
    ]
    if [e["size"] for e in created] != [PAGE] * len(created) or not created:
        scenario.fail(f"expected BOs of one page: {created}")
    for binds in scenario.binds("create"):
        ops = [op for bind in binds for op in bind["ops"]]
        if len(binds) != 1 or (
            sparse and (len(ops) != 1 or "sparse" not in ops[0]["flags"] or ops[0]["bo"] != 0)
        ):
            scenario.fail(f"expected one op for a creation: {binds}")


def check_plain(scenario, sparse):
    check_creation(scenario, sparse)
    for binds in scenario.binds("bind"):
        if len(binds) != 1:
            scenario.fail(f"expected one VM_BIND: {binds}")
        if sparse:
            scenario.asynchronous(binds[0], 0)


def check_many(scenario, _):
    """The layer fills its ioctls, and signals once, with the last op."""
    binds = scenario.binds("fault")[0]
    sizes = [len(bind["ops"]) for bind in binds]
    if (
        sizes != [MAX_OPS] * (len(sizes) - 1) + [sum(sizes) - MAX_OPS * (len(sizes) - 1)]
        or len(sizes) < 2
    ):
        scenario.fail(f"the VM_BINDs have {sizes} ops")
    syncs = [op["syncs"] for bind in binds for op in bind["ops"]]
    if any(syncs[:-1]) or [s["op"] for s in syncs[-1]] != ["signal"]:
        scenario.fail(
            f"expected syncs at the last of {len(syncs)} ops only:"
            f" {[i for i, s in enumerate(syncs) if s]}"
        )


def check_semaphores(scenario, _):
    scenario.asynchronous(scenario.binds("bind")[0][0], 1)


def check_before_signal(scenario, sparse):
    if any(scenario.binds("bind")):
        scenario.fail("a VM_BIND before the semaphore's signal was submitted")
    binds = scenario.binds("signal")[0]
    if len(binds) != 3:
        scenario.fail(f"expected three VM_BINDs: {binds}")
    for bind, waits in zip(binds, (1, 1, 0)):
        if sparse or waits:
            scenario.asynchronous(bind, waits)


def check_destroyed_too_early(scenario, sparse):
    if any(bind["async"] for bind in scenario.binds("destroy")[0]):
        scenario.fail("a VM_BIND before the semaphore's signal was submitted")
    late = [bind for bind in scenario.binds("signal")[0] if bind["async"]]
    if len(late) != 1:
        scenario.fail(f"expected one VM_BIND after the signal: {late}")
    if sparse and "sparse" not in late[0]["ops"][0]["flags"]:
        scenario.fail(f"maps freed memory: {late}")


SCENARIOS = {
    "features": lambda scenario, sparse: None,
    "address_space": lambda scenario, sparse: None,
    "gibibyte": check_creation,
    "image": check_plain,
    "plain": check_plain,
    "many": check_many,
    "semaphores": check_semaphores,
    "before_signal": check_before_signal,
    "destroyed_too_early": check_destroyed_too_early,
    "exported": check_plain,
}

# "IOCTL ERROR..." fails consecutive ioctls (or ops), from the first one after the mark "fault" on.
# "IOCTL+N ERROR..." starts N later. "-" lets an ioctl pass.
FAULTS = {
    "creation_fails": ["vm_bind EINVAL", "vm_bind EACCES", "bo_create ENOMEM"],
    "bind_fails": ["vm_bind ENOMEM"],
    # The application does not notice these.
    "many": ["vm_bind ENOMEM", "vm_bind ENOMEM ENOMEM ENOMEM", "vm_bind+1 ENOMEM EINTR ENOMEM"],
    "late_bind_fails": ["vm_bind ENOMEM", "vm_bind EINVAL"],
}
# With the sparse op the layer halves an op after ENOMEM. Here the first half passes, and the second
# one fails down to 2 MiB.
HALF = "vm_bind_op ENOMEM -" + " ENOMEM" * 5
FAULTS_1_9 = {
    "creation_fails": [HALF],
    "half_bind_fails": [HALF],
}
# Without the sparse op a creation takes many ops, and the kernel has executed some of them.
FAULTS_1_8 = {
    "creation_fails": ["vm_bind_op+20 EINVAL"],
}


def check_faults(generation, panthor, leftovers, scenarios):
    for name, faults in scenarios.items():
        dry = run(generation, panthor, name)
        for fault in faults:
            ioctl, *errors = fault.split()
            ioctl, _, later = ioctl.partition("+")
            number = op_stream.fault_number(dry, ioctl) + int(later or 0)
            injected = [
                f"{ioctl}:{number + i}:{error}" for i, error in enumerate(errors) if error != "-"
            ]
            stream = run(generation, panthor, name, ",".join(injected))
            Scenario(f"{name}, {fault}", panthor, stream, leftovers)


def main():
    generation = sys.argv[1]
    for panthor in ("1.9", "1.8"):
        leftovers = op_stream.leftovers(generation, panthor)
        for name, check in SCENARIOS.items():
            check(
                Scenario(name, panthor, run(generation, panthor, name), leftovers), panthor == "1.9"
            )
        for faults in (FAULTS, FAULTS_1_9 if panthor == "1.9" else FAULTS_1_8):
            check_faults(generation, panthor, leftovers, faults)


main()
