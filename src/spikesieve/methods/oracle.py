"""The oracle: what a greedy matcher that knows the true templates finds in a recording, and what d' its units have.

It is no strict bound, but tells what to expect: a sorter first has to learn what the oracle is given.
"""

from __future__ import annotations

from dataclasses import dataclass

from spikesieve.engine.run import Run
from spikesieve.engine.source import Source
from spikesieve.passes.oracle import OracleSpikes, TrueSpikes, TrueTemplates, match_truth, measure_true_templates
from spikesieve.passes.preprocessing import fit_preprocessing
from spikesieve.settings.sort import Settings


@dataclass(frozen=True, eq=False)
class Oracle:
    """What the oracle knows and finds.

    Attributes
    ----------
    units : TrueTemplates
        The units of the truth, as the recording shows them.
    found : OracleSpikes
        The spikes.
    """

    units: TrueTemplates
    found: OracleSpikes


def oracle(run: Run, source: Source, truth: TrueSpikes, settings: Settings) -> Oracle:
    """Match a recording with the true templates.

    Parameters
    ----------
    run : Run
        Resources.
    source : Source
        The recording, high-passed.
    truth : TrueSpikes
        The true spikes.
    settings : Settings
        Of preprocessing, shapes and matching.

    Returns
    -------
    Oracle
        The true templates, and the spikes that they find.
    """
    source = source.with_preprocessing(run.step("preprocessing", fit_preprocessing, source, settings.preprocess))
    units = run.step("true templates", measure_true_templates, source, truth, settings.shapes)
    return Oracle(units, run.step("oracle", match_truth, source, units, settings.match.max_peels))
