"""The command `spikesieve sort`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
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
    ProgressPath,
    Quiet,
    SamplingHz,
    Set,
    SettingsFile,
    StreamName,
    interval_s,
)
from spikesieve.cli.output import errors_as_sentences, print_outcome, shown_progress
from spikesieve.cli.progress_file import recorded
from spikesieve.cli.root import app
from spikesieve.errors import EndedEarlyError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from spikesieve.api.sort_files import Job, Outcome
    from spikesieve.engine.executor import Progress
    from spikesieve.settings.sort import Settings

Files = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Files or folders of a recording, in order of time.", show_default=False),
]
Out = Annotated[Path, typer.Option("--out", help="Result folder. It appears when the result is complete.")]
TimeRange = Annotated[
    str | None, typer.Option("--time-range", metavar="START:END", help="Seconds to sort. Default: all.")
]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", metavar="START:END", help="Seconds to leave out. Repeat as needed.")
]
BadChannels = Annotated[
    str | None,
    typer.Option("--bad-channels", metavar="3,17,A-005", help="Channels of the file to leave out, or their names."),
]
Shanks = Annotated[str | None, typer.Option("--shanks", metavar="0,2", help="Shanks to sort. Default: all.")]
Kilosort2Ops = Annotated[
    Path | None,
    typer.Option("--kilosort2-ops", help="Options of Kilosort2: a rez.mat, or a TOML or JSON file of its names."),
]
MotionFile = Annotated[
    Path | None,
    typer.Option(
        "--motion", help="Displacement from elsewhere: an npz file, a SpikeInterface motion or a result folder."
    ),
]
ArtifactTimes = Annotated[
    Path | None,
    typer.Option(
        "--artifact-times", help="Times of artifacts to blank, such as stimuli: a text file, a time in s a line."
    ),
]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="Workers. Default: one for each processor.")]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster", help="Spread the work over --jobs workers of Dask: local, slurm ... or tcp://HOST:PORT; see batch."
    ),
]
Memory = Annotated[
    str | None, typer.Option("--memory", help="Memory limit, such as 4GB. Default: a quarter of the machine's.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an older result in the folder --out.")]
SavePreprocessed = Annotated[
    bool, typer.Option("--save-preprocessed", help="Also write the whitened traces, for Phy and Neuroscope.")
]
SaveIntermediates = Annotated[
    bool, typer.Option("--save-intermediates", help="Also write kilosort2.h5, all steps of the method kilosort2.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start anew, although an earlier run can go on.")]
KeepSteps = Annotated[
    bool, typer.Option("--keep-steps", help="Keep the hidden folder of finished steps after the result is complete.")
]
StopAfter = Annotated[
    str | None, typer.Option("--stop-after", metavar="STEP", help="End after a step, such as detect, without a result.")
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print the log as well.")]


@app.command()
def sort(
    files: Files,
    out: Out,
    format: FormatName = None,
    stream: StreamName = None,
    probe: ProbeSpec = None,
    channels: Channels = None,
    sampling_hz: SamplingHz = None,
    dtype: Dtype = "int16",
    gain_uv: GainUv = None,
    header_bytes: HeaderBytes = 0,
    time_range: TimeRange = None,
    exclude: Exclude = None,
    bad_channels: BadChannels = None,
    shanks: Shanks = None,
    method: Method = None,
    settings: SettingsFile = None,
    kilosort2_ops: Kilosort2Ops = None,
    set_: Set = None,
    motion: MotionFile = None,
    artifact_times: ArtifactTimes = None,
    jobs: Jobs = None,
    cluster: Cluster = None,
    memory: Memory = None,
    overwrite: Overwrite = False,
    save_preprocessed: SavePreprocessed = False,
    save_intermediates: SaveIntermediates = False,
    fresh: Fresh = False,
    keep_steps: KeepSteps = False,
    stop_after: StopAfter = None,
    progress_file: ProgressPath = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Sort a recording into units that Phy opens.

    Channels, rate, gains and probe come from the recording where its format says them; `spikesieve info` shows what
    it says. Plain files need --channels, --sampling-hz and --probe.
    """
    keep_s = interval_s(time_range) if time_range is not None else None
    exclude_s = tuple(interval_s(text) for text in exclude or ())
    stop = Stop()
    with (
        recorded(progress_file) as watched,
        errors_as_sentences(stop.sentence),
        shown_progress(quiet, verbose, stop.sentence) as progress,
    ):
        from spikesieve.api.sort_files import Job
        from spikesieve.io.kilosort2_options import read_options
        from spikesieve.io.recordings.open_input import RawOptions

        given = read_options(kilosort2_ops) if kilosort2_ops is not None else {}
        ops = {name: value for name, value in given.items() if name != "trange" or time_range is None}
        job = Job(
            files=tuple(files),
            out=out,
            probe=probe,
            raw=RawOptions(channels, sampling_hz, dtype, gain_uv, header_bytes, keep_s, exclude_s, format, stream),
            settings=_settings(settings, ops, set_ or ()).with_values(
                _given({"method": method, "input.bad_channels": bad_channels, "input.shanks": shanks})
            ),
            settings_files=tuple(file for file in (settings, kilosort2_ops) if file is not None),
            motion=motion,
            artifact_times=artifact_times,
            n_jobs=jobs,
            memory=memory,
            overwrite=overwrite,
            save_preprocessed=save_preprocessed,
            save_intermediates=save_intermediates,
            fresh=fresh,
            keep_steps=keep_steps,
            stop_after=stop_after,
        )
        announce = _say_nothing if quiet else partial(typer.echo, err=True)
        with _executor(cluster, job) as executor:
            outcomes = _sort_probes(job, stop, watched(progress), announce, executor)
    for outcome in outcomes if not quiet else ():
        print_outcome(outcome)


@dataclass
class Stop:
    """Says how a sort goes on that is interrupted. It imports nothing: another thread may hold the import lock.

    Attributes
    ----------
    kept : Path or None
        Folder of the steps; None before the sort begins.
    place : (str, int, int)
        Stage, pieces of work that are done, and their number.
    """

    kept: Path | None = None
    place: tuple[str, int, int] = ("", 0, 0)

    def watched(self, progress: Progress) -> Progress:
        """Remember where the work is.

        Parameters
        ----------
        progress : Progress
            Shows the progress.

        Returns
        -------
        Progress
            The same, and it is remembered.
        """

        def report(stage: str, done: int, total: int) -> None:
            self.place = stage, done, total
            progress(stage, done, total)

        return report

    def sentence(self) -> str:
        """Say what is left and how the sort goes on.

        Returns
        -------
        str
            Two sentences.
        """
        stage, done, total = self.place
        if self.kept is None or not self.kept.exists():
            return "Interrupted. Nothing was written."
        where = f" at {stage}, {done} of {total}" if stage else ""
        return (
            f"Interrupted{where}. What is finished is kept in {self.kept}: give the same command "
            "again, and it goes on there; with --fresh it starts anew."
        )


def _executor(cluster: str | None, job: Job) -> AbstractContextManager[Executor | None]:
    """The workers of a cluster, or nothing: threads are used then."""
    if cluster is None:
        return nullcontext()
    from spikesieve.batch.clusters import Workers
    from spikesieve.batch.executor import open_executor
    from spikesieve.engine.machine import n_processors

    return open_executor(Workers(cluster, job.n_jobs or n_processors()), job)


def _sort_probes(
    job: Job, stop: Stop, progress: Progress, announce: Callable[[str], None], executor: Executor | None
) -> list[Outcome]:
    """Sort one probe, or several that recorded together one after another."""
    from spikesieve.api.kept_steps import steps_folder
    from spikesieve.api.probes import is_done, jobs_of_probes
    from spikesieve.api.sort_files import sort_files

    jobs, outcomes = jobs_of_probes(job), []
    for number, each in enumerate(jobs, 1):
        if len(jobs) > 1:
            announce(f"Probe {number} of {len(jobs)}: {each.raw.stream or each.probe}, into {each.out}")
            if is_done(each):
                announce("It was sorted before. --overwrite sorts it again.")
                continue
        stop.kept = steps_folder(each.out)
        try:
            outcomes.append(sort_files(each, stop.watched(progress), announce, executor))
        except EndedEarlyError as end:
            typer.echo(str(end), err=True)
    return outcomes


def _settings(file: Path | None, kilosort2_ops: Mapping[str, object], overrides: Sequence[str]) -> Settings:
    from spikesieve.settings.sort import Settings

    settings = Settings.from_file(file) if file is not None else Settings()
    if kilosort2_ops:
        settings = settings.with_kilosort2(kilosort2_ops)
    return settings.with_overrides(overrides)


def _given(options: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """The settings that have an option of their own, by name, where the option was given."""
    return ((name, value) for name, value in options.items() if value)


def _say_nothing(line: str) -> None:
    """Announce nothing, in quiet mode."""
