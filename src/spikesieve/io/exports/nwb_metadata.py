"""What an NWB file needs and no recording knows: session, subject, probe; from YAML or JSON as NeuroConv has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from spikesieve.errors import InputError, OutputError

EXAMPLE = """NWBFile:
  session_description: "what was done"
  session_start_time: 2025-03-14T10:00:00+01:00
  session_id: "day1"
Subject:
  subject_id: "m1"
  species: "Mus musculus"
  sex: "F"
  age: "P90D"
"""
KNOWN = ("NWBFile", "Subject", "Ecephys")
NOT_IN_NAMES = re.compile(r"[^0-9a-zA-Z+.-]+")


@dataclass(frozen=True)
class NwbMetadata:
    """What a user says of a session.

    Attributes
    ----------
    session : dict
        Fields of `NWBFile`.
    subject : dict
        Fields of `Subject`; empty if nothing is known.
    device : dict
        name, description, manufacturer of the probe.
    groups : tuple of dict
        name, description, location of each shank, in the order of the shanks.
    """

    session: Mapping[str, Any] = field(default_factory=dict)
    subject: Mapping[str, Any] = field(default_factory=dict)
    device: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[Mapping[str, Any], ...] = ()

    @property
    def dandi_name(self) -> str:
        """Path of the file in DANDI's layout: sub-NAME/sub-NAME_ses-NAME_ecephys.nwb."""
        names = {"sub": self.subject.get("subject_id", "unknown"), "ses": self.session.get("session_id")}
        parts = [f"{key}-{NOT_IN_NAMES.sub('-', str(name))}" for key, name in names.items() if name]
        return f"{parts[0]}/{'_'.join(parts)}_ecephys.nwb"


def read_nwb_metadata(path: Path) -> NwbMetadata:
    """Read metadata for NWB.

    Parameters
    ----------
    path : Path
        YAML or JSON with the sections NWBFile, Subject and Ecephys (Device, ElectrodeGroup).

    Returns
    -------
    NwbMetadata
        What is in it.

    Raises
    ------
    InputError
        If the file cannot be read, or has other sections.
    OutputError
        If pynwb is not installed.
    """
    try:
        content = _read_yaml(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as YAML or JSON: {error}. It should look like this:\n{EXAMPLE}"
        ) from error
    content = {} if content is None else content
    if not isinstance(content, dict) or set(content) - set(KNOWN):
        found = sorted(set(content) - set(KNOWN)) if isinstance(content, dict) else type(content).__name__
        raise InputError(f"{path} can have the sections {', '.join(KNOWN)}. Got {found}. An example:\n{EXAMPLE}")
    sections = {name: content.get(name) or {} for name in KNOWN}
    if not all(isinstance(section, dict) for section in sections.values()):
        raise InputError(f"The sections of {path} hold names and values. An example:\n{EXAMPLE}")
    ecephys = sections["Ecephys"]
    devices, groups = (_listed(ecephys.get(name)) for name in ("Device", "ElectrodeGroup"))
    session, subject = (_with_dates(sections[name], path) for name in ("NWBFile", "Subject"))
    return NwbMetadata(session, subject, devices[0] if devices else {}, groups)


def _listed(value: Any) -> tuple[dict[str, Any], ...]:
    return tuple(value) if isinstance(value, list) else (value,) if value else ()


def _read_yaml(path: Path) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.constructor import SafeConstructor
        from ruamel.yaml.error import YAMLError
    except ImportError as error:
        raise pynwb_missing(error) from error

    # Times stay as they are written: the parser would take away their zone.
    texts: Any = type("Texts", (SafeConstructor,), {})
    texts.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = texts
    try:
        return yaml.load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _with_dates(fields: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Times as datetime, in the zone of this computer if they name none."""
    found = dict(fields)
    for name in ("session_start_time", "timestamps_reference_time", "date_of_birth"):
        if name in found:
            try:
                time = datetime.fromisoformat(str(found[name]))
            except ValueError as error:
                raise InputError(
                    f"{name} in {path} should be like 2025-03-14T10:00:00+01:00. Got {found[name]!r}."
                ) from error
            found[name] = time if time.tzinfo else time.astimezone()
    return found


def pynwb_missing(error: ImportError) -> OutputError:
    """Say how to install what NWB needs.

    Parameters
    ----------
    error : ImportError
        What failed.

    Returns
    -------
    OutputError
        A sentence.
    """
    return OutputError(
        f'NWB files need pynwb, which cannot be imported ({error}). Install it with: pip install "spikesieve[nwb]".'
    )
