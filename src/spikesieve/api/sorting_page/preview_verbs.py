"""The verbs of the preview: traces, spikes and checks before a recording is sorted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.api.sorting_page.asked import Placed, PreviewAsked, placed, settings_of, valid
from spikesieve.api.sorting_page.preview import Previews
from spikesieve.app.wire import message
from spikesieve.io.roots import Roots
from spikesieve.views.overview import shown_overview
from spikesieve.views.trace_tiles import NOTHING, STEPS, tile_of
from spikesieve.views.traces import WHITE, display_order


class PreviewVerbs:
    """What the preview can be asked for.

    Parameters
    ----------
    roots : Roots
        The folders that may be looked into.
    probes : Path
        Where a probe that was given as a table is written.
    previews : Previews
        What is known of recordings.
    """

    def __init__(self, roots: Roots, probes: Path, previews: Previews) -> None:
        self._roots, self._probes, self._previews = roots, probes, previews

    def looking(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any] | bytes]]:
        """List the verbs. None of them changes anything.

        Returns
        -------
        dict of str to callable
            Verbs by name.
        """
        return {"traces": self.traces, "spikes": self.spikes, "checks": self.checks, "overview": self.overview}

    def traces(self, asked: Mapping[str, Any]) -> bytes:
        """Send a part of the traces for the screen.

        Parameters
        ----------
        asked : mapping
            A `PreviewAsked`.

        Returns
        -------
        bytes
            Message of `values` (n_rows, n_columns) or (n_rows, n_columns, 2), int16; among the facts are the `scale`,
            the `channels` of the rows, and where the part lies.
        """
        preview = valid(PreviewAsked, asked)
        files, span_s = self._previewed(preview)
        shown = self._previews.traces(files, settings_of(preview.settings), preview.kind, span_s)
        order = display_order(shown.probe, preview.order)
        fitting = [step for step in STEPS if step * preview.n_columns <= shown.traces.shape[1]]
        step = max(fitting, default=1)
        n_whole = shown.traces.shape[1] // step * step
        tile = tile_of(np.ascontiguousarray(shown.traces[order, :n_whole]), step, preview.shape)
        facts = {
            "scale": tile.scale,
            "channels": shown.probe.channels[order].tolist(),
            "unit": "SD" if preview.kind in WHITE else "µV",
            "start": shown.start,
            "n_samples": n_whole,
            "sampling_hz": shown.sampling_hz,
            "n_all_samples": shown.n_samples,
            "nothing": NOTHING,
        }
        return message({"values": tile.values}, facts)

    def overview(self, asked: Mapping[str, Any]) -> bytes:
        """Send a quick overview of the whole recording.

        Parameters
        ----------
        asked : mapping
            A `PreviewAsked`.

        Returns
        -------
        bytes
            See `views.overview.shown_overview`.
        """
        preview = valid(PreviewAsked, asked)
        files, _ = self._previewed(preview)
        found, probe = self._previews.overview(files, settings_of(preview.settings))
        return message(*shown_overview(found, display_order(probe, preview.order), None))

    def spikes(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Detect spikes in a part of the traces, with these settings.

        Parameters
        ----------
        asked : mapping
            A `PreviewAsked`.

        Returns
        -------
        dict
            `sample` and `channel` of each spike, what it `says` of the threshold and whether that `is_final`, and
            the trough of a spike that is just detected, in whitened traces (`trough_sd`) and in others (`trough_uv`, by
            channel).
        """
        preview = valid(PreviewAsked, asked)
        files, span_s = self._previewed(preview)
        found = self._previews.detected(files, settings_of(preview.settings), span_s, preview.at_once)
        spikes = {
            "sample": found.sample.tolist(),
            "channel": found.channel.tolist(),
            "says": found.says,
            "is_final": found.is_final,
        }
        by_channel = dict(zip(found.channels.tolist(), found.trough_uv.tolist(), strict=True))
        return {**spikes, "trough_sd": found.trough_sd, "trough_uv": by_channel}

    def checks(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Say what is odd about a recording.

        Parameters
        ----------
        asked : mapping
            A `PreviewAsked`.

        Returns
        -------
        dict
            `sentences`.
        """
        preview = valid(PreviewAsked, asked)
        files, _ = self._previewed(preview)
        return {"sentences": list(self._previews.checks(files, settings_of(preview.settings)))}

    def _previewed(self, preview: PreviewAsked) -> tuple[Placed, tuple[float, float]]:
        files = placed(preview.recording, self._roots, self._probes)
        return files, (preview.start_s, preview.start_s + preview.seconds)
