"""Which units that were seen at different displacements of the tissue are one neuron.

Where the tissue jumps, every neuron is two units, one at either side, and none looks exactly as its other half is
predicted. A limit on the similarity then either leaves halves or joins strangers. Here every unit is compared with all
that it could be: a pair is one neuron where that is likelier than all other pairs of either unit, and than that one of
them has no other half. See docs/sieve.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

Pair = tuple[int, int]

# Prior probability that a unit which is seen at some displacements only has a partner at the others.
HAS_PARTNER = 0.5
# SD of the logarithm of a neuron's firing rate from one part of a recording to another, and over neurons (Buzsaki and
# Mizuseki 2014: rates are spread log-normally over more than a decade).
RATE_SD, RATE_SD_OVER_NEURONS = 0.5, 1.1
# Mean similarity of neighbours that are somewhat alike, and of how many pairs this is worth as a prior.
NEIGHBOUR_SIMILARITY, N_PRIOR_PAIRS = 0.2, 10
# Of the similarities of strangers, the share that is positive.
POSITIVE = 0.5
# The displacement is known to 1 or 2 um, within which a footprint changes by this share of its energy.
MIN_MISFIT = 0.03


@dataclass(frozen=True)
class Evidence:
    """What speaks for two units being one neuron.

    Attributes
    ----------
    similarity : float
        Correlation of each with what the other one is predicted to look like.
    expected_misfit : float
        Share of the energy that the prediction cannot know, 0 to 1.
    log_rate_ratio : float
        Logarithm of the ratio of their firing rates, each where it was seen.
    log_rate_variance : float
        Variance of this number that follows from the numbers of spikes.
    """

    similarity: float
    expected_misfit: float
    log_rate_ratio: float
    log_rate_variance: float


def likelihood_ratio(evidence: Evidence, neighbour_similarity: float) -> float:
    """Compare two explanations of what is seen of two units: one neuron, or two neighbours.

    Parameters
    ----------
    evidence : Evidence
        Of the pair.
    neighbour_similarity : float
        Mean similarity of neighbours that are somewhat alike.

    Returns
    -------
    float
        Above 1: one neuron is likelier. 0 for units that are not alike at all.

    Notes
    -----
    With s the similarity, the misfit of the prediction is m = 1 - s^2. Of one neuron it has an exponential density
    between 0 and 1 whose scale is the expected misfit. The similarity of neighbours has an exponential density where
    it is positive. Rates are log-normal.

    Examples
    --------
    >>> alike, unlike = Evidence(0.8, 0.3, 0.0, 0.0), Evidence(0.4, 0.3, 0.0, 0.0)
    >>> round(likelihood_ratio(alike, 0.2)), round(likelihood_ratio(unlike, 0.2), 1)
    (113, 1.5)
    >>> round(likelihood_ratio(Evidence(0.8, 0.3, 2.0, 0.0), 0.2), 1)
    0.1
    """
    s = evidence.similarity
    if s <= 0:
        return 0.0
    misfit, expected = max(0.0, 1 - s**2), max(evidence.expected_misfit, MIN_MISFIT)
    of_one = 2 * s * np.exp(-misfit / expected) / (expected * (1 - np.exp(-1 / expected)))
    of_two = POSITIVE / neighbour_similarity * np.exp(-s / neighbour_similarity)
    rates = _normal(evidence, RATE_SD**2) / _normal(evidence, 2 * RATE_SD_OVER_NEURONS**2)
    return float(of_one / of_two * rates)


def _normal(evidence: Evidence, variance: float) -> float:
    total = variance + evidence.log_rate_variance
    return float(np.exp(-(evidence.log_rate_ratio**2) / (2 * total)) / np.sqrt(total))


def neighbour_similarity(similarity: Mapping[Pair, float]) -> float:
    """Estimate how alike different neurons are: the mean positive similarity of all pairs but the best of each unit.

    Parameters
    ----------
    similarity : mapping of (int, int) to float
        Of each pair.

    Returns
    -------
    float
        A weighted mean with what is usual on dense probes, which counts like 10 pairs.

    Examples
    --------
    >>> round(neighbour_similarity({}), 3)
    0.2
    """
    best: dict[int, float] = {}
    for pair, value in similarity.items():
        for unit in pair:
            best[unit] = max(best.get(unit, 0.0), value)
    others = [s for (a, b), s in similarity.items() if 0 < s < min(best[a], best[b])]
    return (sum(others) + N_PRIOR_PAIRS * NEIGHBOUR_SIMILARITY) / (len(others) + N_PRIOR_PAIRS)


def partner_probabilities(ratios: Mapping[Pair, float], pairs: Collection[Pair]) -> dict[Pair, float]:
    """Compute the probability that each pair is one neuron, given that a unit has at most one partner.

    Parameters
    ----------
    ratios : mapping of (int, int) to float
        Likelihood ratio of each pair that is possible.
    pairs : collection of (int, int)
        All pairs that were compared. The more there are of a unit, the less likely is each of them.

    Returns
    -------
    dict of (int, int) to float
        Of each pair in `ratios`.

    Examples
    --------
    Unit 0 may be one neuron with 1 or with 2, and 1 is much likelier:

    >>> found = partner_probabilities({(0, 1): 50.0, (0, 2): 3.0}, [(0, 1), (0, 2)])
    >>> {pair: round(p, 2) for pair, p in found.items()}
    {(0, 1): 0.91, (0, 2): 0.05}
    """
    n: dict[int, int] = {}
    for pair in pairs:
        for unit in pair:
            n[unit] = n.get(unit, 0) + 1
    odds = HAS_PARTNER / (1 - HAS_PARTNER)
    weight = {pair: odds * ratio / max(n[pair[0]], n[pair[1]]) for pair, ratio in ratios.items()}
    total: dict[int, float] = {}
    for pair, w in weight.items():
        for unit in pair:
            total[unit] = total.get(unit, 0.0) + w
    return {pair: w / (1 + total[pair[0]] + total[pair[1]] - w) for pair, w in weight.items()}
