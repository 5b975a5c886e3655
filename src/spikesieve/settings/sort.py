"""All settings of a sort: one group for each stage, from TOML, `--set name=value` or a Kilosort4 settings dict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic.fields import FieldInfo

from spikesieve.errors import SettingsError
from spikesieve.settings.adjustable import Adjustable
from spikesieve.settings.cluster import ClusterParams
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.detect import DetectParams
from spikesieve.settings.features import FeaturesParams
from spikesieve.settings.fit import FitParams
from spikesieve.settings.input import InputParams
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.settings.kilosort2_ops import values_of_ops
from spikesieve.settings.kilosort4 import ABSENT_IN_SPIKESIEVE, harmless, value_here
from spikesieve.settings.match import MatchParams
from spikesieve.settings.motion import MotionParams
from spikesieve.settings.params import Params, setting
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.settings.refine import RefineParams
from spikesieve.settings.shapes import ShapesParams
from spikesieve.settings.templates import TemplatesParams
from spikesieve.settings.tissue import TissueParams
from spikesieve.settings.units import UnitsParams

_METHODS_OF = {
    "cluster": ("sieve", "kilosort4"),
    "templates": ("sieve", "kilosort4"),
    "fit": ("sieve",),
    "refine": ("sieve",),
    "match": ("kilosort4",),
    "kilosort2": ("kilosort2",),
}
"""Groups that not every method uses, and the methods that do."""


class EngineParams(Params):
    """How the recording is cut into blocks."""

    block_samples: int = setting(
        60_000,
        "longest block that is processed at once, in samples; lower it to save memory or if drift is fast, "
        "raise it to read larger pieces",
        kilosort4="batch_size",
        ge=1_000,
        le=10_000_000,
    )


class Settings(Adjustable):
    """All settings of a sort, one group for each stage.

    `spikesieve settings` prints them with their defaults, bounds and Kilosort's names. They are frozen: to change one,
    make new settings with `with_overrides` or `with_values`.

    Attributes
    ----------
    method : {"sieve", "kilosort4", "kilosort2"}
        The sorting algorithm. Not every method uses every group.
    input, engine, preprocess, shapes, detect, features, motion, tissue, cluster, templates, fit, refine, match : Params
        One group for each stage, in the order of the work.
    kilosort2, curate, units : Params
        Groups of the method kilosort2, of curation, and of the unit table.

    Examples
    --------
    >>> Settings().with_overrides(["detect.threshold=8"]).detect.threshold
    8.0
    >>> Settings.from_kilosort4({"Th_universal": 8, "nblocks": 0}).method
    'kilosort4'
    """

    method: Literal["sieve", "kilosort4", "kilosort2"] = setting(
        "sieve", "sorting algorithm; choose kilosort4 or kilosort2 to compare with those sorters"
    )
    input: InputParams = setting(InputParams(), "which channels and shanks are sorted")
    engine: EngineParams = setting(EngineParams(), "how the recording is cut into blocks")
    preprocess: PreprocessParams = setting(PreprocessParams(), "from raw to whitened traces")
    shapes: ShapesParams = setting(ShapesParams(), "waveform shapes on one contact, learned from the recording")
    detect: DetectParams = setting(DetectParams(), "first pass: detection with universal templates")
    features: FeaturesParams = setting(FeaturesParams(), "which contacts describe a spike")
    motion: MotionParams = setting(MotionParams(), "drift: how the displacement of the tissue is measured and followed")
    tissue: TissueParams = setting(TissueParams(), "drift: how a footprint varies in space")
    cluster: ClusterParams = setting(ClusterParams(), "clustering of the spikes of a group")
    templates: TemplatesParams = setting(TemplatesParams(), "from clusters to templates")
    fit: FitParams = setting(FitParams(), "second pass of the method sieve: template matching by likelihood")
    refine: RefineParams = setting(RefineParams(), "method sieve: how units are split, merged and kept")
    match: MatchParams = setting(MatchParams(), "second pass of the method kilosort4: template matching")
    kilosort2: Kilosort2Params = setting(Kilosort2Params(), "the method kilosort2")
    curate: CurateParams = setting(CurateParams(), "merges, duplicates, labels")
    units: UnitsParams = setting(UnitsParams(), "how units are measured and labelled")

    @classmethod
    def other_names(cls) -> Mapping[str, str]:
        """List the other names that are accepted: those of earlier versions, Kilosort2 and Kilosort4.

        Returns
        -------
        mapping of str to str
            Full names by other names: "Th_learned" gives "match.threshold".
        """
        return {**super().other_names(), **paths_by_name_in("kilosort2"), **paths_by_name_in("kilosort4")}

    @classmethod
    def unknown_sentence(cls, name: str) -> str:
        """Say that a name is no setting; for one that only Kilosort4 has, say what to do instead.

        Parameters
        ----------
        name : str
            The unknown name.

        Returns
        -------
        str
            A sentence for the user.
        """
        if name in ABSENT_IN_SPIKESIEVE:
            return ABSENT_IN_SPIKESIEVE[name].sentence
        return super().unknown_sentence(name)

    @classmethod
    def changes_nothing(cls, name: str, value: Any) -> bool:
        """Tell whether a Kilosort4 setting without a counterpart has a value with which it changes nothing.

        Parameters
        ----------
        name : str
            The name as it was given.
        value : object
            The value as it was given.

        Returns
        -------
        bool
            True for `nskip=25`.
        """
        return harmless(name, _plain(value))

    @classmethod
    def value_of(cls, name: str, value: Any) -> Any:
        """Convert a value that was given by Kilosort4's name, or as NumPy's number, or as "None".

        Parameters
        ----------
        name : str
            The name as it was given.
        value : object
            The value as it was given.

        Returns
        -------
        object
            What the setting has here: "median" for `do_CAR=True`.
        """
        plain = _plain(value)
        # TOML has no None.
        return None if plain == "None" else value_here(name, plain)

    @classmethod
    def from_kilosort4(cls, settings: Mapping[str, Any]) -> Self:
        """Make settings from a Kilosort4 settings dict.

        Parameters
        ----------
        settings : mapping of str to object
            Values by Kilosort4's names; full names such as "detect.threshold" are accepted as well. The method is
            "kilosort4" unless `method` is given.

        Returns
        -------
        Self
            The settings. Kilosort4 settings without a counterpart are passed over where their value changes nothing
            (`nskip=25`). Arguments of its `run_kilosort` can be among them (`do_CAR`, `bad_channels`).

        Raises
        ------
        SettingsError
            Settings have no counterpart and values that would change something, are unknown, given twice, or wrong: a
            line for each of them.
        """
        return cls().with_values({"method": "kilosort4", **settings}.items())

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """Read settings from a file: TOML, or the JSON that Kilosort4 exports.

        Parameters
        ----------
        path : Path or str
            The file. Settings that it leaves out keep their default. With JSON, the method is "kilosort4" unless the
            file has a `method`.

        Returns
        -------
        Self
            The settings.

        Raises
        ------
        SettingsError
            The file cannot be read or parsed; settings are unknown, given twice, or wrong.
        """
        if Path(path).suffix.lower() != ".json":
            return cls.from_toml(path)
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise SettingsError(
                f"The settings file {path} cannot be read as JSON: {error}. Export it again."
            ) from error
        if not isinstance(content, dict):
            raise SettingsError(f"The settings file {path} has no names with values. Give settings of Kilosort4.")
        return cls.from_kilosort4(content)

    def require_used(self) -> None:
        """Check that no setting was changed that the method does not use.

        Raises
        ------
        SettingsError
            A setting of another method differs from its default.
        """
        wrong = []
        for path, field in fields_by_path().items():
            group, _, name = path.partition(".")
            if not is_used(path, self.method) and getattr(getattr(self, group), name) != field.default:
                wrong.append(
                    f"{path} changes nothing: the method {self.method} does not use it. "
                    f"Leave it out, or choose method={_METHODS_OF[group][0]}."
                )
        if wrong:
            raise SettingsError("\n".join(wrong))

    @classmethod
    def from_kilosort2(cls, ops: Mapping[str, Any]) -> Self:
        """Make settings of the method "kilosort2" from Kilosort2's options.

        Parameters
        ----------
        ops : mapping of str to object
            Options as in Kilosort2's configuration files or in `rez.ops`.

        Returns
        -------
        Self
            The settings.

        Raises
        ------
        SettingsError
            No Kilosort2 has an option of this name, or its value has no counterpart.

        Examples
        --------
        >>> Settings.from_kilosort2({"Th": [10, 4]}).kilosort2.learn_threshold
        10.0
        """
        return cls().with_kilosort2(ops)

    def with_kilosort2(self, ops: Mapping[str, Any]) -> Self:
        """Choose the method "kilosort2" and take over Kilosort2's options.

        Parameters
        ----------
        ops : mapping of str to object
            Options as in Kilosort2's configuration files or in `rez.ops`.

        Returns
        -------
        Self
            New settings; these stay as they are.

        Raises
        ------
        SettingsError
            No Kilosort2 has an option of this name, or its value has no counterpart.
        """
        return self.with_values([("method", "kilosort2"), *values_of_ops(ops)])


@cache
def fields_by_path() -> dict[str, FieldInfo]:
    """List every single setting by its full name, in the order of the stages.

    Returns
    -------
    dict of str to pydantic.fields.FieldInfo
        The declaration of each setting: default, description, bounds.

    Examples
    --------
    >>> fields_by_path()["match.threshold"].default
    8.0
    """
    return Settings.fields_by_path()


def is_used(path: str, method: str) -> bool:
    """Tell whether a method uses a setting.

    Parameters
    ----------
    path : str
        Full name of the setting.
    method : str
        Name of the method.

    Returns
    -------
    bool
        False for settings of a group that only other methods use.

    Examples
    --------
    >>> is_used("match.threshold", "kilosort4"), is_used("match.threshold", "sieve")
    (True, False)
    """
    return method in _METHODS_OF.get(path.partition(".")[0], (method,))


@cache
def paths_by_name_in(sorter: str) -> dict[str, str]:
    """List the settings that another sorter has as well.

    Parameters
    ----------
    sorter : {"kilosort4", "kilosort2"}
        The other sorter.

    Returns
    -------
    dict of str to str
        Full names by the sorter's names.

    Examples
    --------
    >>> paths_by_name_in("kilosort4")["Th_learned"]
    'match.threshold'
    """
    return {name: path for path, field in fields_by_path().items() if (name := name_in(sorter, field))}


def name_in(sorter: str, field: FieldInfo) -> str | None:
    """Return the name that another sorter has for a setting.

    Parameters
    ----------
    sorter : {"kilosort4", "kilosort2"}
        The other sorter.
    field : pydantic.fields.FieldInfo
        Declaration of the setting.

    Returns
    -------
    str or None
        None where that sorter has no such setting.
    """
    extra = field.json_schema_extra
    return str(extra[sorter]) if isinstance(extra, dict) and sorter in extra else None


def _plain(value: Any) -> Any:
    """Python numbers and lists for those of NumPy, known by what they can do: NumPy takes long to import."""
    tolist = getattr(value, "tolist", None)
    return tolist() if callable(tolist) else value
