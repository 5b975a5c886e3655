"""Keys: each does one thing, the page knows how, and the docs have the same table. Run this file to write it there."""

from __future__ import annotations

import re

import pytest
from paths import DOCS

from spikesieve.app.keys import SHORTCUTS
from spikesieve.app.page_files import PAGE_FILES

PAGE = DOCS / "app_for_phy.md"
BETWEEN = re.compile(r"(?<=<!-- keys -->\n).*?(?=<!-- end -->)", re.DOTALL)
# Chrome and Firefox keep these in a tab for themselves.
RESERVED = {"Ctrl+N", "Ctrl+T", "Ctrl+W", "Ctrl+Shift+N", "Ctrl+Shift+T", "Ctrl+Shift+W", "Ctrl+Tab", "Ctrl+PageUp"}


def table() -> str:
    """The keys as a table in Markdown."""
    lines = ["| key here | in Phy | what it does |", "|---|---|---|"]
    for one in SHORTCUTS:
        keys = ", ".join(f"`{key}`" for key in one.keys)
        in_phy = {"": "the same", "none": "–"}.get(one.phy, f"`{one.phy}`")
        lines.append(f"| {keys} | {in_phy} | {one.text} |")
    return "\n".join(lines) + "\n"


def test_a_key_does_one_thing() -> None:
    keys = [key for one in SHORTCUTS for key in one.keys]
    assert len(keys) == len(set(keys))
    assert len({one.command for one in SHORTCUTS}) == len(SHORTCUTS)


def test_no_key_is_one_that_browsers_keep() -> None:
    assert not RESERVED & {key for one in SHORTCUTS for key in one.keys}


@pytest.mark.parametrize("command", [one.command for one in SHORTCUTS])
def test_the_page_knows_every_command(command: str) -> None:
    text = PAGE_FILES["commands.js"].content.decode()
    block = text[text.index("export const COMMANDS") :]
    assert re.search(rf"^  {command}[:,]", block, re.MULTILINE)


def test_modifiers_are_named_in_the_order_of_keys_js() -> None:
    for one in SHORTCUTS:
        for key in one.keys:
            held = [word for word in key.split("+")[:-1] if word]
            assert held == [word for word in ("Ctrl", "Alt", "Shift") if word in held], key


def test_the_docs_have_this_table() -> None:
    found = BETWEEN.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    assert found[0] == table(), "run PYTHONPATH=tests python tests/app/test_keys.py"


if __name__ == "__main__":
    PAGE.write_text(BETWEEN.sub(lambda _: table(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
