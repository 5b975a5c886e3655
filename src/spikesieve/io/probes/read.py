"""Probes: read from a file or made by name, and checked against the recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy

from spikesieve.errors import InputError
from spikesieve.io.probes.files import read_json, read_mat, read_npz, read_prb
from spikesieve.io.probes.files import write_probe_json as write_probe_json
from spikesieve.io.probes.generators import FORMS, generate_probe, is_generator
from spikesieve.io.probes.library import PREFIX, read_library_probe
from spikesieve.io.probes.recorded import read_hdf5, read_imro
from spikesieve.model import Probe

# Neighbouring contacts of real probes are a few um (ultra-dense arrays) to a few hundred um apart.
MIN_DISTANCE_UM = 2.0
MAX_DISTANCE_UM = 500.0

READERS: dict[str, Callable[[Path], Probe]] = {
    ".json": read_json,
    ".mat": read_mat,
    ".npz": read_npz,
    ".prb": read_prb,
    ".imro": read_imro,
    ".brw": read_hdf5,
    ".h5": read_hdf5,
}


def read_probe(spec: Path | str) -> Probe:
    """Read a probe from a file, or make it by name.

    Contacts with the same channel group, `kcoords` value or `shank_ids` value, or of the same probe of a file, form one
    shank. Shanks are never guessed from distances.

    Parameters
    ----------
    spec : Path or str
        A file: probeinterface `.json`, Kilosort4 `.json`, Kilosort2 `.mat`, `.prb` (parsed, never executed), `.npz`, or
        a file of a recording system that has it: `.imro`, `.brw`, `.h5`.
        `group.json#1` is the second probe of a group of probeinterface.
        Or a name: neuropixels1:384, neuropixels2:96, linear:32:25, tetrode:4, grid:16x16:30; see `generate_probe`.
        Or library:MANUFACTURER/NAME, see `read_library_probe`.

    Returns
    -------
    Probe
        The probe.

    Raises
    ------
    InputError
        If the file is missing, unreadable or not a probe, or if the name is unknown.

    Examples
    --------
    >>> read_probe("tetrode:1").positions_um.tolist()
    [[0.0, 0.0], [12.5, 0.0], [0.0, 12.5], [12.5, 12.5]]
    """
    if is_generator(str(spec)):
        return generate_probe(str(spec))
    if str(spec).startswith(PREFIX):
        return read_library_probe(str(spec))
    path, number = file_and_number(spec)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        if ":" in str(spec) and not path.suffix:
            return generate_probe(str(spec))  # raises an error that names the most similar name
        raise InputError(
            f"The probe {str(spec)!r} is of no known kind. Give a file ({', '.join(READERS)}), "
            f"or a name: {'; '.join(FORMS.values())}; {PREFIX}MANUFACTURER/NAME of probeinterface's library."
        )
    try:
        return reader(path) if number is None else read_json(path, number)
    except FileNotFoundError as error:
        raise InputError(f"The probe file {path} does not exist. Check its name and folder.") from error
    except OSError as error:
        raise InputError(
            f"The probe file {path} cannot be read: {error}. Check its permissions and content."
        ) from error


def file_and_number(spec: Path | str) -> tuple[Path, int | None]:
    """Take apart the name of one probe of a group.

    Parameters
    ----------
    spec : Path or str
        A probe file, or `group.json#1`.

    Returns
    -------
    file : Path
        The file.
    number : int or None
        Which probe of it; None for all.

    Examples
    --------
    >>> file_and_number("group.json#1")[1], file_and_number("probe.json")[1]
    (1, None)
    """
    name, mark, number = str(spec).rpartition("#")
    is_numbered = bool(mark) and number.isdecimal() and name.lower().endswith(".json")
    return (Path(name), int(number)) if is_numbered else (Path(spec), None)


def require_fits(probe: Probe, n_channels: int, name: str) -> None:
    """Check that the recording has every channel of the probe.

    Parameters
    ----------
    probe : Probe
        The probe.
    n_channels : int
        Number of channels of the recording.
    name : str
        Name of the recording in error messages.

    Raises
    ------
    InputError
        If the probe has a channel that the recording does not have.
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
        " Its channels seem to count from 1, but they must count from 0."
        if last == n_channels and probe.channels.min() == 1
        else ""
    )
    raise InputError(f"{found}{hint} Check the number of channels, or give the probe of this recording.")


def probe_warnings(probe: Probe) -> list[str]:
    """Describe positions that are possible but look wrong: not in um, or contacts far apart.

    Parameters
    ----------
    probe : Probe
        The probe.

    Returns
    -------
    list of str
        Sentences for the user, empty if the positions look right.

    Examples
    --------
    >>> probe_warnings(read_probe("linear:16:25"))
    []
    """
    if probe.name.startswith(PREFIX):
        return [
            f"The library does not know the wiring of {probe.name!r}: contact i is taken for channel i. Check the "
            "order in the picture of `spikesieve info`, or give a probe file with channels.",
            *_odd_distances(probe),
        ]
    return _odd_distances(probe)


def _odd_distances(probe: Probe) -> list[str]:
    if probe.n_contacts < 2:
        return []
    distances, _ = scipy.spatial.KDTree(probe.positions_um).query(probe.positions_um, k=2)
    median_um = float(np.median(distances[:, 1]))
    if median_um < MIN_DISTANCE_UM:
        unit, factor = ("m", 1e6) if median_um < MIN_DISTANCE_UM / 1e3 else ("mm", 1e3)
        return [
            f"The contacts of {probe.name!r} are only {median_um:g} µm apart: the positions look like {unit}. "
            f"If they are, multiply them by {factor:g}."
        ]
    if median_um > MAX_DISTANCE_UM:
        return [
            f"The contacts of {probe.name!r} are {median_um:g} µm apart, too far for two of them to see one neuron. "
            "Check that positions are in µm. Each contact will be sorted on its own."
        ]
    return []
