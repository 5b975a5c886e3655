"""Workers of Dask: processes of this machine, jobs of a scheduler, or a Dask cluster that runs already."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from spikesieve.batch.jobs import noted_end
from spikesieve.errors import OutputError, SettingsError

JOB_CLUSTERS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster", "sge": "SGECluster"}
CLUSTERS = ("local", *JOB_CLUSTERS, "kubernetes", "tcp://HOST:PORT")
# Dask's own MALLOC_TRIM_THRESHOLD_ of 64 kB makes workers ask the system anew for each large array: 1.7 times the work.
_MEMORY = {"MALLOC_TRIM_THRESHOLD_": 2**26, "MALLOC_MMAP_THRESHOLD_": 2**25}
_CONFIG = {
    # Dask keeps the last 1000 messages to each worker, with all that they carried, for those who look for its faults.
    "distributed.admin.low-level-log-length": 20,
    "distributed.diagnostics.computations.max-history": 1,
    # It looks 100 times a second where each process is.
    "distributed.worker.profile.enabled": False,
    "distributed.nanny.pre-spawn-environ": {
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1),
        **_MEMORY,
    },
}
_PRELOAD = "distributed.worker.preload"
# A worker of this machine whose heartbeat meets the end of the cluster would print a traceback.
_SILENT = "import logging; logging.getLogger('tornado.application').setLevel(logging.CRITICAL)"
_NO_PROFILE = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": False}
_EXPORTS = [f"export {name}={value}" for name, value in {**_NO_PROFILE, **_MEMORY}.items()]
_INSTALL = "Dask is not installed, which hands out the work. Install it: pip install 'spikesieve[cluster]'."


@dataclass(frozen=True)
class Workers:
    """Which workers do the rows.

    Attributes
    ----------
    cluster : str
        One of `CLUSTERS`.
    n_workers : int
        Rows at a time.
    n_jobs : int
        Cores of each.
    walltime : str
        Time limit of a job, such as "12:00:00".
    queue, account : str
        Queue or partition, and account, of the scheduler; empty: its defaults.
    directives : tuple of str
        More lines for the head of a job script, such as "--gres=lscratch:100".
    prologue : tuple of str
        Commands before a worker starts, such as "module load python".
    image : str
        Image of the containers on Kubernetes.
    logs : str
        Folder for what the jobs print.
    """

    cluster: str = "local"
    n_workers: int = 1
    n_jobs: int = 1
    walltime: str = "24:00:00"
    queue: str = ""
    account: str = ""
    directives: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()
    image: str = ""
    logs: str = ""


def open_client(stack: ExitStack, workers: Workers, memory_gb: int) -> tuple[Any, Any]:
    """Open a cluster, and a client of it.

    Parameters
    ----------
    stack : ExitStack
        Closes both.
    workers : Workers
        Which cluster.
    memory_gb : int
        Memory of each worker.

    Returns
    -------
    client : distributed.Client
        Its client.
    cluster : distributed.deploy.Cluster or None
        What can be scaled.

    Raises
    ------
    SettingsError
        Dask or a part of it is not installed, or there is no such cluster.
    OutputError
        The scheduler does not answer.
    """
    distributed = module("distributed")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    stack.enter_context(module("dask").config.set(_CONFIG))
    address, cluster = _opener(workers)(stack, memory_gb)
    try:
        return stack.enter_context(distributed.Client(address, set_as_default=False)), cluster
    except OSError as error:
        raise OutputError(f"The scheduler {workers.cluster} does not answer: {error}. Is it running?") from error


Opener = Callable[[ExitStack, int], tuple[Any, Any]]


def _opener(workers: Workers) -> Opener:
    if workers.cluster.startswith(("tcp://", "tls://")):
        return lambda stack, memory_gb: (workers.cluster, None)
    if workers.cluster == "local":
        return lambda stack, memory_gb: (_local(stack, workers), None)
    if workers.cluster in JOB_CLUSTERS:
        return lambda stack, memory_gb: _scaled(stack, _job_cluster(workers, memory_gb))
    if workers.cluster == "kubernetes":
        return lambda stack, memory_gb: _scaled(stack, _kubernetes(workers, memory_gb))
    raise SettingsError(f"There is no cluster {workers.cluster!r}. Give one of {', '.join(CLUSTERS)}.")


def _local(stack: ExitStack, workers: Workers) -> Any:
    """Processes of this machine. Each sorts one row at a time and looks after its memory itself."""
    config = module("dask").config
    stack.enter_context(config.set({_PRELOAD: [*config.get(_PRELOAD), _SILENT]}))
    cluster = module("distributed").LocalCluster(
        n_workers=workers.n_workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,
        dashboard_address=":0",
        silence_logs=logging.CRITICAL,
    )
    return stack.enter_context(cluster)


def _job_cluster(workers: Workers, memory_gb: int) -> Any:
    """Jobs of a scheduler, one worker each."""
    kind = getattr(module("dask_jobqueue"), JOB_CLUSTERS[workers.cluster])
    memory = f"{memory_gb}GB"
    options = {
        "cores": 1,  # threads of the worker: one sort at a time
        "processes": 1,
        "memory": memory,
        # LSF counts in minutes.
        "walltime": str(minutes_of(workers.walltime)) if workers.cluster == "lsf" else workers.walltime,
        "job_extra_directives": [*_slots(workers), *workers.directives],
        "job_script_prologue": [*([noted_end(workers.logs)] if workers.logs else []), *_EXPORTS, *workers.prologue],
        "python": sys.executable,
        "log_directory": workers.logs or None,
        "worker_extra_args": ["--memory-limit", "0"],
        "scheduler_options": {"dashboard_address": ":0"},
        **_cores_of(workers, memory_gb),
    }
    account = "project" if workers.cluster in ("lsf", "sge") else "account"
    given = {"queue": workers.queue, account: workers.account}
    return kind(**options, **{name: text for name, text in given.items() if text})


def _cores_of(workers: Workers, memory_gb: int) -> Mapping[str, Any]:
    """How each scheduler is asked for the cores of a job."""
    if workers.cluster == "slurm":
        return {"job_cpu": workers.n_jobs}
    if workers.cluster == "pbs":
        return {"resource_spec": f"select=1:ncpus={workers.n_jobs}:mem={memory_gb}GB"}
    if workers.cluster == "lsf":
        return {"ncpus": workers.n_jobs}
    # SGE counts memory for each slot.
    return {"resource_spec": f"h_vmem={math.ceil(memory_gb / workers.n_jobs)}G"}


def _slots(workers: Workers) -> list[str]:
    """SGE has processors in a parallel environment, whose name the site chooses: "smp", unless a directive says it."""
    is_said = any(line.startswith("-pe ") for line in workers.directives)
    return [f"-pe smp {workers.n_jobs}"] if workers.cluster == "sge" and workers.n_jobs > 1 and not is_said else []


def minutes_of(walltime: str) -> int:
    """Read a time limit.

    Parameters
    ----------
    walltime : str
        "D-HH:MM:SS", "HH:MM:SS" or "HH:MM", as schedulers write times.

    Returns
    -------
    int
        Minutes.

    Raises
    ------
    SettingsError
        The text is no time.

    Examples
    --------
    >>> minutes_of("1-02:30:00"), minutes_of("00:45")
    (1590, 45)
    """
    days, dash, rest = walltime.rpartition("-")
    try:
        hours, minutes, *_ = [*(int(part) for part in rest.split(":")), 0]
        return (int(days) if dash else 0) * 24 * 60 + hours * 60 + minutes
    except ValueError as error:
        raise SettingsError(f"The time limit {walltime!r} is no time. Write HH:MM:SS, such as 12:00:00.") from error


def _kubernetes(workers: Workers, memory_gb: int) -> Any:
    """Pods of Kubernetes, by the operator of Dask."""
    if not workers.image:
        raise SettingsError("Kubernetes needs an image with spikesieve: give --image. deploy/Dockerfile makes one.")
    size = {"memory": f"{memory_gb}G", "cpu": str(workers.n_jobs)}
    operator = module("dask_kubernetes.operator", "pip install dask-kubernetes")
    command = ["dask", "worker", "--nthreads", "1", "--memory-limit", "0"]
    return operator.KubeCluster(
        name=f"spikesieve-{memory_gb}gb",
        image=workers.image,
        n_workers=0,
        resources={"requests": size, "limits": size},
        worker_command=command,
        env={name: str(value) for name, value in {**_NO_PROFILE, **_MEMORY}.items()},
    )


def _scaled(stack: ExitStack, cluster: Any) -> tuple[Any, Any]:
    """A cluster that can be scaled."""
    stack.enter_context(cluster)
    return cluster, cluster


def module(name: str, advice: str = "") -> Any:
    """Import a module that comes with an extra of the package.

    Parameters
    ----------
    name : str
        Its name.
    advice : str, optional
        How it is installed. Default: with the extra `cluster`.

    Returns
    -------
    module
        The module.

    Raises
    ------
    SettingsError
        It is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        how = f"{name} is not installed. Install it: {advice}." if advice else _INSTALL
        raise SettingsError(how) from error
