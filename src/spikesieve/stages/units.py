"""The unit table: place, size and quality of each unit, and why it is labelled good, mua or noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict

import numpy as np

from spikesieve.metrics import refractory
from spikesieve.metrics.missed import FoundScores
from spikesieve.model import F32, F64, I32, I64, Label, Motion, Probe, SortedTime, Templates, Unit
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.units import UnitsParams
from spikesieve.stages.blanked_time import remains_of_artifacts
from spikesieve.stages.foreign_trains import foreign_label
from spikesieve.stages.missed_spikes import missed_share
from spikesieve.stages.unit_trains import of_train
from spikesieve.stages.waveforms import best_columns, peak_to_peak_uv

ACG_BINS = 100
# Contacts with at least this share of a unit's largest peak-to-peak belong to its extent.
LARGE_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class UnitTableInputs:
    """What the rows of the unit table have in common: the recording, its noise and drift, and the criteria.

    Attributes
    ----------
    probe : Probe
        The contacts that were sorted.
    noise_sd_uv : ndarray of float32, shape (n_contacts,)
        Noise SD of each contact in uV.
    time : SortedTime
        The time that was sorted, and what was left out of it.
    motion : Motion or None
        How the tissue moved, where that is known.
    params : UnitsParams
        Criteria of the labels.
    curate : CurateParams
        Criteria of a refractory autocorrelogram.
    line_hz : tuple of float
        Lines of interference in Hz.
    """

    probe: Probe
    noise_sd_uv: F32
    time: SortedTime
    motion: Motion | None
    params: UnitsParams
    curate: CurateParams
    line_hz: tuple[float, ...] = ()


def mean_positions(positions_um: F32, unit: I32, templates: Templates, probe: Probe) -> F64:
    """Average the spike positions of each unit.

    Parameters
    ----------
    positions_um : ndarray of float32, shape (n_spikes, 2)
        x and depth of each spike in um.
    unit : ndarray of int32, shape (n_spikes,)
        Unit of each spike.
    templates : Templates
        Mean waveforms in uV.
    probe : Probe
        The contacts that were sorted.

    Returns
    -------
    ndarray of float64, shape (n_units, 2)
        Mean positions in um; that of the best contact for a unit without spikes.
    """
    n_units = len(templates)
    counts = np.bincount(unit, minlength=n_units)
    sums = np.stack([np.bincount(unit, positions_um[:, axis], n_units) for axis in (0, 1)], axis=1)
    best = np.take_along_axis(templates.contacts, best_columns(templates)[:, None], axis=1)[:, 0]
    return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], probe.positions_um[best])


def autocorrelogram(train: I64, time: SortedTime) -> I64:
    """Count the pairs of spikes at lags of 0.5-1.5, 1.5-2.5 ... ms.

    Parameters
    ----------
    train : ndarray of int64
        Spike times in samples, ascending.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    ndarray of int64, shape (100,)
        Counts in bins of 1 ms.

    Examples
    --------
    >>> autocorrelogram(np.array([0, 60, 90]), SortedTime(((0, 90),), 30_000.0))[:4]
    array([1, 1, 1, 0])
    """
    counts = refractory.correlogram_1ms(train, train, time, True)
    return counts[refractory.HALF_BINS + 1 : refractory.HALF_BINS + 1 + ACG_BINS]


def unit_table(
    trains: list[I64],
    scores: list[FoundScores],
    templates: Templates,
    positions_um: F64,
    similarity: F32,
    inputs: UnitTableInputs,
) -> tuple[Unit, ...]:
    """Make the unit table.

    Parameters
    ----------
    trains : list of ndarray of int64
        Spike times of each unit in samples, ascending.
    scores : list of FoundScores
        Scores of each unit's spikes.
    templates : Templates
        Mean waveforms in uV.
    positions_um : ndarray of float64, shape (n_units, 2)
        Mean position of each unit in um.
    similarity : ndarray of float32, shape (n_units, n_units)
        Largest correlation of every two templates.
    inputs : UnitTableInputs
        Recording, noise, drift and criteria.

    Returns
    -------
    tuple of Unit
        One row a unit.
    """
    row = RowOfUnit(trains, scores, templates, positions_um, similarity, inputs)
    return tuple(row(k) for k in range(len(trains)))


@dataclass(frozen=True, eq=False)
class RowOfUnit:
    """Makes a row of the unit table: `unit_table` for those who share the work out.

    Attributes
    ----------
    trains, scores, templates, positions_um, similarity, inputs
        See `unit_table`.
    """

    trains: list[I64]
    scores: list[FoundScores]
    templates: Templates
    positions_um: F64
    similarity: F32
    inputs: UnitTableInputs

    @cached_property
    def _best(self) -> tuple[I64, F32]:
        """Column of each template with its best contact, and the peak-to-peak amplitude there in uV."""
        return best_columns(self.templates), peak_to_peak_uv(self.templates)

    def __call__(self, k: int) -> Unit:
        """Make the row of a unit.

        Parameters
        ----------
        k : int
            The unit.

        Returns
        -------
        Unit
            Its row.
        """
        (columns, ptp_uv), inputs, train = self._best, self.inputs, self.trains[k]
        contact = int(self.templates.contacts[k, columns[k]])
        peak_uv = float(np.abs(self.templates.uv[k, :, columns[k]]).max())
        snr = peak_uv / max(float(inputs.noise_sd_uv[contact]), 1e-9)
        acg = refractory.refractoriness_of_train(train, inputs.time)
        place = float(inputs.probe.positions_um[contact, 1]), int(inputs.probe.shanks[contact])
        share_missed = missed_share(train, self.scores[k], place, inputs.time, inputs.motion)
        label, why = label_unit(acg, snr, extent_um(self.templates, k, inputs.probe), share_missed, inputs)
        remains = remains_of_artifacts(train, inputs.time)
        if label == Label.GOOD and remains is not None:
            label, why = Label.MUA, remains
        if label != Label.NOISE:
            label, why = foreign_label(train, inputs.time, inputs.line_hz) or (label, why)
        return Unit(
            unit=k,
            label=Label(label),
            why=why,
            **_best_contact(contact, inputs.probe),
            x_um=float(self.positions_um[k, 0]),
            y_um=float(self.positions_um[k, 1]),
            amplitude_uv=float(ptp_uv[k]),
            snr=snr,
            **of_train(train, inputs.time, acg),
            **nearest_unit(k, self.similarity),
            missed=share_missed,
        )


class _BestContact(TypedDict):
    chan_best: int
    file_channel: int
    shank: int
    depth_um: float


def _best_contact(contact: int, probe: Probe) -> _BestContact:
    return {
        "chan_best": contact,
        "file_channel": int(probe.channels[contact]),
        "shank": int(probe.shanks[contact]),
        "depth_um": float(probe.positions_um[contact, 1]),
    }


class NearestUnit(TypedDict):
    """The columns of the unit table on the most similar other unit."""

    nearest_unit: int | None
    nearest_similarity: float | None


def nearest_unit(k: int, similarity: F32) -> NearestUnit:
    """Find the other unit with the most similar template.

    Parameters
    ----------
    k : int
        Row of the unit.
    similarity : ndarray of float32, shape (n_units, n_units)
        Largest correlation of every two templates.

    Returns
    -------
    NearestUnit
        Row of the other unit and the correlation; None for both if there is no other.

    Examples
    --------
    >>> nearest_unit(0, np.array([[1.0, 0.25], [0.25, 1.0]], np.float32))
    {'nearest_unit': 1, 'nearest_similarity': 0.25}
    """
    alike = similarity[k].copy()
    alike[k] = -np.inf
    if len(alike) < 2 or not np.isfinite(alike.max()):
        return {"nearest_unit": None, "nearest_similarity": None}
    return {"nearest_unit": int(alike.argmax()), "nearest_similarity": float(alike.max())}


def extent_um(templates: Templates, unit: int, probe: Probe) -> float:
    """Measure the extent of a unit: the largest distance between contacts with at least half its peak-to-peak.

    Parameters
    ----------
    templates : Templates
        Mean waveforms in uV.
    unit : int
        Index of the unit.
    probe : Probe
        The contacts that were sorted.

    Returns
    -------
    float
        Extent in um.
    """
    used = templates.contacts[unit] >= 0
    ptp_uv = np.ptp(templates.uv[unit], axis=0) * used
    large = templates.contacts[unit][(ptp_uv >= LARGE_SHARE * ptp_uv.max()) & used]
    xy = probe.positions_um[large]
    return float(np.sqrt(((xy[:, None] - xy[None]) ** 2).sum(axis=2)).max()) if len(large) else 0.0


def label_unit(
    acg: refractory.Refractoriness, snr: float, extent: float, share_missed: float | None, inputs: UnitTableInputs
) -> tuple[str, str]:
    """Label a unit.

    Parameters
    ----------
    acg : Refractoriness
        R and Q of the autocorrelogram.
    snr : float
        Peak amplitude divided by the noise SD of the best contact.
    extent : float
        Extent of the unit in um, as `extent_um` measures it.
    share_missed : float or None
        Share of spikes that are too small to be found, as `missed_share` estimates it.
    inputs : UnitTableInputs
        The criteria.

    Returns
    -------
    label : str
        "noise" if the waveform is too small or too extended. "good" if R and Q are small, as in Kilosort4, and most
        spikes are large enough to be found. Otherwise "mua".
    why : str
        The reason, as a sentence for the user.
    """
    params, limits = inputs.params, inputs.curate
    if snr < params.min_snr:
        return "noise", f"its peak is only {snr:.1f} times the noise"
    if extent > params.max_extent_um:
        return "noise", f"it is as large {extent:.0f} µm away: not a neuron's footprint"
    if not np.isfinite(acg.ratio):
        return "mua", "too few spikes to see a refractory period"
    if acg.ratio >= limits.acg_threshold:
        return "mua", f"refractory ratio R {acg.ratio:.2f} is not below {limits.acg_threshold:g}"
    if acg.probability >= limits.acg_probability:
        return "mua", f"too few spikes to be sure of a refractory period (Q {acg.probability:.2f})"
    if share_missed is not None and share_missed > params.max_missed_share:
        return "mua", f"{share_missed:.0%} of its spikes seem too small to be found, at all or at some displacements"
    return "good", f"refractory: R {acg.ratio:.2f}, Q {acg.probability:.2g}"
