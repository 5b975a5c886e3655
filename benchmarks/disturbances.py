"""Sorts one simulated recording with silence, artifacts and saturation, and compares with what can be reached.

    python benchmarks/disturbances.py [NAME ...] [--seconds 20] [--probe linear:16:25] [--units 10] [--set NAME=VALUE]

The columns: all true spikes, scored in the disturbed recording; spikes outside the disturbed time (of the contact
where their unit is largest), scored in the disturbed recording and (reachable) in the undisturbed one; the score of an
undisturbed recording that is as short as the undisturbed time of this one (units are learned from fewer spikes there);
false units, and those of them labelled good; share blanked. The score is the mean, over the true units, of the best
agreement with a unit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

import spikesieve
from spikesieve import Settings
from spikesieve.api.simulate import SimulationSettings, preset_settings
from spikesieve.comparison.agreement import agreement
from spikesieve.model import Sorting
from spikesieve.model.external import SpikeTrains
from spikesieve.simulation import simulate_array
from spikesieve.simulation.truth import Truth

Raw = NDArray[np.int16]
Times = list[tuple[float, float]]
I64 = NDArray[np.int64]
# Which spikes, by their samples and channels, are hidden in a recording of (n_samples, n_channels).
Hides = Callable[[I64, I64, tuple[int, int]], NDArray[np.bool_]]
# Spikes this near to a disturbance count as disturbed.
MARGIN_MS = 2.0
FALSE = 0.5
# Where this share of the spikes is undisturbed, the length of the recording makes little difference.
ALMOST_ALL = 0.85


@dataclass(frozen=True)
class Disturbance:
    """What is done to the recording, and when.

    Attributes
    ----------
    simulated : tuple of str
        Settings of the simulation.
    length_ms : float
        Length of each of its artifacts or pulses.
    change : callable
        Changes raw samples (n_samples, n_channels).
    hides : callable
        Which spikes some channels do not see, beside those near artifacts and pulses.
    """

    simulated: tuple[str, ...] = ()
    length_ms: float = 0.0
    change: Callable[[Raw], Raw] = field(default=lambda raw: raw)
    hides: Hides = field(default=lambda sample, channel, shape: np.zeros(len(sample), np.bool_))

    def silenced(self) -> Disturbance:
        """The same, with 0 where spikes are hidden."""

        def change(raw: Raw) -> Raw:
            changed, samples = raw.copy(), np.arange(len(raw))
            for channel in range(raw.shape[1]):
                changed[self.hides(samples, np.full(len(raw), channel), raw.shape), channel] = 0
            return changed

        return replace(self, change=change)


def every(period_s: float, length_s: float, seconds: float) -> Times:
    """Evenly spaced intervals, the first after half a period."""
    return [(start, start + length_s) for start in np.arange(period_s / 2, seconds, period_s)]


def scaled(share_clipped: float) -> Callable[[Raw], Raw]:
    """Make the recording so large that a share of its samples is clipped by int16."""

    def change(raw: Raw) -> Raw:
        factor = 32767 / np.quantile(np.abs(raw.astype(np.float32)), 1 - share_clipped)
        return np.clip(np.rint(raw * factor), -32768, 32767).astype(np.int16)

    return change


def one_channel(raw: Raw) -> Raw:
    """One channel stands at the limit all the time."""
    changed = raw.copy()
    changed[:, raw.shape[1] // 2] = 32767
    return changed


def one_channel_often(raw: Raw) -> Raw:
    """One channel stands at the limit for 3 ms, ten times a second."""
    changed = raw.copy()
    for start in range(1000, len(raw) - 100, 3000):
        changed[start : start + 90, raw.shape[1] // 2] = -32768
    return changed


def in_quarter(sample: I64, channel: I64, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """A quarter of the channels is silent for the first 40 %."""
    return (sample < 0.4 * shape[0]) & (channel < shape[1] // 4)


def in_some_channels(sample: I64, channel: I64, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Every fourth channel is silent in the second half."""
    return (sample >= shape[0] // 2) & (channel % 4 == 1)


def in_one_channel(sample: I64, channel: I64, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """One channel sees nothing."""
    return channel == shape[1] // 2


def in_one_channel_often(sample: I64, channel: I64, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """One channel sees nothing for 3 ms, ten times a second."""
    margin = round(MARGIN_MS * 30)
    return in_one_channel(sample, channel, shape) & ((sample - 1000 + margin) % 3000 < 90 + 2 * margin)


def disturbances(seconds: float) -> dict[str, Disturbance]:
    """All disturbances by name."""
    return {
        "none": Disturbance(),
        "silence 40 %": Disturbance(("silences_per_min=60", "silence_ms=400"), 400.0),
        "lost packets": Disturbance(("silences_per_min=600", "silence_ms=0.5"), 0.5),
        "quarter silent": Disturbance(hides=in_quarter).silenced(),
        "every fourth fails": Disturbance(hides=in_some_channels).silenced(),
        "rail 1 ms": Disturbance(("rails_per_min=6000", "rail_ms=1"), 1.0),
        "rail one channel": Disturbance(change=one_channel, hides=in_one_channel),
        "rail one often": Disturbance(change=one_channel_often, hides=in_one_channel_often),
        "clipped 0.38 %": Disturbance(change=scaled(0.0038)),
        "amplifier limit": Disturbance(("saturation_uv=300",)),
        "artifacts 2 mV": Disturbance(("artifacts_per_min=30", "artifact_uv=2000", "artifact_ms=2"), 2.0),
        "artifacts 6 mV": Disturbance(("artifacts_per_min=30", "artifact_uv=6000", "artifact_ms=10"), 10.0),
        "artifacts 0.3 mV": Disturbance(("artifacts_per_min=60", "artifact_uv=300", "artifact_ms=2"), 2.0),
        "pulses 10 Hz": Disturbance(("pulses_hz=10",), 6.0),
        "pulses 40 Hz": Disturbance(("pulses_hz=40", "pulse_tail_ms=2"), 3.0),
    }


@dataclass(frozen=True)
class Undisturbed:
    """Tells which spikes count.

    Attributes
    ----------
    times : list of (float, float)
        When all channels are disturbed, in s.
    hides : callable
        Which spikes some channels do not see.
    shape : (int, int)
        Samples and channels.
    hz : float
        Sampling rate in Hz.
    """

    times: Times
    hides: Hides
    shape: tuple[int, int]
    hz: float

    def __call__(self, sample: I64, channel: I64) -> NDArray[np.bool_]:
        """Find the spikes that are not near a disturbance of the channel on which their unit is largest."""
        keep = ~self.hides(sample, channel, self.shape)
        margin_s = MARGIN_MS / 1e3
        if self.times:
            starts, stops = np.array(self.times).T
            last = np.searchsorted(starts - margin_s, sample / self.hz, side="right") - 1
            keep &= (last < 0) | (sample / self.hz > stops[np.maximum(last, 0)] + margin_s)
        return keep


def scores(truth: Truth, sorting: Sorting, counts: Undisturbed) -> tuple[float, NDArray[np.float64]]:
    """Mean best agreement of the true units, and the best agreement of each sorted unit, in the spikes that count."""
    hz, found, true_unit = sorting.sampling_hz, sorting.spikes, truth.unit.astype(np.int64)
    # A unit may be largest elsewhere while its channel is silent: the place of its neuron counts.
    every_true = SpikeTrains.from_spikes(truth.sample, true_unit)
    every_found = SpikeTrains.from_spikes(found.sample, found.unit.astype(np.int64))
    neuron = every_true.units[agreement(every_true, every_found, hz).scores().argmax(axis=0)]
    channel = np.zeros(len(sorting.units), np.int64)
    channel[every_found.units] = channels_of(truth)[neuron]
    inside = counts(truth.sample, channels_of(truth)[true_unit]), counts(found.sample, channel[found.unit])
    a = SpikeTrains.from_spikes(truth.sample[inside[0]], true_unit[inside[0]])
    b = SpikeTrains.from_spikes(found.sample[inside[1]], found.unit[inside[1]].astype(np.int64))
    both = agreement(a, b, hz).scores()
    # Units that have no spikes outside the disturbed time are not judged.
    of_unit = np.ones(len(sorting.units))
    of_unit[b.units] = both.max(axis=0, initial=0.0)
    return float(both.max(axis=1, initial=0.0).mean()), of_unit


def channels_of(truth: Truth) -> NDArray[np.int64]:
    """Channel on which each true unit is largest; the probes of these simulations have the channels in order."""
    return np.ptp(truth.templates_uv, axis=1).argmax(axis=1)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--probe", default="linear:16:25")
    parser.add_argument("--units", type=int, default=10)
    parser.add_argument("--set", action="append", default=[], help="a setting, as for spikesieve sort")
    args = parser.parse_args()
    settings = spikesieve.Settings().with_overrides(args.set)
    print("| disturbance | all | outside | reachable | as short | false | good | blanked | spikes | s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    plain: Sorting | None = None
    for name, how in disturbances(args.seconds).items():
        if args.names and name not in (*args.names, "none"):
            continue
        overrides = (f"probe={args.probe}", f"n_units={args.units}", *how.simulated)
        simulation = preset_settings("linear-32", args.seconds, args.seed, overrides)
        plain = sort_and_print(name, how, simulation, settings, plain)


def sort_and_print(
    name: str, how: Disturbance, simulation: SimulationSettings, settings: Settings, plain: Sorting | None
) -> Sorting:
    """Print one row and the notes; returns the sorting of the undisturbed recording, the first one."""
    hz = simulation.sampling_hz
    raw, truth = simulate_array(spikesieve.read_probe(simulation.probe), simulation)
    length_s = how.length_ms / 1e3
    times = [(start, start + length_s) for start in (np.sort(truth.artifact_sample) / hz).tolist()]
    for per_min in (simulation.silences_per_min, simulation.rails_per_min):
        times += every(60 / per_min, length_s, simulation.seconds) if per_min else []
    everything = Undisturbed([], Disturbance().hides, raw.shape, hz)
    counts = Undisturbed(times, how.hides, raw.shape, hz)
    raw = how.change(raw)
    began = time.process_time()
    sorting = sorted_array(raw, simulation, settings)
    took_s = time.process_time() - began
    plain = plain or sorting
    every_spike, _ = scores(truth, sorting, everything)
    score, of_unit = scores(truth, sorting, counts)
    reachable, _ = scores(truth, plain, counts)
    undisturbed_share = float(counts(truth.sample, channels_of(truth)[truth.unit]).mean())
    short = undisturbed_share < ALMOST_ALL
    as_short = score_of_shorter(simulation, undisturbed_share, settings) if short else reachable
    good = sum(unit.label == "good" for unit, best in zip(sorting.units, of_unit, strict=True) if best < FALSE)
    left_out = 0.0 if sorting.blanked is None else sorting.blanked.share_of(sorting.blanked.share > 0)
    shown = [f"{x:.3f}" for x in (every_spike, score, reachable, as_short)]
    counts = [f"{(of_unit < FALSE).sum()}", f"{good}", f"{left_out:.1%}", f"{len(sorting.spikes)}", f"{took_s:.0f}"]
    print(
        f"| {' | '.join((name, *shown, *counts))} |",
        *(f"\n    {note}" for note in sorting.notes),
        flush=True,
    )
    return plain


def sorted_array(raw: Raw, simulation: SimulationSettings, settings: Settings) -> Sorting:
    """Sort raw samples with one worker."""
    recording = spikesieve.recording_from_array(raw, simulation.sampling_hz, simulation.gain_uv)
    probe = spikesieve.read_probe(simulation.probe)
    return spikesieve.sort(recording, probe, settings, resources=spikesieve.Resources(n_jobs=1))


def score_of_shorter(simulation: SimulationSettings, share: float, settings: Settings) -> float:
    """Score of the undisturbed recording, a share as long."""
    overrides = (f"probe={simulation.probe}", f"n_units={simulation.n_units}")
    shorter = preset_settings("linear-32", share * simulation.seconds, simulation.seed, overrides)
    raw, truth = simulate_array(spikesieve.read_probe(shorter.probe), shorter)
    everything = Undisturbed([], Disturbance().hides, raw.shape, shorter.sampling_hz)
    return scores(truth, sorted_array(raw, shorter, settings), everything)[0]


if __name__ == "__main__":
    main()
