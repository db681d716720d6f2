"""Animals and a standing person, moulded from limbs."""

from __future__ import annotations

from typing import Any

import numpy as np

from genspace.geometry.probes._parts import BLACK, Look, Model, Paint, Piece, split
from genspace.geometry.probes._solids import ball, blend, hull, mirrored, rod, tube

Limb = tuple[Any, Any, float, float]


def _both(*limbs: Limb) -> list[Limb]:
    """The limbs and their mirror images on the left."""
    flip = np.array([1, 1, -1])
    return [*limbs, *((np.asarray(a) * flip, np.asarray(b) * flip, ra, rb) for a, b, ra, rb in limbs)]


def _spots(vertices: Any, seed: int, *, count: int, size: float) -> Any:
    """Mask of vertices inside blots scattered on a body."""
    rng = np.random.default_rng(seed)
    centres = vertices[rng.integers(len(vertices), size=count)]
    radii = size * rng.uniform(0.6, 1.25, count)
    wobble = 1 + 0.22 * np.sin(19 / size * 0.12 * vertices @ np.array([1.0, 0.7, 1.3])) * np.cos(
        13 / size * 0.12 * vertices @ np.array([0.6, 1.2, -0.8])
    )
    apart = np.linalg.norm(vertices[:, None] - centres[None], axis=-1)
    return (apart * wobble[:, None] < radii).any(axis=1)


def _eyes(at: tuple[float, float, float], r: float) -> list[Piece]:
    x, y, z = at
    white = ball((x + 0.25 * r, y + 0.35 * r, z + 0.55 * r), 0.38 * r, subdivisions=2)
    parts = Model()
    parts.both(BLACK, ball(at, r, subdivisions=2))
    parts.both(Paint("#ffffff", "gloss"), white)
    return parts


def cow(look: Look) -> list[Piece]:
    """Return a cow with horns, udder and blots."""
    limbs = [
        ((0.55, 1.02, 0), (-0.62, 1.0, 0), 0.33, 0.33),
        ((0.1, 0.92, 0), (-0.35, 0.93, 0), 0.36, 0.35),
        ((0.62, 1.1, 0), (1.0, 1.38, 0), 0.25, 0.16),
        ((1.0, 1.4, 0), (1.2, 1.25, 0), 0.155, 0.125),
        ((1.2, 1.24, 0), (1.3, 1.13, 0), 0.12, 0.115),
        ((-0.35, 0.66, 0), (-0.45, 0.66, 0), 0.13, 0.12),
    ]
    limbs += _both(
        ((0.55, 0.85, 0.17), (0.56, 0.45, 0.19), 0.15, 0.075),
        ((0.56, 0.45, 0.19), (0.56, 0.1, 0.19), 0.07, 0.058),
        ((-0.62, 0.95, 0.17), (-0.58, 0.62, 0.2), 0.21, 0.11),
        ((-0.58, 0.62, 0.2), (-0.7, 0.42, 0.2), 0.10, 0.07),
        ((-0.7, 0.42, 0.2), (-0.66, 0.1, 0.2), 0.068, 0.06),
    )
    body = blend(limbs, smooth=0.10, cell=0.03)
    v = body.vertices
    muzzle = (v[:, 0] > 1.235) & (v[:, 1] < 1.26)
    hoof = v[:, 1] < 0.09
    udder = (v[:, 1] < 0.62) & (np.abs(v[:, 2]) < 0.14) & (v[:, 0] < -0.2) & (v[:, 0] > -0.58)
    blots = _spots(v, int(look["seed"]), count=int(look["blots"]), size=0.24)
    pink, skin = Paint("#e2a79b", "satin"), look.paint("hide", "matte")
    parts = Model(
        split(
            body,
            (pink, muzzle | udder),
            (Paint("#3a322c", "satin"), hoof),
            (look.paint("blot", "matte"), blots),
            (skin, hoof),
        )
    )
    parts.both(pink, rod((-0.36, 0.54, 0.06), (-0.36, 0.48, 0.06), 0.02))
    parts.both(Paint("#6b4a40"), ball((1.385, 1.15, 0.05), (0.018, 0.022, 0.018), subdivisions=2))
    ear = hull([(0.98, 1.46, 0.13), (0.97, 1.46, 0.32), (0.95, 1.40, 0.24)], (0.03, 0.015, 0.025))
    parts.both(look.paint("blot", "matte"), ear)
    horn = tube(
        [(1.0, 1.52, 0.08), (1.0, 1.58, 0.17), (1.02, 1.66, 0.22), (1.05, 1.74, 0.22)],
        (0.04, 0.034, 0.024, 0.008),
    )
    parts.both(Paint("#e9dfc6", "satin"), horn)
    parts.add(
        skin,
        tube(
            [(-0.92, 1.2, 0), (-1.0, 1.12, 0), (-1.03, 0.9, 0), (-1.02, 0.62, 0)], (0.045, 0.032, 0.024, 0.02)
        ),
    )
    parts.add(look.paint("blot"), ball((-1.02, 0.55, 0), (0.05, 0.12, 0.05)))
    return parts + _eyes((1.1, 1.44, 0.115), 0.032)


def horse(look: Look) -> list[Piece]:
    """Return a horse with mane and tail."""
    limbs = [
        ((0.5, 1.15, 0), (-0.5, 1.15, 0), 0.29, 0.29),
        ((0.0, 1.09, 0), (-0.2, 1.1, 0), 0.31, 0.30),
        ((0.6, 1.25, 0), (0.98, 1.72, 0), 0.23, 0.125),
        ((0.98, 1.75, 0), (1.3, 1.46, 0), 0.125, 0.085),
        ((1.3, 1.46, 0), (1.36, 1.41, 0), 0.085, 0.08),
    ]
    limbs += _both(
        ((0.55, 1.0, 0.14), (0.57, 0.58, 0.15), 0.145, 0.068),
        ((0.57, 0.58, 0.15), (0.55, 0.1, 0.15), 0.06, 0.048),
        ((-0.55, 1.1, 0.14), (-0.5, 0.75, 0.16), 0.22, 0.11),
        ((-0.5, 0.75, 0.16), (-0.66, 0.52, 0.16), 0.10, 0.065),
        ((-0.66, 0.52, 0.16), (-0.6, 0.1, 0.16), 0.06, 0.05),
    )
    body = blend(limbs, smooth=0.10, cell=0.03)
    v = body.vertices
    coat, dark = look.paint("coat", "satin"), look.paint("mane", "matte")
    hoof, sock = v[:, 1] < 0.09, (v[:, 1] < 0.34)
    blaze = (v[:, 0] > 1.02) & (np.abs(v[:, 2]) < 0.035) & (v[:, 1] > 1.5 - (v[:, 0] - 1.02) * 0.6)
    parts = Model(
        split(
            body,
            (Paint("#3a332e", "satin"), hoof),
            (look.paint("sock"), sock),
            (Paint("#efe9df"), blaze),
            (coat, sock),
        )
    )
    ridge = [(1.02, 1.93, 0), (0.95, 1.9, 0), (0.84, 1.78, 0), (0.72, 1.62, 0), (0.6, 1.5, 0), (0.5, 1.44, 0)]
    parts.add(dark, tube(ridge, (0.035, 0.055, 0.065, 0.065, 0.06, 0.03)))
    parts.add(dark, ball((1.09, 1.85, 0), (0.07, 0.035, 0.035), subdivisions=2))
    parts.both(
        coat, hull([(0.97, 1.82, 0.07), (0.96, 1.98, 0.075), (1.01, 1.84, 0.055)], (0.03, 0.008, 0.025))
    )
    parts.add(
        dark,
        tube(
            [(-0.78, 1.33, 0), (-0.92, 1.28, 0), (-1.0, 1.05, 0), (-0.98, 0.75, 0), (-0.96, 0.55, 0)],
            (0.05, 0.06, 0.085, 0.075, 0.02),
        ),
    )
    parts.both(BLACK, ball((1.41, 1.43, 0.045), (0.018, 0.022, 0.018), subdivisions=2))
    return parts + _eyes((1.1, 1.73, 0.092), 0.028)


def dog(look: Look) -> list[Piece]:
    """Return a standing dog with a collar and its tail up."""
    limbs = [
        ((0.2, 0.43, 0), (-0.22, 0.45, 0), 0.125, 0.10),
        ((0.24, 0.46, 0), (0.36, 0.62, 0), 0.10, 0.075),
        ((0.37, 0.655, 0), (0.41, 0.655, 0), 0.095, 0.085),
        ((0.45, 0.63, 0), (0.55, 0.61, 0), 0.056, 0.042),
        ((-0.29, 0.5, 0), (-0.42, 0.66, 0), 0.035, 0.02),
    ]
    limbs += _both(
        ((0.22, 0.38, 0.07), (0.2, 0.2, 0.075), 0.06, 0.036),
        ((0.2, 0.2, 0.075), (0.21, 0.035, 0.075), 0.034, 0.03),
        ((0.21, 0.03, 0.075), (0.245, 0.028, 0.075), 0.03, 0.026),
        ((-0.22, 0.42, 0.06), (-0.2, 0.27, 0.075), 0.085, 0.05),
        ((-0.2, 0.27, 0.075), (-0.27, 0.17, 0.075), 0.042, 0.03),
        ((-0.27, 0.17, 0.075), (-0.25, 0.035, 0.075), 0.03, 0.028),
        ((-0.25, 0.03, 0.075), (-0.215, 0.028, 0.075), 0.03, 0.026),
    )
    body = blend(limbs, smooth=0.045, cell=0.0125)
    v = body.vertices
    light = (
        (v[:, 1] < 0.09)
        | ((v[:, 0] > 0.45) & (v[:, 1] < 0.615))
        | ((v[:, 0] > 0.26) & (v[:, 1] < 0.5) & (np.abs(v[:, 2]) < 0.07))
        | ((v[:, 0] < -0.385) & (v[:, 1] > 0.62))
    )
    saddle = (v[:, 1] > 0.47) & (v[:, 0] < 0.18) & (v[:, 0] > -0.33)
    parts = Model(
        split(body, (look.paint("light"), light), (look.paint("saddle"), saddle), (look.paint("coat"), light))
    )
    ear = hull(
        [(0.355, 0.735, 0.055), (0.38, 0.715, 0.10), (0.37, 0.60, 0.125), (0.41, 0.62, 0.115)],
        (0.02, 0.018, 0.018, 0.014),
    )
    parts.both(look.paint("saddle"), ear)
    parts.add(BLACK, ball((0.593, 0.632, 0), (0.02, 0.019, 0.025)))
    parts.add(Paint("#e0696f", "satin"), hull([(0.55, 0.575, 0), (0.575, 0.545, 0)], 0.014))
    a = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    ring = np.array([0.315, 0.545, 0]) + 0.098 * (
        np.outer(np.cos(a), [0.78, -0.62, 0]) + np.outer(np.sin(a), [0, 0, 1])
    )
    parts.add(look.paint("collar", "gloss"), tube(ring, 0.013, closed=True))
    return parts + _eyes((0.452, 0.695, 0.052), 0.016)


def cat(look: Look) -> list[Piece]:
    """Return a standing cat with pointed ears, whiskers and a raised tail."""
    limbs = [
        ((0.12, 0.21, 0), (-0.13, 0.215, 0), 0.068, 0.066),
        ((0.14, 0.23, 0), (0.19, 0.30, 0), 0.055, 0.045),
        ((0.205, 0.325, 0), (0.215, 0.325, 0), 0.062, 0.058),
        ((0.255, 0.305, 0), (0.265, 0.303, 0), 0.028, 0.024),
        ((-0.18, 0.24, 0), (-0.25, 0.33, 0), 0.024, 0.02),
        ((-0.25, 0.33, 0), (-0.235, 0.44, 0), 0.02, 0.018),
        ((-0.235, 0.44, 0), (-0.20, 0.48, 0), 0.018, 0.015),
    ]
    limbs += _both(
        ((0.12, 0.19, 0.035), (0.115, 0.02, 0.04), 0.034, 0.02),
        ((0.115, 0.02, 0.04), (0.135, 0.018, 0.04), 0.02, 0.018),
        ((-0.13, 0.2, 0.03), (-0.115, 0.13, 0.045), 0.05, 0.032),
        ((-0.115, 0.13, 0.045), (-0.16, 0.085, 0.045), 0.026, 0.02),
        ((-0.16, 0.085, 0.045), (-0.15, 0.02, 0.045), 0.019, 0.019),
        ((-0.15, 0.02, 0.045), (-0.13, 0.018, 0.045), 0.02, 0.018),
    )
    body = blend(limbs, smooth=0.026, cell=0.0075)
    v = body.vertices
    stripes = (np.sin(v[:, 0] * 95 + 9 * np.abs(v[:, 2])) > 0.45) & (v[:, 1] > 0.19) & (v[:, 0] < 0.13)
    light = (
        (v[:, 1] < 0.045)
        | ((v[:, 0] > 0.235) & (v[:, 1] < 0.318))
        | ((v[:, 0] > 0.15) & (v[:, 1] < 0.27) & (np.abs(v[:, 2]) < 0.04))
    )
    parts = Model(
        split(
            body, (look.paint("light"), light), (look.paint("stripe"), stripes), (look.paint("coat"), light)
        )
    )
    ear = hull(
        [(0.185, 0.365, 0.018), (0.185, 0.36, 0.055), (0.19, 0.418, 0.044), (0.20, 0.37, 0.036)], 0.006
    )
    parts.both(look.paint("stripe"), ear)
    parts.add(
        Paint("#e39a9a"),
        mirrored(hull([(0.204, 0.372, 0.027), (0.202, 0.37, 0.047), (0.196, 0.405, 0.042)], 0.003)),
        ball((0.291, 0.312, 0), (0.006, 0.005, 0.007), subdivisions=2),
    )
    parts.both(look.paint("eye", "gloss"), ball((0.258, 0.341, 0.027), (0.012, 0.013, 0.012), subdivisions=2))
    parts.both(BLACK, ball((0.267, 0.341, 0.029), (0.006, 0.010, 0.004), subdivisions=2))
    whiskers = [rod((0.28, 0.303, 0.015), (0.29, 0.303 + dy, 0.085), 0.0011) for dy in (0.012, 0.0, -0.012)]
    parts.both(Paint("#f4f2ee"), *whiskers)
    return parts


def elephant(look: Look) -> list[Piece]:
    """Return an elephant with trunk, tusks and large ears."""
    limbs = [
        ((0.55, 1.55, 0), (-0.75, 1.5, 0), 0.62, 0.60),
        ((0.0, 1.4, 0), (-0.4, 1.4, 0), 0.68, 0.66),
        ((0.9, 1.85, 0), (1.25, 1.95, 0), 0.48, 0.44),
        ((1.45, 1.75, 0), (1.72, 1.3, 0), 0.27, 0.17),
        ((1.72, 1.3, 0), (1.78, 0.8, 0), 0.17, 0.12),
        ((1.78, 0.8, 0), (1.85, 0.45, 0), 0.12, 0.095),
        ((1.85, 0.45, 0), (2.0, 0.36, 0), 0.095, 0.085),
    ]
    limbs += _both(
        ((0.6, 1.2, 0.33), (0.6, 0.22, 0.35), 0.28, 0.22), ((-0.8, 1.2, 0.33), (-0.8, 0.22, 0.35), 0.32, 0.23)
    )
    body = blend(limbs, smooth=0.2, cell=0.06)
    v = body.vertices
    parts = Model(split(body, (look.paint("hide"), np.ones(len(v), bool))))
    rim = np.radians(np.arange(0, 360, 20))
    ear = hull(
        [
            (0.95, 1.82, 0.42),
            (0.95, 2.1, 0.42),
            *((0.9 - 0.12 * (1 + np.cos(t)), 1.74 + 0.46 * np.sin(t), 0.78 + 0.36 * np.cos(t)) for t in rim),
        ],
        0.045,
    )
    parts.both(look.paint("ear"), ear)
    parts.both(
        Paint("#f1ead8", "satin"),
        tube(
            [(1.5, 1.5, 0.2), (1.72, 1.25, 0.27), (1.98, 1.12, 0.29), (2.2, 1.16, 0.27)],
            (0.075, 0.065, 0.05, 0.015),
        ),
    )
    toes = [
        ball((x + 0.2 * np.cos(t), 0.06, 0.35 + 0.2 * np.sin(t)), (0.045, 0.06, 0.05), subdivisions=2)
        for x in (0.6, -0.8)
        for t in (-0.6, 0, 0.6)
    ]
    parts.both(Paint("#d9d0c0", "satin"), *toes)
    parts.add(
        look.paint("hide"),
        tube([(-1.32, 1.7, 0), (-1.48, 1.5, 0), (-1.5, 1.1, 0), (-1.48, 0.9, 0)], (0.06, 0.045, 0.035, 0.03)),
    )
    parts.add(BLACK, ball((-1.48, 0.82, 0), (0.05, 0.13, 0.05)))
    return parts + _eyes((1.53, 1.98, 0.31), 0.05)


def person(look: Look) -> list[Piece]:
    """Return a standing mannequin in clothes: face, toes and belly point to the front."""
    limbs = [
        ((0.02, 1.04, 0), (0.015, 1.22, 0), 0.12, 0.12),
        ((0.01, 1.66, 0), (0.02, 1.6, 0), 0.10, 0.082),
        ((0.0, 1.42, 0), (0.0, 1.55, 0), 0.062, 0.055),
    ]
    limbs += _both(
        ((0.01, 1.33, 0.085), (0.01, 1.2, 0.05), 0.10, 0.11),
        ((0.0, 0.95, 0.07), (0.01, 1.02, 0.05), 0.115, 0.115),
        ((0, 1.47, 0.04), (0, 1.405, 0.165), 0.05, 0.055),
        ((0.0, 1.385, 0.18), (-0.015, 1.12, 0.245), 0.062, 0.048),
        ((-0.015, 1.12, 0.245), (0.05, 0.86, 0.265), 0.046, 0.034),
        ((0.055, 0.83, 0.265), (0.075, 0.75, 0.262), 0.04, 0.03),
        ((0.0, 0.92, 0.09), (0.015, 0.5, 0.1), 0.095, 0.064),
        ((0.015, 0.5, 0.1), (-0.02, 0.09, 0.105), 0.064, 0.044),
        ((-0.03, 0.045, 0.105), (0.15, 0.035, 0.125), 0.047, 0.036),
    )
    body = blend(limbs, smooth=0.05, cell=0.0165)
    v = body.vertices
    skin = look.paint("skin", "satin")
    sleeve = np.abs(v[:, 2]) > 0.19
    hand = sleeve & (v[:, 1] < look.number("sleeve"))
    shoe, trousers = v[:, 1] < 0.085, (v[:, 1] < 0.99) & ~sleeve
    bare = (v[:, 1] > 1.475 - 0.25 * np.maximum(v[:, 0], 0)) | hand
    belt = (np.abs(v[:, 1] - 1.0) < 0.018) & ~sleeve
    parts = Model(
        split(
            body,
            (look.paint("shoes", "satin"), shoe),
            (Paint("#3b2a20", "satin"), belt),
            (skin, bare),
            (look.paint("trousers"), trousers),
            (look.paint("shirt"), trousers),
        )
    )
    hair = look.paint("hair", "satin")
    parts.add(
        hair,
        *(
            [
                hull(
                    [(-0.03, 1.70, 0.03), (-0.03, 1.70, -0.03), (0.015, 1.735, 0), (-0.045, 1.64, 0.0)],
                    (0.082, 0.082, 0.055, 0.08),
                )
            ]
            + (
                [
                    hull(
                        [
                            (-0.05, 1.66, 0.05),
                            (-0.05, 1.66, -0.05),
                            (-0.06, 1.45, 0.06),
                            (-0.06, 1.45, -0.06),
                        ],
                        0.05,
                    )
                ]
                if look["long_hair"] == "yes"
                else []
            )
        ),
    )
    parts.add(
        skin,
        hull([(0.105, 1.655, 0), (0.125, 1.615, 0)], (0.011, 0.017)),
        mirrored(ball((0.005, 1.635, 0.1), (0.02, 0.032, 0.014), subdivisions=2)),
    )
    parts.both(Paint("#ffffff", "gloss"), ball((0.093, 1.658, 0.038), (0.014, 0.013, 0.018), subdivisions=2))
    parts.both(Paint("#2b2119", "gloss"), ball((0.104, 1.658, 0.037), (0.006, 0.009, 0.009), subdivisions=2))
    parts.both(hair, rod((0.1, 1.686, 0.022), (0.092, 1.687, 0.055), 0.006))
    parts.add(
        Paint("#b4544f", "satin"),
        tube(
            [
                (0.094, 1.579, -0.03),
                (0.1, 1.571, -0.014),
                (0.103, 1.569, 0),
                (0.1, 1.571, 0.014),
                (0.094, 1.579, 0.03),
            ],
            0.0065,
            sections=10,
        ),
    )
    buttons = [
        ball((0.128 + 0.014 * np.sin((y - 1.05) * 6), y, 0), 0.009, subdivisions=2)
        for y in (1.08, 1.17, 1.26, 1.35)
    ]
    parts.add(Paint("#f3f0e8", "gloss"), *buttons)
    return parts
