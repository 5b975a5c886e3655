"""Two curators of one sorting: each way in which they can differ is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesieve.curation.actions import Membership, Merge, Remove, SetLabel, Split, after
from spikesieve.curation.agreement import agreement_sentence, compare_curations
from spikesieve.errors import InputError
from spikesieve.model import Label

UNIT = np.repeat(np.arange(6), 100)
BEFORE = Membership.of_spikes(UNIT, range(6), 6)


def test_every_difference_is_named() -> None:
    halves, some = np.arange(100) % 2, (np.arange(100) < 5).astype(np.int64)
    first = after(BEFORE, [SetLabel(0, Label.GOOD), SetLabel(5, Label.MUA), Remove(4)])
    second = after(
        BEFORE,
        [SetLabel(0, Label.MUA), SetLabel(5, Label.MUA), Merge((1, 2), 6), Split(3, halves, (7, 8))],
    )
    found = {one.a: one for one in compare_curations(first, second)}
    assert found[0].has_same_spikes
    assert not found[0].agrees
    assert found[1].what == "together with 2 in the second"
    assert found[2].what == "together with 1 in the second"
    assert found[3].what == "parted in the second: 7, 8"
    assert found[5].agrees
    assert (found[None].b, found[None].what) == (4, "discarded by the first")
    back = {one.a: one.what for one in compare_curations(second, first)}
    assert back == {
        0: "the same spikes",
        4: "discarded by the second",
        5: "the same spikes",
        6: "parted in the second: 1, 2",
        7: "together with 8 in the second",
        8: "together with 7 in the second",
    }
    assert agreement_sentence(compare_curations(first, second)) == (
        "2 of 6 units have the same spikes for both. Both labelled 2 of these, 1 of them alike."
    )
    cleaned = after(BEFORE, [Split(3, some, (7, 8)), Remove(8)])
    assert {one.a: one.what for one in compare_curations(BEFORE, cleaned)}[3] == "95% of the spikes in common"


def test_a_curator_agrees_with_himself() -> None:
    assert all(one.agrees for one in compare_curations(BEFORE, BEFORE))


def test_other_spikes_are_refused() -> None:
    with pytest.raises(InputError, match="not of one result"):
        compare_curations(BEFORE, replace(BEFORE, n_spikes=7))
