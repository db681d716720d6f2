"""Render the example study `examples/scenes`: four pictures with known truth, judged and shown without any model.

Run: python examples/make_scenes.py (needs the extra `render`).
"""

from __future__ import annotations

import csv
from pathlib import Path

from PIL import Image

from genspace.geometry.probes.render import draw
from genspace.geometry.probes.scenes import PlacedObject, ProbeCamera, ProbeScene
from genspace.geometry.probes.truth import cast, scene_record
from genspace.geometry.scene_files import write_scene

STUDY = Path(__file__).resolve().parent / "scenes"
CAMERA = ProbeCamera(size=448, fov_deg=55, pitch_deg=-13, roll_deg=0, height_m=1.8)


def placed(name: str, x: float, z: float, heading_deg: float) -> PlacedObject:
    """An object of the category that it is named by."""
    return PlacedObject(id=name, category=name, look=0, ground_xz=(x, z), heading_deg=heading_deg)


COW_AND_DOG = (placed("cow", -0.9, 5.4, 150), placed("dog", 0.9, 6.2, -70))
ITEMS = {
    # The cow faces us, turned a little to our right: its own left is our right, where the dog stands.
    "own-left": (
        "A cow with a dog at its own left side.",
        "allocentric(cow, dog, relation=left)",
        "meadow",
        COW_AND_DOG,
    ),
    "viewer-left": (
        "A dog to the left of a cow in the picture.",
        "egocentric(dog, cow, relation=left)",
        "meadow",
        COW_AND_DOG,
    ),
    "one-metre": (
        "A chair and a dog one metre apart, measured between their centres.",
        "object_distance(chair, dog, value_m=1)",
        "parlour",
        (placed("chair", -0.5, 3.2, 160), placed("dog", 0.5, 3.2, -90)),
    ),
    "face-to-face": (
        "A cat and a dog face to face.",
        "intrinsic(cat, dog, relation=face_to_face)",
        "yard",
        (placed("cat", -0.6, 3.4, 90), placed("dog", 0.6, 3.4, -50)),
    ),
}


def main() -> None:
    """Write items.csv, pictures and scene files."""
    (STUDY / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for name, (prompt, predicate, backdrop, objects) in ITEMS.items():
        scene = ProbeScene(camera=CAMERA, objects=objects, backdrop=backdrop, seed=1)
        Image.fromarray(draw(scene, samples=48)).save(STUDY / "images" / f"{name}.jpg", quality=88)
        record = scene_record(scene, cast(scene), image=f"{name}.jpg", depth=None, depth_scale=0.001)
        write_scene(record, STUDY / "images" / f"{name}.scene.json")
        rows.append({"item_id": name, "prompt": prompt, "predicate": predicate, "image": f"{name}.jpg"})
    with (STUDY / "items.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
