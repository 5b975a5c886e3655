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
    """Parameters, alone or in groups, each with a full name such as "match.threshold".

    Attributes
    ----------
    listed_by : str
        What to look at for a list of all names; part of a sentence.
    """

    listed_by: ClassVar[str] = "The command `spikesieve settings`"

    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Turn pydantic's errors into a SettingsError, one line for each wrong setting."""
        try:
            return handler(data)
        except ValidationError as error:
            lines = [_sentence(cls, item["loc"], item["input"], item.get("ctx", {})) for item in error.errors()]
            raise SettingsError("\n".join(dict.fromkeys(lines))) from error

    @classmethod
    def fields_by_path(cls) -> dict[str, FieldInfo]:
        """List every single setting by its full name, in the order of the groups.

        Returns
        -------
        dict of str to pydantic.fields.FieldInfo
            The declaration of each setting: default, description, bounds.
        """
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
        """List the other names that are accepted: those of earlier versions.

        Returns
        -------
        mapping of str to str
            Full names of settings by their other names.
        """
        found = {}
        for path, field in cls.fields_by_path().items():
            group, dot, _ = path.rpartition(".")
            if (old := old_name(field)) is not None:
                found[f"{group}{dot}{old}"] = path
        return found

    @classmethod
    def unknown_sentence(cls, name: str) -> str:
        """Say that a name is no setting, and which one was probably meant.

        Parameters
        ----------
        name : str
            The unknown name.

        Returns
        -------
        str
            A sentence for the user.
        """
        descriptions = {path: str(field.description) for path, field in cls.fields_by_path().items()}
        return unknown(name, descriptions, cls.other_names(), cls.listed_by)

    @classmethod
    def from_toml(cls, path: Path | str) -> Self:
        """Read settings from a TOML file: one table for each group, other names at the top.

        Parameters
        ----------
        path : Path or str
            The file. Settings that it leaves out keep their default.

        Returns
        -------
        Self
            The settings.

        Raises
        ------
        SettingsError
            The file cannot be read or parsed; a setting is unknown, given twice, or wrong.
        """
        try:
            tree = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise SettingsError(f"The settings file {path} is not valid TOML: {error}. Correct that line.") from error
        except OSError as error:
            raise SettingsError(
                f"The settings file {path} cannot be read: {error.strerror}. Check its name."
            ) from error
        except UnicodeDecodeError as error:
            raise SettingsError(f"The settings file {path} is not UTF-8 text: {error}. Save it as UTF-8.") from error
        return cls().with_values(_flat(tree))

    def with_overrides(self, overrides: Sequence[str]) -> Self:
        """Replace settings given as text, such as "detect.threshold=8".

        Parameters
        ----------
        overrides : sequence of str
            "name=value" each. Values are written as in TOML; a bare word is a text. The last one of a name wins.

        Returns
        -------
        Self
            New settings; these stay as they are.

        Raises
        ------
        SettingsError
            A setting is unknown or wrong, or has no value.

        Examples
        --------
        >>> from spikesieve.settings import Settings
        >>> settings = Settings().with_overrides(["detect.threshold=8", "preprocess.bad_contacts=keep"])
        >>> settings.detect.threshold, settings.preprocess.bad_contacts
        (8.0, 'keep')
        """
        changed = self
        for text in overrides:
            name, equals, value = text.partition("=")
            if not equals or not value.strip():
                raise SettingsError(f"The setting {text!r} has no value. Write name=value, such as detect.threshold=8.")
            changed = changed.with_values([(name.strip(), _literal(value.strip()))])
        return changed

    def with_values(self, changes: Iterable[tuple[str, Any]]) -> Self:
        """Replace settings given by name and value.

        Parameters
        ----------
        changes : iterable of (str, object)
            Full or other names, and the new values, of the right type.

        Returns
        -------
        Self
            New settings; these stay as they are.

        Raises
        ------
        SettingsError
            Settings are unknown, given twice, or wrong: a line for each of them.

        Examples
        --------
        >>> from spikesieve.settings import Settings
        >>> Settings().with_values([("Th_universal", 8)]).detect.threshold
        8.0
        """
        given: dict[str, str] = {}
        tree, wrong = self.model_dump(), []
        for name, value in changes:
            path = self.other_names().get(name, name)
            if self.changes_nothing(name, value):
                continue
            if path not in self.fields_by_path():
                wrong.append(self.unknown_sentence(name))
            elif path in given:
                wrong.append(f"The setting {path} is given twice, as {given[path]} and as {name}. Remove one.")
            else:
                given[path] = name
                group, _, field = path.rpartition(".")
                (tree[group] if group else tree)[field] = self.value_of(name, value)
        try:
            changed = type(self).model_validate(tree, strict=True)
        except SettingsError as error:
            wrong += str(error).splitlines()
        if wrong:
            raise SettingsError("\n".join(wrong))
        return changed

    @classmethod
    def changes_nothing(cls, name: str, value: Any) -> bool:
        """Tell whether a value can be passed over: that of another program, for what there is no setting here.

        Parameters
        ----------
        name : str
            The name as it was given.
        value : object
            The value as it was given.

        Returns
        -------
        bool
            True: pass it over.
        """
        return False

    @classmethod
    def value_of(cls, name: str, value: Any) -> Any:
        """Convert a value that was given by a name of another program.

        Parameters
        ----------
        name : str
            The name as it was given.
        value : object
            The value as it was given.

        Returns
        -------
        object
            What the setting has here.
        """
        return value


def _sentence(kind: type[Adjustable], place: tuple[int | str, ...], value: Any, context: Mapping[str, Any]) -> str:
    # Of a list, the place of a wrong element follows that of the setting.
    ends = [".".join(map(str, place[:n])) for n in range(len(place), 0, -1)]
    path = next((end for end in ends if end in kind.fields_by_path()), ends[0] if ends else "")
    field = kind.fields_by_path().get(path)
    if field is not None:
        return out_of_range(path, field, value)
    # A place that is no single setting: a rule about several of them failed, or the name is unknown.
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
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
