#!/bin/sh
# Runs each method once, so that its kernels are compiled into NUMBA_CACHE_DIR.
set -e
place=$(mktemp -d)
spikesieve simulate tetrode --seconds 4 --out "$place/made" --quiet
for method in sieve kilosort4 kilosort2; do
    spikesieve sort "$place/made/recording.bin" --probe "$place/made/probe.json" --channels 16 --sampling-hz 30000 \
        --gain-uv 1 --method "$method" --out "$place/$method" --quiet
done
rm -r "$place"
chmod -R a+rX "$NUMBA_CACHE_DIR" "$MPLCONFIGDIR"
