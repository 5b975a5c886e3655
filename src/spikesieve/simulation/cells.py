"""Simulated cells as point currents: kinds of cells, and random cells of a kind.

A spike is a current sink at the soma, an earlier and smaller sink at the start of the axon, and weaker, later ones
along the dendrites. The return current leaves through the dendrites, so that all currents sum to 0 at any time. A
passing axon is a row of currents, each later than the one before. docs/simulation.md gives the ranges and sources.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.model import F64, Bool

Range = tuple[float, float]

POINT_SPACING_UM = 12.0
N_DENDRITES = 7
# A passing axon has currents along AXON_UM; they fall off to either side with an SD of AXON_SD_UM.
AXON_UM = 180.0
AXON_SD_UM = 30.0
# Height of the source that runs ahead of an axon's sink, relative to the sink.
AXON_FIRST_SOURCE = (0.2, 0.4)


@dataclass(frozen=True)
class CellKind:
    """Ranges from which a cell of a kind is drawn; all distributions are uniform.

    Attributes
    ----------
    name : str
        Name of the kind.
    share : float
        How often the kind is drawn, relative to the other kinds.
    sink_sd_ms : (float, float)
        Half width (SD) of the sodium sink.
    repolarisation_ms : (float, float)
        Delay of the repolarisation's peak after the sink's: the trough-to-peak time.
    repolarisation : (float, float)
        Height of that peak relative to the sink; (0, 0): the height that leaves no net charge.
    dendrite_um : (float, float)
        Length of the longest dendrite; (0, 0): a passing axon without soma.
    asymmetry : (float, float)
        0: dendrites in random directions, 1: all in one direction.
    return_um : (float, float)
        Length over which the return current falls to 1/e along a dendrite.
    seen_at_tuft : bool
        True where the probe lies beside the dendrite's end: the spike is positive.
    """

    name: str
    share: float
    sink_sd_ms: Range
    repolarisation_ms: Range
    repolarisation: Range
    dendrite_um: Range
    asymmetry: Range
    return_um: Range
    seen_at_tuft: bool = False


KINDS = (
    CellKind("pyramidal", 0.62, (0.09, 0.14), (0.5, 0.8), (0.2, 0.5), (120, 250), (0.4, 0.9), (60, 100)),
    CellKind("fast_spiking", 0.28, (0.06, 0.08), (0.2, 0.35), (0.35, 0.7), (80, 140), (0.0, 0.4), (45, 80)),
    CellKind("axonal", 0.06, (0.05, 0.07), (0.16, 0.22), (0, 0), (0, 0), (0, 0), (0, 0)),
    CellKind("positive", 0.04, (0.09, 0.14), (0.4, 0.7), (0.2, 0.4), (120, 200), (0.9, 1.0), (30, 60), True),
)


@dataclass(frozen=True, eq=False)
class Cell:
    """Point currents of one cell, each a sum of pulses; a pulse is half a Gaussian before its centre and one after.

    Attributes
    ----------
    kind : str
        Name of the kind.
    points_um : ndarray of float64, shape (n_points, 3)
        Relative to the cell's position; z grows away from the probe.
    height_na, centre_ms : ndarray of float64, shape (n_points, n_pulses)
        Height and time of each pulse.
    rise_sd_ms, fall_sd_ms : ndarray of float64, shape (n_points, n_pulses)
        SD before and after the centre.
    return_share : ndarray of float64, shape (n_points,)
        Share of the return current; sums to 1.
    """

    kind: str
    points_um: F64
    height_na: F64
    centre_ms: F64
    rise_sd_ms: F64
    fall_sd_ms: F64
    return_share: F64

    def currents_na(self, times_ms: F64) -> F64:
        """Compute the currents at some times.

        Parameters
        ----------
        times_ms : ndarray of float64, shape (n_times,)
            Times from the soma's sink in ms.

        Returns
        -------
        ndarray of float64, shape (n_points, n_times)
            Currents in nA, outward positive; they sum to 0 at any time.
        """
        active = np.zeros((len(self.points_um), len(times_ms)))
        for height, centre, rise, fall in zip(
            self.height_na.T, self.centre_ms.T, self.rise_sd_ms.T, self.fall_sd_ms.T, strict=True
        ):
            t = times_ms - centre[:, None]
            active += height[:, None] * np.exp(-0.5 * (t / np.where(t < 0, rise[:, None], fall[:, None])) ** 2)
        return np.asarray(active - self.return_share[:, None] * active.sum(axis=0))


def draw_kind(rng: np.random.Generator) -> CellKind:
    """Draw a kind of cell, in proportion to the shares.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    CellKind
        One of `KINDS`.

    Examples
    --------
    >>> draw_kind(np.random.default_rng(0)).name
    'fast_spiking'
    """
    share = np.array([kind.share for kind in KINDS])
    return KINDS[int(rng.choice(len(KINDS), p=share / share.sum()))]


def draw_cell(kind: CellKind, rng: np.random.Generator) -> Cell:
    """Draw a cell of a kind: its shape and the time course of its currents.

    Parameters
    ----------
    kind : CellKind
        Ranges to draw from.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Cell
        Its largest current is near 1 nA.

    Examples
    --------
    >>> cell = draw_cell(KINDS[0], np.random.default_rng(0))
    >>> bool(abs(cell.currents_na(np.array([0.0, 0.5])).sum(axis=0)).max() < 1e-12)
    True
    """
    if kind.dendrite_um == (0, 0):
        return _draw_axon(kind, rng)
    width, delay, height = (rng.uniform(*r) for r in (kind.sink_sd_ms, kind.repolarisation_ms, kind.repolarisation))
    points, path_um, is_axon = _draw_shape(rng.uniform(*kind.dendrite_um), rng.uniform(*kind.asymmetry), rng)
    is_dendrite = path_um > 0

    # The spike runs back into the dendrites; it gets weaker, later and wider with distance from the soma.
    strength = is_dendrite * 0.06 * np.exp(-path_um / rng.uniform(40, 90))
    strength[0] = 1.0
    strength[is_axon] = rng.uniform(0.05, 0.15)
    lag_ms = path_um / rng.uniform(300, 700) - is_axon * rng.uniform(0.02, 0.08)
    wider = 1 + path_um / 250.0
    returned = is_dendrite * np.exp(-path_um / rng.uniform(*kind.return_um))
    cell = Cell(
        kind=kind.name,
        points_um=points,
        height_na=strength[:, None] * np.array([-1.0, height]),
        centre_ms=lag_ms[:, None] + np.array([0.0, delay]),
        rise_sd_ms=wider[:, None] * np.array([width, 0.45 * delay]),
        fall_sd_ms=wider[:, None] * np.array([1.15 * width, 0.6 * delay]),
        return_share=returned / returned.sum(),
    )
    return _seen_at_tuft(cell) if kind.seen_at_tuft else cell


def _draw_shape(length_um: float, asymmetry: float, rng: np.random.Generator) -> tuple[F64, F64, Bool]:
    """Draw points (n, 3) in um of a cell; distance along a dendrite (n,) in um, 0 elsewhere; is_axon (n,)."""
    main = _direction(rng)
    points, path = [np.zeros((1, 3)), -main * np.array([[12.0], [24.0]])], [np.zeros(3)]
    for i in range(N_DENDRITES):
        direction = main if i == 0 else (1 - asymmetry) * _direction(rng) + asymmetry * main
        reach = length_um if i == 0 else length_um * rng.uniform(0.4, 0.7)
        along = np.arange(POINT_SPACING_UM, reach, POINT_SPACING_UM)
        points.append(along[:, None] * direction / np.linalg.norm(direction))
        path.append(along)
    is_axon = np.zeros(sum(map(len, path)), np.bool_)
    is_axon[1:3] = True
    return np.concatenate(points), np.concatenate(path), is_axon


def _direction(rng: np.random.Generator) -> F64:
    """Draw a direction away from the probe's plane: no dendrite grows through the shank."""
    vector = rng.normal(size=3)
    vector[2] = abs(vector[2])
    return np.asarray(vector / np.linalg.norm(vector))


def _seen_at_tuft(cell: Cell) -> Cell:
    """Put the probe beside the end of the longest dendrite, where a third of the return current leaves.

    The cell is mirrored there, so that its soma still lies away from the probe.
    """
    tuft = int(np.argmax(np.linalg.norm(cell.points_um, axis=1)))
    share = 0.65 * cell.return_share
    share[tuft] += 0.35
    return replace(cell, points_um=cell.points_um[tuft] - cell.points_um, return_share=share)


def _draw_axon(kind: CellKind, rng: np.random.Generator) -> Cell:
    """Draw a spike that runs along a straight axon: source, sink, source at every point, without net charge."""
    width, delay, before = (rng.uniform(*r) for r in (kind.sink_sd_ms, kind.repolarisation_ms, AXON_FIRST_SOURCE))
    direction = _direction(rng) * (1, 1, 0.2)
    along = np.arange(-AXON_UM / 2, AXON_UM / 2 + 1, POINT_SPACING_UM)
    n = len(along)
    near = np.exp(-0.5 * (along / AXON_SD_UM) ** 2)
    sd = np.array([width, width, 0.5 * delay])
    after = (1 - before) * width / (0.5 * delay)
    return Cell(
        kind=kind.name,
        points_um=along[:, None] * direction / np.linalg.norm(direction),
        height_na=near[:, None] * np.array([before, -1.0, after]),
        centre_ms=along[:, None] / rng.uniform(300, 700) + np.array([-2.2 * width, 0.0, delay]),
        rise_sd_ms=np.tile(sd, (n, 1)),
        fall_sd_ms=np.tile(sd, (n, 1)),
        return_share=np.full(n, 1 / n),
    )
