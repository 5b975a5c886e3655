"""Nothing outside the folders that were opened can be named or seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spikesieve.errors import InputError
from spikesieve.io.roots import MAX_ENTRIES, Roots


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "lab"
    (root / "mouse" / "result").mkdir(parents=True)
    (root / "mouse" / "result" / "spike_times.npy").touch()
    (root / "mouse" / "a.bin").write_bytes(b"1234")
    (root / ".secret").write_text("x")
    (root / ".ssh").mkdir()
    (root / ".ssh" / "key").touch()
    (tmp_path / "labels").mkdir()  # its name begins like that of the root
    return root


def test_what_is_in_a_folder(root: Path) -> None:
    listing = Roots([root]).listing(str(root / "mouse"))
    assert [(each.name, each.kind, each.size_bytes) for each in listing.entries] == [
        ("result", "result", 0),
        ("a.bin", "file", 4),
    ]
    assert listing.above == (str(root), str(root / "mouse"))
    assert [each.name for each in Roots([root]).listing(str(root)).entries] == ["mouse"]


@pytest.mark.parametrize(
    "name",
    [
        *("/", "/etc/passwd", "{root}/..", "{root}/../labels", "{root}/mouse/../../labels", "{root}els"),
        *("{root}/.secret", "{root}/.ssh/key", "{root}/mouse/../.ssh", "mouse", "", "{root}/a\0b", "~", "."),
    ],
)
def test_what_may_not_be_named(root: Path, name: str) -> None:
    with pytest.raises(InputError):
        Roots([root]).inside(name.format(root=root))


def test_a_link_that_leads_out_is_not_followed_and_not_shown(root: Path) -> None:
    (root / "out").symlink_to("/etc")
    (root / "in").symlink_to(root / "mouse")
    (root / "hidden").symlink_to(root / ".ssh")
    roots = Roots([root])
    for name in ("out", "out/passwd", "hidden/key"):
        with pytest.raises(InputError):
            roots.inside(str(root / name))
    assert roots.inside(str(root / "in" / "a.bin")) == root / "mouse" / "a.bin"
    assert [each.name for each in roots.listing(str(root)).entries] == ["in", "mouse"]


def test_a_root_that_is_hidden_itself_can_be_opened(root: Path) -> None:
    assert Roots([root / ".ssh"]).inside(str(root / ".ssh" / "key")).name == "key"


def test_a_root_must_be_a_folder(root: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        Roots([root / "nothing"])


def test_a_file_is_not_listed(root: Path) -> None:
    with pytest.raises(InputError, match="cannot be listed"):
        Roots([root]).listing(str(root / "mouse" / "a.bin"))


def test_a_long_listing_says_how_much_is_left_out(root: Path) -> None:
    for number in range(MAX_ENTRIES + 3):
        os.close(os.open(root / "mouse" / f"{number}.bin", os.O_CREAT))
    listing = Roots([root]).listing(str(root / "mouse"))
    assert (len(listing.entries), listing.n_left_out) == (MAX_ENTRIES, 5)
