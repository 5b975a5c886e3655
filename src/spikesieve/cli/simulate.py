"""The command `spikesieve simulate`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from spikesieve.cli.options import Quiet
from spikesieve.cli.output import errors_as_sentences, shown_progress
from spikesieve.cli.root import app


@app.command()
def simulate(
    preset: Annotated[str, typer.Argument(help="A preset, or PRESET:VARIANT, such as kilosort4-paper:fast.")],
    out: Annotated[Path, typer.Option("--out", help="New folder.")],
    seconds: Annotated[float | None, typer.Option("--seconds", help="Length. Default: the preset's.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, another recording.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="One setting, such as noise_uv=12. Repeat as needed."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Make a recording whose spikes are known."""
    with errors_as_sentences(), shown_progress(quiet) as progress:
        from spikesieve.api.simulate import simulate as make

        files = make(preset, out, seconds, seed, set_ or [], progress)
    if not quiet:
        typer.echo(f"Recording: {files.recording_path}")
        typer.echo(f"Truth:     {files.truth_path}")
        typer.echo(f"Phy:       phy template-gui {files.phy_path}")
        words = ("spikesieve", "sort", str(files.recording_path), f"--probe={files.probe_path}")
        numbers = (f"--channels={files.n_channels}", f"--sampling-hz={files.sampling_hz}", f"--gain-uv={files.gain_uv}")
        typer.echo(f"Sort:      {shlex.join((*words, *numbers, '--out=result'))}")
