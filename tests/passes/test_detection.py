"""The threshold of detection of the method sieve follows from the noise, and is the given one where one is given."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import tiny

from spikesieve.engine.run import Run
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.passes.detection import with_detection_threshold
from spikesieve.passes.preprocessing import fit_preprocessing, with_unit_score_noise
from spikesieve.settings.detect import DetectParams
from spikesieve.settings.fit import FitParams
from spikesieve.settings.preprocess import PreprocessParams

SHAPES = tiny.textbook_shapes()


@pytest.fixture
def run(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        yield Run(pool, tiny.BACKEND, Store.open(tmp_path))


def noise_source(run: Run, sd: float, smooth: int) -> Source:
    """Four seconds of noise on 8 contacts, whose samples are averages over `smooth` ones."""
    white = np.random.default_rng(0).standard_normal((120_000 + smooth - 1, 8))
    averaged = sum(white[k : 120_000 + k] for k in range(smooth)) / np.sqrt(smooth)
    recording = recording_from_array(np.round(sd * averaged).astype(np.int16), tiny.HZ, 1.0)
    source = Source.of(recording, tiny.line_probe(8), PreprocessParams(), 30_000)
    source = source.with_preprocessing(fit_preprocessing(run, source, PreprocessParams()))
    return source.with_preprocessing(with_unit_score_noise(run, source, SHAPES))


@pytest.mark.parametrize(("sd", "smooth"), [(20.0, 1), (80.0, 1), (20.0, 3)])
def test_the_threshold_is_the_same_in_any_noise_and_is_told(run, sd, smooth):
    """The fixed threshold of 9 SD of traces is 8.0 in white noise, where scores have small noise, and 5 to 6 else."""
    fitted = with_detection_threshold(run, noise_source(run, sd, smooth), SHAPES, DetectParams(), FitParams())
    assert 5.1 < fitted.detection_threshold_sd < 6.5
    assert f"down to {fitted.detection_threshold_sd:.2f} noise SD" in fitted.notes[-1]


def test_a_given_threshold_is_in_sd_of_traces_and_the_note_says_which_one_is_the_same(run):
    source = noise_source(run, 20.0, 1)
    source = source.with_preprocessing(replace(source.preprocessing, score_noise_sd=1.5))
    given = with_detection_threshold(run, source, SHAPES, DetectParams(threshold=9.0), FitParams())
    assert given.detection_threshold_sd == pytest.approx(0.89 * 9.0 / 1.5)
    assert "detect.threshold was given" in given.notes[-1]
    found = with_detection_threshold(run, source, SHAPES, DetectParams(), FitParams())
    assert f"detect.threshold={found.detection_threshold_sd * 1.5 / 0.89:.1f}:" in found.notes[-1]


def test_more_false_detections_that_are_allowed_lower_the_threshold(run):
    source = noise_source(run, 20.0, 1)
    limits = [FitParams(false_detections_hz=rate_hz) for rate_hz in (0.01, 0.1, 1.0)]
    found = [with_detection_threshold(run, source, SHAPES, DetectParams(), fit) for fit in limits]
    a, b, c = (fitted.detection_threshold_sd for fitted in found)
    assert a > b > c > 0.7 * a


def test_overlapping_spikes_that_count_as_noise_do_not_raise_it_above_9_sd_of_traces(run):
    source = noise_source(run, 20.0, 1)
    source = source.with_preprocessing(replace(source.preprocessing, score_noise_sd=3.0))
    found = with_detection_threshold(run, source, SHAPES, DetectParams(), FitParams())
    assert found.detection_threshold_sd == pytest.approx(0.89 * 9.0 / 3.0)
