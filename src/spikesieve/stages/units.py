"""The unit table: where each unit is, how large, how sure, and why it is labelled good, mua or noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import distances_um, nearest
from spikesieve.metrics import refractory
from spikesieve.metrics.contamination import Contamination, contamination, presence
from spikesieve.metrics.missed import is_cut, missed, missed_where
from spikesieve.model import F32, F64, I32, I64, Motion, Probe, Templates, Unit
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.units import UnitsParams

ACG_BINS = 100
# Displacements in so many parts, in each of which the tissue is as long.
N_PLACES = 5
# Between the lowest and the highest of these: a footprint does not vanish over less.
HIDING_UM = 5.0
# A whole neuron that is large does not lack more of its spikes than this at some displacements.
A_PART = 0.3


@dataclass(frozen=True, eq=False)
class Waveforms:
    """Waveforms of units while they are measured: sums (n_units, n_window, n_near) float64 in uV, counts (n_units,)."""

    sums: F64
    counts: I64


def near_contacts(best: I64, probe: Probe, params: UnitsParams) -> I64:
    """Contacts to measure each unit's waveform on, nearest to its best one first: (n_units, n) int64, -1 = none."""
    xy, shanks = probe.positions_um, probe.shanks
    table = nearest(distances_um(xy, shanks, xy, shanks), params.waveform_contacts, params.waveform_radius_um)
    return table[best] if len(best) else np.empty((0, table.shape[1]), np.int64)


def add_waveforms(
    traces_uv: F32, sample: I64, unit: I64, contacts: I64, window: tuple[int, int], n_units: int
) -> Waveforms:
    """Sums of the waveforms around spikes of one block.

    traces_uv  (n_contacts, n_samples) float32;  sample (n,) int64 within the block, at least a window from its ends
    contacts   (n_units, n_near) int64;  window samples before and after (stop) the spike
    """
    before, after = window
    sums = np.zeros((n_units, before + after, contacts.shape[1]))
    counts = np.bincount(unit, minlength=n_units).astype(np.int64)
    offsets = np.arange(-before, after)
    for k in np.flatnonzero(counts):
        used = contacts[k] >= 0
        clips = traces_uv[contacts[k][used][:, None, None], (sample[unit == k][:, None] + offsets)[None]]
        sums[k][:, used] = clips.sum(axis=1, dtype=np.float64).T
    return Waveforms(sums, counts)


def trough_shifts(mean_uv: F64, peak_index: int, limit: int) -> I64:
    """How far each unit's largest deflection lies from peak_index, on its best contact, up to limit: (n_units,) int64.

    mean_uv  (n_units, n_window, n_near), any column order
    """
    if len(mean_uv) == 0:
        return np.empty(0, np.int64)
    best = (mean_uv**2).sum(axis=1).argmax(axis=1)
    trace = np.take_along_axis(mean_uv, best[:, None, None], axis=2)[:, :, 0]
    near = np.abs(trace[:, peak_index - limit : peak_index + limit + 1])
    return np.asarray(near.argmax(axis=1) - limit, dtype=np.int64)


def best_columns(templates: Templates) -> I64:
    """Column of each template with the largest summed square: (n_units,) int64."""
    return np.asarray((templates.uv.astype(np.float64) ** 2).sum(axis=1).argmax(axis=1), dtype=np.int64)


def peak_to_peak_uv(templates: Templates) -> F32:
    """Peak-to-peak on the best contact, (n_units,) float32 uV."""
    rows = np.arange(len(templates))
    trace = templates.uv[rows, :, best_columns(templates)]
    return np.asarray(np.ptp(trace, axis=1), dtype=np.float32) if len(rows) else np.empty(0, np.float32)


def mean_positions(positions_um: F32, unit: I32, templates: Templates, probe: Probe) -> F64:
    """Mean spike position of each unit, (n_units, 2) float64 um; its best contact's where it has no spikes."""
    n_units = len(templates)
    counts = np.bincount(unit, minlength=n_units)
    sums = np.stack([np.bincount(unit, positions_um[:, axis], n_units) for axis in (0, 1)], axis=1)
    best = np.take_along_axis(templates.contacts, best_columns(templates)[:, None], axis=1)[:, 0]
    return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], probe.positions_um[best])


def autocorrelogram(train: I64, sampling_hz: float) -> I64:
    """Counts at lags 0.5-1.5, 1.5-2.5 ... ms: (100,) int64."""
    counts = refractory.counts_1ms(train, train, sampling_hz, True)
    return counts[refractory.HALF_BINS + 1 : refractory.HALF_BINS + 1 + ACG_BINS]


@dataclass(frozen=True, eq=False)
class Context:
    """What all units of a sort have in common.

    threshold  the smallest score of a spike, in noise SD
    motion     how the tissue moved, None where that is not known
    """

    probe: Probe
    noise_sd_uv: F32
    sampling_hz: float
    segments: tuple[tuple[int, int], ...]
    threshold: float
    motion: Motion | None
    params: UnitsParams
    curate: CurateParams

    @property
    def duration_s(self) -> float:
        """Sorted seconds."""
        return sum(b - a for a, b in self.segments) / self.sampling_hz


def unit_table(
    trains: list[I64], scores: list[F32], templates: Templates, positions_um: F64, similarity: F32, context: Context
) -> tuple[Unit, ...]:
    """One row a unit.

    trains        sorted samples of each unit
    scores        sizes of each unit's spikes in noise SD: projections on its mean
    positions_um  (n_units, 2) float64, mean spike position
    similarity    (n_units, n_units) float32
    """
    columns, ptp = best_columns(templates), peak_to_peak_uv(templates)
    rows = []
    for k, train in enumerate(trains):
        contact = int(templates.contacts[k, columns[k]])
        peak = float(np.abs(templates.uv[k, :, columns[k]]).max())
        snr = peak / max(float(context.noise_sd_uv[contact]), 1e-9)
        own = refractory.of_train(train, context.sampling_hz, context.duration_s)
        share = contamination(train, context.sampling_hz, context.duration_s)
        too_small = missed_share(train, scores[k], contact, context)
        label, why = judge(own, snr, spread_um(templates, k, context.probe), too_small, context)
        alike = similarity[k].copy()
        alike[k] = -np.inf
        other = int(alike.argmax()) if len(trains) > 1 and np.isfinite(alike.max()) else None
        known = np.isfinite(own.ratio)
        rows.append(
            Unit(
                unit=k,
                label=label,
                why=why,
                chan_best=contact,
                file_channel=int(context.probe.channels[contact]),
                shank=int(context.probe.shanks[contact]),
                x_um=float(positions_um[k, 0]),
                y_um=float(positions_um[k, 1]),
                depth_um=float(context.probe.positions_um[contact, 1]),
                n_spikes=len(train),
                firing_rate_hz=len(train) / context.duration_s,
                amplitude_uv=float(ptp[k]),
                snr=snr,
                refractory_ratio=own.ratio if known else None,
                refractory_probability=own.probability if known else None,
                **_shares(share),
                presence=presence(train, context.segments),
                nearest_unit=other,
                nearest_similarity=float(alike[other]) if other is not None else None,
                missed=too_small,
            )
        )
    return tuple(rows)


def missed_share(train: I64, scores: F32, contact: int, context: Context) -> float | None:
    """Share of a unit's spikes that are too small to be found, at all or at some displacements; None: unknown.

    contact  of its largest deflection
    A unit far above the threshold is a part of a neuron if it is hardly seen at some displacements; a little less there
    may be its rate.
    """
    share = missed(scores, context.threshold)
    if share is None or context.motion is None:
        return share
    elsewhere = _missed_at_places(train, contact, context, context.motion)
    return max(share, elsewhere) if is_cut(scores, context.threshold) or elsewhere > A_PART else share


def _missed_at_places(train: I64, contact: int, context: Context, motion: Motion) -> float:
    """Share of a unit's spikes that it lacks at some displacements; 0 where the tissue moved too little to hide it.

    Rates change by themselves too: so the smaller share of the two halves of the recording.
    """
    hz = context.sampling_hz
    seconds = np.concatenate([np.arange(a / hz + 0.5, b / hz) for a, b in context.segments])
    if len(seconds) < 2:
        return 0.0
    depth_um, shank = context.probe.positions_um[contact, 1], context.probe.shanks[contact]
    moved_um = motion.at(seconds, np.full(len(seconds), depth_um), np.full(len(seconds), shank))
    edges_um = np.quantile(moved_um, np.arange(1, N_PLACES) / N_PLACES)
    if edges_um[-1] - edges_um[0] < HIDING_UM:
        return 0.0
    found = np.bincount(
        np.minimum(np.searchsorted(seconds + 0.5, train / hz), len(seconds) - 1), minlength=len(seconds)
    )
    place = np.searchsorted(edges_um, moved_um)
    halves = zip(np.array_split(place, 2), np.array_split(found, 2), strict=True)
    return min(missed_where(*_at_places(where, n)) for where, n in halves)


def _at_places(place: I64, n_spikes: I64) -> tuple[I64, F64]:
    """Spikes and seconds at each place that was visited, from the place and the spikes of each second."""
    seconds, counts = np.bincount(place), np.bincount(place, weights=n_spikes)
    visited = seconds > 0
    return counts[visited].astype(np.int64), seconds[visited].astype(np.float64)


def _shares(share: Contamination | None) -> dict[str, float | None]:
    low, high = (share.low, share.high) if share else (None, None)
    return {
        "contamination": share.estimate if share else None,
        "contamination_low": low,
        "contamination_high": high,
    }


def spread_um(templates: Templates, unit: int, probe: Probe) -> float:
    """Largest distance between contacts on which the template has at least half its largest peak-to-peak."""
    used = templates.contacts[unit] >= 0
    size = np.ptp(templates.uv[unit], axis=0) * used
    strong = templates.contacts[unit][(size >= 0.5 * size.max()) & used]
    xy = probe.positions_um[strong]
    return float(np.sqrt(((xy[:, None] - xy[None]) ** 2).sum(axis=2)).max()) if len(strong) else 0.0


def judge(
    own: refractory.Refractoriness, snr: float, spread: float, too_small: float | None, context: Context
) -> tuple[str, str]:
    """Label and reason: noise by its waveform; good by Kilosort4's two criteria on the autocorrelogram and if most
    spikes are large enough to be found; else mua.
    """
    params, limits = context.params, context.curate
    if snr < params.min_snr:
        return "noise", f"its peak is only {snr:.1f} times the noise"
    if spread > params.max_spread_um:
        return "noise", f"it is as large {spread:.0f} um away: not a neuron's footprint"
    if not np.isfinite(own.ratio):
        return "mua", "too few spikes to see a refractory period"
    if own.ratio >= limits.acg_threshold:
        return "mua", f"refractory ratio R {own.ratio:.2f} is not below {limits.acg_threshold:g}"
    if own.probability >= limits.acg_probability:
        return "mua", f"too few spikes to be sure of a refractory period (Q {own.probability:.2f})"
    if too_small is not None and too_small > params.max_missed_share:
        return "mua", f"{too_small:.0%} of its spikes seem too small to be found, at all or at some displacements"
    return "good", f"refractory: R {own.ratio:.2f}, Q {own.probability:.2g}"
