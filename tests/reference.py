"""The judge of every kernel: the same functions, same names and arguments, as slow and obvious NumPy and Python loops.

Nothing here is clever. A kernel must agree with its namesake: integers exactly, floats within `tolerance`.
"""

from __future__ import annotations

import statistics

import numpy as np
from reference_pursuit import pursue as pursue
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import least_squares

EPS32 = float(np.finfo(np.float32).eps)


def tolerance(n_terms: int, size: float) -> float:
    """Worst rounding error of a float32 sum of n_terms products whose magnitudes add up to `size`."""
    return 2.0 * max(1, n_terms) * EPS32 * max(size, 1e-30)


def subtract_median(traces, group, n_groups):
    """In place: at every sample, the median over the channels of each group is subtracted from them; group -1 stays."""
    for g in range(n_groups):
        rows = np.flatnonzero(group == g)
        for t in range(traces.shape[1] if len(rows) else 0):
            traces[rows, t] -= np.median(traces[rows, t])


def median_magnitudes(rows, out):
    """out[i] = median of |rows[i]|, NaN where there is none or a NaN."""
    for i, row in enumerate(rows):
        out[i] = np.median(np.abs(row)) if len(row) else np.nan


def extremes(rows, low, high):
    """low[i], high[i] = smallest and largest of rows[i]; NaN where one is not finite."""
    for i, row in enumerate(rows):
        low[i], high[i] = (row.min(), row.max()) if np.isfinite(row).all() else (np.nan, np.nan)


def repeats(rows, length, found):
    """found[i] = whether a piece of rows[i] from a multiple of `length` on holds one value."""
    for i, row in enumerate(rows):
        starts = range(0, len(row) - length + 1, length)
        found[i] = any(len(set(row[start : start + length].tolist())) == 1 for start in starts)


def hidden_energy(blanked, contacts, waveforms, peak_index, out):
    """out[k, t] = energy of template k at sample t that lies in blanked samples."""
    n_samples = blanked.shape[1]
    for k, t in np.ndindex(*out.shape):
        at = t - peak_index + np.arange(waveforms.shape[2])
        inside = (at >= 0) & (at < n_samples)
        rows = blanked[contacts[k]][:, at[inside]] & (contacts[k] >= 0)[:, None]
        out[k, t] = (waveforms[k][:, inside].astype(np.float64) ** 2)[rows].sum()


def mark_runs(row, start, stop, mask):
    """In place: samples start[i] to stop[i] - 1 of row[i] become True."""
    for c, a, b in zip(row, start, stop, strict=True):
        mask[c, max(a, 0) : max(b, 0)] = True


def move_pieces(traces, row, start, stop, shift, moved):
    """moved[row, a + shift : b + shift] = traces[row, a:b]."""
    for c, a, b, later in zip(row, start, stop, shift, strict=True):
        moved[c, a + later : b + later] = traces[c, a:b]


def fill_gaps(row, start, stop, reach, traces):
    """In place: each gap becomes the cubic with the level and the slope of lines through what is beside it."""
    gaps = np.zeros(traces.shape, bool)
    mark_runs(row, start, stop, gaps)
    for c, a, b in zip(row, start, stop, strict=True):
        ends = []
        for first, step in ((a - 1, -1), (b, 1)):
            at = []
            while len(at) < reach and 0 <= first < traces.shape[1] and not gaps[c, first]:
                at.append(first)
                first += step
            degree = 1 if len(at) > reach // 2 else 0
            ends.append(np.polynomial.Polynomial.fit(at, traces[c, at], degree) if at else None)
        level = [line(at) if line else None for line, at in zip(ends, (a - 1, b), strict=True)]
        slope = [line.deriv()(0.0) if line else 0.0 for line in ends]
        level = [own if own is not None else other for own, other in (level, level[::-1])]
        curve = CubicHermiteSpline([a - 1, b], [0.0 if x is None else x for x in level], slope)
        traces[c, a:b] = curve(np.arange(a, b))


def mix(traces, step, matrix, out):
    """out = matrix @ rows, which lie `step` apart in `traces`."""
    n = out.shape[1]
    rows = np.stack([traces[c * step : c * step + n] for c in range(matrix.shape[1])]).astype(np.float64)
    out[...] = matrix.astype(np.float64) @ rows


def thin(traces, taps, out):
    """out[c, t] = sum_i taps[i] traces[c, 2 t - len(taps) // 2 + i]; traces are 0 beyond their ends."""
    for c in range(len(traces) if out.size else 0):
        out[c] = np.convolve(traces[c].astype(np.float64), taps[::-1])[len(taps) // 2 :][: traces.shape[1] : 2]


def sum_rows(rows, group, sums):
    """In place: each row is added to the sum it belongs to."""
    for row, k in zip(rows, group, strict=True):
        sums[k] += row.astype(np.float64)


def microvolts(raw, channels, offset_raw, gain_uv, out):
    """out[c, t] = (raw[t, k] - offset_raw[k]) gain_uv[k] with k = channels[c]."""
    for c, channel in enumerate(channels):
        for t in range(len(raw)):
            out[c, t] = (np.float32(raw[t, channel]) - np.float32(offset_raw[channel])) * np.float32(gain_uv[channel])


def butterworth(traces, offset, corner, out):
    """Amplitudes times 1 - 1 / (1 + (w / corner)^6) at every frequency w, in float64, far from the ends of the data."""
    n_channels, n_samples = traces.shape
    beside = int(80 / corner)
    for c in range(n_channels if n_samples else 0):
        padded = np.pad(traces[c].astype(np.float64) - float(offset[c]), beside, mode="edge")
        w = 2 * np.pi * np.fft.rfftfreq(padded.size)
        gain = 1.0 - 1.0 / (1.0 + (w / corner) ** 6)
        out[c] = np.fft.irfft(gain * np.fft.rfft(padded), padded.size)[beside : beside + n_samples]


def delay(traces, taps):
    """new[c, t] = sum_i taps[c, i] traces[c, t - n_taps // 2 + i], in float64; traces go on as they begin and end."""
    n_taps = taps.shape[1]
    beside = (n_taps // 2, n_taps - 1 - n_taps // 2)
    for c in range(len(traces) if traces.size else 0):
        padded = np.pad(traces[c].astype(np.float64), beside, mode="edge")
        traces[c] = np.correlate(padded, taps[c].astype(np.float64), "valid")


def sum_differences(differences, out):
    """out[t, c] = sum(differences[c, : t + 1]), in the type itself."""
    out[...] = np.cumsum(differences, axis=1, dtype=differences.dtype).T


def project(traces, components, peak_index, out):
    """out[c, p, t] = sum_j components[p, j] traces[c, t - peak_index + j]; 0 where the window leaves the block."""
    n_channels, n_samples = traces.shape
    n_components, n_window = components.shape
    out[...] = 0.0
    for c in range(n_channels):
        for p in range(n_components):
            for t in range(n_samples):
                start = t - peak_index
                if start >= 0 and start + n_window <= n_samples:
                    window = traces[c, start : start + n_window].astype(np.float64)
                    out[c, p, t] = np.dot(components[p].astype(np.float64), window)


def score(projections, near, weights, threshold, out):
    """out[u, t] = the largest over k, j of sum_i weights[u, k, i] projections[near[u, i], j, t], if above threshold."""
    n_shapes, n_samples = projections.shape[1:]
    n_centres, n_sizes, n_near = weights.shape
    for u in range(n_centres):
        for t in range(n_samples):
            best = 0.0
            for k in range(n_sizes):
                for j in range(n_shapes):
                    value = 0.0
                    for i in range(n_near):
                        if near[u, i] >= 0:
                            value += float(weights[u, k, i]) * float(projections[near[u, i], j, t])
                    if abs(value) > abs(best):
                        best = value
            out[u, t] = best if abs(best) > threshold else 0.0


def universal_scores(traces, shapes, peak_index, first, near, weights, threshold, out):
    """out[u, t] = `score` at sample first + t of the traces projected on the shapes."""
    projections = np.zeros((len(traces), len(shapes), max(traces.shape[1], first + out.shape[1])))
    project(traces, shapes, peak_index, projections[:, :, : traces.shape[1]])
    score(projections[:, :, first : first + out.shape[1]], near, weights, threshold, out)


def pick(scores, neighbours, half_window, first, last):
    """Non-zero entries that no entry within half_window samples on a neighbour exceeds; ties: earlier, then lower."""
    n_centres, n_samples = scores.shape
    found = []
    for t in range(first, last):
        for u in range(n_centres):
            mine = abs(scores[u, t])
            beaten = mine == 0
            for v in {u, *(int(v) for v in neighbours[u] if v >= 0)}:
                for s in range(max(0, t - half_window), min(n_samples, t + half_window + 1)):
                    other = abs(scores[v, s])
                    beaten = beaten or other > mine or (other == mine and (s, v) < (t, u))
            if not beaten:
                found.append((t, u, scores[u, t]))
    sample = np.array([t for t, _, _ in found], np.int64)
    centre = np.array([u for _, u, _ in found], np.int64)
    return sample, centre, np.array([value for _, _, value in found], np.float32)


def ascend(links, landmark_of, labels, n_labels, resolution, max_rounds):
    """Landmarks, then spikes, take the label with most links less what chance would give, until nothing changes."""
    n_spikes = len(links)
    spikes_of = [
        [i for i in range(n_spikes) for k in links[i] if k == landmark] for landmark in range(len(landmark_of))
    ]
    landmarks_of = [[int(k) for k in row if k >= 0] for row in links]
    spike_label = [int(x) for x in labels]
    landmark_label = [spike_label[i] for i in landmark_of]
    total = max(1.0, float(sum(len(mine) for mine in landmarks_of)))
    for _ in range(max_rounds):
        before = (list(spike_label), list(landmark_label))
        mass = [
            float(sum(len(landmarks_of[i]) for i in range(n_spikes) if spike_label[i] == c)) for c in range(n_labels)
        ]
        for k, mine in enumerate(spikes_of):
            linked = [spike_label[i] for i in mine]
            landmark_label[k] = _best_label(linked, mass, resolution * len(mine) / total, landmark_label[k])
        mass = [
            float(sum(len(mine) for k, mine in enumerate(spikes_of) if landmark_label[k] == c)) for c in range(n_labels)
        ]
        for i, mine in enumerate(landmarks_of):
            linked = [landmark_label[k] for k in mine]
            spike_label[i] = _best_label(linked, mass, resolution * len(mine) / total, spike_label[i])
        if before == (spike_label, landmark_label):
            break
    return np.array(spike_label, np.int64), np.array(landmark_label, np.int64)


def _best_label(linked, mass, penalty, current):
    if not linked:
        return current
    return max(sorted(set(linked)), key=lambda label: (linked.count(label) - penalty * mass[label], -label))


def explained_more(products, norm2, explained):
    """For each candidate the sum of max(2 x.c - |c|^2 - explained, 0) over the spikes."""
    return np.maximum(2 * products - norm2 - explained[:, None], 0).astype(np.float64).sum(axis=0)


def likeliest(at_rest, excess, of_template, template, norm_ratio, energy, cost, precision, least_amplitude):
    """The best unit of a table of gains, spikes by units."""
    ratio = norm_ratio[:, None]
    projection = ratio * (at_rest.astype(np.float64) - excess[:, None] * of_template[template])
    size = ratio**2 * energy + precision
    a = np.maximum((projection + precision) / size, least_amplitude)
    gain = 2 * a * (projection + precision) - a**2 * size - precision - cost
    best = gain.argmax(axis=1)
    at = np.arange(len(best)), best
    score = projection[at] / np.maximum(norm_ratio * np.sqrt(energy[best]), 1e-9)
    return best, a[at].astype(np.float32), score.astype(np.float32), gain[at] > 0


def gaining_pairs(products, a, b, norm2, explained):
    """Each centre and spike of the tile with 2 x.c - |c|^2 > explained, and that value; sorted."""
    pairs = []
    for i, j in np.ndindex(products.shape):
        pairs.append((b + j, a + i, 2 * products[i, j] - norm2[b + j]))
        if a != b:
            pairs.append((a + i, b + j, 2 * products[i, j] - norm2[a + i]))
    return sorted(pair for pair in pairs if pair[2] > explained[pair[1]])


def centres_of_pairs(edges, spike, value, norm2, explained, uniform):
    """Each time the first of the candidates with the largest gain, from a full table of what each explains of each."""
    n = len(norm2)
    table = np.full((n, n), -np.inf)
    table[np.repeat(np.arange(n), np.diff(edges)), spike] = value
    centres, explained = [], explained.astype(np.float64)
    for draws in uniform:
        unexplained = np.maximum(norm2 - explained, 0)
        if unexplained.sum() <= 0:
            break
        below = np.cumsum(unexplained) / unexplained.sum()
        candidates = sorted({min(n - 1, int((below <= draw).sum())) for draw in draws})
        centres.append(max(candidates, key=lambda c: np.maximum(table[c] - explained, 0).sum()))
        explained = np.maximum(explained, table[centres[-1]])
    return centres


def keep_nearest(away, a, b, both, distance2, nearest):
    """Sort the lists together with the others of the tile, and keep as many as before."""
    _keep_rows(away, a, b, distance2, nearest)
    if both:
        _keep_rows(away.T, b, a, distance2, nearest)


def _keep_rows(away, first, first_other, distance2, nearest):
    other = first_other + np.arange(away.shape[1])
    for i, row in enumerate(away, first):
        both = np.concatenate([distance2[i], row]), np.concatenate([nearest[i], other])
        order = np.argsort(both[0], kind="stable")[: len(distance2[i])]
        distance2[i], nearest[i] = both[0][order], both[1][order]


def nearest_first(points, others, nearest, n):
    """The n nearest of the listed others of each point, the nearest first."""
    distance = ((points[:, None].astype(np.float64) - others[nearest]) ** 2).sum(axis=2)
    return np.take_along_axis(nearest, np.argsort(distance, axis=1, kind="stable")[:, :n], axis=1)


def template_scores(traces, components, peak_index, contacts, weights, between, out):
    """out[k, t] = sum over the template's contacts of the window at t times its waveform there; 0 without a window.

    With weights `between`, those at odd t are sums of the even ones around, which are mirrored beyond their ends.
    """
    n_window = components.shape[1]
    for k, mine in enumerate(contacts):
        waveforms = weights[k].astype(np.float64) @ components.astype(np.float64)
        for t in range(traces.shape[1]):
            first = t - peak_index
            inside = first >= 0 and first + n_window <= traces.shape[1]
            windows = [(c, traces[contact, first : first + n_window]) for c, contact in enumerate(mine) if contact >= 0]
            out[k, t] = sum(window.astype(np.float64) @ waveforms[c] for c, window in windows) if inside else 0.0
    whole = [t for t in range(traces.shape[1]) if 0 <= t - peak_index <= traces.shape[1] - n_window]
    even, n = [t for t in whole if t % 2 == 0], len(between)
    if n and not even:
        out[:, whole] = 0.0
    elif n:
        known = np.pad(out[:, even].astype(np.float64), ((0, 0), (n, n)), mode="symmetric")
        for t in (t for t in whole if t % 2):
            after = n + (t + 1 - even[0]) // 2
            out[:, t] = sum(float(w) * (known[:, after - 1 - i] + known[:, after + i]) for i, w in enumerate(between))


def describe(traces, sample, contacts, components, peak_index, out):
    """out[i, c] = components @ the window of spike i on its contact c; 0 without a contact."""
    for i, t in enumerate(sample):
        for c, contact in enumerate(contacts[i]):
            window = traces[contact, t - peak_index :][: components.shape[1]].astype(np.float64)
            out[i, c] = components.astype(np.float64) @ window if contact >= 0 else 0.0


def pair_products(contacts, scores, n_contacts, offsets, neighbours):
    """For every pair scores.T @ scores of the two templates, written on all contacts."""
    dense = np.zeros((len(contacts), n_contacts, scores.shape[2]))
    for k, mine in enumerate(contacts):
        for c, contact in enumerate(mine):
            if contact >= 0:
                dense[k, contact] = scores[k, c]
    first = np.repeat(np.arange(len(contacts)), np.diff(offsets))
    return np.array([dense[k].T @ dense[j] for k, j in zip(first, neighbours, strict=True)]).reshape(
        -1, *[scores.shape[2]] * 2
    )


def extents(tables, least, multiple):
    """First and last column of at least this magnitude, the part made longer to a multiple; the largest magnitude."""
    part, n_columns = [], np.shape(tables)[1]
    for row in np.abs(tables):
        large = np.flatnonzero(row >= least)
        length = int(np.ceil((large[-1] + 1 - large[0]) / multiple)) * multiple if large.size else 0
        part.append([large[0], min(n_columns, large[0] + length)] if large.size else [0, 0])
    return np.array(part, np.int64).reshape(-1, 2), np.abs(tables).max(axis=1, initial=0)


def subtract_waveforms(traces, sample, template, value, contacts, waveforms, peak_index):
    """In place, per spike: traces[contact, t - peak_index + j] -= value waveforms[k, c, j]."""
    for t, k, v in zip(sample, template, value, strict=True):
        for c, contact in enumerate(contacts[k]):
            for j in range(waveforms.shape[2]):
                at = t - peak_index + j
                if contact >= 0 and 0 <= at < traces.shape[1]:
                    traces[contact, at] -= float(v) * float(waveforms[k, c, j])


def sum_waveforms(traces, blanked, sample, first, contacts, before, n_window):
    """Sums, sums of squares and numbers of values of each unit's waveforms on its contacts."""
    shape = (*contacts.shape, n_window)
    sums, squares, counts = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
    for k, c in np.argwhere(contacts >= 0):
        for t in sample[first[k] : first[k + 1]]:
            window = slice(t - before, t - before + n_window)
            wave = traces[contacts[k, c], window]
            sums[k, c] += wave
            squares[k, c] += wave**2
            counts[k, c] += ~blanked[contacts[k, c], window] if blanked.size else 1
    return sums, squares, counts


def correlogram(a, b, bin_samples, n_bins, same):
    """counts[n_bins + d] = number of pairs with d = (b - a) / bin rounded to the nearest, halves up."""
    counts = np.zeros(2 * n_bins + 1, np.int64)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            lag = int(np.floor((y - x) / bin_samples + 0.5))
            if abs(lag) <= n_bins and not (same and i == j):
                counts[n_bins + lag] += 1
    return counts


# Simulation and comparison


def add_waveforms(traces, sample, shift, amplitude, place, space, time, contacts, peak_index):
    """In place: each spike's waveform, a sum of products of space (linear between places) and time, on its contacts."""
    n_window = time.shape[2]
    for i in range(len(sample)):
        here = min(int(place[i]), len(space) - 1)
        there = min(here + 1, len(space) - 1)
        part = float(place[i]) - here
        weights = (1 - part) * space[here].astype(np.float64) + part * space[there].astype(np.float64)
        wave = float(amplitude[i]) * weights @ time[shift[i]].astype(np.float64)
        for c, contact in enumerate(contacts):
            for j in range(n_window):
                t = int(sample[i]) - peak_index + j
                if 0 <= t < traces.shape[1]:
                    traces[contact, t] += wave[c, j]


def coincidences(sample_a, unit_a, sample_b, unit_b, n_units_a, n_units_b, window_samples):
    """Pair by pair: a spike of a and one of b in the window match unless either was the last of its train to match."""
    rows = []
    for a in range(n_units_a):
        for b in range(n_units_b):
            times_b = sample_b[unit_b == b]
            count, last_b = 0, -1
            for t in sample_a[unit_a == a]:
                for j, s in enumerate(times_b):
                    if abs(int(s) - int(t)) <= window_samples and j != last_b:
                        count, last_b = count + 1, j
                        break
            if count:
                rows.append((a, b, min(count, len(times_b))))
    return tuple(np.array([row[i] for row in rows], np.int64) for i in range(3))


def triangulate(amplitude, contacts, positions_um, height_um, weights, out):
    """The point whose field b / d^3 fits the amplitudes of each spike best, by SciPy's least squares."""
    for i, near in enumerate(contacts):
        used = near >= 0
        a, xy = amplitude[i][used].astype(float), positions_um[near[used]]
        out[i] = np.nan
        if not (a > 0).any():
            continue
        a /= a.max()
        start = np.append((np.maximum(a, 0)[:, None] ** 2 * xy).sum(axis=0) / (np.maximum(a, 0) ** 2).sum(), height_um)

        def off(at, a=a, xy=xy):
            q = (((at[:2] - xy) ** 2).sum(axis=1) + np.exp(2 * at[2])) ** -1.5
            return a - max(0.0, (a @ q) / (q @ q)) * q

        def cost(at, off=off, start=start):
            prior = [weights[0] * (at[2] - np.log(height_um)), *(weights[1] * (at[:2] - start[:2]))]
            return np.append(off(at), prior)

        found = least_squares(cost, np.append(start[:2], np.log(height_um)), xtol=1e-12, ftol=1e-12, gtol=1e-12)
        out[i] = *found.x[:2], np.exp(found.x[2]), np.sqrt((off(found.x) ** 2).mean())


def gaussian_above_tail(x, least, mean, sd, bounds, max_steps, close):
    """The same by whole arrays, written as the densities are."""
    normal = statistics.NormalDist()
    share, tail = 0.8, 1.0
    for _ in range(max_steps):
        seen = max(normal.cdf((mean - least) / sd), 1e-6)
        mine = share * np.exp(-(((x - mean) / sd) ** 2) / 2) / (np.sqrt(2 * np.pi) * sd * seen)
        other = (1 - share) * np.exp(-(x - least) / tail) / tail
        of_mine = mine / np.maximum(mine + other, 1e-300)
        mass = max(of_mine.sum(), 1e-9)
        seen_mean = (of_mine * x).sum() / mass
        variance = (of_mine * (x - seen_mean) ** 2).sum() / mass
        below = (least - mean) / sd
        hazard = normal.pdf(below) / max(normal.cdf(-below), 1e-6)
        before = mean, sd, tail
        mean = max(seen_mean - sd * hazard, bounds[5] * seen_mean)
        widest = np.hypot(bounds[3], bounds[4] * mean)
        sd = np.clip(np.sqrt(variance / max(1 + below * hazard - hazard**2, 0.2)), bounds[2], widest)
        share = np.clip(of_mine.mean(), 0.02, 0.999)
        tail = np.clip(((1 - of_mine) * (x - least)).sum() / max((1 - of_mine).sum(), 1e-9), bounds[0], bounds[1])
        if np.abs(np.array([mean, sd, tail]) - before).sum() < close:
            break
    return mean, sd, share, tail


def two_gaussians(white, share, fewest, ridge, max_steps, close):
    """The same with the covariance written out."""
    n, n_dims = white.shape
    upper = lower = np.zeros(n_dims)
    log_odds, p = np.zeros(n), 0.0
    for _ in range(max_steps):
        mass = share.sum()
        if not fewest <= mass <= n - fewest:
            return False, log_odds, upper, lower, p
        upper, lower, p = share @ white / mass, (1 - share) @ white / (n - mass), mass / n
        apart = upper - lower
        within = (1 + ridge) * np.eye(n_dims) - p * (1 - p) * np.outer(apart, apart)
        weights = np.linalg.solve(within, apart)
        log_odds = white @ weights - (upper + lower) @ weights / 2 + np.log(p / (1 - p))
        previous, share = share, 1 / (1 + np.exp(-np.clip(log_odds, -700, None)))
        if np.abs(share - previous).max() < close:
            break
    return True, log_odds, upper, lower, p


# The app


def rows_by_unit(unit, first, place, n_units):
    """Rows of the spikes of each unit one after the other, and where each unit begins and ends."""
    k = np.asarray(unit, np.int64) - first
    own = np.array([place[i] if 0 <= i < len(place) else -1 for i in k], np.int64)
    parts = [np.flatnonzero(own == u) for u in range(n_units)]
    return np.concatenate([np.empty(0, int), *parts]), np.cumsum([0, *map(len, parts)])


def column_extremes(rows, low, high):
    parts = rows.reshape(*low.shape, -1)
    low[:], high[:] = parts.min(axis=2), parts.max(axis=2)


def in_polygon(x, y, corners):
    """Whether a ray to the right crosses an odd number of edges."""
    found = np.zeros(len(x), bool)
    for (x0, y0), (x1, y1) in zip(np.roll(corners, 1, axis=0), corners, strict=True):
        crosses = (y0 >= y) != (y1 >= y)
        with np.errstate(divide="ignore", invalid="ignore"):
            found ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return found


def count_in_pixels(x, y, box, width, height):
    """Points of each pixel; the right and the lower edge belong to the last ones."""
    left, right, bottom, top = box
    counts = np.zeros((height, width), np.int32)
    for a, b in zip(x, y, strict=True):
        if left <= a <= right and bottom <= b <= top:
            column, row = int((a - left) / (right - left) * width), int((top - b) / (top - bottom) * height)
            counts[min(row, height - 1), min(column, width - 1)] += 1
    return counts


def count_later(train, away, n_later, n_lags):
    """Lags to the first spikes that come at least `away` later."""
    counts = np.zeros(n_lags, np.int64)
    for i, t in enumerate(train):
        lags = [later - t for later in train if later >= t + away[i]][:n_later]
        for lag in lags:
            if lag < n_lags:
                counts[lag] += 1
    return counts


def move_features(features, first, contacts, units, wanted):
    """A table of contact to feature for each spike."""
    moved = []
    for unit in units.tolist():
        for spike in features[first[unit] : first[unit + 1]]:
            known = {c: own for c, own in zip(contacts[unit].tolist(), spike, strict=True) if c >= 0}
            moved.append([known.get(c, np.zeros(spike.shape[1])) for c in wanted.tolist()])
    return np.array(moved, np.float32).reshape(len(moved), len(wanted), features.shape[2])


def sum_scatter(scatter, contacts, units, wanted):
    """A selection of rows and columns for each unit."""
    n_pcs = scatter.shape[2]
    sums = np.zeros((len(wanted), n_pcs, len(wanted), n_pcs))
    for unit in units.tolist():
        to, of = np.nonzero((wanted[:, None] == contacts[unit]) & (wanted[:, None] >= 0))
        for v, a in zip(to.tolist(), of.tolist(), strict=True):
            sums[v][:, to] += scatter[unit, a][:, of]
    return sums


def pairs_at_lags(counts, reach, jitter, beside, far):
    """Convolutions of the correlogram with windows of ones, one of which has a hole."""
    first, last = beside
    lag = np.arange(len(counts)) - len(counts) // 2
    ring = np.ones(2 * last + 1)
    ring[last - first + 1 : last + first] = 0
    mean_beside = np.convolve(counts, ring, "same") / ring.sum()
    mean_far = (counts[np.abs(lag) >= far].sum() + 1) / np.count_nonzero(np.abs(lag) >= far)
    n_pairs = np.convolve(counts, np.ones(2 * jitter + 1), "same")
    by_chance = (2 * jitter + 1) * np.maximum(mean_beside, mean_far)
    return n_pairs[np.abs(lag) <= reach], by_chance[np.abs(lag) <= reach]
