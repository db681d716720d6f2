"""The same thing said another way: in a mirror, with the objects' roles exchanged, of an edit undone; or its contrary.

Which words belong together stands with each predicate (`Predicate.same`, `contrary`, `undone`).
"""

from __future__ import annotations

from collections.abc import Mapping

from genspace.geometry.predicates._bound import Bound, bind
from genspace.geometry.predicates._predicate import Saying
from genspace.sides import Frame

_SIDES = {"left": "right", "right": "left"}
_TOLERANCE = ("inner", "outer")


def in_a_mirror(bound: Bound) -> Bound | None:
    """Return what holds in a mirrored picture where the given holds in the picture; None where no word says it.

    >>> in_a_mirror(bind("allocentric(cow, chair, relation=left)")).text
    'allocentric(cow, chair, relation=right)'
    """
    word = "_".join(_SIDES.get(part, part) for part in bound.word.split("_"))
    return _said(bound, Saying(word)) if word in bound.predicate.variants else None


def exchanged(bound: Bound) -> Bound | None:
    """Return the same statement with the first two objects in each other's role; None where there is none.

    >>> exchanged(bind("egocentric(cow, chair, relation=closer)")).text
    'egocentric(chair, cow, relation=farther)'
    """
    saying = bound.predicate.same.get(bound.word)
    return None if saying is None or bound.either_order else _said(bound, saying)


def contrary(bound: Bound) -> Bound | None:
    """Return a statement that cannot hold in the same picture; None where there is none, or the tolerance is its own.

    >>> contrary(bind("object_size(cow, cat, dimension=taller, value_m=0.5)")).text
    'object_size(cat, cow, dimension=taller, value_m=0.5)'
    """
    saying = bound.predicate.contrary.get(bound.word)
    own = any(key in bound.settings for key in _TOLERANCE)
    return None if saying is None or own or bound.either_order else _said(bound, saying)


def rivals(bound: Bound) -> tuple[Bound, ...]:
    """Return the other statements of which, with this one, one holds at most and nearly always one; often none.

    >>> [rival.word for rival in rivals(bind("allocentric(cow, chair, relation=left)"))]
    ['front', 'back', 'right']
    """
    group = next((words for words in bound.predicate.exclusive if bound.word in words), ())
    if bound.either_order or any(key in bound.settings for key in _TOLERANCE):
        return ()
    return tuple(_said(bound, Saying(word)) for word in group if word != bound.word)


def undone(bound: Bound) -> Bound | None:
    """Return what the edit does when it is read backwards, from after to before; None where no word says it.

    >>> undone(bind("move_object(cow, direction=left, value_m=1)")).text
    'move_object(cow, direction=right, value_m=1)'
    """
    saying = bound.predicate.undone.get(bound.word)
    return None if saying is None else _said(bound, saying)


def in_both_frames(bound: Bound) -> dict[Frame, Bound] | None:
    """Return what the same words mean from the camera and from the object; None where they have one reading.

    >>> {frame: said.text for frame, said in in_both_frames(bind("allocentric(cow, cat, relation=left)")).items()}
    {'object': 'allocentric(cow, cat, relation=left)', 'camera': 'egocentric(cat, cow, relation=left)'}
    """
    predicate = bound.predicate
    if predicate.frame is None or bound.word not in predicate.other_frame:
        return None
    other: Frame = "camera" if predicate.frame == "object" else "object"
    return {
        predicate.frame: bound,
        other: bind(predicate.other_frame[bound.word].format(*map(_quoted, bound.ids))),
    }


def _said(bound: Bound, saying: Saying) -> Bound:
    predicate, ids = bound.predicate, bound.ids
    if saying.exchanged:
        ids = (ids[1], ids[0], *ids[2:])
    usual = {key: words[0] for key, words in predicate.options.items()} | {predicate.key: bound.word}
    settings = {key: value for key, value in bound.settings.items() if usual.get(key) != value}
    if saying.inverse:
        settings["ratio"] = 1.0 / float(settings["ratio"])
    if predicate.key:
        settings = {predicate.key: saying.word, **settings}
    return bind(_call(predicate.name, ids, settings))


def _call(name: str, ids: tuple[str, ...], settings: Mapping[str, float | str]) -> str:
    given = [
        f"{key}={value:.10g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in settings.items()
    ]
    return f"{name}({', '.join([*map(_quoted, ids), *given])})"


def _quoted(name: str) -> str:
    """Return an object's id as it can stand in a call.

    >>> _quoted("cow"), _quoted("the big, red cat")
    ('cow', '"the big, red cat"')
    """
    if not set(name) & set(",=\"'()") and name == name.strip():
        return name
    return f"'{name}'" if '"' in name else f'"{name}"'
