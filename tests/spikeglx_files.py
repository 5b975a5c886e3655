"""Small recordings of SpikeGLX, with the tags that it writes."""

from __future__ import annotations

from pathlib import Path

import mtscomp
import numpy as np

REFERENCE = 191  # the internal reference of Neuropixels 1.0, which SpikeGLX marks as not used


def np1_tags(**changes: str | None) -> dict[str, str | None]:
    """The tags of a Neuropixels 1.0 (phase 3B) recording of all 384 contacts of bank 0."""
    imro = "".join(f"({c} 0 0 500 250 1)" for c in range(384))
    shank_map = "".join(f"(0:{c % 2}:{c // 2}:{int(c != REFERENCE)})" for c in range(384))
    return {
        "acqApLfSy": "384,384,1",
        "appVersion": "20201103",
        "fileCreateTime": "2021-02-06T13:34:39",
        "imAiRangeMax": "0.6",
        "imAiRangeMin": "-0.6",
        "imDatPrb_pn": "PRB_1_4_0480_1_C",
        "imDatPrb_sn": "18194814141",
        "imDatPrb_type": "0",
        "imSampRate": "30000.1234",
        "nSavedChans": "385",
        "snsApLfSy": "384,0,1",
        "snsSaveChanSubset": "0:383,768",
        "typeThis": "imec",
        "userNotes": "",
        "~imroTbl": f"(0,384){imro}",
        "~snsShankMap": f"(1,2,480){shank_map}",
        **changes,
    }


def np2_tags(n: int = 8, **changes: str | None) -> dict[str, str | None]:
    """The tags of a Neuropixels 2.0 four-shank recording of n contacts, two of each shank in turn."""
    sites = [((c // 2) % 4, c % 2, c // 8) for c in range(n)]  # shank, column, row
    imro = "".join(f"({c} {shank} 0 0 {2 * row + column})" for c, (shank, column, row) in enumerate(sites))
    geom = "".join(f"({shank}:{27 + 32 * column}:{15 * row}:1)" for shank, column, row in sites)
    return {
        "imAiRangeMax": "0.5",
        "imDatPrb_pn": "NP2010",
        "imDatPrb_type": "24",
        "imMaxInt": "8192",
        "imSampRate": "30000",
        "nSavedChans": str(n + 1),
        "snsApLfSy": f"{n},0,1",
        "snsSaveChanSubset": "all",
        "typeThis": "imec",
        "~imroTbl": f"(24,{n}){imro}",
        "~snsGeomMap": f"(NP2010,4,250,70){geom}",
        **changes,
    }


def nidq_tags(**changes: str | None) -> dict[str, str | None]:
    return {
        "nSavedChans": "17",
        "niAiRangeMax": "5",
        "niMAGain": "1",
        "niMNGain": "200",
        "niSampRate": "25000",
        "snsMnMaXaDw": "16,0,0,1",
        "snsSaveChanSubset": "all",
        "typeThis": "nidq",
        **changes,
    }


def record(
    folder: Path, tags: dict[str, str | None], n_samples: int = 10, name: str = "run_g0_t0.imec0.ap.bin"
) -> Path:
    """A recording of zeros with its .meta; a tag that is None is left out."""
    path = folder / name
    data = np.zeros((n_samples, int(tags.get("nSavedChans") or 1)), "<i2").tobytes()
    path.write_bytes(data)
    lines = {"fileSizeBytes": str(len(data)), **tags}
    path.with_suffix(".meta").write_text("\n".join(f"{k}={v}" for k, v in lines.items() if v is not None))
    return path


def compress(path: Path, numbers: np.ndarray, **options: object) -> Path:
    """Replace a .bin file by what mtscomp makes of these numbers."""
    numbers.tofile(path)
    cbin = path.with_suffix(".cbin")
    mtscomp.compress(
        path,
        cbin,
        path.with_suffix(".ch"),
        sample_rate=30_000,
        n_channels=numbers.shape[1],
        dtype=numbers.dtype,
        check_after_compress=False,
        **options,
    )
    path.unlink()
    return cbin
