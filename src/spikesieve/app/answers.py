"""What the page can ask for: functions of the session and the parts of the address."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.app.decisions import Lasso, chosen_spikes
from spikesieve.app.keys import SHORTCUTS
from spikesieve.app.session import Session, entry_text
from spikesieve.app.wire import message, plain
from spikesieve.curation.history import Step
from spikesieve.errors import InputError
from spikesieve.model import I32
from spikesieve.views.raw_waveforms import raw_waveforms
from spikesieve.views.scatter import KINDS, MAX_POINTS, coordinates, density, frame_around, points
from spikesieve.views.trains import pair_counts, rate_over_time
from spikesieve.views.waveforms import mean_waveform

Make = Callable[..., dict[str, Any] | bytes]
MAX_TOGETHER = 20
"""Units whose correlograms are shown at once."""
MAX_PIXELS = 4_000
MAX_BINS = 1_000
MAX_WAVEFORMS = 1_000


def rows_asked(session: Session, asked: Mapping[str, str], number: int) -> I32:
    """Find the spikes of a unit, those of the range of time `t0` to `t1` in s if one is asked for.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        The request.
    number : int
        The unit.

    Returns
    -------
    ndarray of int32, shape (n,)
        Rows of the spikes.
    """
    rows = session.rows(number)
    if "t0" not in asked:
        return rows
    times = session.result.samples_of(rows)
    first, last = (float(asked[name]) * session.result.time.sampling_hz for name in ("t0", "t1"))
    return rows[np.searchsorted(times, first) : np.searchsorted(times, last, side="right")]


def start(session: Session, asked: Mapping[str, str]) -> dict[str, Any]:
    """Tell what the page shows first: the result, all units, the keys.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        Nothing.

    Returns
    -------
    dict
        For JSON.
    """
    result, history = session.result, session.history
    return {
        "id": session.id,
        "name": result.name,
        "kind": result.kind,
        "missing": result.missing,
        "read_only": session.is_read_only,
        "sampling_hz": result.time.sampling_hz,
        "span_s": result.span_s,
        "segments_s": [[a / result.time.sampling_hz, b / result.time.sampling_hz] for a, b in result.time.segments],
        "n_spikes": len(result.sample),
        "waveform_unit": result.waveform_unit,
        "raw_unit": "µV" if result.recording is not None and result.recording.has_gain else "raw",
        "amplitude_unit": result.amplitude_unit,
        "has": {
            "amplitude": result.amplitude is not None,
            "position": result.position_um is not None,
            "raw": result.recording is not None,
            "clusters": any(one is not None for one in (result.amplitude, result.position_um, result.features)),
            "features": result.features is not None,
            "waveforms": result.sorting is not None,
        },
        "n_components": 0 if result.features is None else result.features.n_components,
        "probe": {
            "x_um": plain(result.probe.positions_um[:, 0].tolist()),
            "y_um": plain(result.probe.positions_um[:, 1].tolist()),
            "channel": result.probe.channels.tolist(),
            "shank": result.probe.shanks.tolist(),
        },
        "keys": [dataclasses.asdict(one) for one in SHORTCUTS],
        "seq": len(history.entries),
        "can_undo": history.can_undo,
        "can_redo": history.can_redo,
        "units": [session.table_row(unit) for unit in session.units.ids],
    }


def past(session: Session, asked: Mapping[str, str]) -> dict[str, Any]:
    """List what was done.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        Nothing.

    Returns
    -------
    dict
        All entries, and which of them are in force.
    """
    history = session.history
    return {
        "entries": [entry_text(entry) for entry in history.entries],
        "in_force": list(history.now.steps()),
        "steps": [entry.number for entry in history.entries if isinstance(entry.deed, Step)],
    }


def unit(session: Session, asked: Mapping[str, str], number: str) -> bytes:
    """Send what is drawn of one unit alone.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        A range of time, and the number of bins of the rate, `rates`.
    number : str
        The unit.

    Returns
    -------
    bytes
        Waveform and rate.
    """
    result, of_all = session.result, session.rows(int(number))
    known, rows = session.descriptions.waveform(int(number)), rows_asked(session, asked, int(number))
    waveform = known if rows is of_all else mean_waveform(result, rows)
    return message(
        {
            "waveform_uv": waveform.uv[known.contacts],
            "contacts": known.contacts,
            "rate_hz": rate_over_time(result, of_all, min(max(int(asked.get("rates", "100")), 1), MAX_BINS)),
        },
        {"unit": int(number), "n_spikes": len(rows), "peak": known.peak_index},
    )


def snippets(session: Session, asked: Mapping[str, str], number: str) -> bytes:
    """Send the waveforms of single spikes of a unit, from the raw file.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        How many spikes, `n`, and a range of time.
    number : str
        The unit.

    Returns
    -------
    bytes
        `uv` (n, n_contacts, n_samples) on the contacts of its mean waveform.
    """
    waveform = session.descriptions.waveform(int(number))
    rows = rows_asked(session, asked, int(number))
    n_shown = min(max(int(asked.get("n", "40")), 1), MAX_WAVEFORMS)
    return message({"uv": raw_waveforms(session.result, rows, waveform, n_shown)}, {"unit": int(number)})


def correlograms(session: Session, asked: Mapping[str, str]) -> bytes:
    """Send the correlograms of every two of some units.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        `units`, `bin_ms` and the number of bins on either side, `n`.

    Returns
    -------
    bytes
        Counts, (n_units, n_units, 2 n + 1).
    """
    numbers = [int(text) for text in asked["units"].split(",")][:MAX_TOGETHER]
    bin_ms, n_bins = float(asked.get("bin_ms", "1")), min(int(asked.get("n", "50")), MAX_BINS)
    if not 0.01 <= bin_ms <= 10_000 or n_bins < 1:
        raise InputError(f"Bins of {bin_ms} ms cannot be made.")
    rows = [rows_asked(session, asked, number) for number in numbers]
    counts = np.zeros((len(rows), len(rows), 2 * n_bins + 1), np.uint32)
    for i, a in enumerate(rows):
        for j, b in enumerate(rows[i:], i):
            counts[i, j] = pair_counts(session.result, a, b, bin_ms, n_bins)
            counts[j, i] = counts[i, j, ::-1]
    return message({"counts": counts}, {"units": numbers, "bin_ms": bin_ms})


def scatter(session: Session, asked: Mapping[str, str]) -> bytes:
    """Send all spikes of some units as points, or as density if they are many.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        `units`, `kind`, the size `w`, `h` in pixels, and a range of time.

    Returns
    -------
    bytes
        For unit 0, 1 ... `points_0` (2, n) or `density_0` (h, w); the frame that holds all of them.
    """
    kind = next((one for one in KINDS if one == asked["kind"]), KINDS[0])
    numbers = [int(text) for text in asked["units"].split(",")][:MAX_TOGETHER]
    width, height = (min(max(int(asked[name]), 1), MAX_PIXELS) for name in ("w", "h"))
    placed = [coordinates(session.result, rows_asked(session, asked, number), kind) for number in numbers]
    span_s = (float(asked["t0"]), float(asked["t1"])) if "t0" in asked else session.result.span_s
    frame = frame_around(kind, placed, span_s, (width, height))
    if frame is None:
        return message({}, {"frame": None})
    arrays: dict[str, NDArray[Any]] = {}
    for i, (x, y) in enumerate(placed):
        if len(x) <= MAX_POINTS:
            arrays[f"points_{i}"] = points(x, y)
        else:
            arrays[f"density_{i}"] = density(x, y, frame)
    return message(arrays, {"frame": {"x": frame.x, "y": frame.y}})


def similar(session: Session, asked: Mapping[str, str], number: str) -> dict[str, Any]:
    """List the units that are like one, the most similar one first.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        Nothing.
    number : str
        The unit.

    Returns
    -------
    dict
        Numbers and similarities, and with which of them a merge was rejected.
    """
    own, history = int(number), session.history
    found = session.similar(own)
    rejected = {other for pair in history.now.rejected if own in pair for other in pair - {own}}
    return {"units": list(found), "similarity": plain(list(found.values())), "rejected": sorted(rejected)}


def queue(session: Session, asked: Mapping[str, str]) -> dict[str, Any]:
    """List what is worth a look, the surest first.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        Nothing.

    Returns
    -------
    dict
        The suggestions, the number of entries of the history that they are for, and the numbers of units that they are
        about, of all units, and of those not looked at yet.
    """
    seq = len(session.history.entries)
    found = session.queue.found()
    items = [plain(dataclasses.asdict(one)) for one in found.suggestions]
    n_named = len({unit for one in found.suggestions for unit in one.units})
    counts = {"n_named": n_named, "n_units": len(session.units.ids), "n_waiting": found.n_waiting}
    return {"items": items, "seq": seq, **counts}


def lasso_counts(session: Session, content: Mapping[str, Any]) -> dict[str, Any]:
    """Count the spikes in a lasso.

    Parameters
    ----------
    session : Session
        The session.
    content : mapping
        `units` and `lasso`.

    Returns
    -------
    dict
        For each unit the number of spikes inside and outside.
    """
    lasso = Lasso.model_validate(content.get("lasso"))
    counts = {}
    for number in map(int, content.get("units", [])[:MAX_TOGETHER]):
        mask = chosen_spikes(lasso, session.rows(number), session.result)
        counts[number] = [int(mask.sum()), int((~mask).sum())]
    return {"counts": counts}
