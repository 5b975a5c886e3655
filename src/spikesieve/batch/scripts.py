"""Prints plans for those who do not use Dask: a job array of SLURM, a workflow of Nextflow, rules of Snakemake."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from spikesieve.batch.clusters import minutes_of
from spikesieve.batch.rows import Row
from spikesieve.errors import SettingsError

# This long before its time limit a job is told, ends its sort in order and is queued again.
_SIGNAL_S = 60
# SLURM's own default for the size of an array is 1001.
_MAX_TASKS = 1000


@dataclass(frozen=True)
class Script:
    """What a script needs to know.

    Attributes
    ----------
    plan : Path
        The plan as CSV, with whole paths.
    out : Path
        Folder of the batch.
    rows : tuple of Row
        Its rows.
    memory_gb : mapping of str to int
        Memory of each row that is to be sorted, by name.
    overwrite : bool
        Replace results of other settings or files.
    n_jobs : int
        Cores of each row.
    retries : int
        How often a row is tried again after a fault.
    walltime : str
        Time limit of a job.
    queue, account : str
        Partition and account; empty: the scheduler's defaults.
    directives : tuple of str
        More lines for the head of a job script.
    prologue : tuple of str
        Commands before the sort.
    """

    plan: Path
    out: Path
    rows: tuple[Row, ...]
    memory_gb: Mapping[str, int]
    overwrite: bool = False
    n_jobs: int = 1
    retries: int = 2
    walltime: str = "24:00:00"
    queue: str = ""
    account: str = ""
    directives: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command that sorts one row; its name or number follows."""
        words = [sys.executable, "-m", "spikesieve", "batch", str(self.plan), "--out", str(self.out)]
        replaces = ["--overwrite"] if self.overwrite else []
        return shlex.join([*words, "--jobs", str(self.n_jobs), *replaces, "--row"])


def write_script(script: Script, path: Path) -> tuple[Path, ...]:
    """Write a script, of the kind that the name of its file says.

    Parameters
    ----------
    script : Script
        What it needs to know.
    path : Path
        The file; replaced if it exists. It ends in .sbatch, .nf or .smk.

    Returns
    -------
    tuple of Path
        The files. Rows that need other memory get a job array of their own: NAME-8GB.sbatch.

    Raises
    ------
    SettingsError
        The name has another end.
    """
    kind = KINDS.get(path.suffix)
    if kind is None:
        raise SettingsError(f"{path} ends in {path.suffix or 'nothing'}. Give a name that ends in {', '.join(KINDS)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {path: kind(script)} if kind is not sbatch else _arrays(script, path)
    for each, text in texts.items():
        each.write_text(text, encoding="utf-8", newline="\n")
    return tuple(texts)


def _arrays(script: Script, path: Path) -> dict[Path, str]:
    """Job arrays of rows of like size."""
    sizes = sorted(set(script.memory_gb.values()))
    groups = {gb: {name: n for name, n in script.memory_gb.items() if n == gb} for gb in sizes}
    many = len(sizes) > 1
    return {
        path.with_stem(f"{path.stem}-{gb}GB") if many else path: sbatch(replace(script, memory_gb=names))
        for gb, names in groups.items()
    }


def sbatch(script: Script) -> str:
    """Write a job array of SLURM.

    Parameters
    ----------
    script : Script
        What it needs to know. The array has the rows whose memory is given, of which it asks for the most.

    Returns
    -------
    str
        A bash script for sbatch. A task does one row, or several in turn if there are more than an array may have.
    """
    numbers = [number for number, _, _ in _numbered(script)]
    each = math.ceil(len(numbers) / _MAX_TASKS)
    given = {"partition": script.queue, "account": script.account}
    head = [
        "--job-name=spikesieve",
        f"--array=0-{math.ceil(len(numbers) / each) - 1}",
        f"--cpus-per-task={script.n_jobs}",
        f"--mem={max(script.memory_gb.values())}G",
        f"--time={script.walltime}",
        f"--output={script.out / '.batch' / 'jobs' / '%A_%a.txt'}",
        f"--signal=B:TERM@{_SIGNAL_S}",
        "--requeue",
        "--open-mode=append",
        *(f"--{name}={text}" for name, text in given.items() if text),
        *script.directives,
    ]
    return _SBATCH.format(
        head="\n".join(f"#SBATCH {line}" for line in head),
        prologue="".join(f"{line}\n" for line in script.prologue),
        numbers=" ".join(map(str, numbers)),
        each=each,
        command=script.command,
        retries=script.retries,
    )


_SBATCH = """#!/bin/bash
{head}
# Made by `spikesieve batch --write-sbatch`. A row ends with status 0: done; 2: an error that you can correct, not tried
# again; anything else: a fault. Then, and before the time limit, the task is queued again and goes on where it was:
# {retries} times after a fault, at the time limit as often as needed.
{prologue}rows=({numbers})
worst=0 at_limit=0
trap 'at_limit=1; kill -TERM $sort 2>/dev/null' TERM
for row in "${{rows[@]:$((SLURM_ARRAY_TASK_ID * {each})):{each}}}"; do
    {command} $row &
    sort=$!
    if [ $at_limit = 1 ]; then kill -TERM $sort; fi
    wait $sort; status=$?
    if [ $at_limit = 1 ]; then wait $sort; break; fi
    if [ $status != 0 ] && [ $worst != 1 ]; then worst=$([ $status = 2 ] && echo 2 || echo 1); fi
done
if [ $at_limit = 1 ] || {{ [ $worst = 1 ] && [ ${{SLURM_RESTART_COUNT:-0}} -lt {retries} ]; }}; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
    sleep 60  # until it is taken off
fi
exit $worst
"""


def nextflow(script: Script) -> str:
    """Write a workflow of Nextflow with a process for each row.

    Parameters
    ----------
    script : Script
        What it needs to know.

    Returns
    -------
    str
        A main.nf.
    """
    given = [f"queue '{script.queue}'"] if script.queue else []
    given += [f"clusterOptions '--account={script.account}'"] if script.account else []
    return "\n".join(
        [
            "// Made by `spikesieve batch --write-nextflow`. Run: nextflow run THIS_FILE",
            "// Status 2 is an error that you can correct, and is not tried again. Rows that are done end at once.",
            "nextflow.enable.dsl = 2",
            "",
            "process SORT {",
            '    tag "$name"',
            f"    cpus {script.n_jobs}",
            '    memory { memory_gb.toInteger() * task.attempt + " GB" }',
            f"    time '{minutes_of(script.walltime)}m'",
            *(f"    {line}" for line in given),
            # After the last try 'retry' would end the other rows as well.
            f"    errorStrategy {{ task.exitStatus == 2 || task.attempt > {script.retries} ? 'ignore' : 'retry' }}",
            f"    maxRetries {script.retries}",
            "    cache false  // the results say what is done",
            "",
            "    input:",
            "    tuple val(number), val(name), val(memory_gb)",
            "",
            "    output:",
            "    val name",
            "",
            "    script:",
            '    """',
            *(f"    {_in_groovy(line)}" for line in script.prologue),
            f"    {_in_groovy(script.command)} $number",
            '    """',
            "}",
            "",
            "workflow {",
            "    rows = [",
            *(f"        [{number}, {_groovy(name)}, {gb}]," for number, name, gb in _numbered(script)),
            "    ]",
            "    SORT(Channel.fromList(rows))",
            "}",
            "",
        ]
    )


def snakemake(script: Script) -> str:
    """Write rules of Snakemake, one for all rows.

    Parameters
    ----------
    script : Script
        What it needs to know.

    Returns
    -------
    str
        A Snakefile.
    """
    ended = f"{script.out / '.batch' / 'ended'}/{{name}}"
    return "\n".join(
        [
            "# Made by `spikesieve batch --write-snakemake`. Run: snakemake -s THIS_FILE --cores all --keep-going",
            "# A row goes on where it was; rows that are done end at once.",
            f"MEMORY_GB = {dict(script.memory_gb)!r}",
            "",
            "rule all:",
            "    input:",
            f"        expand({ended!r}, name=MEMORY_GB)",
            "",
            "rule sort:",
            "    output:",
            f"        touch({ended!r})",
            f"    threads: {script.n_jobs}",
            f"    retries: {script.retries}",
            "    resources:",
            "        mem_mb=lambda wildcards, attempt: 1000 * MEMORY_GB[wildcards.name] * attempt,",
            f"        runtime={minutes_of(script.walltime)},",
            "        attempt=lambda wildcards, attempt: attempt",
            "    shell:",
            '        r"""',
            "        # Status 2 is an error that you can correct: Snakemake would try it again, and it is not tried.",
            "        refused={output:q}.refused",
            '        if [ {resources.attempt} -gt 1 ] && [ -e "$refused" ]; then exit 2; fi',
            '        rm -f "$refused"',
            *(f"        {_in_braces(line)}" for line in script.prologue),
            f"        status=0; {_in_braces(script.command)} {{wildcards.name:q}} || status=$?",
            '        if [ $status = 2 ]; then touch "$refused"; fi',
            "        exit $status",
            '        """',
            "",
        ]
    )


KINDS: dict[str, Callable[[Script], str]] = {".sbatch": sbatch, ".nf": nextflow, ".smk": snakemake}
"""What is written, by the end of the name of its file."""


def _numbered(script: Script) -> list[tuple[int, str, int]]:
    """Number, name and memory in GB of each row that is to be sorted."""
    gb = script.memory_gb
    return [(number, row.name, gb[row.name]) for number, row in enumerate(script.rows, 1) if row.name in gb]


def _groovy(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _in_groovy(line: str) -> str:
    """A line of a shell in a text of Groovy, in which $ and backslashes mean something."""
    return line.replace("\\", "\\\\").replace("$", "\\$")


def _in_braces(text: str) -> str:
    """A text in which Snakemake is to fill nothing in."""
    return text.replace("{", "{{").replace("}", "}}")
