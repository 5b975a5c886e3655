"""The base of every parameter model: frozen, strict about names, one description a field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo


class Params(BaseModel):
    """Frozen parameters of one stage. Unknown names are errors; `Settings` turns them into a sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _rename_old(cls, data: Any) -> Any:
        """Accept the names that fields had in earlier versions."""
        if not isinstance(data, Mapping):
            return data
        renamed = dict(data)
        for name, field in cls.model_fields.items():
            old = old_name(field)
            if old is not None and old in renamed:
                if name in renamed:
                    raise ValueError(f"The setting {name} is given twice, as {old} and as {name}. Remove one.")
                renamed[name] = renamed.pop(old)
        return renamed


def setting(
    default: Any,
    description: str,
    *,
    old_name: str | None = None,
    kilosort4: str | None = None,
    kilosort2: str | None = None,
    **bounds: Any,
) -> Any:
    """Declare a field of a parameter model.

    Parameters
    ----------
    default : object
        The default value.
    description : str
        One line for the user.
    old_name : str, optional
        The field's name in an earlier version, still accepted wherever the name can be given.
    kilosort4, kilosort2 : str, optional
        The setting's name in Kilosort4 or Kilosort2, accepted in the same places: `--set Th_learned=8`.
    **bounds : int or float
        `gt`, `ge`, `lt`, `le`: the values that are allowed.

    Returns
    -------
    pydantic.fields.FieldInfo
        Typed as Any so that a field of any type can be declared with it.
    """
    names = {"old_name": old_name, "kilosort4": kilosort4, "kilosort2": kilosort2}
    extra: dict[str, Any] = {key: name for key, name in names.items() if name}
    return Field(default, description=description, json_schema_extra=extra or None, **bounds)


def old_name(field: FieldInfo) -> str | None:
    """Return the name that a field had in an earlier version.

    Parameters
    ----------
    field : pydantic.fields.FieldInfo
        A field made by `setting`.

    Returns
    -------
    str or None
        None where the name never changed.
    """
    extra = field.json_schema_extra
    return str(extra["old_name"]) if isinstance(extra, dict) and "old_name" in extra else None
