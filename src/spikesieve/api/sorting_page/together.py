"""Recordings and results beside one another: facts and pictures of each, and the comparison of two results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.api.info import recording_info
from spikesieve.api.result_to_show import read_result_to_show
from spikesieve.api.sort_queue import start_queue
from spikesieve.api.sorting_page.asked import CompareAsked, RecordingAsked, placed, valid
from spikesieve.api.sorting_page.preview import Previews
from spikesieve.api.traces_to_show import traces_of
from spikesieve.app.wire import message
from spikesieve.errors import InputError
from spikesieve.io.finished_folder import numbered
from spikesieve.io.jobs import Jobs
from spikesieve.io.roots import Roots, is_result
from spikesieve.model.text import counted
from spikesieve.settings.sort import Settings
from spikesieve.views.overview import shown_overview
from spikesieve.views.traces import display_order

MOVED_SHARE = 0.95
"""How far the tissue moved: this share of the measured displacements lies within what is told."""


class TogetherVerbs:
    """What can be asked for of several recordings or results.

    Parameters
    ----------
    roots : Roots
        The folders that may be looked into.
    probes : Path
        Where a probe that was given as a table is written.
    jobs : Jobs
        The list of what runs.
    previews : Previews
        What is known of recordings.
    """

    def __init__(self, roots: Roots, probes: Path, jobs: Jobs, previews: Previews) -> None:
        self._roots, self._probes, self._jobs, self._previews = roots, probes, jobs, previews

    def looking(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any] | bytes]]:
        """List what changes nothing.

        Returns
        -------
        dict of str to callable
            Verbs by name.
        """
        return {"column": self.column}

    def acting(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any] | bytes]]:
        """List what starts something.

        Returns
        -------
        dict of str to callable
            Verbs by name.
        """
        return {"compare": self.compare}

    def compare(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Let the comparison of two results wait for its turn.

        Parameters
        ----------
        asked : mapping
            A `CompareAsked`.

        Returns
        -------
        dict
            `key` of the comparison in the list.

        Raises
        ------
        InputError
            One of them is no result.
        """
        both = valid(CompareAsked, asked)
        a, b = self._roots.inside(both.a), self._roots.inside(both.b)
        for each in (a, b):
            if not is_result(each):
                raise InputError(f"{each} is no result. Choose two folders that a sorter wrote.")
        taken = self._jobs.outs()
        wanted = numbered(a.with_name(f"{a.name}_and_{b.name}"))
        out = self._roots.inside(str(next(one for one in wanted if not one.exists() and str(one) not in taken)))
        words = ("compare", str(a), str(b), f"--out={out}")
        key = self._jobs.add(f"{a.name} and {b.name}", (str(a), str(b)), str(out), words)
        start_queue(self._jobs.folder)
        return {"key": key}

    def column(self, asked: Mapping[str, Any]) -> bytes:
        """Describe one of several recordings or results.

        Parameters
        ----------
        asked : mapping
            A `RecordingAsked`, or of a result only its folder as `paths`.

        Returns
        -------
        bytes
            See `views.overview.shown_overview`; among the facts `rows` of words.
        """
        recording = valid(RecordingAsked, asked)
        folder = self._roots.inside(recording.paths[0])
        if is_result(folder):
            return _column_of_result(folder)
        files = placed(recording, self._roots, self._probes)
        facts = recording_info(files.files, files.options, files.probe).facts()
        if "duration_s" not in facts:
            raise InputError(facts["problem"] or f"{folder} holds several streams: look at it by itself first.")
        overview, probe = self._previews.overview(files, Settings())
        arrays, more = shown_overview(overview, display_order(probe, "depth"), None)
        rows = [
            ("kind", f"recording, {facts['format']}"),
            ("length", f"{facts['duration_s']:.1f} s"),
            ("channels", f"{facts['n_channels']} at {facts['sampling_hz']:g} Hz"),
            ("contacts", str(probe.n_contacts)),
            ("usual size (RMS)", f"{_usual_uv(overview.rms_uv):.1f} µV"),
            ("problem", facts["problem"] or "none"),
        ]
        return message(arrays, {**more, "rows": rows, "is_sampled": True})


def _column_of_result(folder: Path) -> bytes:
    result = read_result_to_show(folder)
    motion = None if result.sorting is None else result.sorting.motion
    traces, overview = traces_of(result, None), result.overview
    if overview is None and traces is not None:
        overview = traces.overview()
    labels = Counter(label.value for label in result.labels.values())
    rows = [
        ("kind", f"result, {result.kind}"),
        ("length", f"{result.time.segments[-1][1] / result.time.sampling_hz:.1f} s"),
        ("contacts", str(result.probe.n_contacts)),
        ("units", f"{len(result.units.rows)} ({', '.join(f'{n} {name}' for name, n in sorted(labels.items()))})"),
        ("spikes", f"{len(result.sample):,}"),
        ("noise", f"{float(np.nanmedian(result.noise_sd_uv)):.1f} µV"),
    ]
    if motion is not None:
        moved_um = float(np.quantile(np.abs(motion.estimated_um), MOVED_SHARE))
        rows.append(("displacement", f"{moved_um:.0f} µm on {counted(len(motion.shanks), 'shank')}"))
    if overview is None:
        return message({}, {"rows": rows})
    arrays, more = shown_overview(overview, display_order(result.probe, "depth"), motion)
    rows.append(("usual size (RMS)", f"{_usual_uv(overview.rms_uv):.1f} µV"))
    return message(arrays, {**more, "rows": rows, "is_sampled": result.overview is None})


def _usual_uv(rms_uv: np.ndarray[Any, np.dtype[np.float16]]) -> float:
    known = rms_uv[np.isfinite(rms_uv)]
    return float(np.median(known.astype(np.float32))) if len(known) else float("nan")
