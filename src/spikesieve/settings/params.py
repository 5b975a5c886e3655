"""The base of every parameter model: frozen, strict about names, one description a field."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Params(BaseModel):
    """Frozen parameters of one stage. Unknown names are errors; `Settings` turns them into a sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def setting(
    default: Any, description: str, *, kilosort4: str | None = None, kilosort2: str | None = None, **bounds: Any
) -> Any:
    """A field with a default, one line of description, bounds and, where it has one, its name in Kilosort4 or 2.

    The Kilosort4 name makes `--set Th_learned=8` and a Kilosort4 settings dict work unchanged; Kilosort2's the same.
    """
    names = {"kilosort4": kilosort4, "kilosort2": kilosort2}
    extra: dict[str, Any] = {sorter: name for sorter, name in names.items() if name}
    return Field(default, description=description, json_schema_extra=extra or None, **bounds)
