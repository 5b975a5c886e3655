"""The command `spikesieve compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikesieve.cli.options import Channels, GainUv, ProbeSpec, ProgressPath, Quiet, SamplingHz
from spikesieve.cli.output import errors_as_sentences, print_notes, print_table, shown_progress
from spikesieve.cli.progress_file import recorded
from spikesieve.cli.root import app

# None where it is not given, so that the file of --config can say it.
Overwrite = Annotated[
    bool | None,
    typer.Option("--overwrite", help="Replace an older comparison in the folder --out.", show_default=False),
]


def _compared_journals(a: str, b: str, out: str | None) -> bool:
    """Compare two curators of one result, if these are their journals."""
    with errors_as_sentences():
        from spikesieve.api.compare_curations import COLUMNS, compare_journals, is_journal

        if not (is_journal(a) and is_journal(b)):
            return False
        rows, sentences = compare_journals(a, b, out)
    print_table("Two curators", COLUMNS, rows)
    print_notes(sentences)
    return True


@app.command()
def compare(
    a: Annotated[str | None, typer.Argument(help="First sorting.", show_default=False)] = None,
    b: Annotated[str | None, typer.Argument(help="Second sorting.", show_default=False)] = None,
    truth: Annotated[str | None, typer.Option("--truth", help="Truth of the recording.")] = None,
    partial_truth: Annotated[
        bool | None,
        typer.Option(
            "--partial-truth/--no-partial-truth",
            help="The truth lists only some of the neurons: other units are not false. Default: recognised.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", help="Folder for page, pictures and tables. It appears when the comparison is complete."),
    ] = None,
    overwrite: Overwrite = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file with any of these options.")] = None,
    recording: Annotated[str | None, typer.Option("--recording", help="Raw file for the oracle.")] = None,
    probe: ProbeSpec = None,
    channels: Channels = None,
    sampling_hz: SamplingHz = None,
    gain_uv: GainUv = None,
    oracle: Annotated[
        bool | None, typer.Option("--oracle/--no-oracle", help="Match the recording with the true templates.")
    ] = None,
    progress_file: ProgressPath = None,
    quiet: Quiet = False,
) -> None:
    """Compare two sortings of one recording with each other, and each with the truth.

    Each can be a result of spikesieve, a Phy folder, a rez.mat, a pykilosort folder, a SpikeInterface sorting, an npz,
    or the journal of `spikesieve app` (DIR/curation); two journals of one result are compared unit by unit.
    Options can also be SPIKESIEVE_COMPARE_* environment variables, or come from the file of --config.
    """
    if a and b and not truth and _compared_journals(a, b, out):
        return
    given: dict[str, object] = {"a": a, "b": b, "truth": truth, "out": out, "recording": recording, "probe": probe}
    given |= {"partial_truth": partial_truth, "overwrite": overwrite}
    given |= {"channels": channels, "sampling_hz": sampling_hz, "gain_uv": gain_uv, "oracle": oracle}
    with recorded(progress_file) as watched, errors_as_sentences(), shown_progress(quiet) as progress:
        from spikesieve.api.compare import compare_with, summary
        from spikesieve.settings.compare import read_options

        options = read_options(given, config)
        result = compare_with(options, watched(progress))
    if quiet:
        return
    print_table("Compared", ("what", "value"), summary(result))
    print_notes(result.notes)
    typer.echo(f"Report: {Path(options.out or '') / 'report.html'}")
