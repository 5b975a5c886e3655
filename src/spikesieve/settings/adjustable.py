"""The base of parameter models that users change by name: overrides, files and sentences for what is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.fields import FieldInfo

from spikesieve.errors import SettingsError
from spikesieve.settings.params import Params, old_name
from spikesieve.settings.sentences import out_of_range, unknown


class Adjustable(Params):
    """Parameters, single ones and groups of them, whose every single one has a full name such as "match.threshold"."""

    listed_by: ClassVar[str] = "The command `spikesieve settings`"

    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Turns what pydantic finds into sentences: SettingsError, one line for each setting that is wrong."""
        try:
            return handler(data)
        except ValidationError as error:
            lines = [_sentence(cls, item["loc"], item["input"], item.get("ctx", {})) for item in error.errors()]
            raise SettingsError("\n".join(dict.fromkeys(lines))) from error

    @classmethod
    def fields_by_path(cls) -> dict[str, FieldInfo]:
        """Every single setting by its full name, in the order of the groups."""
        found: dict[str, FieldInfo] = {}
        for name, field in cls.model_fields.items():
            group = field.annotation
            if isinstance(group, type) and issubclass(group, Params):
                found |= {f"{name}.{inner}": info for inner, info in group.model_fields.items()}
            else:
                found[name] = field
        return found

    @classmethod
    def other_names(cls) -> Mapping[str, str]:
        """Full names by the other names that are accepted: those of earlier versions."""
        found = {}
        for path, field in cls.fields_by_path().items():
            group, dot, _ = path.rpartition(".")
            if (old := old_name(field)) is not None:
                found[f"{group}{dot}{old}"] = path
        return found

    @classmethod
    def unknown_sentence(cls, name: str) -> str:
        """What to say about a name that is no setting."""
        descriptions = {path: str(field.description) for path, field in cls.fields_by_path().items()}
        return unknown(name, descriptions, cls.other_names(), cls.listed_by)

    @classmethod
    def from_toml(cls, path: Path | str) -> Self:
        """Settings from a TOML file: a table per group, other names at the top. What it leaves out is default.

        Raises SettingsError for a file that cannot be read or parsed, and for unknown, doubled or wrong settings.
        """
        try:
            tree = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"The settings file {path} is not valid TOML: {error}. Correct that line.") from error
        except OSError as error:
            raise SettingsError(
                f"The settings file {path} cannot be read: {error.strerror}. Check its name."
            ) from error
        except UnicodeDecodeError as error:
            raise SettingsError(f"The settings file {path} is not UTF-8 text: {error}. Save it as UTF-8.") from error
        return cls().with_values(_flat(tree))

    def with_overrides(self, overrides: Sequence[str]) -> Self:
        """These settings with some replaced, each written as "match.threshold=8"; the last one of a name wins.

        Values are TOML literals; a bare word is a text. Raises SettingsError for unknown or wrong settings.
        """
        changed = self
        for text in overrides:
            name, equals, value = text.partition("=")
            if not equals or not value.strip():
                raise SettingsError(f"The setting {text!r} has no value. Write name=value, such as match.threshold=8.")
            changed = changed.with_values([(name.strip(), _literal(value.strip()))])
        return changed

    def with_values(self, changes: Iterable[tuple[str, Any]]) -> Self:
        """These settings with the named ones replaced. Raises SettingsError for unknown, doubled or wrong ones."""
        given: dict[str, str] = {}
        tree = self.model_dump()
        for name, value in changes:
            path = self._path(name)
            if path in given:
                raise SettingsError(f"The setting {path} is given twice, as {given[path]} and as {name}. Remove one.")
            given[path] = name
            group, _, field = path.rpartition(".")
            (tree[group] if group else tree)[field] = value
        return type(self).model_validate(tree, strict=True)

    @classmethod
    def _path(cls, name: str) -> str:
        path = cls.other_names().get(name, name)
        if path not in cls.fields_by_path():
            raise SettingsError(cls.unknown_sentence(name))
        return path


def _sentence(kind: type[Adjustable], place: tuple[int | str, ...], value: Any, context: Mapping[str, Any]) -> str:
    path = ".".join(map(str, place))
    field = kind.fields_by_path().get(path)
    if field is not None:
        return out_of_range(path, field, value)
    # Without a field of its own it is either a name too many, or a rule about several fields, in words of its own.
    return f"{context['error']}" if "error" in context else kind.unknown_sentence(path)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _literal(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
