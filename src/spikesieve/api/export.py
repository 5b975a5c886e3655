"""Writes a result for other programs: an NWB file, or a folder for UnitMatch, Phy, IBL's tools, or tables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from spikesieve.api.finished import FinishedResult, read_finished
from spikesieve.errors import InputError
from spikesieve.io.exports.alf import write_alf
from spikesieve.io.exports.folder import export_folder
from spikesieve.io.exports.nwb import append_nwb, write_nwb
from spikesieve.io.exports.nwb_metadata import NwbMetadata, read_nwb_metadata
from spikesieve.io.exports.session import Session
from spikesieve.io.exports.tables import write_csv_tables, write_parquet_tables
from spikesieve.io.exports.unitmatch import write_unitmatch
from spikesieve.io.results import provenance
from spikesieve.io.results.phy import write_phy
from spikesieve.io.results.read import curation_notes

Format = Literal["nwb", "unitmatch", "phy", "csv", "parquet", "alf"]
NWB_SUFFIX = ".nwb"


def export_result(
    folder: Path | str,
    to: Format,
    out: Path | str,
    overwrite: bool = False,
    metadata: Path | str | None = None,
    append: bool = False,
) -> tuple[Path, tuple[str, ...]]:
    """Write a result for another program.

    Parameters
    ----------
    folder : path
        A result folder. It stays as it is.
    to : {"nwb", "unitmatch", "phy", "csv", "parquet", "alf"}
        The format.
    out : path
        The new folder; for "nwb" the file, or a folder in which the file gets DANDI's name.
    overwrite : bool, optional
        Replace an older export.
    metadata : path, optional
        For "nwb": YAML or JSON with what no recording knows of session, subject and probe.
    append : bool, optional
        For "nwb": add the units to a file that exists.

    Returns
    -------
    out : Path
        The file or folder.
    notes : tuple of str
        Sentences on what is special in it.

    Raises
    ------
    InputError
        If the folder is no result or damaged, or lacks what the format needs, or the metadata cannot be used.
    OutputError
        If `out` exists (without `overwrite` or `append`) or cannot be written, or a package is not installed.
    """
    if to not in get_args(Format):
        raise InputError(f"A result is exported to one of {', '.join(get_args(Format))}. Got {to!r}.")
    if to != "nwb" and (metadata is not None or append):
        raise InputError(f"Metadata and append are for NWB files, not for {to}.")
    whole = read_finished(Path(folder))
    out = Path(out)
    session = Session(whole.sorting, whole.spike_s, whole.segments, str(whole.facts["recording"]["name"]))
    if to == "nwb":
        given = read_nwb_metadata(Path(metadata)) if metadata is not None else NwbMetadata()
        out, notes = _nwb(out, session, given, overwrite, append)
    else:
        with export_folder(out, overwrite, _facts(whole, to), whole.folder) as new:
            notes = _write(new, out, to, session, whole)
    return out, (*curation_notes(whole.folder), *notes)


def _nwb(
    out: Path, session: Session, metadata: NwbMetadata, overwrite: bool, append: bool
) -> tuple[Path, tuple[str, ...]]:
    name = metadata.dandi_name
    if out.is_dir() or out.suffix != NWB_SUFFIX:
        out, notes = out / name, []
    else:
        notes = [] if append or out.name == Path(name).name else [f"In a dandiset this file is {name}."]
    if append:
        return out, (f"The units are in {append_nwb(out, session, metadata)} of the file.",)
    if not metadata.subject:
        notes.append("The file names no subject, which archives ask for: give it with --metadata.")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_nwb(out, session, metadata, overwrite)
    return out, tuple(notes)


def _facts(whole: FinishedResult, to: Format) -> dict[str, object]:
    return {
        "program": "spikesieve",
        "format": to,
        "versions": provenance.versions(),
        "result": str(whole.folder.resolve()),
    }


def _write(new: Path, place: Path, to: Format, session: Session, whole: FinishedResult) -> tuple[str, ...]:
    if to == "phy":
        return write_phy(new, whole.sorting, whole.recording, place)
    if to == "unitmatch":
        return write_unitmatch(new, session)
    write = {"csv": write_csv_tables, "parquet": write_parquet_tables, "alf": write_alf}[to]
    write(new, session)
    return ()
