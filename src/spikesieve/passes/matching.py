"""Matches templates to the recording. In each block, templates are shifted by its displacement of the tissue."""

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
from spikesieve.model.text import counted, one_or_more
from spikesieve.passes.drift import DriftModel
from spikesieve.settings.fit import FitParams
from spikesieve.settings.match import MatchParams
from spikesieve.stages.match import MatchedSpikes, Matcher, make_matcher, match
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.sieve.fit import fit, prior
from spikesieve.stages.tissue import MovingTemplates

# Margin of a block, in waveform lengths. It is matched as well, so that overlaps at the edge of a block are resolved.
MARGIN_WAVEFORMS = 5
# Number of matchers that are kept: neighbouring blocks often have the same displacement.
MATCHERS = 8


@dataclass(frozen=True, eq=False)
class MovingMatcher:
    """Makes the matcher of each block, with the templates at its displacement.

    Attributes
    ----------
    templates : MovingTemplates
        Templates at every displacement.
    shapes : Shapes
        Temporal components.
    probe : Probe
        The contacts that are sorted.
    motion : Motion
        Displacement that the templates follow.
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
        """Pickle without the matchers that are kept."""
        return type(self), (self.templates, self.shapes, self.probe, self.motion, self.sampling_hz)

    def of_block(self, block: Block) -> Matcher:
        """Make the matcher of a block, or return one that was made before.

        Parameters
        ----------
        block : Block
            The displacement in the middle of the block is used.

        Returns
        -------
        Matcher
            Templates at this displacement. Features of spikes are corrected for it.
        """
        peak = self.templates.rest.peak_contacts
        depth_um, shanks = self.probe.positions_um[peak, 1], self.probe.shanks[peak]
        middle_s = np.full(len(peak), block.middle / self.sampling_hz)
        return self._at_steps(self.templates.step_of(self.motion.at(middle_s, depth_um, shanks)).tobytes())

    def _make(self, steps: bytes) -> Matcher:
        shifted = self.templates.at(np.frombuffer(steps, np.int64))
        matcher = make_matcher(shifted, shifted.contacts, self.probe.n_contacts, self.shapes)
        return replace(matcher, feature_scores=self.templates.rest.scores)


@dataclass(frozen=True, eq=False)
class Match(BlockTask[MatchedSpikes]):
    """Match a block with a threshold on scores, as Kilosort4 does.

    Attributes
    ----------
    matcher : MovingMatcher
        The templates.
    params : MatchParams
        The settings.
    """

    matcher: MovingMatcher
    params: MatchParams
    from_even_sample = True

    @property
    def margin_samples(self) -> int:
        """Five waveform lengths."""
        return MARGIN_WAVEFORMS * self.matcher.shapes.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> MatchedSpikes:
        """Return the spikes of the block."""
        matcher = self.matcher.of_block(core.block)
        return match(clean.white, matcher, core.span, self.params, backend, clean.blanked)


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
    from_even_sample = True

    @property
    def margin_samples(self) -> int:
        """Five waveform lengths."""
        return MARGIN_WAVEFORMS * self.matcher.shapes.n_samples

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> MatchedSpikes:
        """Return the spikes of the block."""
        matcher, source = self.matcher.of_block(core.block), self.source
        rate_hz = matcher.templates.n_spikes / source.used_s
        worth = prior(matcher.templates, rate_hz, source.sampling_hz, self.params)
        return fit(clean, matcher, worth, core.span, self.params, backend)


@versioned(7)
def match_templates(
    run: Run, source: Source, templates: MovingTemplates, shapes: Shapes, drift: DriftModel, params: MatchParams
) -> MatchedSpikes:
    """Match the whole recording with a threshold on scores.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, whitened.
    templates : MovingTemplates
        The templates.
    shapes : Shapes
        Temporal components.
    drift : DriftModel
        The drift that the templates follow.
    params : MatchParams
        The settings.

    Returns
    -------
    MatchedSpikes
        The spikes; their features are on disk.
    """
    matcher = MovingMatcher(templates, shapes, drift.probe, drift.motion, drift.sampling_hz)
    found, blanked = run.collect(Match(source, matcher, params), source.blocks, "match")
    return replace(found, notes=notes_of_rounds(found.n_left, "match.max_peels"), blanked=blanked)


@versioned(9)
def match_by_likelihood(
    run: Run, source: Source, templates: MovingTemplates, shapes: Shapes, drift: DriftModel, limits: LikelihoodLimits
) -> MatchedSpikes:
    """Match the recording, or a part of it, by likelihood.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, whitened so that PC scores of noise have SD 1.
    templates : MovingTemplates
        The templates.
    shapes : Shapes
        Temporal components.
    drift : DriftModel
        The drift that the templates follow.
    limits : LikelihoodLimits
        Settings, and the duration to match.

    Returns
    -------
    MatchedSpikes
        The spikes; their features are on disk.
    """
    blocks = source.part(limits.seconds) if limits.seconds is not None else source.blocks
    matcher = MovingMatcher(templates, shapes, drift.probe, drift.motion, drift.sampling_hz)
    found, blanked = run.collect(MatchByLikelihood(source, matcher, limits.params), blocks, "match")
    return replace(found, notes=notes_of_rounds(found.n_left, "fit.max_rounds"), blanked=blanked)


@dataclass(frozen=True)
class LikelihoodLimits:
    """Settings of matching by likelihood, and the duration to match.

    Attributes
    ----------
    params : FitParams
        The settings.
    seconds : float or None
        Duration to match in s, in blocks that are spread over the recording; None: the whole recording.
    """

    params: FitParams
    seconds: float | None = None


def notes_of_rounds(n_left: int, setting: str) -> tuple[str, ...]:
    """Write a note if the rounds of matching were not enough.

    Parameters
    ----------
    n_left : int
        Spikes that were not extracted.
    setting : str
        Name of the setting that limits the rounds.

    Returns
    -------
    tuple of str
        A sentence for the user, or nothing.

    Examples
    --------
    >>> notes_of_rounds(0, "match.max_peels")
    ()
    """
    if not n_left:
        return ()
    return (
        f"About {counted(n_left, 'spike')} {one_or_more(n_left, 'was', 'were')} left where {setting} rounds of "
        f"matching were not enough. Raise {setting} to find them.",
    )
