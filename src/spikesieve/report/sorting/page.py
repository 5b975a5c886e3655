"""The page of a sorting: one HTML file that needs no network, made of a template, a style sheet and scripts.

The scripts draw the numbers, which are in the page as JSON (see `page_data`). Text (summary, advice, unit table,
settings) is in the HTML itself, so that it can be read, searched and printed without scripts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from spikesieve.draw import drawing_without_modules
from spikesieve.model import Sorting
from spikesieve.model.text import counted, duration_text, time_sentence
from spikesieve.report.drift.page import drift_texts
from spikesieve.report.page_files import asset
from spikesieve.report.sorting.advice import advice
from spikesieve.report.sorting.columns import AXIS_LABELS, COLUMNS, Column, unit_rows
from spikesieve.report.sorting.histograms import LABELS, Histogram
from spikesieve.report.sorting.numbers import FigureNumbers
from spikesieve.report.sorting.page_data import page_data

DRAWINGS = ("canvas.js", "marks.js", "ramp.js", "places.js")
"""Scripts that draw, which the page of the app loads as well."""
SCRIPTS = ("numbers.js", "plot.js", "unit_pictures.js", "table.js", "overview.js", "drift.js", "detail.js", "start.js")
"""Scripts of the page, in the order in which they are loaded."""


def page_html(sorting: Sorting, provenance: Mapping[str, Any], numbers: FigureNumbers) -> str:
    """Make the page of a sorting.

    Parameters
    ----------
    sorting : Sorting
        The sorting.
    provenance : mapping
        Content of `provenance.json` of the result: recording, settings, versions, cost, notes.
    numbers : FigureNumbers
        Numbers of the figures, from `figure_numbers(sorting)`.

    Returns
    -------
    str
        HTML.
    """
    amplitude_unit = "µV" if provenance["recording"]["gain_is_known"] else "raw"
    shanks = np.unique(sorting.probe.shanks).tolist()
    columns = _columns(amplitude_unit, len(shanks))
    labels: list[str] = [unit.label for unit in sorting.units]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(asset("page.html.j2")).render(
        generator=f"spikesieve {provenance['versions'].get('spikesieve', '')}",
        name=provenance["recording"]["name"],
        sentence=_sentence(sorting, provenance),
        counts={label: labels.count(label) for label in LABELS},
        totals=_totals(sorting, provenance),
        advice=advice(sorting, provenance),
        shanks=shanks,
        n_contacts=sorting.probe.n_contacts,
        files=_links,
        columns=columns,
        rows=[_row(unit, columns) for unit in unit_rows(sorting)],
        histograms=[_histogram_text(histogram) for histogram in numbers.histograms],
        drift=None if numbers.drift is None else drift_texts(numbers.drift),
        facts=_run_tables(provenance),
        style=Markup(asset("page.css")),
        script=Markup("\n".join([*map(drawing_without_modules, DRAWINGS), *map(asset, SCRIPTS)])),
        numbers=Markup(_script_json(page_data(sorting, numbers, amplitude_unit))),
    )


def _script_json(data: object) -> str:
    """JSON for a script element. No text in it can end the element."""
    return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _columns(amplitude_unit: str, n_shanks: int) -> list[Column]:
    return [
        Column(
            column.name,
            column.heading.format(uv=amplitude_unit),
            column.meaning,
            column.format,
            column.extra and not (column.name == "shank" and n_shanks > 1),
        )
        for column in COLUMNS
    ]


def _row(unit: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    return {"unit": unit["unit"], "label": unit["label"], "cells": [(column, column.text(unit)) for column in columns]}


def _sentence(sorting: Sorting, provenance: Mapping[str, Any]) -> str:
    finished = datetime.fromisoformat(provenance["finished"])
    # Not from the times: a clock may have been set meanwhile.
    seconds = sum(stage["seconds"] for stage in provenance["stages"].values())
    n_contacts, n_shanks = sorting.probe.n_contacts, len(np.unique(sorting.probe.shanks))
    probe = f"{n_contacts} contact{'s' if n_contacts != 1 else ''}" + (f" on {n_shanks} shanks" if n_shanks > 1 else "")
    when = finished.strftime("%Y-%m-%d %H:%M")
    return f"{probe}, sorted with {provenance['method']} on {when}: {time_sentence(seconds, sorting.duration_s)}."


def _totals(sorting: Sorting, provenance: Mapping[str, Any]) -> dict[str, str]:
    length_s = provenance["recording"]["n_samples"] / sorting.sampling_hz
    part = f" of {duration_text(length_s)}" if length_s - sorting.duration_s > 1 else ""
    return {"spikes": f"{len(sorting.spikes):,}", f"sorted{part}": duration_text(sorting.duration_s)}


def _links(picture: str, what: str = "", table: str = "") -> Markup:
    """Links to the picture and the numbers of a figure in the folder `figures`."""
    link = Markup('<a href="figures/{}">{}</a>')
    both = link.format(f"{picture}.png", "PNG"), link.format(f"{table or picture}.csv", "CSV")
    return Markup('<span class="files">{} {} {}</span>').format(what, *both)


def _histogram_text(histogram: Histogram) -> dict[str, str]:
    """Caption of a histogram, and its description for screen readers."""
    title = AXIS_LABELS[histogram.name].partition(" (")[0].capitalize().replace("Snr", "SNR")
    per_bin = np.sum(list(histogram.counts.values()), axis=0)
    says = f"Histogram of {counted(int(per_bin.sum()), 'unit')} by {title}."
    if per_bin.any():
        low, high = histogram.edges[int(np.argmax(per_bin)) :][:2]
        says += f" The fullest bin goes from {low:.3g} to {high:.3g}."
    return {"title": title + (f", {histogram.unknown} unknown" if histogram.unknown else ""), "says": says}


def _run_tables(provenance: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Titles and rows of the tables about the run: recording, cost, settings by stage, versions, inputs."""
    costs = {name: (cost["seconds"], cost["peak_memory_mb"]) for name, cost in provenance["stages"].items()}
    stages = [(name, f"{seconds:.1f} s, {megabytes:,.0f} MB") for name, (seconds, megabytes) in costs.items()]
    groups = {name: group for name, group in provenance["settings"].items() if isinstance(group, Mapping)}
    single = {name: value for name, value in provenance["settings"].items() if name not in groups}
    tables = [
        ("Recording", _rows(provenance["recording"])),
        ("Time and peak memory by stage", stages),
        ("Result", _rows(provenance["result"])),
        *((f"Settings: {name}", _rows(group)) for name, group in {"general": single, **groups}.items() if group),
        ("Seeds", _rows(provenance["seeds"])),
        ("Versions", _rows(provenance["versions"])),
        *((f"Input {i + 1}", _rows(entry)) for i, entry in enumerate(provenance["inputs"])),
        ("Times", _rows({"started": provenance["started"], "finished": provenance["finished"]})),
    ]
    return [(title, table) for title, table in tables if table]


def _rows(group: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in group.items()]
