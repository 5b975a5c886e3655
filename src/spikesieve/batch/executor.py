"""One recording over many workers: the executor of a Dask cluster, with the interface of `concurrent.futures`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from typing import Any

from spikesieve.api.sort_files import Job
from spikesieve.batch.clusters import JOB_CLUSTERS, Workers, open_client
from spikesieve.batch.estimate import need_of_job
from spikesieve.engine.executor import Travelling
from spikesieve.errors import OutOfMemoryError

_WORKER_ENDED = (
    "A piece of work ended each worker that it was given to, as the system does where memory is short. Give the "
    "workers of {cluster} more memory. The same command goes on."
)


class ClusterExecutor(Executor):
    """Hands work to the workers of a Dask client. What the work needs is sent once in a pass, from worker to worker.

    Parameters
    ----------
    client : distributed.Client
        The client. The caller closes it.

    Examples
    --------
    `spikesieve.sort(recording, probe, resources=Resources(n_jobs=8, executor=ClusterExecutor(client)))`
    """

    def __init__(self, client: Any) -> None:
        self._client, self._executor = client, client.get_executor(pure=False)
        self._shared: tuple[bytes, Any] = (b"", None)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function on a worker.

        Parameters
        ----------
        fn : callable
            The function.
        *args, **kwargs
            Its arguments.

        Returns
        -------
        Future
            What it returns.
        """
        function: Any = fn
        if isinstance(fn, Travelling):
            if fn.pickled and self._shared[0] != fn.digest:
                self._shared = (fn.digest, self._on_every_worker(fn))
            if self._shared[0] == fn.digest:
                function, args = _call, (self._shared[1], *args)
        future: Future[Any] = self._executor.submit(function, *args, **kwargs)
        return future

    def _on_every_worker(self, fn: Travelling[Any, Any]) -> Any:
        """Send templates and the like, a few MB, to all workers. As the result of a task they outlive any worker."""
        future = self._client.submit(_itself, fn, pure=False)
        self._client.replicate(future)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of what was sent. The client stays open.

        Parameters
        ----------
        wait, cancel_futures : bool, optional
            As for other executors; there is nothing to wait for.
        """
        self._shared = (b"", None)


def _itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _call(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


@contextmanager
def open_executor(workers: Workers, job: Job) -> Iterator[Executor]:
    """Open the workers of a cluster for one recording.

    Parameters
    ----------
    workers : Workers
        Which, and how many.
    job : Job
        What is to be sorted: it says how much memory each of them needs.

    Yields
    ------
    Executor
        Hands out pieces of work.

    Raises
    ------
    SettingsError, OutputError
        As `open_client`.
    OutOfMemoryError
        One piece of work ended several workers.
    """
    with ExitStack() as stack:
        # Those of this machine, or of a cluster that runs, have what memory there is.
        is_asked_for = workers.cluster in (*JOB_CLUSTERS, "kubernetes")
        client, cluster = open_client(stack, workers, need_of_job(job, 1).memory_gb if is_asked_for else 0)
        if cluster is not None:
            cluster.scale(workers.n_workers)
        try:
            yield stack.enter_context(ClusterExecutor(client))
        except Exception as error:
            if type(error).__name__ != "KilledWorker":
                raise
            raise OutOfMemoryError(_WORKER_ENDED.format(cluster=workers.cluster)) from error
