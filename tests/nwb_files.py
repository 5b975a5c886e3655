"""NWB files in the layout of the schema, written with h5py."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

HZ = 30_000.0
N = 4  # rows of the table of electrodes


def write_nwb(folder: Path, samples: np.ndarray, name: str = "acquisition/ElectricalSeries", **changes: object) -> Path:
    """A file with one ElectricalSeries, or one more in a file that exists; None leaves a part out."""
    path = folder / "a.nwb"
    parts = {
        "conversion": 1e-6 * 0.195,
        "offset": 0.0,
        "rate": HZ,
        "starting_time": 12.5,
        "timestamps": None,
        "channel_conversion": None,
        "chunks": (1000, 2),
        "rel_x": np.array([0.0, 20.0] * (N // 2)),
        "rel_y": np.array([0.0, 0.0, 30.0, 30.0]),
        "group_name": [b"shank0"] * N,
        "electrodes": np.arange(N),
        "inter_sample_shift": None,
    } | changes
    with h5py.File(path, "a") as file:
        file.attrs["nwb_version"] = "2.7.0"
        file.attrs["neurodata_type"] = "NWBFile"
        series = file.create_group(name)
        series.attrs["neurodata_type"] = "ElectricalSeries"
        chunks = parts["chunks"] and tuple(map(min, parts["chunks"], samples.shape))
        data = series.create_dataset("data", data=samples, chunks=chunks, compression=chunks and "gzip")
        for key in ("conversion", "offset"):
            if parts[key] is not None:
                data.attrs[key] = parts[key]
        data.attrs["unit"] = "volts"
        if parts["timestamps"] is None:
            series["starting_time"] = parts["starting_time"]
            series["starting_time"].attrs["rate"] = parts["rate"]
        else:
            series["timestamps"] = parts["timestamps"]
        if parts["channel_conversion"] is not None:
            series["channel_conversion"] = parts["channel_conversion"]
        table = file.require_group("general/extracellular_ephys/electrodes")
        for column in ("rel_x", "rel_y", "group_name", "inter_sample_shift"):
            if parts[column] is not None and column not in table:
                table[column] = parts[column]
        if parts["electrodes"] is not None:
            series["electrodes"] = parts["electrodes"]
            series["electrodes"].attrs["table"] = table.ref
    return path
