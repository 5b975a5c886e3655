"""Simulations by name: a preset, a few settings, a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from spikesieve.engine.executor import Progress, silent
from spikesieve.errors import SettingsError
from spikesieve.io.new_folder import new_folder
from spikesieve.io.probes.read import read_probe
from spikesieve.io.simulations.files import SimulationFiles, write_simulation
from spikesieve.io.simulations.footprints import read_footprints
from spikesieve.io.simulations.inputs import known_units, open_sorted, read_displacement, read_intervals, read_noise
from spikesieve.model import Probe
from spikesieve.settings.adjustable import Adjustable
from spikesieve.settings.params import setting
from spikesieve.simulation import Given, SimulationParams
from spikesieve.simulation import simulate as drawn
from spikesieve.simulation.presets import PRESETS


class SimulationSettings(Adjustable, SimulationParams):
    """Everything that can be set for a simulation: `--set name=value`."""

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
    """Make a recording and its truth in a new folder.

    preset     a name of `PRESETS`, or NAME:VARIANT, such as "kilosort4-paper:fast"
    out        the folder; it must not exist, and is removed again when the simulation fails or is interrupted
    seconds    how long; None: as long as the preset
    seed       the same preset, settings and seed give the same bytes
    overrides  settings that differ from the preset's, such as "noise_uv=12"; they win over everything else
    progress   told the stage, samples done and samples in all

    Returns where the files are. Raises SettingsError for an unknown preset or setting, InputError for a probe or a file
    that cannot be used, OutputError when the folder exists or cannot be written.
    """
    settings = preset_settings(preset, seconds, seed, overrides)
    with new_folder(Path(out)) as folder:
        probe, settings, given = _inputs(settings, preset)
        return write_simulation(folder, drawn(probe, settings, given), settings.layout, progress)


def preset_settings(
    preset: str, seconds: float | None = None, seed: int = 0, overrides: Sequence[str] = ()
) -> SimulationSettings:
    """The settings of a preset, some of them replaced. Raises SettingsError when there is no such preset or setting."""
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


def _inputs(settings: SimulationSettings, preset: str) -> tuple[Probe, SimulationSettings, Given]:
    """The probe, the settings completed from a real recording where there is one, and what the files give."""
    probe, given = _probe(settings), Given()
    if settings.hybrid_of is not None:
        recording, sorting = open_sorted(settings.hybrid_of)
        seconds = min(settings.seconds, recording.n_samples / recording.sampling_hz)
        own = {"sampling_hz": recording.sampling_hz, "gain_uv": float(recording.gain_uv[0]), "seconds": seconds}
        probe, settings = sorting.probe, settings.model_copy(update=own)
        given = Given(base=recording, known=known_units(sorting))
    elif preset == "hybrid":
        raise SettingsError("The preset hybrid needs a sorted recording: --set hybrid_of=RESULT, a result folder.")
    if settings.footprints is not None:
        given = replace(given, footprints=read_footprints(settings.footprints), known=())
    if settings.drift_file is not None:
        given = replace(given, displacement=read_displacement(settings.drift_file))
    if settings.intervals_file is not None:
        given = replace(given, intervals_s=read_intervals(settings.intervals_file))
    if settings.noise_of is not None:
        noise = read_noise(settings.noise_of, probe, settings.sampling_hz, settings.gain_uv)
        given = replace(given, noise=noise)
    return probe, settings, given


def _probe(settings: SimulationSettings) -> Probe:
    """The probe that was asked for, repeated side by side and moved to its depth."""
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
