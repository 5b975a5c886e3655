"""One cloud of spikes or two? The axis along which a unit parts best, and the place of every spike on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I32, I64, Bool
from spikesieve.stages.features import rearranged
from spikesieve.stages.sieve.mixtures import fit_two_gaussians
from spikesieve.stages.sieve.same_neuron import without_jitter
from spikesieve.stages.sieve.splits import main_axes
from spikesieve.stages.templates import component_lags
from spikesieve.views.result import Result

MAX_LEARNED = 3_000
"""Spikes from which the axis is learned, evenly spaced. Then all are put on it."""
AT_ONCE = 50_000
"""Spikes whose features are read at a time."""
FEWEST_SPIKES = 50
"""Fewer spikes have no axis."""


@dataclass(frozen=True, eq=False)
class TwoClusters:
    """The two clouds of a unit's spikes.

    Attributes
    ----------
    gain : float
        Log likelihood of two Gaussians above that of one, for the spikes that were learned from.
    separation : float
        Distance of the two means in SD within the clouds.
    axis : Axis
        What parts them.
    """

    gain: float
    separation: float
    axis: Axis


@dataclass(frozen=True, eq=False)
class Axis:
    """A direction in the space of features.

    Attributes
    ----------
    contacts : ndarray of int64, shape (n_contacts,)
        Contacts of the features; none if amplitude and place are used in their stead.
    direction : ndarray of float64, shape (n_dims,)
        Along it the SD within the clouds is 1.
    origin : float
        What is subtracted: spikes above 0 are in the smaller cloud.
    """

    contacts: I64
    direction: F64
    origin: float

    def place(self, result: Result, rows: I32) -> F64:
        """Put spikes on the axis.

        Parameters
        ----------
        result : Result
            The result.
        rows : ndarray of int32, shape (n,)
            The spikes.

        Returns
        -------
        ndarray of float64, shape (n,)
            In SD within the clouds; above 0 for the smaller one.
        """
        parts = [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]
        placed = [_described(result, part, self.contacts) @ self.direction - self.origin for part in parts]
        return np.concatenate([np.empty(0), *placed])


def two_clusters(result: Result, rows: I32) -> TwoClusters | None:
    """Fit two Gaussians to the spikes of a unit.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        The spikes of the unit.

    Returns
    -------
    TwoClusters or None
        None if there are too few spikes, or nothing is known of them.

    Notes
    -----
    The space is that in which the sorter itself looks for two neurons: features with noise of SD 1, without the
    direction in which a waveform changes when it comes a little later, in their main components. Features of other
    programs are on a scale of their own: most of their directions hold noise, so its SD is that of the middle one.
    Without features of all spikes, amplitude and place are used.
    """
    learned = rows[np.unique(np.linspace(0, len(rows) - 1, MAX_LEARNED).astype(np.int64))] if len(rows) else rows
    contacts = _common_contacts(result, rows)
    x = _described(result, learned, contacts)
    if len(x) < FEWEST_SPIKES or not x.shape[1] or not np.isfinite(x).all():
        return None
    steady = _without_jitter(result, x, contacts, x.mean(axis=0))
    centred = steady - steady.mean(axis=0)
    # Amplitude and place have no noise of SD 1, and are few.
    main = main_axes(centred / _noise_sd(result, centred)) if len(contacts) else np.eye(x.shape[1])
    points = centred @ main
    found = fit_two_gaussians(points)
    if found is None:
        return None
    upper = found.upper if found.upper.sum() <= len(x) / 2 else ~found.upper
    direction = _without_jitter(result, (main @ _discriminant(points, upper))[None], contacts, x.mean(axis=0))[0]
    return TwoClusters(found.gain, found.separation, _scaled(x, direction, upper, contacts))


def _scaled(x: F64, direction: F64, upper: Bool, contacts: I64) -> Axis:
    """The axis with an SD of 1 within the clouds, and 0 where a spike is as likely in either."""
    place = x @ direction
    means = [float(place[~upper].mean()), float(place[upper].mean())]
    residual = place - np.where(upper, means[1], means[0])
    sd = max(float(residual.std()), 1e-12)
    share = float(upper.mean())
    apart = max((means[1] - means[0]) / sd, 1e-12)
    middle = sum(means) / 2 + sd * float(np.log((1 - share) / share)) / apart
    return Axis(contacts, direction / sd, min(max(middle, means[0]), means[1]) / sd)


def _discriminant(points: F64, upper: Bool) -> F64:
    """Fisher's direction between two clouds."""
    means = np.stack([points[~upper].mean(axis=0), points[upper].mean(axis=0)])
    residual = points - means[upper.astype(np.int64)]
    within = residual.T @ residual / len(points) + 1e-9 * np.eye(points.shape[1])
    return np.asarray(np.linalg.solve(within, means[1] - means[0]))


def _noise_sd(result: Result, centred: F64) -> float:
    """SD of the noise in the features."""
    return 1.0 if result.sorting is not None else max(float(np.sqrt(np.median(centred.var(axis=0)))), 1e-12)


def _common_contacts(result: Result, rows: I32) -> I64:
    """Contacts on which all these spikes were measured."""
    if result.features is None or result.features.stored is not None or not len(rows):
        return np.empty(0, np.int64)
    measured = result.features.contacts[np.unique(result.template[rows])]
    contacts, n = np.unique(measured, return_counts=True)
    return np.asarray(contacts[(n == len(measured)) & (contacts >= 0)], np.int64)


def _described(result: Result, rows: I32, contacts: I64) -> F64:
    """Features of spikes on some contacts, or amplitude and place, each in its own SD: (n, n_dims)."""
    if result.features is not None and len(contacts):
        features: F32 = np.asarray(result.features.scores[rows], np.float32)
        own = result.features.contacts[result.template[rows]]
        wanted = np.full((1, own.shape[1]), -1, np.int64)
        wanted[0, : len(contacts)] = contacts
        moved = rearranged(features, own, wanted.repeat(len(rows), axis=0))[:, : len(contacts)]
        return moved.reshape(len(rows), -1).astype(np.float64)
    columns = [] if result.amplitude is None else [result.amplitude]
    columns += [] if result.position_um is None else list(result.position_um.T)
    return np.stack([column[rows].astype(np.float64) for column in columns] or [np.empty(0)], axis=1)


def _without_jitter(result: Result, x: F64, contacts: I64, mean: F64) -> F64:
    if result.sorting is None or not len(contacts):
        return x
    return without_jitter(x, mean.reshape(len(contacts), -1), component_lags(result.sorting.pcs))
