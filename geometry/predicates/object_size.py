"""One object is larger than another, by volume or along an axis; and what sizes before and after an edit share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from genspace.geometry import measures, reference
from genspace.geometry.drawing._svg import body, cuboid, line, name_in, polygon, rectangle, span, text
from genspace.geometry.drawing.concepts import SMALL, Concept, Say
from genspace.geometry.drawing.palette import GROUND, INK, MUTED, tone
from genspace.geometry.predicates import (
    RELATIVE,
    Bound,
    Case,
    Limit,
    Measured,
    Predicate,
    Saying,
    Variant,
    constraint,
)
from genspace.geometry.probes.planning import Draw, Layout, Plan, Thing, UnfitError, in_metres
from genspace.geometry.views import Unmeasurable

__all__ = ["PREDICATE", "SEEN_FROM", "dimensions", "size", "size_drawing", "size_plans", "stretched"]

VALUES = {"bigger": 1.2, "taller": 0.2, "longer": 0.5, "wider": 0.3}
"""The benchmark's ratio of volumes and differences in metres."""
QUANTITY = {"taller": "height", "longer": "length", "wider": "width"}
LENGTH_AXIS = {"length_axis": ("front", "right", "longest")}
"""Along which of its own axes an object is long."""


def dimensions(variant: Callable[[str], Variant], **values: float) -> Mapping[str, Variant]:
    """Return the four variants of a predicate about size, given the released rule of each."""
    found = {}
    for word, value in (VALUES | values).items():
        key, limit = (
            ("ratio", Limit("factor", "volume"))
            if word == "bigger"
            else ("value_m", Limit("share", "metric"))
        )
        found[word] = replace(variant(word), values={key: (value,)}, limits={"size": limit})
    return found


def size(case: Case) -> Measured:
    """Ratio of the volumes, or signed difference of one size."""
    dimension, limit, change = str(case.settings["dimension"]), case.limits["size"], case.change
    now, then = (*case.objects, *(change.before if change else ()))
    names = f"{now.item.id} after against before" if change else f"{now.item.id} against {then.item.id}"

    def factor() -> float:
        return change.factor if change else 1.0

    if dimension == "bigger":
        target = case.number("ratio")

        def ratio() -> tuple[float, float]:
            found = measures.volume_m3(now) * factor() ** 3 / measures.volume_m3(then)
            return found, _sure(case, dimension, lambda f, g: abs(math.log(found * f / g / target)), limit[0])

        note = "error as the log of the ratio"
        return [constraint(f"ratio of the volumes of {names}", "ratio", target, limit, ratio, note=note)]
    target, axis = case.number("value_m"), str(case.settings["length_axis"])

    def difference() -> tuple[float, float]:
        mine = measures.size_m(now, dimension, axis) * factor()
        theirs = measures.size_m(then, dimension, axis)
        error = _sure(case, dimension, lambda f, g: abs(mine * f - theirs * g - target) / target, limit[0])
        return mine - theirs, error

    quantity = f"difference in {QUANTITY[dimension]} of {names}"
    return [constraint(quantity, "m", target, limit, difference, note=RELATIVE)]


def _sure(case: Case, dimension: str, error: Callable[[float, float], float], inner: float) -> float:
    """Return the error with both sizes as they are seen, if what one view hides of them cannot change the answer.

    One thing before and after an edit hides the same of itself. Errors: `Unmeasurable`.
    """
    if case.change is None:
        now, then = (measures.unseen_factor(a, dimension) for a in case.objects)
        # the error is monotone on either side of the target, but a range may hold the target: look at both orders
        if len({error(f, g) <= inner for f in (1.0, now) for g in (1.0, then)}) > 1:
            share = case.objects[0].limits.unseen_share
            raise Unmeasurable(
                f"one view shows lengths and widths of {' and '.join(a.item.id for a in case.objects)} to within "
                f"{share:.0%}, and the answer depends on it"
            )
    return error(1.0, 1.0)


def size_drawing(bound: Bound) -> Concept:
    """A beside B, or beside itself before, dashed; aligned so that the difference shows."""
    shapes = partial(_shapes, bound.word, ghost=bound.predicate.compares)
    return Concept(seen={"bigger": "", "taller": "beside"}.get(bound.word, "above"), shapes=shapes)


def _shapes(dimension: str, say: Say, *, ghost: bool) -> str:
    a, b = tone(0), tone(0 if ghost else 1)
    name, fill, dashes = ("", GROUND, "5 4") if ghost else ("B", b.pale, None)
    below = text(say("{before}"), (92, 214), fill=MUTED, size=SMALL) if ghost else ""
    if dimension == "bigger":
        small, large = 76.0, 76 * 1.2 ** (1 / 3)
        parts = [
            *cuboid((54, 190), small, fill=fill, stroke=b.strong, dashes=dashes),
            *cuboid((184, 190), large, fill=a.pale, stroke=a.strong),
            name_in(name, (54 + small / 2, 190 - small / 2), b),
            name_in("A", (184 + large / 2, 190 - large / 2), a),
            text(say("{volume}"), (160, 36), bold=True),
            below,
        ]
    elif dimension == "taller":
        parts = [
            line((36, 192), (284, 192), MUTED),
            polygon(rectangle(62, 104, 60, 88), fill=fill, stroke=b.strong, dashes=dashes),
            polygon(rectangle(160, 64, 60, 128), fill=a.pale, stroke=a.strong),
            line((122, 104), (246, 104), MUTED, dashes="3 4"),
            line((220, 64), (246, 64), MUTED, dashes="3 4"),
            span((242, 64), (242, 104), say("{value_m}"), beside=(30, 0)),
            name_in(name, (92, 148), b),
            name_in("A", (190, 128), a),
            below,
        ]
    else:
        edge = 64.0  # where the rear ends, or the left sides, are aligned
        sizes = {"longer": ((150.0, 58.0), (96.0, 58.0)), "wider": ((58.0, 118.0), (58.0, 72.0))}[dimension]
        along, heading = (0, 90.0) if dimension == "longer" else (1, 0.0)
        (mine, theirs), end, far = sizes, edge + sizes[1][along], edge + sizes[0][along]
        parts = [
            body(
                (edge + theirs[along] / 2, 64), heading, theirs, b, name=name or say("{before}"), ghost=ghost
            ),
            body((edge + mine[along] / 2, 148), heading, mine, a, name="A"),
            line((end, 64), (end, 204), MUTED, dashes="3 4"),
            line((far, 148), (far, 204), MUTED, dashes="3 4"),
            line((end, 200), (far, 200), INK),
            text(say("{value_m}"), ((end + far) / 2, 217), bold=True),
        ]
    return "".join(parts)


SEEN_FROM = {"bigger": 45.0, "longer": 90.0, "wider": 0.0, "taller": 30.0}
"""Degrees from an object's front at which its wanted size shows."""


def stretched(draw: Draw, thing: Thing, other: Thing) -> tuple[Thing, Thing]:
    """Return two objects of a kind whose sizes differ by the drawn value: (larger, smaller), by one factor."""
    import numpy as np

    share = np.ones(3)
    if draw.variant == "bigger":
        share = draw.value ** (1 / 6) * np.exp(draw.rng.normal(scale=0.04, size=3))
        share *= (draw.value**0.5 / share.prod()) ** (1 / 3)
    else:
        axis = {"longer": 0, "taller": 1, "wider": 2}[draw.variant]
        length = float(thing.extent[axis])
        if draw.target < 0.15 * length if draw.plain else abs(draw.value) < 0.05 * length:
            raise UnfitError  # nobody sees 20 cm on an aeroplane
        # sizes s and s + value with the natural size as their geometric mean
        share[axis] = length / (-draw.value / 2 + math.sqrt(draw.value**2 / 4 + length**2))
    if (np.maximum(share, 1 / share) > 1.3).any():
        raise UnfitError
    return thing.stretched(share), other.stretched(1 / share)


def sized(draw: Draw) -> Layout:
    """Two objects of one kind, the first larger by a factor or a length, both seen so that the size shows."""
    a = replace(draw.thing(draw.pick(), 0.0), coloured=True)
    b = a.in_another_colour()
    # one shape in two paints would hide the wanted difference: the second takes the first's size exactly
    a, b = stretched(draw, a, b.stretched(a.extent / b.extent))
    things = (a, b.at(draw.between(60, 120) * draw.one_of(-1, 1), draw.spacing(a, b)))
    eye = draw.eye(things, 0.0, elevation=(8, 30))
    turned = []
    for t in things:  # so that the wanted axis is well off its viewing ray
        toward = math.degrees(math.atan2(eye.x - t.x, eye.z - t.z))
        around = SEEN_FROM[draw.variant] + draw.one_of(0, 180)
        around += draw.between(-1, 1) * (8 if draw.variant == "bigger" else 45)
        turned.append(replace(t, heading_deg=toward + around * draw.one_of(-1, 1)))
    return Layout(things=tuple(turned), eye=eye, true_value=draw.value)


def size_plans(pattern: Plan) -> tuple[Plan, ...]:
    """Return the plans of the four variants; NUMBER stands for the wanted one in the pattern's call."""
    ratio, *lengths = (
        replace(
            pattern,
            variant=word,
            call=pattern.call.replace("VARIANT", word).replace("NUMBER", f"value_m={value}"),
        )
        for word, value in VALUES.items()
    )
    ratio = replace(
        ratio,
        call=ratio.call.replace("value_m", "ratio"),
        quantity="ratio of volumes",
        unit="log ratio",
        target=VALUES["bigger"],
        inner=math.log(1.1),
        spread=(0.0, 2 * math.log(1.1)),
    )
    return (ratio, *(in_metres(plan, VALUES[plan.variant]) for plan in lengths))


_CALL = "object_size({0}, {1}, dimension=VARIANT, NUMBER)"

PREDICATE = Predicate(
    name="object_size",
    roles=("first", "second"),
    key="dimension",
    variants=dimensions(
        lambda word: Variant(t2i=reference.volume_ratio if word == "bigger" else reference.size_difference)
    ),
    options={**LENGTH_AXIS, "either_order": ("auto", "yes", "no")},
    rule=size,
    from_anywhere=True,
    drawing=size_drawing,
    probes=size_plans(
        Plan(sub_domain="object_size", call=_CALL, quantity="difference of sizes", arrange=sized)
    ),
    same={"bigger": Saying("bigger", exchanged=True, inverse=True)},
    contrary={word: Saying(word, exchanged=True) for word in VALUES},
    rank=9,
)
