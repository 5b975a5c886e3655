"""A made-up Sorting with everything consistent: footprints on a probe, spikes, a whitening that is not symmetric."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spikesieve.io.recordings.binary import read_recording
from spikesieve.model import Probe, Recording, Sorting, Spikes, Templates, Unit, WaveformStatistics

N_WAVEFORM = 61
PEAK = 20
N_PCS = 6
SAMPLING_HZ = 30_000.0


def make_probe(n_contacts: int = 24, n_shanks: int = 1) -> Probe:
    """Staggered contacts 20 um apart in depth; file channels run backwards and leave out channel 0."""
    row = np.arange(n_contacts)
    shank = row * n_shanks // n_contacts
    depth = (row - np.searchsorted(shank, shank)) * 20.0
    x = np.where(row % 2 == 0, 11.0, 43.0) + 250.0 * shank
    return Probe(np.stack([x, depth], axis=1), (n_contacts - row).astype(np.int64), shank.astype(np.int64), "made-up")


def make_sorting(
    n_units: int = 5, n_spikes: int = 400, probe: Probe | None = None, seed: int = 0, duration_s: float = 20.0
) -> Sorting:
    """A sorting whose amplitudes, positions, features and tables fit its templates."""
    rng = np.random.default_rng(seed)
    probe = probe or make_probe()
    templates = _templates(n_units, probe, rng)
    whitening = local_whitening(probe)
    dense = templates.dense_uv(probe.n_contacts)
    best = (dense**2).sum(axis=1).argmax(axis=1) if n_units else np.empty(0, int)
    ptp_uv = np.ptp(dense, axis=1).max(axis=1, initial=0)
    pcs = _pcs(rng)
    far_um = np.linalg.norm(probe.positions_um[best, None] - probe.positions_um, axis=2)
    contacts = np.argsort(far_um, axis=1)[:, :8].astype(np.int64)
    spikes = _spikes(n_spikes if n_units else 0, duration_s, ptp_uv, probe.positions_um[best], rng)
    white = np.einsum("ktc,dc->ktd", dense, whitening)
    spikes = _with_features(spikes, white, pcs, contacts)
    return Sorting(
        probe=probe,
        sampling_hz=SAMPLING_HZ,
        segments=((0, int(duration_s * SAMPLING_HZ)),),
        spikes=spikes,
        templates=templates,
        units=tuple(_unit(k, probe, int(best[k]), spikes, duration_s, rng) for k in range(n_units)),
        whitening=whitening,
        pcs=pcs,
        feature_contacts=contacts,
        similarity=np.eye(n_units, dtype=np.float32),
        kept=np.insert(np.ones(len(spikes), bool), len(spikes) // 2, [False] * 3),
        noise_sd_uv=np.full(probe.n_contacts, 8.0, np.float32),
        acgs=_acgs(n_units, rng),
        notes=("One channel was flat.",),
        waveforms=_statistics(templates),
    )


def local_whitening(probe: Probe, n_near: int = 5) -> np.ndarray:
    """Rows of local ZCA matrices of an exponential noise covariance that grows with depth: not symmetric."""
    distance = np.linalg.norm(probe.positions_um[:, None] - probe.positions_um, axis=2)
    sd = 6 * 1.5 ** np.cos(probe.positions_um[:, 1])
    covariance = np.outer(sd, sd) * (0.95 * np.exp(-distance / 100) + 0.05 * np.eye(len(sd)))
    whitening = np.zeros_like(covariance)
    for contact in range(len(sd)):
        near = np.argsort(distance[contact], kind="stable")[:n_near]
        value, vector = np.linalg.eigh(covariance[np.ix_(near, near)])
        whitening[contact, near] = (vector / np.sqrt(value) @ vector.T)[0]
    return whitening.astype(np.float32)


def write_raw(path: Path, sorting: Sorting, gain_uv: float = 0.5, header_bytes: int = 0) -> Recording:
    """A raw int16 file that holds the sorting's spikes and nothing else, opened as a recording."""
    dense = sorting.templates.dense_uv(sorting.probe.n_contacts)
    n_samples = sorting.segments[-1][1]
    uv = np.zeros((n_samples, sorting.probe.n_contacts), np.float32)
    spikes = sorting.spikes
    for sample, unit, amplitude in zip(spikes.sample, spikes.unit, spikes.amplitude, strict=True):
        start = int(sample) - PEAK
        uv[start : start + N_WAVEFORM] += amplitude * dense[unit]
    raw = np.zeros((n_samples, sorting.probe.n_contacts + 1), np.int16)
    raw[:, sorting.probe.channels] = np.round(uv / gain_uv)
    path.write_bytes(b"h" * header_bytes + raw.tobytes())
    return read_recording(path, raw.shape[1], SAMPLING_HZ, gain_uv=gain_uv, header_bytes=header_bytes)


def _templates(n_units: int, probe: Probe, rng: np.random.Generator) -> Templates:
    """Biphasic shapes that decay with distance on the 10 nearest contacts, the last of them unused in odd units."""
    near = min(10, probe.n_contacts)
    uv = np.zeros((n_units, N_WAVEFORM, near), np.float32)
    contacts = np.full((n_units, near), -1, np.int64)
    low, high = probe.positions_um.min(axis=0), probe.positions_um.max(axis=0)
    time = np.arange(N_WAVEFORM) - PEAK
    for unit in range(n_units):
        shank = probe.positions_um[probe.shanks == rng.choice(np.unique(probe.shanks))]
        centre = np.clip(shank[rng.integers(len(shank))] + rng.normal(0, 8, 2), low, high)
        distance = np.linalg.norm(probe.positions_um - centre, axis=1)
        size = np.exp(3.2 + 1.6 * rng.random()) * np.exp(-distance / rng.uniform(25, 50)) * 3
        width = rng.uniform(3, 7)
        used = np.argsort(distance, kind="stable")[: max(1, near - unit % 2)]
        contacts[unit, : len(used)] = used
        lag = distance[used] / 40
        trough = np.exp(-(((time[:, None] - lag) / width) ** 2))
        hump = 0.35 * np.exp(-(((time[:, None] - lag - 3 * width) / (2.5 * width)) ** 2))
        uv[unit, :, : len(used)] = -size[used] * (trough - hump) * np.hanning(N_WAVEFORM + 20)[10:-10, None] ** 0.3
    return Templates(uv, contacts, PEAK)


def _statistics(templates: Templates) -> WaveformStatistics:
    """SD of 8 uV and a twelfth of the template; the first half smaller than the template, the second larger."""
    sd_uv = np.where(templates.contacts[:, None] >= 0, np.hypot(8, templates.uv / 12), np.nan).astype(np.float32)
    half_uv = np.stack([0.96 * templates.uv, 1.04 * templates.uv]).astype(np.float32)
    return WaveformStatistics(sd_uv, half_uv, np.full((2, len(templates)), 50))


def _pcs(rng: np.random.Generator) -> np.ndarray:
    """Orthonormal components; the first is the shape of a spike with its trough upwards, as an SVD may well give it."""
    time = np.arange(N_WAVEFORM) - PEAK
    raw = np.concatenate([[np.exp(-((time / 5) ** 2))], rng.normal(size=(N_PCS - 1, N_WAVEFORM))])
    q, r = np.linalg.qr(raw.T)
    return (q * np.sign(np.diag(r))).T.astype(np.float32)


def _spikes(n: int, duration_s: float, ptp_uv: np.ndarray, position_um: np.ndarray, rng: np.random.Generator) -> Spikes:
    n_units = len(ptp_uv)
    sample = np.sort(rng.integers(100, int(duration_s * SAMPLING_HZ) - 100, n))
    share = rng.dirichlet(np.full(n_units, 1.5)) if n_units else np.empty(0)
    unit = rng.choice(n_units, n, p=share) if n else np.empty(0, int)
    unit[: min(n, n_units)] = np.arange(n_units)[:n]  # no unit without a spike
    amplitude = rng.normal(1, 0.12, n).clip(0.5, 1.6).astype(np.float32)
    where = position_um[unit] + rng.normal(0, 4, (n, 2)) if n else np.empty((0, 2))
    return Spikes(
        sample=sample.astype(np.int64),
        unit=unit.astype(np.int32),
        detection_template=(unit * 2).astype(np.int32),
        amplitude=amplitude,
        amplitude_uv=(amplitude * ptp_uv[unit]).astype(np.float32) if n else amplitude,
        position_um=where.astype(np.float32),
        features=np.empty((n, 0, N_PCS), np.float32),
    )


def _with_features(spikes: Spikes, white: np.ndarray, pcs: np.ndarray, contacts: np.ndarray) -> Spikes:
    score = np.einsum("pt,ktc->kcp", pcs, white)
    local = np.take_along_axis(score, contacts[:, :, None], axis=1)
    features = spikes.amplitude[:, None, None] * local[spikes.unit]
    return Spikes(**{**vars(spikes), "features": features.astype(np.float32)})


def _unit(k: int, probe: Probe, best: int, spikes: Spikes, duration_s: float, rng: np.random.Generator) -> Unit:
    mine = spikes.unit == k
    label = ("good", "mua", "good", "noise")[k % 4]
    x, y = (float(v) for v in np.median(spikes.position_um[mine], axis=0))
    known = k % 5 != 4
    contamination = float(rng.random() * 0.1) if known else None
    return Unit(
        unit=k,
        label=label,
        why="refractory" if label == "good" else "too many spikes in the refractory period",
        chan_best=best,
        file_channel=int(probe.channels[best]),
        shank=int(probe.shanks[best]),
        x_um=x,
        y_um=y,
        depth_um=y,
        n_spikes=int(mine.sum()),
        firing_rate_hz=float(mine.sum() / duration_s),
        amplitude_uv=float(np.median(spikes.amplitude_uv[mine])),
        snr=float(np.median(spikes.amplitude_uv[mine]) / 16),
        refractory_ratio=contamination,
        refractory_probability=0.01234567 if known else None,
        contamination=contamination,
        contamination_low=None if contamination is None else contamination / 2,
        contamination_high=None if contamination is None else contamination * 2,
        presence=0.97531,
        nearest_unit=None if k == 0 else k - 1,
        nearest_similarity=None if k == 0 else 0.5,
    )


def _acgs(n_units: int, rng: np.random.Generator) -> np.ndarray:
    """A refractory dip and, in every other unit, a burst."""
    lag_ms = np.arange(100) + 0.5
    refractory_ms = rng.uniform(1.5, 6, (n_units, 1))
    burst = (np.arange(n_units) % 2)[:, None] * 3 * np.exp(-lag_ms / 8)
    rate = 30 * (1 - np.exp(-((lag_ms / refractory_ms) ** 3))) * (1 + burst)
    return rng.poisson(rate).astype(np.int64)
