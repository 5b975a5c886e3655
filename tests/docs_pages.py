"""The code on the pages: blocks to run, files of recipes, edits of recipes, command lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

# A directive, such as {code-cell} ipython3, has braces: the build of the site runs those.
BLOCK = re.compile(r"^( *)```(\w*|\{[^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"(?:#|//) ([\w/]+\.(?:py|js))\n")


class Block(NamedTuple):
    """A block of code: its language, its text, and the line at which the text starts."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The file that it is, where its first line is a comment with a path."""
        named = FILE.match(self.text)
        return named[1] if named and self.language in ("python", "js") else None


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, without the indent that they have in a list."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found[2], re.sub(f"^{found[1]}", "", found[3], flags=re.MULTILINE), text[: found.start(3)].count("\n"))
        for found in BLOCK.finditer(text)
    ]


def examples(page: Path) -> list[Block]:
    """Python to run from the top of the page to its end."""
    return [block for block in blocks(page) if block.language == "python" and block.file is None]


def commands(page: Path) -> list[list[str]]:
    """Words of each `spikesieve ...` line, comments and line ends taken off."""
    lines = []
    for block in blocks(page):
        if block.language == "":
            text = re.sub(r" +#.*", "", block.text.replace("\\\n", " "))
            lines += [part.strip() for line in text.splitlines() for part in line.split("&&")]
    return [line.split()[1:] for line in lines if re.match(r"spikesieve [a-z]", line)]


SPAN = re.compile(r"`([^`\n]+)`")
SET = re.compile(r"--set ([\w.]+)=(\w[\w.]*)")


def paragraphs(page: Path) -> list[str]:
    """The prose of a page without its blocks of code."""
    return re.split(r"\n\s*\n", BLOCK.sub("", page.read_text(encoding="utf-8")))


def spans(page: Path) -> list[tuple[str, str]]:
    """Each piece of code within a line, with its paragraph."""
    return [(span, text) for text in paragraphs(page) for span in SPAN.findall(text)]


def settings_set(text: str) -> list[str]:
    """Each NAME=VALUE after --set; capitals and dots stand for something to fill in."""
    return [f"{name}={value}" for name, value in SET.findall(text) if not value.isupper() and value != "value"]


def edited(text: str, hunk: str) -> str:
    """The text with the lines of a hunk: ` ` stays, `-` goes, `+` comes. ValueError where it does not fit just once."""
    lines = hunk.splitlines()
    old = "\n".join(line[1:] for line in lines if not line.startswith("+"))
    new = "\n".join(line[1:] for line in lines if not line.startswith("-"))
    found = list(re.finditer(rf"^{re.escape(old)}$", text, re.MULTILINE))
    if len(found) != 1:
        raise ValueError(f"These lines are not there, or more than once:\n{old}")
    return text[: found[0].start()] + new + text[found[0].end() :]


def follow(block: Block, root: Path) -> None:
    """Write the file of a block below root, or edit one as a block of diff says."""
    if block.file is not None:
        (root / block.file).write_text(block.text.partition("\n")[2], encoding="utf-8")
        return
    head, _, hunks = block.text.partition("\n")
    path = root / head.removeprefix("--- ")
    text = path.read_text(encoding="utf-8")
    for hunk in hunks.split("@@\n"):
        text = edited(text, hunk.rstrip("\n"))
    path.write_text(text, encoding="utf-8")
