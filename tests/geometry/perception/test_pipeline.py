"""Stages in order, batched by size, cached by content, failing one image at a time; parts said to be missing first.

Longer than 400 lines: its cases share the parts that are made for them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from genspace.errors import InputError
from genspace.geometry.perception import (
    STAGES,
    Failure,
    Part,
    Perception,
    Picture,
    StageReport,
    StageView,
    Subject,
    ahead,
    make_part,
    parse_objects,
)
from genspace.geometry.perception._parts import stages_of
from genspace.geometry.perception.cache import StageCache, stage_key
from genspace.geometry.perception.pipeline import in_order


class Fake(Part):
    """A part that counts its calls and gives constant arrays of the right shapes."""

    def __init__(self, version: int = 1, **arrays: object) -> None:
        self.version, self.arrays, self.batches = version, arrays, []

    @property
    def stage(self) -> str:
        [stage] = stages_of(self.gives)
        return stage

    @property
    def fingerprint(self) -> str:
        return f"{self.stage} {self.version}"

    def run(self, views: Sequence[StageView]):
        self.batches.append([v.picture.digest for v in views])
        return [self.one(v) for v in views]

    def one(self, view: StageView):
        n, (h, w) = len(view.known["boxes"]) if "boxes" in self.reads else 0, view.size
        return {
            "detector": {"boxes": np.array([[0, 0, w, h / 2], [0, h / 2, w, h]]), "label": np.array([0, 0]), "score": np.array([0.9, 0.8])},
            "segmenter": {"masks": np.ones((n, h, w), bool), "mask_score": np.ones(n)},
            "depth": {"depth": np.full((h, w), 2.0 * self.version)},
            "intrinsics": {"K": np.array([[50.0, 0, w / 2], [0, 50, h / 2], [0, 0, 1]]), "K_source": np.array("fake")},
            "gravity": {"gravity": np.array([0.0, 1, 0])},
            "boxes3d": {"centre": np.full((n, 3), np.nan), "extent": np.full((n, 3), np.nan), "rotation": np.full((n, 3, 3), np.nan)},
            "orientation": {**{k: np.zeros(n) for k in ("azimuth_deg", "polar_deg", "rotation_deg", "confidence")}, "ray": np.tile([0.0, 0, 1], (n, 1))},
        }[self.stage] | self.arrays  # fmt: skip


def fake(stage_name: str, *, needs: tuple[str, ...] = (), version: int = 1, **arrays: object) -> Fake:
    class OfStage(Fake):
        reads: ClassVar[tuple[str, ...]] = needs
        gives: ClassVar[tuple[str, ...]] = GIVES[stage_name]

    return OfStage(version, **arrays)


GIVES = {name: tuple(stage.gives) for name, stage in STAGES.items()}
GIVES["orientation"] += ("polar_deg", "rotation_deg")
READS = {
    "boxes3d": ("boxes",),
    "detector": ("labels",),
    "segmenter": ("boxes",),
    "gravity": ("depth", "K", "masks"),
    "orientation": ("boxes", "masks", "K"),
}


def fakes(**replaced: Fake) -> dict[str, Fake]:
    return {s: fake(s, needs=READS.get(s, ())) for s in STAGES} | replaced


def subject(name: str = "a", size: tuple[int, int] = (20, 30), objects: str = "two cows") -> Subject:
    pixels = np.zeros((*size, 3), np.uint8)
    return Subject(Picture(pixels=pixels, width=size[1], height=size[0], digest=name), parse_objects(objects))


def test_stages_wait_for_what_they_read() -> None:
    def order(**parts: Fake) -> list[str]:
        return ["+".join(step.stages) for step in in_order(fakes(**parts))]

    first, last = ["detector", "segmenter"], ["gravity", "orientation", "boxes3d"]
    assert order(depth=fake("depth", needs=("K",))) == [*first, "intrinsics", "depth", *last]
    assert order(intrinsics=fake("intrinsics", needs=("depth",))) == [*first, "depth", "intrinsics", *last]


def test_parts_that_wait_for_one_another_are_said() -> None:
    parts = fakes(depth=fake("depth", needs=("K",)), intrinsics=fake("intrinsics", needs=("depth",)))
    with pytest.raises(InputError, match=r"wait for one another: depth needs K, intrinsics needs depth"):
        in_order(parts)
    with pytest.raises(InputError, match="the segmenter part needs 'boxes', which no part gives"):
        in_order({"segmenter": fake("segmenter", needs=("boxes",))})


def test_batches_hold_images_of_one_size() -> None:
    parts = fakes()
    subjects = [subject("a"), subject("b", (10, 10)), subject("c"), subject("d")]
    seen = Perception(parts, batch_size=2).run(subjects)
    assert parts["depth"].batches == [["a", "c"], ["d"], ["b"]]
    assert [v.picture.digest for v in seen] == ["a", "b", "c", "d"]
    assert [v.known["depth"].shape for v in seen] == [(20, 30), (10, 10), (20, 30), (20, 30)]


def test_as_many_boxes_as_objects_are_kept() -> None:
    [one] = Perception(fakes()).run([subject(objects="cow")])
    assert one.known["score"].tolist() == [0.9]
    assert len(one.known["masks"]) == 1


class FailsOn(Fake):
    gives = ("depth",)

    def run(self, views: Sequence[StageView]):
        if any(v.picture.digest == "bad" for v in views):
            raise RuntimeError("CUDA out of memory")
        return super().run(views)


def test_a_failing_image_costs_only_itself() -> None:
    parts = fakes(depth=FailsOn())
    names = ["a", "b", "bad", "c", "d"]
    seen = Perception(parts, batch_size=8).run([subject(n) for n in names])
    assert [isinstance(s, Failure) for s in seen] == [n == "bad" for n in names]
    assert seen[2].reason == "depth FailsOn: RuntimeError: CUDA out of memory"
    assert sorted(parts["orientation"].batches[0]) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("stage", "arrays", "message"),
    [
        ("depth", {"depth": np.full((20, 30), -1.0)}, "'depth' runs from -1 to -1, outside 0 to 100000"),
        ("depth", {"depth": np.zeros((20, 30))}, "no pixel has a depth above 0"),
        ("depth", {"depth": np.full((20, 30), np.nan)}, "holds values that are not finite"),
        ("depth", {"depth": np.ones((30, 20))}, r"has shape \(30, 20\), expected \(H W\) = \[20, 30\]"),
        ("depth", {"depth": np.ones((20, 30)), "depth_source": np.array(3.0)}, "'depth_source' must be a text, not float64"),
        ("segmenter", {"masks_source": np.array(["a"])}, r"must be a text, or one per object \(2\)"),
        ("detector", {"boxes": np.array([[0.0, 0, 5, 5], [9, 9, 9, 20]])}, r"box \[9.0, 9.0, 9.0, 20.0\] has no area"),
        ("detector", {"label": np.array([0, 1])}, "'label' 1 is none of the 1 asked for"),
        ("boxes3d", {"rotation": np.tile(np.diag([1.0, 1, -1]), (2, 1, 1))}, "is not a right-handed rotation"),
        ("boxes3d", {"centre": np.full((2, 3), np.inf)}, "'centre' holds values that are not finite"),
        ("segmenter", {"masks": np.ones((3, 20, 30), bool)}, r"expected \(N H W\) = \[2, 20, 30\]"),
        ("orientation", {"confidence": np.full(2, 1.5)}, "'confidence' runs from 1.5 to 1.5"),
        ("intrinsics", {"K": np.diag([-50.0, -50, 1])}, "are absurd"),
    ],
)  # fmt: skip
def test_absurd_answers_are_refused_with_the_parts_name(
    stage: str, arrays: dict[str, object], message: str
) -> None:
    parts = fakes(**{stage: fake(stage, needs=READS.get(stage, ()), **arrays)})
    [seen] = Perception(parts).run([subject()])
    assert isinstance(seen, Failure), seen
    assert seen.reason.startswith(f"{stage} OfStage: ")
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(seen.reason)


def test_missing_answers_are_a_failure() -> None:
    class Silent(Fake):
        gives = ("depth",)

        def one(self, view: StageView):
            return {}

    [seen] = Perception(fakes(depth=Silent())).run([subject()])
    assert seen.reason == "depth Silent: gave no 'depth'"


def runs(parts: dict[str, Fake]) -> dict[str, int]:
    return {s: sum(map(len, p.batches)) for s, p in parts.items() if p.batches}


def test_changing_a_part_reruns_what_depends_on_it(tmp_path: Path) -> None:
    cache = StageCache(tmp_path)
    first = Perception(fakes(), cache).run([subject("a"), subject("b")])

    again = fakes()
    second = Perception(again, cache).run([subject("a"), subject("b")])
    assert runs(again) == {}
    for x, y in zip(first, second, strict=True):
        assert set(x.known) == set(y.known)
        for key, array in x.known.items():
            np.testing.assert_array_equal(array, y.known[key])
            assert array.dtype == y.known[key].dtype or array.dtype.kind == y.known[key].dtype.kind

    other_depth = fakes(depth=fake("depth", version=2))
    Perception(other_depth, cache).run([subject("a"), subject("b")])
    assert runs(other_depth) == {"depth": 2, "gravity": 2}

    # another orientation model, which nothing reads
    other_orientation = fakes(orientation=fake("orientation", needs=READS["orientation"], version=2))
    Perception(other_orientation, cache).run([subject("a")])
    assert runs(other_orientation) == {"orientation": 1}

    # another detector that finds the same boxes: what read them is still right
    other_detector = fakes(detector=fake("detector", needs=("labels",), version=2))
    Perception(other_detector, cache).run([subject("a")])
    assert runs(other_detector) == {"detector": 1}

    # other objects: only the detector depends on the words; fewer boxes change what reads them
    fewer = fakes()
    Perception(fewer, cache).run([subject("a", objects="cow")])
    assert runs(fewer) == {"segmenter": 1, "gravity": 1, "orientation": 1, "boxes3d": 1}


def test_a_new_image_is_a_new_key() -> None:
    part, view = fake("depth"), subject("a").view()
    keys = {
        stage_key(part, v.handed_to(part))
        for v in (view, replace(view, picture=replace(view.picture, digest="b")))
    }
    assert len(keys) == 2
    assert stage_key(part, view) != stage_key(fake("depth", version=2), view)


def test_outputs_that_cannot_be_kept_stop_the_run(tmp_path: Path) -> None:
    (tmp_path / "perception").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="perception"):
        Perception(fakes(), StageCache(tmp_path)).run([subject()])


def test_work_is_done_ahead_in_order_and_fails_in_turn() -> None:
    both = threading.Barrier(2, timeout=60)

    def work(n: int) -> int:
        if n < 2:
            both.wait()  # only two threads at once get past it
        if n == 3:
            raise ValueError("three")
        return n * n

    given = iter(range(9))
    answers = ahead(work, given, most=3)
    assert [next(answers), next(answers), next(answers)] == [0, 1, 4]
    with pytest.raises(ValueError, match="three"):
        next(answers)
    assert next(given) == 7  # three ahead of the fourth answer, no further


def test_a_damaged_cache_file_is_made_anew(tmp_path: Path) -> None:
    cache = StageCache(tmp_path)
    Perception(fakes(), cache).run([subject()])
    files = sorted(tmp_path.rglob("*.npz"))
    assert len(files) == 7
    for i, file in enumerate(files):
        file.write_bytes([b"", file.read_bytes()[:-40], b"PK\x03\x04 nonsense"][i % 3])
    parts = fakes()
    [seen] = Perception(parts, cache).run([subject()])
    assert isinstance(seen, StageView)
    assert runs(parts) == dict.fromkeys(STAGES, 1)
    assert not list(tmp_path.rglob("*.tmp"))


def test_progress_counts_images_and_cache_hits(tmp_path: Path) -> None:
    cache, reports = StageCache(tmp_path), []
    Perception(fakes(), cache).run([subject("a")])
    Perception(fakes(), cache, batch_size=1, report=reports.append).run([subject(n) for n in "abc"])
    depth = [r for r in reports if r.stage == "depth"]
    assert [(r.done, r.total, r.from_cache) for r in depth] == [(1, 3, 1), (2, 3, 1), (3, 3, 1)]
    assert depth[0].per_second is None
    assert StageReport("depth", "x", 5, 9, 1, 2.0).per_second == 2.0


def test_models_are_freed_after_their_stage_or_kept() -> None:
    class Closing(Fake):
        gives = ("depth",)
        closed = 0

        def close(self) -> None:
            self.closed += 1

    one, kept = Closing(), Closing()
    Perception(fakes(depth=one), resident="one").run([subject()])
    Perception(fakes(depth=kept), resident="all").run([subject()])
    assert (one.closed, kept.closed) == (1, 0)


def test_everything_that_is_missing_is_said_at_once_before_any_work() -> None:
    pytest.importorskip("torch", reason="perception models need the extra 'models'")
    parts = fakes(
        detector=make_part("detector", "grounding-dino"),
        orientation=make_part("orientation", "orient-anything"),
        segmenter=make_part("segmenter", "sam:/no/such/folder"),
    )
    with pytest.raises(InputError) as caught:
        Perception(parts).check()
    assert str(caught.value).splitlines() == [
        (
            "detector.grounding-dino: the checkpoint IDEA-Research/grounding-dino-base is not on this machine. "
            "Fetch it with: genspace models fetch detector.grounding-dino:IDEA-Research/grounding-dino-base"
        ),
        (
            "segmenter.sam: the checkpoint /no/such/folder is not on this machine and no such folder exists. "
            "Name a folder that holds it, or fetch a published one: genspace models list"
        ),
        (
            "orientation.orient-anything: the checkpoint Viglong/Orient-Anything:croplargeEX2/dino_weight.pt is not on this machine. "
            "Fetch it with: genspace models fetch orientation.orient-anything:Viglong/Orient-Anything:croplargeEX2/dino_weight.pt"
        ),
    ]


def test_a_missing_package_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    import genspace.errors

    monkeypatch.setattr(genspace.errors, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs the package 'torch'.*pip install 'genspace\[models\]'"):
        Perception(fakes(detector=make_part("detector", "grounding-dino"))).check()


@pytest.mark.parametrize(
    ("stage", "spec", "options", "message"),
    [
        ("depht", "zoedepth", {}, r"unknown stage 'depht' \(did you mean 'depth'\?\)"),
        ("depth", "zoedeth", {}, r"unknown depth 'zoedeth' \(did you mean 'zoedepth'\?\)"),
        ("gravity", "level:x", {}, "gravity.level has no checkpoints to choose from"),
        ("detector", "owlv2", {"treshold": 1}, r"has no option 'treshold' \(did you mean 'threshold'\?\)"),
        (
            "detector",
            "owlv2",
            {"threshold": 2},
            r"option threshold = 2: Input should be less than or equal to 1",
        ),
        ("depth", "scene", {"scale": 2}, "depth.scene has no options"),
    ],
)
def test_wrong_names_and_options(stage: str, spec: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_part(stage, spec, options)


def test_progress_lines_say_rate_and_time_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from genspace.geometry.perception import building

    clock = iter([0.0, 1.0, 6.0, 7.0, 8.0])
    monkeypatch.setattr(building, "monotonic", lambda: next(clock))
    caplog.set_level("DEBUG", logger="genspace.perception")
    spoken: dict[str, list[float]] = {}
    for done, from_cache, seconds in ((0, 0, 0.0), (20, 10, 4.0), (30, 10, 8.0), (100, 10, 36.0)):
        building.say_progress(StageReport("depth", "x", done, 100, from_cache, seconds), spoken)
    # after 8 s of computing 20 images: 2.5/s, 70 left, 28 s; reports less than 5 s after the last are not told
    assert [r.getMessage() for r in caplog.records] == [
        "depth: 30 of 100 images, 10 from the cache, 2.5/s, 28 s left",
        "depth: 100 of 100 images, 10 from the cache, 2.5/s",
    ]


# What a part declares ---------------------------------------------------------------------------------------------


def test_a_part_is_handed_what_it_declares_and_nothing_else() -> None:
    class Peeking(Fake):
        gives = ("depth",)

        def one(self, view: StageView):
            assert set(view.known) == set()
            return super().one(view) | {"depth": np.full(view.size, float(len(view.known["boxes"])))}

    with pytest.raises(
        InputError, match="depth Peeking: reads 'boxes' without declaring it; add it to its `reads`"
    ):
        Perception(fakes(depth=Peeking())).run([subject()])

    class Asking(Peeking):
        def one(self, view: StageView):
            return Fake.one(self, view) if "boxes" in view.known else {}

    with pytest.raises(InputError, match="reads 'boxes' without declaring it"):
        Perception(fakes(depth=Asking())).run([subject()])

    class Wording(Peeking):
        def one(self, view: StageView):
            return {"depth": np.full(view.size, float(len(view.labels)))}

    with pytest.raises(InputError, match="reads 'labels' without declaring it"):
        Perception(fakes(depth=Wording())).run([subject()])


def test_no_question_is_answered_with_anothers_boxes(tmp_path: Path) -> None:
    """A part that is kept by its declared inputs cannot depend on others: two questions about one image."""

    class ByBoxes(Fake):
        """Puts what it is asked about at the depth of their number."""

        gives = ("depth",)
        reads = ("boxes",)

        def one(self, view: StageView):
            return {"depth": np.full(view.size, float(len(view.known["boxes"])))}

    cache = StageCache(tmp_path)
    for objects, expected in (("cow", 1.0), ("two cows", 2.0), ("cow", 1.0)):
        [seen] = Perception(fakes(depth=ByBoxes()), cache).run([subject(objects=objects)])
        assert seen.known["depth"][0, 0] == expected


def test_the_truth_is_shown_to_those_who_declare_it_and_never_kept(tmp_path: Path) -> None:
    class Truthful(Fake):
        gives = ("depth",)
        reads = ("truth",)

        def one(self, view: StageView):
            return super().one(view) | {"depth": np.full(view.size, 1.0 if view.truth is None else 2.0)}

    class Untold(Truthful):
        reads = ()

    known = replace(subject(), truth=object())
    for part, expected in ((Truthful(), 2.0), (Untold(), 1.0)):
        [seen] = Perception(fakes(depth=part), StageCache(tmp_path / part.name)).run([known])
        assert seen.known["depth"][0, 0] == expected
    assert not list((tmp_path / "depth Truthful").rglob("perception/depth/*/*"))
    assert list((tmp_path / "depth Untold").rglob("perception/depth/*/*"))


@pytest.mark.parametrize(
    ("gives", "reads", "message"),
    [
        (("depth", "polar_degrees"), (), r"gives 'polar_degrees', which no stage knows \(did you mean 'polar_deg'\?\)"),
        (("depth", "polar_deg"), (), "gives polar_deg, but no stage with all that it needs"),
        (("masks",), ("boxes",), "gives masks, but no stage with all that it needs"),
        ((), (), "gives nothing"),
        (("depth",), ("boxs",), r"reads 'boxs', which no stage knows \(did you mean 'boxes'\?\)"),
        (("K",), (), "cannot serve as depth: it gives K, and depth are needed"),
        (("depth", "masks", "mask_score"), (), None),
    ],
)  # fmt: skip
def test_declarations_are_checked_before_any_work(
    gives: tuple[str, ...], reads: tuple[str, ...], message: str | None
) -> None:
    class Declaring(Fake):
        pass

    Declaring.gives, Declaring.reads = gives, reads
    if message is None:  # what it gives for another stage is not taken
        Perception(fakes(depth=Declaring()))
        return
    with pytest.raises(InputError, match=message):
        Perception(fakes(depth=Declaring()))


def test_an_array_that_is_not_declared_stops_the_run() -> None:
    part = fake("orientation", needs=READS["orientation"], polar_dge=np.zeros(2))
    with pytest.raises(
        InputError, match=r"gave 'polar_dge' without declaring it \(did you mean 'polar_deg'\?\)"
    ):
        Perception(fakes(orientation=part)).run([subject()])


class BoxesAndMasks(Fake):
    """Three things in one pass, as SAM 3 sees them: every third of the image, the best one in the middle."""

    gives = ("boxes", "label", "score", "masks", "mask_score")
    reads = ("labels",)
    fingerprint = "thirds"

    def one(self, view: StageView):
        height, width = view.size
        thirds = [(0, i * width / 3, height, (i + 1) * width / 3) for i in range(3)]
        masks = np.zeros((3, height, width), bool)
        for mask, (_, left, _, right) in zip(masks, thirds, strict=True):
            mask[:, round(left) : round(right)] = True
        return {
            "boxes": np.array([[left, top, right, bottom] for top, left, bottom, right in thirds]),
            "label": np.zeros(3, int),
            "score": np.array([0.5, 0.9, 0.7]),
            "masks": masks,
            "masks_source": np.array(["left", "middle", "right"]),
            "mask_score": np.array([0.1, 0.2, 0.3]),
        }


def test_one_part_serves_several_stages_in_one_pass(tmp_path: Path) -> None:
    both = BoxesAndMasks()
    cache = StageCache(tmp_path)
    for _ in range(2):
        [seen] = Perception(fakes(detector=both, segmenter=both), cache).run([subject(objects="two cows")])
        # of three, the two best, and everything about them in this order
        assert seen.known["score"].tolist() == [0.9, 0.7]
        assert [m.nonzero()[1].min() for m in seen.known["masks"]] == [10, 20]
        assert seen.known["mask_score"].tolist() == [0.2, 0.3]
        assert seen.sources("masks") == ("middle", "right")
        assert seen.sources("boxes") == ("detector+segmenter BoxesAndMasks",) * 2
    assert both.batches == [["a"]]


def test_of_a_part_that_gives_more_only_the_chosen_stages_are_taken() -> None:
    other = fakes()["segmenter"]
    [seen] = Perception(fakes(detector=BoxesAndMasks(), segmenter=other)).run([subject(objects="cow")])
    assert seen.source("masks") == "segmenter OfStage"
    assert seen.known["masks"].all()


def test_masks_of_other_boxes_are_refused() -> None:
    with pytest.raises(InputError, match="finds objects by itself, so its masks belong to its own boxes"):
        Perception(fakes(segmenter=BoxesAndMasks()))


def test_every_array_has_a_source_and_guesses_say_so() -> None:
    parts = fakes(depth=fake("depth", depth_source=np.array("guess: everything is 2 m away")))
    [seen] = Perception(parts).run([subject()])
    for stage in STAGES.values():
        for array in stage.gives:
            assert seen.source(array), array
    assert seen.source("K") == "fake"
    assert seen.source("depth") == "guess: everything is 2 m away"
    assert seen.guessed("depth")
    assert not seen.guessed("K")


def test_a_part_sees_that_an_array_is_a_guess_and_is_asked_again_when_it_is_none(tmp_path: Path) -> None:
    class Trusting(Fake):
        gives = ("gravity",)
        reads = ("K",)

        def one(self, view: StageView):
            return {"gravity": np.array([0.0, 1, 0]), "gravity_source": np.array(f"{view.guessed('K')}")}

    cache = StageCache(tmp_path)
    asked = []
    for i, source in enumerate(("guess: 50°", "measured", "measured otherwise")):
        trusting = Trusting()
        parts = fakes(intrinsics=fake("intrinsics", version=i, K_source=np.array(source)), gravity=trusting)
        [seen] = Perception(parts, cache).run([subject()])
        assert seen.source("gravity") == str(i == 0)
        asked.append(len(trusting.batches))
    assert asked == [1, 1, 0]  # where else it was measured changes nothing


# Which of its kind -------------------------------------------------------------------------------------------------


class Ranked(Fake):
    """Three people, the best in the middle."""

    gives = ("boxes", "label", "score")
    reads = ("labels",)

    def one(self, view: StageView):
        labels = list(view.labels)
        return {
            "boxes": np.array([[0.0, 0, 9, 20], [10, 0, 19, 20], [20, 0, 29, 20]]),
            "label": np.array([labels.index("person")] * 3),
            "score": np.array([0.6, 0.9, 0.7]),
        }


@pytest.mark.parametrize(
    ("ids", "left"),
    [
        (["person"], [10]), (["person_1"], [10]), (["person_2"], [20]), (["person_3"], [0]), (["person_4"], []),
        (["person", "person_2"], [10, 20]), (["person_2", "person"], [20, 10]), (["person_3", "person_1"], [0, 10]),
    ],
)  # fmt: skip
def test_a_number_means_the_same_object_in_every_question(ids: list[str], left: list[float]) -> None:
    from genspace.geometry.perception import wanted_from_ids
    from genspace.geometry.perception.assemble import build_scene

    wanted = wanted_from_ids(ids)
    [seen] = Perception(fakes(detector=Ranked())).run([replace(subject(), wanted=wanted)])
    scene = build_scene(seen, wanted).scene
    assert [item.id for item in scene.objects] == [name for name in ids if name != "person_4"]
    assert [item.box[0] for item in scene.objects] == left
