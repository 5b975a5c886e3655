"""Matches templates to the recording: every template where the tissue is in the middle of the block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from spikesieve.engine.blocks import Block
from spikesieve.engine.run import BlockTask, Core, Run, versioned
from spikesieve.engine.source import Source
from spikesieve.kernels.backend import Backend
from spikesieve.model import Motion, Probe
from spikesieve.passes.drift import DriftModel
from spikesieve.settings.fit import FitParams
from spikesieve.settings.match import MatchParams
from spikesieve.stages.match import MatchedSpikes, Matcher, make_matcher, match
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.sieve.fit import fit, prior
from spikesieve.stages.tissue import MovingTemplates

# Waveforms beside a block that are matched with it, so that spikes across its edge are resolved as inside it.
MARGIN_WAVEFORMS = 5
# Displacements whose matchers are kept: neighbouring blocks often share one.
MATCHERS = 8


@dataclass(frozen=True, eq=False)
class MovingMatcher:
    """Makes the matcher of each block. Pickles without those it made.

    Attributes
    ----------
    templates : MovingTemplates
        Templates at every displacement.
    shapes : Shapes
        Temporal components.
    probe : Probe
        Contacts that are sorted.
    motion : Motion
        The displacement that templates follow.
    sampling_hz : float
        Sampling rate in Hz.
    """

    templates: MovingTemplates
    shapes: Shapes
    probe: Probe
    motion: Motion
    sampling_hz: float
    _at_steps: Callable[[bytes], Matcher] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_at_steps", lru_cache(maxsize=MATCHERS)(self._make))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.templates, self.shapes, self.probe, self.motion, self.sampling_hz)

    def of_block(self, block: Block) -> Matcher:
        """Make the matcher of a block, or take it from those that were made before.

        Parameters
        ----------
        block : Block
            The tissue is taken to be where it is in its middle.

        Returns
        -------
        Matcher
            Every template at its displacement; spikes are described as at rest.
        """
        peak = self.templates.rest.peak_contacts
        depth_um, shanks = self.probe.positions_um[peak, 1], self.probe.shanks[peak]
        middle_s = np.full(len(peak), block.middle / self.sampling_hz)
        return self._at_steps(self.templates.step_of(self.motion.at(middle_s, depth_um, shanks)).tobytes())

    def _make(self, steps: bytes) -> Matcher:
        here = self.templates.at(np.frombuffer(steps, np.int64))
        matcher = make_matcher(here, here.contacts, self.probe.n_contacts, self.shapes)
        return replace(matcher, feature_scores=self.templates.rest.scores)


@dataclass(frozen=True, eq=False)
class Match(BlockTask[MatchedSpikes]):
    """Match a block by a threshold on scores, as Kilosort4 does.

    Attributes
    ----------
    matcher : MovingMatcher
        The templates.
    params : MatchParams
        The settings.
    """

    matcher: MovingMatcher
    params: MatchParams

    @property
    def margin_samples(self) -> int:
        """Some waveforms."""
        return MARGIN_WAVEFORMS * self.matcher.shapes.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> MatchedSpikes:
        """Return the spikes of the block."""
        return match(clean.white, self.matcher.of_block(core.block), core.span, self.params, backend)


@dataclass(frozen=True, eq=False)
class MatchByLikelihood(BlockTask[MatchedSpikes]):
    """Match a block by likelihood.

    Attributes
    ----------
    matcher : MovingMatcher
        The templates.
    params : FitParams
        The settings.
    """

    matcher: MovingMatcher
    params: FitParams

    @property
    def margin_samples(self) -> int:
        """Some waveforms."""
        return MARGIN_WAVEFORMS * self.matcher.shapes.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> MatchedSpikes:
        """Return the spikes of the block."""
        matcher, recording = self.matcher.of_block(core.block), self.source.recording
        rate_hz = matcher.templates.n_spikes / recording.duration_s
        worth = prior(matcher.templates, rate_hz, recording.sampling_hz, self.params)
        return fit(clean.white, matcher, worth, core.span, self.params, backend)


@versioned(1)
def match_templates(
    run: Run, source: Source, templates: MovingTemplates, shapes: Shapes, drift: DriftModel, params: MatchParams
) -> MatchedSpikes:
    """Match the whole recording by a threshold on scores.

    Parameters
    ----------
    run : Run
        Resources.
    source : Source
        The recording, whitened.
    templates : MovingTemplates
        What to match.
    shapes : Shapes
        Temporal components.
    drift : DriftModel
        The displacement that templates follow.
    params : MatchParams
        The settings.

    Returns
    -------
    MatchedSpikes
        With features on disk.
    """
    matcher = MovingMatcher(templates, shapes, drift.probe, drift.motion, drift.sampling_hz)
    found, lost = run.collect(Match(source, matcher, params), source.blocks, "match")
    return replace(found, notes=(*lost.notes, *notes_of_rounds(found.n_left, "match.max_peels")))


@versioned(1)
def match_by_likelihood(
    run: Run, source: Source, templates: MovingTemplates, shapes: Shapes, drift: DriftModel, limits: LikelihoodLimits
) -> MatchedSpikes:
    """Match the recording, or a part of it, by likelihood.

    Parameters
    ----------
    run : Run
        Resources.
    source : Source
        The recording, whitened so that scores of noise have SD 1.
    templates : MovingTemplates
        What to match.
    shapes : Shapes
        Temporal components.
    drift : DriftModel
        The displacement that templates follow.
    limits : LikelihoodLimits
        The settings, and how much of the recording to match.

    Returns
    -------
    MatchedSpikes
        With features on disk.
    """
    blocks = source.part(limits.seconds) if limits.seconds is not None else source.blocks
    matcher = MovingMatcher(templates, shapes, drift.probe, drift.motion, drift.sampling_hz)
    found, lost = run.collect(MatchByLikelihood(source, matcher, limits.params), blocks, "match")
    return replace(found, notes=(*lost.notes, *notes_of_rounds(found.n_left, "fit.max_rounds")))


@dataclass(frozen=True)
class LikelihoodLimits:
    """How to match by likelihood.

    Attributes
    ----------
    params : FitParams
        The settings.
    seconds : float or None
        How much of the recording to match, in blocks that are spread over it; None: all.
    """

    params: FitParams
    seconds: float | None = None


def notes_of_rounds(n_left: int, setting: str) -> tuple[str, ...]:
    """Say that the rounds of matching were not enough.

    Parameters
    ----------
    n_left : int
        Spikes that were left.
    setting : str
        Name of the setting that limits the rounds.

    Returns
    -------
    tuple of str
        A sentence, or nothing.
    """
    if not n_left:
        return ()
    return (
        f"About {n_left} spikes were left where {setting} rounds of matching were not enough. "
        f"Raise {setting} to find them.",
    )
