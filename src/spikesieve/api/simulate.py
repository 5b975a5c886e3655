"""Simulate a recording from a preset and settings into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from spikesieve.engine.executor import Progress, silent
from spikesieve.errors import SettingsError
from spikesieve.io.finished_folder import require_free
from spikesieve.io.probes.read import read_probe
from spikesieve.io.simulations.files import SIMULATION, SimulationFiles, write_simulation
from spikesieve.io.simulations.footprints import read_footprints
from spikesieve.io.simulations.inputs import known_units, open_sorted, read_displacement, read_intervals, read_noise
from spikesieve.model import Probe
from spikesieve.settings.adjustable import Adjustable
from spikesieve.settings.params import setting
from spikesieve.simulation import Inputs, SimulationParams
from spikesieve.simulation import simulate as simulate_recording
from spikesieve.simulation.presets import PRESETS


class SimulationSettings(Adjustable, SimulationParams):
    """All settings of a simulation: `--set name=value`.

    Attributes
    ----------
    probe, n_shanks, shank_pitch_um, lowest_um
        The contacts.
    layout : str
        Names and kinds of the files.
    footprints, drift_file, intervals_file, noise_of, hybrid_of : str or None
        Files of measured data.
    **others
        Those of `SimulationParams`.
    """

    listed_by: ClassVar[str] = "The page docs/simulation.md"

    probe: str = setting("neuropixels1:64", "probe file or name, such as neuropixels1:384 or tetrode:4")
    n_shanks: int = setting(1, "how many such probes stand side by side, as shanks", ge=1, le=64)
    shank_pitch_um: float = setting(250.0, "distance between these shanks", gt=0.0, le=1e5)
    lowest_um: float | None = setting(None, "depth of the lowest contact; none: as the probe has it", ge=-1e6, le=1e6)
    layout: Literal["spikesieve", "emouse"] = setting("spikesieve", "names and kinds of the files that are written")
    footprints: str | None = setting(None, "file or folder of measured footprints (.npz, eMouse's .mat); none: cells")
    drift_file: str | None = setting(None, "file of a displacement to impose; none: drawn")
    intervals_file: str | None = setting(None, "file of interspike intervals in s to draw from; none: gamma intervals")
    noise_of: str | None = setting(None, "raw file or result folder whose noise is modelled; none: drawn")
    hybrid_of: str | None = setting(None, "result folder whose good units are put elsewhere in its recording; none: no")


def simulate(
    preset: str,
    out: Path | str,
    seconds: float | None = None,
    seed: int = 0,
    overrides: Sequence[str] = (),
    progress: Progress = silent,
) -> SimulationFiles:
    """Simulate a recording and its ground truth into a new folder.

    Parameters
    ----------
    preset : str
        Name of a preset, or NAME:VARIANT, such as "kilosort4-paper:fast".
    out : Path or str
        Folder, which must not exist. It appears when it is complete.
    seconds : float, optional
        Length of the recording in s; None: as in the preset.
    seed : int, optional
        The same preset, settings and seed give the same bytes.
    overrides : sequence of str, optional
        Settings that replace those of the preset, such as "noise_uv=12". They win over `seconds` and `seed`.
    progress : callable, optional
        Called with the stage, samples done and samples in all.

    Returns
    -------
    SimulationFiles
        Where the files are.

    Raises
    ------
    SettingsError
        For an unknown preset or setting.
    InputError
        For a probe or a file that cannot be used.
    OutputError
        If the folder exists or cannot be written.
    """
    settings = preset_settings(preset, seconds, seed, overrides)
    require_free(out, SIMULATION, overwrite=False)
    probe, settings, inputs = _inputs(settings, preset)
    return write_simulation(out, simulate_recording(probe, settings, inputs), settings.layout, progress)


def preset_settings(
    preset: str, seconds: float | None = None, seed: int = 0, overrides: Sequence[str] = ()
) -> SimulationSettings:
    """Return the settings of a preset, some of them replaced.

    Parameters
    ----------
    preset : str
        Name of a preset, or NAME:VARIANT.
    seconds : float, optional
        Length of the recording in s; None: as in the preset.
    seed : int, optional
        Seed of the random numbers.
    overrides : sequence of str, optional
        Settings that replace those of the preset, such as "noise_uv=12".

    Returns
    -------
    SimulationSettings
        All settings.

    Raises
    ------
    SettingsError
        For an unknown preset or setting.

    Examples
    --------
    >>> settings = preset_settings("tetrode", seconds=10.0, overrides=("n_units=5",))
    >>> settings.probe, settings.seconds, settings.n_units
    ('tetrode:4', 10.0, 5)
    """
    name, _, variant = preset.partition(":")
    if name not in PRESETS:
        raise SettingsError(f"There is no preset {name!r}. {_nearest(name, list(PRESETS))}")
    chosen = PRESETS[name]
    if variant and variant not in chosen.variants:
        known = _nearest(variant, list(chosen.variants)) if chosen.variants else "It has none: leave it out."
        raise SettingsError(f"The preset {name} has no variant {variant!r}. {known}")
    values = {**chosen.values, **chosen.variants.get(variant, {}), "seed": seed}
    if seconds is not None:
        values["seconds"] = float(seconds)
    return SimulationSettings(**values).with_overrides(overrides)


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 1, 0.4)
    listed = f"There are {', '.join(known)}."
    return f"Did you mean {near[0]!r}? {listed}" if near else listed


def _inputs(settings: SimulationSettings, preset: str) -> tuple[Probe, SimulationSettings, Inputs]:
    """Return the probe, the settings (completed from a real recording, where there is one) and the measured inputs."""
    probe, inputs = _probe(settings), Inputs()
    if settings.hybrid_of is not None:
        recording, sorting = open_sorted(settings.hybrid_of)
        seconds = min(settings.seconds, recording.n_samples / recording.sampling_hz)
        of_recording = {
            "sampling_hz": recording.sampling_hz,
            "gain_uv": float(recording.gain_uv[0]),
            "seconds": seconds,
        }
        probe, settings = sorting.probe, settings.model_copy(update=of_recording)
        inputs = Inputs(recording=recording, hybrid_units=known_units(sorting))
    elif preset == "hybrid":
        raise SettingsError("The preset hybrid needs a sorted recording: --set hybrid_of=RESULT, a result folder.")
    if settings.footprints is not None:
        inputs = replace(inputs, footprints=read_footprints(settings.footprints), hybrid_units=())
    if settings.drift_file is not None:
        inputs = replace(inputs, displacement=read_displacement(settings.drift_file))
    if settings.intervals_file is not None:
        inputs = replace(inputs, intervals_s=read_intervals(settings.intervals_file))
    if settings.noise_of is not None:
        noise = read_noise(settings.noise_of, probe, settings.sampling_hz, settings.gain_uv)
        inputs = replace(inputs, noise=noise)
    return probe, settings, inputs


def _probe(settings: SimulationSettings) -> Probe:
    """Return the probe, repeated side by side and moved to its depth."""
    one = read_probe(settings.probe)
    n, copies = one.n_contacts, np.repeat(np.arange(settings.n_shanks), one.n_contacts)
    positions_um = np.tile(one.positions_um, (settings.n_shanks, 1))
    positions_um[:, 0] += copies * settings.shank_pitch_um
    if settings.lowest_um is not None:
        positions_um[:, 1] += settings.lowest_um - positions_um[:, 1].min()
    n_channels, n_own_shanks = int(one.channels.max()) + 1, int(one.shanks.max()) + 1
    channels = np.tile(one.channels, settings.n_shanks) + copies * n_channels
    shanks = np.tile(one.shanks, settings.n_shanks) + copies * n_own_shanks
    return Probe(positions_um, channels, shanks, one.name if n == len(copies) else f"{settings.n_shanks} x {one.name}")
