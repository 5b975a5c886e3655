"""The probe of an Open Ephys recording, from the settings.xml of its experiment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
import probeinterface
from probeinterface import neuropixels_tools

from spikesieve.errors import InputError
from spikesieve.io.probes.files import probe_of_probeinterface
from spikesieve.io.recordings.adc_delays import delays_of_probe
from spikesieve.model import F64, I64, Probe

CHANNEL_MAP = '"Channel Map"'
NEUROPIXELS = re.compile(r"<(NP_PROBE|NEUROPIXELSV\w+)\b")
ELECTRODE_INDEX = "neuropixels.electrode_index"


@dataclass(frozen=True, eq=False)
class SettingsProbe:
    """The probe of a stream.

    Attributes
    ----------
    probe : Probe or None
        None if the settings name no probe of Neuropixels for the stream. Other headstages do not know their probe.
    notes : tuple of str
        Why a probe that is named is not used, or that it may be another one.
    delay_samples : ndarray of float64, shape (n_electrodes,), or None
        How much later than the first each electrode is sampled, see `Recording`; None: unknown.
    """

    probe: Probe | None = None
    notes: tuple[str, ...] = ()
    delay_samples: F64 | None = None


def read_settings_probe(
    experiment: Path, stream: str, channels: Sequence[Mapping[str, Any]], electrodes: I64
) -> SettingsProbe:
    """Read the Neuropixels probe of a stream.

    Parameters
    ----------
    experiment : Path
        Folder of the experiment, such as experiment1. Its settings lie beside it: settings.xml for the first one,
        settings_2.xml for the second.
    stream : str
        Folder of the stream, such as Neuropix-PXI-100.ProbeA-AP.
    channels : sequence of dict
        What structure.oebin says of each channel. Since version 0.6 it has the electrode.
    electrodes : ndarray of int64, shape (n_electrodes,)
        Columns of the file with an electrode.

    Returns
    -------
    SettingsProbe
        Its contacts, if the settings name them, and when they are sampled.
    """
    number = experiment.name.removeprefix("experiment")
    path = experiment.parent / ("settings.xml" if number in ("", "1") else f"settings_{number}.xml")
    notes: tuple[str, ...] = ()
    if not path.is_file():
        notes = (f"{path.name} is missing, so the probe comes from settings.xml. Check that it was the same.",)
        path = experiment.parent / "settings.xml"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    if not NEUROPIXELS.search(text):
        return SettingsProbe()
    try:
        theirs = _named_probe(path, text, stream)
        # probeinterface counts the turns of the converter by contact, which a channel map puts into another order.
        turns = None if CHANNEL_MAP in text else delays_of_probe(theirs)
        found = _wired(theirs, turns, [channels[column] for column in electrodes], electrodes, path.name)
        return replace(found, notes=notes)
    except (
        InputError,
        KeyError,
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        AssertionError,
        ParseError,
    ) as error:
        return SettingsProbe(notes=(f"The probe in {path} is not used ({error}). Give it with --probe.",))


def _named_probe(path: Path, text: str, stream: str) -> probeinterface.Probe:
    # Its name until probeinterface 0.4.
    read = getattr(neuropixels_tools, "read_openephys_neuropixels", probeinterface.read_openephys)
    probe = read(path, stream_name=stream, raise_error=False)
    if probe is None:
        raise InputError(f"it names none for {stream}")
    name, serial = str(probe.name), str(probe.serial_number)
    # probeinterface takes the first probe whose name is a part of the stream's, such as Probe1 for Probe12.
    if serial not in stream and not re.search(rf"(^|[.-]){re.escape(name)}(-AP|-LFP)?$", stream):
        raise InputError(f"its probe {name} is not that of {stream}")
    if re.fullmatch(r"\d+\.[1-9]\d*", name) and "lfpGainValue" in text:
        raise InputError(f"before version 0.6, {name} may be the LFP of another probe")
    return probe


def _wired(
    theirs: probeinterface.Probe, turns: F64 | None, channels: Sequence[Mapping[str, Any]], electrodes: I64, name: str
) -> SettingsProbe:
    """The contacts of the columns with an electrode: by the electrode of each, else in the order of the settings."""
    recorded = [_electrode_of(channel) for channel in channels]
    if None not in recorded and "part_number" in theirs.annotations:
        all_contacts = neuropixels_tools.build_neuropixels_probe(theirs.annotations["part_number"])
        recorded_contacts = all_contacts.get_slice(np.array(recorded))
        recorded_contacts.set_device_channel_indices(electrodes)
        delays = None if turns is None else _of_the_same(recorded_contacts, theirs, turns)
        return SettingsProbe(probe_of_probeinterface(recorded_contacts, name), delay_samples=delays)
    probe = probe_of_probeinterface(theirs, name)
    if probe.n_contacts == len(electrodes):
        return SettingsProbe(replace(probe, channels=electrodes[probe.channels]), delay_samples=turns)
    # Early versions leave out the reference, so the turns of the converter are counted wrongly behind it.
    keys = theirs.contact_annotations.get("settings_channel_key", ())
    numbers = [int(key[2:]) for key in keys if re.fullmatch(r"CH\d+", key)]
    if len(numbers) != probe.n_contacts or numbers[-1] != len(electrodes) - 1:
        raise InputError(f"it has {probe.n_contacts} contacts, the stream {len(electrodes)} channels")
    return SettingsProbe(replace(probe, channels=electrodes[numbers]))


def _of_the_same(recorded: probeinterface.Probe, theirs: probeinterface.Probe, turns: F64) -> F64 | None:
    """The turns of contacts in another order; None if some are not among them."""
    place = {name: index for index, name in enumerate(theirs.contact_ids)}
    if not place.keys() >= set(recorded.contact_ids):
        return None
    return turns[[place[name] for name in recorded.contact_ids]]


def _electrode_of(channel: Mapping[str, Any]) -> int | None:
    """Number of the electrode on the whole probe, where structure.oebin has it."""
    found = [entry for entry in channel.get("channel_metadata", ()) if entry.get("identifier") == ELECTRODE_INDEX]
    return int(found[0]["value"][0]) if found else None
