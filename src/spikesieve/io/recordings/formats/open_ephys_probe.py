"""The probe of an Open Ephys recording, from the settings.xml of its experiment."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import ParseError

import probeinterface
from probeinterface import neuropixels_tools

from spikesieve.errors import InputError
from spikesieve.io.probes.files import probe_of_probeinterface
from spikesieve.model import I64, Probe

NEUROPIXELS = re.compile(r"<(NP_PROBE|NEUROPIXELSV\w+)\b")


def read_settings_probe(experiment: Path, stream: str, electrodes: I64) -> tuple[Probe | None, tuple[str, ...]]:
    """Read the Neuropixels probe of a stream.

    Parameters
    ----------
    experiment : Path
        Folder of the experiment, such as experiment1. Its settings lie beside it: settings.xml for the first one,
        settings_2.xml for the second.
    stream : str
        Folder of the stream, such as Neuropix-PXI-100.ProbeA-AP.
    electrodes : ndarray of int64, shape (n_electrodes,)
        Columns of the file with an electrode.

    Returns
    -------
    probe : Probe or None
        None if the settings name no probe of Neuropixels for the stream. Other headstages do not know their probe.
    notes : tuple of str
        Why a probe that is named is not used, or that it may be another one.
    """
    number = experiment.name.removeprefix("experiment")
    path = experiment.parent / ("settings.xml" if number in ("", "1") else f"settings_{number}.xml")
    notes: tuple[str, ...] = ()
    if not path.is_file():
        notes = (f"{path.name} is missing, so the probe comes from settings.xml. Check that it was the same.",)
        path = experiment.parent / "settings.xml"
    if not path.is_file() or not NEUROPIXELS.search(path.read_text(encoding="utf-8", errors="replace")):
        return None, ()
    # Its name until probeinterface 0.4.
    read = getattr(neuropixels_tools, "read_openephys_neuropixels", probeinterface.read_openephys)
    try:
        probe = probe_of_probeinterface(read(path, stream_name=stream), path.name)
        if probe.n_contacts != len(electrodes):
            raise InputError(f"it has {probe.n_contacts} contacts, the stream {len(electrodes)} channels")
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
        return None, (f"The probe in {path} is not used ({error}). Give it with --probe.",)
    return replace(probe, channels=electrodes[probe.channels]), notes
