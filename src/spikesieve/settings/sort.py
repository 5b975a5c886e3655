"""All settings of a sort: one group per stage, read from TOML, `--set name=value`, or a Kilosort4 settings dict."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, Self

import numpy as np
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

METHODS_OF = {
    "cluster": ("sieve", "kilosort4"),
    "templates": ("sieve", "kilosort4"),
    "fit": ("sieve",),
    "refine": ("sieve",),
    "match": ("kilosort4",),
    "kilosort2": ("kilosort2",),
}
"""Groups that not every method uses, and the methods that do."""


class EngineParams(Params):
    """How the recording is cut up for the work."""

    block_samples: int = setting(
        60_000, "longest block that is worked on at once, in samples", kilosort4="batch_size", ge=1_000, le=10_000_000
    )


class Settings(Adjustable):
    """Everything that can be set. `spikesieve settings` prints it with defaults, bounds and Kilosort4's names."""

    method: Literal["sieve", "kilosort4", "kilosort2"] = setting("sieve", "the algorithm")
    engine: EngineParams = setting(EngineParams(), "how the recording is cut up")
    preprocess: PreprocessParams = setting(PreprocessParams(), "from raw to whitened traces")
    shapes: ShapesParams = setting(ShapesParams(), "single-contact shapes, learned from the recording")
    detect: DetectParams = setting(DetectParams(), "the first pass, by universal templates")
    features: FeaturesParams = setting(FeaturesParams(), "what describes a spike")
    motion: MotionParams = setting(MotionParams(), "how far the tissue moved, and what follows it")
    tissue: TissueParams = setting(TissueParams(), "footprints in tissue coordinates")
    cluster: ClusterParams = setting(ClusterParams(), "graph clustering and merge tree")
    templates: TemplatesParams = setting(TemplatesParams(), "from clusters to templates")
    fit: FitParams = setting(FitParams(), "the second pass of the method sieve, by likelihood")
    refine: RefineParams = setting(RefineParams(), "splits, joins and tests of units in the method sieve")
    match: MatchParams = setting(MatchParams(), "the second pass, by learned templates")
    kilosort2: Kilosort2Params = setting(Kilosort2Params(), "what only the method kilosort2 does")
    curate: CurateParams = setting(CurateParams(), "merges, duplicates, labels")
    units: UnitsParams = setting(UnitsParams(), "how units are measured")

    @classmethod
    def other_names(cls) -> Mapping[str, str]:
        """Full names by those of earlier versions, Kilosort2 and Kilosort4: "Th_learned" is "match.threshold"."""
        return {**super().other_names(), **paths_by_name_in("kilosort2"), **paths_by_name_in("kilosort4")}

    @classmethod
    def unknown_sentence(cls, name: str) -> str:
        """What to say about a name that is no setting, Kilosort4's without a counterpart included."""
        if name in ABSENT_IN_SPIKESIEVE:
            return ABSENT_IN_SPIKESIEVE[name].sentence
        return super().unknown_sentence(name)

    @classmethod
    def from_kilosort4(cls, settings: Mapping[str, Any]) -> Self:
        """Settings from a Kilosort4 settings dict; own names ("match.threshold") are understood as well.

        The method is "kilosort4" unless `method` is among them. Kilosort4 settings that have no place here are ignored
        where their value changes nothing (`nskip=25`).
        Raises SettingsError, with what to do instead, where it would, and for unknown or wrong settings.
        """
        given = {name: _plain(value) for name, value in settings.items() if not harmless(name, value)}
        return cls().with_values({"method": "kilosort4", **given}.items())

    def require_used(self) -> None:
        """Raises SettingsError when a setting that the method does not look at was changed from its default."""
        unused = [group for group, methods in METHODS_OF.items() if self.method not in methods]
        for path, field in fields_by_path().items():
            group, _, name = path.partition(".")
            if group in unused and getattr(getattr(self, group), name) != field.default:
                raise SettingsError(
                    f"{path} changes nothing: the method {self.method} does not use it. "
                    f"Leave it out, or choose method={METHODS_OF[group][0]}."
                )

    @classmethod
    def from_kilosort2(cls, ops: Mapping[str, Any]) -> Self:
        """Settings of the method "kilosort2" from its options: a dict as in its configuration files, or `rez.ops`.

        Raises SettingsError for names that no Kilosort2 has, and where a value has no counterpart.
        """
        return cls().with_kilosort2(ops)

    def with_kilosort2(self, ops: Mapping[str, Any]) -> Self:
        """These settings with the method "kilosort2" and what its options say; errors as `from_kilosort2`."""
        return self.with_values([("method", "kilosort2"), *values_of_ops(ops)])


@cache
def fields_by_path() -> dict[str, FieldInfo]:
    """Every single setting by its full name, "match.threshold", in the order of the stages."""
    return Settings.fields_by_path()


@cache
def paths_by_name_in(sorter: str) -> dict[str, str]:
    """Full name of every setting that "kilosort4" or "kilosort2" knows, by its name there."""
    return {name: path for path, field in fields_by_path().items() if (name := name_in(sorter, field))}


def name_in(sorter: str, field: FieldInfo) -> str | None:
    """What "kilosort4" or "kilosort2" calls a setting, or None."""
    extra = field.json_schema_extra
    return str(extra[sorter]) if isinstance(extra, dict) and sorter in extra else None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
