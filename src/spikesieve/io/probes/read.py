"""Probes: from a file or by name, whether they fit the recording, and what looks odd about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from spikesieve.errors import InputError
from spikesieve.io.probes.files import READERS
from spikesieve.io.probes.files import write_probe_json as write_probe_json
from spikesieve.io.probes.generators import FORMS, generate_probe, is_generator
from spikesieve.model import Probe

# Contacts of real probes lie between a few um (ultra-dense arrays) and a few hundred um apart.
CLOSEST_UM = 2.0
FARTHEST_UM = 500.0


def read_probe(spec: Path | str) -> Probe:
    """A probe from a file or by name.

    spec  a file: probeinterface `.json`, Kilosort4 `.json`, Kilosort2 `.mat`, `.prb` (parsed, never executed), `.npz`;
          or a name: neuropixels1:384, neuropixels2:96, linear:32:25, tetrode:4, grid:16x16:30

    Contacts of one channel group, `kcoords` value, `shank_ids` value or probe of the file are one shank. Shanks are
    never guessed from distances. Raises InputError for a missing, unreadable or odd file and for an unknown name.
    """
    if is_generator(str(spec)):
        return generate_probe(str(spec))
    path = Path(spec)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        if ":" in str(spec) and not path.suffix:
            return generate_probe(str(spec))  # raises, with the nearest name
        raise InputError(
            f"The probe {str(spec)!r} is of no known kind. Give a file ({', '.join(READERS)}), "
            f"or a name: {'; '.join(FORMS.values())}."
        )
    try:
        return reader(path)
    except FileNotFoundError as error:
        raise InputError(f"The probe file {path} does not exist. Check its name and folder.") from error
    except OSError as error:
        raise InputError(
            f"The probe file {path} cannot be read: {error}. Check its permissions and content."
        ) from error


def require_fits(probe: Probe, n_channels: int, name: str) -> None:
    """Raises InputError when the probe names a column that the recording does not have.

    n_channels  columns of the recording
    name        what to call the recording
    """
    last = int(probe.channels.max())
    if last < n_channels:
        return
    if probe.n_contacts > n_channels:
        found = (
            f"The probe {probe.name!r} has {probe.n_contacts} contacts, more than the {n_channels} channels of {name}."
        )
    else:
        found = f"The probe {probe.name!r} uses channel {last}, but {name} has channels 0 to {n_channels - 1} only."
    hint = (
        " Its channels seem to count from 1; they must count from 0."
        if last == n_channels and probe.channels.min() == 1
        else ""
    )
    raise InputError(f"{found}{hint} Check the number of channels, or give the probe of this recording.")


def probe_warnings(probe: Probe) -> list[str]:
    """Sentences about positions that are allowed but look wrong: units other than um, contacts far apart."""
    if probe.n_contacts < 2:
        return []
    distances, _ = KDTree(probe.positions_um).query(probe.positions_um, k=2)
    typical = float(np.median(distances[:, 1]))
    if typical < CLOSEST_UM:
        unit, factor = ("m", 1e6) if typical < CLOSEST_UM / 1e3 else ("mm", 1e3)
        return [
            f"The contacts of {probe.name!r} are only {typical:g} um apart: the positions look like {unit}. "
            f"If they are, multiply them by {factor:g}."
        ]
    if typical > FARTHEST_UM:
        return [
            f"The contacts of {probe.name!r} are {typical:g} um apart, too far for one neuron to reach two of them: "
            "check that positions are in um. Each contact will be sorted on its own."
        ]
    return []
