"""The command `spikesieve doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikesieve.cli.options import Channels, GainUv, ProbeSpec, SamplingHz
from spikesieve.cli.output import USER_ERROR, errors_as_sentences, nothing_written, print_table, shown_progress
from spikesieve.cli.root import app


@app.command()
def doctor(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE...]", help="Raw files to look at.", show_default=False)
    ] = None,
    probe: ProbeSpec = None,
    channels: Channels = None,
    sampling_hz: SamplingHz = None,
    gain_uv: GainUv = None,
) -> None:
    """Look at the installation, this machine, and files: would they be sorted?"""
    with errors_as_sentences(), shown_progress(quiet=True, interrupted=nothing_written):
        from spikesieve.api.doctor import examine
        from spikesieve.io.recordings.open_input import RawOptions

        raw = RawOptions(channels, sampling_hz, gain_uv=gain_uv)
        findings = examine(Path.cwd(), tuple(files or ()), raw, probe)
    print_table("Examined", ("what", "found"), [(finding.what, finding.value) for finding in findings])
    wrong = [finding.wrong for finding in findings if finding.wrong]
    typer.echo(" ".join(wrong) if wrong else "Nothing is wrong.")
    if wrong:
        raise typer.Exit(USER_ERROR)
