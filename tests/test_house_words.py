"""Plain words: what src/ and docs/ must not say."""

from __future__ import annotations

import re

import pytest
from house_code import MODULES, faults_by_room
from house_exceptions import UNFINISHED_WORDS
from paths import PAGES, page_name

BANNED = (
    "so many",
    "so much",
    "as few as",
    "the least that counts",
    "as it may",
    "next to nothing",
    "to be had",
    "of them all",
    "by and by",
    "nobody",
    "hardly",
    "unsaid",
    "stretch",
    "stretches",
)
PATTERN = re.compile(rf"(?<![a-z])(?:{'|'.join(BANNED).replace(' ', chr(92) + 's+')})(?![a-z])", re.IGNORECASE)
# The tables of parameters are written from src/, where their words are looked at.
TABLE = re.compile(r"<!-- \w+: written by .*?<!-- end -->", re.DOTALL)


def banned_in(text: str) -> list[str]:
    return [f"line {text[: found.start()].count(chr(10)) + 1}: {found[0]}" for found in PATTERN.finditer(text)]


def without_tables(text: str) -> str:
    return TABLE.sub(lambda table: "\n" * table[0].count("\n"), text)


def test_no_banned_word_stands_in_a_finished_room():
    pages = {f"docs/{page_name(page)}": page for page in PAGES}
    faults = {module: banned_in(path.read_text(encoding="utf-8")) for module, path in MODULES.items()}
    faults |= {name: banned_in(without_tables(path.read_text(encoding="utf-8"))) for name, path in pages.items()}
    wrong, finished = faults_by_room(faults, UNFINISHED_WORDS)
    assert wrong == {}
    assert finished == set(), "take these out of UNFINISHED_WORDS"


@pytest.mark.parametrize("text", ["So  many", "it tells\nnobody", "to\nbe had", "_stretches(run)", "STRETCH"])
def test_a_banned_word_is_found(text):
    assert len(banned_in(text)) == 1


@pytest.mark.parametrize(
    "text", ["stretched", "also many", "at least", "<!-- A: written by x -->\nnobody\n<!-- end -->"]
)
def test_other_words_are_not_found(text):
    assert banned_in(without_tables(text)) == []
