"""Raw microvolts to whitened traces: high-pass, median reference, bad contacts, masks, local whitening.

`fit` looks at some blocks and decides what `apply` then does to every block. Formulas: docs/preprocess.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

import numpy as np

from spikesieve.geometry import distances_um, nearest
from spikesieve.kernels import butterworth, subtract_median
from spikesieve.model import F32, F64, I64, Bool, Probe
from spikesieve.settings.preprocess import PreprocessParams

# After this many periods of the high-pass's corner its slowest pole has decayed by exp(-37): 40 ms at 300 Hz.
HALO_PERIODS = 12.0
# No electrode gives a megavolt: such a number is no sample, and its square would overflow.
LARGEST_UV = 1e12
MAD_TO_SD = 1.4826
# Rows of a matrix over contacts that are applied together: they share most of their contacts.
ROWS_AT_ONCE = 32
# Offsets of channels are the means of every so many samples: the filter removes what these miss.
OFFSET_STEP = 16

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """What `fit` learned; `apply` needs nothing else.

    probe         contacts that are sorted
    whitening     (n_contacts, n_contacts) float32: white = whitening @ uv
    noise_sd_uv   (n_contacts,) float32, 1.4826 MAD of the high-passed, referenced traces
    interpolation (n_contacts, n_contacts) float32 or None: fills interpolated contacts from their neighbours
    trusted       (n_contacts,) bool: contacts whose saturation says something of the recording
    shank_index   (n_contacts,) int64, 0..n_shanks-1
    referenced    (n_contacts,) int64, reference group of each contact, -1 for none
    sampling_hz   sampling rate in Hz
    range_uv      the converter's limits in uV, or None
    params        the settings
    """

    probe: Probe
    whitening: F32
    noise_sd_uv: F32
    interpolation: F32 | None
    trusted: Bool
    shank_index: I64
    referenced: I64
    sampling_hz: float
    range_uv: tuple[float, float] | None
    params: PreprocessParams


@dataclass(frozen=True, eq=False)
class Clean:
    """One preprocessed block, time contiguous.

    white         (n_contacts, n_samples) float32, noise SD about 1
    uv            (n_contacts, n_samples) float32, the same before whitening
    n_masked      samples x contacts that were blanked (artifact, saturation)
    n_not_finite  raw values that were NaN, infinite or beyond any voltage and took their contact's mean
    """

    white: F32
    uv: F32
    n_masked: int
    n_not_finite: int


class OfBlocks(Protocol):
    """function(raw) of some raw blocks (n_samples, n_channels) float32 in uV, halo included, in order of time."""

    def __call__(self, function: Callable[[F32], Result], channels: I64, /) -> Iterable[Result]:
        """The results, for blocks of these file channels."""
        ...


def halo_samples(sampling_hz: float, cutoff_hz: float) -> int:
    """Samples on either side of a block that the high-pass needs so that block edges leave no trace."""
    return int(np.ceil(HALO_PERIODS / cutoff_hz * sampling_hz))


def highpass(traces: F32, sampling_hz: float, cutoff_hz: float) -> F32:
    """Zero-phase Butterworth high-pass of order 3 run forwards and backwards: |H(f)|^2 = 1 / (1 + (cutoff/f)^6).

    traces  (n_channels, n_samples) float32; they are taken to go on as they begin and end, so callers discard a halo
    """
    # In float64 the mean of a constant channel is that constant, so that it becomes 0 and shows as dead.
    offset = traces[:, ::OFFSET_STEP].mean(axis=1, dtype=np.float64).astype(np.float32)
    out = np.empty_like(traces)
    butterworth(traces, offset, 2.0 * np.pi * cutoff_hz / sampling_hz, out)
    return out


def shank_indices(probe: Probe) -> I64:
    """Shanks renumbered 0, 1, 2 ...: (n_contacts,) int64."""
    return np.unique(probe.shanks, return_inverse=True)[1].astype(np.int64)


def reference_groups(probe: Probe, params: PreprocessParams) -> I64:
    """Reference group of each contact: its shank's, or -1 where the shank has too few contacts."""
    shank = shank_indices(probe)
    counts = np.bincount(shank)
    use = (counts[shank] >= params.min_reference_contacts) & (params.reference == "median")
    return np.where(use, shank, -1)


def filtered(
    raw_uv: F32, ends_uv: tuple[float, float], sampling_hz: float, groups: I64, params: PreprocessParams
) -> tuple[F32, int]:
    """High-passed and referenced: (n_contacts, n_samples) float32 in uV, and how many values were not finite.

    raw_uv   (n_samples, n_contacts) float32
    ends_uv  its smallest and its largest value, NaN if there is one
    """
    traces = np.ascontiguousarray(raw_uv.T, dtype=np.float32)
    n_bad = 0
    # Written so that a NaN anywhere makes it false.
    if not (ends_uv[0] > -LARGEST_UV and ends_uv[1] < LARGEST_UV):
        bad = ~is_voltage(traces)
        n_bad = int(np.count_nonzero(bad))
        # Each takes its contact's mean, so that an offset of the amplifier makes no step.
        means = np.where(bad, 0.0, traces).sum(axis=1, dtype=np.float64) / np.maximum(1, (~bad).sum(axis=1))
        traces = np.where(bad, means[:, None].astype(np.float32), traces)
    traces = highpass(traces, sampling_hz, params.highpass_cutoff_hz)
    if (groups >= 0).any():
        subtract_median(traces, groups, int(groups.max()) + 1)
    return traces, n_bad


def is_voltage(uv: F32) -> Bool:
    """Which values can be voltages at all: finite and below 1e12 uV."""
    return np.abs(uv) < LARGEST_UV


def ends_of(raw_uv: F32) -> tuple[float, float]:
    """The smallest and the largest value, NaN if there is one."""
    return float(raw_uv.min()), float(raw_uv.max())


def blanked(raw_uv: F32, ends_uv: tuple[float, float], traces_uv: F32, fitted: Preprocessing) -> Bool:
    """Which (shank, sample) to blank: saturated or beyond the artifact threshold, widened by artifact_margin_ms.

    raw_uv     (n_samples, n_contacts), ends_uv as for `filtered`, traces_uv (n_contacts, n_samples)
    Returns (n_shanks, n_samples) bool.
    """
    n_shanks = int(fitted.shank_index.max()) + 1
    hit = np.zeros((n_shanks, traces_uv.shape[1]), np.bool_)
    margin = round(fitted.params.artifact_margin_ms * 1e-3 * fitted.sampling_hz)
    low, high = fitted.range_uv or (-np.inf, np.inf)
    # raw x gain was rounded to float32: the last millionth of the range counts as its end.
    slack = 1e-6 * max(abs(low), abs(high))
    # Written so that a NaN anywhere makes it true.
    saturated = fitted.range_uv is not None and not (ends_uv[0] > low + slack and ends_uv[1] < high - slack)
    for shank in range(n_shanks):
        on_shank = (fitted.shank_index == shank) & fitted.trusted
        if saturated:
            inside = raw_uv[:, on_shank]
            hit[shank] |= ((inside <= low + slack) | (inside >= high - slack)).any(axis=1)
        if fitted.params.artifact_threshold_uv is not None:
            hit[shank] |= (np.abs(traces_uv[on_shank]) >= fitted.params.artifact_threshold_uv).any(axis=0)
    return widened(hit, margin) if hit.any() else hit


def widened(hit: Bool, margin: int) -> Bool:
    """Every True spread by `margin` samples to both sides along the last axis."""
    n = hit.shape[-1]
    edges = np.zeros((*hit.shape[:-1], n + 1), np.int64)
    for row, sample in np.argwhere(hit):
        edges[row, max(0, sample - margin)] += 1
        edges[row, min(n, sample + margin + 1)] -= 1
    return np.asarray(np.cumsum(edges, axis=-1)[..., :n] > 0)


def apply(raw_uv: F32, fitted: Preprocessing, beside: int = 0, halo: int = 0) -> Clean:
    """Preprocess one block.

    raw_uv  (n_samples, n_contacts) float32 in uV, the columns of fitted.probe, halo included
    beside  samples at either end that other blocks count: what is blanked or not finite there is not counted here
    halo    samples at either end that only the filter needs: they are left out of the result
    """
    ends_uv = ends_of(raw_uv)
    traces, n_bad = filtered(raw_uv, ends_uv, fitted.sampling_hz, fitted.referenced, fitted.params)
    inner = slice(beside, len(raw_uv) - beside)
    if n_bad:
        n_bad = int(np.count_nonzero(~is_voltage(raw_uv[inner])))
    if fitted.interpolation is not None:
        traces = mixed(traces, fitted.interpolation)
    mask = blanked(raw_uv, ends_uv, traces, fitted)
    n_masked = 0
    if mask.any():
        per_contact = mask[fitted.shank_index]
        traces[per_contact] = 0.0
        n_masked = int(np.count_nonzero(per_contact[:, inner]))
    uv = traces[:, halo : traces.shape[1] - halo]
    return Clean(mixed(uv, fitted.whitening), uv, n_masked, n_bad)


def mixed(traces: F32, matrix: F32) -> F32:
    """matrix @ traces, some rows at a time, each with the contacts from the first to the last that they need.

    traces  (n_contacts, n_samples) float32;  matrix (n_contacts, n_contacts) float32, mostly 0 far from its diagonal
    """
    out = np.empty(traces.shape, np.float32)
    for start in range(0, len(traces), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        used = np.flatnonzero(matrix[rows].any(axis=0))
        needed = slice(used[0], used[-1] + 1) if used.size else slice(0)
        np.matmul(matrix[rows, needed], traces[needed], out=out[rows])
    return out


def fit(
    of_blocks: OfBlocks,
    probe: Probe,
    sampling_hz: float,
    range_uv: tuple[float, float] | None,
    params: PreprocessParams,
) -> tuple[Preprocessing, tuple[str, ...]]:
    """Learn bad contacts, noise and whitening from some blocks; also returns what the user should know.

    of_blocks  what hands the blocks to a function
    """
    alone = partial(_noise_of_each, sampling_hz=sampling_hz, params=params)
    noise: F64 = np.median(list(of_blocks(alone, probe.channels)), axis=0)
    dead, noisy = bad_contacts(noise, shank_indices(probe), params)
    bad = dead | noisy
    if params.bad_contacts == "keep" or bad.all():
        bad = np.zeros_like(bad)
    interpolate = params.bad_contacts == "interpolate" and bool(bad.any())
    kept = probe if interpolate else probe.select(~bad)
    draft = Preprocessing(
        probe=kept,
        whitening=np.eye(kept.n_contacts, dtype=np.float32),
        noise_sd_uv=np.ones(kept.n_contacts, np.float32),
        interpolation=interpolation_matrix(probe, bad) if interpolate else None,
        trusted=~bad if interpolate else np.ones(kept.n_contacts, np.bool_),
        shank_index=shank_indices(kept),
        referenced=reference_groups(kept, params),
        sampling_hz=sampling_hz,
        range_uv=range_uv,
        params=params,
    )
    covariance, noise_sd = _statistics(of_blocks, draft)
    whitening = local_whitening(covariance, kept, params)
    fitted = replace(draft, whitening=whitening, noise_sd_uv=noise_sd)
    return fitted, _bad_contact_notes(dead, noisy, probe, params)


def _statistics(of_blocks: OfBlocks, draft: Preprocessing) -> tuple[F64, F32]:
    """Covariance in uV^2 over what is not blanked, and the median over blocks of each contact's robust SD in uV."""
    n = draft.probe.n_contacts
    covariance, used, sds = np.zeros((n, n)), np.zeros((n, n)), [np.zeros(n)]
    for products, n_there, sd in of_blocks(partial(_statistics_of_block, draft=draft), draft.probe.channels):
        covariance += products
        used += n_there
        sds.append(sd)
    noise_sd = np.median(sds[1:] or sds, axis=0)
    return covariance / np.maximum(used, 1.0), noise_sd.astype(np.float32)


def _statistics_of_block(raw: F32, draft: Preprocessing) -> tuple[F32, F32, F64]:
    """Sums of products of every two contacts, how many samples they are of, and the robust SD of each contact."""
    halo = halo_samples(draft.sampling_hz, draft.params.highpass_cutoff_hz)
    traces = apply(raw, draft).uv[:, halo : len(raw) - halo]
    there = (traces != 0).astype(np.float32)
    return traces @ traces.T, there @ there.T, mad_sd(traces)


def mad_sd(traces: F32) -> F64:
    """Robust SD of each channel: 1.4826 times the median absolute value. traces (n_channels, n_samples), zero mean."""
    return np.asarray(MAD_TO_SD * np.median(np.abs(traces), axis=1), dtype=np.float64)


def _noise_of_each(raw: F32, sampling_hz: float, params: PreprocessParams) -> F64:
    """Each contact's robust SD in uV in a block, before any reference so that a bad contact shows."""
    halo = halo_samples(sampling_hz, params.highpass_cutoff_hz)
    none = np.full(raw.shape[1], -1, np.int64)
    return mad_sd(filtered(raw, ends_of(raw), sampling_hz, none, params)[0][:, halo : len(raw) - halo])


def bad_contacts(noise_uv: F64, shank: I64, params: PreprocessParams) -> tuple[Bool, Bool]:
    """Dead and noisy contacts by the ratio of their noise to their shank's median: two (n_contacts,) bool.

    A shank with fewer than 3 contacts has no meaningful median: only contacts without any signal are dead there.
    """
    dead = noise_uv <= 0
    noisy = np.zeros_like(dead)
    for s in np.unique(shank):
        mine = (shank == s) & (noise_uv > 0)
        if np.count_nonzero(mine) < 3:
            continue
        ratio = noise_uv[mine] / np.median(noise_uv[mine])
        dead[mine] = ratio < params.dead_ratio
        noisy[mine] = ratio > params.noisy_ratio
    return dead, noisy


def _bad_contact_notes(dead: Bool, noisy: Bool, probe: Probe, params: PreprocessParams) -> tuple[str, ...]:
    action = {"exclude": "left out", "interpolate": "interpolated from their neighbours", "keep": "kept as asked"}
    notes = []
    for name, which in (("dead (no signal)", dead), ("noisy", noisy)):
        if which.any():
            channels = probe.channels[which].tolist()
            what = (
                action[params.bad_contacts] if not (dead | noisy).all() else "kept, since no contact is left otherwise"
            )
            notes.append(f"{len(channels)} {name} contact(s) on file channel(s) {channels} were {what}.")
    return tuple(notes)


def interpolation_matrix(probe: Probe, bad: Bool) -> F32:
    """Identity, but each bad contact is the mean of good ones on its shank weighted by exp(-(distance / 20 um)^2).

    (n_contacts, n_contacts) float32; a bad contact with no good one on its shank becomes 0.
    """
    distance = distances_um(probe.positions_um, probe.shanks, probe.positions_um, probe.shanks)
    matrix = np.diag((~bad).astype(np.float64))
    for contact in np.flatnonzero(bad):
        away = np.where(bad, np.inf, distance[contact])
        if np.isfinite(away).any():
            weight = np.exp(-((away / 20.0) ** 2) + (away.min() / 20.0) ** 2)
            matrix[contact] = weight / weight.sum()
    return matrix.astype(np.float32)


def local_whitening(covariance: F64, probe: Probe, params: PreprocessParams) -> F32:
    """Row j whitens contact j with its nearest contacts: the j-th row of their (shrunken) ZCA matrix, in 1/uV.

    R' = (1 - a) D^-1/2 C D^-1/2 + a I;  E diag(lambda^-1/2) E^T D^-1/2  with R' = E diag(lambda) E^T.
    covariance  (n_contacts, n_contacts) float64 in uV^2
    Contacts without any variance get a zero row.
    """
    n = probe.n_contacts
    variance = np.diag(covariance)
    alive = variance > 0
    inverse_sd = np.where(alive, 1.0 / np.sqrt(np.where(alive, variance, 1.0)), 0.0)
    correlation = covariance * inverse_sd[:, None] * inverse_sd[None, :]
    shrunken = (1.0 - params.whitening_shrinkage) * correlation + params.whitening_shrinkage * np.eye(n)
    near = nearest(
        distances_um(probe.positions_um, probe.shanks, probe.positions_um, probe.shanks), params.whitening_range
    )
    whitening = np.zeros((n, n), np.float32)
    for contact in np.flatnonzero(alive):
        local = near[contact][near[contact] >= 0]
        eigenvalues, vectors = np.linalg.eigh(shrunken[np.ix_(local, local)])
        zca = (vectors / np.sqrt(np.maximum(eigenvalues, 1e-6))) @ vectors.T
        whitening[contact, local] = zca[local == contact][0] * inverse_sd[local]
    return whitening
