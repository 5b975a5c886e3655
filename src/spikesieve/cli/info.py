"""The command `spikesieve info`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from spikesieve.cli.options import (
    Channels,
    Dtype,
    FormatName,
    GainUv,
    HeaderBytes,
    ProbeSpec,
    SamplingHz,
    StreamName,
)
from spikesieve.cli.output import errors_as_sentences, print_notes, print_table
from spikesieve.cli.root import app

MAX_GAPS_SHOWN = 5


@app.command()
def info(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files or folders of a recording.", show_default=False)
    ],
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Draw the probe and half a second of traces into this file.")
    ] = None,
    format: FormatName = None,
    stream: StreamName = None,
    channels: Channels = None,
    sampling_hz: SamplingHz = None,
    gain_uv: GainUv = None,
    dtype: Dtype = "int16",
    header_bytes: HeaderBytes = 0,
    probe: ProbeSpec = None,
) -> None:
    """Say what a recording is, and whether it would be sorted."""
    with errors_as_sentences():
        from spikesieve.api.info import draw_recording_info, recording_info
        from spikesieve.io.recordings.open_input import RawOptions

        options = RawOptions(channels, sampling_hz, dtype, gain_uv, header_bytes, format=format, stream=stream)
        found = recording_info(paths, options, probe)
        if picture is not None:
            draw_recording_info(found, picture)
    facts = found.facts()
    if json_:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    print_table("Recording", ("what", "value"), _rows(facts))
    print_notes(found.notes)
    if picture is not None:
        typer.echo(f"Picture: {picture}")
    for command in found.commands:
        typer.echo(f"One of them: {command}")
    if found.problem is None:
        typer.echo("It can be sorted.")
    else:
        typer.echo(f"It cannot be sorted yet: {found.problem}")


def _rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "format", f"{facts['format']} ({facts['why']})"
    if facts["streams"]:
        yield "streams", ", ".join(facts["streams"])
    if "n_channels" not in facts:
        return
    files = facts["files"]
    yield "files", files[0] if len(files) == 1 else f"{len(files)}, from {files[0]} to {files[-1]}"
    yield "channels", str(facts["n_channels"])
    yield "sampling rate", f"{facts['sampling_hz']:.10g} Hz"
    gains = facts["gain_uv"]
    spread = f"{gains[0]:.6g} to {gains[-1]:.6g}" if len(gains) > 1 else f"{gains[0]:.6g}" if gains else ""
    yield "gain", f"{spread} µV per raw number" if gains else "not known"
    if facts["converter_bits"] is not None:
        low, high = facts["converter_range_raw"]
        yield "converter", f"{facts['converter_bits']} bits, {low:.0f} to {high:.0f}"
    yield "length", f"{facts['duration_s']:.6g} s, {facts['n_samples']:,} samples"
    yield "to sort", f"{facts['sorted_s']:.6g} s in {_counted(facts['n_segments'], 'segment')}"
    yield "gaps", _gaps_text(facts)
    start_s = facts["clock_start_s"]
    yield "clock", "not known: times count from the first sample" if start_s is None else f"starts at {start_s:.6f} s"
    yield "probe", _probe_text(facts.get("probe"))


def _gaps_text(facts: Mapping[str, Any]) -> str:
    gaps = facts["gaps"]
    if not gaps:
        return "none" if facts["clock_start_s"] is not None else "not known"
    shown = [
        f"{gap['gap_s']:.6g} s after {gap['sample'] / facts['sampling_hz']:.6g} s" for gap in gaps[:MAX_GAPS_SHOWN]
    ]
    more = f" and {len(gaps) - MAX_GAPS_SHOWN} more" if len(gaps) > MAX_GAPS_SHOWN else ""
    return ", ".join(shown) + more


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _probe_text(probe: Mapping[str, Any] | None) -> str:
    if probe is None:
        return "not known"
    (x_low, x_high), (y_low, y_high) = probe["x_um"], probe["y_um"]
    return (
        f"{probe['name']}: {_counted(probe['n_contacts'], 'contact')} on {_counted(probe['n_shanks'], 'shank')}, "
        f"x {x_low:g} to {x_high:g} µm, y {y_low:g} to {y_high:g} µm"
    )
