"""Large results that were made up, to time the app: one as spikesieve writes it, one as other sorters do."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from spikesieve.io.results.folder import write_result
from spikesieve.io.results.provenance import RunRecord
from spikesieve.model import Label, Probe, Recording, Sorting, Spikes, Templates, Unit
from spikesieve.settings.sort import Settings

HZ, N_CONTACTS, N_NEAR, N_SAMPLES, PEAK, N_PCS = 30_000.0, 384, 32, 61, 20, 6
REFRACTORY_S = 0.002
LARGE_UNIT = 500_000
"""The unit in the middle of the probe has at least this many spikes."""
OF_SPIKES = ("spike_times", "spike_templates", "spike_clusters", "amplitudes", "spike_positions")
OURS, THEIRS = "spikesieve", "phy"


def make_results(folder: Path, n_units: int, n_spikes: int, hours: float, seed: int = 0) -> tuple[int, ...]:
    """Write the same spikes as a result of spikesieve and as a Phy folder of another sorter.

    Parameters
    ----------
    folder : Path
        Where `spikesieve` and `phy` are made.
    n_units, n_spikes : int
        Size. The units have rates of a lognormal distribution.
    hours : float
        Duration.
    seed : int, optional
        Seed of the random numbers.

    Returns
    -------
    tuple of int
        Number of spikes of each unit.
    """
    ours, theirs, spikes = folder / OURS, folder / THEIRS, folder / "spikes"
    for made in (ours, theirs, spikes):
        made.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    templates, probe = _templates(n_units, rng), _probe()
    n_each = _write_spikes(spikes, templates, probe, n_spikes, hours, rng)
    sorting = _sorting(n_each, templates, probe, hours)
    recording = Recording(_NoSamples(), int(hours * 3600 * HZ), N_CONTACTS, HZ, name="made up")
    now = datetime.now(UTC)
    run = RunRecord("sieve", Settings().model_dump(mode="json"), {}, now, now)
    write_result(ours, sorting, recording, run)
    for path in spikes.iterdir():
        path.replace(ours / path.name)
    spikes.rmdir()
    for name in OF_SPIKES:
        os.link(ours / f"{name}.npy", theirs / f"{name}.npy")
    _write_phy(theirs, templates, probe)
    return n_each


class _NoSamples:
    """The raw file is not there."""

    def __call__(self, start: int, stop: int) -> np.ndarray:
        raise OSError(f"samples {start} to {stop} of a made-up recording")


def _probe() -> Probe:
    rows = np.arange(N_CONTACTS)
    positions_um = np.stack([16.0 * (rows % 4), 20.0 * (rows // 2)], axis=1)
    return Probe(positions_um, rows, np.zeros(N_CONTACTS, np.int64), "made up")


def _templates(n_units: int, rng: np.random.Generator) -> Templates:
    centre = np.sort(rng.integers(0, N_CONTACTS - N_NEAR, n_units))
    contacts = centre[:, None] + np.argsort(np.abs(np.arange(N_NEAR) - N_NEAR // 2), kind="stable")[None]
    shape = -np.exp(-(((np.arange(N_SAMPLES) - PEAK) / rng.uniform(3, 7, n_units)[:, None]) ** 2))
    decay = np.exp(-np.abs(contacts - centre[:, None] - N_NEAR // 2) / rng.uniform(2, 6, n_units)[:, None])
    uv = shape[:, :, None] * decay[:, None] * rng.uniform(40, 250, n_units)[:, None, None]
    return Templates(uv.astype(np.float32), contacts.astype(np.int64), PEAK)


def _train(n: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A train with a refractory period."""
    gaps = rng.exponential(1.0, n)
    gaps *= max(n_samples - n * REFRACTORY_S * HZ, 0.1 * n_samples) / gaps.sum()
    return np.minimum(np.cumsum(gaps + REFRACTORY_S * HZ).astype(np.int64), n_samples - 1)


def _write_spikes(
    folder: Path, templates: Templates, probe: Probe, n_spikes: int, hours: float, rng: np.random.Generator
) -> tuple[int, ...]:
    n_units = len(templates)
    share = rng.lognormal(0, 1.0, n_units)
    n_each = np.maximum((n_spikes * share / share.sum()).astype(np.int64), 100)
    n_each[n_units // 2] = max(n_each[n_units // 2], min(LARGE_UNIT, n_spikes // 10))
    sample = np.concatenate([_train(n, int(hours * 3600 * HZ), rng) for n in n_each])
    order = np.argsort(sample, kind="stable")
    sample, unit = sample[order], np.repeat(np.arange(n_units, dtype=np.int32), n_each)[order]
    del order
    n = len(sample)
    amplitude = 1 + np.float32(0.12) * rng.standard_normal(n, np.float32)
    columns = {
        "spike_times": sample,
        "spike_times_sec": sample / HZ,
        "spike_templates": unit,
        "spike_clusters": unit,
        "spike_detection_templates": unit,
        "amplitudes": amplitude,
        "spike_amplitude_uv": amplitude * np.ptp(templates.uv[:, :, 0], axis=1)[unit],
    }
    for name, column in columns.items():
        np.save(folder / f"{name}.npy", column)
    del columns
    centre_um = probe.positions_um[templates.contacts[:, 0]].astype(np.float32)
    np.save(folder / "spike_positions.npy", centre_um[unit] + 5 * rng.standard_normal((n, 2), np.float32))
    # Zeros that take no room on the disk.
    shape = (n, N_PCS, N_NEAR // 2)
    np.lib.format.open_memmap(folder / "pc_features.npy", mode="w+", dtype=np.float32, shape=shape).flush()
    np.save(folder / "kept_spikes.npy", np.ones(n, bool))
    return tuple(n_each.tolist())


def _sorting(n_each: tuple[int, ...], templates: Templates, probe: Probe, hours: float) -> Sorting:
    """Everything but the spikes, of which each unit has one here."""
    n = len(n_each)
    ones = np.ones(n, np.float32)
    best = templates.contacts[:, 0]
    spikes = Spikes(
        sample=np.arange(n),
        unit=np.arange(n, dtype=np.int32),
        detection_template=np.arange(n, dtype=np.int32),
        amplitude=ones,
        amplitude_uv=np.ptp(templates.uv[:, :, 0], axis=1),
        position_um=probe.positions_um[best].astype(np.float32),
        features=np.zeros((n, N_NEAR // 2, N_PCS), np.float32),
    )
    return Sorting(
        probe=probe,
        sampling_hz=HZ,
        segments=((0, int(hours * 3600 * HZ)),),
        spikes=spikes,
        templates=templates,
        units=tuple(_unit(k, n_each[k], int(best[k]), templates, probe, hours) for k in range(n)),
        whitening=np.eye(N_CONTACTS, dtype=np.float32),
        pcs=np.eye(N_PCS, N_SAMPLES, dtype=np.float32),
        feature_contacts=templates.contacts[:, : N_NEAR // 2],
        similarity=np.eye(n, dtype=np.float32),
        kept=np.ones(n, bool),
        noise_sd_uv=np.full(N_CONTACTS, 8.0, np.float32),
        acgs=np.zeros((n, 100), np.int64),
    )


def _unit(k: int, n_spikes: int, contact: int, templates: Templates, probe: Probe, hours: float) -> Unit:
    x_um, depth_um = probe.positions_um[contact].tolist()
    amplitude_uv = float(np.ptp(templates.uv[k, :, 0]))
    return Unit(
        unit=k,
        label=Label.GOOD if k % 3 else Label.MUA,
        why="made up",
        chan_best=contact,
        file_channel=contact,
        shank=0,
        x_um=x_um,
        y_um=depth_um,
        depth_um=depth_um,
        n_spikes=n_spikes,
        firing_rate_hz=n_spikes / (3600 * hours),
        amplitude_uv=amplitude_uv,
        snr=amplitude_uv / 8,
        refractory_ratio=0.0,
        refractory_probability=0.0,
        contamination=0.0,
        contamination_low=0.0,
        contamination_high=0.01,
        presence=1.0,
        nearest_unit=None,
        nearest_similarity=None,
    )


def _write_phy(folder: Path, templates: Templates, probe: Probe) -> None:
    dense = np.zeros((len(templates), N_SAMPLES, N_CONTACTS), np.float32)
    for uv, contacts, out in zip(templates.uv, templates.contacts, dense, strict=True):
        out[:, contacts] = uv / 40
    np.save(folder / "templates.npy", dense)
    np.save(folder / "channel_map.npy", probe.channels.astype(np.int32))
    np.save(folder / "channel_positions.npy", probe.positions_um)
    np.save(folder / "whitening_mat_inv.npy", np.eye(N_CONTACTS))
    text = f"dat_path = 'raw.bin'\nn_channels_dat = {N_CONTACTS}\ndtype = 'int16'\noffset = 0\nsample_rate = {HZ}\n"
    (folder / "params.py").write_text(text, encoding="utf-8")
