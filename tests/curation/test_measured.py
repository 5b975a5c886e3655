"""The metrics of one changed unit are those that the whole sorting gets when it is computed again."""

from __future__ import annotations

import threading
from dataclasses import fields, replace

import numpy as np
import pytest
from make_sorting import make_sorting

from spikesieve.api.result_to_show import of_sorting
from spikesieve.app.decisions import Asked
from spikesieve.app.describer import Describer
from spikesieve.app.session import Session
from spikesieve.curation import measured
from spikesieve.curation.actions import Merge, Split
from spikesieve.curation.history import History
from spikesieve.curation.recompute import curated
from spikesieve.metrics.isolation import Isolation
from spikesieve.metrics.spike_times import synchrony, synchrony_of_train
from spikesieve.model import Sorting, Spikes, UnitMetrics
from spikesieve.stages.unit_metrics import unit_metrics

SORTING = make_sorting(8, 4000, duration_s=60.0)
SORTING = replace(SORTING, metrics=unit_metrics(SORTING))
SMALL, LARGER = (0, 7), 2
"""Neighbours by the size of their waveforms."""
AT_RANDOM = {*Isolation._fields, "sd_ratio"}
"""They rest on some spikes, chosen at random."""


@pytest.fixture
def session() -> Session:
    result = of_sorting(SORTING, "made-up")
    return Session(result, History.of(result.units), lambda entry: None)


def described_in_background(session: Session) -> list[dict[str, object]]:
    told = list[dict[str, object]]()
    describer = Describer(session, lambda rows: told.extend(rows["described"]))
    describer._describe_all()
    return told


def decide(session: Session, do: str, **more: object) -> list[int]:
    seq = len(session.history.entries)
    new: list[int] = session.decide(Asked(do=do, seq=seq, request=str(seq), **more))["new"]  # type: ignore[arg-type]
    return new


def same(found: UnitMetrics, expected: UnitMetrics) -> None:
    for name in {column.name for column in fields(UnitMetrics)} - AT_RANDOM:
        value, wanted = getattr(found, name), getattr(expected, name)
        if isinstance(wanted, float):
            assert value == pytest.approx(wanted, rel=1e-4, abs=1e-4), name
        else:
            assert value == wanted, name
    assert found.sd_ratio == pytest.approx(expected.sd_ratio, rel=0.05)


def test_a_merged_unit_is_measured_as_by_the_whole(session: Session) -> None:
    (new,) = decide(session, "merge", units=[2, 3])
    assert session.descriptions.metrics(new) is None
    described_in_background(session)
    whole = curated(SORTING, [Merge((2, 3), new)])
    expected = next(row for row in whole.metrics if row.unit == new)
    found = session.descriptions.metrics(new)
    assert found is not None
    same(found, expected)


def test_the_halves_of_a_split_are_measured_as_by_the_whole(session: Session) -> None:
    mask = np.random.default_rng(0).random(len(session.rows(4))) < 0.4
    whole = curated(SORTING, [Split(4, mask.astype(np.int64), (8, 9))])
    expected = {row.unit: row for row in whole.metrics}
    rows = {8: session.rows(4)[~mask], 9: session.rows(4)[mask]}
    for unit, own in rows.items():
        session._rows[unit] = own
        session.descriptions.measure(unit, session.near(unit, tuple(set(range(8)) - {4})))
        found = session.descriptions.metrics(unit)
        assert found is not None
        same(found, expected[unit])


def test_echoes_of_a_changed_unit_are_found_as_by_the_whole() -> None:
    sorting = with_echoes(SORTING)
    result = of_sorting(sorting, "echoes")
    session = Session(result, History.of(result.units), lambda entry: None)
    (new,) = decide(session, "merge", units=list(SMALL))
    described_in_background(session)
    expected = next(row for row in curated(sorting, [Merge(SMALL, new)]).units if row.unit == new)
    row = session.table_row(new)
    assert expected.echo_unit is not None
    assert (row["echo_unit"], row["echo_lag_ms"]) == (expected.echo_unit, expected.echo_lag_ms)
    assert row["echo_share"] == pytest.approx(expected.echo_share, rel=1e-5)
    assert row["automatic"] == str(expected.label)


def with_echoes(sorting: Sorting) -> Sorting:
    """Each spike of the small units comes 1 ms after one of a larger neighbour."""
    spikes = sorting.spikes
    sample, own = spikes.sample.copy(), np.isin(spikes.unit, SMALL)
    source = spikes.sample[spikes.unit == LARGER]
    sample[own] = np.random.default_rng(0).choice(source, own.sum()) + 30
    order = np.lexsort((spikes.unit, sample))
    columns = {name: np.asarray(getattr(spikes, name))[order] for name in vars(spikes) if name != "sample"}
    return replace(sorting, spikes=Spikes(sample=sample[order], **columns))


def test_the_page_is_told_and_units_that_did_not_change_keep_what_the_file_says(session: Session) -> None:
    (new,) = decide(session, "merge", units=[0, 1])
    (row,) = described_in_background(session)
    assert (row["unit"], row["n_spikes"]) == (new, len(session.rows(new)))
    assert row["cell_type"]
    assert "cell_type" not in session.table_row(5)
    assert session.descriptions.metrics(5) is SORTING.metrics[5]
    assert described_in_background(session) == []


def test_a_result_without_metrics_gets_none(session: Session) -> None:
    result = of_sorting(replace(SORTING, metrics=()), "made-up")
    other = Session(result, History.of(result.units), lambda entry: None)
    decide(other, "merge", units=[0, 1])
    assert list(other.descriptions.unmeasured(other.units.ids)) == []


def test_synchrony_of_one_unit_is_its_row_of_all() -> None:
    rng = np.random.default_rng(0)
    sample, unit = np.sort(rng.integers(0, 2000, 3000)), rng.integers(0, 5, 3000).astype(np.int32)
    every = synchrony(sample, unit, 5)
    for k in range(5):
        assert synchrony_of_train(sample, sample[unit == k]) == pytest.approx(every[k])


def test_what_is_wanted_first_is_not_kept_waiting_by_a_measurement(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    (new,) = decide(session, "merge", units=[2, 3])
    session.descriptions.row(new)
    describer, n_pauses = Describer(session, lambda rows: None), 0

    def wait(stopped: threading.Event) -> None:
        nonlocal n_pauses
        n_pauses += 1
        if n_pauses == 3:
            decide(session, "undo")

    monkeypatch.setattr(session.quiet, "wait", wait)
    describer._measure(new)
    assert (n_pauses, session.descriptions.metrics(new)) == (3, None)
    decide(session, "redo")
    describer._measure(new)
    assert n_pauses > 10
    assert session.descriptions.metrics(new) is not None


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 1000])
def test_spikes_at_one_sample_are_counted_the_same_in_parts(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "LOOKED_UP_AT_ONCE", at_once)
    rng = np.random.default_rng(at_once)
    train = np.sort(rng.integers(0, 200, 90))
    sample = np.sort(np.concatenate([train, rng.integers(0, 200, 400)]))
    n_pauses: list[int] = []
    found = measured._synchrony(sample, train, lambda: n_pauses.append(1))
    np.testing.assert_array_equal(found, synchrony_of_train(sample, train))
    assert len(n_pauses) >= min(90 // at_once, 1)
