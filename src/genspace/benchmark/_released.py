"""A folder as the released GenSpace code reads it, on prompts of one's own: `t2i/12/0.png` beside `t2i/12/0.txt`.

The text file holds the classes, `<man> <cat>`; the folder's number is the variant. Edits stand in `imageedit`, the
pictures before in `imageedit_unedit`; those that keep a relation while the camera moves in `imageedit_CR` and
`imageedit_CR_unedit`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genspace.benchmark._folder import pictures_in
from genspace.benchmark._pictures import CLASSES
from genspace.benchmark._prompt_list import PromptList, Task, TaskPrompt
from genspace.errors import InputError, Problem, refuse
from genspace.geometry.benchmark import own_prompt, released_variants


@dataclass(frozen=True, slots=True)
class _Folder:
    name: str
    before: str
    task: Task
    variants: Sequence[tuple[str, str]]


def _folders() -> Iterator[_Folder]:
    edits = released_variants("edit")
    simple = [pair for pair in edits if pair[0] != "complex_pose"]
    yield _Folder("t2i", "", "t2i", released_variants("t2i"))
    yield _Folder("imageedit", "imageedit_unedit", "edit", simple)
    yield _Folder("imageedit_CR", "imageedit_CR_unedit", "edit", edits[len(simple) :])


def read_released(folder: Path) -> list[PromptList]:
    """Read custom prompts from a folder in the released code's layout; the images keep their places.

    Errors: `InputError` if there is no such folder; `InvalidFilesError` listing every image without classes.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "t2i/0").mkdir(parents=True)
    >>> _ = (folder / "t2i/0/0.png").write_bytes(b""), (folder / "t2i/0/0.txt").write_text("<cow>")
    >>> [(asked.prompt_id, asked.predicate) for asked in read_released(folder)[0].asked]
    [('t2i-0-0', 'camera_pose(cow, view=front)')]
    """
    asked: dict[Task, list[TaskPrompt]] = {}
    problems: list[Problem] = []
    for part in _folders():
        for name, text in sorted(pictures_in(folder / part.name).items(), key=lambda row: _order(row[0])):
            try:
                asked.setdefault(part.task, []).append(_asked(part, name, text))
            except InputError as error:
                problems.append(Problem(f"{part.name}/{name}", str(error)))
    refuse(problems)
    if not asked:
        raise InputError(f"{folder}: there are no pictures in t2i, imageedit or imageedit_CR")
    return [PromptList(task, tuple(rows)) for task, rows in asked.items()]


def _order(name: str) -> list[tuple[int, str]]:
    return [(int(part) if part.isdigit() else 0, part) for part in re.split(r"[/.]", name)]


def _asked(part: _Folder, name: str, text: str) -> TaskPrompt:
    number, _, file = name.partition("/")
    if not number.isdigit() or "/" in file or int(number) >= len(part.variants):
        raise InputError(f"expected {part.name}/0 to {part.name}/{len(part.variants) - 1}")
    if not CLASSES.fullmatch(text):
        raise InputError("no text file beside it holds the classes, such as <man> <cat>")
    classes = re.findall(r"<\s*([^<>]+?)\s*>", text)
    sub_domain, variant = part.variants[int(number)]
    twins = part.task == "t2i" and sub_domain == "object_size"  # two of the first class are compared
    stem = file.rpartition(".")[0]
    prompt_id = f"{part.name}-{number}-{stem}"
    one = TaskPrompt.of(
        own_prompt(part.task, sub_domain, variant, [classes[0]] * 2 if twins else classes, prompt_id)
    )
    if not part.before:
        return one
    source_id = f"{part.before}-{number}-{stem}"
    return replace(one, source_id=source_id, source_prompt=f"the picture before {prompt_id}")
