"""The units of a study, an item, a pair or a group each, and the counts that handing out goes by."""

from __future__ import annotations

import json
import random
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, insert, select, update

from genspace.human_study.design import Design
from genspace.human_study.material import Material, UnitKey
from genspace.human_study.store import _schema as t

_U = t.units.c
_ASSIGNED = _U.assigned + bindparam("more_assigned")
_RECOUNT = (
    update(t.units)
    .where(_U.unit_id == bindparam("unit"))
    .values(
        assigned=_ASSIGNED,
        done=_U.done + bindparam("more_done"),
        available=and_(_U.kind == "main", _U.wanted > _ASSIGNED),
    )
    .returning(t.units)
)


_GONE = "gone-"
"""Before the kind of a gold or practice unit that the study no longer has."""


def recount(connection: Connection, unit_id: int, *, assigned: int = 0, done: int = 0) -> Row[Any]:
    """Add to a unit's counts and note whether it is still to be handed out; return its row as it is then."""
    return connection.execute(_RECOUNT, {"unit": unit_id, "more_assigned": assigned, "more_done": done}).one()


def sync_units(connection: Connection, material: Material, design: Design) -> None:
    """Bring the units up to date with the study's items: new ones come in, gone ones are asked about no more."""
    rows = connection.execute(select(t.units))
    there = {(row.item_ids, row.kind.removeprefix(_GONE)): row for row in rows}
    shuffle = random.Random(design.seed)
    new = []
    for unit in material.units:
        known, items = _known(material, unit.key), json.dumps(unit.key, ensure_ascii=False)
        row = there.pop((items, unit.kind), None)
        if row is None:
            main = unit.kind == "main"
            new.append(
                {
                    "item_ids": items,
                    "kind": unit.kind,
                    "wanted": design.raters_per_item if main else 0,
                    "known": known,
                    "available": main,
                    "shuffle": shuffle.random(),
                }
            )
            continue
        if row.known != known or row.kind != unit.kind:
            _change(connection, row.unit_id, known=known, kind=unit.kind)
        if row.kind == "main" and row.wanted < design.raters_per_item:
            wanted = design.raters_per_item
            _change(connection, row.unit_id, wanted=wanted, available=row.assigned < wanted)
    if new:
        connection.execute(insert(t.units), new)
    for (_, kind), row in there.items():
        gone = kind if kind == "main" else f"{_GONE}{kind}"
        _change(connection, row.unit_id, wanted=0, available=False, kind=gone)


def _known(material: Material, key: UnitKey) -> str:
    """Return a unit's known answers as they are stored; "" without any."""
    known = material.known.get(key)
    return "" if known is None else json.dumps(dict(known.values), sort_keys=True)


def _change(connection: Connection, unit_id: int, **values: object) -> None:
    connection.execute(update(t.units).where(_U.unit_id == unit_id).values(**values))
