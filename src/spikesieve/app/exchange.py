"""What the page exchanges with other programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Exchange:
    """What the page exchanges with other programs.

    Attributes
    ----------
    exports : mapping of str to callable
        What can be exported, by name: each writes it and returns a sentence.
    read_text : callable or None
        Takes in the name and the text of a curation file, and returns a sentence.
    elsewhere : callable
        Says what another program changed meanwhile; None if nothing.
    """

    exports: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    read_text: Callable[[str, str], str] | None = None
    elsewhere: Callable[[], str | None] = lambda: None
