"""Answers in and out: CSV, JSON Lines, Label Studio, Hugging Face datasets, and Prolific's list of participants."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, InvalidFilesError, Problem, did_you_mean
from genspace.human_study.material import Material
from genspace.human_study.reading import Recorded
from genspace.human_study.store import AnswerStore, Imported
from genspace.tables import Table, csv_text, parse_numbers, read_table, require_columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EXPORTS", "Export", "export_text", "import_answers", "import_prolific", "write_huggingface"]


# Out


@dataclass(frozen=True, slots=True)
class Export:
    """A file that answers can be written to."""

    about: str
    media_type: str
    text: Callable[[AnswerStore, Material], str]


def answers_frame(store: AnswerStore, material: Material) -> pd.DataFrame:
    """Return one row per answered question, with time, comment and the rules its rater breaks."""
    import pandas as pd

    recorded = _recorded(store, material)
    excluded = {r.rater_id: "; ".join(r.excluded) for r in recorded.raters()}
    choice = material.design.answers.choice
    return pd.DataFrame(
        [
            {
                "item_id": s.unit[0],
                "item_id_b": s.unit[1],
                "question": q,
                "rater_id": s.rater_id,
                "repeat": s.repeat,
                "role": s.role,
                "value": v,
                "choice": choice(v),
                "seconds": s.seconds,
                "comment": s.comment,
                "received_at": _iso(s.received_at),
                "excluded": excluded[s.rater_id],
            }
            for s in recorded.screens
            for q, v in s.answers.items()
        ],
        columns=[
            "item_id", "item_id_b", "question", "rater_id", "repeat", "role", "value", "choice", "seconds", "comment",
            "received_at", "excluded",
        ],
    )  # fmt: skip


def _recorded(store: AnswerStore, material: Material) -> Recorded:
    registered = store.registered_design() or material.design.registered()
    return Recorded(store.snapshot().screens, registered)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _answers_csv(store: AnswerStore, material: Material) -> str:
    frame = answers_frame(store, material)
    return csv_text(frame if material.design.answers.pairwise else frame.drop(columns="item_id_b"))


def _answers_jsonl(store: AnswerStore, material: Material) -> str:
    text: str = answers_frame(store, material).to_json(orient="records", lines=True, force_ascii=False)
    return text


def _raters_csv(store: AnswerStore, material: Material) -> str:
    """Who did how much, for payment; the only export that holds the platform's identifiers."""
    import pandas as pd

    recorded = _recorded(store, material)
    seconds: dict[str, float] = {}
    for screen in recorded.screens:
        seconds[screen.rater_id] = seconds.get(screen.rater_id, 0.0) + (screen.seconds or 0.0)
    figures = {r.rater_id: r for r in recorded.raters()}
    code = material.design.crowd.completion_code or ""
    rows = []
    for rater in store.snapshot().raters:
        found = figures.get(rater["rater_id"])
        rows.append(
            {
                "rater_id": rater["rater_id"],
                "external_id": rater["external_id"] or "",
                "source": rater["source"],
                "answered": found.answered if found else 0,
                "minutes": round(seconds.get(rater["rater_id"], 0.0) / 60, 1),
                "finished": rater["finished_at"] is not None,
                "completion_code": code if rater["finished_at"] is not None else "",
                "platform_status": rater["platform_status"] or "",
                "breaks_rules": "; ".join(found.excluded) if found else "",
            }
        )
    columns = [
        "rater_id", "external_id", "source", "answered", "minutes", "finished", "completion_code", "platform_status",
        "breaks_rules",
    ]  # fmt: skip
    return csv_text(pd.DataFrame(rows, columns=columns))


def _label_studio(store: AnswerStore, material: Material) -> str:
    """Return Label Studio's JSON: a task per item (or pair), an annotation per rater."""
    choice = material.design.answers.choice
    tasks: dict[tuple[str, str], dict[str, Any]] = {}
    for screen in _recorded(store, material).screens:
        if screen.repeat:
            continue
        item = material.items.get(screen.unit[0])
        data = {"item_id": screen.unit[0], "item_id_b": screen.unit[1] or None}
        data |= {} if item is None else {"prompt": item.prompt, "image": item.image}
        task = tasks.setdefault(screen.unit, {"data": data, "annotations": []})
        task["annotations"].append(
            {
                "completed_by": {"email": screen.rater_id},
                "lead_time": screen.seconds,
                "result": [
                    {
                        "from_name": q or "answer",
                        "to_name": "image",
                        "type": "choices",
                        "value": {"choices": [choice(v)]},
                    }
                    for q, v in screen.answers.items()
                ],
            }
        )
    return json.dumps(list(tasks.values()), ensure_ascii=False, indent=1)


EXPORTS: Mapping[str, Export] = {
    "answers.csv": Export("Answers", "text/csv; charset=utf-8", _answers_csv),
    "answers.jsonl": Export("Answers, JSON Lines", "application/jsonl; charset=utf-8", _answers_jsonl),
    "label-studio.json": Export("Label Studio", "application/json", _label_studio),
    "raters.csv": Export("Raters, for payment", "text/csv; charset=utf-8", _raters_csv),
}
"""File name to what it holds and how it is made."""


def export_text(store: AnswerStore, material: Material, name: str) -> str:
    """Return an export as text.

    Errors: `InputError` for an unknown name.
    """
    if name not in EXPORTS:
        raise InputError(f"unknown export {name!r}{did_you_mean(name, EXPORTS)}")
    return EXPORTS[name].text(store, material)


_CARD = """\
---
configs:
- config_name: answers
  default: true
  data_files: answers.parquet
- config_name: items
  data_files: items.parquet
---
# {title}

Answers of people, collected with genspace. Protocol: {protocol}; {raters} raters, {answers} answers.
One row of `answers` per answered question: `item_id`, `item_id_b` (pairs), `question`, `rater_id` (a pseudonym),
`repeat`, `role` (main, gold, training, extra), `value` (null: can't tell), `choice`, `seconds`, and `excluded`
(the rules, written before the data, that the rater breaks). Comments and platform identifiers are left out.
"""


def write_huggingface(store: AnswerStore, material: Material, folder: Path) -> None:
    """Write a folder that `datasets.load_dataset(folder)` reads: Parquet files and a dataset card.

    Errors: `InputError` when the folder holds something else.
    """
    import pandas as pd

    if folder.exists() and (
        not folder.is_dir() or not {p.name for p in folder.iterdir()} <= _HUGGINGFACE_FILES
    ):
        raise InputError(f"{folder} holds other files; name an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    answers = answers_frame(store, material).drop(columns=["comment", "received_at"])
    answers.to_parquet(folder / "answers.parquet", index=False)
    shown = {key for u in material.units for key in u.key if key}
    items = [
        {"item_id": i.item_id, "prompt": i.prompt, "prompt_id": i.prompt_id, "generator": i.generator,
         "predicate": i.predicate, "image": i.image, "image_before": i.image_before}
        for i in material.items.values()
        if i.item_id in shown
    ]  # fmt: skip
    pd.DataFrame(items).to_parquet(folder / "items.parquet", index=False)
    card = _CARD.format(
        title=material.design.title,
        protocol=material.design.protocol,
        raters=answers["rater_id"].nunique(),
        answers=len(answers),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


_HUGGINGFACE_FILES = {"answers.parquet", "items.parquet", "README.md"}


# In


def import_answers(store: AnswerStore, material: Material, path: Path) -> dict[str, int]:
    """Add answers made elsewhere: a table (CSV, JSON Lines, Parquet) or Label Studio's JSON.

    A table has `item_id, rater_id, value` and may have `item_id_b, question, repeat, seconds, comment`. Values are
    numbers of the protocol or names of its answers. All or nothing: one mistake, and no answer is stored.

    Returns: `{"answers": …, "raters": …}` added.

    Errors: `InvalidFilesError` listing every problem at once.
    """
    rows = _from_label_studio(material, path) if path.suffix == ".json" else _from_table(material, path)
    return store.import_answers(rows, path.name)


def _from_table(material: Material, path: Path) -> list[Imported]:
    table = read_table(path)
    problems = require_columns(table, ("item_id", "rater_id", "value"))
    if problems:
        raise InvalidFilesError(problems)
    seconds = parse_numbers(table, "seconds", problems) if "seconds" in table.frame.columns else None
    rows: list[Imported] = []
    for i, cells in enumerate(table.frame.to_dict("records")):
        row = {str(k): str(v) for k, v in cells.items()}
        try:
            value = material.design.answers.parse(row["value"])
        except InputError as error:
            problems.append(table.problem(str(error), i, "value"))
            continue
        problems += _unit_problems(material, table, i, row)
        repeat = row.get("repeat", "") or "0"
        if not repeat.isdigit():
            problems.append(table.problem("is no whole number", i, "repeat"))
            continue
        if not row["rater_id"].strip():
            problems.append(table.problem("is empty", i, "rater_id"))
        took = None if seconds is None or seconds.iloc[i] != seconds.iloc[i] else float(seconds.iloc[i])
        rows.append(
            Imported(
                rater_id=row["rater_id"].strip(),
                unit=(row["item_id"], row.get("item_id_b", "")),
                question=row.get("question", ""),
                value=value,
                repeat=int(repeat),
                seconds=took,
                comment=row.get("comment", ""),
            )
        )
    if problems:
        raise InvalidFilesError(problems)
    return rows


def _unit_problems(material: Material, table: Table, index: int, row: Mapping[str, str]) -> list[Problem]:
    key = (row["item_id"], row.get("item_id_b", ""))
    known = {u.key for u in material.units}
    if key in known or key[::-1] in known:
        return []
    what = "pair" if material.design.answers.pairwise else "item"
    return [table.problem(f"this study asks about no such {what}", index, "item_id")]


def _from_label_studio(material: Material, path: Path) -> list[Imported]:
    label = str(path)
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{label}: there is no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidFilesError([Problem(label, f"is no JSON: {error}")]) from None
    if not isinstance(tasks, list):
        raise InvalidFilesError(
            [Problem(label, "is no list of tasks; from Label Studio export JSON, not JSON-MIN")]
        )
    known = {u.key for u in material.units}
    rows: list[Imported] = []
    problems: list[Problem] = []
    for number, task in enumerate(tasks, start=1):
        data = task.get("data", {}) if isinstance(task, dict) else {}
        unit = (str(data.get("item_id", "")), str(data.get("item_id_b") or ""))
        if unit not in known and unit[::-1] not in known:
            message = "this study asks about no such item; each task needs data.item_id"
            problems.append(Problem(label, message, row=number, field="data.item_id", value=unit[0]))
            continue
        for made in task.get("annotations", []):
            if made.get("was_cancelled"):
                continue
            for result in made.get("result", []):
                try:
                    value = material.design.answers.parse(_label_studio_value(result))
                except InputError as error:
                    problems.append(Problem(label, str(error), row=number, field="annotations.result"))
                    continue
                name = str(result.get("from_name", ""))
                names = {
                    q for q, _ in material.questions(unit if unit in known else unit[::-1], _first(material))
                }
                rows.append(
                    Imported(
                        rater_id=_label_studio_rater(made.get("completed_by")),
                        unit=unit,
                        question=name if name in names else "",
                        value=value,
                        seconds=made.get("lead_time"),
                    )
                )
    if problems:
        raise InvalidFilesError(problems)
    return rows


def _first(material: Material) -> str:
    return next(iter(material.texts))


def _label_studio_value(result: Mapping[str, Any]) -> str:
    """Return the answer of a choices, rating, number or pairwise result as text."""
    value = result.get("value", {})
    if "choices" in value:
        return str(value["choices"][0]) if value["choices"] else ""
    for key in ("rating", "number", "selected"):
        if key in value:
            return str(value[key])
    raise InputError(f"a result of type {result.get('type')!r} holds no choice, rating or selected side")


def _label_studio_rater(who: object) -> str:
    """Return a pseudonym: Label Studio names people by number or by e-mail address."""
    if isinstance(who, Mapping):
        who = who.get("email") or who.get("id")
    text = str(who)
    return text if text.startswith("r-") else f"ls-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def import_prolific(store: AnswerStore, material: Material, path: Path) -> dict[str, list[str]]:
    """Note what Prolific says about each participant, and return where its list and ours differ.

    Args:
        store: The study's store.
        material: The study.
        path: The CSV that Prolific exports for a study ("Download demographic data").

    Returns: Participants (their identifiers) by finding: `matched`, `unknown_here` (they approve or await, but never
    came), `missing_there`, `finished_here_not_there`, `wrong_code`.

    Errors: `InvalidFilesError` for a file without the columns "Participant id" and "Status".
    """
    table = read_table(path)
    columns = {c.strip().lower(): c for c in table.frame.columns}
    who, state = columns.get("participant id"), columns.get("status")
    if who is None or state is None:
        raise InvalidFilesError(require_columns(table, ("Participant id", "Status")))
    code_column = columns.get("completion code") or columns.get("entered code")
    found: dict[str, list[str]] = {
        k: [] for k in ("matched", "unknown_here", "missing_there", "finished_here_not_there", "wrong_code")
    }
    ours = {r["external_id"]: r for r in store.snapshot().raters if r["external_id"]}
    statuses = dict(zip(table.frame[who], table.frame[state].str.strip().str.upper(), strict=True))
    for i, participant in enumerate(table.frame[who]):
        rater = ours.get(participant)
        if rater is None:
            found["unknown_here"].append(participant)
            continue
        found["matched"].append(participant)
        if rater["finished_at"] is not None and statuses[participant] in {
            "RETURNED",
            "TIMED-OUT",
            "REJECTED",
        }:
            found["finished_here_not_there"].append(participant)
        code = material.design.crowd.completion_code
        given = table.frame[code_column].iloc[i] if code_column else ""
        if code and given and given != code:
            found["wrong_code"].append(participant)
    found["missing_there"] = sorted(set(ours) - set(statuses))
    store.set_platform_status({p: statuses[p] for p in found["matched"]})
    return found
