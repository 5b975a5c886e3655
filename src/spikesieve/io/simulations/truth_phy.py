"""The truth of a simulation as a Phy folder, to look at like any result."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spikesieve.io.results.phy import write_phy
from spikesieve.model import F32, I64, Label, Probe, Recording, Sorting, Spikes, Templates, Unit
from spikesieve.simulation import Truth

# Enough to tell units apart by eye; more would take more disk space for each spike.
N_PCS, N_FEATURE_CONTACTS = 3, 4
ROWS_PER_BLOCK = 100_000


def write_truth_phy(folder: Path, truth: Truth, probe: Probe, recording: Recording) -> None:
    """Write the truth of a simulation into an existing folder for Phy.

    Templates are in uV (not whitened) and amplitudes are multiples of them. The position of a spike is where its unit
    was when it fired. Features are those of the template at rest times the amplitude.

    Parameters
    ----------
    folder : Path
        Existing folder.
    truth : Truth
        The truth.
    probe : Probe
        The probe of the simulation.
    recording : Recording
        The simulated recording.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    scratch = folder / "features.tmp"
    write_phy(folder, _as_sorting(truth, probe, scratch), recording)
    # The sorting is gone by now: Windows cannot delete a file that is still memory-mapped.
    scratch.unlink(missing_ok=True)


def _as_sorting(truth: Truth, probe: Probe, scratch: Path) -> Sorting:
    """The truth as a sorting, with features memory-mapped from the new file `scratch`."""
    n_units = len(truth.ptp_uv)
    ptp_uv = np.ptp(truth.templates_uv, axis=1)
    contacts = np.argsort(-ptp_uv, axis=1, kind="stable").astype(np.int64)
    pcs = _pcs(truth.templates_uv, truth.peak_index)
    near = contacts[:, :N_FEATURE_CONTACTS]
    spikes = Spikes(
        sample=truth.sample,
        unit=truth.unit,
        detection_template=truth.unit,
        amplitude=truth.amplitude,
        amplitude_uv=truth.amplitude * truth.ptp_uv[truth.unit],
        position_um=_positions_um(truth),
        features=_features(truth, pcs, near, scratch),
    )
    return Sorting(
        probe=probe,
        sampling_hz=truth.sampling_hz,
        segments=((0, truth.n_samples),),
        spikes=spikes,
        templates=Templates(truth.templates_uv, np.tile(np.arange(probe.n_contacts), (n_units, 1)), truth.peak_index),
        units=tuple(_unit(truth, probe, row, int(contacts[row, 0])) for row in range(n_units)),
        whitening=np.eye(probe.n_contacts, dtype=np.float32),
        pcs=pcs,
        feature_contacts=near,
        similarity=_similarity(truth.templates_uv),
        kept=np.ones(len(truth.sample), np.bool_),
        noise_sd_uv=np.ones(probe.n_contacts, np.float32),
        acgs=np.zeros((n_units, 0), np.int64),
    )


def _positions_um(truth: Truth) -> F32:
    rest = truth.position_um[truth.unit, :2].astype(np.float32)
    return rest + np.stack([np.zeros_like(truth.moved_um), truth.moved_um], axis=1)


def _pcs(templates_uv: F32, peak_index: int) -> F32:
    """Orthonormal temporal components of the templates' largest contacts, (N_PCS, n_window); pulses without units."""
    best = np.ptp(templates_uv, axis=1).argmax(axis=1)
    courses = templates_uv[np.arange(len(best)), :, best]
    pulses = 1e-6 * np.eye(templates_uv.shape[1], dtype=np.float32)[peak_index : peak_index + N_PCS]
    return np.asarray(np.linalg.svd(np.concatenate([courses, pulses]), full_matrices=False)[2][:N_PCS], np.float32)


def _features(truth: Truth, pcs: F32, near: I64, scratch: Path) -> F32:
    shape = (len(truth.sample), near.shape[1], len(pcs))
    local = np.take_along_axis(truth.templates_uv, near[:, None, :], axis=2)
    scores = np.einsum("pt,utc->ucp", pcs, local).astype(np.float32)
    if not len(truth.sample):
        return np.zeros(shape, np.float32)
    features = np.memmap(scratch, np.float32, "w+", shape=shape)
    for start in range(0, len(truth.sample), ROWS_PER_BLOCK):
        rows = slice(start, start + ROWS_PER_BLOCK)
        features[rows] = truth.amplitude[rows, None, None] * scores[truth.unit[rows]]
    return features


def _similarity(templates_uv: F32) -> F32:
    flat = templates_uv.reshape(len(templates_uv), np.prod(templates_uv.shape[1:], dtype=int))
    size = np.linalg.norm(flat, axis=1)
    return np.asarray(flat @ flat.T / np.maximum(np.outer(size, size), 1e-30), dtype=np.float32)


def _unit(truth: Truth, probe: Probe, row: int, best: int) -> Unit:
    n_spikes = int(np.count_nonzero(truth.unit == row))
    x_um, y_um = (float(value) for value in truth.position_um[row, :2])
    return Unit(
        unit=row,
        label=Label.GOOD,
        why=f"simulated, {truth.kind[row]}",
        chan_best=best,
        file_channel=int(probe.channels[best]),
        shank=int(truth.shank[row]),
        x_um=x_um,
        y_um=y_um,
        depth_um=y_um,
        n_spikes=n_spikes,
        firing_rate_hz=n_spikes * truth.sampling_hz / truth.n_samples,
        amplitude_uv=float(truth.ptp_uv[row]),
        snr=float("nan"),
        refractory_ratio=None,
        refractory_probability=None,
        contamination=None,
        contamination_low=None,
        contamination_high=None,
        presence=1.0,
        nearest_unit=None,
        nearest_similarity=None,
    )
