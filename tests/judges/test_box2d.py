"""The judge `box2d`: relations in the picture from boxes, and when boxes cannot tell."""

from __future__ import annotations

import gzip
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genspace.errors import InputError, InvalidFilesError
from genspace.geometry.boxes2d import (
    MARGIN,
    RELATIONS,
    RULES,
    SHARE,
    Detection,
    decide,
    distinct,
    offset,
    overlap,
    relate,
)
from genspace.judges import JudgeContext, JudgeSpec, make_judge
from genspace.judges.box2d import read_detections
from genspace.records import Item, Request, Verdict

MIRRORED = {"left_of": "right_of", "right_of": "left_of", "above": "below", "below": "above"}
COORDINATE = st.floats(0, 1000)


@st.composite
def detections(draw):
    u, v = draw(COORDINATE), draw(COORDINATE)
    return Detection(
        (u, v, u + draw(st.floats(1, 500)), v + draw(st.floats(1, 500))), draw(st.floats(0.1, 1))
    )


GROUPS = st.lists(detections(), min_size=1, max_size=4)


class TestRules:
    # a is 40 × 20 around (120, 110), b is 80 × 60 around (180, 130): offset right 60, down 20.
    A, B = Detection((100, 100, 140, 120)), Detection((140, 100, 220, 160))

    def test_a_box_without_a_score_is_certain(self):
        assert self.A.score == 1

    def test_offset_is_in_mean_sizes(self):
        # 60 / ((40 + 80) / 2) = 1; 20 / ((20 + 60) / 2) = 0.5
        assert offset(self.A, self.B, "left_of") == 1.0
        assert offset(self.A, self.B, "right_of") == -1.0
        assert offset(self.A, self.B, "above") == 0.5

    def test_overlap_is_over_the_union_and_over_the_smaller(self):
        # 10 × 10 and 10 × 20, sharing 5 × 10: 50 / (100 + 200 - 50), and 50 / 100
        assert overlap((0, 0, 10, 10), (5, 0, 15, 20)) == (0.2, 0.5)
        assert overlap((0, 0, 10, 10), (20, 0, 30, 10)) == (0.0, 0.0)

    def test_inside_the_margin_the_score_is_in_proportion(self):
        # two boxes of width 100, centres 2.5 px apart: offset 0.025, half the margin of 0.05: (0.025 + 0.05) / 0.1
        a, b = Detection((0, 0, 100, 10)), Detection((2.5, 0, 102.5, 10))
        assert MARGIN == 0.05
        assert relate([a], [b], "left_of").score == pytest.approx(0.75)
        assert relate([a], [b], "right_of").score == pytest.approx(0.25)

    @pytest.mark.parametrize(
        ("rule", "left_of", "above"),
        [
            # Centres 60 px right and 20 px down: b is on the right and, by the sign alone, below.
            ("visor", 1, 1),
            # GenEval: 60 - 0.1 (40 + 80) = 48 right, 20 - 0.1 (20 + 60) = 12 down; 48 / 49.5 > 0.5 > 12 / 49.5
            ("geneval", 1, 0),
            # UniDet: 60 > 20, and the boxes only touch
            ("t2i-compbench", 1, 0),
        ],
    )
    def test_published_rules(self, rule, left_of, above):
        assert relate([self.A], [self.B], "left_of", rule=rule).score == left_of
        assert relate([self.A], [self.B], "above", rule=rule).score == above

    def test_t2i_compbench_penalises_overlap(self):
        # 10 × 10 boxes 2 px apart share 8 × 10: IoU 80 / 120, score 0.1 / (2/3) = 0.15
        a, b = Detection((0, 0, 10, 10)), Detection((2, 0, 12, 10))
        assert relate([a], [b], "left_of", rule="t2i-compbench").score == pytest.approx(0.15)

    def test_geneval_ignores_offsets_within_a_tenth_of_the_sizes(self):
        a, b = Detection((0, 0, 10, 10)), Detection((1.9, 0, 11.9, 10))
        assert relate([a], [b], "left_of", rule="geneval").score == 0

    def test_every_pair_counts_by_its_detection_scores(self):
        # a left of the first b (weight 0.9 × 0.8) and right of the second (0.9 × 0.4): 0.72 / (0.72 + 0.36)
        a = Detection((100, 0, 110, 10), 0.9)
        b = [Detection((200, 0, 210, 10), 0.8), Detection((0, 0, 10, 10), 0.4)]
        opinion = relate([a], b, "left_of")
        assert opinion.score == pytest.approx(2 / 3)
        assert opinion.pairs == 2
        assert opinion.certainty == pytest.approx(math.sqrt(0.72))

    def test_boxes_of_one_thing_count_once(self):
        whole, part, other = (
            Detection((0, 0, 100, 100), 0.8),
            Detection((10, 10, 40, 40), 0.9),
            Detection((200, 0, 300, 9)),
        )
        assert distinct([whole, part, other]) == [other, part]

    def test_nothing_found_is_no_opinion(self):
        assert relate([], [self.B], "left_of") is None
        assert relate([Detection(self.A.box, 0.0)], [self.B], "left_of") is None

    def test_the_zone_of_doubt(self):
        assert SHARE == 0.7
        assert [decide(s) for s in (0.0, 0.3, 0.31, 0.69, 0.7, 1.0)] == [False, False, None, None, True, True]

    @settings(deadline=None, max_examples=150)
    @given(GROUPS, GROUPS, st.sampled_from(sorted(RELATIONS)))
    def test_the_opposite_relation_is_the_complement(self, a, b, relation):
        said = relate(a, b, relation).score
        assert relate(a, b, MIRRORED[relation]).score == pytest.approx(1 - said)
        assert relate(b, a, relation).score == pytest.approx(1 - said)

    @settings(deadline=None, max_examples=150)
    @given(detections(), detections(), st.sampled_from(sorted(RELATIONS)), st.floats(0.5, 4))
    def test_shifting_and_scaling_the_picture_changes_nothing(self, a, b, relation, scale):
        def moved(d):
            return Detection(tuple(scale * (x + 64) for x in d.box), d.score)

        before, after = relate([a], [b], relation), relate([moved(a)], [moved(b)], relation)
        assert after.offset == pytest.approx(before.offset, abs=1e-6)
        assert after.score == pytest.approx(before.score, abs=1e-4)

    @settings(deadline=None, max_examples=150)
    @given(GROUPS, GROUPS, st.sampled_from(sorted(RELATIONS)), st.sampled_from(sorted(RULES)))
    def test_scores_stay_between_0_and_1(self, a, b, relation, rule):
        assert 0 <= relate(a, b, relation, rule=rule).score <= 1


class Folder:
    def __init__(self, **files):
        self.files = files

    def read(self, name):
        return self.files[name].encode()

    def exists(self, name):
        return name in self.files


def scene(*objects):
    things = [
        {"id": name, "label": label, "box": box, "detection_confidence": confidence}
        for name, label, box, confidence in objects
    ]
    document = {"format": "genspace-scene/1", "width": 640, "height": 480, "objects": things}
    return Folder(**{"x.scene.json": json.dumps(document)})


CAT, BED = ("cat", "cat", [10, 10, 60, 60], 0.9), ("bed", "bed", [300, 20, 600, 400], 0.8)
ANOTHER_CAT = ("cat_2", "cat", [610, 10, 630, 60], 0.9)


def verdict(files=None, *, predicate=None, extra=None, options=None, item_id="x") -> Verdict:
    spec = JudgeSpec(name="boxes", kind="box2d", options=options or {})
    item = Item(item_id=item_id, image="x.png", predicate=predicate, extra=extra or {})
    (answer,) = make_judge(spec, JudgeContext()).judge([Request(item=item, files=files or Folder())])
    return answer


class TestScenes:
    @pytest.mark.parametrize(
        ("predicate", "passed"),
        [
            ("image_relation(cat, bed, relation=left_of)", True),
            ("image_relation(cat, bed, relation=right_of)", False),
            ("image_relation(bed, cat, relation=below)", True),
            ("egocentric(cat, bed, relation=left)", True),
            ("egocentric(cat, bed, relation=right)", False),
        ],
    )
    def test_left_right_above_below(self, predicate, passed):
        answer = verdict(scene(CAT, BED), predicate=predicate)
        assert (answer.status, answer.passed) == ("decided", passed)
        assert answer.confidence == pytest.approx(math.sqrt(0.72))
        (measured,) = answer.measurements
        assert measured.unit == "ratio"
        assert measured.score == answer.score

    def test_synonyms_and_plurals_are_one_name(self):
        couch = ("couch", "couch", BED[2], 0.8)
        answer = verdict(scene(CAT, couch), predicate="image_relation(cats, the sofa, relation=left_of)")
        assert answer.passed is True

    def test_columns_ask_where_there_is_no_predicate(self):
        extra = {"relation": "above", "object_a": "Cat", "object_b": "bed"}
        assert verdict(scene(CAT, BED), extra=extra).passed is True

    @pytest.mark.parametrize(
        ("files", "predicate", "reason"),
        [
            (scene(CAT, BED), "egocentric(cat, bed, relation=closer)", "2D boxes cannot tell egocentric"),
            (scene(CAT, BED), "object_distance(cat, bed, value_m=1)", "2D boxes cannot tell object_distance"),
            (scene(CAT), "image_relation(cat, bed, relation=above)", "not found in the picture: bed"),
            (scene(CAT, BED), None, "no predicate"),
            (
                scene(CAT, ("bed", "bed", [10, 200, 60, 260], 1.0)),
                "image_relation(cat, bed, relation=left_of)",
                "too close to call",
            ),
            (
                scene(("cat_1", *CAT[1:]), ANOTHER_CAT, BED),
                "image_relation(cat, bed, relation=left_of)",
                "instances found do not agree",
            ),
        ],
    )
    def test_abstentions_say_why(self, files, predicate, reason):
        answer = verdict(files, predicate=predicate)
        assert answer.status == "abstained"
        assert reason in answer.reason

    def test_an_object_named_by_its_id_is_that_one_alone(self):
        answer = verdict(scene(CAT, ANOTHER_CAT, BED), predicate="image_relation(cat, bed, relation=left_of)")
        assert (answer.passed, answer.details["pairs"]) == (True, 1)

    @pytest.mark.parametrize(
        "predicate",
        ["image_relation(cat, bed)", "image_relation(cat, bed, relation=near)", "left of", "nope(cat)"],
    )
    def test_predicates_that_cannot_be_read_fail_by_name(self, predicate):
        answer = verdict(scene(CAT, BED), predicate=predicate)
        assert answer.status == "failed"
        assert "predicate" in answer.reason

    def test_a_missing_scene_file_fails_by_name(self):
        answer = verdict(predicate="image_relation(a, b, relation=above)")
        assert answer.status == "failed"
        assert "looked for x.scene.json" in answer.reason

    def test_a_broken_scene_file_fails_by_name(self):
        answer = verdict(Folder(**{"x.scene.json": "{}"}), predicate="image_relation(a, b, relation=above)")
        assert answer.status == "failed"
        assert "x.scene.json" in answer.reason


def write(path, **detectors):
    rows = {
        name: [{"label": label, "score": score, "box": box} for _, label, box, score in boxes]
        for name, boxes in detectors.items()
    }
    path.write_bytes(gzip.compress(json.dumps({"item_id": "x", "detections": rows}).encode()))
    return {"detections": str(path)}


ASK = {"predicate": "image_relation(cat, bed, relation=left_of)"}


class TestDetections:
    def test_the_primary_detector_decides(self, tmp_path):
        options = write(tmp_path / "d.jsonl.gz", primary=[CAT, BED])
        assert verdict(**ASK, options=options).passed is True
        assert "no detections" in verdict(**ASK, options=options, item_id="y").reason

    def test_the_secondary_detector_may_only_object(self, tmp_path):
        swapped = [("", "cat", BED[2], 0.9), ("", "bed", CAT[2], 0.9)]
        options = write(tmp_path / "d.jsonl.gz", primary=[CAT, BED], secondary=swapped)
        assert "contradict" in verdict(**ASK, options=options).reason
        assert verdict(**ASK, options={**options, "secondary": None}).passed is True
        options = write(tmp_path / "e.jsonl.gz", primary=[CAT], secondary=[CAT, BED])
        assert verdict(**ASK, options=options).reason == "not found in the picture: bed"

    def test_unsure_detections_can_be_left_out(self, tmp_path):
        options = write(tmp_path / "d.jsonl.gz", primary=[CAT, BED])
        assert verdict(**ASK, options={**options, "min_score": 0.85}).status == "abstained"

    @pytest.mark.parametrize(
        ("predicate", "passed"),
        [
            ("egocentric(cat, cat_2, relation=left)", False), ("egocentric(cat_2, cat, relation=left)", True),
            ("egocentric(cat_1, cat_2, relation=left)", False), ("egocentric(cat_2, bed, relation=left)", True),
        ],
    )  # fmt: skip
    def test_a_number_is_the_rank_among_its_kind(self, tmp_path, predicate, passed):
        """Whatever the order of mention: the cat at the right is the best detected, the one at the left the second."""
        cats = [
            ("cat", 0.5, (0, 40, 20, 60)),
            ("cat", 0.9, (200, 40, 220, 60)),
            ("cat", 0.3, (400, 40, 420, 60)),
        ]
        path = tmp_path / "d.jsonl"
        rows = [{"label": n, "score": s, "box": b} for n, s, b in [*cats, ("bed", 0.9, (100, 40, 130, 60))]]
        path.write_text(json.dumps({"item_id": "x", "detections": rows}) + "\n")
        assert verdict(predicate=predicate, options={"detections": str(path)}).passed is passed

    def test_a_plain_list_is_the_primary_detector(self, tmp_path):
        path = tmp_path / "d.jsonl"
        rows = [{"label": label, "box": box} for _, label, box, _ in (CAT, BED)]
        path.write_text(json.dumps({"item_id": "x", "detections": rows}) + "\n\n")
        assert verdict(**ASK, options={"detections": str(path)}).passed is True

    @pytest.mark.parametrize(
        ("boxes", "message"),
        [
            # A detector's own centre, width, height: read as corners the second has no area.
            (
                [[320, 100, 200, 180], [120, 300, 200, 90]],
                r"line 1: .*box = \[320, 100, 200, 180\]: must be left, top",
            ),
            ([[5, 5, 5, 9]], "left < right and top < bottom; if these are centre x, centre y, width, height"),
            ([[9, 5, 12, 5]], "if left, top, width, height, write left, top, left \\+ width"),
            # Possible corners all of them, and yet no pixels.
            (
                [[0.1, 0.2, 0.4, 0.3], [0.6, 0.4, 0.9, 0.5]],
                "between 0 and 1: these are fractions of the picture",
            ),
        ],
    )
    def test_boxes_written_another_way_are_refused(self, tmp_path, boxes, message):
        rows = [{"label": "cake", "box": box} for box in boxes]
        path = tmp_path / "d.jsonl"
        path.write_text(json.dumps({"item_id": "x", "detections": {"primary": rows}}))
        with pytest.raises(InvalidFilesError, match=message):
            read_detections(path)

    def test_mistakes_are_named(self, tmp_path):
        options = write(tmp_path / "d.jsonl.gz", faster_rcnn=[CAT])
        with pytest.raises(InputError, match="no detector 'primary'; known: faster_rcnn"):
            verdict(options=options)
        path = tmp_path / "bad.jsonl"
        path.write_text('{"item_id": "x", "detections": [{"label": "a", "box": [1, 2, 3]}]}\nnonsense\n')
        with pytest.raises(
            InvalidFilesError, match=r"line 1: detections..0.box.3: Field required\n.*line 2: .*Invalid JSON"
        ):
            verdict(options={"detections": str(path)})
        path.write_text('{"item_id": "x", "detections": []}\n' * 2)
        with pytest.raises(InvalidFilesError, match=r"line 2: item_id = 'x': occurs twice"):
            verdict(options={"detections": str(path)})
        with pytest.raises(InputError, match=r"gone.jsonl: cannot be read"):
            verdict(options={"detections": "gone.jsonl"})
        with pytest.raises(InputError, match="did you mean 'rule'"):
            verdict(options={"rules": "visor"})

    def test_what_changes_an_answer_changes_the_fingerprint(self, tmp_path):
        def mark(**options):
            return make_judge(JudgeSpec(name="b", kind="box2d", options=options), JudgeContext()).fingerprint

        one, two = (write(tmp_path / f"{i}.jsonl.gz", primary=[CAT] * i) for i in (1, 2))
        assert (
            len({mark(), mark(rule="visor"), mark(share=0.9), mark(margin=0.2), mark(**one), mark(**two)})
            == 6
        )


def test_more_is_decided_than_the_published_metric_and_as_well(data):
    # The published metric and the person both decide 71 of the 105 items that the person decides, 68 alike (0.958).
    # The labels stay out of the choice of margin and share; tests/verify/verify_box2d.py shows it.
    import pandas as pd

    folder = data / "human" / "spatialbench_uc"
    items = pd.read_csv(folder / "items.csv", dtype=str).set_index("item_id")
    people = pd.read_csv(folder / "annotations.csv", index_col="item_id")["value"]
    spec = JudgeSpec(name="b", kind="box2d", model=str(folder / "detections.jsonl.gz"))
    requests = [
        Request(item=Item(item_id=i, extra=items.loc[i].to_dict()), files=Folder()) for i in people.index
    ]
    answers = {v.item_id: v.passed for v in make_judge(spec, JudgeContext()).judge(requests)}
    both = [i for i in people.index if answers[i] is not None and not math.isnan(people[i])]
    assert len(answers) == 200
    assert (len(both), sum(answers[i] == bool(people[i]) for i in both)) == (85, 82)
