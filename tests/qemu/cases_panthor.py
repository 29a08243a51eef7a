# SPDX-License-Identifier: MIT
"""The cases on panthor, and the expected results. The names of the roots are Mesa versions."""

import stream as streams
from case import Case, Run, quiet

PAGE = 4096

# The exit status of vmbind-vm-sparse on a driver without sparse binding.
NO_SPARSE = "3"


def uapi(name, complaints=0):
    """A case of vmbind-vm-uapi, which prints its own verdicts. complaints: the expected number of
    complaints in the kernel's log."""
    run = Run(f"uapi.{name}", f"/vmbind/vmbind-vm-uapi {name}", 240, None)

    def judge(result):
        for line in result.lines:
            verdict, _, text = line.partition(" ")
            if verdict in ("PASS", "FAIL"):
                yield verdict == "PASS", text
            elif verdict == "INFO":
                yield None, text
        yield result.status == "0", f"exit status {result.status}"
        yield quiet(result, complaints)

    return Case(run.name, [run], judge)


def vulkan_run(name, root, workload, layer):
    environment = {
        "LD_PRELOAD": "/vmbind/libvmbind_trace.so",
        # The standard output.
        "VMBIND_SIM_OPS": "/proc/self/fd/1",
        "VMB_TEST_DEVICE": "Mali",
        "VK_DRIVER_FILES": "/usr/share/vulkan/icd.d/panfrost_icd.json",
        "MESA_SHADER_CACHE_DISABLE": "1",
        # The opt-in of panvk up to 25.0.
        "PAN_I_WANT_A_BROKEN_VULKAN_DRIVER": "1",
    }
    if layer:
        environment["VK_ADD_LAYER_PATH"] = "/vmbind/manifest"
        environment["VK_INSTANCE_LAYERS"] = "VK_LAYER_VMBIND_sparse"
        environment["VMBIND_LOG"] = "info"
    words = [f"{key}={value}" for key, value in environment.items()]
    command = f"env {' '.join(words)} chroot /roots/{root} /vmbind/vmbind-vm-sparse {workload}"
    return Run(name, command, 240, root)


def completed(result):
    """Returns the stream, whether the program completed, and the text for the verdict."""
    stream = streams.Stream(result.lines)
    ok = result.status == "0" and bool(stream.marks) and stream.marks[-1].words == ["destroy"]
    text = "every call succeeded, every fence was signalled"
    if not ok:
        text += f" (exit status {result.status}: {'; '.join(stream.text[-4:])})"
    return stream, ok, text


class Resource:
    """A model of the resource's bindings. The marks update the model."""

    def __init__(self, create):
        self.size, self.start = int(create.words[1]), int(create.words[2])
        if not self.start:
            # Vulkan has no query for an image's address. The driver maps nothing else during the
            # creation.
            self.start = min(
                op["va"]
                for ioctl in create.ioctls
                if ioctl["ioctl"] == "vm_bind"
                for op in ioctl["ops"]
            )
        self.end = self.start + self.size
        whole = streams.mapped(create, self.start, self.end)
        # The kernel's object for null memory.
        self.null_object = whole[0].object if whole else None
        self.memory = None
        self.bound = {}

    def apply(self, words):
        """Stores each bound page on its own: the workloads bind few pages."""
        kind, offset, size, *rest = words[0], *map(int, words[1:])
        if kind == "bind":
            self.bound |= {at: rest[0] + at - offset for at in range(offset, offset + size, PAGE)}
        elif kind == "unbind":
            self.bound = {
                at: to for at, to in self.bound.items() if not offset <= at < offset + size
            }

    def find_block(self, mark, size):
        """Takes the place of an image's block, which the driver chooses, from the map."""
        blocks = [
            m for m in streams.mapped(mark, self.start, self.end) if m.object != self.null_object
        ]
        if len(blocks) == 1 and blocks[0].end - blocks[0].start == size:
            self.apply(["bind", blocks[0].start - self.start, size, blocks[0].offset])

    def mismatch(self, mark):
        """Returns the first difference between the map and the model, or None."""
        expected_next = self.start
        for m in streams.mapped(mark, self.start, self.end):
            if m.start != expected_next:
                return f"no mapping at +{expected_next - self.start:#x}"
            expected_next = m.end
            if m.object != self.null_object:
                self.memory = self.memory or m.object
                if m.object != self.memory:
                    return f"an unknown object at +{m.start - self.start:#x}"
            for va in range(m.start, m.end, PAGE):
                to = self.bound.get(va - self.start)
                if (to is None) != (m.object == self.null_object):
                    kind = "null memory" if m.object == self.null_object else "memory"
                    return f"{kind} at +{va - self.start:#x}"
                if to is not None and to != m.offset + va - m.start:
                    return f"offset {m.offset + va - m.start:#x} at +{va - self.start:#x}"
        if expected_next != self.end:
            return f"no mapping at +{expected_next - self.start:#x}"
        return None

    def is_one_null_mapping(self, mark):
        found = streams.mapped(mark, self.start, self.end)
        return (
            len(found) == 1
            and found[0].object == self.null_object
            and found[0][:2] == (self.start, self.end)
        )

    def sparse_op_count(self, mark):
        """Returns the numbers of VM_BINDs and ops that touch the resource, whether each op is a
        sparse op over exactly the mark's range, and the async flags."""
        offset, size = (0, self.size) if mark.words[0] == "create" else map(int, mark.words[1:3])
        binds = list(streams.binds_of(mark, self.start, self.end))
        ops = [op for _, ops in binds for op in ops]
        exact = all(
            op["type"] == "map"
            and set(op["flags"]) == {"sparse", "noexec"}
            and (op["va"], op["size"]) == (self.start + offset, size)
            for op in ops
        )
        return len(binds), len(ops), exact, [ioctl["async"] for ioctl, _ in binds]


def describe(mark):
    """The mark without the address."""
    return " ".join(mark.words[:2] if mark.words[0] == "create" else mark.words)


def follow(stream):
    """Yields each mark from the creation on, with the model at that mark."""
    resource = None
    for mark in stream.marks:
        if mark.words[0] == "create":
            resource = Resource(mark)
        elif mark.words[0] == "bind-block":
            resource.find_block(mark, int(mark.words[1]))
        elif mark.words[0] in ("bind", "unbind"):
            resource.apply(mark.words)
        if resource:
            yield mark, resource


def judge_mapping(stream):
    """The map equals the model at each mark. After the destruction nothing is mapped."""
    for mark, resource in follow(stream):
        text = describe(mark)
        if mark.words[0] == "destroy":
            yield not streams.mapped(
                mark, resource.start, resource.end
            ), f"{text}: nothing is mapped"
            continue
        wrong = resource.mismatch(mark)
        yield wrong is None, f"{text}: {wrong or 'the map equals the model'}"
        if mark.words[0] == "bind-block":
            yield len(resource.bound) * PAGE == int(mark.words[1]), f"{text}: one block is bound"
        if mark.words[0] == "create" or mark.words[:3] == ["unbind", "0", str(resource.size)]:
            yield resource.is_one_null_mapping(mark), f"{text}: one sparse mapping"


def judge_sparse_ops(stream):
    """A creation and a NULL bind are one sparse op over exactly their range."""
    for mark, resource in follow(stream):
        if mark.words[0] in ("create", "unbind"):
            ioctls, ops, exact, is_async = resource.sparse_op_count(mark)
            expected_async = mark.words[0] == "unbind"
            ok = (ioctls, ops, exact, is_async) == (1, 1, True, [expected_async])
            counts = f"{ops} op{'s' * (ops != 1)} in {ioctls} ioctl{'s' * (ioctls != 1)}"
            text = f"{describe(mark)}: {counts}"
            yield ok, f"{text}, {'exactly' if exact else 'not'} the sparse op of that range"


def judge_reservation(stream):
    """The layer allocates at most one page for a resource of any size."""
    for mark, resource in follow(stream):
        if mark.words[0] == "create":
            size = sum(ioctl["size"] for ioctl in mark.ioctls if ioctl["ioctl"] == "bo_create")
            yield size <= PAGE < resource.size, f"{describe(mark)}: {size} bytes of memory"


def with_layer(name, root, workload, *judges):
    """With the layer, sparse binding is correct."""

    def judge(result):
        stream, ok, text = completed(result)
        yield ok, text
        if ok:
            for each in (judge_sparse_ops, judge_mapping, *judges):
                yield from each(stream)
        yield quiet(result)

    return Case(name, [vulkan_run(name, root, workload, True)], judge)


def without_layer(name, root, workload):
    """The driver without the layer creates by many ops, and a NULL bind leaves memory bound. If
    not, the other checks prove nothing."""

    def judge(result):
        stream, ok, text = completed(result)
        yield ok, text
        if not ok:
            return
        created, unbound = False, False
        for mark, resource in follow(stream):
            if mark.words[0] == "create":
                _, ops, _, _ = resource.sparse_op_count(mark)
                created = ops > 1
                yield created, f"create: {ops} ops without the layer"
            if mark.words[0] == "unbind":
                unbound = any(
                    m.object != resource.null_object
                    for m in streams.mapped(mark, resource.start, resource.end)
                )
                yield unbound, "unbind: memory stays bound without the layer"

    return Case(name, [vulkan_run(name, root, workload, False)], judge)


def no_sparse(name, root, workload):
    """The driver without the layer has no sparse binding."""

    def judge(result):
        text = f"no sparse binding without the layer (exit status {result.status})"
        yield result.status == NO_SPARSE, text

    return Case(name, [vulkan_run(name, root, workload, False)], judge)


def native(name, root, workload):
    """The layer does not change the ioctls, and the driver's sparse binding is correct."""

    def judge(result, result_with):
        (stream, ok, text), (stream_with, ok_with, text_with) = completed(result), completed(
            result_with
        )
        yield ok, f"without the layer: {text}"
        yield ok_with, f"with the layer: {text_with}"
        yield any(
            "vmbind: info" in line for line in stream_with.text
        ), "with the layer: the layer is loaded"
        first, second = stream.ioctls, stream_with.ioctls
        different = [i for i, (a, b) in enumerate(zip(first, second)) if a != b]
        text = f"the same {len(first)} ioctls with the layer"
        if different:
            text += f", except ioctl {different[0]}: {first[different[0]]} / {second[different[0]]}"
        elif len(first) != len(second):
            text += f", but there are {len(second)}"
        yield first == second and bool(first), text
        yield from judge_sparse_ops(stream_with)
        yield from judge_mapping(stream_with)
        yield quiet(result_with)

    runs = [
        vulkan_run(f"{name}/{how}", root, workload, how == "with") for how in ("without", "with")
    ]
    return Case(name, runs, judge)


CASES = [
    uapi("map"),
    uapi("errors"),
    uapi("async"),
    # The kernel warns of the op of 2 TiB.
    uapi("limits", complaints=1),
    uapi("cost"),
    without_layer("26.1.buffer.without", "26.1", "buffer"),
    without_layer("26.1.image.without", "26.1", "image"),
    with_layer("26.1.buffer", "26.1", "buffer"),
    with_layer("26.1.image", "26.1", "image"),
    with_layer("26.1.large", "26.1", "large"),
    native("26.2.buffer", "26.2", "buffer"),
    native("26.2.image", "26.2", "image"),
    native("26.2.large", "26.2", "large"),
    no_sparse("25.0.without", "25.0", "large"),
    with_layer("25.0.large", "25.0", "large", judge_reservation),
]
