"""The ways to ask the same thing again: what each changes about an item, and how the right answer changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from posixpath import splitext

from genspace.analysis.consistency import Way
from genspace.certificate._files import AS_IT_IS, JPEG, MIRROR, SMALLER, UNDONE, cut_folder
from genspace.errors import InputError
from genspace.geometry.predicates import Bound, bind_known, contrary, exchanged, in_a_mirror, undone
from genspace.geometry.probes.orbit import ORBIT
from genspace.geometry.retouch import Cut
from genspace.geometry.scene import Pair, Scene
from genspace.judges.scene import find_scene
from genspace.records import SCENE_SUFFIX, Files, Item
from genspace.sides import NoMirrorError, mirrored_text, written_in
from genspace.tables import WORDS, word_key

ASKED = "asked"
"""Name of the question as it is, which the others are held against."""
ORDER = "order"
"""The one way that needs no version of an item: who is asked for one of several is always asked in both orders."""
PRINTED = "printed"
"""Column of the items that says what in the picture is written or has a printed side."""
BORDER_SHARE = 0.05
"""Share of the longer side that stays free around the objects of a picture that is cut."""
LEAST_CUT = 0.05
"""Share of the width or height that a cut must take away to change anything."""


@dataclass(frozen=True)
class AskedItem:
    """One version of an item."""

    item: Item
    """With the study's own names of files, and only the question: the predicate, or else the prompt."""
    files: Files
    folder: str = AS_IT_IS
    """Where the retouched files are read from (see `RetouchedFiles`)."""
    printed: str = ""
    """What in the picture is written or printed, so that a mirror spoils it, as far as that is known."""

    @cached_property
    def bound(self) -> Bound | None:
        """The item's predicate; None: it has none, or an unknown one."""
        return bind_known(self.item.predicate) if self.item.predicate else None

    def saying(self, bound: Bound) -> AskedItem:
        """Return the same item with another predicate."""
        return replace(self, item=replace(self.item, predicate=bound.text))


class DoesNotApplyError(Exception):
    """The way does not apply to the item. The message says why."""


@dataclass(frozen=True)
class AnotherWay:
    """A way to ask the same thing again."""

    way: Way
    says: str
    """What is done, for readers."""
    ask: Callable[[AskedItem], AskedItem]
    """Errors: `DoesNotApplyError`."""

    def of(self, asked: AskedItem) -> AskedItem | str:
        """Return this version of the item, or why there is none."""
        try:
            return self.ask(asked)
        except (DoesNotApplyError, NoMirrorError, InputError) as error:
            return str(error)


def asked_as_it_is(item: Item, files: Files) -> AskedItem:
    """Return an item with its question only: where it has a predicate, the prompt is hidden."""
    return AskedItem(replace(item, prompt=None) if item.predicate else item, files, printed=_printed(item))


def _printed(item: Item) -> str:
    """Return the text in the picture, from the column `printed` (yes, no, or the text), else from the prompt."""
    said = str(item.extra.get(PRINTED) or "").strip()
    if not said:
        return written_in(item.prompt or "") or ""
    return "" if said in {"0", "0.0"} or WORDS.get(word_key(said), said) == 0 else said


def _bound(asked: AskedItem) -> Bound:
    if asked.bound is None:
        raise DoesNotApplyError("it has no predicate whose words are known")
    return asked.bound


def _said(found: Bound | None, what: str) -> Bound:
    if found is None:
        raise DoesNotApplyError(f"its predicate has no {what}")
    return found


def _in_a_mirror(asked: AskedItem) -> AskedItem:
    _picture(asked)
    if asked.printed:
        raise DoesNotApplyError("something in it is written or printed, which a mirror spoils")
    if asked.item.predicate:
        said = asked.saying(_said(in_a_mirror(_bound(asked)), "word for what a mirror shows"))
    elif asked.item.prompt:
        said = replace(asked, item=replace(asked.item, prompt=mirrored_text(asked.item.prompt, plain=True)))
    else:
        raise DoesNotApplyError("it has neither predicate nor prompt")
    return replace(said, folder=MIRROR)


def _exchanged(asked: AskedItem) -> AskedItem:
    return asked.saying(_said(exchanged(_bound(asked)), "form with the objects exchanged"))


def _contrary(asked: AskedItem) -> AskedItem:
    return asked.saying(_said(contrary(_bound(asked)), "contrary"))


def _undone(asked: AskedItem) -> AskedItem:
    item = asked.item
    if not (item.image and item.image_before):
        raise DoesNotApplyError("it is not an edit")
    said = asked.saying(_said(undone(_bound(asked)), "form read backwards"))
    turned = replace(said.item, image=item.image_before, image_before=item.image)
    return replace(said, item=turned, folder=UNDONE)


def _picture(asked: AskedItem) -> None:
    if not asked.item.image:
        raise DoesNotApplyError("it has no picture")


def _retouched(folder: str) -> Callable[[AskedItem], AskedItem]:
    def ask(asked: AskedItem) -> AskedItem:
        _picture(asked)
        return replace(asked, folder=folder)

    return ask


def _orbit(asked: AskedItem) -> AskedItem:
    """Use the picture from another side, where such a file is there (`probe render --orbit`)."""
    _picture(asked)
    if not _bound(asked).predicate.from_anywhere:
        raise DoesNotApplyError("its answer depends on where the camera stands")
    stem, suffix = splitext(asked.item.image or "")
    elsewhere = replace(asked.item, image=f"{stem}{ORBIT}{suffix}")
    if not any(map(asked.files.exists, (str(elsewhere.image), f"{stem}{ORBIT}{SCENE_SUFFIX}"))):
        raise DoesNotApplyError(
            "there is no picture of it from another side (genspace probe render --orbit 40)"
        )
    return replace(asked, item=elsewhere)


def _cut(asked: AskedItem) -> AskedItem:
    """Cut off half of the free margin around the predicate's objects, equally in both pictures of an edit."""
    _picture(asked)
    ids = _bound(asked).ids
    scene = find_scene(asked.item, asked.files)
    scenes = (scene.before, scene.after) if isinstance(scene, Pair) else (scene,)
    if len({(one.width, one.height) for one in scenes}) > 1:
        raise DoesNotApplyError("its two pictures differ in size")
    cuts = [_free(one, ids) for one in scenes]
    sides = [min(cut[side] for cut in cuts) // 2 for side in range(4)]
    width, height = scenes[0].width, scenes[0].height
    if sides[0] + sides[2] < LEAST_CUT * width and sides[1] + sides[3] < LEAST_CUT * height:
        raise DoesNotApplyError("its objects fill the picture")
    return replace(asked, folder=cut_folder(Cut(*sides)))


def _free(scene: Scene, ids: tuple[str, ...]) -> tuple[int, int, int, int]:
    """Return the free margin around the objects in pixels: left, top, right, bottom."""
    boxes = [item.box for name in ids if (item := scene.object(name)) is not None and item.box is not None]
    if len(boxes) < len(ids):
        raise DoesNotApplyError("where its objects lie in the picture is not known")
    border = BORDER_SHARE * max(scene.width, scene.height)
    left, top = (min(box[side] for box in boxes) - border for side in (0, 1))
    right, bottom = (max(box[side] for box in boxes) + border for side in (2, 3))
    free = [max(0, int(value)) for value in (left, top, scene.width - right, scene.height - bottom)]
    return free[0], free[1], free[2], free[3]


def _way(
    name: str, ask: Callable[[AskedItem], AskedItem], says: str, *, contrary: bool = False
) -> AnotherWay:
    return AnotherWay(Way(name, "not yes to both" if contrary else "the same answer"), says, ask)


WAYS: Mapping[str, AnotherWay] = {
    way.way.name: way
    for way in (
        _way("mirror", _in_a_mirror, "the picture mirrored, left and right traded in the words"),
        _way("contrary", _contrary, "the opposite asked of the same picture", contrary=True),
        _way(
            "exchanged", _exchanged, "the same said with the two objects exchanged: A left of B, B right of A"
        ),
        _way("undone", _undone, "the edit read backwards, the pictures exchanged"),
        _way(ORDER, lambda asked: asked, "the options, or the two pictures, in the other order"),
        _way("orbit", _orbit, "the camera moved about the objects"),
        _way("cut", _cut, "the sides of the picture cut off, all objects kept"),
        _way("smaller", _retouched(SMALLER), "the picture at three quarters of its size"),
        _way("jpeg", _retouched(JPEG), "the picture saved as JPEG of quality 60"),
    )
}
"""By name, in the order of tables."""
DEFAULT_WAYS = ("mirror", "contrary", "exchanged", "undone", ORDER)
"""Those that every picture bears: they change what is asked, its order, or the picture as a whole."""
