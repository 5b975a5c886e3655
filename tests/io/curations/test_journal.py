"""A journal keeps what was acknowledged, whatever happens to the machine, and says what it cannot keep."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikesieve.curation.actions import Membership, Merge, Remove, SetLabel, SetText, Split
from spikesieve.curation.history import Entry, GoBack, History, Redo, Reject, Step, Undo, replay
from spikesieve.errors import InputError, InUseError, OutputError
from spikesieve.io.curations.entries import entry_facts, entry_of
from spikesieve.io.curations.journal import JOURNAL, SPLITS, TORN, Journal, read_journal
from spikesieve.model import Label

RESULT = {"n_spikes": 7}
UNITS = Membership.of_spikes(np.array([0, 1, 0, 2, 3, 1, 0]), (0, 1, 2, 3), 4)
PART = np.array([0, 1, 1])
DEEDS = (
    Step("merge", (Merge((1, 2), 4),)),
    Step("split", (Split(0, PART, (5, 6)),)),
    Step("label", (SetLabel(5, Label.GOOD), SetLabel(3, Label.NOISE))),
    Undo(),
    Redo(),
    Step("text", (SetText(3, "note", "two ä — cells"),)),
    Step("reject", (), (Reject((3, 4)),)),
    GoBack(1),
    Step("discard", (Remove(3),)),
)


def entries() -> list[Entry]:
    return [Entry(n, "2026-01-01T00:00:00+00:00", "me", deed, f"page-{n}") for n, deed in enumerate(DEEDS, 1)]


def write(folder: Path, some: list[Entry]) -> None:
    with Journal(folder, RESULT) as journal:
        for entry in some:
            journal.append(entry)


def same(one: History, other: History) -> bool:
    ours, theirs = one.units, other.units
    rows = {unit: rows.tolist() for unit, rows in ours.rows.items()}
    return (rows, ours.labels, ours.texts, one.now.rejected, one.place, one.next_unit) == (
        {unit: rows.tolist() for unit, rows in theirs.rows.items()},
        theirs.labels,
        theirs.texts,
        other.now.rejected,
        other.place,
        other.next_unit,
    )


def test_entries_come_back_as_they_were(tmp_path: Path) -> None:
    write(tmp_path, entries())
    found = read_journal(tmp_path, RESULT).entries
    assert same(replay(UNITS, found), replay(UNITS, entries()))
    assert [e.request for e in found] == [e.request for e in entries()]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 10_000), more=st.integers(0, 3))
def test_a_journal_cut_anywhere_goes_on_from_its_last_whole_entry(
    tmp_path_factory: pytest.TempPathFactory, cut: int, more: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    write(folder, entries())
    path = folder / JOURNAL
    content = path.read_bytes()
    cut %= len(content) + 1
    path.write_bytes(content[:cut])
    n_whole = max(0, content[:cut].count(b"\n") - 1)
    with Journal(folder, RESULT) as journal:
        assert len(journal.found.entries) == n_whole
        for entry in entries()[n_whole : n_whole + more]:
            journal.append(entry)
    torn = content[:cut][content[:cut].rfind(b"\n") + 1 :]
    assert b"".join(p.read_bytes() for p in sorted(folder.glob(f"{TORN}.*"))) == torn
    again = read_journal(folder, RESULT)
    assert again.torn == b""
    assert same(replay(UNITS, again.entries), replay(UNITS, entries()[: n_whole + more]))


def test_a_changed_byte_ends_the_journal_there(tmp_path: Path) -> None:
    write(tmp_path, entries())
    path = tmp_path / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"label", b"lebal")
    path.write_bytes(b"".join(lines))
    found = read_journal(tmp_path, RESULT)
    assert len(found.entries) == 2
    assert found.torn == b"".join(lines[3:])


def test_a_lost_line_is_noticed(tmp_path: Path) -> None:
    write(tmp_path, entries())
    path = tmp_path / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    assert len(read_journal(tmp_path, RESULT).entries) == 2


@pytest.mark.parametrize("damage", ["changed", "lost"])
def test_damaged_parts_of_a_split_are_a_sentence(tmp_path: Path, damage: str) -> None:
    write(tmp_path, entries())
    (split,) = (tmp_path / SPLITS).iterdir()
    if damage == "lost":
        split.unlink()
    else:
        split.write_bytes(split.read_bytes()[:-1] + b"\7")
    with pytest.raises(InputError, match="Entry 2"):
        read_journal(tmp_path, RESULT)


def test_the_journal_of_another_result_is_refused(tmp_path: Path) -> None:
    write(tmp_path, entries()[:1])
    with pytest.raises(InputError, match="another result"):
        read_journal(tmp_path, {"n_spikes": 8})


def test_two_cannot_write_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path, RESULT), pytest.raises(InUseError, match="--read-only"):
        Journal(tmp_path, RESULT).__enter__()
    with Journal(tmp_path, RESULT):
        pass


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = entries()[:2]
    with Journal(tmp_path, RESULT) as journal:
        journal.append(first)
        before = (tmp_path / JOURNAL).read_bytes()
        real = os.write

        def half(file: int, content: bytes) -> int:
            real(file, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half)
            with pytest.raises(OutputError, match="No space left"):
                journal.append(second)
        assert (tmp_path / JOURNAL).read_bytes() == before
        journal.append(second)
    assert len(read_journal(tmp_path, RESULT).entries) == 2


def test_an_entry_reaches_the_disk_before_it_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    with Journal(tmp_path, RESULT) as journal:
        real = os.fsync

        def sync(file: int) -> None:
            real(file)
            synced.append((tmp_path / JOURNAL).read_bytes())

        monkeypatch.setattr(os, "fsync", sync)
        for entry in entries()[:3]:
            journal.append(entry)
            assert synced[-1] == (tmp_path / JOURNAL).read_bytes()


@pytest.mark.parametrize(
    "facts",
    [
        {"do": "merge"},
        {"n": 1, "t": "", "who": "", "do": "merge", "actions": [{"do": "fly"}]},
        {"n": 1, "t": "", "who": "", "do": "merge", "actions": [{"do": "merge", "units": 3, "new": 4}]},
        {"n": 1, "t": "", "who": "", "do": "undo", "more": 3},
    ],
)
def test_what_is_no_entry_is_refused(facts: dict) -> None:
    with pytest.raises(ValueError, match=r"."):
        entry_of(facts, lambda parts: PART)


def test_every_deed_can_be_written() -> None:
    for entry in entries():
        again = entry_of(entry_facts(entry, lambda part: {"file": "x"}), lambda parts: PART)
        assert again.number == entry.number
        assert type(again.deed) is type(entry.deed)
