"""What single panels of the page ask for, as in `answers`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.app.answers import MAX_PIXELS, MAX_TOGETHER, rows_asked
from spikesieve.app.session import Session
from spikesieve.app.wire import message, plain
from spikesieve.errors import InputError
from spikesieve.model import Unit, UnitMetrics
from spikesieve.views.drift import Where, depth_over_time, displacement, spikes_by_depth
from spikesieve.views.features import feature_plots
from spikesieve.views.metrics import meanings, metric_columns, metrics_of, quantities
from spikesieve.views.scatter import Frame
from spikesieve.views.trains import interval_counts, log_edges_ms, log_lags, log_pair_counts

MAX_PLOTS = 12
"""Plots of features at once."""
INTERVALS_MS = (0.3, 100_000.0)
"""Shortest and longest interval in logarithmic time."""
LINEAR_MS = {"from": "0", "to": "50", "bin": "0.5"}
"""Shortest and longest interval in linear time, and the width of a bin."""
MAX_INTERVAL_BINS = 2_000


def features(session: Session, asked: Mapping[str, str], number: str) -> bytes:
    """Send plots of the features of a unit.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        `plots`, such as "12.0~13.0,t~12.0", and a range of time.
    number : str
        The unit.

    Returns
    -------
    bytes
        For plot 0, 1 ... `points_0` (2, n) or `density_0` (200, 200); the frames.
    """
    pairs = [plot.split("~") for plot in asked["plots"].split(",")][:MAX_PLOTS]
    if any(len(pair) != 2 for pair in pairs):
        raise InputError("A plot has two axes, as in 12.0~13.0.")
    rows = rows_asked(session, asked, int(number))
    plots = feature_plots(session.result, rows, [(x, y) for x, y in pairs])
    arrays: dict[str, NDArray[Any]] = {}
    for i, plot in enumerate(plots):
        if plot.density is not None:
            arrays[f"density_{i}"] = plot.density
        elif plot.points is not None:
            arrays[f"points_{i}"] = plot.points
    return message(arrays, {"unit": int(number), "frames": [[plot.frame.x, plot.frame.y] for plot in plots]})


def intervals(session: Session, asked: Mapping[str, str], number: str) -> bytes:
    """Send the intervals of a unit in linear and in logarithmic time.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        Edges `from`, `to` and width `bin` of the bins in linear time, in ms, and a range of time.
    number : str
        The unit.

    Returns
    -------
    bytes
        `linear` and `log` counts, and their edges in ms.
    """
    rows = rows_asked(session, asked, int(number))
    first_ms, last_ms, bin_ms = (float(asked.get(name, usual)) for name, usual in LINEAR_MS.items())
    if not (0 <= first_ms < last_ms and (last_ms - first_ms) / MAX_INTERVAL_BINS <= bin_ms <= last_ms - first_ms):
        raise InputError(f"Bins of {bin_ms:g} ms from {first_ms:g} to {last_ms:g} ms cannot be made.")
    n_bins = round((last_ms - first_ms) / bin_ms)
    edges = {"linear": np.linspace(first_ms, last_ms, n_bins + 1), "log": log_edges_ms(*INTERVALS_MS)}
    counts = dict(zip(edges, interval_counts(session.result, rows, *edges.values()), strict=True))
    return message({**counts, **{f"{name}_ms": edges_ms for name, edges_ms in edges.items()}}, {"unit": int(number)})


def log_correlograms(session: Session, asked: Mapping[str, str]) -> bytes:
    """Send the correlograms of every two of some units over logarithmic time.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        `units`, and a range of time.

    Returns
    -------
    bytes
        `counts` (n_units, n_units, 2, n_bins), before and after, and `edges_ms` of the bins.
    """
    numbers = [int(text) for text in asked["units"].split(",")][:MAX_TOGETHER]
    rows, lags = [rows_asked(session, asked, number) for number in numbers], log_lags(session.result)
    counts = np.zeros((len(rows), len(rows), 2, len(lags) - 1), np.uint32)
    for i, a in enumerate(rows):
        for j, b in enumerate(rows[i:], i):
            counts[i, j] = log_pair_counts(session.result, a, b, lags)
            counts[j, i] = counts[i, j, ::-1]
    return message({"counts": counts, "edges_ms": lags / session.result.time.sampling_hz * 1e3}, {"units": numbers})


def _where(asked: Mapping[str, str]) -> Where:
    return "tissue" if asked.get("where") == "tissue" else "probe"


def drift(session: Session, asked: Mapping[str, str]) -> bytes:
    """Send all spikes of a shank by time and depth, and how far its tissue was displaced.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        `shank`, `where`, the ranges `x0`, `x1` in s and `y0`, `y1` in um, and the size `w`, `h` in pixels.

    Returns
    -------
    bytes
        `density` (h, w); `time_s`, `depth_um` and `um` (n_times, n_depths) where the displacement was measured.
    """
    width, height = (min(max(int(asked[name]), 1), MAX_PIXELS) for name in ("w", "h"))
    left, right, bottom, top = (float(asked[name]) for name in ("x0", "x1", "y0", "y1"))
    frame, shank = Frame((left, right), (bottom, top), width, height), int(asked["shank"])
    arrays: dict[str, NDArray[Any]] = {"density": spikes_by_depth(session.result, frame, _where(asked), shank)}
    moved = displacement(session.result, shank)
    if moved is not None:
        arrays |= {"time_s": moved.time_s, "depth_um": moved.depth_um, "um": moved.um}
    return message(arrays, {} if moved is None else {"is_used": moved.is_used, "said": moved.said})


def depths(session: Session, asked: Mapping[str, str], number: str) -> bytes:
    """Send the depth of a unit over time.

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
    bytes
        `probe` and `tissue`, each (n_times,), in um.
    """
    rows = session.rows(int(number))
    places: tuple[Where, Where] = ("probe", "tissue")
    return message({where: depth_over_time(session.result, rows, where) for where in places}, {"unit": int(number)})


def metrics(session: Session, asked: Mapping[str, str]) -> dict[str, Any]:
    """Send what `metrics.csv` has beside the unit table.

    Parameters
    ----------
    session : Session
        The session.
    asked : mapping
        Nothing.

    Returns
    -------
    dict
        Columns with their meanings, and the values of each unit; no columns where the result has no metrics.
    """
    rows, said = metrics_of(session.result), meanings(UnitMetrics)
    names = metric_columns() if rows else []
    texts = {name for name in names if any(isinstance(getattr(one, name), str) for one in rows.values())}
    return {
        "columns": [{"name": name, "is_text": name in texts, "meaning": said.get(name, "")} for name in names],
        "units": {unit: [plain(getattr(one, name)) for name in names] for unit, one in rows.items()},
    }


def quantities_of(session: Session, asked: Mapping[str, str], number: str) -> dict[str, Any]:
    """Send what is known of a unit, number by number.

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
        Its label with the reason, and each quantity with its meaning.
    """
    unit = int(number)
    row, said = session.table_row(unit), meanings(Unit) | meanings(UnitMetrics)
    found = quantities(session.facts(unit).row, session.descriptions.metrics(unit))
    return {
        "unit": unit,
        "label": row["label"],
        "why": row["why"],
        "quantities": [plain(dataclasses.asdict(one)) | {"meaning": said.get(one.name, "")} for one in found],
    }
