"""Where SpikeGLX says that contacts are: fields as recorded files of each probe have them, positions by probeinterface.

Each case has some channels of a recording: the rows of its ~imroTbl, those of its map, and their positions in um.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import probeinterface
import pytest
from spikeglx_files import np1_tags, record

from spikesieve.io.recordings.formats.spikeglx_meta import SpikeGlxMeta, read_spikeglx_meta


@dataclass(frozen=True)
class Case:
    """A probe type and its tables."""

    part: str | None
    kind: str | None
    imro: str
    map: str
    places_um: list[tuple[float, float]]
    shanks: list[int] = field(default_factory=lambda: [0])
    gain_uv: float = 0.6 / 512 / 500 * 1e6
    tags: dict[str, str | None] = field(default_factory=dict)


NP1_GAIN = "500 250 1"
CASES = {
    "phase 3A": Case(
        None,
        None,
        "(262720641,3,384)" + "".join(f"({c} 0 0 500 250)" for c in range(4)),
        "(1,2,480)(0:0:0:1)(0:1:0:1)(0:0:1:1)(0:1:1:1)",
        [(16, 0), (48, 0), (0, 20), (32, 20)],
        tags={"imProbeOpt": "3"},
    ),
    "1.0": Case(
        "PRB_1_4_0480_1_C",
        "0",
        f"(0,384)(0 0 0 {NP1_GAIN})(1 1 0 {NP1_GAIN})(2 0 0 {NP1_GAIN})(3 1 0 {NP1_GAIN})",
        "(1,2,480)(0:0:0:1)(0:1:192:1)(0:0:1:1)(0:1:193:1)",
        [(16, 0), (48, 3840), (0, 20), (32, 3860)],
    ),
    "1.0 by CatGT": Case(
        "PRB_1_4_0480_1_C",
        "0",
        "(0,384)" + "".join(f"({c} 0 1 500 50 1)" for c in range(4)),
        "(1,2,480)(0:0:0:1)(0:1:0:1)(0:0:1:1)(0:1:1:1)",
        [(16, 0), (48, 0), (0, 20), (32, 20)],
        tags={"catGTCmdline0": "<CatGT -g=0 -t=0 -ap>", "catNFiles": "1", "imMaxInt": "512"},
    ),
    "long, for primates": Case(
        "NP1030",
        "1030",
        "(1030,384)" + "".join(f"({c} 0 0 {NP1_GAIN})" for c in range(4)),
        "(1,2,2208)(0:0:0:1)(0:1:0:1)(0:0:1:1)(0:1:1:1)",
        [(16, 0), (103, 0), (0, 20), (87, 20)],
    ),
    "short, for primates, of type 0": Case(
        "NP1015",
        "0",
        "(0,384)" + "".join(f"({c} 0 0 {NP1_GAIN})" for c in range(4)),
        "(1,2,480)(0:0:0:1)(0:1:0:1)(0:0:1:1)(0:1:1:1)",
        [(0, 0), (32, 0), (0, 20), (32, 20)],
    ),
    "Ultra": Case(
        "NP1100",
        "1100",
        "(1100,384)" + "".join(f"({c} 0 0 {NP1_GAIN})" for c in range(10)),
        "(1,8,48)" + "".join(f"(0:{c % 8}:{c // 8}:1)" for c in range(10)),
        [*((6.0 * c, 0) for c in range(8)), (0, 6), (6, 6)],
    ),
    "Ultra, switchable": Case(
        "NP1110",
        "1110",
        "(1110,2,0,500,250,1)" + "".join(f"({group} 2 2)" for group in range(24)),
        "(NP1110,1,0,73)(0:15.5:576:1)(0:57.5:618:1)(0:21.5:576:1)(0:51.5:618:1)",
        [(0, 576), (42, 618), (6, 576), (36, 618)],
        tags={"imMaxInt": "512", "snsSaveChanSubset": "0:3,768"},
    ),
    "2.0, one shank": Case(
        "PRB2_1_2_0640_0",
        "21",
        "(21,384)(0 1 0 0)(1 1 0 1)(2 1 0 2)(3 1 0 3)",
        "(1,2,640)(0:0:0:1)(0:1:0:1)(0:0:1:1)(0:1:1:1)",
        [(0, 0), (32, 0), (0, 15), (32, 15)],
        gain_uv=0.5 / 8192 / 80 * 1e6,
        tags={"imAiRangeMax": "0.5", "imMaxInt": "8192"},
    ),
    "2.0, four shanks": Case(
        "NP2010",
        "24",
        "(24,384)(0 3 1 0 576)(1 3 1 0 577)(2 1 1 0 576)(3 1 1 0 575)",
        "(4,2,640)(3:0:288:1)(3:1:288:1)(1:0:288:1)(1:1:287:1)",
        [(750, 4320), (782, 4320), (250, 4320), (282, 4305)],
        [3, 3, 1, 1],
        gain_uv=0.5 / 8192 / 80 * 1e6,
        tags={"imAiRangeMax": "0.5", "imMaxInt": "8192"},
    ),
    "2.0, four shanks, 12 bits": Case(
        "NP2013",
        "2013",
        "(2013,384)(0 0 0 0 0)(1 0 0 0 1)(2 2 0 0 0)(3 0 0 0 287)",
        "(NP2013,4,250,70)(0:27:0:1)(0:59:0:1)(2:27:0:1)(0:59:2145:1)",
        [(0, 0), (32, 0), (500, 0), (32, 2145)],
        [0, 0, 2, 0],
        gain_uv=0.62 / 2048 / 100 * 1e6,
        tags={"imAiRangeMax": "0.62", "imChan0apGain": "100"},
    ),
    "Quad Base": Case(
        "NP2020",
        "2020",
        "(NP2020,1536)(0 0 0 0 0)(1 0 0 0 1)(2 2 0 0 0)(3 3 0 0 383)",
        "(NP2020,4,250,70)(0:27:0:1)(0:59:0:1)(2:27:0:1)(3:59:2865:1)",
        [(0, 0), (32, 0), (500, 0), (782, 2865)],
        [0, 0, 2, 3],
        gain_uv=0.62 / 2048 / 100 * 1e6,
        tags={"imAiRangeMax": "0.62", "snsApLfSy": "4,0,4", "nSavedChans": "8"},
    ),
}


def read(folder, case: Case, **changes: str | None) -> tuple[SpikeGlxMeta, probeinterface.Probe]:
    n = len(case.places_um)
    table = {"~snsGeomMap" if case.map.startswith("(NP") else "~snsShankMap": case.map, "~imroTbl": case.imro}
    tags = {
        **np1_tags(imDatPrb_pn=case.part, imDatPrb_type=case.kind, nSavedChans=f"{n + 1}", snsApLfSy=f"{n},0,1"),
        "snsSaveChanSubset": "all",
        "acqApLfSy": f"{n},0,1",
        "~snsShankMap": None,
    }
    path = record(folder, tags | table | case.tags | changes).with_suffix(".meta")
    return read_spikeglx_meta(path), probeinterface.read_spikeglx(path)


@pytest.mark.parametrize("name", CASES)
def test_contacts_lie_where_probeinterface_has_them(tmp_path, name):
    case = CASES[name]
    meta, theirs = read(tmp_path, case)
    probe, places_um = meta.probe, np.array(case.places_um, float)
    assert np.allclose(theirs.contact_positions, places_um)
    assert np.allclose(probe.positions_um - probe.positions_um[0], places_um - places_um[0])
    assert probe.channels.tolist() == list(range(len(places_um)))
    assert probe.shanks.tolist() == (case.shanks if len(case.shanks) > 1 else [0] * len(places_um))
    assert meta.gain_uv == pytest.approx(case.gain_uv)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.map.startswith("(NP")])
def test_the_map_of_a_shank_alone_gives_the_same(tmp_path, name, monkeypatch):
    def refuse(*_: object) -> None:
        raise ValueError("an older probeinterface")

    monkeypatch.setattr("probeinterface.read_spikeglx", refuse)
    case = CASES[name]
    probe = read_without_theirs(tmp_path, case).probe
    places_um = np.array(case.places_um, float)
    assert np.allclose(probe.positions_um - probe.positions_um[0], places_um - places_um[0])


def read_without_theirs(folder, case: Case) -> SpikeGlxMeta:
    with pytest.raises(ValueError, match="an older"):
        read(folder, case)
    return read_spikeglx_meta(folder / "run_g0_t0.imec0.ap.meta")


def test_a_part_that_nobody_knows_has_no_probe(tmp_path):
    path = record(tmp_path, np1_tags(imDatPrb_pn="NP9999", imDatPrb_type="0"))
    assert read_spikeglx_meta(path.with_suffix(".meta")).probe is None


@pytest.mark.parametrize("has_all_rows", [True, False])
def test_channels_that_were_numbered_anew_without_the_old_numbers(tmp_path, has_all_rows):
    """The sync channel 96 would be an AP channel of the 384: the rows of a map of all channels are of others."""
    rows = re.findall(r"\([^)]*\)", np1_tags()["~snsShankMap"])
    kept = rows if has_all_rows else [rows[0], *rows[1 + 192 : 1 + 192 + 96]]
    tags = np1_tags(acqApLfSy="384,0,1", nSavedChans="97", snsApLfSy="96,0,1", snsSaveChanSubset="0:96")
    path = record(tmp_path, tags | {"~snsShankMap": "".join(kept)})
    probe = read_spikeglx_meta(path.with_suffix(".meta")).probe
    if has_all_rows:
        assert probe is None
    else:
        assert probe.positions_um[0, 1] == 20 * (192 // 2)
