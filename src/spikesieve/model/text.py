"""Numbers, lengths of time and speeds in words."""

from __future__ import annotations

import math
from collections.abc import Iterable

MAX_SECONDS = 600.0
"""Longer times are told in minutes and hours."""


def counted(n: int, noun: str) -> str:
    """Put a number and a noun together, with a plural s where one is needed.

    Parameters
    ----------
    n : int
        The number.
    noun : str
        The noun in the singular; its plural ends in s.

    Returns
    -------
    str
        Such as "1 shank" or "384 contacts".

    Examples
    --------
    >>> counted(1, "shank"), counted(1200, "spike")
    ('1 shank', '1,200 spikes')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def named(noun: str, names: Iterable[object]) -> str:
    """Put a noun before names or numbers, with a plural s where there are several.

    Parameters
    ----------
    noun : str
        The noun in the singular; its plural ends in s.
    names : iterable of object
        Names or numbers.

    Returns
    -------
    str
        Such as "channel 10" or "Shanks 0, 2".

    Examples
    --------
    >>> named("channel", [10]), named("Shank", [0, 2])
    ('channel 10', 'Shanks 0, 2')
    """
    each = [str(name) for name in names]
    return f"{noun if len(each) == 1 else noun + 's'} {', '.join(each)}"


def one_or_more(n: int, one: str, more: str) -> str:
    """Choose the words of a number of things.

    Parameters
    ----------
    n : int
        How many.
    one, more : str
        The words for one, and those for none or several.

    Returns
    -------
    str
        One of them.

    Examples
    --------
    >>> one_or_more(1, "was", "were"), one_or_more(2, "was", "were")
    ('was', 'were')
    """
    return one if n == 1 else more


def duration_text(seconds: float) -> str:
    """Write a duration in plain words.

    Parameters
    ----------
    seconds : float
        Duration in s.

    Returns
    -------
    str
        Such as "12.3 s", "4 min 05 s", "2 h 07 min".

    Examples
    --------
    >>> duration_text(245.9)
    '4 min 05 s'
    """
    if seconds < 100:
        return f"{seconds:.3g} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {math.floor(seconds % 60):02d} s"
    return f"{seconds // 3600:.0f} h {math.floor(seconds % 3600 / 60):02d} min"


def time_sentence(took_s: float, recording_s: float) -> str:
    """Say how long the work on a recording took.

    Parameters
    ----------
    took_s : float
        Time that passed, in s.
    recording_s : float
        Length of the recording in s.

    Returns
    -------
    str
        Both, and their ratio.

    Examples
    --------
    >>> time_sentence(145.2, 60.0)
    '145 s for 60 s of recording, 2.4 times as long as it lasts'
    >>> time_sentence(1500.0, 7620.0)
    '25 min 00 s for 2 h 07 min of recording, 0.2 times as long as it lasts'
    """
    took, length = (f"{s:.3g} s" if s <= MAX_SECONDS else duration_text(s) for s in (took_s, recording_s))
    ratio = float(f"{took_s / recording_s:.2g}") if recording_s else math.inf
    return f"{took} for {length} of recording, {ratio:g} times as long as it lasts"


def interval(text: str) -> tuple[float, float]:
    """Read a time interval.

    Parameters
    ----------
    text : str
        "START:END" in seconds; an empty side means the start or the end of the recording.

    Returns
    -------
    tuple of float
        Start and end in s.

    Raises
    ------
    ValueError
        The text is not an interval; the message says what is.

    Examples
    --------
    >>> interval("10:60"), interval("5:")
    ((10.0, 60.0), (5.0, inf))
    """
    start, colon, end = text.partition(":")
    try:
        if not colon:
            raise ValueError(text)
        return float(start or 0), float(end or "inf")
    except ValueError as error:
        raise ValueError(f"{text!r} is not an interval in seconds. Write START:END, such as 10:60.") from error
