"""Spikes are located where their source is, between contacts as well as at them, or said not to be."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import tiny

from spikesieve import kernels
from spikesieve.geometry import distances_um, nearest
from spikesieve.model import Probe
from spikesieve.stages import localize
from spikesieve.stages.localize import HEIGHT_UM, WEIGHTS


def staggered(n_rows: int = 40) -> Probe:
    """Two contacts a row, rows 20 um apart, every other row moved aside by 16 um."""
    row = np.repeat(np.arange(n_rows), 2)
    x = np.tile([0.0, 32.0], n_rows) + 16.0 * (row % 2)
    return Probe(np.stack([x, 20.0 * row], axis=1), np.arange(2 * n_rows), np.zeros(2 * n_rows, np.int64))


def grid(n: int = 12, pitch_um: float = 25.0) -> Probe:
    xy = np.stack(np.meshgrid(np.arange(n) * pitch_um, np.arange(n) * pitch_um), axis=-1).reshape(-1, 2)
    return Probe(xy, np.arange(n * n), np.zeros(n * n, np.int64))


PROBES = {"staggered": staggered(), "line": tiny.line_probe(32, 20.0), "grid": grid()}


def monopoles(probe: Probe, n: int, noise: float, seed: int = 0, height_um=(15.0, 40.0)):
    """n sources of a field 1 / d at all depths: amplitudes, contacts (the 20 nearest to the largest one), places."""
    rng = np.random.default_rng(seed)
    xy = probe.positions_um
    low, high = xy.min(axis=0), xy.max(axis=0)
    x, y = rng.uniform(low[0] - 5, high[0] + 5, n), rng.uniform(low[1] + 90, high[1] - 90, n)
    z = rng.uniform(*height_um, n)
    field = 1 / np.sqrt((x[:, None] - xy[:, 0]) ** 2 + (y[:, None] - xy[:, 1]) ** 2 + z[:, None] ** 2)
    field = 100 * field / field.max(axis=1, keepdims=True) + noise * rng.standard_normal(field.shape)
    contacts = nearest(distances_um(xy, probe.shanks, xy, probe.shanks), 20)[field.argmax(axis=1)]
    return np.take_along_axis(field, contacts, axis=1).astype(np.float32), contacts, np.stack([x, y, z], axis=1)


# triangulate


def both(amplitude, contacts, positions_um):
    out = np.zeros((2, len(contacts), 4))
    for home, found in zip((kernels, reference), out, strict=True):
        home.triangulate(amplitude, contacts, positions_um, HEIGHT_UM, WEIGHTS, found)
    return out


@pytest.mark.parametrize("name", PROBES)
@pytest.mark.parametrize("noise", [0.0, 8.0])
def test_triangulation_agrees_with_its_judge(name, noise):
    amplitude, contacts, _ = monopoles(PROBES[name], 60, noise)
    contacts[::3, 12:] = -1
    kernel, judge = both(amplitude, contacts, PROBES[name].positions_um)
    np.testing.assert_allclose(kernel[:, 3], judge[:, 3], atol=1e-4)
    assert np.median(np.abs(kernel[:, :3] - judge[:, :3])) < 0.01
    assert np.abs(kernel[:, 1] - judge[:, 1]).max() < 0.5


def test_triangulation_of_hostile_spikes_comes_to_an_end():
    probe = PROBES["staggered"]
    amplitude, contacts, _ = monopoles(probe, 8, 0.0)
    amplitude[0] = 0
    amplitude[1] = -5
    contacts[2] = -1
    contacts[3, 1:] = -1
    contacts[4, 2:] = -1
    amplitude[5] = 1
    amplitude[6] = np.nan
    amplitude[7] *= 1e20
    kernel, judge = both(amplitude[:6], contacts[:6], probe.positions_um)
    assert np.isnan(kernel[:3]).all()
    assert np.isnan(judge[:3]).all()
    np.testing.assert_allclose(kernel[3:, 3], judge[3:, 3], atol=1e-3)
    out = np.zeros((2, 4))
    kernels.triangulate(amplitude[6:], contacts[6:], probe.positions_um, HEIGHT_UM, WEIGHTS, out)
    assert np.isfinite(out[1]).all()
    kernels.triangulate(amplitude[:0], contacts[:0], probe.positions_um, HEIGHT_UM, WEIGHTS, out[:0])


# localize


@pytest.mark.parametrize(("name", "period_um"), [("staggered", 20.0), ("line", 20.0), ("grid", 25.0)])
def test_depth_is_unbiased_between_contacts(name, period_um):
    amplitude, contacts, place = monopoles(PROBES[name], 8000, 8.0)
    found = localize.localize(amplitude, contacts, PROBES[name])
    off = found.position_um[found.ok, 1] - place[found.ok, 1]
    phase = np.floor(place[found.ok, 1] % period_um / period_um * 8).astype(int)
    bias = np.array([np.median(off[phase == k]) for k in range(8)])
    assert found.ok.mean() > 0.7
    assert np.abs(bias).max() < 0.06 * period_um
    assert np.median(np.abs(off)) < 3
    # No depth within the pitch is preferred: no bands.
    seen = np.histogram(found.position_um[found.ok, 1] % period_um, 8, (0, period_um))[0]
    sent = np.histogram(place[found.ok, 1] % period_um, 8, (0, period_um))[0]
    assert np.abs(seen / sent - 1).max() < 0.3


def test_across_a_column_nothing_is_made_up():
    amplitude, contacts, _ = monopoles(PROBES["line"], 50, 8.0)
    assert not localize.localize(amplitude, contacts, PROBES["line"]).position_um[:, 0].any()


def test_what_contacts_cannot_tell_is_not_ok():
    probe = PROBES["staggered"]
    amplitude, contacts, _ = monopoles(probe, 6, 0.0)
    contacts[0, 2:] = -1
    amplitude[1] = 0
    amplitude[2, 1:] = 0
    amplitude[3, 0] = np.nan
    found = localize.localize(amplitude, contacts, probe)
    assert found.ok.tolist() == [False, False, False, False, True, True]
    assert np.isfinite(found.position_um).all()
    assert np.isfinite(found.height_um).all()


def test_beyond_the_second_row_from_an_end_is_not_ok():
    probe = PROBES["line"]
    depth = probe.positions_um[:, 1]
    places = np.array([-30.0, 5.0, 50.0, 570.0, 615.0, 660.0])
    field = (100 / np.hypot(places[:, None] - depth, 20)).astype(np.float32)
    contacts = np.argsort(-field, axis=1)[:, :10]
    found = localize.localize(np.take_along_axis(field, contacts, axis=1), contacts, probe)
    assert found.ok.tolist() == [False, False, True, True, False, False]


def test_every_shank_has_its_own_ends():
    y = np.arange(20) * 20.0
    positions_um = np.stack([np.repeat([0.0, 200.0], 20), np.concatenate([y, y + 1000])], axis=1)
    probe = Probe(positions_um, np.arange(40), np.repeat([0, 4], 20))
    contacts = np.array([np.arange(20, 28), np.arange(8)])
    field = 100 / np.hypot(probe.positions_um[contacts, 1] - np.array([[1010.0], [70.0]]), 20)
    assert localize.localize(field.astype(np.float32), contacts, probe).ok.tolist() == [False, True]


# amplitudes


def traces(places: np.ndarray, sizes: np.ndarray, sample: np.ndarray, noise: float) -> np.ndarray:
    """Spikes of one shape on every contact, sizes (n_spikes, n_contacts)."""
    shape = tiny.textbook_shapes()
    wave = (shape.templates @ shape.pcs)[0]
    uv = noise * np.random.default_rng(0).standard_normal((sizes.shape[1], places))
    for at, size in zip(sample, sizes, strict=True):
        first = at - shape.peak_index
        uv[:, first : first + len(wave)] += size[:, None] * wave / np.linalg.norm(wave)
    return uv.astype(np.float32)


@pytest.mark.parametrize("sign", [1, -1])
def test_amplitudes_are_those_of_the_contacts_whatever_the_sign(sign):
    sizes, sample = np.array([[300.0, 150, 60, 0], [0, 50, 200, 20]]), np.array([200, 500])
    found = localize.amplitudes(traces(700, sign * sizes, sample, 0.0), sample, np.tile(np.arange(4), (2, 1)), 30_000.0)
    np.testing.assert_allclose(
        found / found.max(axis=1, keepdims=True), sizes / sizes.max(axis=1, keepdims=True), atol=1e-4
    )


def test_a_contact_with_noise_alone_has_no_amplitude_on_average():
    sample = np.arange(100, 60_000, 100)
    sizes = np.tile([300.0, 0.0, 0.0], (len(sample), 1))
    found = localize.amplitudes(
        traces(60_200, sizes, sample, 10.0), sample, np.tile([0, 1, 2], (len(sample), 1)), 30_000.0
    )
    assert abs(found[:, 1].mean()) < 2
    assert found[:, 0].min() > 100


def test_amplitudes_where_no_contact_is_and_of_no_spikes():
    sizes, sample = np.array([[300.0, 150]]), np.array([200])
    uv = traces(400, sizes, sample, 0.0)
    assert localize.amplitudes(uv, sample, np.array([[1, -1, 0]]), 30_000.0)[0, 1] == 0
    assert localize.amplitudes(uv, sample[:0], np.empty((0, 3), np.int64), 30_000.0).shape == (0, 3)
    assert not localize.amplitudes(0 * uv, sample, np.array([[1, 0]]), 30_000.0).any()
