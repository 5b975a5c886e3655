"""A script as it is written for Kilosort4, by the steps of its tutorial: probe, sort, results, figures.

    python kilosort4_script.py FILE PROBE N_CHANNELS RESULTS                          with Kilosort4
    python -m spikesieve.kilosort kilosort4_script.py FILE PROBE N_CHANNELS RESULTS   with spikesieve

PROBE is any file that `kilosort.io.load_probe` reads. The figures are written into RESULTS as well.
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from kilosort import DEFAULT_SETTINGS, io, run_kilosort
from kilosort.io import load_ops

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib import gridspec

file, probe_file, n_channels, results = sys.argv[1:]
results_dir = Path(results)

# Sort.
probe = io.load_probe(probe_file)
settings = DEFAULT_SETTINGS
settings["n_chan_bin"] = int(n_channels)
ops, st, clu, tF, Wall, similar_templates, is_ref, est_contam_rate, kept_spikes = run_kilosort(
    settings=settings, probe=probe, filename=file, results_dir=results_dir
)
print(len(st), "spikes,", len(np.unique(clu)), "units,", int(is_ref.sum()), "refractory")
print("tF", tuple(tF.shape), "Wall", tuple(Wall.shape), "similarity", similar_templates.shape)
print("kept", int(kept_spikes.sum()), "contamination", est_contam_rate.shape)

# Read the results.
ops = load_ops(results_dir / "ops.npy")
camps = pd.read_csv(results_dir / "cluster_Amplitude.tsv", sep="\t")["Amplitude"].values
contam_pct = pd.read_csv(results_dir / "cluster_ContamPct.tsv", sep="\t")["ContamPct"].values
chan_map = np.load(results_dir / "channel_map.npy")
templates = np.load(results_dir / "templates.npy")
chan_best = chan_map[(templates**2).sum(axis=1).argmax(axis=-1)]
amplitudes = np.load(results_dir / "amplitudes.npy")
st = np.load(results_dir / "spike_times.npy")
clu = np.load(results_dir / "spike_clusters.npy")
firing_rates = np.unique(clu, return_counts=True)[1] * ops["fs"] / st.max()
dshift = ops["dshift"]

# Drift, raster, and histograms of the units.
gray = 0.5 * np.ones(3)
fig = plt.figure(figsize=(10, 10), dpi=100)
grid = gridspec.GridSpec(3, 3, figure=fig, hspace=0.5, wspace=0.5)
ax = fig.add_subplot(grid[0, 0])
ax.plot(np.arange(0, ops["Nbatches"]) * 2, dshift)
ax.set(xlabel="time (sec.)", ylabel="drift (um)")

ax = fig.add_subplot(grid[0, 1:])
t1 = np.nonzero(st > ops["fs"] * 5)[0][0]
ax.scatter(st[:t1] / ops["fs"], chan_best[clu[:t1]], s=0.5, color="k", alpha=0.25)
ax.set(xlim=(0, 5), ylim=(chan_map.max(), 0), xlabel="time (sec.)", ylabel="channel", title="spikes from units")

ax = fig.add_subplot(grid[1, 0])
ax.hist(firing_rates, 20, color=gray)
ax.set(xlabel="firing rate (Hz)", ylabel="# of units")
ax = fig.add_subplot(grid[1, 1])
ax.hist(camps, 20, color=gray)
ax.set(xlabel="amplitude", ylabel="# of units")
ax = fig.add_subplot(grid[1, 2])
counts = ax.hist(np.minimum(100, contam_pct), np.arange(0, 105, 5), color=gray)[0]
ax.plot([10, 10], [0, counts.max()], "k--")
ax.set(xlabel="% contamination", ylabel="# of units", title="< 10% = good units")

for k in range(2):
    ax = fig.add_subplot(grid[2, k])
    good = contam_pct < 10.0
    ax.scatter(firing_rates[~good], camps[~good], s=3, color="r", label="mua", alpha=0.25)
    ax.scatter(firing_rates[good], camps[good], s=3, color="b", label="good", alpha=0.25)
    ax.set(xlabel="firing rate (Hz)", ylabel="amplitude (a.u.)", title="loglog" if k else "")
    ax.legend()
    if k:
        ax.set(xscale="log", yscale="log")
fig.savefig(results_dir / "tutorial_units.png")

# Waveforms of units on the channels around the best one.
probe = ops["probe"]
xc, yc = probe["xc"], probe["yc"]
n_shown = 16
for name, units in (("good", np.nonzero(contam_pct < 10.0)[0]), ("mua", np.nonzero(contam_pct >= 10.0)[0])):
    fig = plt.figure(figsize=(12, 3), dpi=150)
    grid = gridspec.GridSpec(2, 20, figure=fig, hspace=0.25, wspace=0.5)
    for k, unit in enumerate(units[:40]):
        wv, cb = templates[unit], chan_best[unit]
        ax = fig.add_subplot(grid[k // 20, k % 20])
        ic0, ic1 = max(0, cb - n_shown // 2), min(wv.shape[-1], cb + n_shown // 2)
        wv, x0, y0 = wv[:, ic0:ic1], xc[ic0:ic1], yc[ic0:ic1]
        for ii, (xi, yi) in enumerate(zip(x0, y0, strict=True)):
            t = np.arange(-wv.shape[0] // 2, wv.shape[0] // 2, 1, "float32") / (wv.shape[0] / 20)
            ax.plot(xi + t, yi + wv[:, ii] * 4, lw=0.5, color="k")
        ax.set_title(str((clu == unit).sum()), fontsize="small")
        ax.axis("off")
    fig.savefig(results_dir / f"tutorial_{name}.png")
print("figures in", results_dir)
