"""Aids: help for a model beside picture and question, drawn from a scene that a perception made.

`AIDS` holds them all. An aid is drawn on the picture, stands beside it, or is told in words; the words say what each
picture is. The known truth is never shown (see `genspace.judges.Seeing`).
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from genspace.errors import InputError
from genspace.geometry.evaluate import evaluate, measured_in_words
from genspace.geometry.frames import wrap_deg
from genspace.geometry.predicates import Bound, Limit, bind_known, rivals
from genspace.judges._naming import resolve
from genspace.judges._protocol import JudgeContext, Seeing
from genspace.judges._registry import make_judge
from genspace.judges.asking._asks import Ask
from genspace.judges.asking._pictures import Pictures
from genspace.judges.prompts import plain, quoted
from genspace.records import Request

if TYPE_CHECKING:
    from PIL import Image

    from genspace.geometry.scene import Pair, Scene, SceneObject

VERSION = 1
"""Of what the aids draw and say; part of the fingerprint."""
MARGIN = 0.15
"""Of a box's sides, left around a thing that is cut out."""
DRAWS = 24
"""Disturbed scenes from which it follows how far a measurement may be off."""
LONGEST = 4096
"""Longest side of a picture that is drawn on, in pixels."""


IMAGE = "{image}"
"""Stands for the picture that a text is about."""


class UnaidedError(Exception):
    """An aid lacks what it should show. The message says what and why."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One picture of an item, with its scene."""

    image: str
    scene: Scene
    ids: tuple[str, ...]
    """The things that the predicate names, else all, as far as the scene has them."""
    pixels: Image.Image = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aid:
    """One way to help a model: something drawn on the picture, pictures beside it, or words."""

    what: str
    """For people who choose among them."""
    boxes: bool = False
    fronts: bool = False
    beside: Callable[[Shown], Iterator[tuple[str, Image.Image]]] | None = None
    """Yields what a further picture shows, and the picture."""
    told: Callable[[Bound, Scene | Pair | None, str], Iterator[str]] | None = None
    """Yields what is said of a predicate in a scene; the text names the item, for what is random."""


def _crops(shown: Shown) -> Iterator[tuple[str, Image.Image]]:
    factor = shown.pixels.width / shown.scene.width
    for name in shown.ids:
        left, top, right, bottom = (factor * x for x in _box(shown, name))
        x, y = MARGIN * (right - left), MARGIN * (bottom - top)
        box = (
            math.floor(max(0, left - x)),
            math.floor(max(0, top - y)),
            math.ceil(max(left + 1, min(shown.pixels.width, right + x))),
            math.ceil(max(top + 1, min(shown.pixels.height, bottom + y))),
        )
        yield f"a part of {IMAGE}, around the {quoted(name)}", shown.pixels.crop(box)


def _depth(shown: Shown) -> Iterator[tuple[str, Image.Image]]:
    import numpy as np
    from PIL import Image

    from genspace.geometry.drawing.stages import nearness

    depth = shown.scene.read_depth()
    if depth is None or not (depth > 0).any():
        raise UnaidedError(f"the depth of {shown.image} is not known")
    share, near, far = nearness(depth)
    grey = np.where(depth > 0, 255 * share, 0).astype(np.uint8)
    picture = Image.fromarray(grey).convert("RGB").resize(shown.pixels.size)
    yield f"the estimated depth of {IMAGE}, from {near:.3g} m (white) to {far:.3g} m (black)", picture


def _measurements(bound: Bound, scene: Scene | Pair | None, name: str) -> Iterator[str]:
    from genspace.geometry.noise import TYPICAL, disturbed

    assert scene is not None
    found = evaluate(scene, bound)
    others = [evaluate(disturbed(scene, TYPICAL, name=name, seed=k), bound) for k in range(DRAWS)]
    told = []
    for i, measured in enumerate(found.measurements):
        if measured.value is None:
            continue
        values = [e.measurements[i].value for e in others if len(e.measurements) > i]
        off = sorted(_apart(v, measured.value, measured.unit) for v in values if v is not None)
        told.append(plain(measured_in_words(measured, off[round(0.68 * (len(off) - 1))] if off else None)))
    if not told:
        raise UnaidedError(found.reason or "nothing could be measured")
    if any("bearing" in text for text in told):
        told.append("a bearing is 0° straight ahead of a thing, 90° to its own right, -90° to its own left")
    yield f"Estimated from {IMAGE}: {'; '.join(told)}."


def _apart(value: float, from_: float, unit: str) -> float:
    return abs(wrap_deg(value - from_)) if unit == "deg" else abs(value - from_)


def _tolerance(bound: Bound, _: Scene | Pair | None, __: str) -> Iterator[str]:
    limits = bound.limits()
    told = [f"{key} by {_by(limit, limits[key][0])}" for key, limit in bound.declared.items()]
    yield f"It still counts as met when off by no more than this: {', '.join(told)}."


def _by(limit: Limit, inner: float) -> str:
    if limit.unit == "share":
        return f"{inner:.0%}"
    return (
        f"a factor of {math.exp(inner):.2g}"
        if limit.unit == "factor"
        else f"{inner:g}" + {"deg": "°"}.get(limit.unit, " m")
    )


AIDS: Mapping[str, Aid] = {
    "marks": Aid(what="numbered boxes around the things", boxes=True),
    "front": Aid(what="an arrow out of each thing's front, where it has one", fronts=True),
    "crops": Aid(what="each thing cut out, beside the whole", beside=_crops),
    "depth": Aid(what="a depth map beside the picture", beside=_depth),
    "measurements": Aid(
        what="what geometry measures, in words, with how far it may be off", told=_measurements
    ),
    "tolerance": Aid(what="how far off still counts as met", told=_tolerance),
}


def _box(shown: Shown, name: str) -> tuple[float, float, float, float]:
    item = shown.scene.object(name)
    if item is None or item.box is None:
        raise UnaidedError(f"the box of {name} in {shown.image} is not known")
    return item.box


@dataclass(frozen=True)
class Aids:
    """The aids that a judge is given, and where their scenes come from."""

    names: tuple[str, ...]
    source: Seeing
    fingerprint: str
    hidden: bool
    """Whether nothing may tell which of several statements was asked for."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(
        cls, names: Sequence[str], source: str, context: JudgeContext, *, hidden: bool, where: str
    ) -> Aids:
        """Return aids whose scenes come from the judge `source`. Errors: `InputError` for one that makes no scenes."""
        make = context.make or (lambda name: make_judge(resolve([name], {})[0], context))
        judge = make(source)
        if not isinstance(judge, Seeing):
            raise InputError(
                f"{where}: aids_from = {source!r}: that judge makes no scenes; name scene, geometry, or a variant"
            )
        return cls(tuple(names), judge, judge.fingerprint, hidden)

    def parts(self) -> list[object]:
        """Return what belongs in a judge's fingerprint."""
        return [VERSION, list(self.names), self.fingerprint]

    def help_with(self, request: Request) -> Help:
        """Return the aids for a request.

        Errors: `UnaidedError`, or `InputError` of the scene, where something is not known; `PictureError`.
        """
        items = [item for item in (request.item, request.other) if item is not None]
        known = [(item, *self._known(replace(request, item=item, other=None))) for item in items]
        shown = [picture for _, _, _, pictures in known for picture in pictures]
        used = [AIDS[name] for name in self.names]
        told = []
        for item, bound, scene, _ in known:
            for tell in [aid.told for aid in used if aid.told]:
                if bound is None:
                    raise UnaidedError("the item has no predicate that is known, so nothing can be measured")
                told += [(item.image or "", text) for text in tell(bound, scene, item.item_id)]
        return Help(
            on={picture.image: drawn for picture in shown if (drawn := _drawn(picture, used)) is not None},
            beside={
                picture.image: [
                    (what, _png(image)) for aid in used if aid.beside for what, image in aid.beside(picture)
                ]
                for picture in shown
            },
            told=told,
        )

    def _known(self, request: Request) -> tuple[Bound | None, Scene | Pair | None, list[Shown]]:
        item = request.item
        bound = bind_known(item.predicate) if item.predicate else None
        if bound is not None and self.hidden:
            bound = min((bound, *rivals(bound)), key=lambda said: said.text)
        if self.names == ("tolerance",):
            return bound, None, []
        with self._lock:  # models take one at a time
            scene = self.source.seen(request)
        return bound, scene, list(_shown(request, bound, scene))


def _shown(request: Request, bound: Bound | None, found: Scene | Pair) -> Iterator[Shown]:
    from genspace.geometry.scene import Pair

    item = request.item
    scenes = [(item.image_before, found.before)] if isinstance(found, Pair) else []
    scenes.append((item.image, found.after if isinstance(found, Pair) else found))
    for name, scene in scenes:
        if not name:
            continue
        wanted = bound.ids if bound else tuple(thing.id for thing in scene.objects)
        ids = tuple(i for i in wanted if scene.object(i) is not None)
        missing = next((i for i in wanted if i not in ids and name == item.image), None)
        if missing is not None:
            raise UnaidedError(f"{missing} was not found in {name}")
        (picture,) = Pictures(LONGEST).read(request.files, [name]).values()
        yield Shown(image=name, scene=scene, ids=ids, pixels=picture.pixels)


def _has_front(item: SceneObject | None) -> bool:
    if item is None or item.rotation is None or item.centre is None:
        return False
    return item.has_front is not False


def _drawn(shown: Shown, used: Sequence[Aid]) -> tuple[str, bytes] | None:
    """Draw the aids on a picture; return what was drawn and the picture, None where nothing is."""
    from genspace.geometry.drawing.overlay import numbered

    boxes, fronts = any(aid.boxes for aid in used), any(aid.fronts for aid in used)
    told = []
    if boxes:
        for name in shown.ids:
            _box(shown, name)
        told.append(
            f"boxes have numbers: {', '.join(f'{i} is the {quoted(n)}' for i, n in enumerate(shown.ids, 1))}"
        )
    if fronts and any(_has_front(shown.scene.object(name)) for name in shown.ids):
        told.append("arrows leave the middles of things towards where their fronts point, as estimated")
    if not told:
        return None
    drawn = numbered(shown.pixels, shown.scene, shown.ids, boxes=boxes, fronts=fronts)
    return "; ".join(told), _png(drawn)


@dataclass(frozen=True)
class Help:
    """The aids for one request, with pictures by the name of their image."""

    on: Mapping[str, tuple[str, bytes]]
    """What is drawn on it, and the picture with it."""
    beside: Mapping[str, Sequence[tuple[str, bytes]]]
    """What else shows it: what that is, and the picture."""
    told: Sequence[tuple[str, str]]
    """Image and text."""

    def aided(self, ask: Ask) -> Ask:
        """Return the ask with its aids."""
        single = len(ask.images) == 1 and not any(self.beside.values())
        number = {name: "the picture" if single else f"image {i}" for i, name in enumerate(ask.images, 1)}
        images, drawn, words = list(ask.images), {}, []
        for i, name in enumerate(ask.images):
            if name in self.on:
                what, data = self.on[name]
                images[i] = f"{name} ({what})"
                drawn[images[i]] = data
                words.append(f"In {number[name]}, {what}.")
        for name in ask.images:
            for what, data in self.beside.get(name, ()):
                images.append(what.replace(IMAGE, name))
                drawn[images[-1]] = data
                words.append(f"Image {len(images)} is {what.replace(IMAGE, number[name])}.")
        if len(ask.images) == 1 and len(images) > 1:
            words.insert(0, "Image 1 is the picture.")
        words += [text.replace(IMAGE, number.get(name, "the pictures")) for name, text in self.told]
        words = list(dict.fromkeys(words))
        return replace(
            ask, text="\n".join([*words, ask.text]), images=tuple(images), drawn=drawn, aids=tuple(words)
        )


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
