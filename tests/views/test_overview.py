"""The overview on its way to the screen, and the quick one of a recording of which nothing is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from small_files import HZ, noise, with_spikes
from tiny import BACKEND, line_probe

from spikesieve import recording_from_array
from spikesieve.api.traces import unfitted_source
from spikesieve.io.results.for_the_page import OVERVIEW, read_overview, write_overview
from spikesieve.model import Motion
from spikesieve.settings.sort import Settings
from spikesieve.views.overview import STEPS_PER_UV, shown_overview
from spikesieve.views.sampled_overview import sampled_overview
from spikesieve.views.traces import display_order

N = 6


def made() -> np.ndarray:
    """Contact 4 is loud in the second half, and contact 1 has spikes in the first."""
    traces = noise(8.0, N)
    traces[4 * HZ :, 4] *= 3
    return with_spikes(traces, np.arange(700, 4 * HZ - 700, 150), 1, 300.0)


def test_a_loud_contact_and_spikes_are_where_they_are() -> None:
    probe = line_probe(N)
    source = unfitted_source(recording_from_array(made().astype(np.int16), HZ), probe, Settings())
    overview = sampled_overview(source, BACKEND)
    order = display_order(probe, "depth")
    arrays, facts = shown_overview(overview, order, None)
    rms_uv = arrays["rms"] / STEPS_PER_UV
    half = rms_uv.shape[1] // 2
    loud = int(np.flatnonzero(order == 4)[0])
    usual = np.median(rms_uv[loud, :half])
    assert 2.5 < np.median(rms_uv[loud, half:]) / usual < 3.5
    first, second = arrays["spikes"][:, :half].sum(axis=1), arrays["spikes"][:, half:].sum(axis=1)
    assert first.max() > 5 * second.max()  # louder noise makes some
    low_um, high_um = facts["bands"][0][1:]
    depth_um = high_um - (first.argmax() + 0.5) * (high_um - low_um) / len(first)
    assert abs(depth_um - 20.0) < 10
    assert facts["span_s"] == [0.0, 8.0]


def test_many_bins_become_as_many_columns_as_there_is_room_for() -> None:
    probe = line_probe(N)
    source = unfitted_source(recording_from_array(made().astype(np.int16), HZ), probe, Settings())
    overview = sampled_overview(source, BACKEND)
    um = np.arange(700, dtype=np.float32)[None, :, None]
    motion = Motion(np.arange(700.0), np.array([50.0]), np.array([0]), um, um * 0, ("use",), ("measured",))
    arrays, _ = shown_overview(overview, display_order(probe, "channel"), motion)
    assert arrays["um"].shape[1] == len(arrays["time_s"]) == 600
    assert arrays["spikes"].sum() == overview.n_spikes.sum()


def test_what_is_damaged_is_not_shown(tmp_path: Path) -> None:
    source = unfitted_source(recording_from_array(made().astype(np.int16), HZ), line_probe(N), Settings())
    overview = sampled_overview(source, BACKEND)
    write_overview(tmp_path, overview)
    again = read_overview(tmp_path)
    assert again is not None
    np.testing.assert_array_equal(again.rms_uv, overview.rms_uv)
    assert again.bin_s == overview.bin_s
    (tmp_path / OVERVIEW).write_bytes((tmp_path / OVERVIEW).read_bytes()[:-200])
    assert read_overview(tmp_path) is None
    assert read_overview(tmp_path / "nowhere") is None
