"""Download, verify, convert: from the authors' files to a study folder."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.datasets._catalogue import CATALOGUE, Dataset
from genspace.documents import toml_text
from genspace.errors import InputError, did_you_mean
from genspace.tables import csv_text, write_csv

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["fetch", "table_digest", "write_study"]


def fetch(name: str, target: Path, cache: Path) -> Dataset:
    """Download a published study into the folder `target`; cached files are verified and reused.

    Errors: `InputError` for an unknown name, a target that is not empty, no network, or a file whose SHA-256 differs
    from the expected one.

    The example needs no network:

    >>> fetch("tifa", Path("study"), Path("cache"))
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: fetch tifa: unknown data set (did you mean 'tifa160'?)
    """
    if name not in CATALOGUE:
        raise InputError(f"fetch {name}: unknown data set{did_you_mean(name, CATALOGUE)}")
    if target.exists() and any(target.iterdir()):
        raise InputError(f"{target} is not empty; remove it or choose another folder (`to`)")
    dataset = CATALOGUE[name]
    for path, digest in dataset.files.items():
        _download(dataset.url(path), digest, cache / dataset.commit / dataset.local_name(path))
    write_study(dataset, cache / dataset.commit, target)
    return dataset


def write_study(dataset: Dataset, raw: Path, target: Path) -> None:
    """Convert the authors' files in the folder `raw` to a study folder with study.toml.

    Errors: `InputError` when a table differs from the expected one.
    """
    module, _, function = dataset.converter.partition(":")
    tables: Mapping[str, pd.DataFrame] = getattr(import_module(module), function)(raw)
    for stem, digest in dataset.tables.items():
        if table_digest(tables[stem]) != digest:
            raise InputError(
                f"{dataset.repository} at {dataset.commit}: the table {stem} made of its files is not the pinned one; "
                f"remove {raw} and fetch again"
            )
    for stem, frame in tables.items():
        write_csv(frame, target / f"{stem}.csv")
    source = {
        "repository": f"https://github.com/{dataset.repository}",
        "commit": dataset.commit,
        "licence": dataset.licence,
        "citation": dataset.citation,
    }
    (target / "study.toml").write_text(toml_text({**dataset.study, "source": source}), encoding="utf-8")


def table_digest(table: pd.DataFrame) -> str:
    """Return the SHA-256 of a table as CSV, its rows sorted."""
    import hashlib

    ordered = table.sort_values(list(table.columns), ignore_index=True)
    return hashlib.sha256(csv_text(ordered).encode()).hexdigest()


def _download(url: str, digest: str | None, target: Path) -> Path:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # what is fetched is said by the command
    try:
        return Path(
            pooch.retrieve(
                url, known_hash=digest and f"sha256:{digest}", path=target.parent, fname=target.name
            )
        )
    except requests.RequestException as error:
        raise InputError(
            f"cannot download {url}: {type(error).__name__}; is there a network connection?"
        ) from None
    except ValueError as error:
        raise InputError(f"{url} is not the pinned file: {error}") from None
