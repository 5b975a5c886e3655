"""The oracle: matches a simulated recording with its true templates, and measures the d' of the true units.

Its accuracy is not a strict upper bound, but shows what is possible: a sorter must first learn the templates.
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
    """Input and result of the oracle.

    Attributes
    ----------
    units : TrueTemplates
        The true templates.
    found : OracleSpikes or None
        The spikes that they find; None where nothing was matched.
    """

    units: TrueTemplates
    found: OracleSpikes | None


def oracle(run: Run, source: Source, truth: TrueSpikes, settings: Settings, match: bool = True) -> Oracle:
    """Average the true templates, and match the recording with them.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, high-passed.
    truth : TrueSpikes
        The true spikes.
    settings : Settings
        Settings of preprocessing, shapes and matching.
    match : bool, optional
        False only averages the templates. Where the truth lists only some of the neurons, its templates also take the
        spikes of the others, so that matching says nothing.

    Returns
    -------
    Oracle
        The true templates, and the spikes that they find.
    """
    source = source.with_preprocessing(run.step("preprocessing", fit_preprocessing, source, settings.preprocess))
    units = run.step("true templates", measure_true_templates, source, truth, settings.shapes)
    if not match:
        return Oracle(units, None)
    return Oracle(units, run.step("oracle", match_truth, source, units, settings.match.max_peels))
