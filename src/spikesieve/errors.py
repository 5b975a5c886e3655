"""Every error that spikesieve raises on purpose.

SpikesieveError
├── InputError       a file, probe or recording cannot be used as given
├── SettingsError    a setting is unknown, of the wrong type or out of range
├── EndedEarlyError  a sort ended where it was asked to
├── OutOfMemoryError the machine has not enough memory
└── OutputError      the result cannot be written where it was asked for
    └── InUseError   another process works in the folder

A message is a sentence or two: which input, what was found, what is needed, what to do.
The command line prints it and exits with status 2.
"""

from __future__ import annotations


class SpikesieveError(Exception):
    """Base of all errors that a user can act on.

    Examples
    --------
    >>> from spikesieve import read_probe
    >>> try:
    ...     read_probe("nowhere.prb")
    ... except SpikesieveError as error:
    ...     print(error)
    The probe file nowhere.prb does not exist. Check its name and folder.
    """


class InputError(SpikesieveError):
    """A file, probe or recording cannot be used as given."""


class SettingsError(SpikesieveError):
    """A setting is unknown, of the wrong type or out of range."""


class OutputError(SpikesieveError):
    """The result cannot be written where it was asked for."""


class InUseError(OutputError):
    """Another process works in the folder."""


class EndedEarlyError(SpikesieveError):
    """A sort ended after the step that was asked for."""


class OutOfMemoryError(SpikesieveError):
    """There is not enough memory, even for a single worker and short blocks."""
