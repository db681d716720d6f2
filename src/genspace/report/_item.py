"""One item in full: its picture with the scene drawn on it, measurements, answers and verdicts."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from genspace.checkpoints import cache_dir
from genspace.display import Displayed
from genspace.errors import InputError, MissingExtraError, did_you_mean
from genspace.gather import evidence_of
from genspace.geometry.drawing.bodies import Mark
from genspace.geometry.evaluate import Evaluation, evaluate, in_words
from genspace.geometry.predicates import Bound, bind
from genspace.geometry.scene import Pair, Scene
from genspace.judges import Previewing, make_judge, resolve, study_context
from genspace.judges.scene import find_scene
from genspace.records import Item, Measurement, Reference, Request, Verdict
from genspace.report._page import page
from genspace.report._words import OF_ITEMS, Words, of_sub_domains
from genspace.store import JudgeStore, judge_folders

if TYPE_CHECKING:
    from PIL import Image

    from genspace.evidence import Evidence
    from genspace.study import Study

LONGEST_HINT = 200
"""Characters; a longer list of known ids helps nobody."""

Picture = tuple[str, str | None, Scene | None]
"""Caption, name of the image, scene."""


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """What somebody said of the item; a null value is "can't tell"."""

    question: str
    rater_id: str
    repeat: int
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownVerdict:
    """What a judge or metric says of the item, with its measurements in words where they were kept."""

    judge: str
    question: str
    repeat: int
    status: str
    score: float | None
    passed: bool | None
    confidence: float | None
    reason: str | None
    explanation: str | None
    measurements: tuple[str, ...]
    aids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FromScene:
    """What the corrected rules say of the item's scene."""

    score: float | None
    passed: bool | None
    reason: str | None
    constraints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDocument:
    """One item as `genspace show` prints it."""

    item_id: str
    prompt: str | None
    generator: str | None
    image: str | None
    image_before: str | None
    predicate: str | None
    says: str | None
    problem: str | None
    scene: str
    geometry: FromScene | None
    reference: Reference
    people: tuple[ShownAnswer, ...]
    verdicts: tuple[ShownVerdict, ...]


@dataclass(frozen=True, repr=False)
class ItemView(Displayed):
    r"""Everything that a study contains about one item: scene, predicate, measurements, answers, verdicts.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = (root / "items.csv").write_text("item_id,prompt\na,a cow\n")
    >>> study = open_study(root)
    >>> view = view_item(study, "a")
    >>> view.item.prompt, view.bound is None
    ('a cow', True)
    """

    study: Study
    evidence: Evidence
    item: Item

    @cached_property
    def scene(self) -> Scene | Pair | str:
        """The item's scene or pair, or why there is none."""
        try:
            return find_scene(self.item, self.study.files)
        except InputError as error:
            return str(error)

    @cached_property
    def bound(self) -> Bound | str | None:
        """The predicate, or what is wrong with it; None where the item has none."""
        if self.item.predicate is None:
            return None
        try:
            return bind(self.item.predicate)
        except InputError as error:
            return str(error)

    @cached_property
    def evaluation(self) -> Evaluation | None:
        """What the corrected rules say about the predicate in the scene; None without either."""
        if isinstance(self.scene, str) or not isinstance(self.bound, Bound):
            return None
        try:
            return evaluate(self.scene, self.bound)
        except InputError as error:
            return Evaluation(None, None, str(error))

    @property
    def marks(self) -> list[Mark]:
        """What is drawn between the objects: the first quantity that was measured."""
        if self.evaluation is None or not isinstance(self.bound, Bound):
            return []
        measured = [m for m in self.evaluation.measurements if m.value is not None]
        return [Mark(self.bound.ids[:2], _value(measured[0]))] if measured else []

    def _people(self) -> Iterator[ShownAnswer]:
        frame = self.evidence.answers
        for row in frame[(frame["item_id"] == self.item.item_id) & (frame["item_id_b"] == "")].to_dict(
            "records"
        ):
            value = None if row["value"] != row["value"] else float(row["value"])
            yield ShownAnswer(_text(row["question"]), _text(row["rater_id"]), int(row["repeat"]), value)

    @property
    def reference(self) -> Reference:
        """Who answered: people, or the known truth."""
        return self.evidence.reference

    def _verdicts(self) -> Iterator[ShownVerdict]:
        frame = self.evidence.every_verdict
        kept = dict(self._kept_verdicts())
        for row in frame[frame["item_id"] == self.item.item_id].to_dict("records"):
            key = (row["judge"], _text(row["question"]), int(row["repeat"]))
            passed, verdict = _known(row["passed"]), kept.get(key)
            yield ShownVerdict(
                judge=row["judge"],
                question=key[1],
                repeat=key[2],
                status=row["status"],
                score=_known(row["score"]),
                passed=None if passed is None else bool(passed),
                confidence=_known(row["confidence"]),
                reason=_text(row["reason"]) or None,
                explanation=verdict.explanation if verdict else None,
                measurements=tuple(in_words(m) for m in verdict.measurements) if verdict else (),
                aids=tuple(verdict.details.get("aids", ())) if verdict else (),
            )

    def _kept_verdicts(self) -> Iterator[tuple[tuple[str, str, int], Verdict]]:
        for judge, _ in judge_folders(self.study.root):
            for (item_id, item_id_b, question, repeat), verdict in (
                JudgeStore(self.study.root, judge).current().items()
            ):
                if item_id == self.item.item_id and item_id_b is None:
                    yield (judge, question or "", repeat), verdict

    def aids(self) -> Iterator[tuple[str, str]]:
        """Yield what was drawn for each judge with aids, drawn anew: a caption and the picture as a URL."""
        context = study_context(self.study, cache_dir=cache_dir())
        for judge in dict.fromkeys(v.judge for v in self.document.verdicts if v.aids):
            try:
                made = make_judge(resolve([judge], self.study.declared.judges)[0], context)
            except InputError as error:
                yield f"{judge}: its aids cannot be drawn again: {error}", ""
                continue
            request = Request(item=self.item, files=self.study.files)
            drawn = made.preview(request).drawn if isinstance(made, Previewing) else {}
            for name, data in drawn.items():
                yield f"{judge}: {name}", f"data:image/png;base64,{base64.b64encode(data).decode()}"

    @cached_property
    def document(self) -> ItemDocument:
        """Everything as a record that can be written as JSON."""
        item, bound, found = self.item, self.bound, self.evaluation
        return ItemDocument(
            item_id=item.item_id,
            prompt=item.prompt,
            generator=item.generator,
            image=item.image,
            image_before=item.image_before,
            predicate=item.predicate,
            says=str(bound) if isinstance(bound, Bound) else None,
            problem=bound if isinstance(bound, str) else None,
            scene=self.scene if isinstance(self.scene, str) else self.scene.source,
            geometry=None
            if found is None
            else FromScene(
                score=found.score,
                passed=found.passed,
                reason=found.reason,
                constraints=tuple(in_words(m) for m in found.measurements),
            ),
            reference=self.reference,
            people=tuple(self._people()),
            verdicts=tuple(self._verdicts()),
        )

    def pictures(self) -> list[Picture]:
        """The images with their scenes: one, or before and after an edit."""
        scene = None if isinstance(self.scene, str) else self.scene
        if self.item.image_before or isinstance(scene, Pair):
            before, after = (scene.before, scene.after) if isinstance(scene, Pair) else (None, scene)
            return [("before", self.item.image_before, before), ("after", self.item.image, after)]
        return [("", self.item.image, scene)]

    def overlay(self, name: str | None, scene: Scene | None) -> Image.Image | None:
        """Return an image with its scene drawn on it; None without either."""
        from genspace.geometry.drawing.overlay import overlay

        image = self._image(name)
        return image if scene is None else overlay(image, scene, marks=self.marks)

    def _image(self, name: str | None) -> Image.Image | None:
        from PIL import Image, UnidentifiedImageError

        if name is None or not self.study.files.exists(name):
            return None
        try:
            with Image.open(io.BytesIO(self.study.files.read(name))) as image:
                return image.convert("RGB")
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise InputError(f"{name}: not a readable image ({error})") from None

    def html(self) -> str:
        """Return a self-contained page that works without a network."""
        from genspace.geometry.drawing.concepts import concept_svg
        from genspace.geometry.drawing.plan import plan

        pictures = self.pictures()
        drawn = [(caption, self.overlay(name, scene)) for caption, name, scene in pictures]
        last = pictures[-1][2]
        return page(
            "item.html.j2",
            Words({**OF_ITEMS, **of_sub_domains()}, self.reference),
            study=self.study.settings.name,
            sub_domain=self.bound.predicate.name.replace("_", " ") if isinstance(self.bound, Bound) else "",
            view=self.document,
            pictures=[(caption, _data_url(image)) for caption, image in drawn if image is not None],
            plans=[
                (caption, plan(scene, marks=self.marks))
                for caption, _, scene in pictures
                if scene is not None
            ],
            aids=list(self.aids()),
            view3d=None if last is None else _view3d(last),
            concept=concept_svg(self.bound) if isinstance(self.bound, Bound) else None,
        )


def view_item(study: Study, item_id: str) -> ItemView:
    r"""Collect everything about one item. Errors: `InputError` with the closest id if there is no such item.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = (root / "items.csv").write_text("item_id,prompt\na,a cow\n")
    >>> study = open_study(root)
    >>> view_item(study, "a").item.prompt
    'a cow'
    """
    found = next((item for item in study.iter_items() if item.item_id == item_id), None)
    if found is None:
        hint = did_you_mean(item_id, study.items["item_id"])
        shown = hint if len(hint) < LONGEST_HINT else f"; it has {len(study.items)} items, see items.csv"
        raise InputError(f"the study has no item {item_id!r}{shown}")
    return ItemView(study, evidence_of(study), found)


def _view3d(scene: Scene) -> str:
    from genspace.geometry.drawing.view3d import view3d

    try:
        return view3d(scene)
    except MissingExtraError as error:
        return f"<p class='caption'>{error}</p>"


def _data_url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


_UNITS = {"deg": "°", "m": " m", "ratio": ""}


def _value(measured: Measurement) -> str:
    decimals = 0 if measured.unit == "deg" else 2
    return f"{measured.value:.{decimals}f}{_UNITS.get(measured.unit, ' ' + measured.unit)}"


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else ""


def _known(cell: Any) -> Any:
    """A cell as JSON: null where it is missing."""
    import pandas as pd

    return None if cell is None or pd.isna(cell) else cell
