#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# picture [SEED]: runs vmbind-residency on synthetic traces. Reads the pictures as XML and compares
# them, point by point, with a model of the resources' pages.

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/vmbind-residency")
SVG = "{http://www.w3.org/2000/svg}"
PAGE = 65536
CALL = {"ph": "X", "cat": "vulkan", "pid": 7, "tid": 8, "dur": 1}


def fail(message):
    sys.exit(f"picture: {message}")


def expect(condition, message):
    if not condition:
        fail(message)


class World:
    """A model of resources and memory, page by page, and its trace. Times are in microseconds."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.time = 1000
        self.events = [
            {
                "ph": "M",
                "cat": "__metadata",
                "name": "process_name",
                "pid": 7,
                "tid": 8,
                "ts": 0,
                "args": {"name": "made & <up>"},
            }
        ]
        self.memories = []  # [name, when freed]
        self.resources = []  # [kind, pages, when created, when destroyed]
        self.history = []  # (time, resource, first, count, memory or None)
        self.origin = None

    def call(self, call, /, **args):
        self.time += 10
        self.events.append(
            dict(CALL, name=call, ts=self.time, args=dict(args, result="VK_SUCCESS"))
        )
        return self.time + 1

    def allocate(self, pages=64):
        number = len(self.memories) + 1
        self.call("vkAllocateMemory", memory=hex(0x100 + number), size=pages * PAGE, type=0)
        self.memories.append([f"memory {number}", None])
        return number - 1

    def free(self, memory):
        self.call("vkFreeMemory", memory=hex(0x101 + memory))
        self.memories[memory][1] = self.time

    def buffer(self, pages):
        number = len(self.resources)
        time = self.call(
            "vkCreateBuffer",
            buffer=hex(0x1000 + number),
            size=pages * PAGE,
            required=pages * PAGE,
            alignment=PAGE,
            sparse="binding",
        )
        self.origin = self.origin or time
        self.resources.append(["buffer", pages, time, None])
        return number

    def destroy(self, resource):
        self.call("vkDestroyBuffer", buffer=hex(0x1000 + resource))
        self.resources[resource][3] = self.time

    def bind(self, resource, first, count, memory, memory_page=0):
        self.time += 10
        args = {"buffer": hex(0x1000 + resource), "offset": first * PAGE, "size": count * PAGE}
        if memory is not None:
            args.update(memory=hex(0x101 + memory), memory_offset=memory_page * PAGE)
        name = "unbind" if memory is None else "bind"
        event = {
            "ph": "i",
            "cat": "bind",
            "name": name,
            "pid": 7,
            "tid": 8,
            "ts": self.time,
            "s": "t",
            "args": args,
        }
        self.events.append(event)
        self.history.append((self.time, resource, first, count, memory))

    def random_bind(self, resource):
        pages = self.resources[resource][1]
        first = self.random.randrange(pages)
        count = self.random.randint(1, pages - first)
        alive = [number for number, memory in enumerate(self.memories) if memory[1] is None]
        memory = self.random.choice(alive) if self.random.random() < 0.7 else None
        self.bind(resource, first, count, memory, self.random.randrange(16))

    def end(self):
        ends = [resource[3] or resource[2] for resource in self.resources]
        return max(ends + [entry[0] for entry in self.history])

    def shown(self, resource, time):
        """The state of each page: "empty", "sparse", "freed" or the name of memory."""
        pages = [None] * self.resources[resource][1]
        for when, bound, first, count, memory in self.history:
            if bound == resource and when <= time:
                for i in range(first, first + count):
                    if memory is not None:
                        pages[i] = memory
                    elif pages[i] is not None:
                        pages[i] = "sparse"
        names = {None: "empty", "sparse": "sparse"}
        for number, (name, freed) in enumerate(self.memories):
            names[number] = "freed" if freed is not None and freed <= time else name
        return [names[page] for page in pages]

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write("[\n" + ",\n".join(json.dumps(event) for event in self.events) + "\n]\n")


def run(*arguments, status=0):
    result = subprocess.run([TOOL, *arguments], capture_output=True, text=True, check=False)
    expect(
        result.returncode == status,
        f"{arguments}: exit status {result.returncode}: {result.stderr}",
    )
    expect("Traceback" not in result.stderr, result.stderr)
    return result


class Picture:
    def __init__(self, path):
        root = xml.etree.ElementTree.parse(path).getroot()
        expect(root.tag == SVG + "svg", "the picture is not an SVG")
        expect(not list(root.iter(SVG + "script")), "the picture contains a script")
        self.width, self.height = float(root.get("width")), float(root.get("height"))
        self.texts = [text for text in root.iter(SVG + "text")]
        self.shapes = []  # (x, y, width, height, class), later ones cover earlier ones
        self.frames = []
        for element in root:
            css = (element.get("class") or "").replace(" run", "")
            if element.tag == SVG + "rect" and css != "page":
                box = tuple(float(element.get(key)) for key in ("x", "y", "width", "height"))
                (self.frames if css == "frame" else self.shapes).append(
                    box if css == "frame" else box + (css,)
                )
            elif element.tag == SVG + "path":
                for shape in re.findall(r"M(\S+) (\S+?)h(\S+?)v(\S+?)h\S+?z", element.get("d")):
                    self.shapes.append(tuple(float(number) for number in shape) + (css,))
        self.read_legend()
        for x, y, width, height in self.frames:
            expect(
                x >= 0 and y >= 0 and x + width <= self.width and y + height <= self.height,
                "a bar is outside the picture",
            )
        for text in self.texts:
            expect(0 < float(text.get("y")) < self.height, "a text is outside the picture")

    def words(self):
        return ["".join(text.itertext()) for text in self.texts]

    def read_legend(self):
        """Reads the memory of each CSS class from the legend."""
        self.names = {"empty": "empty", "sparse": "sparse", "freed": "freed"}
        samples = [shape for shape in self.shapes if shape[2] == 14 and shape[3] == 11]
        self.frames = [frame for frame in self.frames if not (frame[2] == 14 and frame[3] == 11)]
        for x, y, _, _, css in samples:
            label = [
                t.text
                for t in self.texts
                if float(t.get("x")) == x + 19 and abs(float(t.get("y")) - y - 9.5) < 1
            ]
            expect(len(label) == 1, f"a sample has no label: {css}")
            if css.startswith("m"):
                self.names[css] = label[0].rsplit(",", 1)[0]

    def at(self, x, y):
        hits = [s for s in self.shapes if s[0] <= x < s[0] + s[2] and s[1] <= y < s[1] + s[3]]
        return self.names[hits[-1][4]] if hits else None


def check_bar(picture, frame, shown, what):
    x, y, width, height = frame
    for i, wanted in enumerate(shown):
        found = picture.at(x + (i + 0.5) * width / len(shown), y + height / 2)
        expect(found == wanted, f"{what}, page {i} of {len(shown)}: {found}, expected {wanted}")


def check_strip(picture, frame, world, resource, step):
    """Compares each row of a strip. A row shows the time at its lower edge."""
    x, y, width, height = frame
    _, pages, created, destroyed = world.resources[resource]
    end = destroyed or world.end()
    rows = int(height / step)
    for row in range(rows):
        shown = world.shown(resource, created + (end - created) * (row + 1) / rows + 1e-6)
        for i, wanted in enumerate(shown):
            found = picture.at(x + (i + 0.5) * width / pages, y + (row + 0.5) * step)
            expect(
                found == wanted,
                f"resource {resource}, row {row}, page {i}: {found}, expected {wanted}",
            )


def draw(world, directory, *arguments):
    trace, svg = os.path.join(directory, "trace"), os.path.join(directory, "svg")
    world.write(trace)
    errors = run(trace, "-o", svg, *arguments).stderr
    expect(errors == "", errors)
    return Picture(svg)


def one_resource(seed, directory):
    world = World(seed)
    for _ in range(4):
        world.allocate()
    buffer = world.buffer(48)
    for _ in range(30):
        world.random_bind(buffer)
    picture = draw(world, directory)
    expect(len(picture.frames) == 2, f"{len(picture.frames)} frames for one resource")
    check_strip(picture, picture.frames[0], world, buffer, 2)
    check_bar(picture, picture.frames[1], world.shown(buffer, world.end()), "the bar")
    expect(
        any(word.startswith("made & <up>: 1 sparse resource ") for word in picture.words()),
        "the title is missing",
    )


def runs_are_exact(seed, directory):
    """The rectangles of a bar and their tooltips match the runs exactly."""
    world = World(seed)
    memory, other = world.allocate(), world.allocate()
    buffer = world.buffer(1000)
    world.bind(buffer, 100, 50, memory, 3)
    world.bind(buffer, 150, 50, memory, 53)
    world.bind(buffer, 200, 25, memory, 0)
    world.bind(buffer, 500, 500, other, 0)
    world.bind(buffer, 600, 1, None)
    draw(world, directory)
    root = xml.etree.ElementTree.parse(os.path.join(directory, "svg")).getroot()
    found = []
    frame = [
        e for e in root.iter(SVG + "rect") if e.get("class") == "frame" and e.get("width") != "14"
    ][-1]
    left, width = float(frame.get("x")), float(frame.get("width"))
    for rect in root.iter(SVG + "rect"):
        if (rect.get("class") or "").endswith(" run"):
            start = (float(rect.get("x")) - left) / width * 1000
            found.append(
                (
                    round(start),
                    round(start + float(rect.get("width")) / width * 1000),
                    rect.find(SVG + "title").text,
                )
            )
    wanted = [
        (100, 200, "6.25 MiB at 0x640000: memory 1 (0x101) at 0x30000"),
        (200, 225, "1.56 MiB at 0xc80000: memory 1 (0x101) at 0x0"),
        (500, 600, "6.25 MiB at 0x1f40000: memory 2 (0x102) at 0x0"),
        (600, 601, "64 KiB at 0x2580000: sparse"),
        (601, 1000, "24.9 MiB at 0x2590000: memory 2 (0x102) at 0x650000"),
    ]
    expect(found == wanted, f"{found}")


def nothing_bound_is_hidden(seed, directory):
    """A single bound page among millions is visible in the bar and in the strip."""
    world = World(seed)
    memory = world.allocate()
    pages = 1 << 24
    world.call(
        "vkCreateBuffer",
        buffer="0x1000",
        size=pages * PAGE,
        required=pages * PAGE,
        alignment=PAGE,
        sparse="binding",
    )
    world.origin = world.time + 1
    world.resources.append(["buffer", pages, world.origin, None])
    places = [world.random.randrange(pages) for _ in range(400)]
    world.bind(0, 0, pages, memory)
    world.bind(0, 0, pages, None)
    for place in places:
        world.bind(0, place, 1, memory)
    picture = draw(world, directory)
    for x, y, width, height in picture.frames:
        for place in places:
            column = int(place * width / pages)
            found = picture.at(x + column + 0.5, y + height - 1)
            expect(found == "memory 1", f"page {place} is hidden by {found}")


def some_resources(seed, directory):
    """Several resources. Some are destroyed, and bound memory is freed."""
    world = World(seed)
    for _ in range(5):
        world.allocate()
    for _ in range(8):
        world.buffer(world.random.choice((1, 16, 32)))
    for i in range(200):
        alive = [number for number, resource in enumerate(world.resources) if not resource[3]]
        # From step 150 on, the last resource keeps its bind to the freed memory.
        world.random_bind(world.random.choice(alive if i < 150 else alive[:-1]))
        if i in (50, 100):
            world.destroy(alive[0])
        if i == 150:
            world.bind(alive[-1], 0, 1, 0)
            world.free(0)
    picture = draw(world, directory)
    expect(len(picture.frames) == 16, f"{len(picture.frames)} frames for 8 resources")
    for number, resource in enumerate(world.resources):
        last = resource[3] or world.end()
        check_bar(
            picture, picture.frames[2 * number + 1], world.shown(number, last), f"resource {number}"
        )
        check_strip(picture, picture.frames[2 * number], world, number, 2)
    names = {
        picture.at(x + 1 + i * (w - 2) / 31, y + h / 2)
        for x, y, w, h in picture.frames
        for i in range(32)
    }
    expect("freed" in names, "freed memory is not shown")

    start, end = world.origin, world.end()
    for share in (10, 50, 90):
        time = start + (end - start) * share / 100
        alive = [
            n for n, r in enumerate(world.resources) if r[2] <= time and (not r[3] or time < r[3])
        ]
        for argument in (
            f"{share}%",
            f"{time - start}us",
            f"{(time - start) / 1000}ms",
            f"{(time - start) / 1e6}",
        ):
            picture = draw(world, directory, "--at", argument)
            expect(
                len(picture.frames) == len(alive),
                f"{len(picture.frames)} bars for {len(alive)} resources at {argument}",
            )
            for frame, number in zip(picture.frames, alive):
                check_bar(
                    picture, frame, world.shown(number, time), f"resource {number} at {argument}"
                )


def many_resources(seed, directory):
    world = World(seed)
    for _ in range(12):
        world.allocate()
    for _ in range(500):
        world.buffer(world.random.choice((4, 12, 36)))
    for _ in range(5000):
        world.random_bind(world.random.randrange(500))
    picture = draw(world, directory)
    size = os.path.getsize(os.path.join(directory, "svg"))
    expect(size < 1000000, f"the picture has {size} bytes")
    expect(picture.height < 6000, f"the picture is {picture.height} pixels high")
    words = picture.words()
    expect(
        all(any(w.endswith(f"buffer {i + 1}") for w in words) for i in range(500)),
        "a resource has no label",
    )
    expect(len(picture.frames) == 1000, f"{len(picture.frames)} frames for 500 resources")
    boxes = sorted(picture.frames)
    for (x, y, w, h), (x2, y2, _, _) in zip(boxes, boxes[1:]):
        expect(x2 >= x + w or (x2 == x and y2 >= y + h), "bars overlap")
    for number in world.random.sample(range(500), 5):
        frame = picture.frames[2 * number + 1]
        picture.shapes, all_shapes = [
            s for s in picture.shapes if abs(s[1] - frame[1]) < 20
        ], picture.shapes
        check_bar(picture, frame, world.shown(number, world.end()), f"resource {number}")
        picture.shapes = all_shapes
    busy = World(seed)
    for _ in range(20):
        busy.allocate()
    for _ in range(500):
        busy.buffer(200)
    for _ in range(25000):
        busy.bind(
            busy.random.randrange(500), busy.random.randrange(200), 1, busy.random.randrange(20)
        )
    draw(busy, directory)
    size = os.path.getsize(os.path.join(directory, "svg"))
    expect(size < 1000000, f"a busy picture has {size} bytes")


def image_parts(_, directory):
    world = World(1)
    memory = world.allocate()
    parts = [
        (0, 16, "level", 0, 0),
        (16, 4, "level", 1, 0),
        (20, 1, "mip tail", 2, 0),
        (21, 16, "level", 0, 1),
        (37, 4, "level", 1, 1),
        (41, 1, "mip tail", 2, 1),
    ]
    for offset, size, name, level, layer in parts:
        world.time += 10
        args = {
            "image": "0x1000",
            "offset": offset * PAGE,
            "size": size * PAGE,
            "aspect": 1,
            "layer": layer,
            "level": level,
        }
        event = {
            "ph": "i",
            "cat": "bind",
            "name": name,
            "pid": 7,
            "tid": 8,
            "ts": world.time,
            "s": "t",
            "args": args,
        }
        world.events.append(event)
    world.call(
        "vkCreateImage",
        image="0x1000",
        format=37,
        width=1024,
        height=512,
        depth=1,
        levels=3,
        layers=2,
        required=64 * PAGE,
        alignment=PAGE,
        sparse="residency",
    )
    world.resources.append(["image", 42, world.time + 1, None])
    for first, count in ((3, 5), (16, 5), (40, 2)):
        world.bind(0, first, count, memory, 0)
        world.events[-1]["args"]["image"] = world.events[-1]["args"].pop("buffer")
    world.call("vkSetDebugUtilsObjectNameEXT", type=10, object="0x1000", name='sky\x07 "<ä>"')
    picture = draw(world, directory)
    check_bar(picture, picture.frames[1], world.shown(0, world.end()), "the image")
    words = picture.words()
    for label in ("level 0", "layer 1 level 0", "level 1"):
        expect(label in words, f"the label {label} is missing")
    expect(any('sky\ufffd "<ä>"' in word for word in words), "the image's name is missing")
    expect(any("1024x512" in word for word in words), "the image's extent is missing")


def broken_traces(seed, directory):
    world = World(seed)
    world.allocate()
    buffer = world.buffer(16)
    for _ in range(20):
        world.random_bind(buffer)
    trace, cut, svg = (os.path.join(directory, name) for name in ("trace", "cut", "svg"))
    world.write(trace)
    with open(trace, encoding="utf-8") as file:
        text = file.read()
    whole = text.index("vkCreateBuffer")
    for at in [len(text) - 2] + [world.random.randrange(whole + 200, len(text)) for _ in range(10)]:
        with open(cut, "w", encoding="utf-8") as file:
            file.write(text[:at])
        errors = run(cut, "-o", svg).stderr
        last = text[:at].rsplit("\n", 1)[1].rstrip(",")
        is_whole = last in ("", "]") or last.endswith("}}")
        expect(bool(errors) != is_whole, f"cut at {at}, in '{last}': {errors}")
        # vmbind-residency ignores an incomplete last line.
        kept = World(seed)
        kept.memories, kept.resources = world.memories, world.resources
        times = re.findall(
            r'"name": "(?:un)?bind".*"ts": (\d+)', text[:at] if is_whole else text[: at - len(last)]
        )
        kept.history = [entry for entry in world.history if times and entry[0] <= int(times[-1])]
        check_bar(
            Picture(svg), Picture(svg).frames[1], kept.shown(buffer, world.end()), f"cut at {at}"
        )

    with open(cut, "w", encoding="utf-8") as file:
        file.write(text.replace("vkCreateBuffer", "vkCreateSomething"))
    run(cut, "-o", svg, status=1)
    for content, words in (
        ("", "not a trace"),
        ("dear diary", "not a trace"),
        ("[]", "no sparse resource"),
        ('{"a": 1}', "not a trace"),
        ('[\n{"ph', "no sparse resource"),
        ('[1, "a", null]', "no sparse"),
    ):
        with open(cut, "w", encoding="utf-8") as file:
            file.write(content)
        errors = run(cut, "-o", svg, status=1).stderr
        expect(words in errors, f"error for '{content}': {errors}")
    expect(
        "No such file" in run(os.path.join(directory, "nothing"), status=1).stderr,
        "no error for a missing file",
    )
    expect(
        "No such file" in run(trace, "-o", "/no/where", status=1).stderr,
        "no error for an unwritable picture",
    )
    expect(
        "not a time" in run(trace, "--at", "noon", status=2).stderr, "no error for an invalid time"
    )
    expect(
        "no sparse resource" in run(trace, "--at=-5s", status=1).stderr,
        "no error for a time before the trace",
    )
    # The JSON object format of other programs, and output to stdout.
    with open(cut, "w", encoding="utf-8") as file:
        json.dump({"traceEvents": json.loads(text), "displayTimeUnit": "ns"}, file, indent=1)
    run(trace, "-o", svg)
    with open(svg, encoding="utf-8") as file:
        expect(run(cut).stdout == file.read(), "the JSON object format gives another picture")


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(1 << 30)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as directory:
        for scenario in (
            one_resource,
            runs_are_exact,
            nothing_bound_is_hidden,
            some_resources,
            many_resources,
            image_parts,
            broken_traces,
        ):
            scenario(seed, directory)
            print(f"ok  {scenario.__name__}")


main()
