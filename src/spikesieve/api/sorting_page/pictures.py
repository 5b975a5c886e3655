"""Pictures of a sort as they come: what it has finished so far, read from its steps; nothing of it waits for that."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.api.kept_steps import steps_folder
from spikesieve.api.result_to_show import preprocessing_of
from spikesieve.engine import codec
from spikesieve.engine.store import Store
from spikesieve.errors import InputError
from spikesieve.io.results.for_the_page import read_overview
from spikesieve.io.results.motion_files import read_motion_files
from spikesieve.io.results.read import read_provenance
from spikesieve.model import Motion, Overview, Probe
from spikesieve.stages.templates import LearnedTemplates
from spikesieve.stages.tissue import MovingTemplates
from spikesieve.views.overview import shown_overview
from spikesieve.views.traces import display_order

UNITS = ("templates", "first templates")
"""Steps that learn units, the last one first."""

Shown = tuple[dict[str, NDArray[Any]], dict[str, Any]]


@dataclass(eq=False)
class Pictures:
    """Reads what sorts have finished. What was read once is not checked again.

    Attributes
    ----------
    intact : set of Path
        Files that have the bytes that were written.
    """

    intact: set[Path] = field(default_factory=set)

    def finished(self, out: Path) -> str:
        """Name what there is to be seen: the same name as before means the same pictures.

        Parameters
        ----------
        out : Path
            The result folder of the sort.

        Returns
        -------
        str
            Empty where there is nothing.
        """
        steps = self._index(out)
        return " ".join(steps[name] for name in ("overview", "motion", *UNITS) if name in steps)

    def of(self, out: Path) -> Shown:
        """Make the pictures of a sort that runs, stopped, or is done.

        Parameters
        ----------
        out : Path
            Its result folder.

        Returns
        -------
        arrays : dict of str to ndarray
            See `views.overview.shown_overview`; with units also their `unit_depth_um`, and `unit_size`.
        facts : dict
            With `size_unit`, and a sentence `says`.

        Raises
        ------
        InputError
            There is nothing to be seen yet.
        """
        steps = self._index(out)
        if steps:
            return self._of_steps(steps_folder(out), steps)
        return _of_result(out)

    def _of_steps(self, folder: Path, steps: dict[str, str]) -> Shown:
        overview, probe = self._read(folder, steps, "overview"), self._read(folder, steps, "preprocessing")
        if not isinstance(overview, Overview) or probe is None:
            raise InputError("There is nothing to be seen yet: the first pictures come when spikes were detected.")
        motion = self._read(folder, steps, "motion")
        found = [units for name in UNITS if (units := self._read(folder, steps, name)) is not None]
        units = found[0].rest if found and isinstance(found[0], MovingTemplates) else None
        return _together(overview, probe.probe, motion, units)

    def _read(self, folder: Path, steps: dict[str, str], name: str) -> Any:
        """The result of a step; None if it is not there, or not any more."""
        try:
            return codec.load(folder / steps[name], folder, self.intact) if name in steps else None
        except codec.DecodeError:
            return None

    def _index(self, out: Path) -> dict[str, str]:
        folder = steps_folder(out)
        return Store(folder, folder, True).index()


def _of_result(out: Path) -> Shown:
    overview, preprocessing = read_overview(out), preprocessing_of(out)
    if overview is None or preprocessing is None:
        raise InputError("There is nothing to be seen of this sort.")
    read_provenance(out)
    return _together(overview, preprocessing.probe, read_motion_files(out), None)


def _together(overview: Overview, probe: Probe, motion: Motion | None, units: LearnedTemplates | None) -> Shown:
    arrays, facts = shown_overview(overview, display_order(probe, "depth"), motion)
    said = [f"{int(overview.n_spikes.sum(dtype=np.int64)):,} spikes detected"]
    if motion is not None:
        um = motion.estimated_um
        said.append(f"displacement up to {float(np.abs(um).max(initial=0.0)):.0f} µm ({', '.join(motion.decisions)})")
    if units is not None:
        peaks = units.peak_contacts
        arrays |= {"unit_depth_um": probe.positions_um[peaks, 1], "unit_size": units.norms}
        arrays["unit_shank"] = np.searchsorted(overview.shanks, probe.shanks[peaks])
        said.append(f"{len(units)} units so far")
    return arrays, {**facts, "says": "; ".join(said)}
