"""The labels that the published thresholds of bombcell and of IBL give a unit, with the reasons.

The thresholds are facts that both publish; they are applied to what is measured here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from spikesieve.model import UnitMetrics

# SD of a Gaussian over its median absolute deviation: bombcell's SNR counts in the latter.
SD_OF_MAD = 1.4826


class PublishedLabel(NamedTuple):
    """A label of another program's thresholds.

    Attributes
    ----------
    label : str
        good, mua, noise or non_somatic.
    why : str
        What the unit fails, and what could not be judged.
    """

    label: str
    why: str


class PassedTests(NamedTuple):
    """How many of IBL's tests a unit passes.

    Attributes
    ----------
    share : float
        0, 1/3, 2/3 or 1.
    why : str
        What it fails.
    """

    share: float
    why: str


@dataclass(frozen=True)
class Measured:
    """What thresholds are applied to.

    Attributes
    ----------
    metrics : UnitMetrics
        The unit's row of metrics.csv, without the labels.
    ptp_uv : float
        Peak-to-peak amplitude of the template on the best contact, in uV.
    baseline_flatness : float or None
        Of the first third of a millisecond of the template.
    hill_contamination : float or None
        By intervals of 0.1 to 2 ms.
    """

    metrics: UnitMetrics
    ptp_uv: float
    baseline_flatness: float | None
    hill_contamination: float | None


@dataclass(frozen=True)
class _Test:
    """A measured value, and the range in which it passes."""

    name: str
    value: float | None
    at_least: float = float("-inf")
    at_most: float = float("inf")

    @property
    def failure(self) -> str:
        """What is wrong with the value; empty if nothing is, or if it is not known."""
        if self.value is None or self.at_least <= self.value <= self.at_most:
            return ""
        below = self.value < self.at_least
        limit = f"below {self.at_least:.4g}" if below else f"above {self.at_most:.4g}"
        return f"{self.name} {self.value:.3g} is {limit}"


def bombcell_label(unit: Measured, non_somatic: str) -> PublishedLabel:
    """Label a unit by bombcell's default thresholds.

    Parameters
    ----------
    unit : Measured
        What was measured.
    non_somatic : str
        Why the waveform is no soma's; empty if it is.

    Returns
    -------
    PublishedLabel
        noise for the shape of noise; then non_somatic; then mua for spikes that are missing, few, too close, absent or
        small; else good.

    References
    ----------
    Fabre, van Beest, Peters, Carandini, Harris, bombcell, zenodo 8172821.
    """
    m = unit.metrics
    noise = [
        _Test("number of peaks", m.num_positive_peaks, at_most=2),
        _Test("number of troughs", m.num_negative_peaks, at_most=1),
        _Test("trough to peak in µs", _scaled(m.peak_to_trough_duration, 1e6), 100, 1150),
        _Test("baseline flatness", unit.baseline_flatness, at_most=0.3),
        _Test("peak after over trough", m.peak_after_to_trough_ratio, at_most=0.8),
        _Test("decay per µm", m.exp_decay, 0.01, 0.1),
    ]
    several = [
        _Test("share of missing spikes", m.amplitude_cutoff, at_most=0.2),
        _Test("number of spikes", m.num_spikes, at_least=300),
        _Test("contamination by refractory violations", unit.hill_contamination, at_most=0.1),
        _Test("presence ratio", m.presence_ratio, at_least=0.7),
        _Test("amplitude in µV", unit.ptp_uv, at_least=40),
        _Test("SNR in MAD", _scaled(m.snr, SD_OF_MAD), at_least=5),
    ]
    if failures := _failures(noise):
        return PublishedLabel("noise", "; ".join(failures))
    if non_somatic:
        return PublishedLabel("non_somatic", non_somatic)
    unknown = [test.name for test in (*noise, *several) if test.value is None]
    not_judged = [f"not judged: {', '.join(unknown)}"] if unknown else []
    failures = _failures(several)
    return PublishedLabel("mua" if failures else "good", "; ".join([*failures, *not_judged]) or "passes every test")


def ibl_label(unit: Measured) -> PassedTests:
    """Count how many of IBL's three tests a unit passes.

    Parameters
    ----------
    unit : Measured
        What was measured.

    Returns
    -------
    PassedTests
        The tests: at most 10 % contamination with 90 % confidence at some refractory period; noise cutoff below 5;
        median peak-to-peak amplitude above 50 uV. What is not known is not passed.

    References
    ----------
    IBL, "Spike sorting pipeline for the International Brain Laboratory" (2022), figshare 19705522.
    """
    m = unit.metrics
    tests = [
        _Test("contamination by the sliding refractory period", m.sliding_rp_violation, at_most=0.1),
        _Test("noise cutoff", m.noise_cutoff, at_most=5),
        _Test("amplitude in µV", unit.ptp_uv, at_least=50),
    ]
    unknown = [f"{test.name} is not known" for test in tests if test.value is None]
    failures = [*_failures(tests), *unknown]
    return PassedTests(1 - len(failures) / len(tests), "; ".join(failures) or "passes every test")


def _failures(tests: list[_Test]) -> list[str]:
    return [test.failure for test in tests if test.failure]


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
