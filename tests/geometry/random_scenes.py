"""Random scenes whose truth is known from how they were made, and how often a profile finds it.

The sampler chooses what matters ("the camera at a bearing of 12° from the cow, 20° above it") and only then places
objects and camera in a world of its own: x east, y up, z north, headings clockwise from north. Camera height, pitch,
roll and the object's offset from the image's middle vary freely. None of the predicates' code takes part in the truth.

What the released code would be given is added to each scene: an estimator's perfect answer, which is relative to the
crop's viewing ray, and the mean of the visible surface (of the ellipsoid in the object's box).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from genspace.geometry.evaluate import evaluate
from genspace.geometry.frames import orientation_from_rotation
from genspace.geometry.predicates import bind
from genspace.geometry.profiles import CORRECTED, REFERENCE, Profile
from genspace.geometry.scene_files import parse_document

BAND_DEG, BAND_M = 0.1, 0.001
SIDE = {"front": 0.0, "back": 180.0, "left": -90.0, "right": 90.0}
CONE = {"front": 15.0, "back": 15.0, "left": 30.0, "right": 30.0}


@dataclass
class Thing:
    """An object of the world: where it is, where it faces, how large it is (front, up, right)."""

    place: np.ndarray
    heading: float = 0.0
    extent: tuple[float, float, float] = (0.8, 0.9, 0.5)


@dataclass
class Sample:
    """A scene document, the predicate, its truth, and whether a value lies too near a threshold to tell."""

    document: dict[str, object]
    predicate: str
    truth: bool
    in_band: bool


@dataclass
class Truth:
    """Conjunction of conditions on values that the sampler chose."""

    holds: bool = True
    in_band: bool = False

    def require(self, error: float, threshold: float, band: float) -> None:
        self.holds &= error <= threshold
        self.in_band |= abs(error - threshold) <= band


def compass(heading: float) -> np.ndarray:
    """The horizontal direction of a heading."""
    return np.array([math.sin(math.radians(heading)), 0.0, math.cos(math.radians(heading))])


def along(heading: float, slope: float) -> np.ndarray:
    """The direction of a heading and a slope above the horizontal."""
    s = math.radians(slope)
    return math.cos(s) * compass(heading) + np.array([0.0, math.sin(s), 0.0])


def off(angle: float, target: float) -> float:
    return abs((angle - target + 180.0) % 360.0 - 180.0)


class Sampler:
    """Draws scenes for each sub-domain."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def near(self, target: float, threshold: float, *, anywhere: float = 0.25, spread: float = 1.6) -> float:
        """An angle around a target: mostly within some threshold's widths, sometimes anywhere."""
        if self.rng.random() < anywhere:
            return self.uniform(-180.0, 180.0)
        return target + self.uniform(-spread, spread) * threshold

    def about(self, target: float) -> float:
        """A length around a target, up to 70 % off."""
        return target * self.uniform(0.3, 1.7)

    def heading(self) -> float:
        return self.uniform(-180.0, 180.0)

    def sizes(self) -> tuple[float, float, float]:
        return tuple(self.rng.uniform(0.3, 1.5, size=3).tolist())

    # One method per sub-domain: the camera's place, the things, the truth ----------------------------------------

    def view(self, name: str, side: str) -> Sample:
        """The camera at a chosen bearing and elevation, seen from the object."""
        thing = Thing(np.array([0.0, self.uniform(0.2, 1.0), 0.0]), self.heading(), self.sizes())
        bearing, elevation = self.near(SIDE[side], CONE[side]), self.near(15.0, 35.0)
        elevation = min(80.0, max(-20.0, elevation))
        camera = self.seen_from(thing.place, thing.heading + bearing, elevation)
        truth = Truth()
        truth.require(off(bearing, SIDE[side]), CONE[side], BAND_DEG)
        truth.require(abs(elevation), 45.0, BAND_DEG)
        return self.finish(f"{name}(A, view={side})", truth, camera, [thing])

    def pair(self, relation: str, *, view: str | None = None) -> Sample:
        """B at a chosen bearing from A, turned by a chosen angle; the camera anywhere, or at a chosen bearing."""
        placed, turned_by = {
            "side_by_side_same": (90.0 * self.rng.choice([-1, 1]), 0.0),
            "side_by_side_opposite": (90.0 * self.rng.choice([-1, 1]), 180.0),
            "face_to_face": (0.0, 180.0),
            "back_to_back": (180.0, 180.0),
        }[relation]
        either_side = relation.startswith("side")
        bearing, turn = (self.near(angle, 30.0, anywhere=0.1, spread=1.2) for angle in (placed, turned_by))
        distance = self.uniform(1.5, 3.0)
        a = Thing(np.array([0.0, 0.5, 0.0]), self.heading(), self.sizes())
        b = Thing(a.place + distance * compass(a.heading + bearing), a.heading + turn, self.sizes())
        b.place[1] = self.uniform(0.3, 0.8)
        bearing_back = bearing + 180.0 - turn  # of A from B
        truth = Truth()
        for angle in (bearing, bearing_back):
            error = min(off(angle, 90.0), off(angle, -90.0)) if either_side else off(angle, placed)
            truth.require(error, 30.0, BAND_DEG)
        truth.require(off(turn, turned_by), 30.0, BAND_DEG)
        middle = (a.place + b.place) / 2
        if view is None:
            camera = self.seen_from(middle, self.heading(), self.uniform(0.0, 30.0))
            return self.finish(f"intrinsic(A, B, relation={relation})", truth, camera, [a, b])
        seen = self.near(SIDE[view], 30.0, anywhere=0.1, spread=1.2)
        half = ((turn + 180.0) % 360.0 - 180.0) / 2  # the mean heading lies half the smaller turn from A's
        truth.require(off(seen, SIDE[view]), 30.0, BAND_DEG)
        camera = self.seen_from(middle, a.heading + half + seen, self.uniform(0.0, 30.0))
        return self.finish(f"complex_pose(A, B, view={view})", truth, camera, [a, b])

    def allocentric(self, side: str) -> Sample:
        """B at a chosen bearing and elevation from A."""
        a = Thing(np.array([0.0, 0.5, 0.0]), self.heading(), self.sizes())
        bearing, slope, distance = (
            self.near(SIDE[side], CONE[side]),
            self.uniform(-60.0, 60.0),
            self.uniform(0.8, 2.5),
        )
        if self.rng.random() < 0.7:
            slope /= 4  # most things stand on the same floor
        b = Thing(a.place + distance * compass(a.heading + bearing), self.heading(), self.sizes())
        b.place[1] += distance * math.tan(math.radians(slope))
        truth = Truth()
        truth.require(off(bearing, SIDE[side]), CONE[side], BAND_DEG)
        truth.require(abs(slope), 45.0, BAND_DEG)
        camera = self.seen_from((a.place + b.place) / 2, self.heading(), self.uniform(0.0, 30.0))
        return self.finish(f"allocentric(A, B, relation={side})", truth, camera, [a, b])

    def egocentric(self, relation: str) -> Sample:
        """A and B at chosen horizontal angles and distances from the camera."""
        camera = np.array([0.0, self.uniform(0.8, 2.0), 0.0])
        facing = self.heading()
        angles = self.rng.uniform(-25.0, 25.0, size=2)
        distances = self.rng.uniform(2.0, 5.0) * np.array([1.0, self.uniform(0.7, 1.3)])
        slopes = self.rng.uniform(-25.0, 5.0, size=2)
        things = [
            Thing(
                camera + d * along(facing + a, s),
                self.heading(),
                self.sizes(),
            )
            for a, d, s in zip(angles, distances, slopes, strict=True)
        ]
        sign = {"left": 1, "right": -1, "closer": 1, "farther": -1}[relation]

        def in_picture(axes: np.ndarray) -> Truth:
            """Left and right are the picture's, however far the camera looks down; nearer is nearer to the camera."""
            found = Truth()
            a, b = (axes @ (thing.place - camera) for thing in things)
            across = math.degrees(math.atan2(a[0], a[2]) - math.atan2(b[0], b[2]))
            amount, band = (across, BAND_DEG) if relation in SIDE else (distances[0] - distances[1], BAND_M)
            found.require(float(sign * amount), 0.0, band)
            return found

        aim = camera + 3.0 * compass(facing) - [0, 3.0 * math.tan(math.radians(10.0)), 0]
        return self.finish(f"egocentric(A, B, relation={relation})", in_picture, camera, things, aim=aim)

    def object_distance(self, value: float) -> Sample:
        """B at a chosen distance from A, in any direction."""
        distance = self.about(value)
        slope = self.uniform(-20.0, 20.0)
        direction = math.cos(math.radians(slope)) * compass(self.heading()) + [
            0,
            math.sin(math.radians(slope)),
            0,
        ]
        a = Thing(np.array([0.0, 0.6, 0.0]), self.heading(), self.sizes())
        b = Thing(a.place + distance * direction, self.heading(), self.sizes())
        truth = Truth()
        truth.require(abs(distance - value), value / 3, BAND_M)
        camera = self.seen_from((a.place + b.place) / 2, self.heading(), self.uniform(0.0, 30.0))
        return self.finish(f"object_distance(A, B, value_m={value:g})", truth, camera, [a, b])

    def camera_distance(self, value: float) -> Sample:
        """The camera at a chosen distance."""
        thing = Thing(np.array([0.0, self.uniform(0.2, 1.0), 0.0]), self.heading(), (0.4, 0.5, 0.3))
        distance = self.about(value)
        camera = self.seen_from(thing.place, self.heading(), self.uniform(-5.0, 30.0), distance=distance)
        truth = Truth()
        truth.require(abs(distance - value), value / 3, BAND_M)
        return self.finish(f"camera_distance(A, value_m={value:g})", truth, camera, [thing])

    def object_size(self, dimension: str, value: float) -> Sample:
        """A larger than B by a chosen amount."""
        theirs = np.array(self.rng.uniform(0.3, 1.0, size=3))
        truth = Truth()
        if dimension == "bigger":
            ratio = value * math.exp(self.uniform(-0.35, 0.35))
            truth.require(abs(math.log(ratio / value)), math.log(1.1), 0.001)
            shape = np.exp(self.rng.uniform(-0.3, 0.3, size=3))
            mine = theirs * shape * (ratio / shape.prod()) ** (1 / 3)
        else:
            axis = {"longer": 0, "taller": 1, "wider": 2}[dimension]
            more = self.about(value) * self.rng.choice([1.0, 1.0, 1.0, -1.0])
            truth.require(abs(more - value), value / 3, BAND_M)
            mine = np.array(self.rng.uniform(0.3, 1.0, size=3))
            theirs[axis] += value  # so that the other may be the larger one
            mine[axis] = theirs[axis] + more
            if mine[axis] < 0.1:
                mine[axis] += 1.0
                theirs[axis] += 1.0
        a = Thing(np.array([0.0, mine[1] / 2, 0.0]), self.heading(), tuple(mine.tolist()))
        b = Thing(
            2.0 * compass(self.heading()) + [0, theirs[1] / 2, 0], self.heading(), tuple(theirs.tolist())
        )
        camera = self.seen_from((a.place + b.place) / 2, self.heading(), self.uniform(0.0, 30.0))
        number = "ratio" if dimension == "bigger" else "value_m"
        call = f"object_size(A, B, dimension={dimension}, {number}={value:g})"
        return self.finish(call, truth, camera, [a, b], surface=True)

    # Camera and document -------------------------------------------------------------------------------------------

    def seen_from(
        self, place: np.ndarray, heading: float, elevation: float, *, distance: float | None = None
    ) -> np.ndarray:
        """A camera's place at a heading and elevation from a place."""
        ground = self.uniform(3.0, 7.0) if distance is None else distance * math.cos(math.radians(elevation))
        return (
            place
            + ground * compass(heading)
            + np.array([0.0, ground * math.tan(math.radians(elevation)), 0.0])
        )

    def finish(
        self, predicate: str, truth: Truth | Callable[[np.ndarray], Truth], camera: np.ndarray, things: list[Thing],
        *, aim: np.ndarray | None = None, surface: bool = False,
    ) -> Sample:  # fmt: skip
        """Turn the camera towards the things, off by up to 20° sideways, and write the scene."""
        aim = np.mean([thing.place for thing in things], axis=0) if aim is None else aim
        x, y, z = aim - camera
        heading = math.degrees(math.atan2(x, z)) + self.uniform(-20.0, 20.0)
        pitch = max(-85.0, min(85.0, math.degrees(math.atan2(y, math.hypot(x, z))) + self.uniform(-8.0, 8.0)))
        document = observe(things, camera, heading=heading, pitch=pitch, roll=self.uniform(-10.0, 10.0))
        if callable(truth):
            truth = truth(camera_axes(heading, pitch, 0.0))
        if surface:
            for item, thing in zip(document["objects"], things, strict=True):
                item["points"] = self.visible(thing, item).tolist()
        behind = any(item["centre"][2] <= 0.0 for item in document["objects"])
        return Sample(document, predicate, truth.holds, truth.in_band or behind)

    def visible(self, thing: Thing, item: dict[str, object], count: int = 300) -> np.ndarray:
        """Points on those faces of a box that the camera sees."""
        centre, rotation = np.array(item["centre"]), np.array(item["rotation"])
        own = self.rng.uniform(-0.5, 0.5, size=(count, 3))
        to_camera = rotation.T @ -centre
        faces = [k for k in range(3) if abs(to_camera[k]) > thing.extent[k] / 2]
        face = self.rng.choice(faces, size=count)
        own[np.arange(count), face] = 0.5 * np.sign(to_camera[face])
        return centre + (own * thing.extent) @ rotation.T


def observe(
    things: list[Thing], camera: np.ndarray, *, heading: float = 0.0, pitch: float = 0.0, roll: float = 0.0
) -> dict[str, object]:
    """The scene document of things A, B, C seen by a camera at a place, with a heading, pitch and roll."""
    axes = camera_axes(heading, pitch, roll)
    return {
        "format": "genspace-scene/1", "width": 960, "height": 640,
        "camera": {"pitch_deg": pitch, "roll_deg": roll, "height_m": float(camera[1])},
        "objects": [describe(name, thing, camera, axes) for name, thing in zip("ABC", things, strict=False)],
    }  # fmt: skip


def describe(name: str, thing: Thing, camera: np.ndarray, axes: np.ndarray) -> dict[str, object]:
    """One object of a scene document, with what the released code would be given of it."""
    centre = axes @ (np.asarray(thing.place) - camera)
    own = np.column_stack([compass(thing.heading), [0.0, 1.0, 0.0], compass(thing.heading + 90.0)])
    rotation = axes @ own
    made = {
        "id": name, "centre": centre.tolist(), "extent": list(thing.extent), "complete": True,
        "rotation": rotation.tolist(),
    }  # fmt: skip
    if centre[2] > 0.0:
        ray = centre / np.linalg.norm(centre)
        # Half the ellipsoid's thickness along the ray; its visible half's mean lies 2/3 of it nearer.
        half = 0.5 / np.linalg.norm(rotation.T @ ray / thing.extent)
        azimuth, polar, inplane = orientation_from_rotation(rotation, ray=ray.tolist())
        made["surface_mean"] = (centre - 2 / 3 * half * ray).tolist()
        made["orientation_raw"] = {"azimuth_deg": azimuth, "polar_deg": polar, "rotation_deg": inplane}
    return made


def camera_axes(heading: float, pitch: float, roll: float) -> np.ndarray:
    """Rows: the camera's right, down and forward directions in the world. Roll > 0 is clockwise."""
    h, p, r = (math.radians(a) for a in (heading, pitch, roll))
    forward = np.array([math.cos(p) * math.sin(h), math.sin(p), math.cos(p) * math.cos(h)])
    right = np.array([math.cos(h), 0.0, -math.sin(h)])
    down = np.array([math.sin(p) * math.sin(h), -math.cos(p), math.sin(p) * math.cos(h)])
    return np.array(
        [math.cos(r) * right + math.sin(r) * down, math.cos(r) * down - math.sin(r) * right, forward]
    )


def draws(sampler: Sampler) -> dict[str, list[Callable[[], Sample]]]:
    """Sub-domain to what draws a scene of each of its four variants."""
    arranged = ("side_by_side_same", "side_by_side_opposite", "face_to_face", "back_to_back")
    sizes = {"bigger": 1.2, "taller": 0.2, "longer": 0.5, "wider": 0.3}
    return {
        "camera_pose": [lambda s=s: sampler.view("camera_pose", s) for s in SIDE],
        "object_pose": [lambda s=s: sampler.view("object_pose", s) for s in SIDE],
        "complex_pose": [lambda s=s: sampler.pair("side_by_side_same", view=s) for s in SIDE],
        "intrinsic": [lambda r=r: sampler.pair(r) for r in arranged],
        "allocentric": [lambda s=s: sampler.allocentric(s) for s in SIDE],
        "egocentric": [lambda r=r: sampler.egocentric(r) for r in ("left", "right", "closer", "farther")],
        "object_distance": [lambda v=v: sampler.object_distance(v) for v in (0.5, 1.0, 1.5, 2.0)],
        "camera_distance": [lambda v=v: sampler.camera_distance(v) for v in (1.0, 2.0, 3.0, 4.0)],
        "object_size": [lambda d=d, v=v: sampler.object_size(d, v) for d, v in sizes.items()],
    }


def samples(count: int, seed: int) -> Iterator[tuple[str, Sample]]:
    """Yield `count` (sub-domain, scene), the variants in turn."""
    turns = [(name, draw) for name, variants in draws(Sampler(seed)).items() for draw in variants]
    for index in range(count):
        name, draw = turns[index % len(turns)]
        yield name, draw()


@dataclass
class Tally:
    """How one profile did on one sub-domain, scenes at a threshold left out."""

    scenes: int = 0
    true: int = 0
    abstained: int = 0
    right: int = 0
    wrongly_passed: int = 0
    wrongly_failed: int = 0
    mistakes: list[Sample] = field(default_factory=list)

    def count(self, sample: Sample, passed: bool | None) -> None:
        self.scenes += 1
        self.true += sample.truth
        if passed is None:
            self.abstained += 1
        elif passed == sample.truth:
            self.right += 1
        else:
            self.wrongly_passed += passed
            self.wrongly_failed += not passed
            self.mistakes.append(sample)

    @property
    def accuracy(self) -> float:
        """Share of right decisions among the scenes; an abstention is not right."""
        return self.right / self.scenes


def confusion(count: int, seed: int = 0) -> dict[str, dict[str, Tally]]:
    """Return sub-domain to profile to tally over `count` random scenes."""
    profiles: tuple[Profile, ...] = (CORRECTED, REFERENCE)
    table: dict[str, dict[str, Tally]] = {}
    for name, sample in samples(count, seed):
        if sample.in_band:
            continue
        scene = parse_document(sample.document)
        bound = bind(sample.predicate)
        tallies = table.setdefault(name, {profile.name: Tally() for profile in profiles})
        for profile in profiles:
            tallies[profile.name].count(sample, evaluate(scene, bound, profile).passed)
    return table
