"""Write docs/concepts/rules.md: every predicate with its corrected and its released rule, as the code decides it.

Run: python docs/rules.py. The corrected side is what the rules say when they judge a scene, the released side what
the released code's rules say of themselves. tests/test_docs_figures.py checks that the page is what this makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from genspace.geometry.evaluate import evaluate
from genspace.geometry.predicates import RELATIVE, Bound, Limit, bind, built_in, calls_of
from genspace.geometry.reference import ReferenceRule
from genspace.geometry.scene import Pair
from genspace.geometry.scene_files import parse_document

PAGE = Path(__file__).resolve().parent / "concepts" / "rules.md"
HEAD = """# All rules in one table

Written by `docs/rules.py` from the code. *Corrected* is what `genspace` decides by: each quantity with the wanted
value, then the error up to which it scores 1 and from which it scores 0; several are multiplied. *Released* is what the
released GenSpace code decides by (the profile `reference`), defects included. What the quantities are, and why the two
differ, stands in [Geometry](geometry.md).

| predicate | corrected | released, one image | released, edit |
| --- | --- | --- | --- |
"""
LETTERS = "ABC"
UNITS = {"deg": "°", "m": " m"}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page."""
    scene = _scene()
    return HEAD + "".join(f"| {' | '.join(_row(bound, scene))} |\n" for bound in _calls())


def _calls() -> Iterator[Bound]:
    """Yield one call of each variant, its objects called A, B, C."""
    for predicate in built_in().values():
        first = {bind(call).word: bind(call) for call in reversed([*calls_of(predicate)])}
        for word in predicate.variants:
            roles, letters = (
                f"({', '.join(names)}" for names in (first[word].ids, LETTERS[: len(first[word].ids)])
            )
            yield bind(first[word].text.replace(roles, letters))


def _scene() -> Pair:
    """A pair in which everything can be measured."""
    facing = [[0, 0, -1], [0, -1, 0], [-1, 0, 0]]
    things = [
        {
            "id": name, "centre": [x, 0.1 * x, 4 + x], "extent": [1, 1, 1], "rotation": facing, "complete": True,
            "rotation_confidence": 1.0, "box": [100 + 90 * x, 100, 150 + 90 * x, 150],
        }
        for x, name in enumerate(LETTERS)
    ]  # fmt: skip
    camera = {"pitch_deg": 0, "roll_deg": 0}
    side = {"format": "genspace-scene/1", "width": 640, "height": 480, "camera": camera, "objects": things}
    pair = {"format": "genspace-pair/1", "before": side, "after": side, "depth_scale": 1.0, "yaw_deg": 0.0}
    made = parse_document(pair)
    assert isinstance(made, Pair)
    return made


def _row(bound: Bound, scene: Pair) -> Iterator[str]:
    judged = [m for m in evaluate(scene, bound).measurements if m.outer is not None]
    parts = []
    for m, limit, (inner, outer) in zip(
        judged, bound.declared.values(), bound.limits().values(), strict=True
    ):
        wanted = "" if m.target is None else f", wanted {_number(m.target)}{UNITS.get(m.unit, '')}"
        note = "" if m.note == RELATIVE or m.note is None or m.note.startswith("error") else f" ({m.note})"
        parts.append(f"{m.quantity}{wanted}{note}: {_tolerance(limit, inner, outer)}")
    yield from (
        f"`{bound.text}`",
        "; ".join(parts),
        _released(bound.variant.t2i),
        _released(bound.variant.edit),
    )


def _tolerance(limit: Limit, inner: float, outer: float) -> str:
    if limit.unit == "factor":
        return ", ".join(f"× {limit.around(1.0, error)[1]:.3g}" for error in (inner, outer))
    if limit.unit == "share":
        return ", ".join(f"{error:.0%}" for error in (inner, outer))
    return ", ".join(f"{error:.3g}{UNITS[limit.unit]}" for error in (inner, outer))


def _released(rule: ReferenceRule | None) -> str:
    if rule is None:
        return "–"
    function, given = (rule.func, rule.keywords) if isinstance(rule, partial) else (rule, {})
    said = str(function.__doc__).splitlines()[0].rstrip(".")
    numbers = ", ".join(
        f"{key} {_number(value)}" for key, value in given.items() if not isinstance(value, bool)
    )
    never = "; it can never pass" if given.get("can_pass") is False else ""
    return f"{said}{f' ({numbers})' if numbers else ''}{never}"


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


if __name__ == "__main__":
    main()
