"""The form of the settings has all of them, and what it writes is what the command line reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikesieve.settings.form import changed, changed_toml, checked, settings_form, written
from spikesieve.settings.sort import Settings, fields_by_path

OTHER = {
    "method": "kilosort4",
    "detect.threshold": 7.5,
    "input.bad_channels": [3, "AP5"],
    "input.invert_sign": True,
    "preprocess.bad_contacts": "keep",
    "engine.block_samples": 30_000,
}


def test_every_setting_is_in_the_form_once() -> None:
    paths = [field["path"] for group in settings_form() for field in group["fields"]]
    assert paths == list(fields_by_path())


def test_kinds_bounds_units_and_methods() -> None:
    form = {field["path"]: field for group in settings_form() for field in group["fields"]}
    assert form["method"]["choices"] == ["sieve", "kilosort4", "kilosort2"]
    assert form["input.bad_channels"]["kind"] == "list"
    assert form["input.invert_sign"]["kind"] == "switch"
    threshold = form["detect.threshold"]
    assert (threshold["kind"], threshold["is_optional"], threshold["low"], threshold["high"]) == (
        "number",
        True,
        2,
        100,
    )
    assert threshold["when"].startswith("lower it to find smaller spikes")
    assert threshold["kilosort4"] == "Th_universal"
    assert form["match.threshold"]["methods"] == ["kilosort4"]
    assert form["engine.block_samples"]["unit"] == "samples"


def test_what_was_changed_is_written_and_read_back(tmp_path: Path) -> None:
    settings, wrong = checked(OTHER)
    assert not wrong
    assert set(changed(settings)) == set(OTHER)
    (tmp_path / "settings.toml").write_text(changed_toml(settings))
    assert Settings.from_toml(tmp_path / "settings.toml") == settings
    assert (
        Settings().with_overrides([f"{name}={written(value)}" for name, value in changed(settings).items()]) == settings
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("detect.threshold", 1.0), ("detect.treshold", 8), ("engine.block_samples", 1.5), ("method", "x"), ("shapes", 1)],
)
def test_a_wrong_value_leaves_the_others(name: str, value: object) -> None:
    settings, wrong = checked({**OTHER, name: value})
    assert list(wrong) == [name]
    assert settings.input.bad_channels == (3, "AP5")


def test_nothing_changed_is_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(changed_toml(Settings()))
    assert Settings.from_toml(tmp_path / "settings.toml") == Settings()
