"""The demo: simulate a recording into files, sort them as a user would, score the result against the ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spikesieve.api.sort_files import Job, Outcome, sort_files
from spikesieve.comparison import TruthScore, score_against_truth
from spikesieve.engine.executor import Progress, silent
from spikesieve.io.finished_folder import numbered
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.open_input import RawOptions
from spikesieve.io.simulations.files import holds_simulation, read_truth, simulation_files, write_simulation
from spikesieve.model.external import SpikeTrains
from spikesieve.simulation import Simulation, SimulationParams, Truth, simulate

SORTED = "sorted"
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
        Must not exist, or hold what is left of such a demo that was interrupted: then it goes on there.
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
    simulation = _simulation(quick)
    files = simulation_files(folder, simulation)
    if not _is_interrupted(folder, simulation):
        progress("simulate", 0, 1)
        write_simulation(folder, simulation)
        progress("simulate", 1, 1)
    raw = RawOptions(files.n_channels, files.sampling_hz, gain_uv=files.gain_uv)
    outcome = sort_files(Job((files.recording_path,), folder / SORTED, str(files.probe_path), raw), progress)
    truth = read_truth(files.truth_path)
    spikes = outcome.sorting.spikes
    score = score_against_truth(
        SpikeTrains.from_spikes(truth.sample, truth.unit, "truth"),
        SpikeTrains.from_spikes(spikes.sample, spikes.unit),
        files.sampling_hz,
    )
    return DemoResult(outcome, truth, score)


def demo_folder(path: Path, quick: bool = False) -> Path:
    """Choose a folder for the demo.

    Parameters
    ----------
    path : Path
        The wanted folder.
    quick : bool, optional
        As in `run_demo`.

    Returns
    -------
    Path
        The first of path, path-2, path-3 and so on which does not exist or in which such a demo was interrupted.
    """
    simulation = _simulation(quick)
    return next(each for each in numbered(path) if not each.exists() or _is_interrupted(each, simulation))


def _simulation(quick: bool) -> Simulation:
    probe = read_probe("neuropixels1:16" if quick else "neuropixels1:64")
    params = SimulationParams(n_units=5, seconds=10.0, rate_hz=15.0) if quick else SimulationParams()
    return simulate(probe, params)


def _is_interrupted(folder: Path, simulation: Simulation) -> bool:
    return holds_simulation(folder, simulation) and not (folder / SORTED).exists()


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
