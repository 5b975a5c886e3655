"""What is shown of a recording before it is sorted: traces, spikes, and what is odd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_files import HZ, noise, write_raw
from sorting_page import N_CHANNELS, READING, lab, raw_of

from spikesieve.api.sorting_page.verbs import Desk
from spikesieve.errors import InputError, SettingsError
from spikesieve.io.roots import Roots

KINDS = ("raw", "highpassed", "referenced", "whitened")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab(tmp_path_factory.mktemp("data"), 2.0)


@pytest.fixture(scope="module")
def verbs(root: Path) -> dict[str, Any]:
    return Desk(Roots([root]), root.parent / "state").looking()


def asked(root: Path, name: str = "day.bin", reading: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"recording": {"paths": [str(root / name)], **(reading or READING)}, **more}


def decoded(content: bytes) -> tuple[np.ndarray, dict[str, Any]]:
    length = int(np.frombuffer(content, "<u4", 2)[1])
    said = json.loads(content[8 : 8 + length])
    (array,) = said["arrays"]
    values = np.frombuffer(content, np.int16, int(np.prod(array["shape"])), 8 + length).reshape(array["shape"])
    return values * said["facts"]["scale"], said["facts"]


@pytest.mark.parametrize("kind", KINDS)
def test_traces_of_every_kind(verbs: dict[str, Any], root: Path, kind: str) -> None:
    span = {"start_s": 0.5, "seconds": 0.1, "n_columns": 10_000}
    values, facts = decoded(verbs["traces"](asked(root, kind=kind, **span)))
    assert values.shape == (N_CHANNELS, 3000)
    assert (facts["start"], facts["channels"]) == (15_000, [3, 2, 1, 0])
    assert facts["unit"] == ("SD" if kind == "whitened" else "µV")
    if kind == "raw":
        raw = raw_of(root)[15_000:18_000, [3, 2, 1, 0]].T
        assert np.abs(values - raw).max() <= facts["scale"]
    if kind == "whitened":
        assert 0.5 < np.median(np.abs(values)) / 0.6745 < 1.5


def test_a_spike_is_in_a_column_of_many_samples(verbs: dict[str, Any], root: Path) -> None:
    values, facts = decoded(verbs["traces"](asked(root, kind="raw", seconds=1.0, n_columns=100, order="channel")))
    assert values.shape == (N_CHANNELS, 117, 2)
    assert facts["n_samples"] == 117 * 256
    assert abs(values.min() - raw_of(root)[: 117 * 256].min()) <= facts["scale"]


def test_what_would_be_detected_follows_the_settings(verbs: dict[str, Any], root: Path) -> None:
    span = {"start_s": 0.2, "seconds": 1.0}
    found = verbs["spikes"](asked(root, **span))
    at = np.flatnonzero(raw_of(root)[6000:36_000, 1] < -120) + 6000
    true = at[np.diff(at, prepend=-100) > 30]
    sample, channel = np.array(found["sample"]), np.array(found["channel"])
    near = np.abs(sample[:, None] - true[None]).min(axis=0) < 15
    assert near.mean() > 0.9
    assert np.bincount(channel, minlength=N_CHANNELS).argmax() == 1
    fewer = verbs["spikes"](asked(root, settings={"detect.threshold": 60.0}, **span))
    assert len(fewer["sample"]) < len(sample)
    assert "noise SD" in fewer["says"]
    assert not verbs["spikes"](asked(root, settings={"method": "kilosort2"}, **span))["sample"]
    with pytest.raises(SettingsError):
        verbs["spikes"](asked(root, settings={"detect.threshold": 1.0}, **span))


def test_spikes_come_at_once_with_the_last_threshold_and_then_with_their_own(verbs: dict[str, Any], root: Path) -> None:
    span = {"start_s": 0.0, "seconds": 1.0}
    before = verbs["spikes"](asked(root, **span, at_once=True))
    assert before["is_final"]  # nothing was measured before: there is no other threshold
    others = asked(root, settings={"detect.min_template_size_um": 60.0}, **span)
    at_once = verbs["spikes"]({**others, "at_once": True})
    assert not at_once["is_final"]
    assert at_once["says"].startswith(before["says"])
    own = verbs["spikes"](others)
    assert own["is_final"]
    assert "measured" not in own["says"]
    assert verbs["spikes"]({**others, "at_once": True}) == own


def test_nothing_beyond_the_end(verbs: dict[str, Any], root: Path) -> None:
    with pytest.raises(InputError, match="ends at 2 s"):
        verbs["traces"](asked(root, start_s=2.0))


def smooth(seconds: float, n_channels: int) -> np.ndarray:
    """Noise that neighbours share."""
    own = noise(seconds, n_channels + 4)
    return np.stack([own[:, k : k + 5].sum(axis=1) for k in range(n_channels)], axis=1)


def test_hum_dead_contacts_and_a_wrong_order_are_told(verbs: dict[str, Any], root: Path) -> None:
    n = 32
    traces = smooth(2.0, n)
    traces[:, 7] = 0
    write_raw(root, traces.astype(np.int16), "right.bin")
    hum = 300 * np.sin(2 * np.pi * 50 * np.arange(len(traces)) / HZ)[:, None]
    order = np.random.default_rng(2).permutation(n)
    wrong_traces = (traces[:, order] + hum).astype(np.int16)
    wrong_traces[20_000:23_000, 9] = 32_767
    write_raw(root, wrong_traces, "wrong.bin")
    reading = {"n_channels": n, "sampling_hz": HZ, "gain_uv": 1, "probe": f"linear:{n}:25"}
    right = " ".join(verbs["checks"](asked(root, "right.bin", reading))["sentences"])
    wrong = " ".join(verbs["checks"](asked(root, "wrong.bin", reading))["sentences"])
    assert "dead" in right
    assert "order of the channels" not in right
    assert "hum" not in right
    assert "limit" not in right
    assert "At the limit of the converter are 1 of 32 contacts, up to 5" in wrong
    assert "order of the channels seems wrong" in wrong
    assert "at 50 Hz" in wrong
