"""A study's tables for other tools: CSV, Parquet, or a folder that Hugging Face `datasets` loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.errors import InputError
from genspace.gather import evidence_of
from genspace.tables import write_csv

if TYPE_CHECKING:
    import pandas as pd

    from genspace.study import Study

__all__ = ["FORMATS", "export_study"]


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False)


FORMATS: Mapping[str, tuple[str, Callable[[pd.DataFrame, Path], None]]] = {
    "csv": (".csv", write_csv),
    "parquet": (".parquet", _write_parquet),
    "hf": (".parquet", _write_parquet),
}
"""Ending and writer of each format; "hf" adds a dataset card that names each table as a configuration."""


def export_study(study: Study, target: Path, form: str) -> list[Path]:
    """Write items, annotations and verdicts into the folder `target`; return the files written.

    Errors: `InputError` when the folder holds something, or a table of the study has problems.

    >>> import tempfile
    >>> import pandas as pd
    >>> from genspace import open_study
    >>> folder = Path(tempfile.mkdtemp())
    >>> pd.DataFrame({"item_id": ["a"]}).to_csv(folder / "items.csv", index=False)
    >>> [path.name for path in export_study(open_study(folder), folder / "out", "csv")]
    ['items.csv', 'annotations.csv', 'verdicts.csv']
    """
    if target.exists() and any(target.iterdir()):
        raise InputError(f"{target} is not empty; choose another folder")
    evidence = evidence_of(study)
    tables = {
        "items": evidence.items, "annotations": evidence.answers, "verdicts": evidence.every_verdict
    }  # fmt: skip
    ending, write = FORMATS[form]
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in tables.items():
        path = target / f"{name}{ending}"
        write(frame, path)
        written.append(path)
    if form == "hf":
        written.append(target / "README.md")
        written[-1].write_text(_card(study, tables), encoding="utf-8")
    return written


def _card(study: Study, tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the dataset card: each table is a configuration with one split."""
    configurations = "".join(
        f"- config_name: {name}\n  data_files: {name}.parquet\n"
        + ("  default: true\n" if name == "items" else "")
        for name in tables
    )
    source = "".join(f"- {key}: {value}\n" for key, value in study.declared.source.items())
    sizes = "".join(f"- `{name}`: {len(frame):,} rows\n" for name, frame in tables.items())
    question = f"\nAsked of every item: {study.settings.question}\n" if study.settings.question else ""
    return f"---\nconfigs:\n{configurations}---\n\n# {study.settings.name}\n{question}\n{sizes}\n{source}"
