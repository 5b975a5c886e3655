"""The examples of the pages run: Python from top to bottom, and every command line is one that the program accepts."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import typer
from docs_pages import commands, examples
from house_code import TREES, part
from paths import DOCS, ROOT
from test_house import MAY_IMPORT

from spikesieve.cli.app import app
from spikesieve.io.probes.files import write_probe_json
from spikesieve.io.probes.read import read_probe
from spikesieve.simulation import SimulationParams, simulate_array

PAGES = {page.name: page for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]}
RUN = ["README.md", "architecture.md", "input.md", "output.md", "settings.md"]
COMMANDS = [(name, words) for name, page in PAGES.items() for words in commands(page)]


@pytest.fixture(scope="module")
def recorded() -> np.ndarray:
    """What the examples call run.bin: 64 channels, 30 kHz."""
    params = SimulationParams(n_units=12, seconds=4.0, seed=1, rate_hz=20.0, amplitude_uv=200.0)
    return simulate_array(read_probe("neuropixels1:64"), params)[0]


@pytest.fixture
def folder(tmp_path: Path, recorded: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the examples name."""
    monkeypatch.chdir(tmp_path)
    recorded.tofile("run.bin")
    recorded[:60_000].tofile("a.bin")
    recorded[60_000:].tofile("b.bin")
    write_probe_json(tmp_path / "probe.json", read_probe("neuropixels1:64"))
    Path("my.toml").write_text("Th_universal = 8\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", RUN)
def test_the_python_of_a_page_runs(name, folder):
    found = examples(PAGES[name])
    assert found
    names: dict[str, object] = {"__name__": "__main__"}
    for block in found:
        # Errors name the line of the page.
        exec(compile("\n" * block.line + block.text, str(PAGES[name]), "exec"), names)  # noqa: S102
    sorting = names.get("sorting")
    assert sorting is None or len(sorting.units) > 0


def test_commands_are_found():
    assert {words[0] for _, words in COMMANDS} >= {"sort", "demo", "compare", "simulate", "report"}


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=lambda value: value if isinstance(value, str) else value[0])
def test_a_command_line_is_accepted(name, words):
    words = words[: words.index(">")] if ">" in words else words
    command = typer.main.get_command(app).commands[words[0]]
    with command.make_context(words[0], words[1:]) as context:
        assert context.command is command


def drawn() -> object:
    """The module that makes the drawing."""
    spec = importlib.util.spec_from_file_location("drawing", DOCS / "figures" / "architecture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_drawing_is_that_of_its_script():
    text = (DOCS / "figures" / "architecture.svg").read_text(encoding="utf-8")
    assert text == drawn().drawing(), "run: python docs/figures/architecture.py"


def test_the_drawing_shows_the_steps_of_the_method():
    steps = [name.replace("-\n", "").replace("\n", " ") for name in drawn().STEPS]
    page = (ROOT / "src" / "spikesieve" / "methods" / "sieve.py").read_text(encoding="utf-8")
    named = re.findall(r'run\.step\(\s*"([^"]+)"', page)
    at = named.index("spikes at rest")
    # find_drift, called between the two, has these.
    assert steps == [*named[:at], "detect", "motion", *named[at:]]


def test_the_table_of_folders_is_in_the_order_of_imports():
    text = PAGES["architecture.md"].read_text(encoding="utf-8").partition("## Folders")[2].partition("\n## ")[0]
    rows = [
        re.findall(r"`(\w+)(?:/|\.py)`", line.split("|")[1]) for line in text.splitlines() if line.startswith("| `")
    ]
    order = [name for row in rows for name in row]
    assert set(order) == {part(module) for module in TREES} - {"__init__", "__main__"}
    # Sorting.save imports the door when it is called.
    wrong = {
        (name, below)
        for name in order
        for below in MAY_IMPORT[name] - {name}
        if order.index(below) > order.index(name) and (name, below) != ("model", "api")
    }
    assert wrong == set()
