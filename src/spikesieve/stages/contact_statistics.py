"""What contacts are judged by: noise piece by piece, correlations, and large events that neighbours do not see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I64, U8, Reason
from spikesieve.stages.blanking import ends_of
from spikesieve.stages.noise import mad_sd

# A contact may work for a part of the time: its noise is measured in pieces of this length.
PIECE_S = 0.1
# Correlations are those of the first part of each block, of this length.
CORRELATION_S = 0.2
# Spikes and artifacts are cut off at this many SD, so that they do not make contacts look alike.
CLIP_SD = 4.0
# Events this large are compared with the neighbours. Noise that contacts share adds less than 1 / 15^2 to the ratio.
EVENT_SD = 15.0
# Closer peaks belong to one event.
EVENT_GAP_S = 2e-3


@dataclass(frozen=True, eq=False)
class ContactStatistics:
    """Statistics of the contacts in one block, or in several.

    Attributes
    ----------
    noise_uv : ndarray of float64, shape (n_pieces, n_contacts)
        Robust SD of each contact in each piece of 0.1 s, in uV; 0 where it is blanked and others are not. Pieces in
        which all contacts are blanked are left out.
    correlation : ndarray of float64, shape (n_contacts, n_contacts)
        Correlation of contacts without their spikes, from -1 to 1; 0 where one has no signal.
    n_events : ndarray of int64, shape (n_contacts,)
        Events of more than 15 SD.
    event_ratio : ndarray of float64, shape (n_contacts, n_contacts)
        [c, d]: what contact d sees of the events of contact c, as a share, each in its own noise SD.
    saturated_share : ndarray of float64, shape (n_contacts,)
        Share of the time at which each contact is at the limit of the converter.
    used_share : float
        Share of the time in which any contact is not blanked.
    """

    noise_uv: F64
    correlation: F64
    n_events: I64
    event_ratio: F64
    saturated_share: F64
    used_share: float = 1.0

    @property
    def sd_uv(self) -> F64:
        """Usual noise of each contact in uV: (n_contacts,) float64."""
        return np.asarray(np.median(self.noise_uv, axis=0) if len(self.noise_uv) else np.zeros(self.noise_uv.shape[1]))


def contact_statistics(traces_uv: F32, sampling_hz: float, why: U8 | None = None) -> ContactStatistics:
    """Measure the statistics of the contacts in one block.

    Parameters
    ----------
    traces_uv : ndarray of float32, shape (n_contacts, n_samples)
        High-passed traces in uV, before the common reference, 0 where blanked.
    sampling_hz : float
        Sampling rate in Hz.
    why : ndarray of uint8, shape (n_contacts, n_samples), optional
        `Reason` of each blanked sample, which does not count; 0 for the others. Default: none is blanked.

    Returns
    -------
    ContactStatistics
        Of this block.

    Examples
    --------
    >>> traces_uv = np.random.default_rng(0).normal(0, 10, (2, 3000)).astype(np.float32)
    >>> contact_statistics(np.vstack([traces_uv, traces_uv[:1]]), 30_000.0).correlation.round(1).tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    """
    blanked = None if why is None else why > 0
    at_limit = np.zeros(len(traces_uv)) if why is None else (why == Reason.SATURATED).mean(axis=1)
    n_pieces = max(1, round(traces_uv.shape[1] / (PIECE_S * sampling_hz)))
    pieces = np.array_split(traces_uv, n_pieces, axis=1)
    masks = [None] * n_pieces if blanked is None else np.array_split(blanked, n_pieces, axis=1)
    noise_uv = np.stack([mad_sd(piece, mask) for piece, mask in zip(pieces, masks, strict=True)])
    noise_uv = np.nan_to_num(noise_uv[np.isfinite(noise_uv).any(axis=1)])
    sd_uv = np.median(noise_uv, axis=0) if len(noise_uv) else np.zeros(len(traces_uv))
    used_share = 1.0 if blanked is None else float((~blanked).any(axis=0).mean())
    part = traces_uv[:, : max(1, round(CORRELATION_S * sampling_hz))]
    n_events, event_ratio = _large_events(traces_uv, sd_uv, round(EVENT_GAP_S * sampling_hz))
    return ContactStatistics(noise_uv, _correlation(part, sd_uv), n_events, event_ratio, at_limit, used_share)


def _correlation(traces_uv: F32, sd_uv: F64) -> F64:
    limit = (CLIP_SD * sd_uv).astype(np.float32)[:, None]
    cut = np.clip(traces_uv, -limit, limit)
    cut -= cut.mean(axis=1, keepdims=True)
    size = np.sqrt((cut**2).sum(axis=1, keepdims=True))
    unit = cut / np.where(size > 0, size, 1.0)
    return np.asarray(unit @ unit.T, dtype=np.float64)


def _large_events(traces_uv: F32, sd_uv: F64, gap_samples: int) -> tuple[I64, F64]:
    """Events of each contact, and what the others see of them: (n_contacts,), (n_contacts, n_contacts)."""
    n = len(traces_uv)
    n_events, ratio = np.zeros(n, np.int64), np.zeros((n, n))
    limit = np.where(sd_uv > 0, EVENT_SD * sd_uv, np.inf)
    low_uv, high_uv = ends_of(traces_uv)
    for contact in np.flatnonzero(np.maximum(high_uv, -low_uv) > limit):
        at = np.flatnonzero(np.abs(traces_uv[contact]) > limit[contact])
        n_events[contact] = 1 + np.count_nonzero(np.diff(at) > gap_samples)
        own = traces_uv[contact, at] / sd_uv[contact]
        ratio[contact] = (traces_uv[:, at] @ own) / (own @ own) / np.where(sd_uv > 0, sd_uv, np.inf)
    return n_events, ratio


def pooled(blocks: Iterable[ContactStatistics]) -> ContactStatistics:
    """Put the statistics of several blocks together.

    Parameters
    ----------
    blocks : iterable of ContactStatistics
        Statistics of sample blocks, in order of time; at least one.

    Returns
    -------
    ContactStatistics
        All pieces; means of the correlations over the blocks in which both contacts have a signal, and of the ratios
        over the events.
    """
    each = list(blocks)
    alive = np.array([block.sd_uv > 0 for block in each], np.float64)
    n_both = alive.T @ alive
    n_events = np.sum([block.n_events for block in each], axis=0)
    seen = np.sum([block.n_events[:, None] * block.event_ratio for block in each], axis=0)
    return ContactStatistics(
        noise_uv=np.concatenate([block.noise_uv for block in each]),
        correlation=np.sum([block.correlation for block in each], axis=0) / np.maximum(n_both, 1),
        n_events=n_events,
        event_ratio=seen / np.maximum(n_events, 1)[:, None],
        saturated_share=np.mean([block.saturated_share for block in each], axis=0),
        used_share=float(np.mean([block.used_share for block in each])),
    )
