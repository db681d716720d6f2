"""Bring pictures from elsewhere into a benchmark's folder: a folder of files, or a data set of Hugging Face's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from genspace.benchmark._folder import BEFORE, Benchmark, files_in, write_text
from genspace.benchmark._prompt_list import Task, rows_jsonl
from genspace.errors import InputError, did_you_mean, file_errors
from genspace.records import PAIR_SUFFIX, SCENE_SUFFIX
from genspace.study import IMAGE_SUFFIXES
from genspace.tables import is_picture

HUB = "hf://"
PROMPT_COLUMNS = ("prompt", "caption", "text", "instruction")
KEY_COLUMNS = ("prompt_id", "item_id", "id", "index")
SEED_COLUMNS = ("seed", "sample", "image_index")
PICTURES = (*IMAGE_SUFFIXES, SCENE_SUFFIX, PAIR_SUFFIX)
BROUGHT = (*PICTURES, ".txt", ".csv", ".jsonl", ".json", ".npz")
"""Endings of what is brought: pictures, what tells their prompts, and what was measured of them."""
ROWS = 64
"""Rows of a data set that are held at a time."""


def take(
    made: Benchmark,
    source: str,
    *,
    generator: str,
    task: Task | None = None,
    prompt_column: str | None = None,
    folders: Collection[str] = (),
) -> int:
    """Import a generator's images into the folder; return the number of imported files.

    Files keep their names. They are hard-linked where the file system allows, else copied. Files in the source's folder
    `before` are images before editing. Images of a data set are written together with their prompts.

    Args:
        made: The benchmark's folder.
        source: A folder, a Parquet or Arrow file, a folder of such files, or `hf://datasets/OWNER/NAME`.
        generator: The generator of the images; "before" for images before editing.
        task: The task of the images, if the folder has two tasks and the file names do not tell.
        prompt_column: The data set's column of prompts; by default found by its name.
        folders: Which folders of the source to import; empty: all.

    Errors: `InputError` for an unknown generator, and for a source that does not exist or has no images.

    >>> import tempfile
    >>> from genspace.benchmark import TaskPrompt, PromptList, create, open_benchmark
    >>> from genspace.geometry.benchmark import own_prompt
    >>> cow, cat = (TaskPrompt.of(own_prompt("t2i", "camera_pose", "front", [name], name)) for name in ("cow", "cat"))
    >>> made = create(Path(tempfile.mkdtemp()), [PromptList("t2i", (cow, cat))], ["sdxl"], prompts="two")
    >>> downloads = Path(tempfile.mkdtemp())
    >>> _ = (downloads / "0001.png").write_bytes(b"pixels")
    >>> take(made, str(downloads), generator="sdxl"), open_benchmark(made.root).gaps[0].there
    (1, 1)
    """
    if generator not in {*made.generators, BEFORE}:
        raise InputError(
            f"`generator` {generator!r}: is not a generator of {made.root}{did_you_mean(generator, made.generators)}"
        )
    target = made.images / generator
    if task is not None and generator != BEFORE:
        target /= task
    folder = Path(source)
    if source.startswith(HUB) or _tables(folder):
        return _from_data_set(source, target, prompt_column)
    if not folder.is_dir():
        raise InputError(f"{source}: there is no such folder, Parquet file or data set")
    tops = [f"{name}/" for name in folders if (folder / name).is_dir()] if folders else [""]
    names = [n for top in tops for n in files_in(folder / top, top) if n.lower().endswith(BROUGHT)]
    if not folders and not any(n.lower().endswith(PICTURES) for n in names):
        raise InputError(f"{source}: holds no picture, scene file or Parquet file")
    came = 0
    with file_errors(target, "written"):
        for name in sorted(names):
            before = not folders and name.startswith(f"{BEFORE}/")
            came += _brought(folder / name, (made.images if before else target) / name)
    return came


def _brought(path: Path, target: Path) -> bool:
    """Link or copy a file; False where the same is there already. A newer file replaces the old one."""
    if target.exists():
        if target.samefile(path) or target.read_bytes() == path.read_bytes():
            return False
        target.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copy2(path, target)
    return True


def _tables(path: Path) -> list[Path]:
    """Return the Parquet or Arrow files of a data set; of a folder only where it holds no pictures of its own."""
    if path.is_file():
        return [path] if path.suffix in {".parquet", ".arrow"} else []
    files = [p for p in sorted(path.rglob("*")) if p.is_file()]
    if any(p.suffix.lower() in IMAGE_SUFFIXES for p in files):
        return []
    return [p for p in files if p.suffix in {".parquet", ".arrow"}]


def _from_data_set(source: str, target: Path, prompt_column: str | None) -> int:
    told: list[dict[str, str]] = []
    for batch in _batches(source):
        names = batch.schema.names
        picture = next((n for n in names if is_picture(batch.schema.field(n).type)), None)
        if picture is None:
            raise InputError(f"{source}: no column holds pictures; there is {', '.join(names)}")
        key = prompt_column or next((n for n in (*KEY_COLUMNS, *PROMPT_COLUMNS) if n in names), None)
        if key is None or key not in names:
            raise InputError(
                f"{source}: no column holds the prompts; there is {', '.join(names)} (`prompt_column` names it)"
            )
        by_prompt = key not in KEY_COLUMNS
        seed = next((n for n in SEED_COLUMNS if n in names), None)
        for row in batch.to_pylist():
            content = row[picture]["bytes"]
            if content is None:
                raise InputError(f"{source}: column {picture!r} holds paths without the pictures themselves")
            suffix = ".jpg" if content[:2] == b"\xff\xd8" else ".webp" if content[8:12] == b"WEBP" else ".png"
            stem = f"row{len(told)}" if by_prompt else str(row[key])
            folder = f"seed{row[seed]}/" if seed is not None else ""
            path = target / f"{folder}{stem}{suffix}"
            if by_prompt:
                told.append({"file_name": path.relative_to(target).as_posix(), "prompt": str(row[key])})
            else:
                told.append({})
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    if any(told):
        lines = rows_jsonl(_with_seeds(target, told))
        write_text(target / "metadata.jsonl", lambda: [lines])
    return len(told)


def _with_seeds(target: Path, told: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Yield the table of files; of several pictures of one prompt without a seed the later ones get a number."""
    seen: dict[tuple[str, str], int] = {}
    for row in told:
        folder, _, name = row["file_name"].rpartition("/")
        number = seen[folder, row["prompt"]] = seen.get((folder, row["prompt"]), -1) + 1
        if number and not folder:
            (target / f"seed{number}").mkdir(exist_ok=True)
            (target / name).replace(target / f"seed{number}" / name)
            yield {**row, "file_name": f"seed{number}/{name}"}
        else:
            yield row


def _batches(source: str) -> Iterator[Any]:
    """Yield a data set's rows, some at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if source.startswith(HUB):
        from fsspec.core import url_to_fs

        from genspace.errors import optional_import

        optional_import("huggingface_hub", extra="models", needed_for=source)
        try:
            system, base = url_to_fs(source)
            files = [system.open(path) for path in sorted(system.glob(f"{base}/**.parquet"))]
        except Exception as error:  # noqa: BLE001 - the hub's client lets errors of many libraries through
            message = (
                f"cannot be reached ({error}); see to its name, the network, and to HF_TOKEN if it is private"
            )
            raise InputError(f"{source}: {message}") from None
    else:
        files = [path.open("rb") for path in _tables(Path(source))]
    if not files:
        raise InputError(f"{source}: holds no Parquet file")
    try:
        for file in files:
            if str(getattr(file, "name", "")).endswith(".arrow"):
                yield from pa.ipc.open_stream(file)
            else:
                yield from pq.ParquetFile(file).iter_batches(batch_size=ROWS)
    except pa.ArrowException as error:
        raise InputError(f"{source}: cannot be read: {error}") from None
    finally:
        for file in files:
            file.close()
