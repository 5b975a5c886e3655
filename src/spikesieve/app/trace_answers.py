"""What the page can ask for of the traces: functions of the traces, the session and the parts of the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikesieve.app.session import Session
from spikesieve.app.trace_marks import Marks
from spikesieve.app.traces import Traces
from spikesieve.app.wire import message
from spikesieve.errors import InputError
from spikesieve.model import I32, I64
from spikesieve.views.overview import shown_overview
from spikesieve.views.trace_places import WHATS, next_place, places_of
from spikesieve.views.trace_reader import span_of
from spikesieve.views.trace_tiles import NOTHING, STEPS, TILE_SAMPLES, tile_of
from spikesieve.views.traces import KINDS, WHITE, display_order

NO_TRACES = "The raw file is not there: traces are not shown."
SEEN_SHARE, MOST_CONTACTS = 0.3, 8
"""A spike is marked on the contacts that see this share of its size, but on no more than these."""
MAX_UNITS = 100


def _need(traces: Traces | None) -> Traces:
    if traces is None:
        raise InputError(NO_TRACES)
    return traces


def about(traces: Traces | None, session: Session, asked: Mapping[str, str]) -> dict[str, Any]:
    """Tell what the traces are.

    Parameters
    ----------
    traces : Traces or None
        The traces.
    session : Session
        The session.
    asked : mapping
        Nothing.

    Returns
    -------
    dict
        For JSON; only `missing` if there are no traces.
    """
    result = session.result
    recording = result.recording
    if traces is None or recording is None:
        return {"missing": NO_TRACES}
    traces.learn_ahead()
    kinds = [kind for kind in KINDS if traces.has_prediction or not kind.endswith(("predicted", "residual"))]
    blanked = result.time.blanked
    return {
        "missing": "",
        "name": traces.name,
        "note": traces.note,
        "kinds": [{"kind": kind, "unit": "SD" if kind in WHITE else ""} for kind in kinds],
        "tile_samples": TILE_SAMPLES,
        "steps": STEPS,
        "nothing": NOTHING,
        "n_samples": recording.n_samples,
        "orders": {by: display_order(result.probe, by).tolist() for by in ("depth", "channel")},
        "borders": places_of(result, "border", ()).sample.tolist(),
        "blanked": []
        if blanked is None
        else [[int(a), int(b)] for a, b in zip(blanked.start, blanked.stop, strict=True)],
        "peak": result.templates.peak_index,
        "n_waveform": result.templates.uv.shape[1],
    }


def tile(traces: Traces | None, session: Session, asked: Mapping[str, str], kind: str, index: str) -> bytes:
    """Send a tile of traces.

    Parameters
    ----------
    traces : Traces or None
        The traces.
    session : Session
        The session.
    asked : mapping
        `step`, the samples of a column; `shape`, "lines" or "heat"; `order`, "depth" or "channel", from the bottom with
        `reverse` 1; and the rows in this order: `first` and `n`.
    kind : str
        What is asked for.
    index : str
        Place in time.

    Returns
    -------
    bytes
        `values` (n_rows, n_columns) or (n_rows, n_columns, 2), int16; the scale is among the facts.
    """
    found, place, step = next((one for one in KINDS if one == kind), None), int(index), int(asked["step"])
    if (
        found is None
        or step not in STEPS
        or not 0 <= place * TILE_SAMPLES < _need(traces).plain().source.recording.n_samples
    ):
        raise InputError("There is no such tile.")
    whole = _need(traces).get(found, place)
    order = display_order(session.result.probe, "channel" if asked.get("order") == "channel" else "depth")
    order = order[::-1] if asked.get("reverse") == "1" else order
    first, n = int(asked.get("first", "0")), int(asked.get("n", str(len(order))))
    rows = order[max(0, first) : max(0, first + n)]
    made = tile_of(whole[rows], step, "heat" if asked.get("shape") == "heat" else "lines")
    return message({"values": made.values}, {"scale": float(made.scale)})


def overview(traces: Traces | None, session: Session, asked: Mapping[str, str]) -> bytes:
    """Send the overview of the whole recording.

    Parameters
    ----------
    traces : Traces or None
        The traces.
    session : Session
        The session.
    asked : mapping
        `order` and `reverse` as for tiles.

    Returns
    -------
    bytes
        See `views.overview.shown_overview`; `is_sampled` among the facts says that the sort wrote none.
    """
    result, found = session.result, _need(traces).overview()
    order = display_order(result.probe, "channel" if asked.get("order") == "channel" else "depth")
    order = order[::-1] if asked.get("reverse") == "1" else order
    motion = None if result.sorting is None else result.sorting.motion
    arrays, facts = shown_overview(found, order, motion)
    return message(arrays, {**facts, "is_sampled": result.overview is None})


def marks(kept: Marks | None, session: Session, asked: Mapping[str, str]) -> dict[str, Any]:
    """List the marks on the traces.

    Parameters
    ----------
    kept : Marks or None
        The marks.
    session : Session
        Not used.
    asked : mapping
        Nothing.

    Returns
    -------
    dict
        For JSON.
    """
    return {"marks": []} if kept is None else kept.shown()


def spikes(traces: Traces | None, session: Session, asked: Mapping[str, str], index: str) -> bytes:
    """Send the spikes of a tile.

    Parameters
    ----------
    traces : Traces or None
        Not used: the spikes are those of the result.
    session : Session
        The session.
    asked : mapping
        `units`, some units; without it, all.
    index : str
        Place of the tile in time.

    Returns
    -------
    bytes
        `sample` from the start of the tile, and `unit`, in order of units; `contacts` of each unit among the facts.
    """
    start, stop = span_of(int(index))
    result = session.result
    numbers = [int(text) for text in asked["units"].split(",")][:MAX_UNITS] if "units" in asked else session.units.ids
    bounds = np.searchsorted(result.sample, (start, stop))
    samples, units, contacts = [np.empty(0, np.int64)], [np.empty(0, np.int64)], {}
    for number in numbers:
        rows = session.rows(number)
        inside: I32 = rows[slice(*np.searchsorted(rows, bounds))]
        if len(inside):
            samples.append(np.asarray(result.sample[inside], np.int64) - start)
            units.append(np.full(len(inside), number, np.int64))
            contacts[number] = _seen_on(session, number).tolist()
    return message({"sample": np.concatenate(samples), "unit": np.concatenate(units)}, {"contacts": contacts})


def _seen_on(session: Session, unit: int) -> I64:
    """Contacts that see a unit well, the one that sees it best first."""
    waveform = session.descriptions.waveform(unit)
    size = np.ptp(waveform.shown_uv, axis=1)
    order = np.argsort(-size, kind="stable")[:MOST_CONTACTS]
    return np.asarray(waveform.contacts[order[size[order] >= SEEN_SHARE * size.max()]], np.int64)


def jump(traces: Traces | None, session: Session, asked: Mapping[str, str]) -> dict[str, Any]:
    """Find the next spike, refractory violation, blanked part or border.

    Parameters
    ----------
    traces : Traces or None
        Not used.
    session : Session
        The session.
    asked : mapping
        `what`, the sample `from` which to look, `by` 1 or -1, and `units`.

    Returns
    -------
    dict
        The sample, None if there is none; the contact that sees it best, None for places of all contacts; a sentence.
    """
    what = next((one for one in WHATS if one == asked["what"]), WHATS[0])
    numbers = [int(text) for text in asked.get("units", "").split(",") if text][:MAX_UNITS]
    places = places_of(session.result, what, [session.rows(number) for number in numbers])
    found = next_place(places, int(asked["from"]), -1 if int(asked["by"]) < 0 else 1)
    one, many = places.word
    of_units = f" of unit {' and '.join(map(str, numbers))}" if what in ("spike", "violation") and numbers else ""
    if found is None:
        where = "after" if int(asked["by"]) > 0 else "before"
        return {
            "sample": None,
            "contact": None,
            "says": f"No {one}{of_units} {where} this, of {len(places.sample):,} {many}.",
        }
    said = f"{one.capitalize()} {found.number:,} of {len(places.sample):,}{of_units}"
    if what == "violation":
        row = found.number - 1
        apart_ms = (places.stop[row] - places.sample[row]) / session.result.time.sampling_hz * 1e3
        said += f": two spikes {apart_ms:.2f} ms apart"
    contact = int(session.descriptions.waveform(numbers[0]).contacts[0]) if of_units else None
    return {"sample": found.sample, "contact": contact, "says": f"{said}."}
