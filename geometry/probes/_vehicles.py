"""Vehicles: car, bus, truck, bicycle, aeroplane.

Longer than 400 lines: it holds shapes, and few of its lines decide anything.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from genspace.geometry.probes._parts import BLACK, CHROME, GLASS, RUBBER, Look, Model, Paint, Piece
from genspace.geometry.probes._solids import (
    ball,
    block,
    disc,
    hull,
    lathe,
    mirrored,
    plate,
    rod,
    surface,
    tube,
)

WHITE_LAMP = Paint("#fff6dc", "lit")
RED_LAMP = Paint("#c8141c", "gloss")
PLATE = Paint("#f3f1e4", "matte")


def _wheels(x: tuple[float, ...], half: float, radius: float, width: float) -> list[Piece]:
    tyres = [disc((at, radius, half - width / 2), radius, width, "z", 0.15 * radius) for at in x]
    rims = [disc((at, radius, half - width / 2 + 0.01), radius * 0.62, width, "z", 0.02) for at in x]
    hubs = [disc((at, radius, half - width / 2 + 0.02), radius * 0.2, width, "z", 0.01) for at in x]
    arches = [disc((at, radius, half - 0.09), radius * 1.16, 0.19, "z") for at in x]
    parts = Model()
    parts.both(BLACK, *arches, *hubs)
    parts.both(RUBBER, *tyres)
    parts.both(CHROME, *rims)
    return parts


def _tapered(xy: Any, halves: tuple[float, float], heights: tuple[float, float], radius: float) -> Any:
    """Hull of an (x, y) outline whose half width goes from one of `halves` to the other over `heights`."""
    points = []
    for x, y in xy:
        half = np.interp(y, heights, halves) - radius
        points += [(x, y, half), (x, y, -half)]
    return hull(points, radius)


def car(look: Look) -> list[Piece]:
    """Return a car: bonnet, lamps and grille in front, a boot and red lamps behind."""
    body = look.paint("body", "gloss")
    long, half, roof_y = look.number("length") / 2, 0.88, look.number("height")
    roof_x = look.number("roof_front"), look.number("roof_back")  # tells a saloon from an estate
    belt = 0.92
    lower = [
        (long - 0.12, 0.32),
        (long - 0.09, 0.60),
        (long - 0.2, 0.70),
        (0.75, belt - 0.06),
        (-long + 0.25, belt - 0.02),
        (-long + 0.1, 0.72),
        (-long + 0.12, 0.34),
    ]
    parts = Model()
    parts.add(body, _tapered(lower, (half, half - 0.05), (0.4, belt), 0.09))
    parts.add(BLACK, block((-long + 0.12, 0.2, -half + 0.06), (long - 0.12, 0.42, half - 0.06), 0.05))
    screen, rear = (1.02, belt - 0.04), (look.number("tail"), belt - 0.02)
    cabin = [screen, (roof_x[0], roof_y - 0.07), (roof_x[1], roof_y - 0.07), rear]
    parts.add(GLASS, _tapered(cabin, (half - 0.08, half - 0.27), (belt - 0.1, roof_y), 0.05))
    top = [
        (roof_x[0] + 0.02, roof_y - 0.075),
        (0.5 * sum(roof_x), roof_y - 0.035),
        (roof_x[1] - 0.02, roof_y - 0.075),
    ]
    parts.add(body, _tapered(top, (half - 0.25, half - 0.25), (0, 1), 0.06))

    def side(y: float, out: float = 0.012) -> float:
        return float(np.interp(y, [belt - 0.1, roof_y], [half - 0.08, half - 0.27])) + out - 0.035

    def pillar(a: tuple[float, float], b: tuple[float, float], r: float) -> Any:
        return mirrored(rod((a[0], a[1], side(a[1])), (b[0], b[1], side(b[1])), r))

    pillars = [
        pillar(screen, (roof_x[0], roof_y - 0.06), 0.036),
        pillar(rear, (roof_x[1], roof_y - 0.06), 0.042),
    ]
    middle = 0.5 * (roof_x[0] + roof_x[1]) - 0.02
    pillars += [pillar((middle, belt - 0.06), (middle, roof_y - 0.07), 0.034)]
    if rear[0] < -1.6:
        pillars += [pillar((roof_x[1] + 0.35, belt - 0.06), (roof_x[1] + 0.42, roof_y - 0.07), 0.034)]
    parts.add(body, *pillars)
    seams = [
        mirrored(block((x - 0.006, 0.4, half - 0.06), (x + 0.006, belt - 0.12, half + 0.002)))
        for x in (0.72, middle - 0.02, -0.85)
    ]
    handles = [
        mirrored(block((x, 0.78, half - 0.06), (x + 0.17, 0.81, half + 0.01), 0.008))
        for x in (middle + 0.06, -0.78)
    ]
    parts.add(BLACK, *seams)
    parts.add(CHROME, *handles)
    parts.both(
        body, hull([(0.86, 0.98, half - 0.06), (0.8, 1.03, half + 0.1), (0.8, 0.95, half + 0.1)], 0.045)
    )
    nose, stern = long - 0.03, -long + 0.02
    parts.add(BLACK, block((nose - 0.12, 0.47, -0.42), (nose + 0.012, 0.6, 0.42), 0.03))
    bars = [block((nose - 0.05, y - 0.008, -0.4), (nose + 0.02, y + 0.008, 0.4)) for y in (0.51, 0.56)]
    parts.add(CHROME, *bars)
    lamp = ball((nose - 0.085, 0.635, half - 0.27), (0.12, 0.085, 0.19))
    ring = ball((nose - 0.105, 0.635, half - 0.27), (0.12, 0.1, 0.205))
    parts.both(CHROME, ring)
    parts.both(WHITE_LAMP, lamp)
    parts.add(BLACK, block((nose - 0.1, 0.25, -half + 0.16), (nose + 0.02, 0.40, half - 0.16), 0.05))
    parts.add(
        PLATE,
        block((nose, 0.33, -0.24), (nose + 0.028, 0.43, 0.24), 0.004),
        block((stern - 0.018, 0.52, -0.24), (stern + 0.03, 0.62, 0.24), 0.004),
    )
    parts.add(BLACK, block((stern - 0.01, 0.27, -half + 0.16), (stern + 0.12, 0.42, half - 0.16), 0.05))
    parts.both(RED_LAMP, block((stern - 0.012, 0.62, half - 0.36), (stern + 0.2, 0.78, half - 0.02), 0.03))
    return parts + _wheels((1.28, -1.3), half + 0.005, 0.33, 0.21)


def bus(look: Look) -> list[Piece]:
    """Return a city bus: a high windscreen, lamps and mirrors in front, doors on its right side."""
    body, band = look.paint("body", "gloss"), look.paint("band", "gloss")
    long, half, top = look.number("length") / 2, 1.25, 3.0
    parts = Model()
    parts.add(body, block((-long, 0.34, -half), (long, top, half), 0.14))
    parts.add(
        band, block((-long - 0.008, 0.95, -half - 0.008), (long + 0.008, 1.18, half + 0.008), 0.14 - 0.03)
    )
    count = round(look.number("length") / 1.45)
    edges = np.linspace(-long + 0.35, long - 0.95, count + 1)
    panes = [
        block((a + 0.05, 1.35, -half - 0.012), (b - 0.05, 2.45, half + 0.012), 0.04)
        for a, b in itertools.pairwise(edges)
    ]
    parts.add(GLASS, *panes)
    parts.add(GLASS, block((long - 0.3, 1.2, -half + 0.06), (long + 0.025, 2.5, half - 0.06), 0.1))
    parts.add(GLASS, block((-long - 0.02, 1.55, -half + 0.25), (-long + 0.3, 2.4, half - 0.25), 0.08))
    parts.add(BLACK, block((long - 0.2, 2.55, -half + 0.18), (long + 0.02, 2.86, half - 0.18), 0.03))
    sign = [
        block((long + 0.015, 2.63, z), (long + 0.03, 2.78, z + w))
        for z, w in ((-0.72, 0.16), (-0.42, 0.3), (-0.02, 0.12), (0.2, 0.34), (0.64, 0.1))
    ]
    parts.add(Paint("#ffb000", "lit"), *sign)
    parts.add(
        GLASS,
        *(block((x, 0.42, half - 0.1), (x + 0.85, 2.45, half + 0.014), 0.03) for x in (long - 0.95, -0.35)),
    )
    parts.add(
        body,
        *(block((x + 0.41, 0.42, half - 0.1), (x + 0.45, 2.45, half + 0.02)) for x in (long - 0.95, -0.35)),
    )
    parts.both(
        WHITE_LAMP,
        disc((long, 0.72, half - 0.32), 0.15, 0.06, "x", 0.02),
        disc((long, 0.72, half - 0.62), 0.1, 0.05, "x", 0.02),
    )
    parts.add(
        BLACK,
        block((long - 0.1, 0.36, -half + 0.03), (long + 0.04, 0.52, half - 0.03), 0.05),
        block((-long - 0.04, 0.36, -half + 0.03), (-long + 0.1, 0.52, half - 0.03), 0.05),
    )
    parts.add(PLATE, block((long + 0.02, 0.4, -0.26), (long + 0.05, 0.5, 0.26)))
    parts.both(RED_LAMP, block((-long - 0.025, 0.65, half - 0.25), (-long + 0.1, 0.98, half - 0.08), 0.03))
    grille = [block((-long - 0.012, y, -0.7), (-long + 0.1, y + 0.05, 0.7)) for y in (0.62, 0.72, 0.82)]
    parts.add(BLACK, *grille)
    parts.both(
        BLACK,
        rod((long - 0.1, 2.62, half - 0.05), (long + 0.22, 2.5, half + 0.12), 0.025),
        block((long + 0.14, 2.0, half + 0.02), (long + 0.24, 2.48, half + 0.2), 0.04),
    )
    return parts + _wheels((long - 2.2, -long + 2.6), half + 0.01, 0.48, 0.3)


def truck(look: Look) -> list[Piece]:
    """Return a delivery lorry: a cab in front of a box."""
    cab, box = look.paint("cab", "gloss"), look.paint("box", "satin")
    long, half = 3.1, 1.05
    outline = [
        (long - 0.05, 0.55),
        (long - 0.03, 1.25),
        (long - 0.3, 2.2),
        (long - 1.55, 2.25),
        (long - 1.6, 0.55),
    ]
    parts = Model()
    parts.add(cab, plate(outline, -half, half, "z", 0.1))
    parts.add(box, block((-long, 0.95, -half - 0.03), (long - 1.75, 2.9, half + 0.03), 0.03))
    parts.add(
        look.paint("stripe", "satin"),
        block((-long + 0.3, 1.5, -half - 0.036), (long - 2.1, 1.95, half + 0.036)),
    )
    parts.add(BLACK, block((-long + 0.05, 0.6, -0.45), (long - 0.3, 0.95, 0.45), 0.02))
    lean = [(long + 0.065, 1.36), (long - 0.17, 2.18), (long - 0.24, 2.18), (long - 0.01, 1.36)]
    parts.add(GLASS, plate(lean, -half + 0.12, half - 0.12, "z", 0.012))
    window = [(long - 0.25, 1.38), (long - 0.45, 2.1), (long - 1.2, 2.1), (long - 1.2, 1.38)]
    parts.add(GLASS, plate(window, -half - 0.012, half + 0.012, "z", 0.005))
    parts.add(BLACK, block((long - 0.1, 0.8, -0.55), (long + 0.07, 1.16, 0.55), 0.03))
    parts.add(CHROME, *(block((long, y, -0.5), (long + 0.085, y + 0.035, 0.5)) for y in (0.86, 0.95, 1.04)))
    parts.add(CHROME, block((long - 0.2, 0.45, -half), (long + 0.11, 0.68, half), 0.05))
    parts.both(WHITE_LAMP, disc((long + 0.04, 0.92, half - 0.24), 0.13, 0.07, "x", 0.02))
    parts.both(
        BLACK,
        block((long - 0.2, 1.5, half + 0.1), (long - 0.1, 2.0, half + 0.24), 0.03),
        rod((long - 0.2, 1.95, half - 0.05), (long - 0.15, 1.95, half + 0.15), 0.02),
    )
    parts.both(RED_LAMP, block((-long - 0.015, 0.72, half - 0.35), (-long + 0.1, 0.88, half - 0.1), 0.02))
    parts.add(
        BLACK,
        mirrored(rod((-long - 0.01, 1.0, 0.02), (-long - 0.01, 2.85, 0.02), 0.012)),
        block((-long + 0.02, 0.72, -0.9), (-long + 0.08, 0.9, 0.9)),
    )
    return parts + _wheels((long - 0.85, -long + 1.15), half, 0.45, 0.3)


def bicycle(look: Look) -> list[Piece]:
    """Return a bicycle: handlebar, lamp and basket in front."""
    frame = look.paint("frame", "gloss")
    r, front, back = 0.34, 0.52, -0.52
    a = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    parts = Model()

    for x in (front, back):
        circle = np.stack([x + np.cos(a) * (r - 0.02), r + np.sin(a) * (r - 0.02), 0 * a], -1)
        inner = np.stack([x + np.cos(a) * (r - 0.045), r + np.sin(a) * (r - 0.045), 0 * a], -1)
        parts.add(RUBBER, tube(circle, 0.02, closed=True))
        parts.add(CHROME, tube(inner, 0.010, closed=True), disc((x, r, 0), 0.03, 0.09, "z", 0.01))
        spokes = [
            rod((x, r, s * 0.02), (x + np.cos(t) * (r - 0.05), r + np.sin(t) * (r - 0.05), 0), 0.003)
            for t, s in zip(a[::4], [1, -1] * 6, strict=True)
        ]
        parts.add(CHROME, *spokes)
    crank, saddle, head_low, head_high = (-0.08, 0.3, 0), (-0.2, 0.8, 0), (0.36, 0.66, 0), (0.33, 0.82, 0)
    tubes = [
        rod(crank, saddle, 0.019),
        rod(crank, head_low, 0.021),
        rod((-0.185, 0.74, 0), head_high, 0.019),
        rod(head_low, head_high, 0.024),
    ]
    tubes += [mirrored(rod((back, r, 0.05), end, 0.011)) for end in (crank, (-0.18, 0.72, 0.01))]
    tubes += [mirrored(rod((front, r, 0.05), head_low, (0.011, 0.017)))]
    fender = np.linspace(0.15 * np.pi, 0.95 * np.pi, 20)
    for x, arc in ((back, fender), (front, fender[2:-3])):
        tubes.append(
            tube(np.stack([x + np.cos(arc) * (r + 0.025), r + np.sin(arc) * (r + 0.025), 0 * arc], -1), 0.017)
        )
    parts.add(frame, *tubes)
    parts.add(
        CHROME,
        rod(head_high, (0.31, 0.98, 0), 0.013),
        rod(saddle, (-0.215, 0.9, 0), 0.012),
        disc((-0.08, 0.3, 0.05), 0.09, 0.012, "z"),
    )
    bar = np.array(
        [
            (0.2, 0.99, 0.29),
            (0.29, 1.0, 0.26),
            (0.34, 0.99, 0.12),
            (0.33, 0.98, 0),
            (0.34, 0.99, -0.12),
            (0.29, 1.0, -0.26),
            (0.2, 0.99, -0.29),
        ]
    )
    parts.add(CHROME, tube(bar, 0.012))
    parts.add(
        BLACK,
        mirrored(rod((0.15, 0.985, 0.295), (0.25, 0.997, 0.275), 0.018)),
        hull([(-0.32, 0.93, 0.07), (-0.32, 0.93, -0.07), (-0.05, 0.925, 0)], (0.035, 0.035, 0.02)),
    )
    parts.add(
        BLACK,
        rod((-0.08, 0.3, 0.06), (0.04, 0.2, 0.07), 0.01),
        rod((-0.08, 0.3, -0.06), (-0.2, 0.4, -0.07), 0.01),
        block((0.0, 0.185, 0.06), (0.09, 0.21, 0.16), 0.01),
        block((-0.25, 0.39, -0.16), (-0.16, 0.415, -0.06), 0.01),
    )
    parts.add(WHITE_LAMP, disc((0.43, 0.74, 0), 0.04, 0.05, "x", 0.01))
    parts.add(RED_LAMP, ball((-0.885, 0.5, 0), (0.02, 0.03, 0.03)))
    weave = look.paint("basket", "matte")
    rails = []
    for y, x0, x1, z in (
        (0.80, 0.40, 0.60, 0.13),
        (0.85, 0.39, 0.62, 0.14),
        (0.90, 0.385, 0.64, 0.15),
        (0.95, 0.38, 0.66, 0.16),
    ):
        rails.append(tube([(x0, y, z), (x1, y, z), (x1, y, -z), (x0, y, -z), (x0, y, z)], 0.008, sections=8))
    rails += [
        mirrored(rod((0.4 + 0.2 * t, 0.8, 0.13), (0.38 + 0.28 * t, 0.95, 0.16), 0.006))
        for t in (0, 0.33, 0.66, 1)
    ]
    rails += [mirrored(rod((0.6, 0.8, z), (0.66, 0.95, z * 1.2), 0.006)) for z in (0.03, 0.09)]
    rails += [block((0.40, 0.79, -0.13), (0.60, 0.80, 0.13))]
    parts.add(weave, *rails)
    return parts


def aeroplane(look: Look) -> list[Piece]:
    """Return an airliner on its wheels: the nose is in front, the fin behind."""
    body, trim = look.paint("body", "gloss"), look.paint("trim", "gloss")
    s = look.number("length") / 16
    r, y0 = 1.05, 2.0
    spine = [
        (-8.0, 0.12, 0.62),
        (-6.8, 0.35, 0.50),
        (-4.6, 0.78, 0.22),
        (-3, 1.0, 0.04),
        (-2, r, 0),
        (5.4, r, 0),
        (6.4, 0.93, -0.06),
        (7.2, 0.68, -0.16),
        (7.75, 0.36, -0.26),
        (7.98, 0.08, -0.3),
    ]
    a = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    xs, rr, rise = (np.array(c) for c in zip(*spine, strict=True))
    fine = np.concatenate([np.linspace(-8, -2, 26), np.linspace(-1.5, 5.2, 10), np.linspace(5.4, 7.98, 22)])
    from scipy.interpolate import PchipInterpolator

    radius, lift = PchipInterpolator(xs, rr), PchipInterpolator(xs, rise)
    rings = [
        np.stack([np.full_like(a, x), y0 + lift(x) + radius(x) * np.sin(a), radius(x) * np.cos(a)], -1)
        for x in fine
    ]
    fuselage = surface(np.array(rings))
    parts = Model()
    parts.add(body, fuselage)
    stripe = surface(
        np.array(
            [
                np.stack(
                    [
                        np.full(9, x),
                        y0 + lift(x) + (radius(x) + 0.012) * np.sin(b),
                        (radius(x) + 0.012) * np.cos(b),
                    ],
                    -1,
                )
                for x in fine[6:-6]
                for b in [np.radians(np.linspace(-16, -4, 9))]
            ]
        ),
        closed=False,
    )
    parts.both(trim, stripe)
    dots = [
        disc((x, y0 + 0.26, 0), 0.115, 2 * (r * np.cos(np.arcsin(0.26 / r)) + 0.012), "z", 0.0)
        for x in np.arange(-3.0, 5.3, 0.52)
    ]
    parts.add(GLASS, *dots)
    panes = []
    for k in range(4):
        b = np.radians([(-62, -32), (-28, -2), (2, 28), (32, 62)][k])
        panes.append(
            hull(
                [
                    (x, y0 + lift(x) + (radius(x) + 0.015) * np.cos(t), (radius(x) + 0.015) * np.sin(t))
                    for x in (6.72, 7.1)
                    for t in b
                ]
                + [(6.75, y0 + 0.3, 0.3 * np.sin(b.mean()))],
                0.01,
            )
        )
    parts.add(GLASS, *panes)
    wing = hull(
        [(1.9, y0 - 0.5, 0.6), (-1.4, y0 - 0.5, 0.6), (-2.6, y0 + 0.15, 7.6), (-1.6, y0 + 0.15, 7.6)],
        (0.16, 0.05, 0.03, 0.06),
    )
    tip = hull(
        [(-1.7, y0 + 0.15, 7.55), (-2.55, y0 + 0.15, 7.55), (-2.9, y0 + 0.95, 7.75), (-2.4, y0 + 0.95, 7.75)],
        0.035,
    )
    tail = hull(
        [(-6.0, y0 + 0.55, 0.1), (-7.3, y0 + 0.55, 0.1), (-7.9, y0 + 0.75, 2.7), (-7.2, y0 + 0.75, 2.7)],
        (0.08, 0.03, 0.02, 0.04),
    )
    fin = hull(
        [(-5.3, y0 + 0.8, 0), (-7.4, y0 + 0.7, 0), (-8.2, y0 + 3.2, 0), (-7.2, y0 + 3.2, 0)],
        (0.1, 0.03, 0.03, 0.05),
    )
    parts.both(look.paint("wing", "satin"), wing, tail)
    parts.add(trim, mirrored(tip), fin)
    engine = lathe(
        [
            (0.0, -1.0),
            (0.22, -0.95),
            (0.34, -0.5),
            (0.42, 0.2),
            (0.44, 0.75),
            (0.40, 0.95),
            (0.33, 0.9),
            (0.32, 0.6),
            (0, 0.6),
        ],
        centre=(0.9, y0 - 0.95, 2.6),
        axis="x",
    )
    fan = ball((1.52, y0 - 0.95, 2.6), (0.2, 0.1, 0.1))
    parts.both(trim, engine)
    parts.both(CHROME, fan)
    parts.both(BLACK, disc((1.505, y0 - 0.95, 2.6), 0.318, 0.01, "x"))
    parts.both(
        look.paint("wing", "satin"),
        hull([(1.3, y0 - 0.55, 2.6), (-0.3, y0 - 0.45, 2.6), (0.2, y0 - 0.6, 2.6)], 0.07),
    )
    struts = [
        rod((5.6, 0.3, 0), (5.6, 1.2, 0), 0.06),
        mirrored(rod((-0.4, 0.4, 1.3), (-0.4, 1.5, 1.3), 0.08)),
    ]
    tyres = [
        mirrored(disc((5.6, 0.28, 0.14), 0.28, 0.18, "z", 0.06)),
        *(mirrored(disc((-0.4, 0.36, z), 0.36, 0.2, "z", 0.08)) for z in (1.15, 1.45)),
    ]
    parts.add(CHROME, *struts)
    parts.add(RUBBER, *tyres)
    for part in parts:
        part.mesh.vertices *= s
    return parts
