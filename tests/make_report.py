"""What a made-up sorting needs besides itself to be reported, and its page taken apart."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import numpy as np

from spikesieve.io.results.provenance import result_facts
from spikesieve.model import Sorting, Spikes
from spikesieve.report.sorting.numbers import figure_numbers
from spikesieve.report.sorting.page import page_html


def make_facts(sorting: Sorting, **changes: Any) -> dict[str, Any]:
    """What provenance.json would hold; `changes` replace entries."""
    n_samples = sorting.segments[-1][1]
    facts = {
        "program": "spikesieve",
        "method": "kilosort4",
        "versions": {"spikesieve": "0.1.0", "numpy": "2.0"},
        "started": "2024-02-03T04:05:06+00:00",
        "finished": "2024-02-03T04:06:36+00:00",
        "settings": {"method": "kilosort4", "match": {"threshold": 8.0, "max_peels": 100}},
        "seeds": {"cluster": 5},
        "inputs": [
            {
                "path": "/data/of/a/long/path/to/recording.bin",
                "bytes": 48,
                "sha256_of_head_tail_and_64_evenly_spaced_pieces_of_1_mib": "0123456789abcdef" * 4,
            }
        ],
        "recording": {"name": "recording.bin", "n_samples": n_samples, "n_channels": 25, "gain_is_known": True},
        "result": result_facts(sorting),
        "stages": {
            "detect": {"seconds": 12.5, "peak_memory_mb": 640.0},
            "match": {"seconds": 77.5, "peak_memory_mb": 640.0},
        },
        "notes": list(sorting.notes),
    }
    return {**facts, **changes}


def page_of(sorting: Sorting, **changes: Any) -> str:
    """The page of a sorting; `changes` replace entries of provenance.json."""
    return page_html(sorting, make_facts(sorting, **changes), figure_numbers(sorting))


def data_in(html: str) -> dict[str, Any]:
    """What the scripts of a page get."""
    (text,) = re.findall(r'<script type="application/json" id="numbers">(.*?)</script>', html, re.DOTALL)
    return json.loads(text)


def array_in(data: dict, name: str) -> np.ndarray:
    """One of its arrays, still in codes."""
    packed = data["arrays"][name]
    return np.frombuffer(base64.b64decode(packed["base64"]), packed["dtype"]).reshape(packed["shape"])


def with_spikes(sorting: Sorting, sample: np.ndarray, unit: np.ndarray, amplitude_uv: np.ndarray | float) -> Sorting:
    """The sorting with other spikes, in any order."""
    order = np.argsort(sample, kind="stable")
    n = len(sample)
    spikes = Spikes(
        sample=np.asarray(sample, np.int64)[order],
        unit=np.asarray(unit, np.int32)[order],
        detection_template=np.zeros(n, np.int32),
        amplitude=np.ones(n, np.float32),
        amplitude_uv=np.broadcast_to(np.asarray(amplitude_uv, np.float32), n)[order],
        position_um=np.zeros((n, 2), np.float32),
        features=np.empty((n, 0, 6), np.float32),
    )
    return replace(sorting, spikes=spikes)


def with_units(sorting: Sorting, **values: object) -> Sorting:
    """The sorting with these values in every unit."""
    return replace(sorting, units=tuple(replace(unit, **values) for unit in sorting.units))
