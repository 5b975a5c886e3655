"""The command `spikesieve batch`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikesieve.cli.options import (
    Channels,
    Dtype,
    FormatName,
    GainUv,
    HeaderBytes,
    Method,
    ProbeSpec,
    Quiet,
    SamplingHz,
    Set,
    SettingsFile,
)
from spikesieve.cli.output import USER_ERROR, errors_as_sentences, shown_progress
from spikesieve.cli.root import app

if TYPE_CHECKING:
    from spikesieve.batch.order import Estimate, Order
    from spikesieve.batch.run import Batch
    from spikesieve.batch.state import RowState

FAULT = 1

Plan = Annotated[
    list[str],
    typer.Argument(
        metavar="PLAN...",
        help="A CSV or TOML file with a row for each sort; or recordings, folders, patterns: '/data/**/*.ap.bin'.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", help="Folder for the results, the summary and the page.")]
Cluster = Annotated[
    str,
    typer.Option("--cluster", help="local, slurm, pbs, lsf, sge, kubernetes, or a running Dask, tcp://HOST:PORT."),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Recordings at a time. Default: one a processor; 10 elsewhere."),
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Processors of each recording.")]
Memory = Annotated[
    str | None, typer.Option("--memory", help="Memory limit of each recording, such as 8GB. Default: what it needs.")
]
Retries = Annotated[int, typer.Option("--retries", min=0, help="How often a fault is tried again.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results of other settings or files.")]
Price = Annotated[
    float | None, typer.Option("--price-core-hour", min=0.0, help="Price of a processor for an hour, for the costs.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan with time, memory and disk, and end.")]
OneRow = Annotated[
    str | None, typer.Option("--row", help="Sort one row, by its name or number, in this process. For job arrays.")
]
Sbatch = Annotated[
    Path | None, typer.Option("--write-sbatch", metavar="FILE.sbatch", help="Write a job array of SLURM, and end.")
]
Nextflow = Annotated[
    Path | None, typer.Option("--write-nextflow", metavar="FILE.nf", help="Write a workflow of Nextflow, and end.")
]
Snakemake = Annotated[
    Path | None, typer.Option("--write-snakemake", metavar="FILE.smk", help="Write rules of Snakemake, and end.")
]
Walltime = Annotated[str, typer.Option("--walltime", help="Time limit of a job of a scheduler, HH:MM:SS.")]
Queue = Annotated[str, typer.Option("--queue", help="Queue or partition of the scheduler.")]
Account = Annotated[str, typer.Option("--account", help="Account of the scheduler.")]
Directive = Annotated[
    list[str] | None,
    typer.Option("--directive", help="A line for the head of job scripts. Repeat as needed."),
]
Prologue = Annotated[
    list[str] | None,
    typer.Option(
        "--prologue", help="A command before a worker starts, such as 'module load python'. Repeat as needed."
    ),
]
Image = Annotated[str, typer.Option("--image", help="Container image, for Kubernetes.")]


@app.command()
def batch(
    plan: Plan,
    out: Out,
    cluster: Cluster = "local",
    workers: Workers = None,
    jobs: Jobs = 1,
    memory: Memory = None,
    retries: Retries = 2,
    overwrite: Overwrite = False,
    price_core_hour: Price = None,
    dry_run: DryRun = False,
    row: OneRow = None,
    write_sbatch: Sbatch = None,
    write_nextflow: Nextflow = None,
    write_snakemake: Snakemake = None,
    walltime: Walltime = "24:00:00",
    queue: Queue = "",
    account: Account = "",
    directive: Directive = None,
    prologue: Prologue = None,
    image: Image = "",
    format: FormatName = None,
    channels: Channels = None,
    sampling_hz: SamplingHz = None,
    dtype: Dtype = "int16",
    gain_uv: GainUv = None,
    header_bytes: HeaderBytes = 0,
    probe: ProbeSpec = None,
    method: Method = None,
    settings: SettingsFile = None,
    set_: Set = None,
    quiet: Quiet = False,
) -> None:
    """Sort many recordings. The same command goes on where it was stopped; what is done is not done again.

    Options of recordings hold for every row that does not say otherwise.
    """
    given = {
        "format": format,
        "probe": _whole(probe),
        "channels": channels,
        "sampling_hz": sampling_hz,
        "dtype": None if dtype == "int16" else dtype,
        "gain_uv": gain_uv,
        "header_bytes": header_bytes or None,
        "method": method,
        "settings": settings and settings.absolute(),
        "memory": memory,
    }
    lines = (tuple(directive or ()), tuple(prologue or ()))
    sizes = (cluster, workers or 0, jobs, walltime, queue, account, *lines, image)
    scripts = [path for path in (write_sbatch, write_nextflow, write_snakemake) if path is not None]
    with errors_as_sentences(_interrupted), shown_progress(True, interrupted=_interrupted) as stop:
        from spikesieve.batch.clusters import Workers
        from spikesieve.batch.order import Order, defaults_of

        defaults = defaults_of(given, set_ or ())
        order = Order(tuple(plan), out.absolute(), defaults, overwrite, retries, price_core_hour, Workers(*sizes))
        if dry_run:
            _print_plan(order)
        elif scripts:
            _write_scripts(order, scripts)
        else:
            ended = _run(order, quiet, lambda: stop("rows", 0, 1)) if row is None else _sort_row(order, row, quiet)
            raise typer.Exit(ended)


def _interrupted() -> str:
    return "Interrupted. Rows that are done stay done, and the others as far as they are: give the same command again."


def _whole(probe: str | None) -> str | None:
    """A probe file with its whole path: paths in a plan start from the folder of the plan."""
    file = Path((probe or "").partition("#")[0])
    return str(file.absolute()) + (probe or "")[len(str(file)) :] if probe and file.is_file() else probe


def _print_plan(order: Order) -> None:
    from spikesieve.batch.order import estimates
    from spikesieve.cli.output import print_table
    from spikesieve.model.text import counted, duration_text

    found = list(estimates(order))
    columns = ("row", "state", "recording", "contacts", "time", "memory", "disk")
    print_table("Plan", columns, (_plan_row(each, order.workers.n_jobs) for each in found))
    needs = [each.need for each in found if each.need is not None]
    core_s, recording_s = sum(need.core_s for need in needs), sum(need.recording_s for need in needs)
    n_at_once = order.rules().n_workers
    takes = duration_text(core_s / max(1, min(n_at_once, len(needs))) / order.workers.n_jobs)
    typer.echo(f"{counted(len(found), 'row')}, {len(needs)} to sort: {duration_text(recording_s)} of recording.")
    typer.echo(f"Time:   about {core_s / 3600:.2f} core-hours; {takes} with {counted(n_at_once, 'row')} at a time")
    typer.echo(f"Memory: {max((need.memory_bytes for need in needs), default=0) / 1e9:.1f} GB for the largest row")
    typer.echo(f"Disk:   at most {sum(need.disk_bytes for need in needs) / 1e9:.2f} GB")
    if order.price_core_hour is not None:
        typer.echo(f"Cost:   about {core_s / 3600 * order.price_core_hour:.2f}")
    for each in found:
        if each.problem:
            typer.echo(f"{each.row.name}: {each.problem}", err=True)


def _plan_row(each: Estimate, n_jobs: int) -> tuple[str, ...]:
    from spikesieve.model.text import duration_text

    need = each.need
    state = "cannot be sorted" if each.problem else each.standing
    if need is None:
        return each.row.name, state, "", "", "", "", ""
    numbers = (f"{need.memory_bytes / 1e9:.1f} GB", f"{need.disk_bytes / 1e9:.2f} GB")
    times = (duration_text(need.recording_s), str(need.n_contacts), duration_text(need.core_s / n_jobs))
    return each.row.name, state, *times, *numbers


def _write_scripts(order: Order, paths: list[Path]) -> None:
    from spikesieve.batch.order import write_scripts

    written, found = write_scripts(order, paths)
    for each in found:
        if each.problem:
            typer.echo(f"Left out: {each.row.name}: {each.problem}", err=True)
    for path in written:
        typer.echo(str(path))


def _sort_row(order: Order, row: str, quiet: bool) -> int:
    """Sort one row; returns the exit status."""
    from spikesieve.batch.order import sort_one

    with shown_progress(quiet, interrupted=_interrupted) as progress:
        ended = sort_one(order, row, progress)
    typer.echo(f"{ended.name}: {ended.state}{ended.why and '. '}{ended.why}", err=ended.state != "done")
    return {"done": 0, "refused": USER_ERROR}.get(ended.state, FAULT)


def _run(order: Order, quiet: bool, stop: Callable[[], None]) -> int:
    """Sort all rows; returns the exit status."""
    from spikesieve.batch.order import run_order
    from spikesieve.batch.page import PAGE, SUMMARY
    from spikesieve.cli.batch_table import LiveTable

    with LiveTable(quiet) as table:

        def show(batch: Batch, states: list[tuple[str, RowState]]) -> None:
            stop()
            table.show(batch, states)

        batch, lines = run_order(order, show)
    wrong = [line for line in lines if line.state in ("failed", "refused")]
    for line in wrong:
        typer.echo(f"{line.state}: {line.name}: {line.look}", err=True)
    if not quiet:
        typer.echo(", ".join(f"{n} {state}" for state, n in batch.counts().items() if n))
        typer.echo(f"Page:    {order.out / PAGE}")
        typer.echo(f"Summary: {order.out / SUMMARY}")
    states = {line.state for line in wrong}
    return FAULT if "failed" in states else USER_ERROR if states else 0
