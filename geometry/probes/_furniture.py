"""Furniture and things of the house: chair, armchair, sofa, laptop, television, mug, teapot, ball, vase."""

from __future__ import annotations

from typing import Any

import numpy as np

from genspace.geometry.probes._parts import BLACK, CHROME, Look, Model, Paint, Piece
from genspace.geometry.probes._solids import ball, block, disc, hull, lathe, plate, rod, tube


def chair(look: Look) -> list[Piece]:
    """Return a wooden chair: the back rest is behind, the seat opens to the front."""
    wood, cushion = look.paint("frame", "satin"), look.paint("seat", "matte")
    seat, top, half_x, half_z = 0.46, look.number("height"), 0.22, look.number("width") / 2
    legs = [rod((half_x - 0.03, 0.012, half_z - 0.03), (half_x - 0.05, seat, half_z - 0.05), (0.012, 0.02))]
    legs += [rod((-half_x + 0.0, 0.012, half_z - 0.03), (-half_x + 0.05, seat, half_z - 0.05), (0.012, 0.02))]
    posts = [rod((-half_x + 0.04, seat, half_z - 0.05), (-half_x - 0.03, top - 0.03, half_z - 0.05), 0.019)]
    parts = Model()
    parts.both(wood, *legs, *posts)
    parts.add(wood, block((-half_x, seat - 0.03, -half_z), (half_x, seat + 0.01, half_z), 0.015))
    parts.add(
        cushion,
        block((-half_x + 0.02, seat, -half_z + 0.02), (half_x - 0.01, seat + 0.05, half_z - 0.02), 0.024),
    )

    def lean(y: Any) -> Any:
        return -half_x + 0.04 - 0.07 * (y - seat) / (top - 0.03 - seat)

    if look["back"] == "slats":
        for y in np.linspace(seat + 0.16, top - 0.06, 3):
            parts.add(
                wood,
                hull(
                    [
                        (lean(y + dy), y + dy, z)
                        for dy in (-0.03, 0.03)
                        for z in (-half_z + 0.05, half_z - 0.05)
                    ],
                    0.011,
                ),
            )
    elif look["back"] == "spindles":
        for z in np.linspace(-half_z + 0.09, half_z - 0.09, 5):
            parts.add(wood, rod((lean(seat), seat, z), (lean(top - 0.06), top - 0.06, z), 0.01))
        parts.add(
            wood,
            hull(
                [(lean(y), y, z) for y in (top - 0.1, top - 0.03) for z in (-half_z + 0.05, half_z - 0.05)],
                0.017,
            ),
        )
    else:
        parts.add(
            cushion,
            hull(
                [
                    (lean(y) + 0.012, y, z)
                    for y in (seat + 0.14, top - 0.05)
                    for z in (-half_z + 0.07, half_z - 0.07)
                ],
                0.026,
            ),
        )
    return parts


def _seating(look: Look, width: float, seats: int) -> list[Piece]:
    fabric, cushion, foot = (
        look.paint("fabric", "matte"),
        look.paint("cushion", "matte"),
        look.paint("feet", "satin"),
    )
    half, arm, depth, top = width / 2, look.number("arm"), 0.86, look.number("height")
    front, back = depth / 2, -depth / 2
    parts = Model()
    parts.both(
        foot,
        *(
            rod((x, 0.01, half - 0.1), (x, 0.14, half - 0.12), (0.015, 0.028))
            for x in (front - 0.1, back + 0.1)
        ),
    )
    parts.add(fabric, block((back + 0.04, 0.12, -half + 0.02), (front - 0.05, 0.30, half - 0.02), 0.03))
    back_rest = [(back + 0.1, 0.2), (back + 0.22, 0.2), (back + 0.14, top - 0.06), (back + 0.07, top - 0.06)]
    parts.add(fabric, plate(back_rest, -half + 0.03, half - 0.03, "z", 0.06))
    parts.both(
        fabric,
        block(
            (back + 0.1, 0.12, half - arm),
            (front - 0.02, look.number("arm_height"), half),
            look.number("round"),
        ),
    )
    inner = half - arm
    for i in range(seats):
        z0 = -inner + 2 * inner * i / seats + 0.004
        z1 = -inner + 2 * inner * (i + 1) / seats - 0.004
        parts.add(cushion, block((back + 0.2, 0.29, z0), (front, 0.46, z1), 0.055))
        leaning = [
            (back + 0.3, 0.5),
            (back + 0.37, 0.5),
            (back + 0.25, top - 0.12),
            (back + 0.18, top - 0.12),
        ]
        parts.add(cushion, plate(leaning, z0, z1, "z", 0.055))
    return parts


def armchair(look: Look) -> list[Piece]:
    """Return an upholstered chair with arms."""
    return _seating(look, 0.88, 1)


def sofa(look: Look) -> list[Piece]:
    """Return an upholstered seat for two or three."""
    return _seating(look, look.number("width"), int(look["seats"]))


def laptop(look: Look) -> list[Piece]:
    """Return an open laptop: its front is where its user sits."""
    case, keys = look.paint("case", "metal"), look.paint("keys", "satin")
    deep, wide, thick = 0.235, look.number("width"), 0.017
    parts = Model()
    parts.add(case, block((-deep / 2, 0, -wide / 2), (deep / 2, thick, wide / 2), 0.006))
    rows, columns = 5, 13
    kx, kz = np.linspace(-0.085, 0.005, rows), np.linspace(-wide / 2 + 0.028, wide / 2 - 0.028, columns)
    pitch = kz[1] - kz[0]
    parts.add(
        look.paint("bed", "satin"),
        block((-0.098, thick - 0.002, -wide / 2 + 0.014), (0.018, thick + 0.0008, wide / 2 - 0.014)),
    )
    parts.add(
        keys,
        *(
            block((x - 0.009, thick, z - pitch * 0.42), (x + 0.009, thick + 0.0025, z + pitch * 0.42))
            for x in kx
            for z in kz
        ),
    )
    parts.add(look.paint("bed", "satin"), block((0.035, thick - 0.001, -0.05), (0.1, thick + 0.0006, 0.05)))
    tilt, tall = np.radians(look.number("open") - 90), 0.215
    up = np.array([-np.sin(tilt), np.cos(tilt), 0.0])
    out = np.array([np.cos(tilt), np.sin(tilt), 0.0])
    hinge = np.array([-deep / 2 + 0.004, thick, 0.0])

    def panel(
        span: tuple[float, float], across: tuple[float, float], lift: tuple[float, float], r: float = 0.0
    ) -> Any:
        levels = [(s, z, d) for s in span for z in across for d in lift]
        return hull([hinge + up * s + out * d + np.array([0, 0, z]) for s, z, d in levels], r)

    edge = wide / 2
    parts.add(case, panel((0.004, tall), (0.003 - edge, edge - 0.003), (-0.004, -0.001), 0.003))
    shown = [
        (BLACK, (0.006, tall - 0.002), (0.004 - edge, edge - 0.004), 0.0012),
        (look.paint("screen", "lit"), (0.016, tall - 0.008), (0.012 - edge, edge - 0.012), 0.0018),
        (Paint("#f4f6fa", "lit"), (0.05, 0.17), (0.035 - edge, edge - 0.12), 0.0022),
        (Paint("#f2b84b", "lit"), (0.11, 0.17), (edge - 0.1, edge - 0.04), 0.0022),
    ]
    for row in range(5):
        s = 0.152 - 0.021 * row
        shown.append(
            (Paint("#8896a8", "lit"), (s, s + 0.007), (0.045 - edge, edge - 0.135 - 0.02 * (row % 3)), 0.0026)
        )
    for paint, span, across, at in shown:
        parts.add(paint, panel(span, across, (at, at + 0.0008)))
    logo = disc((0, 0, 0), 0.02, 0.002, "x")
    logo.apply_transform(_turned(np.degrees(tilt)))
    logo.apply_translation(hinge + up * tall / 2 - out * 0.0075)
    parts.add(CHROME, logo)
    return parts


def _turned(angle_deg: float) -> Any:
    """Homogeneous rotation about z (the object's right axis)."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def television(look: Look) -> list[Piece]:
    """Return a flat television on feet, showing hills under a sun."""
    frame = look.paint("frame", "satin")
    wide, tall, foot = look.number("width"), look.number("width") * 0.58, 0.08
    parts = Model()
    parts.add(frame, block((-0.025, foot, -wide / 2), (0.02, foot + tall, wide / 2), 0.008))
    parts.add(frame, block((-0.07, foot + 0.08, -wide * 0.3), (-0.02, foot + tall * 0.6, wide * 0.3), 0.02))
    edge, y0, y1 = 0.025, foot + 0.04, foot + tall - 0.025
    z0, z1 = -wide / 2 + edge, wide / 2 - edge
    parts.add(look.paint("sky", "lit"), block((0.019, y0, z0), (0.0215, y1, z1)))
    ground = np.linspace(0, np.pi, 20)
    for centre, reach, rise, colour, lift in (
        (-0.22, 0.27, 0.30, look["hill"], 0.0005),
        (0.2, 0.29, 0.22, look["field"], 0.001),
    ):
        arc = [
            (y0 + rise * tall * np.sin(a), np.clip(wide * (centre + reach * np.cos(a)), z0, z1))
            for a in ground
        ]
        parts.add(
            Paint(colour, "lit"),
            plate([(y0, z0 if centre < 0 else z1), *arc], 0.0195 + lift, 0.0218 + lift, "x"),
        )
    sun = disc((0.0205, y0 + 0.62 * tall, wide * 0.12), 0.075 * wide, 0.004, "x")
    parts.add(Paint("#ffe9a0", "lit"), sun)
    legs = [rod((x, 0.008, wide * 0.32), (-0.003, foot + 0.02, wide * 0.32), 0.009) for x in (0.12, -0.12)]
    parts.both(frame, *legs)
    vents = [
        block((-0.072, foot + 0.12 + i * 0.03, -wide * 0.22), (-0.066, foot + 0.13 + i * 0.03, wide * 0.22))
        for i in range(4)
    ]
    parts.add(Paint("#55585c", "matte"), *vents)
    return parts


def mug(look: Look) -> list[Piece]:
    """Return a mug with a stripe all round: only the handle tells its sides apart."""
    glaze, band = look.paint("glaze", "gloss"), look.paint("band", "gloss")
    r, tall, wall = look.number("radius"), look.number("height"), 0.004
    profile = [
        (0, 0.002),
        (r * 0.86, 0.002),
        (r * 0.94, 0.004),
        (r, 0.014),
        (r, tall - 0.002),
        (r - wall / 2, tall),
        (r - wall, tall - 0.002),
        (r - wall, 0.012),
        (r * 0.8, 0.008),
        (0, 0.008),
    ]
    parts = Model()
    parts.add(glaze, lathe(profile, sections=72))
    parts.add(look.paint("drink", "gloss"), disc((0, tall * 0.84, 0), r - wall + 0.0005, 0.001, "y"))
    a = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 18)
    handle = np.stack(
        [np.zeros_like(a), tall * 0.52 + tall * 0.31 * np.sin(a), -r + 0.004 - 0.036 * np.cos(a) ** 0.7], -1
    )
    parts.add(glaze, tube(handle, 0.0058))

    stripe = [
        (r - wall, tall * 0.62),
        (r + 0.0008, tall * 0.62),
        (r + 0.0008, tall * 0.74),
        (r - wall, tall * 0.74),
    ]
    parts.add(band, lathe(stripe, sections=72))
    return parts


def teapot(look: Look) -> list[Piece]:
    """Return a teapot with its spout opposite the handle."""
    glaze, trim = look.paint("glaze", "gloss"), look.paint("trim", "gloss")
    s = look.number("squat")
    profile = np.array(
        [
            (0, 0.0),
            (0.050, 0.0),
            (0.054, 0.006),
            (0.068, 0.025),
            (0.078, 0.05),
            (0.079, 0.07),
            (0.070, 0.095),
            (0.052, 0.113),
            (0.036, 0.120),
            (0, 0.121),
        ]
    )
    parts = Model()
    parts.add(glaze, lathe(profile * (1, s), sections=72))
    top = 0.119 * s
    parts.add(
        trim,
        lathe(
            [
                (0, top),
                (0.042, top),
                (0.043, top + 0.004),
                (0.034, top + 0.010),
                (0.016, top + 0.017),
                (0, top + 0.018),
            ]
        ),
    )
    parts.add(trim, ball((0, top + 0.024, 0), (0.010, 0.011, 0.010)))
    spout = np.array(
        [(0.055, 0.035), (0.080, 0.040), (0.100, 0.055), (0.112, 0.078), (0.122, 0.100), (0.138, 0.116)]
    ) * (1, s)
    t, fine = np.linspace(0, 1, len(spout)), np.linspace(0, 1, 30)
    path = np.stack([np.interp(fine, t, spout[:, 0]), np.interp(fine, t, spout[:, 1]), np.zeros(30)], -1)
    parts.add(glaze, tube(path, np.interp(fine, [0, 0.35, 1], [0.030, 0.019, 0.0105])))
    parts.add(trim, tube(np.array([path[-1] - (0.003, 0.003, 0), path[-1] + (0.002, 0.002, 0)]), 0.0108))
    a = np.linspace(-0.42 * np.pi, 0.5 * np.pi, 24)
    handle = np.stack([-0.066 - 0.052 * np.cos(a), (0.065 + 0.042 * np.sin(a)) * s, np.zeros_like(a)], -1)
    parts.add(trim, tube(handle, 0.0078))
    parts.add(
        trim,
        lathe(
            [(0.0785, 0.058 * s), (0.0805, 0.061 * s), (0.0805, 0.066 * s), (0.0785, 0.069 * s)], sections=72
        ),
    )
    return parts


def painted_ball(look: Look) -> list[Piece]:
    """Return a plain ball: a control without a front."""
    radius, parts = look.number("radius"), Model()
    parts.add(look.paint("colour", "satin"), ball((0, radius, 0), radius, subdivisions=5))
    return parts


def vase(look: Look) -> list[Piece]:
    """Return a turned vase: a control without a front."""
    s = look.number("slender")
    outside = np.array(
        [
            (0, 0),
            (0.055, 0),
            (0.06, 0.006),
            (0.085, 0.07),
            (0.098, 0.13),
            (0.094, 0.18),
            (0.07, 0.235),
            (0.046, 0.275),
            (0.043, 0.3),
            (0.056, 0.325),
            (0.06, 0.33),
        ]
    )
    inside = np.array([(0.055, 0.33), (0.038, 0.3), (0.04, 0.27), (0, 0.26)])
    fine = np.linspace(0, len(outside) - 1, 60)
    smooth = np.stack([np.interp(fine, np.arange(len(outside)), outside[:, k]) for k in (0, 1)], -1)
    parts = Model()
    parts.add(look.paint("glaze", "gloss"), lathe(np.vstack([smooth, inside]) * (s, 1), sections=72))
    for y, r in ((0.13, 0.0985), (0.15, 0.0975)):
        ring = [
            (r * s - 0.002, y - 0.006),
            (r * s + 0.0012, y - 0.004),
            (r * s + 0.0012, y + 0.004),
            (r * s - 0.002, y + 0.006),
        ]
        parts.add(look.paint("band", "gloss"), lathe(ring, sections=72))
    return parts
