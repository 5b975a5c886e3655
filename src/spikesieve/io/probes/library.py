"""Probes of probeinterface's library, by name, where they are on this computer. Nothing is downloaded."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

import probeinterface.library

from spikesieve.errors import InputError
from spikesieve.io.probes.files import probe_of_probeinterface
from spikesieve.model import Probe

PREFIX = "library:"


def read_library_probe(spec: str) -> Probe:
    """Read a probe of probeinterface's library.

    Parameters
    ----------
    spec : str
        Manufacturer and name, such as "library:cambridgeneurotech/ASSY-156-P-1".

    Returns
    -------
    Probe
        The probe, with `spec` as its name. The library does not know the wiring: contact i is on channel i.

    Raises
    ------
    InputError
        If the name has another form, or if the probe was never loaded on this computer.
    """
    manufacturer, _, name = spec.removeprefix(PREFIX).partition("/")
    if not name or "/" in name or ".." in (manufacturer, name):
        raise InputError(f"{spec!r} is no probe of the library. Give {PREFIX}MANUFACTURER/NAME.")
    found = probeinterface.library.get_from_cache(manufacturer, name)
    if found is None:
        known = sorted(path.stem for path in probeinterface.library.get_cache_folder().rglob(f"{manufacturer}/*.json"))
        near = get_close_matches(name, known, 1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise InputError(
            f"The probe {spec!r} is not on this computer. {hint}Load it once, in Python: "
            f"probeinterface.get_probe({manufacturer!r}, {name!r})."
        )
    return replace(probe_of_probeinterface(found, name), name=spec)
