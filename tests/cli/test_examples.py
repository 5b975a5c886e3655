"""Every setting that the README, the docs and the help texts show is one that the command accepts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import typer
from paths import PAGES, page_name

from spikesieve.api.simulate import preset_settings
from spikesieve.cli.app import app
from spikesieve.errors import SettingsError
from spikesieve.settings import Settings

PLACEHOLDERS = {"NAME=VALUE", "name=value", "stage.name=value", "method=NAME", "motion.mode=..."}
SHOWN = re.compile(r"--set[ =]([\w.]+=[^\s`\])|]+)")
IN_HELP = re.compile(r"such as ([\w.]+=[\w.]*\w)")


class Example(NamedTuple):
    """Settings shown together, and what they are for: a method, or "simulate"."""

    where: str
    overrides: tuple[str, ...]
    purpose: str


def passages(text: str) -> Iterator[str]:
    """Paragraphs, and the rows of tables one by one."""
    for paragraph in text.split("\n\n"):
        yield from paragraph.splitlines() if paragraph.lstrip().startswith("|") else [paragraph]


def purpose_of(page: str, passage: str) -> str:
    if page == "simulation" or "spikesieve simulate" in passage:
        return "simulate"
    spoken_of = re.search(r"kilosort[24]", page + passage.replace("motion.estimator=kilosort", ""))
    return spoken_of[0] if spoken_of else "sieve"


def examples_of_pages() -> Iterator[Example]:
    for page in PAGES:
        for passage in passages(page.read_text(encoding="utf-8")):
            overrides = tuple(dict.fromkeys(text for text in SHOWN.findall(passage) if text not in PLACEHOLDERS))
            if overrides:
                yield Example(page_name(page), overrides, purpose_of(page.stem, passage))


def examples_of_help() -> Iterator[Example]:
    for name, command in typer.main.get_command(app).commands.items():
        for parameter in command.params:
            if "--set" in parameter.opts:
                purpose = "simulate" if name == "simulate" else "sieve"
                yield Example(f"{name} --help", tuple(IN_HELP.findall(parameter.help)), purpose)


EXAMPLES = [*examples_of_pages(), *examples_of_help()]


def test_examples_are_found():
    pages = {"README.md", "cli.md", "settings.md", "kilosort4.md", "simulation.md"}
    assert {example.where for example in EXAMPLES} >= pages | {"sort --help", "simulate --help"}
    assert all(example.overrides for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.where}: {' '.join(example.overrides)}")
def test_an_example_is_accepted(example):
    if example.purpose == "simulate":
        preset_settings("linear-32", overrides=example.overrides)
    else:
        Settings(method=example.purpose).with_overrides(example.overrides).require_used()


def test_the_sentence_for_a_setting_without_a_value_shows_one_that_is_accepted():
    with pytest.raises(SettingsError) as error:
        Settings().with_overrides(["detect.threshold"])
    Settings().with_overrides(IN_HELP.findall(str(error.value))).require_used()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_in_python_and_toml_are_accepted(page, tmp_path):
    text = page.read_text(encoding="utf-8")
    for overrides in re.findall(r"with_overrides\((\[.*?\])\)", text):
        Settings().with_overrides(ast.literal_eval(overrides)).require_used()
    for sorter, options in re.findall(r"Settings\.from_(kilosort[24])\((\{.*?\})\)", text):
        getattr(Settings, f"from_{sorter}")(ast.literal_eval(options)).require_used()
    if page.stem == "settings":
        blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
        assert blocks
        for block in blocks:
            (tmp_path / "settings.toml").write_text(block)
            Settings.from_toml(tmp_path / "settings.toml").require_used()
