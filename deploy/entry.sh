#!/bin/sh
# Starts spikesieve in a container. Numba writes beside the kernels that it finds, and an image often cannot be written:
# then they are copied to a place that can.
if [ ! -w "$NUMBA_CACHE_DIR" ]; then
    own="${TMPDIR:-/tmp}/spikesieve-numba-$(id -u)"
    [ -d "$own" ] || { cp -r "$NUMBA_CACHE_DIR" "$own.$$" && mv -T "$own.$$" "$own" 2>/dev/null || rm -rf "$own.$$"; }
    export NUMBA_CACHE_DIR="$own"
fi
# On Kubernetes the pods of a cluster start Dask's own programs.
case "$1" in dask*) exec "$@" ;; esac
exec spikesieve "$@"
