"""Units compete for spikes: each spike to the unit that makes it likeliest, each unit to the mean of its spikes.

The noise of features has SD 1 in every score and is independent, so the likelihood of a spike under a unit is that of
its distance. See docs/sieve.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from spikesieve.model import F32, F64, I32, I64, Bool
from spikesieve.settings.fit import FitParams
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.mixtures import above_tail

# A unit competes for spikes whose contacts hold this share of its energy; its contacts are those that so many spikes
SEEN_ENERGY, SEEN_SPIKES = 0.8, 0.5
# Fewer scores than this tell no tail from a neuron.
ENOUGH_SCORES = 30
# Spikes have one cut where their template's sizes differ less than this.
LOG_SIZE = 0.15
# Spikes that are weighed against their rivals at a time, by each worker.
AT_ONCE = 5_000
# Cuts that are looked for by one worker before it asks for more.
CUTS_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Matched:
    """Spikes as matching left them.

    sample    (n,) int64;  source (n,) int32 template;  features (n_all, n_near, n_pcs) float32, noise of SD 1
    excess    (n,) float32, score of each spike over the least that would have been accepted, in noise SD
    amplitude (n,) float32, how much of the template was subtracted for it, and then put back at rest
    size      (n,) float32, norm of its template where it was matched over that at rest
    contacts  (n_sources, n_near) int64, where the spikes of each source are described, -1 = none
    templates (n_sources, n_near, n_pcs) float32, at rest
    pcs       (n_pcs, n_waveform_samples) float32
    sampling_hz, duration_s  of what was matched
    feature_row  (n,) int64, the row of `features` of each spike where these are some of all; None: all, in order
    """

    sample: I64
    source: I32
    features: F32
    excess: F32
    amplitude: F32
    size: F32
    contacts: I64
    templates: F32
    pcs: F32
    sampling_hz: float
    duration_s: float
    feature_row: I64 | None = None

    def take(self, rows: I64) -> Matched:
        """The spikes `rows`; their features stay where they are."""
        columns = {name: getattr(self, name)[rows] for name in ("sample", "source", "excess", "amplitude", "size")}
        return replace(self, **columns, feature_row=self._row_of(rows))

    def features_of(self, rows: I64) -> F32:
        """(len(rows), n_near, n_pcs) float32."""
        return np.asarray(self.features[self._row_of(rows)])

    def _row_of(self, rows: I64) -> I64:
        return rows if self.feature_row is None else self.feature_row[rows]


@dataclass(frozen=True, eq=False)
class Piece:
    """Spikes that are described on the same contacts.

    contacts  (n_near,) int64;  used (n_feature_contacts,) bool, where they are among the described ones
    rows      (n,) int64
    in_memory (n, n_near * n_pcs) float32, or None where the features are read whenever they are asked for
    """

    contacts: I64
    used: Bool
    rows: I64
    in_memory: F32 | None = None

    def x(self, matched: Matched) -> F32:
        """The features, (n, n_near * n_pcs) float32."""
        if self.in_memory is not None:
            return self.in_memory
        x = matched.features_of(self.rows)[:, self.used]
        return np.ascontiguousarray(x.reshape(len(self.rows), x.shape[1] * x.shape[2]), dtype=np.float32)

    def cut(self, at_once: int) -> list[Piece]:
        """The same spikes in pieces of at most so many."""
        parts = [slice(start, start + at_once) for start in range(0, len(self.rows), at_once)]
        kept = self.in_memory
        return [Piece(self.contacts, self.used, self.rows[p], None if kept is None else kept[p]) for p in parts]


@dataclass(frozen=True, eq=False)
class Membership:
    """To which unit each spike belongs, (n,) each: unit int64 (-1 = none), amplitude, score float32, mine bool.

    mine  False for spikes that the unit would take, but that are more likely others' or noise
    """

    unit: I64
    amplitude: F32
    score: F32
    mine: Bool

    def counts(self, n_units: int) -> I64:
        """(n_units,) int64 spikes."""
        return np.bincount(self.unit[self.mine & (self.unit >= 0)], minlength=n_units).astype(np.int64)


def nobodys(n: int) -> Membership:
    """Spikes that belong to no unit yet; all n share the same few bytes, which cannot be written."""
    none, one, no = np.broadcast_to(np.int64(-1), n), np.broadcast_to(np.float32(1), n), np.broadcast_to(np.False_, n)
    return Membership(none, one, one, no)


@dataclass(frozen=True, eq=False)
class Means:
    """Mean scores of units on all contacts: scores (n_units, n_contacts, n_pcs), seen (n_units, n_contacts) bool.

    n_spikes  (n_units,) float64, estimated for the whole recording where only some spikes were used
    """

    scores: F64
    seen: Bool
    n_spikes: F64

    @cached_property
    def norms(self) -> F64:
        """(n_units,) float64 in noise SD."""
        return np.asarray(np.sqrt((self.scores**2).sum(axis=(1, 2))))


def pieces_of(matched: Matched, rows: I64) -> list[Piece]:
    """The spikes `rows`, (n,) int64, by the contacts they are described on."""
    sets, of_source = np.unique(matched.contacts, axis=0, return_inverse=True)
    piece = of_source.ravel()[matched.source[rows]]
    parts = [(contacts, contacts >= 0, rows[piece == i]) for i, contacts in enumerate(sets)]
    return [Piece(contacts[used], used, mine) for contacts, used, mine in parts if len(mine)]


def compete(
    matched: Matched,
    pieces: Sequence[Piece],
    now: Membership,
    weight: F64,
    n_units: int,
    fit: FitParams,
    n_rounds: int,
    share: Share = map,
) -> tuple[Membership, Means]:
    """Every spike to the unit that makes it likeliest, every unit to the mean of its spikes, n_rounds times."""
    means = mean_scores(matched, pieces, now, weight, n_units, share)
    for _ in range(n_rounds):
        now = assign(matched, pieces, means, now, fit, share)
        now = replace(now, mine=now.mine & above_cuts(matched, now, means, fit, share))
        means = mean_scores(matched, pieces, now, weight, n_units, share)
    return now, means


def mean_scores(
    matched: Matched, pieces: Sequence[Piece], now: Membership, weight: F64, n_units: int, share: Share = map
) -> Means:
    """Mean of each unit's spikes where at least half of them were seen, shrunk by its own noise (James-Stein)."""
    n_pcs = matched.features.shape[2]
    n_contacts = int(matched.contacts.max(initial=-1)) + 1
    sums = np.zeros((n_units, n_contacts, n_pcs))
    size, n_seen = np.zeros((n_units, n_contacts)), np.zeros((n_units, n_contacts))
    parts = share(partial(_sums, matched=matched, now=now), pieces)
    for piece, (units, products, sizes, n_rows) in zip(pieces, parts, strict=True):
        at = np.ix_(units, piece.contacts)
        sums[at] += products.reshape(len(units), len(piece.contacts), n_pcs)
        size[at] += sizes[:, None]
        n_seen[at] += n_rows[:, None]
    counts = now.counts(n_units)
    seen = (n_seen >= SEEN_SPIKES * counts[:, None]) & (n_seen > 0)
    scores = sums / np.maximum(size, 1e-9)[:, :, None] * seen[:, :, None]
    noise = n_pcs / np.maximum(n_seen, 1)
    scores *= np.maximum(0.0, 1 - noise / np.maximum((scores**2).sum(axis=2), 1e-12))[:, :, None]
    inside = now.mine & (now.unit >= 0)
    estimated = np.bincount(now.unit[inside], weights=weight[inside], minlength=n_units)
    return Means(scores, seen, estimated.astype(np.float64))


def _sums(piece: Piece, matched: Matched, now: Membership) -> tuple[I64, F32, F32, F32]:
    """The units with spikes in a piece; sums of these spikes' scores and amplitudes; how many there are."""
    rows = np.flatnonzero(now.mine[piece.rows] & (now.unit[piece.rows] >= 0))
    units, column = np.unique(now.unit[piece.rows[rows]], return_inverse=True)
    member = np.zeros((len(units), len(rows)), np.float32)
    member[column, np.arange(len(rows))] = 1.0
    return units, member @ piece.x(matched)[rows], member @ now.amplitude[piece.rows[rows]], member.sum(axis=1)


def assign(
    matched: Matched, pieces: Sequence[Piece], means: Means, now: Membership, fit: FitParams, share: Share = map
) -> Membership:
    """The spikes of the pieces to the units that gain most by them; `mine` where that is more than noise would."""
    unit, amplitude = now.unit.copy(), now.amplitude.copy()
    score, mine = now.score.copy(), now.mine.copy()
    some = [part for piece in pieces for part in piece.cut(AT_ONCE)]
    for piece, found in zip(some, share(partial(_assigned, means=means, matched=matched, fit=fit), some), strict=True):
        unit[piece.rows], amplitude[piece.rows], score[piece.rows], mine[piece.rows] = found
    return Membership(unit, amplitude, score, mine)


def _assigned(piece: Piece, means: Means, matched: Matched, fit: FitParams) -> tuple[I64, F32, F32, Bool]:
    """Unit, amplitude, score and mine of each spike of a piece. The gain is that of `kernels.pursue`."""
    n = len(piece.rows)
    local = means.scores[:, piece.contacts].reshape(len(means.norms), -1)
    energy = (local**2).sum(axis=1)
    rivals = np.flatnonzero((energy > 0) & (energy >= SEEN_ENERGY * means.norms**2))
    if len(rivals) == 0 or n == 0:
        return np.full(n, -1), np.ones(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.bool_)
    precision = fit.amplitude_cv**-2.0
    rate_hz = np.maximum(means.n_spikes[rivals], 1.0) / matched.duration_s
    cost = 2 * np.log(matched.sampling_hz / rate_hz)
    projection, here = _as_seen(piece, local[rivals], matched)
    size = here[:, None] ** 2 * energy[rivals] + precision
    amplitude = np.maximum((projection + precision) / size, fit.min_amplitude_ratio)
    gain = 2 * amplitude * (projection + precision) - amplitude**2 * size - precision - cost
    best = gain.argmax(axis=1)
    at = np.arange(n), best
    score = projection[at] / np.maximum(here * np.sqrt(energy[rivals][best]), 1e-9)
    return rivals[best], amplitude[at].astype(np.float32), score.astype(np.float32), gain[at] > 0


def _as_seen(piece: Piece, local: F64, matched: Matched) -> tuple[F64, F64]:
    """Projections of spikes on units where the spikes were matched, (n, n_units), and sizes there over rest, (n,).

    At rest a spike is what its template did not explain, whose noise has SD 1, and its template at rest. Where the
    template is smaller than at rest the spike is judged with that smaller one: what noise looks like must not grow.
    """
    here = matched.size[piece.rows].astype(np.float64)
    put_back = (1 - here) * matched.amplitude[piece.rows]
    sources, which = np.unique(matched.source[piece.rows], return_inverse=True)
    used = matched.contacts[sources[0]] >= 0
    own = matched.templates[sources][:, used].reshape(len(sources), -1).astype(np.float64) @ local.T
    at_rest = (piece.x(matched) @ local.T.astype(np.float32)).astype(np.float64)
    return here[:, None] * (at_rest - put_back[:, None] * own[which]), here


def above_cuts(matched: Matched, now: Membership, means: Means, fit: FitParams, share: Share = map) -> Bool:
    """Which spikes score above the cut of their unit, (n,) bool: below it they are more likely of others.

    Each unit has a cut for every size that it was seen at.
    """
    above = np.ones(len(now.unit), np.bool_)
    enough = [rows for rows in _of_one_size(matched, now) if len(rows) >= ENOUGH_SCORES]
    some = [enough[i : i + CUTS_AT_ONCE] for i in range(0, len(enough), CUTS_AT_ONCE)]
    for group, found in zip(some, share(partial(_above_own, matched, now, means, fit), some), strict=True):
        above[np.concatenate(group)] = found
    return above


def _of_one_size(matched: Matched, now: Membership) -> list[I64]:
    """The spikes of each unit at each size."""
    inside = np.flatnonzero(now.mine & (now.unit >= 0))
    sizes = np.round(np.log(np.maximum(matched.size[inside], 1e-3)) / LOG_SIZE).astype(np.int16)
    order = np.lexsort((sizes, now.unit[inside]))
    rows, sizes = inside[order], sizes[order]
    changes = np.flatnonzero((np.diff(now.unit[rows]) != 0) | (np.diff(sizes) != 0)) + 1
    return np.split(rows, changes)


def _above_own(matched: Matched, now: Membership, means: Means, fit: FitParams, spikes: list[I64]) -> Bool:
    """Which of the spikes, of one unit and size each, score above the cut of those."""
    found = []
    for rows in spikes:
        scores = now.score[rows]
        norm = float(means.norms[now.unit[rows[0]]] * np.median(matched.size[rows]))
        found.append(
            scores >= above_tail(scores, float(scores.min()), norm, fit.amplitude_cv).cut(fit.min_membership_odds)
        )
    return np.concatenate(found)
