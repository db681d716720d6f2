"""Draw docs/images/human-study/flow.svg: a rater's visit from the link to the code, and every way it can end.

Run: python docs/visit_flow.py. tests/test_docs_figures.py checks that the file is what this makes, and that no
outcome of a visit is missing.
"""

from __future__ import annotations

from pathlib import Path

from genspace.geometry.drawing._svg import Point, arrow, document, polygon, text
from genspace.geometry.drawing.palette import INK, MUTED, tone
from genspace.human_study.design import Outcome

FILE = Path(__file__).resolve().parent / "images" / "human-study" / "flow.svg"
WIDTH, HEIGHT, STEP, TOP, BOX = 1060.0, 330.0, 148.0, 72.0, (122.0, 46.0)
STEPS: tuple[tuple[str, str, tuple[Outcome, ...]], ...] = (
    ("Link", "what is left?", ("nothing_left",)),
    ("Consent", "every tick", ("consent_refused",)),
    ("Questions", "before", ()),
    ("Practice", "with feedback", ("training_failed",)),
    ("Pictures", "gold, repeats", ("checks_failed", "nothing_left", "timed_out", "returned")),
    ("Questions", "after", ()),
    ("Thanks", "the code", ("complete",)),
)
"""Pages in order: name, what happens there, how a visit can end there."""
WORDS = (
    "Below each page: how a visit can end there.",
    "Each way has its page, its code, and its row in payments.csv.",
)


def flow() -> str:
    """Return the drawing as SVG text."""
    parts = []
    for n, (name, what, ends) in enumerate(STEPS):
        x = 88 + n * STEP
        if n:
            parts.append(arrow((x - STEP + BOX[0] / 2, TOP), (x - BOX[0] / 2 - 4, TOP), INK))
        parts += _box((x, TOP), tone(0).pale, tone(0).strong)
        parts += [
            text(name, (x, TOP - 9), size=15, bold=True),
            text(what, (x, TOP + 11), fill=MUTED, size=12),
        ]
        for m, outcome in enumerate(ends):
            y = TOP + 84 + m * 50
            if not m:
                parts.append(arrow((x, TOP + BOX[1] / 2), (x, y - 22), MUTED))
            colour = tone(2) if outcome == "complete" else tone(1)
            parts += _box((x, y), colour.pale, colour.strong, height=36)
            parts.append(text(outcome.replace("_", " "), (x, y), fill=colour.strong, size=13))
    about = (
        "A visit goes from the link through consent, questions, practice, pictures and questions to the thanks "
        "with the code. "
        + " ".join(f"At {name.lower()} it can end: {', '.join(e)}." for name, _, e in STEPS if e)
    )
    for n, words in enumerate(WORDS):
        parts.append(text(words, (28, 240 + 22 * n), fill=MUTED, size=13, anchor="start"))
    return document(
        "visit-flow", (WIDTH, HEIGHT), parts, title="A rater's visit", about=about.replace("_", " ")
    )


def _box(at: Point, fill: str, stroke: str, *, height: float = BOX[1]) -> list[str]:
    x, y = BOX[0] / 2, height / 2
    corners = [(at[0] + dx, at[1] + dy) for dx, dy in ((-x, -y), (x, -y), (x, y), (-x, y))]
    return [polygon(corners, fill=fill, stroke=stroke)]


def sized(svg: str) -> str:
    """Return the file's text, with a size of its own."""
    return svg.replace("<svg ", f'<svg width="{WIDTH:g}" height="{HEIGHT:g}" ', 1) + "\n"


if __name__ == "__main__":
    FILE.write_text(sized(flow()), encoding="utf-8")
    print(FILE.name)
