"""Render the practice examples of human studies: an animal, "its left" and "your left", facing us and facing away.

Run: python examples/make_training.py (needs the extra `render`). The truth of each follows from where its objects are
put; what raters are told stands in `human_study/examples/examples.toml` and in the texts files.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from genspace.geometry.probes.render import draw
from genspace.geometry.probes.scenes import PlacedObject, ProbeCamera, ProbeScene

HERE = Path(__file__).resolve().parents[1] / "human_study" / "examples"
CAMERA = ProbeCamera(size=448, fov_deg=55, pitch_deg=-13, roll_deg=0, height_m=1.8)
LEFT, RIGHT, TOWARDS_US, AWAY = -1.0, 1.0, 180.0, 0.0


def scene(cow_x: float, cow_heading: float, dog_x: float, dog_heading: float, seed: int) -> ProbeScene:
    """A cow and a dog on a meadow; x grows to our right, headings are those of `PlacedObject`."""
    cow = PlacedObject(id="cow", category="cow", look=0, ground_xz=(cow_x, 5.6), heading_deg=cow_heading)
    dog = PlacedObject(id="dog", category="dog", look=0, ground_xz=(dog_x, 5.4), heading_deg=dog_heading)
    return ProbeScene(camera=CAMERA, objects=(cow, dog), backdrop="meadow", seed=seed)


SCENES = {
    # Facing us, the cow's own left is at our right; seen from behind, it is at our left.
    "facing-us-dog-right": scene(0.8 * LEFT, TOWARDS_US - 12, 1.0 * RIGHT, -60, 1),
    "facing-us-dog-left": scene(0.8 * RIGHT, TOWARDS_US + 12, 1.0 * LEFT, 60, 2),
    "from-behind-dog-left": scene(0.8 * RIGHT, AWAY + 12, 1.0 * LEFT, 60, 3),
    "from-behind-dog-right": scene(0.8 * LEFT, AWAY - 12, 1.0 * RIGHT, -60, 4),
}


def main() -> None:
    """Write the pictures."""
    for name, built in SCENES.items():
        picture = Image.fromarray(draw(built, samples=64))
        picture.save(HERE / f"{name}.webp", quality=82, method=6)


if __name__ == "__main__":
    main()
