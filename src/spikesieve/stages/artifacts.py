"""Finds artifacts: what is common to most contacts over a distance that no neuron's spike reaches.

See docs/artifacts.md. All tests look at traces before the common reference, which hides what is common.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I64, U8, Bool, Probe, Reason
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.stages.blanking import ends_of, mask_of, runs
from spikesieve.stages.gap_filling import filled

# The spike of a neuron is not large on contacts that are this far apart.
NEURON_UM = 300.0
# Contacts of a long shank are judged in pieces of about this length, so that artifacts near a source are found.
PIECE_UM = 600.0
# Small shanks, such as tetrodes, are judged together if there are at least this many.
MIN_SMALL_SHANKS = 3
# An artifact is larger than this, in noise SD, on at least this share of the contacts. Two large spikes at once, one at
# either end of a short shank, are not.
LARGE_SD, LARGE_SHARE = 10.0, 0.75
# It lasts while the bend of the trace is larger than this, in SD of the bend of noise.
LOUD_SD = 5.0
# The bend at a sample is its distance from the line between the samples this far away. White noise has this SD.
BEND_MS, BEND_NOISE = 0.5, 1.5**0.5
# Loud samples this near to each other belong together.
JOIN_MS = 1.0
# Artifacts are followed this far from where they are large.
REACH_MS = 20.0
# What the common reference leaves of an artifact is noise if it exceeds this (in noise SD) in a smaller share of it. It
# may be more on this share of the contacts.
LEFT_SD, LEFT_SHARE = 2.3, 0.1


@dataclass(frozen=True, eq=False)
class ArtifactTest:
    """What artifacts are told by.

    Attributes
    ----------
    noise_uv : ndarray of float32, shape (n_contacts,)
        Noise SD of each contact in uV, high-passed, before the common reference.
    piece : ndarray of int64, shape (n_contacts,)
        Contacts that are judged together, from `common_pieces`.
    """

    noise_uv: F32
    piece: I64


@dataclass(frozen=True, eq=False)
class Signal:
    """The traces of a block in which artifacts are looked for.

    Attributes
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Raw traces, filled where they cannot be used.
    high : ndarray of float32, shape (n_contacts, n_samples)
        The same, high-passed, without common reference.
    why : ndarray of uint8, shape (n_contacts, n_samples), or None
        `Reason` of the samples that cannot be used.
    """

    uv: F32
    high: F32
    why: U8 | None


@dataclass(frozen=True, eq=False)
class Layout:
    """How contacts belong together, and the settings of blanking.

    Attributes
    ----------
    shank_index : ndarray of int64, shape (n_contacts,)
        Shank of each contact, from 0.
    referenced : ndarray of int64, shape (n_contacts,)
        Common-reference group of each contact; -1 for none.
    sampling_hz : float
        Sampling rate in Hz.
    threshold_uv : float or None
        A high-passed sample beyond this is an artifact of its shank.
    margin_ms : float
        Time before and after an artifact that is blanked as well.
    """

    shank_index: I64
    referenced: I64
    sampling_hz: float
    threshold_uv: float | None
    margin_ms: float

    def samples(self, ms: float) -> int:
        """Convert a time to samples.

        Parameters
        ----------
        ms : float
            Time in ms.

        Returns
        -------
        int
            At least 1.
        """
        return max(1, round(ms * 1e-3 * self.sampling_hz))


def common_pieces(probe: Probe) -> I64:
    """Divide the contacts into pieces in which an artifact can be told from a spike by its extent.

    Parameters
    ----------
    probe : Probe
        The contacts.

    Returns
    -------
    ndarray of int64, shape (n_contacts,)
        Piece of each contact; -1 where the contacts lie so close together that one spike may reach all of them.

    Examples
    --------
    >>> depth_um = np.arange(16) * 100.0
    >>> line = Probe(np.stack([np.zeros(16), depth_um], axis=1), np.arange(16), np.zeros(16, np.int64), "linear")
    >>> common_pieces(line)
    array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    """
    piece, n_pieces = np.full(probe.n_contacts, -1, np.int64), 0
    small = []
    for shank in np.unique(probe.shanks):
        rows = np.flatnonzero(probe.shanks == shank)
        depth_um = probe.positions_um[rows, 1]
        if _extent_um(probe, rows) < NEURON_UM:
            small.append(rows)
            continue
        n = max(1, int(np.ptp(depth_um) // PIECE_UM))
        edges_um = np.linspace(depth_um.min(), depth_um.max(), n + 1)[1:-1]
        piece[rows] = n_pieces + np.searchsorted(edges_um, depth_um, side="right")
        n_pieces += n
    if len(small) >= MIN_SMALL_SHANKS and _extent_um(probe, np.concatenate(small)) >= NEURON_UM:
        piece[np.concatenate(small)] = n_pieces
    return piece


def _extent_um(probe: Probe, rows: I64) -> float:
    return float(np.hypot(*np.ptp(probe.positions_um[rows], axis=0)))


def artifact_test(noise_uv: F64, probe: Probe, params: PreprocessParams) -> ArtifactTest:
    """Make the test of a recording.

    Parameters
    ----------
    noise_uv : ndarray of float64, shape (n_contacts,)
        Noise SD of each contact in uV, high-passed, before the common reference.
    probe : Probe
        The contacts.
    params : PreprocessParams
        Whether artifacts are looked for.

    Returns
    -------
    ArtifactTest
        No contacts are judged together if artifacts are to be kept.
    """
    piece = common_pieces(probe)
    return ArtifactTest(noise_uv.astype(np.float32), np.full_like(piece, -1) if params.artifacts == "keep" else piece)


def artifacts(signal: Signal, probe: Probe, test: ArtifactTest, layout: Layout) -> Bool | None:
    """Find the artifacts of a block, contact by contact.

    Parameters
    ----------
    signal : Signal
        Traces of the block.
    probe : Probe
        The contacts.
    test : ArtifactTest
        Noise, and contacts that are judged together.
    layout : Layout
        Shanks, reference and settings.

    Returns
    -------
    ndarray of bool, shape (n_contacts, n_samples), or None
        Samples to blank; None if there are none, which costs little.
    """
    low_uv, high_uv = ends_of(signal.high)
    peak_uv = np.maximum(high_uv, -low_uv)
    found: Bool | None = None
    for rows, core, wanted in _cores(signal, peak_uv, probe, test, layout):
        mask = _followed(signal, rows, core, wanted, test, layout)
        found = np.zeros(signal.uv.shape, np.bool_) if found is None else found
        found[rows] |= mask
    return found if found is not None and found.any() else None


def _cores(
    signal: Signal, peak_uv: F32, probe: Probe, test: ArtifactTest, layout: Layout
) -> list[tuple[I64, Bool, bool]]:
    """Contacts, samples at which they have an artifact, and whether the user's threshold says so."""
    found: dict[tuple[int, ...], Bool] = {}
    for piece in range(int(test.piece.max(initial=-1)) + 1):
        rows = np.flatnonzero(test.piece == piece)
        least_uv = LARGE_SD * test.noise_uv[rows]
        held = signal.why is not None and (signal.why[rows] == Reason.SATURATED).any()
        if not held and np.count_nonzero(peak_uv[rows] > least_uv) < LARGE_SHARE * len(rows):
            continue
        core = _common(signal, rows, least_uv, probe)
        if core.any():
            shanks = tuple(np.unique(layout.shank_index[rows]).tolist())
            found[shanks] = found[shanks] | core if shanks in found else core
    cores = [(np.flatnonzero(np.isin(layout.shank_index, shanks)), core, False) for shanks, core in found.items()]
    if layout.threshold_uv is not None and (peak_uv >= layout.threshold_uv).any():
        for shank in np.unique(layout.shank_index[peak_uv >= layout.threshold_uv]):
            rows = np.flatnonzero(layout.shank_index == shank)
            beyond = np.asarray((np.abs(signal.high[rows]) >= layout.threshold_uv).any(axis=0))
            cores.append((rows, beyond, True))
    return cores


def _common(signal: Signal, rows: I64, least_uv: F32, probe: Probe) -> Bool:
    """Samples at which most contacts are beyond a limit, farther apart than a spike reaches."""
    beyond = np.abs(signal.high[rows]) > least_uv[:, None]
    if signal.why is not None:
        beyond |= signal.why[rows] == Reason.SATURATED
    core = np.asarray(beyond.mean(axis=0) >= LARGE_SHARE)
    at = np.flatnonzero(core)
    span_um = np.zeros(len(at))
    for xy in probe.positions_um[rows].T:
        low = np.where(beyond[:, at], xy[:, None], np.inf).min(axis=0)
        high = np.where(beyond[:, at], xy[:, None], -np.inf).max(axis=0)
        span_um = np.hypot(span_um, high - low)
    core[at] = span_um >= NEURON_UM
    return core


def bends(uv: F32, reach: int) -> F32:
    """Measure how far each sample lies from the line between the samples `reach` before and after it.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Traces. Beyond their ends, the first and the last value are taken to continue.
    reach : int
        Distance in samples.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_samples)
        A high-pass without memory: nothing that is farther away than `reach` counts.

    Examples
    --------
    >>> bends(np.array([[0.0, 1.0, 2.0, 9.0, 4.0, 5.0, 6.0]], np.float32), 1)
    array([[-0.5,  0. , -3. ,  6. , -3. ,  0. ,  0.5]], dtype=float32)
    """
    beside = np.pad(uv, ((0, 0), (reach, reach)), mode="edge")
    n = uv.shape[1]
    return np.asarray(uv - np.float32(0.5) * (beside[:, :n] + beside[:, 2 * reach :]), dtype=np.float32)


def _loud(uv: F32, noise_uv: F32, layout: Layout) -> Bool:
    limit_uv = LOUD_SD * BEND_NOISE * noise_uv[:, None]
    return np.asarray(np.abs(bends(uv, layout.samples(BEND_MS))) > limit_uv)


def _followed(signal: Signal, rows: I64, core: Bool, wanted: bool, test: ArtifactTest, layout: Layout) -> Bool:
    """Follow artifacts on each contact from where they are large until the trace bends no more than noise does."""
    mask = np.zeros((len(rows), len(core)), np.bool_)
    reach, bend = layout.samples(REACH_MS), layout.samples(BEND_MS)
    _, start, stop = runs(core[None])
    _, starts, stops = runs(mask_of((np.zeros_like(start), start - reach, stop + reach), (1, len(core))))
    for a, b in zip(starts.tolist(), stops.tolist(), strict=True):
        low, high = max(0, a - bend), min(len(core), b + bend)
        loud = _loud(signal.uv[rows, low:high], test.noise_uv[rows], layout)
        if signal.why is not None:
            loud |= signal.why[rows, low:high] == Reason.SATURATED
        near = np.convolve(core[low:high], np.ones(2 * bend + 1), mode="same") > 0.5
        # The filter spreads the core. Where most contacts are loud as well, there is the artifact itself.
        itself = near & (loud.mean(axis=0) > 0.5)
        found = _joined(loud, itself if itself.any() else near, layout)
        referenced = (layout.referenced[rows] >= 0).all() and not wanted
        if not (referenced and _reference_removes(signal.high[rows, low:high], found, test.noise_uv[rows])):
            mask[:, low:high] |= found
    return mask


def _joined(loud: Bool, core: Bool, layout: Layout) -> Bool:
    """Loud runs that touch the core, without the gaps between them, and with the margin."""
    half, margin = layout.samples(JOIN_MS / 2), round(layout.margin_ms * 1e-3 * layout.sampling_hz)
    row, start, stop = runs(loud)
    row, start, stop = runs(mask_of((row, start - half, stop + half), loud.shape))
    before = np.concatenate([[0], np.cumsum(core)])
    touches = before[stop] > before[start]
    change = margin - half
    return mask_of((row[touches], start[touches] - change, stop[touches] + change), loud.shape)


def _reference_removes(high: F32, mask: Bool, noise_uv: F32) -> bool:
    """Tell whether the common reference leaves no more of an artifact than noise, on nearly all contacts.

    It is then left to the reference on all contacts: a reference of blanked contacts would not remove it.
    """
    at = np.flatnonzero(mask.any(axis=0))
    residual = np.abs(high[:, at] - np.median(high[:, at], axis=0)) > LEFT_SD * noise_uv[:, None]
    inside = mask[:, at]
    left = (residual & inside).sum(axis=1) >= LEFT_SHARE * np.maximum(inside.sum(axis=1), 1)
    return bool(np.count_nonzero(left) <= LEFT_SHARE * len(high))


def recovery(uv: F32, why: U8, test: ArtifactTest, layout: Layout) -> U8:
    """Add the recovery of the amplifier to saturated runs: until the trace bends no more than noise does.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Raw traces.
    why : ndarray of uint8, shape (n_contacts, n_samples)
        `Reason` of the samples that cannot be used.
    test : ArtifactTest
        Noise of each contact.
    layout : Layout
        Sampling rate and margin.

    Returns
    -------
    ndarray of uint8, shape (n_contacts, n_samples)
        `why` with the recovery marked as saturated.
    """
    why = why.copy()
    for row in np.flatnonzero((why == Reason.SATURATED).any(axis=1)):
        held = why[row : row + 1] == Reason.SATURATED
        smooth = filled(uv[row : row + 1], why[row : row + 1] > 0, layout.sampling_hz)
        loud = _loud(smooth, test.noise_uv[row : row + 1], layout)
        edge = held[0].copy()
        edge[1:] |= held[0, :-1]
        edge[:-1] |= held[0, 1:]
        after = _joined(loud | held, edge, layout)
        why[row][after[0] & (why[row] == 0)] = Reason.SATURATED
    return why
