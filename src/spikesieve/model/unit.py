"""A unit: what is measured of it, and what it is taken for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from spikesieve.errors import InputError


class Label(StrEnum):
    """What a unit is taken for. A label equals its text and prints as it.

    Examples
    --------
    >>> Label.GOOD == "good", f"{Label.MUA}"
    (True, 'mua')
    """

    GOOD = "good"
    """A single neuron."""
    MUA = "mua"
    """Several neurons (multi-unit activity), or too few spikes to tell."""
    NOISE = "noise"
    """No neuron."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        raise InputError(f"The label {value!r} is unknown. A label is one of {', '.join(cls)}.")


@dataclass(frozen=True)
class Unit:
    """One row of the unit table (`units.csv`). None means: cannot be told from these data.

    Attributes
    ----------
    unit : int
        Number of the unit.
    label : Label
        good, mua or noise; given as a text it becomes a `Label`.
    why : str
        What the label rests on.
    chan_best : int
        Contact with the largest template.
    file_channel : int
        Column of the file that holds that contact.
    shank : int
        Number of the shank.
    x_um, y_um : float
        Mean position of the spikes in um.
    depth_um : float
        y of the contact with the largest template, in um.
    n_spikes : int
        Number of spikes.
    firing_rate_hz : float
        Spikes per second of the time that was sorted and not blanked.
    amplitude_uv : float
        Peak-to-peak amplitude of the template in uV on the best contact.
    snr : float
        Largest deflection of the template over the noise SD of that contact.
    refractory_ratio, refractory_probability : float or None
        R and Q of the autocorrelogram: low where there is a refractory period.
    contamination, contamination_low, contamination_high : float or None
        Share of spikes from other neurons by refractory violations, and its confidence interval.
    presence : float
        Share of that time in which the unit is present.
    nearest_unit : int or None
        Unit with the most similar template.
    nearest_similarity : float or None
        Similarity of the two templates.
    missed : float or None
        Share of spikes that seem too small to be found, at all or at some displacements.
    echo_share : float or None
        Share of spikes that stand at one lag of a larger unit's spikes, beyond chance: they may be those spikes again.
    echo_unit : int or None
        That larger unit.
    echo_lag_ms : float or None
        That lag in ms; positive if the spikes come after those of the larger unit.

    Raises
    ------
    InputError
        For a label that is none.
    """

    unit: int
    label: Label
    why: str
    chan_best: int
    file_channel: int
    shank: int
    x_um: float
    y_um: float
    depth_um: float
    n_spikes: int
    firing_rate_hz: float
    amplitude_uv: float
    snr: float
    refractory_ratio: float | None
    refractory_probability: float | None
    contamination: float | None
    contamination_low: float | None
    contamination_high: float | None
    presence: float
    nearest_unit: int | None
    nearest_similarity: float | None
    missed: float | None = None
    echo_share: float | None = None
    echo_unit: int | None = None
    echo_lag_ms: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", Label(self.label))
