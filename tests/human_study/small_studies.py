"""Small studies and scripted raters for the tests of the human study."""

from __future__ import annotations

import io
import random
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from genspace.human_study.design import Design, parse_design
from genspace.human_study.material import Material, load_material
from genspace.human_study.store.answer_store import AnswerStore
from genspace.human_study.visit.assignment import Assignment, Rest, Turn


def picture(left: str, right: str, size: tuple[int, int] = (320, 240)) -> bytes:
    """A picture with a disc of each colour."""
    image = Image.new("RGB", size, "#e9eef3")
    draw = ImageDraw.Draw(image)
    w, h = size
    draw.rectangle((0, h * 0.7, w, h), fill="#cfd8c9")
    draw.ellipse((w * 0.12, h * 0.35, w * 0.4, h * 0.8), fill=left)
    draw.ellipse((w * 0.6, h * 0.35, w * 0.88, h * 0.8), fill=right)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def write_study(
    root: Path, items: int = 6, *, generators: int = 1, edit: bool = False, design: str = ""
) -> Path:
    """A study folder of `items` prompts × `generators`, with pictures and an annotate.toml."""
    (root / "images").mkdir(parents=True)
    lines = ["item_id,image,prompt,prompt_id,generator,predicate" + (",image_before" if edit else "")]
    for p in range(items):
        for g in range(generators):
            item = f"i{p}" if generators == 1 else f"i{p}g{g}"
            (root / "images" / f"{item}.png").write_bytes(picture("#b5483b", "#3b6fb5"))
            cells = [
                item, f"{item}.png", "A cow on the left of a chair", f"p{p}", f"gen{g}",
                '"allocentric(cow, chair, relation=left)"',
            ]  # fmt: skip
            if edit:
                (root / "images" / f"{item}_before.png").write_bytes(picture("#b5483b", "#e9eef3"))
                cells.append(f"{item}_before.png")
            lines.append(",".join(cells))
    (root / "items.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "annotate.toml").write_text(design, encoding="utf-8")
    return root


@contextmanager
def nothing_left_to_chance() -> Iterator[None]:
    """Pseudonyms are the same in every run, for items, gold and repeats fall where they put them; nobody waits for a disk.

    That each commit is synced to the disk is tested in test_storage.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "choice", random.Random(4).choice)
        patch.setattr("genspace.human_study._engine._SYNCHRONOUS", "OFF")
        yield


@dataclass
class Clock:
    """A clock that the test sets."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Desk:
    """A store with its design, for raters without a browser."""

    store: AnswerStore
    material: Material
    clock: Clock
    submissions: int = field(default=0)

    @property
    def design(self) -> Design:
        return self.material.design

    def join(self, external_id: str | None = None) -> str:
        return self.store.consent(self.store.start_session("rater", external_id), "en")

    def claim(self, rater: str) -> Assignment | Rest:
        with self.store.writing() as connection:
            return Turn(connection, self.design, rater, self.clock()).claim()

    def take(self, rater: str) -> Assignment:
        got = self.claim(rater)
        assert isinstance(got, Assignment)
        return got

    def answer(
        self, rater: str, given: Assignment, values: Mapping[str, float | None] | float | None, **more: object
    ) -> bool:
        self.submissions += 1
        self.clock.now += 5
        options = {
            "submission": f"s{self.submissions}", "revision": given.revision, "seconds": 4.0, "comment": "", **more,
        }  # fmt: skip
        values = values if isinstance(values, Mapping) else {"": values}
        with self.store.writing() as connection:
            turn = Turn(connection, self.design, rater, self.clock())
            return turn.answer(given.assignment_id, values=values, **options)


def open_desk(root: Path, **design: object) -> Desk:
    material = load_material(root, parse_design(design))
    clock = Clock()
    store = AnswerStore(root, material.design, clock)
    store.prepare(material)
    return Desk(store, material, clock)
