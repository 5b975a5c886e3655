"""Draws docs/figures/architecture.svg: the way of the data. `python docs/figures/architecture.py` writes it again."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 1000, 610
LINE = 15
FILE = "#fdf1dc", "#c98a1b"
DATA = "#e3eefb", "#2f6db3"
CODE = "#eef3ea", "#4c8040"
# The steps of the method sieve, in order.
STEPS = (
    "noise",
    "shapes",
    "prepro-\ncessing",
    "detection\nthreshold",
    "detect",
    "motion",
    "spikes\nat rest",
    "clusters",
    "first\ntemplates",
    "match\na part",
    "templates",
    "match",
    "units",
    "sorting",
)

Box = tuple[float, float, float, float]


def box(place: Box, text: str, colours: tuple[str, str]) -> str:
    """A box (x, y, width, height) with centred lines; the first one is bold where a line is empty after it."""
    x, y, width, height = place
    fill, stroke = colours
    head, _, body = text.partition("\n\n")
    bold = head.split("\n") if body else []
    lines = [*bold, *(body or head).split("\n")]
    top = y + height / 2 - (len(lines) - 1) * LINE / 2 + 4
    parts = [f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" stroke="{stroke}"/>']
    for i, line in enumerate(lines):
        weight = ' font-weight="bold"' if i < len(bold) else ""
        parts.append(f'<text x="{x + width / 2}" y="{top + i * LINE}"{weight}>{escape(line)}</text>')
    return "\n".join(parts)


def arrow(*points: tuple[float, float]) -> str:
    """An arrow along some points."""
    way = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{way}" fill="none" stroke="#444" marker-end="url(#tip)"/>'


def label(x: float, y: float, text: str, anchor: str = "middle") -> str:
    """A line of text, in italics."""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-style="italic" fill="#333">{escape(text)}</text>'


def frame(place: Box, title: str, indent: float = 12) -> str:
    """A dashed frame with a title at its upper edge."""
    x, y, width, height = place
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="none" stroke="#888" '
        f'stroke-dasharray="5 4"/>\n' + label(x + indent, y + 19, title, "start")
    )


def user_side() -> list[str]:
    """From what a user gives to a source, and from a sorting to a folder."""
    return [
        box((10, 20, 150, 64), "raw files, array,\nSpikeInterface object", FILE),
        arrow((160, 52), (218, 52)),
        label(189, 45, "io/"),
        box((220, 20, 130, 64), "Recording, Probe\n\nlazy, no samples", DATA),
        arrow((350, 52), (408, 52)),
        box((410, 20, 150, 64), "Source\n\nreads any block clean", DATA),
        box((640, 20, 150, 64), "Sorting\n\nspikes, templates, units", DATA),
        arrow((790, 52), (858, 52)),
        label(824, 32, "io/"),
        label(824, 45, "report/"),
        box((860, 20, 130, 64), "result folder\nfor Phy, report", FILE),
    ]


def method() -> list[str]:
    """The steps of a method in a row."""
    parts = [
        arrow((485, 84), (485, 110), (42, 110), (42, 148)),
        frame((5, 122, 990, 104), "methods/sieve.py: steps, in order", 50),
    ]
    width, gap = 60, 10
    for i, name in enumerate(STEPS):
        x = 13 + i * (width + gap)
        parts.append(box((x, 150, width, 62), name, CODE))
        if i:
            parts.append(arrow((x - gap, 181), (x - 1, 181)))
    return [*parts, arrow((953, 150), (953, 104), (715, 104), (715, 86))]


def one_step() -> list[str]:
    """What happens in one step."""
    return [
        arrow((323, 212), (323, 283)),
        frame((5, 250, 990, 350), "one step: run.step(name, function, source, ..., settings)", 330),
        box((175, 285, 192, 62), "key\n\nname, version, all inputs", CODE),
        arrow((271, 347), (271, 398)),
        label(279, 376, "not there: compute", "start"),
        box((175, 400, 192, 62), "passes/\n\nrun.collect(task, blocks)", CODE),
        arrow((367, 316), (738, 316)),
        label(552, 309, "there: load"),
        frame((418, 345, 292, 245), "each block, on a worker: BlockTask"),
        arrow((367, 431), (402, 431), (402, 396), (436, 396)),
        box((438, 375, 252, 42), "source.clean(block, margin)", CODE),
        arrow((564, 417), (564, 434)),
        box((438, 436, 252, 58), "stages/\n\npure functions on arrays", CODE),
        arrow((564, 494), (564, 518)),
        arrow((584, 520), (584, 496)),
        box((438, 520, 252, 58), "Backend (kernels/)\n\ncompiled loops on arrays", CODE),
        arrow((690, 465), (760, 465), (760, 350)),
        label(768, 440, "columns of all blocks,", "start"),
        label(768, 455, "in order of time", "start"),
        box((740, 285, 240, 62), "Store\n\nfolder detect-KEY: .npy, manifest.json", FILE),
        arrow((860, 285), (860, 239), (393, 239), (393, 214)),
        label(850, 266, "mapped arrays to the next step", "end"),
    ]


def drawing() -> str:
    """The whole drawing as SVG."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12" text-anchor="middle">\n'
        "<title>The way of the data</title>\n"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#444"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
    )
    return head + "\n".join([*user_side(), *method(), *one_step()]) + "\n</svg>\n"


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(drawing(), encoding="utf-8")
