"""The demo: simulate a recording into files, sort them as a user would, score the result against the ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spikesieve.api.sort_files import Job, Outcome, sort_files
from spikesieve.comparison import TruthScore, score_against_truth
from spikesieve.engine.executor import Progress, silent
from spikesieve.io.new_folder import new_folder
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.open_input import RawOptions
from spikesieve.io.simulations.files import read_truth, write_simulation
from spikesieve.model.external import SpikeTrains
from spikesieve.simulation import SimulationParams, Truth, simulate

COLUMNS = ("unit", "spikes", "peak to peak µV", "found as", "accuracy", "recall", "precision")


@dataclass(frozen=True, eq=False)
class DemoResult:
    """Result of the demo.

    Attributes
    ----------
    outcome : Outcome
        Outcome of the sort.
    truth : Truth
        Ground truth of the recording.
    score : TruthScore
        How well the sorting agrees with the truth.
    """

    outcome: Outcome
    truth: Truth
    score: TruthScore


def run_demo(folder: Path, quick: bool = False, progress: Progress = silent) -> DemoResult:
    """Simulate a recording into `folder`, sort it into `folder`/sorted, and score the result.

    Parameters
    ----------
    folder : Path
        Must not exist; it is removed again when the demo fails or is interrupted.
    quick : bool, optional
        16 channels and 10 s instead of 64 channels and 60 s.
    progress : callable, optional
        Called with the stage, and how much of it is done.

    Returns
    -------
    DemoResult
        Sorting, ground truth and score.

    Raises
    ------
    OutputError
        If the folder exists or cannot be written.
    """
    probe = read_probe("neuropixels1:16" if quick else "neuropixels1:64")
    params = SimulationParams(n_units=5, seconds=10.0, rate_hz=15.0) if quick else SimulationParams()
    with new_folder(folder):
        progress("simulate", 0, 1)
        files = write_simulation(folder, simulate(probe, params))
        progress("simulate", 1, 1)
        raw = RawOptions(files.n_channels, files.sampling_hz, gain_uv=files.gain_uv)
        job = Job((files.recording_path,), folder / "sorted", probe=str(files.probe_path), raw=raw)
        outcome = sort_files(job, progress)
        truth = read_truth(files.truth_path)
    spikes = outcome.sorting.spikes
    score = score_against_truth(
        SpikeTrains.from_spikes(truth.sample, truth.unit, "truth"),
        SpikeTrains.from_spikes(spikes.sample, spikes.unit),
        files.sampling_hz,
    )
    return DemoResult(outcome, truth, score)


def table_rows(result: DemoResult) -> list[tuple[str, ...]]:
    """Format one row per true unit, the best found first.

    Parameters
    ----------
    result : DemoResult
        Result of the demo.

    Returns
    -------
    list of tuple of str
        Rows under `COLUMNS`.
    """
    best_first = sorted(result.score.units, key=lambda unit: (-unit.accuracy, unit.unit))
    return [
        (
            str(unit.unit),
            str(unit.n_spikes),
            f"{result.truth.ptp_uv[unit.unit]:.0f}",
            "-" if unit.matched is None else str(unit.matched),
            f"{unit.accuracy:.3f}",
            f"{unit.recall:.3f}",
            f"{unit.precision:.3f}",
        )
        for unit in best_first
    ]
