"""Seconds per 512 x 512 probe at 32 paths per pixel: the LLVM variant against scalar_rgb, in one run."""

from __future__ import annotations

import time

from genspace.geometry.probes import render
from genspace.geometry.probes.sampler import sample_probe


def main() -> None:
    scenes = [
        sample_probe(name, 0, 4, size=512).scene
        for name in ("t2i-camera_pose-left", "t2i-allocentric-front", "t2i-object_distance-1")
    ]
    seconds = {}
    fastest = render.mitsuba_variant()
    for variant in dict.fromkeys((fastest, "scalar_rgb")):
        render.draw(scenes[0], samples=1, variant=variant)  # compile and load
        started = time.perf_counter()
        for scene in scenes:
            render.draw(scene, samples=32, variant=variant)
        seconds[variant] = (time.perf_counter() - started) / len(scenes)
        print(f"{variant}: {seconds[variant]:.2f} s per probe")
    print(f"scalar_rgb / {fastest}: {seconds['scalar_rgb'] / seconds[fastest]:.2f}")


if __name__ == "__main__":
    main()
