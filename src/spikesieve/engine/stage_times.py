"""The stages of a run until now, and how long each took."""

from __future__ import annotations

import time
from typing import Any


class StageTimes:
    """Notes what is reported of the progress of a run.

    Attributes
    ----------
    stages : list of dict
        In order: `name`, when it began (`began_s`, since 1970), `done` of `total`, and the `seconds` until then.
    """

    def __init__(self) -> None:
        self.stages: list[dict[str, Any]] = []

    def note(self, stage: str, done: int, total: int) -> bool:
        """Note how far a stage is.

        Parameters
        ----------
        stage : str
            Its name.
        done, total : int
            Pieces of work that are done, and all.

        Returns
        -------
        bool
            Whether it has just begun.

        Examples
        --------
        >>> times = StageTimes()
        >>> times.note("match", 0, 5), times.note("match", 5, 5), times.note("match", 0, 5)
        (True, False, True)
        """
        now_s = time.time()
        known = next((one for one in reversed(self.stages) if one["name"] == stage), None)
        is_new = known is None or (done == 0 and known["done"] > 0)
        if known is None or is_new:
            known = {"name": stage, "began_s": now_s}
            self.stages.append(known)
        known |= {"done": done, "total": total, "seconds": now_s - known["began_s"]}
        return is_new
