"""Measured data that a simulation can use, and everything that all its units share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F64, I64, Probe, Recording
from spikesieve.simulation.drift import Displacement
from spikesieve.simulation.footprints import Footprint
from spikesieve.simulation.measured_noise import MeasuredNoise
from spikesieve.simulation.parameters import SimulationParams
from spikesieve.simulation.trains import Activity


@dataclass(frozen=True, eq=False)
class HybridUnit:
    """A unit of a sorted recording, to be added elsewhere in it.

    Attributes
    ----------
    footprint : Footprint
        Its waveform around its position.
    position_um : ndarray of float64, shape (2,)
        Its position.
    shank : int
        Its shank.
    """

    footprint: Footprint
    position_um: F64
    shank: int


@dataclass(frozen=True, eq=False)
class Inputs:
    """Measured data; what is empty or None is drawn at random instead.

    Attributes
    ----------
    footprints : tuple of Footprint
        Footprints of the units, used in turn.
    hybrid_units : tuple of HybridUnit
        Units of `recording`, to be added elsewhere in it.
    displacement : Displacement or None
        How the tissue moves.
    intervals_s : tuple of ndarray of float64
        Interspike intervals in s to draw from; unit i uses array i, and starts again after the last array.
    noise : MeasuredNoise or None
        Noise of a real recording.
    recording : Recording or None
        A real recording to which the spikes are added, instead of noise.
    """

    footprints: tuple[Footprint, ...] = ()
    hybrid_units: tuple[HybridUnit, ...] = ()
    displacement: Displacement | None = None
    intervals_s: tuple[F64, ...] = ()
    noise: MeasuredNoise | None = None
    recording: Recording | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """What all units of a simulation share.

    Attributes
    ----------
    probe : Probe
        Contacts.
    params : SimulationParams
        All parameters.
    inputs : Inputs
        Measured data.
    displacement : Displacement
        How the tissue moves.
    activity : Activity
        Firing rate that the units share.
    channel_gain : ndarray of float64, shape (n_contacts,)
        Factor on everything that a contact records.
    """

    probe: Probe
    params: SimulationParams
    inputs: Inputs
    displacement: Displacement
    activity: Activity
    channel_gain: F64

    def contacts_on_shank(self, shank: int) -> I64:
        """Return the contacts of a shank.

        Parameters
        ----------
        shank : int
            Index of the shank.

        Returns
        -------
        ndarray of int64, shape (n,)
            Contacts, ascending.
        """
        return np.flatnonzero(self.probe.shanks == shank).astype(np.int64)
