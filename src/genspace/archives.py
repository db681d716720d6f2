"""Weights that are on no hub: listed members of an archive that the user has, unpacked into the cache and checked.

Nothing is downloaded here. The archive is told by its SHA-256, so that its name does not matter; of it only the listed
members are unpacked, each of them checked by a SHA-256 of its own.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from genspace.checkpoints import cache_dir
from genspace.errors import InputError, file_errors

__all__ = ["Archive", "how_to_unpack", "sha256_of", "unpack"]

MAX_MEMBER_BYTES = 1 << 30
"""Larger members are not unpacked."""
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A tar archive, and what is needed of it.

    >>> weights = Archive(file="w.tar", sha256="0" * 64, members={"w.bin": "1" * 64}, get="curl -O example.org/w.tar")
    >>> weights.here, weights.member("w.bin").name == "1" * 64
    (False, True)
    """

    file: str
    """What it is called where it comes from."""
    sha256: str
    members: Mapping[str, str]
    """Path of each needed file in the archive, and its SHA-256."""
    get: str
    """The command that downloads it into the current folder."""

    @property
    def folder(self) -> Path:
        """Where its members are unpacked to: a folder of the cache, named by the archive's digest."""
        return cache_dir() / "archives" / self.sha256[:16]

    def member(self, path: str) -> Path:
        """Return where a member is unpacked to, whether or not it is there. Errors: `KeyError` for one not listed."""
        return self.folder / self.members[path]

    @property
    def here(self) -> bool:
        """Whether all members have been unpacked."""
        return all(self.member(path).is_file() for path in self.members)


def how_to_unpack(archives: Iterable[Archive], wanted: str) -> str | None:
    """Return the commands that get the missing archives; None if nothing is missing.

    `wanted` is what `genspace models fetch` is asked for.

    >>> weights = Archive(file="w.tar", sha256="0" * 64, members={"w.bin": "1" * 64}, get="curl -O example.org/w.tar")
    >>> how_to_unpack([weights], "detector.nanodet")
    'curl -O example.org/w.tar && genspace models fetch detector.nanodet --from w.tar'
    """
    missing = {archive.file: archive.get for archive in archives if not archive.here}
    if not missing:
        return None
    files = " ".join(word for file in missing for word in ("--from", file))
    return " && ".join([*missing.values(), f"genspace models fetch {wanted} {files}"])


def unpack(archives: Iterable[Archive], file: Path) -> Archive:
    """Unpack the members of a file that any of the archives lists, and return the first that the file is.

    Errors: `InputError` for a file that is none of the archives or cannot be read, or a member that is absent, too
    large or not what it should be; then nothing of it is kept.

    >>> weights = Archive(file="w.tar", sha256="0" * 64, members={"w.bin": "1" * 64}, get="curl -O example.org/w.tar")
    >>> other = Path(tempfile.mkdtemp()) / "other.tar"
    >>> other.touch()
    >>> try:
    ...     unpack([weights], other)
    ... except InputError as error:
    ...     print(str(error).partition("is not ")[2])
    one of the archives wanted: w.tar (SHA-256 0000000000000000…)
    """
    digest = sha256_of(file)
    known = list(archives)
    same = [a for a in known if a.sha256 == digest]
    if not same:
        wanted = "; ".join(dict.fromkeys(f"{a.file} (SHA-256 {a.sha256[:16]}…)" for a in known))
        raise InputError(f"{file} (SHA-256 {digest[:16]}…) is not one of the archives wanted: {wanted}")
    archive, members = same[0], {path: wanted for a in same for path, wanted in a.members.items()}
    archive.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.folder.parent) as place:
        folder = Path(place)
        try:
            with tarfile.open(file) as content:
                for path, wanted in members.items():
                    _unpack_member(content, path, wanted, folder, file)
        except (tarfile.TarError, OSError, EOFError) as error:
            raise InputError(f"{file}: cannot be unpacked ({error})") from None
        archive.folder.mkdir(exist_ok=True)
        for wanted in members.values():
            os.replace(folder / wanted, archive.folder / wanted)  # noqa: PTH105 - replaces in one step, as Path does
    return archive


def _unpack_member(content: tarfile.TarFile, path: str, wanted: str, folder: Path, file: Path) -> None:
    """Write one member under its digest, through tarfile's data filter: no link, no device, nothing outside."""
    try:
        member = tarfile.data_filter(content.getmember(path), str(folder))
    except KeyError:
        raise InputError(f"{file}: holds no {path}") from None
    stream = content.extractfile(member) if member.isreg() else None
    if stream is None or member.size > MAX_MEMBER_BYTES:
        raise InputError(f"{file}: {path} is not a file of at most {MAX_MEMBER_BYTES >> 20} MiB")
    digest = hashlib.sha256()
    with (folder / wanted).open("wb") as target:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
    if digest.hexdigest() != wanted:
        raise InputError(f"{file}: {path} has the SHA-256 {digest.hexdigest()[:16]}…, not {wanted[:16]}…")


def sha256_of(file: Path) -> str:
    """Return a file's SHA-256. Errors: `InputError` when it cannot be read.

    >>> file = Path(tempfile.mkdtemp()) / "empty"
    >>> file.touch()
    >>> sha256_of(file)[:16]
    'e3b0c44298fc1c14'
    """
    with file_errors(file, "read"), file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
