"""What a simulation can be given beyond its parameters, and the scene that units are drawn into."""

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
class KnownUnit:
    """A unit of a sorted recording, to be put elsewhere.

    footprint    its waveform around its place
    position_um  (2,) float64, where it lies
    shank        its shank
    """

    footprint: Footprint
    position_um: F64
    shank: int


@dataclass(frozen=True, eq=False)
class Given:
    """What is not drawn but given; what is empty or None is drawn.

    footprints    of units, taken in turn
    known         units of `base` to be put elsewhere in it
    displacement  how the tissue moves
    intervals_s   intervals to draw from; unit i takes array i, over and over
    noise         the noise of a real recording
    base          a real recording to which the spikes are added, instead of noise
    """

    footprints: tuple[Footprint, ...] = ()
    known: tuple[KnownUnit, ...] = ()
    displacement: Displacement | None = None
    intervals_s: tuple[F64, ...] = ()
    noise: MeasuredNoise | None = None
    base: Recording | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """What all units of a simulation have in common.

    probe         contacts
    params        everything that was asked for
    given         what was given
    displacement  how the tissue moves
    activity      the rate that units share
    channel_gain  (n_contacts,) float64, how many times too large each contact shows everything
    """

    probe: Probe
    params: SimulationParams
    given: Given
    displacement: Displacement
    activity: Activity
    channel_gain: F64

    def on_shank(self, shank: int) -> I64:
        """Contacts of a shank."""
        return np.flatnonzero(self.probe.shanks == shank).astype(np.int64)
