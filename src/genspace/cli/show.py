"""`genspace show`: one item in full."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genspace.cli._app import app
from genspace.cli._console import print_json, put, say
from genspace.cli._options import AS_FOUND, JsonFlag, Tables, reads_tables
from genspace.errors import InputError, file_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genspace.report import ItemView
    from genspace.report._item import ItemDocument

__all__ = ["show"]


@app.command(
    epilog="Examples: genspace show my-study cow-0001 · genspace show my-study cow-0001 --out cow.html · "
    "genspace show my-study cow-0001 --out cow.png"
)
@reads_tables
def show(
    study: Annotated[Path, typer.Argument(help="A study's folder, or one wide table.")],
    item: Annotated[str, typer.Argument(help="The item's id.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .html for the page, .png or .jpg for the image, .svg for the plan."
        ),
    ] = None,
    tables: Tables = AS_FOUND,
    as_json: JsonFlag = False,
) -> None:
    """Show one item: the image with its scene, the measurements, people's answers, every verdict."""
    from genspace.documents import to_dict
    from genspace.report import view_item

    view = view_item(tables.open(study), item)
    if out is not None:
        _write(view, out)
        say(f"wrote {out}")
    if as_json:
        print_json(to_dict(view.document))
    elif out is None:
        put("\n".join(_lines(view.document)))


def _write(view: ItemView, path: Path) -> None:
    kind = path.suffix.lower()
    with file_errors(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == ".html":
            path.write_text(view.html(), encoding="utf-8")
        elif kind in {".png", ".jpg", ".jpeg"}:
            _, name, scene = view.pictures()[-1]
            picture = view.overlay(name, scene)
            if picture is None:
                raise InputError(f"{view.item.item_id} has neither an image nor a scene file")
            picture.save(path)
        elif kind == ".svg":
            from genspace.geometry.drawing.plan import plan

            scene = view.pictures()[-1][2]
            if scene is None:
                raise InputError(str(view.scene))
            path.write_text(plan(scene, marks=view.marks), encoding="utf-8")
        else:
            raise InputError(f"{path}: end the name in .html, .png, .jpg or .svg")


def _lines(view: ItemDocument) -> Iterator[str]:
    yield view.item_id
    for label in ("prompt", "generator", "image", "image_before", "predicate", "says", "problem"):
        if said := getattr(view, label):
            yield f"  {label.replace('_', ' ')}: {said}"
    yield f"  scene: {view.scene}"
    if found := view.geometry:
        yield f"  from the scene: {_outcome(found.passed, found.score, found.reason)}"
        yield from (f"    {words}" for words in found.constraints)
    yield f"{view.reference}:" if view.people else "people: nobody has rated this item"
    for row in view.people:
        answer = "can't tell" if row.value is None else f"{row.value:g}"
        yield f"  {row.rater_id}{_asked(row.question)}: {answer}"
    yield "judges:" if view.verdicts else "judges: none has scored this item; run `genspace judge`"
    for verdict in view.verdicts:
        outcome = _outcome(verdict.passed, verdict.score, verdict.reason or verdict.status)
        sure = "" if verdict.confidence is None else f", confidence {verdict.confidence:.2f}"
        yield f"  {verdict.judge}{_asked(verdict.question)}: {outcome}{sure}"
        yield from (f"    {words}" for words in verdict.measurements or filter(None, [verdict.explanation]))
        yield from (f"    was told: {words}" for words in verdict.aids)


def _asked(question: str) -> str:
    return f" ({question})" if question else ""


def _outcome(passed: bool | None, score: float | None, reason: str | None) -> str:
    if passed is None and score is None:
        return f"abstained: {reason}"
    parts = [] if passed is None else ["yes" if passed else "no"]
    return ", ".join([*parts, *([] if score is None else [f"score {score:.3g}"])])
