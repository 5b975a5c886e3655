"""Options that several commands have, and how their texts are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ProbeSpec = Annotated[
    str | None,
    typer.Option(
        "--probe", help="Probe file (.json .mat .prb .npz .imro ...) or name, such as neuropixels1:384, tetrode:4."
    ),
]
Channels = Annotated[int | None, typer.Option("--channels", help="Channels (columns) in the file.")]
SamplingHz = Annotated[float | None, typer.Option("--sampling-hz", help="Sampling rate in Hz.")]
GainUv = Annotated[float | None, typer.Option("--gain-uv", help="µV per raw number.")]
Dtype = Annotated[str, typer.Option("--dtype", help="int16, uint16, int32 or float32.")]
HeaderBytes = Annotated[int, typer.Option("--header-bytes", help="Bytes to skip at the start of each file.")]
FormatName = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Format of the recording; raw: plain numbers; spikeinterface:NAME: its reader. Default: found out.",
    ),
]
StreamName = Annotated[
    str | None, typer.Option("--stream", help="What to take of a recording with several streams or probes.")
]
Method = Annotated[
    str | None, typer.Option("--method", help="sieve, kilosort4 or kilosort2; the same as --set method=NAME.")
]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", help="TOML file of settings, as `spikesieve settings` prints, or Kilosort4's JSON."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="One setting, such as detect.threshold=8. Repeat as needed."),
]
ProgressPath = Annotated[
    Path | None, typer.Option("--progress-file", help="Write how far the work is into this file, as JSON.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but errors.")]


def interval_s(text: str) -> tuple[float, float]:
    """Read a time interval.

    Parameters
    ----------
    text : str
        "START:END" in seconds; an empty side means the start or the end of the recording.

    Returns
    -------
    tuple of float
        Start and end in s.

    Raises
    ------
    typer.BadParameter
        The text is not an interval.

    Examples
    --------
    >>> interval_s("10:60"), interval_s("5:")
    ((10.0, 60.0), (5.0, inf))
    """
    from spikesieve.model.text import interval

    try:
        return interval(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
