"""Makes the sorter known to SpikeInterface, in this process and in those that it starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import signature
from typing import Any

from spikeinterface.sorters import launcher, runsorter, sorterlist

from spikesieve.spikeinterface.params import SorterParams
from spikesieve.spikeinterface.sorter import SpikesieveSorter

NAME = SpikesieveSorter.sorter_name


class SorterName(str):
    """The name of the sorter. A process that receives it from another one registers the sorter."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return register, ()


class RegisteringCode:
    """Python that registers the sorter and gives its name, for a script that SpikeInterface writes."""

    def __str__(self) -> str:
        return f"__import__({__name__!r}, fromlist=['register']).register()"


def register() -> SorterName:
    """Make the sorter known to SpikeInterface in this process, under the name "spikesieve".

    Returns
    -------
    SorterName
        The name, for all functions of SpikeInterface that take one. It is a text, and where it is sent to another
        process, the sorter is registered there: `run_sorter_by_property(register(), ..., engine="joblib")`.

    Examples
    --------
    >>> register()
    'spikesieve'
    """
    sorterlist.sorter_dict[NAME] = SpikesieveSorter
    others = [sorter for sorter in sorterlist.sorter_full_list if sorter.sorter_name != NAME]
    sorterlist.sorter_full_list[:] = [*others, SpikesieveSorter]
    return SorterName(NAME)


def run_sorter(sorter_name: str, recording: Any, folder: Any = None, **options: Any) -> Any:
    """Run a sorter, as `spikeinterface.sorters.run_sorter`, which also knows "spikesieve".

    Parameters
    ----------
    sorter_name : str
        "spikesieve" or another sorter.
    recording : spikeinterface.BaseRecording or dict
        What to sort, or several.
    folder : path, optional
        Where to work. The result folder is `sorter_output` in it.
    **options : object
        `remove_existing_folder`, `delete_output_folder`, `verbose`, `raise_error`, `with_output` ... of SpikeInterface,
        and parameters of the sorter.

    Returns
    -------
    spikeinterface.BaseSorting, dict or None
        The sorting, see `to_sorting`.

    Raises
    ------
    SettingsError
        A parameter is unknown, wrong, given twice or without effect. Nothing has been written then.
    InputError
        The recording cannot be sorted.
    """
    register()
    if sorter_name == NAME:
        known = signature(runsorter.run_sorter).parameters
        SorterParams.of({name: value for name, value in options.items() if name not in known})
    return runsorter.run_sorter(sorter_name, recording, folder, **options)


def run_sorter_jobs(
    job_list: Iterable[Mapping[str, Any]],
    engine: str = "loop",
    engine_kwargs: Mapping[str, Any] | None = None,
    return_output: bool = False,
) -> Any:
    """Run several sorts, as `spikeinterface.sorters.run_sorter_jobs`, in which "spikesieve" is known to every process.

    Parameters
    ----------
    job_list : iterable of mapping
        Arguments of `run_sorter` for each sort.
    engine : str, optional
        "loop", "joblib", "processpoolexecutor", "dask" or "slurm".
    engine_kwargs : mapping, optional
        Arguments of the engine.
    return_output : bool, optional
        Return the sortings.

    Returns
    -------
    list of spikeinterface.BaseSorting or None
        The sortings, in order of the jobs.
    """
    name = register()
    known = RegisteringCode() if engine == "slurm" else name
    jobs = [{**job, "sorter_name": known if job["sorter_name"] == NAME else job["sorter_name"]} for job in job_list]
    return launcher.run_sorter_jobs(jobs, engine, dict(engine_kwargs or {}), return_output)
