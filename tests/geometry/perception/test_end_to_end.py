"""From pixels to verdicts with the truth of probes in place of models: seeing what is there changes no verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genspace.errors import InputError
from genspace.geometry.evaluate import evaluate
from genspace.geometry.scene import Pair, Scene
from genspace.geometry.scene_files import read_scene, write_scene
from genspace.judges import JudgeContext, JudgeSpec, Seeing, make_judge
from genspace.judges.asking import Asker, AskOptions
from genspace.judges.geometry import STAGE_OPTIONS, attribution
from genspace.records import Item, Request, Verdict

pytest.importorskip("embreex", reason="casting probes needs the extra 'render'")
pytestmark = pytest.mark.xdist_group("probes")

from genspace.geometry.probes.scenes import PlacedObject, ProbeCamera, ProbeScene  # noqa: E402 - after the skip
from genspace.geometry.probes.truth import cast, depth_steps, scene_record  # noqa: E402

TRUTH = dict.fromkeys(STAGE_OPTIONS, "scene")
CAMERA = ProbeCamera(size=320, fov_deg=50, pitch_deg=-12, roll_deg=4, height_m=1.6)


def probe(*objects: PlacedObject, camera: ProbeCamera = CAMERA) -> ProbeScene:
    return ProbeScene(camera=camera, objects=objects, backdrop="meadow", seed=1)


def placed(name: str, category: str, x: float, z: float, heading: float) -> PlacedObject:
    return PlacedObject(id=name, category=category, look=0, ground_xz=(x, z), heading_deg=heading)


def write_probe(folder: Path, name: str, scene: ProbeScene, *predicates: str) -> Scene:
    """Write image, depth and scene file of a probe. The image shows which pixel is whose; only truth parts look at it."""
    truth = cast(scene)
    colours = np.array([[90, 140, 90], [200, 60, 60], [60, 60, 200], [200, 200, 60]], np.uint8)
    Image.fromarray(colours[truth.owner + 1]).save(folder / f"{name}.png")
    steps, scale = depth_steps(truth.depth)
    Image.fromarray(steps).save(folder / f"{name}.depth.png")
    record = scene_record(
        scene, truth, image=f"{name}.png", depth=f"{name}.depth.png", depth_scale=scale, predicates=predicates
    )
    write_scene(record, folder / f"{name}.scene.json")
    return read_scene(folder / f"{name}.scene.json")


@dataclass(frozen=True)
class Folder:
    root: Path

    def read(self, name: str) -> bytes:
        try:
            return (self.root / name).read_bytes()
        except OSError:
            raise InputError(f"{name}: not there") from None

    def exists(self, name: str) -> bool:
        return (self.root / name).is_file()


def judged(
    folder: Path, *items: Item, options: dict[str, object] | None = None, cache: Path | None = None
) -> list[Verdict]:
    judge = make_judge(
        JudgeSpec(name="geometry", kind="geometry", options=options or TRUTH), JudgeContext(cache_dir=cache)
    )
    return list(judge.judge(Request(item=i, files=Folder(folder)) for i in items))


def item(name: str, predicate: str, before: str | None = None) -> Item:
    return Item(
        item_id=f"{name} {predicate}",
        image=f"{name}.png",
        image_before=before and f"{before}.png",
        predicate=predicate,
    )


SCENES = {
    "apart": (
        probe(placed("cow", "cow", -1.2, 6.0, 90), placed("chair", "chair", 1.4, 6.5, 150)),
        [
            "camera_pose(chair, view=front)", "camera_pose(cow, view=left)", "camera_pose(cow, view=right)",
            "egocentric(cow, chair, relation=left)", "egocentric(chair, cow, relation=left)",
            "allocentric(cow, chair, relation=front)", "allocentric(cow, chair, relation=back)",
            "object_distance(cow, chair, value_m=1)", "object_distance(cow, chair, value_m=2.6)",
            "camera_distance(chair, value_m=2)",
        ],
    ),
    "facing": (
        probe(placed("dog", "dog", -0.9, 4.5, 90), placed("dog_2", "dog", 0.9, 4.5, -90)),
        ["intrinsic(dog, dog_2, relation=face_to_face)", "intrinsic(dog, dog_2, relation=back_to_back)",
         "egocentric(dog, dog_2, relation=left)", "object_distance(dog, dog_2, value_m=1.8)"],
    ),
}  # fmt: skip


def calls_that_bind(calls: list[str]) -> list[str]:
    from genspace.geometry.predicates import bind

    for call in calls:
        bind(call)
    return calls


@pytest.mark.parametrize("name", SCENES)
def test_perception_by_truth_decides_as_the_scene_file(tmp_path: Path, name: str) -> None:
    probe_scene, calls = SCENES[name]
    known = write_probe(tmp_path, name, probe_scene)
    decided = 0
    for verdict, call in zip(
        judged(tmp_path, *[item(name, c) for c in calls_that_bind(calls)]), calls, strict=True
    ):
        expected = evaluate(known, call)
        assert verdict.status == ("decided" if expected.score is not None else "abstained"), (
            call,
            verdict.reason,
        )
        assert verdict.passed == expected.passed, (call, verdict.explanation)
        decided += verdict.status == "decided"
        if verdict.status == "decided":
            assert verdict.details["intrinsics"] == verdict.details["gravity"] == "the scene file"
            assert verdict.score == pytest.approx(expected.score, abs=0.2), call
    assert decided >= 4


def test_the_built_scene_is_the_true_scene(tmp_path: Path) -> None:
    known = write_probe(tmp_path, "apart", SCENES["apart"][0])
    from genspace.geometry.perception import Subject, chosen_parts, parse_objects, read_picture
    from genspace.geometry.perception.assemble import build_scene
    from genspace.geometry.perception.building import make_perception
    from genspace.geometry.perception.truth import KnownScene

    wanted = parse_objects("a cow, the chairs")
    picture = read_picture((tmp_path / "apart.png").read_bytes())
    [view] = make_perception(chosen_parts(TRUTH)).run([Subject(picture, wanted, KnownScene(known))])
    built = build_scene(view, wanted, image="apart.png", stem="built")
    built.write(tmp_path / "built.scene.json")
    again = read_scene(tmp_path / "built.scene.json")
    assert [o.id for o in again.objects] == ["cow", "chair"]
    for found in again.objects:
        true = known.object(found.id)
        # points on the visible surface: each coordinate within a tenth of the object, headings to numerical noise
        assert np.abs(np.subtract(found.centre, true.centre)).max() < 0.15 * max(true.extent)
        np.testing.assert_allclose(found.rotation, true.rotation, atol=1e-6)
        assert found.mask == true.mask
        assert len(again.read_points(found)) == found.point_count > 100
    np.testing.assert_allclose(again.read_depth(), known.read_depth(), atol=0.002)
    assert again.camera.pitch_deg == pytest.approx(-12)
    assert again.camera.fx == pytest.approx(known.camera.fx)


def test_an_image_that_cannot_be_read_is_a_failed_verdict(tmp_path: Path) -> None:
    write_probe(tmp_path, "apart", SCENES["apart"][0])
    (tmp_path / "torn.png").write_bytes((tmp_path / "apart.png").read_bytes()[:100])
    (tmp_path / "torn.scene.json").write_bytes((tmp_path / "apart.scene.json").read_bytes())
    call = "camera_pose(chair, view=front)"
    good, torn, absent, nothing, unknown = judged(
        tmp_path, item("apart", call), item("torn", call), item("absent", call),
        Item(item_id="n", image="apart.png"), item("apart", "no_such(chair)"),
    )  # fmt: skip
    assert good.status == "decided"
    assert [v.status for v in (torn, absent, nothing, unknown)] == ["failed"] * 4
    assert "torn.png: the image is truncated" in torn.reason
    assert "no scene file for absent" in absent.reason
    assert "no predicate" in nothing.reason
    assert "unknown predicate 'no_such'" in unknown.reason


def test_an_object_that_is_not_there_is_an_abstention(tmp_path: Path) -> None:
    write_probe(tmp_path, "apart", SCENES["apart"][0])
    [verdict] = judged(tmp_path, item("apart", "camera_pose(bicycle, view=front)"))
    assert (verdict.status, verdict.reason) == ("abstained", "bicycle was not found in the image")
    [verdict] = judged(tmp_path, item("apart", "object_distance(cow, cow_2, value_m=1)"))
    assert (verdict.status, verdict.reason) == ("abstained", "cow_2 was not found in the image")


def test_what_a_second_detector_does_not_find_either_was_not_drawn(tmp_path: Path) -> None:
    write_probe(tmp_path, "apart", SCENES["apart"][0])
    both = {**TRUTH, "verifier": "scene"}
    one, two, there = judged(
        tmp_path,
        item("apart", "camera_pose(bicycle, view=front)"),
        item("apart", "object_distance(cow, cow_2, value_m=1)"),
        item("apart", "egocentric(cow, chair, relation=left)"),
        options=both,
    )
    assert [(v.status, v.score, v.passed) for v in (one, two)] == [("decided", 0.0, False)] * 2
    assert one.explanation == "bicycle: was not drawn, as a detector verified"
    assert (there.status, there.passed) == ("decided", True)
    # a judge of its own: what it says of the same picture has changed
    made = [
        make_judge(JudgeSpec(name="g", kind="geometry", options=o), JudgeContext()).fingerprint
        for o in (TRUTH, both)
    ]
    assert made[0] != made[1]


def test_what_only_the_second_detector_finds_stays_open(tmp_path: Path) -> None:
    """The first overlooked the chair, which is there: no miss."""
    scene = write_probe(tmp_path, "apart", SCENES["apart"][0])
    judge = make_judge(
        JudgeSpec(name="g", kind="geometry", options={**TRUTH, "verifier": "scene"}), JudgeContext()
    )
    asked = item("apart", "egocentric(cow, chair, relation=left)")
    judge._scene = lambda task, views: scene.changed(objects=scene.objects[:1])
    [verdict] = judge.judge([Request(item=asked, files=Folder(tmp_path))])
    assert (verdict.status, verdict.reason) == ("abstained", "chair was not found in the image")


def moved(x: float, z: float, *, camera: ProbeCamera = CAMERA) -> ProbeScene:
    return probe(placed("chair", "chair", x, z, 180), placed("vase", "vase", 1.3, 5.0, 0), camera=camera)


def test_an_edit_with_a_still_camera_is_put_into_one_frame(tmp_path: Path) -> None:
    before = write_probe(tmp_path, "before", moved(0.0, 5.0))
    after = write_probe(tmp_path, "after", moved(-1.0, 5.0))
    pair = Pair(before=before, after=after, camera="static")
    calls = [
        "move_object(chair, direction=left, value_m=1)",
        "move_object(chair, direction=right, value_m=1)",
        "move_object(chair, direction=closer, value_m=1)",
    ]
    for verdict, call in zip(
        judged(tmp_path, *[item("after", c, "before") for c in calls_that_bind(calls)]), calls, strict=True
    ):
        expected = evaluate(pair, call)
        assert verdict.passed == expected.passed, (call, verdict.reason, verdict.explanation)
        assert verdict.details["assumed"].startswith("the camera stood still: the background differs by 0.0")
        assert verdict.details["gravity"] == "the scene file, as before the edit"
    assert evaluate(pair, calls[0]).passed


def test_another_background_assumes_nothing(tmp_path: Path) -> None:
    write_probe(tmp_path, "before", moved(0.0, 5.0))
    write_probe(tmp_path, "after", moved(-1.0, 5.0))
    changed = 255 - np.asarray(Image.open(tmp_path / "after.png"))
    Image.fromarray(changed).save(tmp_path / "after.png")
    [verdict] = judged(tmp_path, item("after", "move_object(chair, direction=left, value_m=1)", "before"))
    assert verdict.details["assumed"].startswith("nothing about the camera: the background differs by")
    assert verdict.details["gravity"] == "the scene file"


def test_an_edit_needs_its_image_before(tmp_path: Path) -> None:
    write_probe(tmp_path, "after", moved(-1.0, 5.0))
    [verdict] = judged(tmp_path, item("after", "move_object(chair, direction=left, value_m=1)"))
    assert verdict.reason == "move_object compares two images, but there is no image_before"


def test_a_part_can_be_named_in_the_judge_or_in_a_table(tmp_path: Path) -> None:
    write_probe(tmp_path, "apart", SCENES["apart"][0])
    one = item("apart", "camera_pose(chair, view=front)")
    model = ",".join(f"{s}=scene" for s in STAGE_OPTIONS if s != "gravity")
    spec = JudgeSpec(name="g", kind="geometry", model=model, options={"gravity": {"part": "level"}})
    [verdict] = make_judge(spec, JudgeContext()).judge([Request(item=one, files=Folder(tmp_path))])
    assert verdict.details["gravity"] == "guess: level camera"
    for wrong, message in [
        ("deph=scene", r"'deph=scene' is not STAGE=PART \(did you mean 'depth'\?\)"),
        ("depth", "is not STAGE=PART"),
        ("defalt", r"unknown stack 'defalt' \(did you mean 'default'\?\)"),
        ("default,zoedepth", "'zoedepth' is not STAGE=PART"),
    ]:
        with pytest.raises(InputError, match=message):
            make_judge(JudgeSpec(name="g", kind="geometry", model=wrong), JudgeContext())
    with pytest.raises(InputError, match="needs the part's name"):
        make_judge(JudgeSpec(name="g", kind="geometry", options={"depth": {"scale": 2}}), JudgeContext())


def test_what_is_missing_is_said_before_any_image_is_read() -> None:
    pytest.importorskip("torch", reason="perception models need the extra 'models'")
    with pytest.raises(
        InputError,
        match=r"segmenter\.sam: the checkpoint .* genspace models fetch segmenter\.sam:facebook/sam-vit-base",
    ):
        make_judge(
            JudgeSpec(name="g", kind="geometry", options={**TRUTH, "segmenter": "sam"}), JudgeContext()
        )


def test_attribution_replaces_each_part_in_turn() -> None:
    specs = attribution(JudgeSpec(name="geometry", kind="geometry", options={"depth": "zoedepth"}))
    assert [s.name for s in specs[:-1]] == [f"geometry[{stage}=scene]" for stage in STAGE_OPTIONS]
    assert specs[2].options == {"depth": "scene"}
    assert specs[0].options == {"depth": "zoedepth", "detector": "scene"}
    assert specs[-1].options == TRUTH


def test_replacing_one_part_keeps_the_rest_from_the_cache(
    tmp_path: Path, checkpoint: Callable[[str], Path]
) -> None:
    (tmp_path / "study").mkdir()
    write_probe(tmp_path / "study", "apart", SCENES["apart"][0])
    one = item("apart", "object_distance(cow, chair, value_m=2.6)")
    models = {**TRUTH, "depth": f"depth-anything-v2:{checkpoint('depth-anything')}", "device": "cpu"}
    [seen] = judged(tmp_path / "study", one, options=models, cache=tmp_path / "cache")
    files = {f: f.stat().st_mtime_ns for f in (tmp_path / "cache").rglob("*.npz")}
    assert len(files) == 1  # only the model's answer is worth keeping
    [again] = judged(
        tmp_path / "study", one, options={**models, "gravity": "level"}, cache=tmp_path / "cache"
    )
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "cache").rglob("*.npz")} == files
    assert seen.status != "failed" != again.status


def test_compare_shows_what_a_part_costs(genspace, tmp_path: Path) -> None:
    """People go by the truth; a level camera in place of the true one loses agreement, which the comparison says."""
    camera = ProbeCamera(size=256, fov_deg=60, pitch_deg=-40, roll_deg=0, height_m=4.0)
    rows = ["item_id,image,prompt,predicate"]
    people = ["item_id,rater_id,value"]
    for i, heading in enumerate((180, 155, 130, 110, 90, 0)):
        name = f"i{i}"
        call = "camera_distance(chair, value_m=5)" if i % 2 else "camera_pose(chair, view=front)"
        known = write_probe(
            tmp_path, name, probe(placed("chair", "chair", 0.3, 4.0, heading), camera=camera), call
        )
        rows.append(f'{name},{name}.png,p{i},"{call}"')
        people += [f"{name},{r},{int(bool(evaluate(known, call).passed))}" for r in "ab"]
    (tmp_path / "items.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "annotations.csv").write_text("\n".join(people) + "\n")
    tables = "\n".join(f'{stage} = "scene"' for stage in STAGE_OPTIONS if stage != "gravity")
    (tmp_path / "study.toml").write_text(
        f'value_type = "binary"\n[judges.geometry]\nkind = "geometry"\ngravity = "level"\n{tables}\n'
    )
    ran = genspace("judge", tmp_path, "--judge", "geometry", "--judge", "geometry[gravity=scene]")
    assert ran.code == 0, ran.err
    told = genspace("compare", tmp_path, "--out", tmp_path / "report").out
    assert "geometry with parts replaced changes its" in told
    assert "gravity=scene" in told


def test_other_judges_are_helped_with_what_is_perceived_and_not_with_the_truth(tmp_path: Path) -> None:
    scene, _ = SCENES["apart"]
    truth = write_probe(tmp_path, "apart", scene)
    request = Request(item=item("apart", "allocentric(cow, chair, relation=front)"), files=Folder(tmp_path))
    judge = make_judge(JudgeSpec(name="geometry", kind="geometry", options=TRUTH), JudgeContext())
    assert isinstance(judge, Seeing)
    with pytest.raises(InputError, match="reads the known truth, which no judge is told"):
        judge.seen(request)
    somebodys = truth.changed(
        camera=truth.camera.changed(intrinsics_source="measured"),
        objects=tuple(thing.model_copy(update={"complete": None}) for thing in truth.objects),
    )
    write_scene(somebodys, tmp_path / "apart.scene.json")
    asker = Asker.of(
        AskOptions(aids="marks+measurements", aids_from="seen"), JudgeContext(make=lambda _: judge), where="x"
    )
    (ask,), _ = asker.imagined(request)
    (measured,) = [m for m in evaluate(truth, request.item.predicate).measurements if "bearing" in m.quantity]
    told = float(ask.text.partition("bearing of chair from cow ")[2].partition("°")[0])
    assert told == pytest.approx(measured.value, abs=5)
    assert len(ask.drawn) == 1
    absent = Request(item=item("apart", "camera_pose(dog, view=front)"), files=Folder(tmp_path))
    assert "dog was not found" in (asker.imagined(absent)[1].reason or "")
