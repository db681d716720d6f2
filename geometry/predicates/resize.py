"""An edit makes an object larger, by volume or along an axis: measured as `object_size` is, after against before."""

from __future__ import annotations

from genspace.geometry import reference
from genspace.geometry.predicates import (
    Predicate,
    Saying,
    Variant,
)
from genspace.geometry.predicates.object_size import (
    LENGTH_AXIS,
    SEEN_FROM,
    dimensions,
    size,
    size_drawing,
    size_plans,
    stretched,
)
from genspace.geometry.probes.planning import Draw, Layout, Plan

__all__ = ["PREDICATE"]


def grown(draw: Draw) -> Layout:
    """One object larger than before, seen by the same camera."""
    thing = draw.thing(draw.pick(), 0.0)
    after, before = stretched(draw, thing, thing)
    direction = SEEN_FROM[draw.variant] + draw.one_of(0, 180) + draw.between(-8, 8)
    eye = draw.eye((after,), direction, elevation=(8, 30))
    layout = Layout(things=(after,), eye=eye, true_value=draw.value)
    return layout.edited(things_before=(before,), eye_before=eye)


_PLAN = Plan(
    task="edit",
    sub_domain="resize",
    call="resize({0}, dimension=VARIANT, NUMBER)",
    quantity="difference of sizes",
    arrange=grown,
    camera="static",
)

PREDICATE = Predicate(
    name="resize",
    roles=("object",),
    key="dimension",
    variants=dimensions(
        lambda word: Variant(
            edit=reference.resize_volume if word == "bigger" else reference.resize,
            gone=reference.gone_wrongly,
        ),
        wider=0.4,
    ),
    options=LENGTH_AXIS,
    rule=size,
    drawing=size_drawing,
    probes=size_plans(_PLAN),
    compares=True,
    undone={"bigger": Saying("bigger", inverse=True)},
    rank=12,
)
