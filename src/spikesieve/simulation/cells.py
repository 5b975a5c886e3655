"""Cells as point currents in space: kinds, and how a cell of a kind is drawn.

A cell is a sink at the soma, an earlier and smaller one where the axon starts, weaker and later ones up the dendrites,
and the return current that leaves through the dendrites, so that its currents add up to nothing at any time. A passing
axon is a row of currents, each later than the one before. Ranges: docs/simulation.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikesieve.model import F64, Bool

Range = tuple[float, float]

POINT_SPACING_UM = 12.0
N_DENDRITES = 7
# A passing axon is heard along AXON_UM; its currents fall off to either side with an SD of AXON_NEAR_UM.
AXON_UM = 180.0
AXON_NEAR_UM = 30.0
# Height of the source that runs ahead of an axon's sink, relative to it.
AXON_FIRST_SOURCE = (0.2, 0.4)


@dataclass(frozen=True)
class CellKind:
    """Ranges from which a cell of a kind is drawn, all uniform.

    name              the kind
    share             how often it is drawn, relative to the others
    sink_sd_ms        half-width (SD) of the sodium sink
    repolarisation_ms delay of the repolarisation's peak after the sink's: the trough-to-peak time
    repolarisation    height of that peak relative to the sink; (0, 0): as large as leaves no net charge
    dendrite_um       length of the longest dendrite; (0, 0): a passing axon without soma
    asymmetry         0: dendrites in all directions alike, 1: all in one
    return_um         length over which the return current falls to 1/e along a dendrite
    seen_at_tuft      True when the probe lies beside the dendrite's end: the spike is positive
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
    """Point currents of one cell; each is a sum of pulses, a pulse half a Gaussian before its centre and one after.

    kind          name of the kind
    points_um     (n_points, 3) float64, relative to the cell's place; z grows away from the probe
    height_na     (n_points, n_pulses) float64
    centre_ms     (n_points, n_pulses) float64
    rise_sd_ms    (n_points, n_pulses) float64, SD before the centre
    fall_sd_ms    (n_points, n_pulses) float64, SD after it
    return_share  (n_points,) float64, share of the return current, sums to 1
    """

    kind: str
    points_um: F64
    height_na: F64
    centre_ms: F64
    rise_sd_ms: F64
    fall_sd_ms: F64
    return_share: F64

    def currents_na(self, times_ms: F64) -> F64:
        """(n_points, n_times) float64 currents in nA, outward positive; they sum to 0 at any time."""
        active = np.zeros((len(self.points_um), len(times_ms)))
        for height, centre, rise, fall in zip(
            self.height_na.T, self.centre_ms.T, self.rise_sd_ms.T, self.fall_sd_ms.T, strict=True
        ):
            t = times_ms - centre[:, None]
            active += height[:, None] * np.exp(-0.5 * (t / np.where(t < 0, rise[:, None], fall[:, None])) ** 2)
        return np.asarray(active - self.return_share[:, None] * active.sum(axis=0))


def draw_kind(rng: np.random.Generator) -> CellKind:
    """A kind, as often as its share."""
    share = np.array([kind.share for kind in KINDS])
    return KINDS[int(rng.choice(len(KINDS), p=share / share.sum()))]


def draw_cell(kind: CellKind, rng: np.random.Generator) -> Cell:
    """A cell of the kind: its shape, time course and spread are drawn; the largest current is near 1 nA."""
    if kind.dendrite_um == (0, 0):
        return _draw_axon(kind, rng)
    width, delay, height = (rng.uniform(*r) for r in (kind.sink_sd_ms, kind.repolarisation_ms, kind.repolarisation))
    points, path_um, is_axon = _draw_shape(rng.uniform(*kind.dendrite_um), rng.uniform(*kind.asymmetry), rng)
    is_dendrite = path_um > 0

    # The spike runs back into the dendrites: weaker, later and wider the farther from the soma.
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
    """Points of soma, axon and dendrites (n, 3) in um; distance along a dendrite (n,) in um, else 0; is_axon (n,)."""
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
    """A direction that does not cross the plane of the probe: no dendrite grows through the shank."""
    vector = rng.normal(size=3)
    vector[2] = abs(vector[2])
    return np.asarray(vector / np.linalg.norm(vector))


def _seen_at_tuft(cell: Cell) -> Cell:
    """The cell, its place now where its longest dendrite ends, with a third of the return current there.

    The cell is mirrored at that end, so that its soma still lies away from the probe.
    """
    tuft = int(np.argmax(np.linalg.norm(cell.points_um, axis=1)))
    share = 0.65 * cell.return_share
    share[tuft] += 0.35
    return replace(cell, points_um=cell.points_um[tuft] - cell.points_um, return_share=share)


def _draw_axon(kind: CellKind, rng: np.random.Generator) -> Cell:
    """A spike that runs along a piece of straight axon: source, sink, source at every point, without net charge."""
    width, delay, before = (rng.uniform(*r) for r in (kind.sink_sd_ms, kind.repolarisation_ms, AXON_FIRST_SOURCE))
    direction = _direction(rng) * (1, 1, 0.2)
    along = np.arange(-AXON_UM / 2, AXON_UM / 2 + 1, POINT_SPACING_UM)
    n = len(along)
    near = np.exp(-0.5 * (along / AXON_NEAR_UM) ** 2)
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
