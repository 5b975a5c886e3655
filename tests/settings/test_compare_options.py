"""Options of a comparison: three places to give them, one order, and a sentence for what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spikesieve.errors import SettingsError
from spikesieve.settings.compare import CompareOptions, read_options


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the options is in the environment to begin with."""
    for name in os.environ:
        if name.upper().startswith("SPIKESIEVE_COMPARE_"):
            monkeypatch.delenv(name)


def toml(folder: Path, text: str) -> Path:
    path = folder / "compare.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_arguments_win_over_the_environment_that_wins_over_the_file(tmp_path, monkeypatch):
    file = toml(tmp_path, 'a = "file"\nb = "file"\ntruth = "file"\n[compare]\nmatch_ms = 0.5\n')
    monkeypatch.setenv("SPIKESIEVE_COMPARE_B", "environment")
    monkeypatch.setenv("SPIKESIEVE_COMPARE_TRUTH", "environment")
    found = read_options({"truth": "argument", "out": None}, file)
    assert (found.a, found.b, found.truth, found.match_ms) == ("file", "environment", "argument", 0.5)
    assert type(found) is CompareOptions


def test_the_table_wins_over_the_top_of_the_file(tmp_path):
    assert read_options({}, toml(tmp_path, "match_ms = 0.3\n[compare]\nmatch_ms = 0.5\n")).match_ms == 0.5


def test_the_environment_can_name_the_file_and_an_argument_wins_over_that(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKESIEVE_COMPARE_CONFIG", str(toml(tmp_path, "most_pairs = 3\n")))
    assert read_options({}).most_pairs == 3
    (tmp_path / "other.toml").write_text("most_pairs = 4\n", encoding="utf-8")
    assert read_options({}, tmp_path / "other.toml").most_pairs == 4


def test_texts_of_the_environment_become_numbers(monkeypatch):
    monkeypatch.setenv("SPIKESIEVE_COMPARE_SAMPLING_HZ", "25000")
    monkeypatch.setenv("SPIKESIEVE_COMPARE_ORACLE", "false")
    found = read_options({})
    assert (found.sampling_hz, found.oracle) == (25_000.0, False)


def test_an_empty_variable_is_as_good_as_none(monkeypatch):
    monkeypatch.setenv("SPIKESIEVE_COMPARE_MATCH_MS", "")
    monkeypatch.setenv("SPIKESIEVE_COMPARE_NONSENSE", "")
    assert read_options({}) == CompareOptions()


def test_options_made_in_python_do_not_look_into_the_environment(monkeypatch):
    monkeypatch.setenv("SPIKESIEVE_COMPARE_MATCH_MS", "1.0")
    assert CompareOptions().match_ms == 0.4


@pytest.mark.parametrize(
    ("arguments", "environment", "file", "sentence"),
    [
        ({}, {"TRUHT": "x"}, "", "The environment has the unknown option 'truht' for compare. Did you mean truth?"),
        ({"qqqqqq": "x"}, {}, "", "The arguments have the unknown option 'qqqqqq' for compare. Known: a, b, truth,"),
        ({}, {}, "truht = 1", "compare.toml has the unknown option 'truht' for compare. Did you mean truth?"),
        ({}, {}, "[compare]\nconfig = 'x'", "the unknown option 'config' for compare."),
        ({"match_ms": -1.0}, {}, "", "match_ms = -1.0 is not allowed: Input should be greater than 0."),
        ({}, {"MATCH_MS": "long"}, "", "match_ms = 'long' is not allowed: Input should be a valid number"),
        ({}, {}, "match_ms = 11", "match_ms = 11 is not allowed: Input should be less than or equal to 10."),
        ({}, {}, "compare = 3", "is 3, not a table. Write [compare] and the fields below it."),
        ({}, {}, "a = ", "compare.toml cannot be read as TOML: "),
    ],
)
def test_wrong_options_get_a_sentence(tmp_path, monkeypatch, arguments, environment, file, sentence):
    for name, value in environment.items():
        monkeypatch.setenv(f"SPIKESIEVE_COMPARE_{name}", value)
    with pytest.raises(SettingsError) as error:
        read_options(arguments, toml(tmp_path, file))
    assert sentence in str(error.value)


def test_a_file_that_does_not_exist_gets_a_sentence(tmp_path):
    with pytest.raises(SettingsError, match=r"gone\.toml cannot be read as TOML"):
        read_options({}, tmp_path / "gone.toml")
