"""All settings of a sort: one group for each stage, from TOML, `--set name=value` or a Kilosort4 settings dict."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, Self

from pydantic.fields import FieldInfo

from spikesieve.errors import SettingsError
from spikesieve.settings.adjustable import Adjustable
from spikesieve.settings.cluster import ClusterParams
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.detect import DetectParams
from spikesieve.settings.features import FeaturesParams
from spikesieve.settings.fit import FitParams
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.settings.kilosort2_ops import values_of_ops
from spikesieve.settings.match import MatchParams
from spikesieve.settings.motion import MotionParams
from spikesieve.settings.params import Params, setting
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.settings.refine import RefineParams
from spikesieve.settings.sentences import ABSENT_IN_SPIKESIEVE, harmless
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
    engine, preprocess, shapes, detect, features, motion, tissue, cluster, templates, fit, refine, match : Params
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
            The settings. Kilosort4 settings without a counterpart are ignored where their value changes nothing
            (`nskip=25`).

        Raises
        ------
        SettingsError
            A setting has no counterpart and its value would change something; it is unknown, given twice, or wrong.
        """
        given = {name: _plain(value) for name, value in settings.items() if not harmless(name, value)}
        return cls().with_values({"method": "kilosort4", **given}.items())

    def require_used(self) -> None:
        """Check that no setting was changed that the method does not use.

        Raises
        ------
        SettingsError
            A setting of another method differs from its default.
        """
        unused = [group for group, methods in _METHODS_OF.items() if self.method not in methods]
        for path, field in fields_by_path().items():
            group, _, name = path.partition(".")
            if group in unused and getattr(getattr(self, group), name) != field.default:
                raise SettingsError(
                    f"{path} changes nothing: the method {self.method} does not use it. "
                    f"Leave it out, or choose method={_METHODS_OF[group][0]}."
                )

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
    """A Python number for a NumPy one, which is known by what it can do: NumPy takes long to import."""
    is_number = getattr(value, "ndim", None) == 0 and callable(getattr(value, "item", None))
    return value.item() if is_number else value
