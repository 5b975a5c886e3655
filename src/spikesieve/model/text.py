"""How the classes of the model describe themselves in a line."""

from __future__ import annotations


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
