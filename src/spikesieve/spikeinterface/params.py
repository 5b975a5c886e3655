"""Parameters of the sorter in SpikeInterface: all settings of a sort, and what it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikesieve.api.inputs import as_settings
from spikesieve.api.sort import require_use
from spikesieve.errors import SettingsError
from spikesieve.settings.sort import Settings

RESOURCES = {
    "n_jobs": "number of workers, a share of the processors such as 0.5, or -1 for all processors; the default is all",
    "memory": 'memory limit of the process, such as "4GB"; the default is a quarter of the memory of the machine',
    "known_motion": "file or folder with a displacement of the tissue that was measured elsewhere, such as "
    "that of SpikeInterface's Motion.save; the default is to measure it",
}
"""Description of each parameter that is no setting."""


@dataclass(frozen=True)
class SorterParams:
    """What `run_sorter` was given.

    Attributes
    ----------
    settings : Settings
        All settings of the sort.
    n_jobs : int, float or None
        Workers, as SpikeInterface counts them.
    memory : str or None
        Memory limit of the process.
    known_motion : str or None
        Path of a displacement that was measured elsewhere.

    Raises
    ------
    SettingsError
        A value is of another type, or would have no effect.
    """

    settings: Settings
    n_jobs: int | float | None = None
    memory: str | None = None
    known_motion: str | None = None

    def __post_init__(self) -> None:
        kinds = {"n_jobs": int | float | None, "memory": str | None, "known_motion": str | None}
        for name, kind in kinds.items():
            value = getattr(self, name)
            if not isinstance(value, kind) or isinstance(value, bool):
                raise SettingsError(f"{name} cannot be {value!r}. Give the {RESOURCES[name].partition(';')[0]}.")
        require_use(self.settings, self.known_motion is not None, False)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> SorterParams:
        """Check parameters.

        Parameters
        ----------
        given : mapping of str to object
            Those that differ from the defaults, or all: settings nested by stage ({"detect": {"threshold": 8}}) or with
            full names ({"detect.threshold": 8}), or Kilosort's names; and those of `RESOURCES`.

        Returns
        -------
        SorterParams
            All parameters.

        Raises
        ------
        SettingsError
            A name is unknown, or a value is wrong, given twice or without effect.

        Examples
        --------
        >>> SorterParams.of({"detect.threshold": 8, "n_jobs": 2}).settings.detect.threshold
        8.0
        """
        resources = {name: given[name] for name in RESOURCES if name in given}
        if isinstance(resources.get("known_motion"), Path):
            resources["known_motion"] = str(resources["known_motion"])
        settings = {name: value for name, value in given.items() if name not in RESOURCES}
        return cls(as_settings(settings), **resources)

    def as_dict(self) -> dict[str, Any]:
        """Write all parameters as SpikeInterface keeps them: settings nested by stage, then the resources.

        Returns
        -------
        dict
            Numbers, texts, lists and dicts.
        """
        return {**self.settings.model_dump(mode="json"), **{name: getattr(self, name) for name in RESOURCES}}


def params_description() -> dict[str, str]:
    """Describe every parameter in a line.

    Returns
    -------
    dict of str to str
        By group ("detect") and by full name ("detect.threshold"); both can be given to `run_sorter`.

    Examples
    --------
    >>> params_description()["detect"]
    'first pass: detection with universal templates'
    """
    groups = {name: str(field.description) for name, field in Settings.model_fields.items()}
    settings = {name: str(field.description) for name, field in Settings.fields_by_path().items()}
    return {**groups, **settings, **RESOURCES}
