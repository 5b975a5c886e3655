"""Preprocessed traces on disk, laid out like the raw file, so that Phy and Neuroscope show the two side by side."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import Probe, Recording

I16 = NDArray[np.int16]

ZEROS_AT_ONCE = 1_000_000
"""Values of a gap that are written at a time."""


def write_preprocessed(folder: Path, blocks: Iterable[tuple[int, I16]], recording: Recording, probe: Probe) -> None:
    """Write preprocessed.dat, params_preprocessed.py (for Phy) and preprocessed.xml (for Neuroscope).

    blocks     (start, samples): first sample and (n, n_contacts) int16, in order of time
    recording  gives length, columns and sampling rate
    probe      the contacts of the blocks

    The file has the rows and the columns of the raw recording, so that spike times and channel numbers hold for both;
    what was not sorted is 0. Memory does not grow with duration. Raises OSError when the disk is full.
    """
    with (folder / "preprocessed.dat").open("wb") as file:
        written = 0
        for start, samples in blocks:
            _write_zeros(file, start - written, recording.n_channels)
            rows = np.zeros((len(samples), recording.n_channels), "<i2")
            rows[:, probe.channels] = samples
            file.write(rows.tobytes())
            written = start + len(samples)
        _write_zeros(file, recording.n_samples - written, recording.n_channels)
    (folder / "params_preprocessed.py").write_text(_phy_params(recording), encoding="ascii")
    text = ET.tostring(_neuroscope(recording, probe), encoding="unicode")
    (folder / "preprocessed.xml").write_text(f"<?xml version='1.0'?>\n{text}\n", encoding="utf-8")


def _write_zeros(file: BinaryIO, n_samples: int, n_channels: int) -> None:
    at_once = max(1, ZEROS_AT_ONCE // n_channels)
    for start in range(0, n_samples, at_once):
        file.write(bytes(2 * n_channels * min(at_once, n_samples - start)))


def _phy_params(recording: Recording) -> str:
    # A relative path: Phy looks beside this file, wherever the folder is moved.
    return (
        f"dat_path = 'preprocessed.dat'\nn_channels_dat = {recording.n_channels}\noffset = 0\n"
        f"sample_rate = {float(recording.sampling_hz)!r}\ndtype = 'int16'\nhp_filtered = True\n"
    )


def _neuroscope(recording: Recording, probe: Probe) -> ET.Element:
    """Neuroscope's session file: a group a shank, its contacts from the top down; columns without a contact hidden."""
    root = ET.Element("parameters", version="1.0", creator="spikesieve")
    system = ET.SubElement(root, "acquisitionSystem")
    facts = {"nBits": 16, "nChannels": recording.n_channels, "samplingRate": round(recording.sampling_hz)}
    for name, value in {**facts, "voltageRange": 20, "amplification": 1000, "offset": 0}.items():
        ET.SubElement(system, name).text = str(value)
    ET.SubElement(ET.SubElement(root, "fieldPotentials"), "lfpSamplingRate").text = "1250"
    groups = ET.SubElement(ET.SubElement(root, "anatomicalDescription"), "channelGroups")
    for shank in np.unique(probe.shanks):
        own = np.flatnonzero(probe.shanks == shank)
        _group(groups, probe.channels[own[np.argsort(-probe.positions_um[own, 1], kind="stable")]].tolist(), "0")
    rest = np.setdiff1d(np.arange(recording.n_channels), probe.channels).tolist()
    if rest:
        _group(groups, rest, "1")
    return root


def _group(parent: ET.Element, channels: list[int], skip: str) -> None:
    group = ET.SubElement(parent, "group")
    for channel in channels:
        ET.SubElement(group, "channel", skip=skip).text = str(channel)
