"""The examples of README, docs, help and messages: Python runs, commands run on tiny stand-ins, settings are used."""

from __future__ import annotations

import importlib.util
import re
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import typer
from docs_pages import blocks, commands, examples, settings_set, spans
from house_code import MODULES, TREES, part
from needed import needed_module
from paths import DOCS, ROOT, page_name
from paths import PAGES as ALL_PAGES
from stand_ins import write_corrected_run, write_recording, write_sortings
from test_house import MAY_IMPORT
from typer.testing import CliRunner

from spikesieve import Settings
from spikesieve.api.simulate import SimulationSettings, preset_settings
from spikesieve.cli.app import app
from spikesieve.cli.options import interval_s
from spikesieve.errors import SettingsError
from spikesieve.io.probes.files import write_probe_json
from spikesieve.io.probes.read import read_probe
from spikesieve.settings.compare import read_options
from spikesieve.simulation import SimulationParams, simulate_array

PAGES = {page_name(page): page for page in ALL_PAGES}
RUN = [name for name, page in PAGES.items() if examples(page)]
COMMANDS = [(name, words) for name, page in PAGES.items() for words in commands(page)]
CLI = typer.main.get_command(app).commands
OPTIONS = {
    option
    for command in CLI.values()
    for parameter in command.params
    for option in (*parameter.opts, *parameter.secondary_opts)
}
METHODS = ("sieve", "kilosort4", "kilosort2")
BATCH = ("batch.order.estimates", "batch.order.run_order", "batch.order.write_scripts")


@pytest.fixture(scope="module")
def recorded() -> np.ndarray:
    """What the examples call run.bin: 64 channels, 30 kHz."""
    params = SimulationParams(n_units=12, seconds=4.0, seed=1, rate_hz=20.0, amplitude_uv=200.0)
    return simulate_array(read_probe("neuropixels1:64"), params)[0]


@pytest.fixture
def folder(tmp_path: Path, recorded: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the examples name. What they simulate becomes small."""
    monkeypatch.chdir(tmp_path)
    recorded.tofile("run.bin")
    recorded[:60_000].tofile("a.bin")
    recorded[60_000:].tofile("b.bin")
    write_probe_json(tmp_path / "probe.json", read_probe("neuropixels1:64"))
    Path("stimuli.csv").write_text("0.5\n", encoding="utf-8")
    Path("my.toml").write_text("Th_universal = 8\n", encoding="utf-8")
    (toml,) = [block.text for block in blocks(DOCS / "compare.md") if block.language == "toml"]
    Path("compare.toml").write_text(toml, encoding="utf-8")

    def small(*given: object) -> SimulationSettings:
        few = {"probe": "neuropixels1:8", "n_shanks": 1, "seconds": 0.5, "n_units": 2}
        return preset_settings(*given).model_copy(update=few)

    monkeypatch.setattr("spikesieve.api.simulate.preset_settings", small)
    return tmp_path


@pytest.mark.parametrize("name", RUN)
def test_the_python_of_a_page_runs(name, folder):
    names: dict[str, object] = {"__name__": "__main__"}
    if name in ("compare.md", "report.md"):
        write_sortings(folder)
    if name == "export.md":
        write_corrected_run(folder / "result")
    for block in examples(PAGES[name]):
        # Errors name the line of the page.
        exec(compile("\n" * block.line + block.text, str(PAGES[name]), "exec"), names)  # noqa: S102
    sorting = names.get("sorting")
    assert sorting is None or len(sorting.units) > 0


def test_examples_are_found():
    assert {"README.md", "compare.md", "report.md", "simulation.md"} <= set(RUN)
    assert {words[0] for _, words in COMMANDS} >= {
        "sort",
        "demo",
        "compare",
        "curate",
        "export",
        "simulate",
        "split",
        "report",
    }


class ReachedError(Exception):
    """The work of a command began: its files, options and settings fit together."""


def reached(*_given: object, **_named: object) -> None:
    raise ReachedError


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=lambda value: value if isinstance(value, str) else value[0])
def test_a_command_runs(name, words, folder, monkeypatch):
    words = words[: words.index(">")] if ">" in words else words
    for work in ("api.sort_files.run_method", "api.demo.run_demo", *BATCH):
        monkeypatch.setattr(f"spikesieve.{work}", reached)
    monkeypatch.setattr("spikesieve.cli.sort._executor", lambda cluster, job: nullcontext())  # no cluster is there
    command = CLI[words[0]]
    if words[0] in ("compare", "report"):
        write_sortings(folder)
        monkeypatch.setenv("SPIKESIEVE_COMPARE_MOST_PAIRS", "0")
    if words[0] in ("curate", "split", "export"):
        write_corrected_run(folder / "result")
    if "--nwb" in words:
        needed_module("pynwb", "packages")
        (yaml,) = [block.text for block in blocks(DOCS / "export.md") if block.language == "yaml"]
        (folder / "session.yaml").write_text(yaml, encoding="utf-8")
    with command.make_context(words[0], list(words[1:])) as context:
        for file in context.params.get("files") or context.params.get("paths") or ():
            write_recording(file, context.params["channels"])
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, ReachedError) or done.exit_code == 0, done.output
    assert isinstance(done.exception, ReachedError) == (words[0] in ("sort", "demo", "batch"))


# ---- settings that are named


def require_useful(pairs: list[str], methods: tuple[str, ...]) -> None:
    """Raise what a sort with one of the methods would raise; nothing if one takes all settings."""
    errors = []
    for method in methods:
        try:
            Settings().with_overrides([f"method={method}", *pairs]).require_used()
        except SettingsError as error:
            errors.append(error)
    if len(errors) == len(methods):
        raise errors[0]


def methods_of(name: str, text: str) -> tuple[str, ...]:
    """The methods that a paragraph of a page is about: those that it or the page names, else the default one."""
    return tuple(method for method in METHODS if method in f"{name} {text}".lower()) or METHODS[:1]


SPANS = [(name, span, text) for name, page in PAGES.items() for span, text in spans(page) if settings_set(span)]
SOURCES = {module: MODULES[module].read_text(encoding="utf-8") for module in MODULES}


@pytest.mark.parametrize(("name", "span", "text"), SPANS)
def test_settings_on_a_page_are_used_by_the_method(name, span, text):
    pairs = settings_set(span)
    if name == "simulation.md":
        preset_settings("linear-32", overrides=pairs)
    else:
        require_useful(pairs, methods_of(name, text))


def test_settings_in_toml_on_the_page_are_used(tmp_path):
    found = [block.text for block in blocks(DOCS / "settings.md") if block.language == "toml"]
    assert found
    for text in found:
        (tmp_path / "my.toml").write_text(text, encoding="utf-8")
        Settings.from_toml(tmp_path / "my.toml").require_used()
    (options,) = [block.text for block in blocks(DOCS / "compare.md") if block.language == "toml"]
    (tmp_path / "compare.toml").write_text(options, encoding="utf-8")
    assert read_options({}, tmp_path / "compare.toml").out == "both"


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_settings_in_docstrings_and_messages_are_used(module):
    """Such as {"detect.threshold": 8}, {"detect": {"threshold": 8}} and --set detect.threshold=8."""
    text = SOURCES[module]
    named = re.findall(r'\{"(\w+\.\w+)": ([\w.]+)\}', text)
    nested = re.findall(r'(?<!", )\{"(\w+)": \{"(\w+)": ([\w.]+)\}\}', text)
    pairs = [f"{key}={value}" for key, value in named] + [f"{a}.{b}={value}" for a, b, value in nested]
    if "simulat" not in module:
        pairs += settings_set(text)
    for pair in pairs:
        require_useful([pair], METHODS if "Th_" in pair else METHODS[:1])


# ---- help


def helps(name: str) -> list[str]:
    command = CLI[name]
    return [command.help or "", *(getattr(parameter, "help", None) or "" for parameter in command.params)]


@pytest.mark.parametrize("name", sorted(CLI))
def test_what_help_gives_as_an_example_is_accepted(name):
    text = " ".join(helps(name))
    pairs = [pair for pair in re.findall(r"\b[a-z_][\w.]*=[\w.]*\w", text) if pair.rpartition("=")[2] != "NAME"]
    if name == "simulate":
        preset_settings("linear-32", overrides=pairs)
    elif pairs:
        require_useful(pairs, METHODS[:1])
    for method in re.findall(r"sieve, (\w+) or (\w+)", text):
        assert set(method) < set(METHODS)
    for probe in re.findall(r"\b(?:neuropixels\d|tetrode|linear|grid):[\w:]+", text):
        assert read_probe(probe).n_contacts > 0
    for preset in re.findall(r"such as ([\w-]+:[a-z-]+)\.", text) if name == "simulate" else ():
        assert preset_settings(preset).seconds > 0
    for interval in re.findall(r"such as (\d+:\d+)", text):
        assert interval_s(interval)


def test_options_that_help_messages_and_pages_name_exist():
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("*.py"))
    texts = {name: " ".join(helps(name)) for name in CLI}
    texts |= {name: " ".join(span for span, _ in spans(page)) for name, page in PAGES.items()}
    texts |= {module: text for module, text in SOURCES.items() if part(module) in ("api", "io", "settings", "stages")}
    named = {
        (name, option) for name, text in texts.items() for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text)
    }
    assert len(named) > 50
    # The last ones are of pip, of Dask and of sbatch.
    of_others = {"--help", "--version", "--upgrade", "--nthreads", "--memory-limit", "--cpus-per-task", "--gres"}
    unknown = {(name, option) for name, option in named if option not in OPTIONS | of_others}
    assert {(name, option) for name, option in unknown if f'"{option}"' not in scripts} == set()


def test_a_setting_that_the_method_refuses_is_found():
    with pytest.raises(SettingsError, match=r"match\.threshold"):
        require_useful(["match.threshold=7.5"], METHODS[:1])
    require_useful(["match.threshold=7.5"], METHODS)


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
