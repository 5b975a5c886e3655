"""Folders of Open Ephys, laid out as its documentation says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

HZ = 30_000
STREAM = "Acquisition_Board-100.Rhythm Data"
PROBE_STREAM = "Neuropix-PXI-100.ProbeA-AP"


def channel(name: str, bit_volts: float = 0.195, units: str = "uV") -> dict[str, object]:
    return {
        "channel_name": name,
        "bit_volts": bit_volts,
        "units": units,
        "description": "",
        "source_processor_index": 0,
    }


def electrodes(n: int) -> list[dict[str, object]]:
    return [channel(f"CH{i + 1}") for i in range(n)]


def write_stream(
    recording: Path,
    samples: np.ndarray,
    numbers: np.ndarray | None,
    name: str = STREAM,
    channels: list[dict[str, object]] | None = None,
    times_s: np.ndarray | None = None,
    hz: float = HZ,
) -> Path:
    """A stream as version 0.6 and later write it, added to the structure.oebin of its recording."""
    folder = recording / "continuous" / name
    folder.mkdir(parents=True)
    samples.tofile(folder / "continuous.dat")
    if numbers is not None:
        np.save(folder / "sample_numbers.npy", numbers.astype(np.int64))
        np.save(folder / "timestamps.npy", numbers / hz if times_s is None else times_s)
    index = recording / "structure.oebin"
    content = json.loads(index.read_text()) if index.exists() else {"GUI version": "0.6.7", "continuous": []}
    channels = electrodes(samples.shape[1]) if channels is None else channels
    content["continuous"].append(
        {
            "folder_name": f"{name}/",
            "sample_rate": hz,
            "stream_name": name.rpartition(".")[2],
            "source_processor_name": name.partition("-")[0],
            "source_processor_id": 100,
            "recorded_processor": "Record Node",
            "recorded_processor_id": 101,
            "num_channels": samples.shape[1],
            "channels": channels,
        }
    )
    index.write_text(json.dumps(content))
    return folder


def tree(folder: Path, experiment: int = 1, recording: int = 1, node: str = "Record Node 101") -> Path:
    return folder / node / f"experiment{experiment}" / f"recording{recording}"


def count(n: int, first: int = 0) -> np.ndarray:
    return np.arange(first, first + n)


def settings_of(
    n: int,
    part: str = "NP1000",
    name: str = "ProbeA",
    left_out: tuple[int, ...] = (),
    selected: tuple[int, ...] | None = None,
) -> str:
    """The part of a settings.xml that says where the contacts are: by position, or selected electrodes by number."""
    channels = [c for c in range(n) if c not in left_out]
    x = " ".join(f'CH{c}="{(27, 59, 11, 43)[c % 4]}"' for c in channels)
    y = " ".join(f'CH{c}="{20 * (c // 2)}"' for c in channels)
    banks = " ".join(f'CH{c}="0"' for c in channels)
    places = f"<CHANNELS {banks}/><ELECTRODE_XPOS {x}/><ELECTRODE_YPOS {y}/>"
    if selected is not None:
        numbers = " ".join(f'CH{c}="{electrode}"' for c, electrode in enumerate(selected))
        places = f"<SELECTED_ELECTRODES {numbers}/>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<SETTINGS><INFO><VERSION>0.6.7</VERSION></INFO><SIGNALCHAIN>
<PROCESSOR name="Neuropix-PXI" nodeId="100" pluginName="Neuropix-PXI" libraryName="Neuropixels PXI"
 libraryVersion="0.6.2" processorType="2">
<STREAM name="{name}-AP" sample_rate="30000" channel_count="{n}"/>
<STREAM name="{name}-LFP" sample_rate="2500" channel_count="{n}"/>
<EDITOR><NP_PROBE slot="2" bs_firmware_version="2.0" bs_hardware_version="1.2" bs_serial_number="1"
 bs_part_number="NP2_QBSC_00" bsc_firmware_version="3.2" bsc_hardware_version="1.2" bsc_serial_number="2"
 bsc_part_number="NP2_QBSC_01" headstage_serial_number="3" headstage_part_number="NP2_HS_30" flex_version="0.0"
 flex_part_number="NP1_FLEX_0" port="1" dock="1" probe_serial_number="18005106831" probe_part_number="{part}"
 probe_name="Neuropixels" num_adcs="32" ZoneName="" apGainValue="500x" lfpGainValue="250x"
 electrodeConfigurationPreset="Bank A" referenceChannel="Ext" filterCut="ON">{places}</NP_PROBE></EDITOR>
</PROCESSOR></SIGNALCHAIN></SETTINGS>"""
