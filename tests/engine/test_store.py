"""Steps on disk: what was saved comes back the same, is loaded instead of computed, and is complete or not there."""

from __future__ import annotations

import json
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tiny import line_templates, textbook_shapes

from spikesieve.engine import codec
from spikesieve.engine import store as store_module
from spikesieve.engine.codec import DecodeError, in_memory, load, save
from spikesieve.engine.forgotten import ForgottenError
from spikesieve.engine.keys import key_of
from spikesieve.engine.lock import Lock
from spikesieve.engine.store import INDEX, UNFINISHED, Store
from spikesieve.errors import OutputError
from spikesieve.io.results.run_log import run_log
from spikesieve.model import Motion, Spikes
from spikesieve.settings.detect import DetectParams
from spikesieve.stages.features import FeaturesOfUnits
from spikesieve.stages.shapes import Shapes


def same(a: object, b: object) -> bool:
    """Whether two values agree to the last bit."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a) if f.init)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


def spikes(n: int) -> Spikes:
    rng = np.random.default_rng(n)
    return Spikes(
        sample=np.sort(rng.integers(0, 10**6, n)),
        unit=rng.integers(0, 5, n).astype(np.int32),
        detection_template=rng.integers(0, 5, n).astype(np.int32),
        amplitude=rng.random(n).astype(np.float32),
        amplitude_uv=rng.random(n).astype(np.float32),
        position_um=rng.random((n, 2)).astype(np.float32),
        features=rng.random((n, 8, 6)).astype(np.float32),
    )


NOUNS = [
    spikes(0),
    spikes(3),
    spikes(200_000),
    textbook_shapes(),
    line_templates(textbook_shapes(), [3, 5], 12),
    Motion.still(np.array([0, 1]), "Nothing moves."),
    DetectParams(threshold=7.25),
    (1, 2.5, None, "text", [True, float("inf")], {"a": (np.arange(3),)}),
]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: type(noun).__name__)
def test_what_was_saved_comes_back_the_same(tmp_path, noun):
    save(noun, tmp_path, tmp_path)
    assert same(load(tmp_path, tmp_path), noun)
    assert not list(tmp_path.rglob("*.pkl"))


@settings(max_examples=40, deadline=None)
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.bool_]),
        arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6),
    )
)
def test_any_array_comes_back_to_the_last_bit(tmp_path_factory, array):
    folder = tmp_path_factory.mktemp("codec")
    save((array, np.asfortranarray(array)), folder, folder)
    again, fortran = load(folder, folder)
    assert same(again, array)
    assert same(fortran, array)
    # Sums over another order in memory would round otherwise.
    assert fortran.flags.f_contiguous == np.asfortranarray(array).flags.f_contiguous


def test_a_loaded_noun_pickles_small_and_can_be_brought_into_memory(tmp_path):
    save(spikes(200_000), tmp_path, tmp_path)
    again = load(tmp_path, tmp_path)
    assert len(pickle.dumps(again)) < 5_000
    copied = in_memory(again)
    assert type(copied.features) is np.ndarray
    assert same(copied, spikes(200_000))


@dataclass(frozen=True)
class Stranger:
    """A class of another package."""


@pytest.mark.parametrize(
    "value",
    [np.float32(1), lambda: 1, {1: 2}, object(), {"a": {1, 2}}, Stranger()],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_saved_is_refused(tmp_path, value):
    with pytest.raises(TypeError, match="cannot save"):
        save(value, tmp_path, tmp_path)


@pytest.mark.parametrize(
    "tree",
    [
        {"$dataclass": "os:system", "fields": {}},
        {"$dataclass": "spikesieve.api.sort:run_method", "fields": {}},
        {"$params": "spikesieve.stages.shapes:Shapes", "values": {}},
        {"$array": "../../secret.npy"},
        {"$array": "/../secret.npy"},
        {"$unknown": 1},
        {"$dataclass": "spikesieve.stages.shapes:Shapes", "fields": {"pcs": 1}},
    ],
)
def test_nothing_on_disk_is_trusted(tmp_path, tree):
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "secret.npy", np.ones(3))
    (tmp_path / "in" / codec.MANIFEST).write_text(json.dumps(tree))
    with pytest.raises(DecodeError):
        load(tmp_path / "in", tmp_path / "in")


# The store


@dataclass(frozen=True)
class Counted:
    """A computation that counts its calls."""

    calls: list[int]

    def __call__(self, store: Store) -> Shapes:
        self.calls.append(1)
        return textbook_shapes()


def test_a_step_is_computed_once_and_loaded_then(tmp_path):
    counted = Counted([])
    for _ in range(3):
        result, was_loaded = Store.open(tmp_path).step("shapes", 1, {"spikes": spikes(3)}, counted)
        assert same(result, textbook_shapes())
    assert len(counted.calls) == 1
    assert was_loaded


@pytest.mark.parametrize(
    ("version", "inputs"),
    [
        (2, {}),
        (1, {"spikes": spikes(4)}),
        (1, {"spikes": replace(spikes(3), features=spikes(3).features * np.float32(1.0000001))}),
        (1, {"params": DetectParams(threshold=8.0)}),
        (1, {"more": 1}),
    ],
    ids=["version", "rows", "last bit", "setting", "inputs"],
)
def test_a_step_is_computed_again_where_anything_it_depends_on_is_another(tmp_path, version, inputs):
    counted = Counted([])
    Store.open(tmp_path).step("shapes", 1, {"spikes": spikes(3), "params": DetectParams()}, counted)
    others = {"spikes": spikes(3), "params": DetectParams(), **inputs}
    _, was_loaded = Store.open(tmp_path).step("shapes", version, others, counted)
    assert not was_loaded
    assert len(counted.calls) == 2


def test_a_step_that_fails_leaves_nothing_and_is_computed_the_next_time(tmp_path):
    def fails(store: Store) -> Shapes:
        with store.growing("rows", (), np.float32) as file:
            file.append(np.ones(3, np.float32))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Store.open(tmp_path).step("shapes", 1, {}, fails)
    assert [path.name.endswith(UNFINISHED) for path in tmp_path.iterdir()] == [True]
    counted = Counted([])
    _, was_loaded = Store.open(tmp_path).step("shapes", 1, {}, counted)
    assert not was_loaded
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(UNFINISHED)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2), st.integers(0, 10**6), st.sampled_from(["cut", "flip", "gone", "empty"]))
def test_a_damaged_step_is_computed_again(tmp_path_factory, which, place, damage):
    """Whatever happened to one of its files: a byte is another one, it is cut short, it is gone."""
    folder = tmp_path_factory.mktemp("store")
    counted = Counted([])
    Store.open(folder).step("shapes", 1, {}, counted)
    path = sorted((folder / Store.open(folder).index()["shapes"]).iterdir())[which]
    data = bytearray(path.read_bytes())
    place %= len(data)
    if damage == "flip":
        data[place] ^= 1 << (place % 8)
    path.write_bytes(data[:place] if damage == "cut" else b"" if damage == "empty" else data)
    if damage == "gone":
        path.unlink()
    result, was_loaded = Store.open(folder).step("shapes", 1, {}, counted)
    assert not was_loaded
    assert same(result, textbook_shapes())


def test_a_damaged_array_of_another_step_is_noticed(tmp_path):
    store = Store.open(tmp_path)
    first, _ = store.step("first", 1, {}, lambda store: spikes(200_000))
    store.step("second", 1, {"spikes": first}, lambda store: replace(first, unit=first.unit + 1))
    path = tmp_path / store.index()["first"] / "value.features.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DecodeError, match="does not have the bytes that were written"):
        Store.open(tmp_path).read("second")


def test_a_step_that_two_runs_compute_at_once_is_that_of_the_first(tmp_path):
    """Each computes in a folder of its own; nothing of the second one stays."""

    def also_elsewhere(store: Store) -> Shapes:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(Store.open(tmp_path).step, "shapes", 1, {}, Counted([])).result()
        return textbook_shapes()

    result, was_loaded = Store.open(tmp_path).step("shapes", 1, {}, also_elsewhere)
    assert not was_loaded
    assert same(result, textbook_shapes())
    assert len(list(tmp_path.iterdir())) == 2


def test_a_step_that_was_complete_but_for_its_name_is_not_computed_again(tmp_path):
    counted = Counted([])
    Store.open(tmp_path).step("shapes", 1, {}, counted)
    folder = tmp_path / Store.open(tmp_path).index()["shapes"]
    folder.rename(f"{folder}{UNFINISHED}")
    result, _ = Store.open(tmp_path).step("shapes", 1, {}, counted)
    assert len(counted.calls) == 1
    assert same(result, textbook_shapes())


def test_unfinished_steps_of_dead_runs_are_removed_and_those_of_others_stay(tmp_path):
    dead, alive = tmp_path / f"dead{UNFINISHED}", tmp_path / f"alive{UNFINISHED}"
    dead.mkdir()
    alive.mkdir()
    with Lock(alive):
        Store.open(tmp_path).remove_unfinished()
        assert [path.name for path in tmp_path.iterdir()] == [alive.name]


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"params": DetectParams(threshold=8.5)}, "params.threshold is 8.5 instead of 9.0"),
        ({"spikes": spikes(4)}, "spikes is not the same as before"),
    ],
)
def test_the_log_says_why_a_step_is_computed(tmp_path, inputs, why):
    before = {"spikes": spikes(3), "params": DetectParams(threshold=9.0)}
    with run_log(tmp_path / "log"):
        Store.open(tmp_path / "steps").step("shapes", 1, before, Counted([]))
        Store.open(tmp_path / "steps").step("shapes", 1, before | inputs, Counted([]))
        Store.open(tmp_path / "steps").step("shapes", 2, before, Counted([]))
        Store.open(tmp_path / "steps").step("shapes", 1, before, Counted([]))
    lines = (tmp_path / "log").read_text().splitlines()
    expected = ["computed: it is not stored", why, "of another version", "step shapes was loaded from shapes-"]
    assert [words in line for words, line in zip(expected, lines, strict=True)] == [True] * 4


def test_a_step_that_hands_on_an_array_of_another_one_does_not_copy_it(tmp_path):
    store = Store.open(tmp_path)
    first, _ = store.step("first", 1, {}, lambda store: spikes(200_000))
    second, _ = store.step("second", 1, {"spikes": first}, lambda store: replace(first, unit=first.unit + 1))
    assert second.features.tobytes() == first.features.tobytes()
    assert second.features.filename == first.features.filename
    assert len(list((tmp_path / store.index()["second"]).glob("*.npy"))) == 1


def test_rows_that_are_computed_when_they_are_read_are_stored_as_what_they_are_computed_from(tmp_path):
    """Features at rest are those of the detected spikes, which the step that detected them has stored."""
    store = Store.open(tmp_path)
    first, _ = store.step("first", 1, {}, lambda store: spikes(200_000))
    unit, contacts = np.arange(200_000)[::-1].copy(), np.zeros((5, 8), np.int64)

    def second(store: Store) -> Spikes:
        of_units = FeaturesOfUnits(first.features, unit, first.unit, contacts, first.unit, contacts)
        return replace(first, unit=unit.astype(np.int32), features=of_units)

    result, _ = store.step("second", 1, {"spikes": first}, second)
    for again in (result, Store.open(tmp_path).read("second"), pickle.loads(pickle.dumps(result))):  # noqa: S301
        assert again.features.shape == first.features.shape
        assert same(again.features[3:70:5], first.features[unit[3:70:5]])
        assert same(again.features[unit < 9], first.features[unit[unit < 9]])
        assert same(again.features[7], np.asarray(first.features[unit[7]]))
        assert len(pickle.dumps(again)) < 10_000
    assert same(in_memory(result).features, np.asarray(first.features)[unit])
    assert sum(path.stat().st_size for path in (tmp_path / store.index()["second"]).iterdir()) < 3_000_000


@pytest.fixture
def no_room(monkeypatch):
    monkeypatch.setattr(store_module, "KEPT_SHARE", 0.0)


def test_an_array_that_is_not_needed_any_more_stays_where_the_disk_has_room(tmp_path, monkeypatch):
    store = Store.open(tmp_path, keeps_all=False)
    first, _ = store.step("first", 1, {}, lambda store: spikes(200_000))
    path, used = Path(first.features.filename), shutil.disk_usage(tmp_path)
    n_bytes = sum(array.stat().st_size for array in path.parent.glob("*.npy"))
    for times, stays in ((11, True), (9, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, times=times: used._replace(free=times * n_bytes))
        store.forget("first")
        assert path.exists() == stays


def test_an_array_that_is_not_needed_any_more_leaves_a_full_disk_and_its_step_stays_loaded(tmp_path, no_room):
    def open_store() -> Store:
        return Store.open(tmp_path, keeps_all=False)

    first, _ = open_store().step("first", 1, {}, lambda store: spikes(200_000))
    inputs, counted = {"spikes": first}, Counted([])
    open_store().step("second", 1, inputs, counted)
    path = Path(first.features.filename)
    Store.open(tmp_path).forget("first")
    assert path.exists()
    open_store().forget("first")
    assert not path.exists()
    again, was_loaded = open_store().step("first", 1, {}, counted)
    assert was_loaded
    assert (again.features.shape, len(again.features)) == (first.features.shape, 200_000)
    open_store().forget("first")
    _, was_loaded = open_store().step("second", 1, {"spikes": again}, counted)
    assert was_loaded
    for read in (np.asarray, lambda features: features[:3], lambda features: pickle.loads(pickle.dumps(features))[0]):  # noqa: S301
        with pytest.raises(ForgottenError) as missing:
            read(again.features)
    told: list[str] = []
    store = Store.open(tmp_path, tell=lambda name, state: told.append(name) if state.is_needed_again else None)
    store.make_again(missing.value)
    assert told == ["first"]
    assert len(counted.calls) == 1
    assert not open_store().step("first", 1, {}, lambda store: spikes(200_000))[1]


def test_what_is_left_of_a_removed_array_is_not_trusted_either(tmp_path, no_room):
    store = Store.open(tmp_path, keeps_all=False)
    store.step("first", 1, {}, lambda store: spikes(200_000))
    store.forget("first")
    head = next(tmp_path.rglob("value.features.npy.head"))
    head.write_bytes(head.read_bytes().replace(b"200000", b"300000"))
    _, was_loaded = Store.open(tmp_path).step("first", 1, {}, lambda store: spikes(200_000))
    assert not was_loaded


def test_an_array_that_a_value_holds_twice_is_written_once(tmp_path):
    row = np.arange(1000.0)
    save((row, {"again": row}, row.copy()), tmp_path, tmp_path)
    assert same(load(tmp_path, tmp_path), (row, {"again": row}, row))
    assert len(list(tmp_path.glob("*.npy"))) == 2


def test_large_inputs_are_known_by_their_step_and_small_ones_by_their_bytes(tmp_path):
    store = Store.open(tmp_path)
    first, _ = store.step("first", 1, {}, lambda store: spikes(200_000))
    assert key_of((first,), tmp_path) == key_of((store.read("first"),), tmp_path)
    assert key_of((first,), tmp_path) != key_of((spikes(200_000),), tmp_path)
    assert key_of((spikes(3),), tmp_path) == key_of((spikes(3),), tmp_path)
    with pytest.raises(TypeError, match="no digest"):
        key_of((lambda: 1,), tmp_path)


def test_a_store_of_one_sort_refuses_two_steps_of_a_name(tmp_path):
    store = Store.open(tmp_path, reuse=False)
    store.step("shapes", 1, {}, Counted([]))
    with pytest.raises(ValueError, match="Two steps"):
        store.step("shapes", 1, {}, Counted([]))


def test_the_index_names_the_steps_of_the_last_run(tmp_path):
    store = Store.open(tmp_path)
    store.step("first", 1, {}, Counted([]))
    store.begin()
    store.step("second", 1, {}, Counted([]))
    assert list(store.index()) == ["second"]
    assert same(store.read("second"), textbook_shapes())
    with pytest.raises(KeyError):
        store.read("first")


def test_a_folder_that_cannot_be_created_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="Steps cannot be stored in"):
        Store.open(tmp_path / "file" / "steps")


def test_arrays_of_another_order_or_with_other_fields_have_another_key(tmp_path):
    square = np.arange(4.0).reshape(2, 2)
    pairs = np.zeros(2, [("a", np.int32), ("b", np.int32)])
    keys = {
        key_of((array,), tmp_path)
        for array in (square, np.asfortranarray(square), pairs, pairs.astype([("b", np.int32), ("a", np.int32)]))
    }
    assert len(keys) == 4


def test_values_whose_names_look_alike_have_their_own_files(tmp_path):
    value = {"a": {"b": np.zeros(3)}, "a.b": np.ones(3), "c/d": np.full(3, 2.0)}
    save(value, tmp_path, tmp_path)
    assert same(load(tmp_path, tmp_path), value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "3"])
def test_a_damaged_list_of_steps_is_an_empty_one(tmp_path, text):
    store = Store.open(tmp_path)
    (tmp_path / INDEX).write_text(text)
    assert store.index() == {}
    store.step("shapes", 1, {}, Counted([]))
    assert list(store.index()) == ["shapes"]


def test_steps_of_another_version_of_the_program_are_not_loaded(tmp_path, monkeypatch):
    counted = Counted([])
    Store.open(tmp_path).step("shapes", 1, {}, counted)
    monkeypatch.setattr("spikesieve.engine.store.VERSIONS", ("another",))
    _, was_loaded = Store.open(tmp_path).step("shapes", 1, {}, counted)
    assert not was_loaded
