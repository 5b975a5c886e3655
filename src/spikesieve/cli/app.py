"""The command line: parse, call one public function, print.

Nothing heavy is imported before a command needs it, so that --help is quick.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.table import Table

from spikesieve.errors import SpikesieveError

if TYPE_CHECKING:
    from spikesieve.api.sort_files import Outcome
    from spikesieve.engine.executor import Progress
    from spikesieve.settings.sort import Settings

USER_ERROR, INTERRUPTED = 2, 130

app = typer.Typer(
    help="Spike sorting: from a raw extracellular recording to the spike trains of single neurons.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Entry point of the command `spikesieve`."""
    app()


def _interval(text: str) -> tuple[float, float]:
    """ "10:60" as (10.0, 60.0); an empty side means the start or the end of the recording."""
    start, colon, end = text.partition(":")
    try:
        if not colon:
            raise ValueError(text)
        return float(start or 0), float(end or "inf")
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no interval in seconds. Write start:end, such as 10:60.") from error


Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Raw files, in order of time.", show_default=False)
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the result; it appears when it is complete.")]
ProbeSpec = Annotated[
    str | None,
    typer.Option("--probe", help="Probe file (.json .mat .prb .npz) or name, such as neuropixels1:384, tetrode:4."),
]
Channels = Annotated[int | None, typer.Option("--channels", help="Channels (columns) in the file.")]
SamplingHz = Annotated[float | None, typer.Option("--sampling-hz", help="Sampling rate in Hz.")]
Dtype = Annotated[str, typer.Option("--dtype", help="int16, uint16, int32 or float32.")]
GainUv = Annotated[float | None, typer.Option("--gain-uv", help="uV per raw number.")]
HeaderBytes = Annotated[int, typer.Option("--header-bytes", help="Bytes to skip at the start of each file.")]
TimeRange = Annotated[
    str | None, typer.Option("--time-range", metavar="START:END", help="Seconds to sort. Default: all.")
]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", metavar="START:END", help="Seconds to leave out. Repeat as needed.")
]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="TOML file of settings. `spikesieve settings` prints one.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="One setting, such as match.threshold=8. Repeat as needed."),
]
Method = Annotated[
    str | None, typer.Option("--method", help="sieve, kilosort4 or kilosort2; the same as --set method=NAME.")
]
Kilosort2Ops = Annotated[
    Path | None,
    typer.Option("--kilosort2-ops", help="Options of Kilosort2: a rez.mat, or a TOML or JSON file of its names."),
]
SaveIntermediates = Annotated[
    bool, typer.Option("--save-intermediates", help="Also write kilosort2.h5, all steps of the method kilosort2.")
]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="Workers. Default: one for each processor.")]
Memory = Annotated[
    str | None, typer.Option("--memory", help="The most to take, such as 4GB. Default: a quarter of the machine's.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an older result in the folder --out.")]
SavePreprocessed = Annotated[
    bool, typer.Option("--save-preprocessed", help="Also write the whitened traces, for Phy and Neuroscope.")
]
MotionFile = Annotated[
    Path | None,
    typer.Option("--motion", help="Displacement measured elsewhere: an npz, a SpikeInterface motion, a result folder."),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print the log as well.")]


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        import spikesieve

        typer.echo(f"spikesieve {spikesieve.__version__}")


@app.command()
def sort(
    files: Files,
    out: Out,
    probe: ProbeSpec = None,
    channels: Channels = None,
    sampling_hz: SamplingHz = None,
    dtype: Dtype = "int16",
    gain_uv: GainUv = None,
    header_bytes: HeaderBytes = 0,
    time_range: TimeRange = None,
    exclude: Exclude = None,
    method: Method = None,
    settings: SettingsFile = None,
    kilosort2_ops: Kilosort2Ops = None,
    set_: Set = None,
    motion: MotionFile = None,
    jobs: Jobs = None,
    memory: Memory = None,
    overwrite: Overwrite = False,
    save_preprocessed: SavePreprocessed = False,
    save_intermediates: SaveIntermediates = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Sort raw files into units that Phy opens.

    Channels, rate, gain and probe come from the SpikeGLX .meta beside a file where there is one.
    """
    keep = _interval(time_range) if time_range is not None else None
    leave_out = tuple(_interval(text) for text in exclude or ())
    with _sentences_for_errors(), _display(quiet, verbose) as progress:
        from spikesieve.api.sort_files import Job, sort_files, unsaid
        from spikesieve.io.kilosort2_options import read_options
        from spikesieve.io.recordings.open_input import RawOptions

        ops = read_options(kilosort2_ops) if kilosort2_ops is not None else {}
        if time_range is not None:
            ops.pop("trange", None)
        job = Job(
            files=tuple(files),
            out=out,
            probe=probe,
            raw=RawOptions(channels, sampling_hz, dtype, gain_uv, header_bytes, keep, leave_out),
            settings=_settings(settings, ops, [*(set_ or []), *([f"method={method}"] if method else [])]),
            settings_files=tuple(file for file in (settings, kilosort2_ops) if file is not None),
            motion=motion,
            n_jobs=jobs,
            memory=memory,
            overwrite=overwrite,
            save_preprocessed=save_preprocessed,
            save_intermediates=save_intermediates,
        )
        outcome = sort_files(job, progress, unsaid if quiet else partial(typer.echo, err=True))
    if not quiet:
        _print_outcome(outcome)


@app.command()
def compare(
    a: Annotated[str | None, typer.Argument(help="First sorting.", show_default=False)] = None,
    b: Annotated[str | None, typer.Argument(help="Second sorting.", show_default=False)] = None,
    truth: Annotated[str | None, typer.Option("--truth", help="Truth of the recording.")] = None,
    out: Annotated[str | None, typer.Option("--out", help="New folder for page, pictures and tables.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file with any of these options.")] = None,
    recording: Annotated[str | None, typer.Option("--recording", help="Raw file for the oracle.")] = None,
    probe: ProbeSpec = None,
    channels: Channels = None,
    sampling_hz: SamplingHz = None,
    gain_uv: GainUv = None,
    oracle: Annotated[
        bool | None, typer.Option("--oracle/--no-oracle", help="Match the recording with the true templates.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Put two sortings of one recording side by side, and each against the truth.

    Each can be a result of spikesieve, a Phy folder, a rez.mat, a pykilosort folder, a SpikeInterface sorting, an npz.
    Options can also stand in SPIKESIEVE_COMPARE_* environment variables or in the file of --config.
    """
    given: dict[str, object] = {"a": a, "b": b, "truth": truth, "out": out, "recording": recording, "probe": probe}
    given |= {"channels": channels, "sampling_hz": sampling_hz, "gain_uv": gain_uv, "oracle": oracle}
    with _sentences_for_errors(), _display(quiet, verbose=False) as progress:
        from spikesieve.api.compare import compare_with, summary
        from spikesieve.settings.compare import read_options

        options = read_options(given, config)
        result = compare_with(options, progress)
    if quiet:
        return
    _print_table("Compared", ("what", "value"), summary(result))
    for note in result.notes:
        typer.echo(f"Note: {note}")
    typer.echo(f"Report: {Path(options.out or '') / 'report.html'}")


@app.command()
def demo(
    quick: Annotated[
        bool, typer.Option("--quick", help="16 channels and 10 s instead of 64 channels and 60 s.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="New folder. Default: spikesieve-demo, or -2, -3 ...")
    ] = None,
) -> None:
    """Simulate a recording into files, sort them, and score the result against the truth."""
    with _sentences_for_errors(), _display(quiet=False, verbose=False) as progress:
        from spikesieve.api.demo import COLUMNS, run_demo, table_rows
        from spikesieve.comparison import summary_rows
        from spikesieve.io.new_folder import free_name

        result = run_demo(out or free_name(Path("spikesieve-demo")), quick, progress)
    _print_outcome(result.outcome)
    typer.echo(f"Recording, probe and truth: {result.outcome.folder.parent}")
    _print_table("Every true unit and what was found of it", COLUMNS, table_rows(result))
    _print_table("The result against the truth", ("what", "value"), summary_rows(result.score))
    typer.echo(f"Report: {result.outcome.folder / result.outcome.report}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A result folder.", show_default=False)],
) -> None:
    """Write the page and the figures of a result anew."""
    with _sentences_for_errors():
        from spikesieve.api.sort_files import report_folder

        page = report_folder(folder)
    typer.echo(f"Report: {page}")


@app.command()
def simulate(
    preset: Annotated[str, typer.Argument(help="A preset, or PRESET:VARIANT, such as kilosort4-paper:fast.")],
    out: Annotated[Path, typer.Option("--out", help="New folder.")],
    seconds: Annotated[float | None, typer.Option("--seconds", help="Length. Default: the preset's.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, another recording.")] = 0,
    set_: Set = None,
    quiet: Quiet = False,
) -> None:
    """Make a recording whose spikes are known."""
    with _sentences_for_errors(), _display(quiet, verbose=False) as progress:
        from spikesieve.api.simulate import simulate as make

        files = make(preset, out, seconds, seed, set_ or [], progress)
    if not quiet:
        typer.echo(f"Recording: {files.recording_path}")
        typer.echo(f"Truth:     {files.truth_path}")
        typer.echo(f"Phy:       phy template-gui {files.phy_path}")


@app.command("settings")
def show_settings() -> None:
    """Print all settings with defaults, bounds and Kilosort4's names, as a TOML file to edit."""
    from spikesieve.settings.toml import settings_toml

    typer.echo(settings_toml(), nl=False)


def _settings(file: Path | None, kilosort2_ops: Mapping[str, object], overrides: Sequence[str]) -> Settings:
    from spikesieve.settings.sort import Settings

    settings = Settings.from_toml(file) if file is not None else Settings()
    if kilosort2_ops:
        settings = settings.with_kilosort2(kilosort2_ops)
    return settings.with_overrides(overrides)


@contextmanager
def _sentences_for_errors() -> Iterator[None]:
    """What a user can act on is a sentence and status 2; Ctrl-C is status 130; anything else is a traceback and 1."""
    try:
        yield
    except SpikesieveError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(USER_ERROR) from error
    except KeyboardInterrupt as error:
        typer.echo("Interrupted. Nothing was written.", err=True)
        raise typer.Exit(INTERRUPTED) from error


@contextmanager
def _display(quiet: bool, verbose: bool) -> Iterator[Progress]:
    """Progress bars, and with them the log, on standard error; nothing when quiet."""
    from spikesieve.cli.interruption import stoppable
    from spikesieve.cli.progress import ProgressBars
    from spikesieve.engine.executor import silent
    from spikesieve.io.results.run_log import attached

    console = Console(stderr=True)
    with ExitStack() as stack:
        handler = RichHandler(console=console, show_path=False) if verbose else logging.NullHandler()
        # Attached in any case, so that Python's warnings go to the log and not between the bars.
        stack.enter_context(attached(handler))
        progress = silent if quiet else stack.enter_context(ProgressBars(console))
        yield stack.enter_context(stoppable(progress))


def _print_outcome(outcome: Outcome) -> None:
    from spikesieve.api.sort_files import LOG_NAME, label_counts

    sorting = outcome.sorting
    speed = sorting.duration_s / outcome.seconds
    counts = label_counts(sorting).items()
    rows = [
        *((f"{label} units", str(n)) for label, n in counts),
        ("spikes", str(len(sorting.spikes))),
        ("time", f"{outcome.seconds:.1f} s for {sorting.duration_s:.1f} s of recording ({speed:.2f} x real time)"),
    ]
    _print_table("Sorted", ("what", "value"), rows)
    for note in outcome.notes:
        typer.echo(f"Note: {note}")
    typer.echo(f"Result:   {outcome.folder} (units.csv lists the units, {LOG_NAME} is the log)")
    typer.echo(f"Pictures: {outcome.folder / 'figures'} ({', '.join(Path(name).stem for name in outcome.pictures)})")
    typer.echo(f"Phy:      phy template-gui {outcome.folder / 'params.py'}")
    typer.echo(f"Report:   {outcome.folder / outcome.report}")


def _print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
