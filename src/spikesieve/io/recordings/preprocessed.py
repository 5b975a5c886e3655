"""Preprocessed traces on disk, in the layout of the raw file, so that Phy and Neuroscope can show both."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import Probe, Recording

I16 = NDArray[np.int16]

# Values of a gap that are written at a time.
ZEROS_PER_WRITE = 1_000_000


def write_preprocessed(folder: Path, blocks: Iterable[tuple[int, I16]], recording: Recording, probe: Probe) -> None:
    """Write preprocessed.dat, params_preprocessed.py (for Phy) and preprocessed.xml (for Neuroscope).

    The file has the samples and channels of the raw recording, so spike times and channel numbers hold for both.
    Parts and channels that were not sorted are 0. Memory does not grow with the length of the recording.

    Parameters
    ----------
    folder : Path
        Existing folder.
    blocks : iterable of (int, ndarray of int16)
        First sample and traces of shape (n_samples, n_contacts) of each block, in order of time.
    recording : Recording
        The raw recording: length, number of channels, sampling rate.
    probe : Probe
        The contacts of the blocks.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written.
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
    samples_per_write = max(1, ZEROS_PER_WRITE // n_channels)
    for start in range(0, n_samples, samples_per_write):
        file.write(bytes(2 * n_channels * min(samples_per_write, n_samples - start)))


def _phy_params(recording: Recording) -> str:
    # A relative path: Phy looks in the folder of this file, also after the folder was moved.
    return (
        f"dat_path = 'preprocessed.dat'\nn_channels_dat = {recording.n_channels}\noffset = 0\n"
        f"sample_rate = {float(recording.sampling_hz)!r}\ndtype = 'int16'\nhp_filtered = True\n"
    )


def _neuroscope(recording: Recording, probe: Probe) -> ET.Element:
    """Neuroscope's session file: one group per shank, contacts from the top down, channels without contact hidden."""
    root = ET.Element("parameters", version="1.0", creator="spikesieve")
    system = ET.SubElement(root, "acquisitionSystem")
    facts = {"nBits": 16, "nChannels": recording.n_channels, "samplingRate": round(recording.sampling_hz)}
    for name, value in {**facts, "voltageRange": 20, "amplification": 1000, "offset": 0}.items():
        ET.SubElement(system, name).text = str(value)
    ET.SubElement(ET.SubElement(root, "fieldPotentials"), "lfpSamplingRate").text = "1250"
    groups = ET.SubElement(ET.SubElement(root, "anatomicalDescription"), "channelGroups")
    for shank in np.unique(probe.shanks):
        contacts = np.flatnonzero(probe.shanks == shank)
        top_down = contacts[np.argsort(-probe.positions_um[contacts, 1], kind="stable")]
        _add_group(groups, probe.channels[top_down].tolist(), "0")
    unconnected = np.setdiff1d(np.arange(recording.n_channels), probe.channels).tolist()
    if unconnected:
        _add_group(groups, unconnected, "1")
    return root


def _add_group(parent: ET.Element, channels: list[int], skip: str) -> None:
    group = ET.SubElement(parent, "group")
    for channel in channels:
        ET.SubElement(group, "channel", skip=skip).text = str(channel)
