"""Settings: TOML, overrides, Kilosort4's names, and the sentences for what is wrong."""

from __future__ import annotations

import json
import math
import re
import tomllib
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from paths import DOCS

from spikesieve.errors import SettingsError
from spikesieve.kilosort import DEFAULT_SETTINGS
from spikesieve.settings.kilosort4 import ABSENT_IN_SPIKESIEVE, value_here
from spikesieve.settings.params import Params, setting
from spikesieve.settings.sentences import allowed, summary
from spikesieve.settings.sort import Settings, fields_by_path, name_in, paths_by_name_in
from spikesieve.settings.toml import settings_toml

# Every key of Kilosort4 4.1's settings, with its default.
KILOSORT4_DEFAULTS = {
    **DEFAULT_SETTINGS,
    "filename": None,
    "data_dir": None,
    "results_dir": None,
    "probe_name": None,
    "probe_path": None,
}
# Arguments of its run_kilosort, with their defaults.
RUN_KILOSORT_DEFAULTS = {
    "probe": None,
    "file_object": None,
    "data_dtype": None,
    "do_CAR": True,
    "invert_sign": False,
    "device": None,
    "progress_bar": None,
    "save_extra_vars": False,
    "clear_cache": False,
    "save_preprocessed_copy": False,
    "bad_channels": None,
    "shank_idx": None,
    "verbose_console": False,
    "verbose_log": False,
    "torch_thread_lim": None,
}


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_toml_sets_what_it_names_and_leaves_the_rest(tmp_path):
    settings = Settings.from_toml(toml(tmp_path, "[match]\nthreshold = 7\n[preprocess]\nreference = 'none'\n"))
    assert (settings.match.threshold, settings.preprocess.reference) == (7.0, "none")
    assert settings.match.max_peels == Settings().match.max_peels


def test_toml_understands_kilosort4_names_at_the_top(tmp_path):
    settings = Settings.from_toml(toml(tmp_path, "Th_learned = 7\nbatch_size = 90_000\n[detect]\nthreshold = 8.5\n"))
    assert (settings.match.threshold, settings.engine.block_samples, settings.detect.threshold) == (7, 90_000, 8.5)


def test_overrides_win_and_the_last_one_most(tmp_path):
    settings = Settings.from_toml(toml(tmp_path, "Th_learned = 7\n"))
    changed = settings.with_overrides(["match.threshold=9", "Th_learned=10", "shapes.n_pcs=4"])
    assert (changed.match.threshold, changed.shapes.n_pcs) == (10, 4)
    assert settings.match.threshold == 7


def test_bare_words_are_texts():
    assert Settings().with_overrides(["preprocess.bad_contacts=keep"]).preprocess.bad_contacts == "keep"
    assert Settings().with_overrides(['preprocess.bad_contacts="keep"']).preprocess.bad_contacts == "keep"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("match.treshold", "match.threshold"),
        ("matching.threshold", "match.threshold"),
        ("Th_lerned", "match.threshold"),
        ("th_universal", "detect.threshold"),
        ("max_peel", "match.max_peels"),
    ],
)
def test_unknown_name_gets_the_nearest_with_its_description(name, nearest):
    with pytest.raises(SettingsError) as error:
        Settings().with_overrides([f"{name}=8"])
    meaning = summary(fields_by_path()[nearest].description)
    assert f"no setting '{name}'. Did you mean {nearest} ({meaning})" in str(error.value)


def test_name_that_two_groups_have_gets_both():
    with pytest.raises(SettingsError, match=r"Did you mean detect\.threshold .* or match\.threshold"):
        Settings().with_overrides(["threshold=8"])


def test_name_near_nothing_gets_no_guess():
    with pytest.raises(SettingsError, match="lists them all"):
        Settings().with_overrides(["qqqqqq=8"])


def test_group_is_no_setting():
    with pytest.raises(SettingsError, match=r"match is a group of settings.*match\.threshold, match\.max_peels"):
        Settings().with_overrides(["match=8"])


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("match.threshold=2", "a number, above 2 and at most 100. Got 2"),
        ("match.threshold=nan", "Got nan"),
        ("match.threshold=high", "Got the text 'high'"),
        ("match.max_peels=true", "Got True"),
        ("match.threshold='9'", "Got the text '9'"),
        ("shapes.n_pcs=2.5", "a whole number, at least 1 and at most 24. Got 2.5"),
        ("preprocess.reference=mean", "one of 'median', 'none'. Got the text 'mean'"),
        ("method=kilosort3", "one of 'sieve', 'kilosort4'"),
        ("preprocess.artifact_threshold_uv=-1", "a number, above 0. Got -1"),
    ],
)
def test_wrong_value_gets_what_is_allowed_and_what_was_given(override, words):
    with pytest.raises(SettingsError) as error:
        Settings().with_overrides([override])
    assert f"The setting {override.partition('=')[0]} (" in str(error.value)
    assert words in str(error.value)


def test_every_wrong_value_of_a_file_is_told(tmp_path):
    with pytest.raises(SettingsError) as error:
        Settings.from_toml(toml(tmp_path, "[match]\nthreshold = 0\nmax_peels = 0\n"))
    assert len(str(error.value).splitlines()) == 2


def test_keyword_arguments_get_the_same_sentence():
    with pytest.raises(SettingsError, match=r"Did you mean match\.threshold"):
        Settings(match={"treshold": 8})


def test_setting_given_twice(tmp_path):
    with pytest.raises(SettingsError, match=r"match\.threshold is given twice, as Th_learned and as match\.threshold"):
        Settings.from_toml(toml(tmp_path, "Th_learned = 7\n[match]\nthreshold = 8\n"))


@pytest.mark.parametrize("text", ["match.threshold", "match.threshold=", "=8"])
def test_override_without_name_or_value(text):
    with pytest.raises(SettingsError):
        Settings().with_overrides([text])


# Full names of earlier versions, and what they became.
OLD_NAMES = {
    "preprocess.artifact_ms": "preprocess.artifact_margin_ms",
    "motion.nblocks": "motion.n_sections",
    "motion.section_um": "motion.section_height_um",
    "motion.bin_s": "motion.time_bin_s",
    "motion.horizon_s": "motion.time_horizon_s",
    "tissue.length_um": "tissue.length_scale_um",
    "tissue.step_um": "tissue.displacement_step_um",
    "tissue.bin_um": "tissue.displacement_bin_um",
    "tissue.noise_share": "tissue.noise_variance_ratio",
    "tissue.traces_length_um": "tissue.traces_length_scale_um",
    "cluster.neighbours": "cluster.n_neighbours",
    "cluster.rounds": "cluster.max_rounds",
    "cluster.weak_link_ratio": "cluster.min_link_ratio",
    "cluster.bimodality": "cluster.min_bimodality",
    "cluster.bimodality_of_two": "cluster.min_bimodality_if_not_refractory",
    "fit.detect_share": "fit.detection_threshold_ratio",
    "fit.min_amplitude": "fit.min_amplitude_ratio",
    "fit.own_odds": "fit.min_membership_odds",
    "fit.learn_s": "fit.learning_duration_s",
    "refine.split_gain": "refine.split_log_likelihood_gain",
    "refine.same_distance": "refine.merge_distance_sd",
    "refine.same_distance_apart": "refine.merge_distance_across_drift_sd",
    "refine.same_similarity_apart": "refine.merge_similarity_across_drift",
    "refine.train_log_odds": "refine.refractory_log_odds",
    "refine.min_excess": "refine.min_median_excess_sd",
    "refine.late_similarity": "refine.phase_fragment_similarity",
    "kilosort2.reach_um": "kilosort2.template_radius_um",
    "kilosort2.split_spikes": "kilosort2.min_split_spikes",
    "curate.same_similarity": "curate.near_identical_similarity",
    "curate.same_norm_difference": "curate.near_identical_norm_difference",
    "curate.duplicate_share": "curate.max_coincident_share",
    "units.waveform_reach_um": "units.waveform_radius_um",
    "units.waveform_s": "units.waveform_duration_s",
    "units.max_missed": "units.max_missed_share",
    "units.max_spread_um": "units.max_extent_um",
}


def other_value(path: str) -> object:
    """A value that a setting can have and that is not its default."""
    field = fields_by_path()[path]
    start = field.default if field.default is not None else 1
    for value in (start * 1.01, start + 1, start - 1):
        value = int(value) if isinstance(start, int) else value
        group, _, name = path.partition(".")
        try:
            changed = Settings().with_values([(path, value)])
        except SettingsError:
            continue
        if getattr(getattr(changed, group), name) != field.default:
            return value
    raise AssertionError(path)


def test_every_old_name_is_listed():
    page = (DOCS / "settings.md").read_text()
    assert all(f"| `{old}` | `{new}` |\n" in page for old, new in OLD_NAMES.items())
    assert {**Settings.other_names()}.items() >= OLD_NAMES.items()
    accepted = (
        Settings.other_names().keys() - paths_by_name_in("kilosort4").keys() - paths_by_name_in("kilosort2").keys()
    )
    assert accepted == OLD_NAMES.keys()


@pytest.mark.parametrize(("old", "new"), OLD_NAMES.items())
def test_an_old_name_is_accepted_wherever_a_name_can_be_given(old, new, tmp_path):
    (group, name), value = old.split("."), other_value(new)
    expected = Settings().with_values([(new, value)])
    assert expected != Settings()
    assert Settings().with_overrides([f"{old}={value}"]) == expected
    assert Settings().with_values([(old, value)]) == expected
    assert Settings.from_toml(toml(tmp_path, f"[{group}]\n{name} = {value}\n")) == expected
    assert Settings(**{group: {name: value}}) == expected
    assert Settings.model_validate({group: {name: value}}) == expected
    assert Settings.from_kilosort4({old: value}) == expected.with_overrides(["method=kilosort4"])


def test_an_old_name_beside_its_new_one_is_refused():
    with pytest.raises(SettingsError, match=r"given twice, as fit\.learn_s and as fit\.learning_duration_s"):
        Settings().with_values([("fit.learn_s", 9.0), ("fit.learning_duration_s", 8.0)])
    with pytest.raises(SettingsError, match="given twice, as learn_s and as learning_duration_s"):
        Settings(fit={"learn_s": 9.0, "learning_duration_s": 8.0})


def test_broken_toml_names_file_and_line(tmp_path):
    with pytest.raises(SettingsError, match=r"settings\.toml is not valid TOML.*line 2"):
        Settings.from_toml(toml(tmp_path, "Th_learned = 7\nTh_universal = = 9\n"))


def test_missing_and_binary_settings_file(tmp_path):
    with pytest.raises(SettingsError, match="No such file"):
        Settings.from_toml(tmp_path / "gone.toml")
    (tmp_path / "raw.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not UTF-8"):
        Settings.from_toml(tmp_path / "raw.bin")


def test_every_kilosort4_setting_is_known():
    known = paths_by_name_in("kilosort4").keys() | ABSENT_IN_SPIKESIEVE.keys()
    assert known == KILOSORT4_DEFAULTS.keys() | RUN_KILOSORT_DEFAULTS.keys()


def test_kilosort4_dict_works_but_for_drift():
    given = {name: value for name, value in KILOSORT4_DEFAULTS.items() if name != "nblocks"}
    settings = Settings.from_kilosort4(
        {**given, **RUN_KILOSORT_DEFAULTS, "nblocks": 0, "Th_learned": 7, "n_pcs": np.int64(5)}
    )
    assert (settings.method, settings.match.threshold, settings.shapes.n_pcs) == ("kilosort4", 7, 5)
    settings.require_used()


def test_arguments_of_run_kilosort_mean_what_they_mean_there():
    given = {"do_CAR": False, "invert_sign": True, "bad_channels": np.array([3, 17]), "shank_idx": 1, "dmin": None}
    settings = Settings.from_kilosort4(given)
    assert (settings.input.bad_channels, settings.input.shanks, settings.input.invert_sign) == ((3, 17), (1,), True)
    assert (settings.preprocess.reference, settings.detect.vertical_pitch_um) == ("none", None)
    assert Settings.from_kilosort4({"shank_idx": [0, 2], "do_CAR": True}).input.shanks == (0, 2)


def test_kilosort4_names_mean_the_same_in_a_file_and_on_the_command_line(tmp_path):
    lines = ["do_CAR=false", "bad_channels=[3]", "shank_idx=2", "dmin='None'", "nskip=25"]
    expected = Settings.from_kilosort4({"do_CAR": False, "bad_channels": [3], "shank_idx": 2, "method": "sieve"})
    assert Settings().with_overrides(lines) == expected
    assert Settings.from_file(toml(tmp_path, "\n".join(lines))) == expected
    assert Settings().with_overrides(["dmin=None"]) == Settings()


def test_json_of_kilosort4_is_read_with_its_nothings_and_infinities(tmp_path):
    (tmp_path / "ks4.json").write_text('{"Th_learned": 7, "dmin": null, "tmax": Infinity, "bad_channels": [4]}')
    settings = Settings.from_file(tmp_path / "ks4.json")
    assert (settings.method, settings.match.threshold, settings.input.bad_channels) == ("kilosort4", 7, (4,))
    (tmp_path / "ks4.json").write_text("[1, 2]")
    with pytest.raises(SettingsError, match="no names with values"):
        Settings.from_file(tmp_path / "ks4.json")
    (tmp_path / "ks4.json").write_text("{")
    with pytest.raises(SettingsError, match="cannot be read as JSON"):
        Settings.from_file(tmp_path / "ks4.json")


def test_everything_wrong_in_a_file_is_told_at_once():
    wrong = {"Th_lerned": 7, "nblock": 2, "tmin": 3, "save_extra_vars": True, "Th_universal": 0, "shank_idx": ["a"]}
    with pytest.raises(SettingsError) as error:
        Settings.from_kilosort4({**wrong, "nskip": 25, "nt": 61})
    lines = str(error.value).splitlines()
    assert len(lines) == len(wrong)
    words = ("match.threshold", "motion.n_sections", "--time-range", "--keep-steps", "a list of whole numbers. Got")
    assert all(any(word in line for line in lines) for word in (*words, "detect.threshold"))


def test_what_kilosort4_repeats_of_the_recording_is_kept_for_a_check_and_its_paths_are_passed_over(tmp_path):
    paths = {"filename": "D:/run.bin", "data_dir": "D:/", "results_dir": "D:/ks4", "probe_path": "D:/probe.json"}
    probe = {"probe": {"chanMap": [0], "xc": [0], "yc": [0], "kcoords": [0]}, "probe_name": "probe.json"}
    (tmp_path / "ks4.json").write_text(json.dumps({"n_chan_bin": 64, "fs": 25000, "Th_learned": 7} | paths | probe))
    settings = Settings.from_file(tmp_path / "ks4.json")
    assert (settings.input.expected_channels, settings.input.expected_sampling_hz) == (64, 25_000.0)
    assert settings.match.threshold == 7


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3,17, A-005", (3, 17, "A-005")), (3, (3,)), ([1, 2], (1, 2)), (None, ()), ("", ())],
)
def test_channels_can_be_given_as_one_a_list_or_a_text(value, expected):
    assert Settings().with_values([("input.bad_channels", value)]).input.bad_channels == expected
    assert Settings(input={"bad_channels": value}).input.bad_channels == expected


def test_a_setting_that_the_method_does_not_use_is_refused():
    Settings().require_used()
    with pytest.raises(SettingsError, match=r"match\.threshold changes nothing: .*choose method=kilosort4"):
        Settings().with_overrides(["match.threshold=7"]).require_used()
    with pytest.raises(SettingsError, match=r"fit\.learning_duration_s changes nothing"):
        Settings().with_overrides(["method=kilosort4", "fit.learning_duration_s=9"]).require_used()
    with pytest.raises(SettingsError, match=r"match\.threshold changes nothing.*\n.*match\.max_peels changes nothing"):
        Settings().with_overrides(["match.threshold=7", "match.max_peels=9"]).require_used()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("drift_smoothing", [1, 1, 1], "the estimate weighs time"),
        ("tmin", 10, "--time-range"),
        ("templates_from_data", False, "always learned"),
        ("batch_downsampling", 2, "every block is sorted"),
    ],
)
def test_kilosort4_setting_without_counterpart_says_what_to_do(name, value, words):
    with pytest.raises(SettingsError, match=words):
        Settings.from_kilosort4({name: value})


def test_kilosort4_defaults_are_ours():
    for path, field in fields_by_path().items():
        name = name_in("kilosort4", field)
        default = (KILOSORT4_DEFAULTS | RUN_KILOSORT_DEFAULTS).get(name)
        if default is not None and default != math.inf and field.default is not None:
            assert field.default == value_here(name, default), path


def test_printed_settings_read_back_as_the_defaults(tmp_path):
    assert Settings.from_toml(toml(tmp_path, settings_toml())) == Settings()
    assert tomllib.loads(settings_toml())["match"]["threshold"] == Settings().match.threshold


def test_printed_settings_tell_everything_about_a_setting():
    text = settings_toml()
    for path, field in fields_by_path().items():
        for part in field.description.split("; "):
            assert f"# {part[0].upper()}{part[1:]}.\n" in text
        assert f"{path.rpartition('.')[2]} =" in text
    assert "Kilosort4: Th_learned." in text
    assert "# vertical_pitch_um =" in text


@pytest.mark.parametrize(("path", "field"), fields_by_path().items())
def test_every_description_says_what_and_when_to_change_it(path, field):
    what, when = field.description.split("; ")
    assert what[0].islower() or what.startswith("SD ")
    is_seed = path.endswith(".seed")
    is_number = {int, float} & {field.annotation, *get_args(field.annotation)}
    assert re.match("(raise|lower|set) it " if is_number and not is_seed else "(choose|change it|set it) ", when)
    assert len(field.description) <= 220


def test_docs_hold_the_printed_settings():
    docs = DOCS / "settings.toml"
    assert docs.read_text() == settings_toml(), "run: spikesieve settings > docs/settings.toml"


def test_bounds_of_every_kind_have_words():
    class All(Params):
        value: int | None = setting(None, "any", ge=1, lt=9)
        share: float = setting(0.5, "any", gt=0.25, le=1.0)
        on: bool = setting(True, "any")

    fields = All.model_fields
    assert allowed(fields["value"]) == "a whole number, at least 1 and below 9"
    assert allowed(fields["share"]) == "a number, above 0.25 and at most 1"
    assert allowed(fields["on"]) == "true or false"
    assert allowed(fields_by_path()["input.shanks"]) == "a list of whole numbers"
    assert allowed(fields_by_path()["input.bad_channels"]) == "a list of whole numbers or texts"
