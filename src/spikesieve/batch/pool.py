"""Rows on the workers of Dask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from spikesieve.batch.clusters import JOB_CLUSTERS, Workers, module, open_client
from spikesieve.batch.jobs import Jobs
from spikesieve.batch.work import Ended

_CONFIG = {
    # Whether a worker that died is given the same row again is decided here, not by Dask.
    "distributed.scheduler.allowed-failures": 0,
    # A row waits at the scheduler until a worker is free, not behind a row that may take hours.
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.comm.retry.count": 3,
}
# Where all workers that a row is meant for have ended, and no other was there then, Dask gives it to none that comes:
# neither to begin it, nor to do it again where its result was lost.
PATIENCE_S = 60.0
_WHY_KILLED = (
    "Its worker was ended from outside: by the system where memory was short, by the scheduler at its time limit, or "
    "with its machine."
)


@dataclass(frozen=True)
class Task:
    """A row to hand out.

    Attributes
    ----------
    name : str
        Name of the row.
    function : callable
        Does the work.
    arguments : tuple
        Its arguments.
    memory_gb : int
        Memory that its worker must have.
    avoid : frozenset of str
        Machines that do not see its files.
    """

    name: str
    function: Callable[..., Ended]
    arguments: tuple[Any, ...]
    memory_gb: int = 1
    avoid: frozenset[str] = frozenset()


class Pool(Protocol):
    """Where rows are handed out."""

    def submit(self, task: Task) -> None:
        """Hand out a row.

        Parameters
        ----------
        task : Task
            The row.
        """

    def ended(self, timeout_s: float) -> list[Ended]:
        """Wait for a row.

        Parameters
        ----------
        timeout_s : float
            How long at most.

        Returns
        -------
        list of Ended
            Those that ended.
        """


@dataclass
class _Running:
    """A row that was handed out, the workers that it is meant for, and since when it is with none."""

    name: str
    memory_gb: int
    client: Any
    workers: frozenset[str]
    alone_since_s: float | None = None


@dataclass
class DaskPool:
    """Rows on the workers of Dask. Workers of one memory belong to one cluster.

    Attributes
    ----------
    open_cluster : callable
        Opens a cluster whose workers have a memory in GB; it returns its client, and the cluster if it can be scaled.
    n_workers : int
        Rows at a time.
    jobs_folder : Path or None
        Folder of what the jobs of a scheduler print; None: workers are no jobs.
    """

    open_cluster: Callable[[int], tuple[Any, Any]]
    n_workers: int
    jobs_folder: Path | None = None
    _clients: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    _running: dict[Any, _Running] = field(default_factory=dict)
    _done: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    _jobs: dict[int, Jobs] = field(default_factory=dict)
    _pods: dict[int, int] = field(default_factory=dict)

    def submit(self, task: Task) -> None:
        """See `Pool.submit`."""
        if task.memory_gb not in self._clients:
            self._clients[task.memory_gb] = self.open_cluster(task.memory_gb)
        client, _ = self._clients[task.memory_gb]
        others = _workers_elsewhere(client, task.avoid) if task.avoid else []
        # These workers may end before the row begins, or before its result is fetched: then any other may take it.
        where = {"workers": others, "allow_other_workers": True} if others else {}
        future = client.submit(task.function, *task.arguments, pure=False, **where)
        self._running[future] = _Running(task.name, task.memory_gb, client, frozenset(others))
        future.add_done_callback(self._done.put)
        self._scale()

    def ended(self, timeout_s: float) -> list[Ended]:
        """See `Pool.ended`."""
        self._give_back()
        self._scale()
        found = []
        try:
            found.append(self._done.get(timeout=timeout_s))
            while True:
                found.append(self._done.get_nowait())
        except Empty:
            return [_ended(future, self._running.pop(future)) for future in found]

    def _give_back(self) -> None:
        """End the rows that Dask does not hand out."""
        now = time.monotonic()
        for future, row in list(self._running.items()):
            if not (row.workers and _is_with_none(future, row)):
                row.alone_since_s = None
            elif row.alone_since_s is None:
                row.alone_since_s = now
            elif now - row.alone_since_s > PATIENCE_S:
                future.cancel()

    def _scale(self) -> None:
        """Have as many workers as rows: start those anew that reached their time limit, and end those that are idle."""
        left = self.n_workers
        for memory_gb, (client, cluster) in sorted(self._clients.items(), reverse=True):
            n = min(left, sum(row.memory_gb == memory_gb for row in self._running.values()))
            left -= n
            if cluster is None:
                continue
            if not hasattr(cluster, "worker_spec"):
                self._scale_pods(memory_gb, cluster, n)
                continue
            if lost := self._lost(memory_gb, cluster):
                cluster.sync(cluster.scale_down, lost)
            if n >= len(cluster.worker_spec):
                cluster.scale(n)
            elif idle := _idle(client, self._keys(client))[: len(cluster.worker_spec) - n]:
                cluster.sync(cluster.scale_down, idle)

    def _keys(self, client: Any) -> set[Any]:
        """Dask's names of the rows that a client handed out."""
        return {future.key for future, row in self._running.items() if row.client is client}

    def _scale_pods(self, memory_gb: int, cluster: Any, n: int) -> None:
        """Kubernetes starts lost pods anew itself, and ends any of them where fewer are asked for: idle ones stay."""
        if n > self._pods.get(memory_gb, 0):
            self._pods[memory_gb] = n
            cluster.scale(n)

    def _lost(self, memory_gb: int, cluster: Any) -> list[Any]:
        """Workers whose job has ended before they reported."""
        if self.jobs_folder is None:
            return []
        return self._jobs.setdefault(memory_gb, Jobs(self.jobs_folder)).without_worker(cluster)


def _idle(client: Any, rows: set[Any]) -> list[Any]:
    """Names of the workers that do nothing, and hold no result that is still to be fetched.

    None while one of the rows is nowhere: it is on its way to a worker that seems to do nothing.
    """
    # In this order: a row that ends between the questions is held at the second one.
    processing = client.processing()
    workers, held = client.scheduler_info(n_workers=-1)["workers"], client.has_what()
    if rows - set(chain(*processing.values(), *held.values())):
        return []
    idle = [at for at, keys in processing.items() if not keys and not held.get(at)]
    return [workers[at]["name"] for at in idle if at in workers]  # one may have ended since the first question


def _is_with_none(future: Any, row: _Running) -> bool:
    """Whether a row has not ended, no worker has it, and those that it is meant for are gone."""
    processing = row.client.processing()
    return not future.done() and not row.workers & processing.keys() and future.key not in chain(*processing.values())


def _ended(future: Any, row: _Running) -> Ended:
    killed = Ended(row.name, "killed", f"{_WHY_KILLED} It had {row.memory_gb} GB.")
    if future.status == "finished":
        try:
            ended: Ended = future.result(timeout=PATIENCE_S)
        except TimeoutError:
            future.cancel()
            return killed
        return ended
    error = future.exception() if future.status == "error" else None
    if error is None or type(error).__name__ in ("KilledWorker", "CancelledError", "FutureCancelledError"):
        return killed
    return Ended(row.name, "failed", f"{type(error).__name__}: {error}")


def _workers_elsewhere(client: Any, avoid: frozenset[str]) -> list[str]:
    """Addresses of the workers that are not on these machines."""
    # One that ends right now is none of them.
    hosts = client.run(_hostname, on_error="ignore")
    return [address for address, host in hosts.items() if host not in avoid]


def _hostname() -> str:
    import socket

    return socket.gethostname()


@contextmanager
def open_pool(workers: Workers) -> Iterator[DaskPool]:
    """Open the workers, and close them at the end.

    A cluster is started when the first row is handed out: a batch of which all is done needs none, and not Dask either.

    Parameters
    ----------
    workers : Workers
        Which.

    Yields
    ------
    DaskPool
        Where rows are handed out.

    Raises
    ------
    SettingsError, OutputError
        As `open_client`.
    """
    with ExitStack() as stack:
        shared: list[tuple[Any, Any]] = []

        def open_cluster(memory_gb: int) -> tuple[Any, Any]:
            if not shared:
                stack.enter_context(module("dask").config.set(_CONFIG))
            if not shared or workers.cluster in JOB_CLUSTERS:
                shared.append(open_client(stack, workers, memory_gb))
            return shared[-1]

        jobs_folder = Path(workers.logs) if workers.cluster in JOB_CLUSTERS and workers.logs else None
        yield DaskPool(open_cluster, workers.n_workers, jobs_folder)
