"""A certificate from the study to the report: who is asked what, what is kept, what is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from genspace import open_study
from genspace.certificate import Certificate, certify, keep, kept, varied
from genspace.errors import InputError
from genspace.judges import JudgeContext, JudgeSpec, make_judge, study_context
from genspace.records import Request, Verdict
from genspace.runner import RunOptions, run
from genspace.study import Study

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart"


class Answering:
    """A judge that answers by the predicate it is asked about."""

    def __init__(self, answer: object, fingerprint: str = "planted, version 1") -> None:
        self.answer, self.fingerprint, self.asked = answer, fingerprint, 0

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        for request in requests:
            self.asked += 1
            said = self.answer(request)
            if said is None:
                yield Verdict.abstained(request, "it cannot tell")
            else:
                yield Verdict.decided(request, score=float(said), passed=bool(said))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Twelve pictures of a cat left of a dog, or not; two have no predicate."""
    (tmp_path / "images").mkdir()
    rows = []
    for i in range(12):
        word = ("left", "right", "closer")[i % 3]
        rows.append(
            {
                "item_id": f"i{i}",
                "image": "one.png",
                "prompt": "a cat and a dog",
                "prompt_id": f"p{i // 2}",
                "predicate": f"egocentric(cat, dog, relation={word})" if i < 10 else "",
                "sub_domain": word,
            }
        )
    pd.DataFrame(rows).to_csv(tmp_path / "items.csv", index=False)
    from PIL import Image

    Image.new("RGB", (32, 24), "white").save(tmp_path / "images" / "one.png")
    return open_study(tmp_path)


def predicate(request: Request) -> str:
    return request.item.predicate or ""


def test_what_is_asked(study: Study) -> None:
    made = varied(study)
    asked = {item_id: (item.image, item.predicate, item.prompt) for item_id, item in made.items.items()}
    assert asked["i0~asked"] == ("as-it-is/one.png", "egocentric(cat, dog, relation=left)", None)
    assert asked["i0~mirror"] == ("mirror/one.png", "egocentric(cat, dog, relation=right)", None)
    assert asked["i0~contrary"] == ("as-it-is/one.png", "egocentric(cat, dog, relation=right)", None)
    assert asked["i0~exchanged"] == ("as-it-is/one.png", "egocentric(dog, cat, relation=right)", None)
    assert asked["i11~mirror"] == ("mirror/one.png", None, "a cat and a dog")
    assert "i11~contrary" not in asked
    assert made.not_asked["contrary"] == {"it has no predicate whose words are known": 2}
    assert made.not_asked["undone"] == {"it is no edit": 12}
    assert len(varied(study, limit=5, seed=1).origin) < len(made.origin)
    assert {o for o, _ in varied(study, limit=5, seed=1).origin.values()} <= {f"i{i}" for i in range(12)}


def test_a_judge_that_always_says_left(study: Study) -> None:
    judge = Answering(lambda r: "left" in predicate(r) if "closer" not in predicate(r) else None)
    found = certify(study, judge, "leftist", group="sub_domain")
    mirror, contrary, exchanged, _ = found.document.result.ways
    # of i0 … i9 seven ask left or right; i10 and i11 have no predicate and get no "left"
    assert (mirror.asked, mirror.answered) == (12, 9)
    assert mirror.contradictions.value == pytest.approx(7 / 9)
    assert (contrary.yes_to_both, contrary.answered) == (0, 7)
    assert exchanged.contradictions.value == 1
    assert set(found.document.result.groups) == {"left", "right", "closer"}
    # right: no, then yes to mirror, contrary and exchanged, two of four wrong; i10 has two answers, none wrong
    groups = {name: bound.value for name, bound in found.document.result.groups.items()}
    assert groups["right"] == pytest.approx(3 * 2 / (3 * 4 + 2))
    assert groups["left"] == pytest.approx(1 / 4)
    assert {c.way for c in found.document.contradictions} == {"mirror", "exchanged"}
    first = found.document.contradictions[0]
    assert (first.item_id, first.asked, first.passed) == ("i0", "egocentric(cat, dog, relation=left)", True)
    assert "contradicts itself" in found.sentences[0]


def test_nothing_is_asked_twice_and_a_new_fingerprint_asks_anew(study: Study) -> None:
    judge = Answering(lambda _: True)
    certify(study, judge, "yes", ["mirror"])
    assert judge.asked == 24
    certify(study, judge, "yes", ["mirror", "contrary"])
    assert judge.asked == 24 + 10
    other = Answering(lambda _: True, "version 2")
    certify(study, other, "yes", ["mirror"])
    assert other.asked == 24


def test_a_run_that_is_broken_off_goes_on(study: Study) -> None:
    made = varied(study).study
    run(made, Answering(lambda _: True), "yes", RunOptions(limit=7))
    judge = Answering(lambda _: True)
    found = certify(study, judge, "yes")
    assert judge.asked == len(varied(study).items) - 7
    assert found.run is not None
    assert found.run.already_done == 7


def test_certificates_are_kept_and_a_changed_judge_has_none(study: Study) -> None:
    certificate = certify(study, Answering(lambda _: True), "yes/1", ["mirror"])
    keep(certificate, study)
    assert [c.to_dict() for c in kept(study)] == [certificate.to_dict()]
    run(study, Answering(lambda _: True), "yes/1")
    assert len(kept(study)) == 1
    run(study, Answering(lambda _: True, "version 2"), "yes/1")
    assert kept(study) == []
    (study.root / "certify" / "broken.json").write_text("{}")
    with pytest.raises(InputError, match=r"broken\.json.*genspace certify"):
        kept(study)


def test_unknown_ways_and_studies_without_anything_to_ask(study: Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'mirror'"):
        certify(study, Answering(lambda _: True), "yes", ["miror"])
    with pytest.raises(InputError, match="no item can be asked again: undone: it is no edit"):
        certify(study, Answering(lambda _: True), "yes", ["undone"])


def test_pictures_that_differ_by_their_ending_alone_are_refused(study: Study) -> None:
    items = [replace(i, image=f"one.{'png' if n else 'jpg'}") for n, i in enumerate(study.iter_items())]
    frame = pd.DataFrame([{"item_id": i.item_id, "image": i.image, "predicate": i.predicate} for i in items])
    other = study.with_items(frame, study.files)
    with pytest.raises(InputError, match="differ by their ending alone"):
        varied(other)


@pytest.mark.parametrize("boxes", ["stored", "measured"])
def test_known_truth_on_the_quickstart(tmp_path: Path, boxes: str) -> None:
    folder = tmp_path / "study"
    shutil.copytree(QUICKSTART, folder)
    opened = open_study(folder)
    judge = make_judge(JudgeSpec(name="truth", kind="scene", options={"boxes": boxes}), study_context(opened))
    found = certify(opened, judge, "truth", ["mirror", "contrary", "exchanged", "undone", "cut"])
    assert found.run is not None
    assert found.run.status["failed"] == 0
    assert found.document.contradictions == ()
    assert found.document.result.least_error.value == 0
    assert found.document.result.ways[0].answered > 75
    assert "no evidence that it is right" in found.sentences[0]


def test_an_edit_read_backwards_keeps_what_is_known_of_its_camera(tmp_path: Path) -> None:
    """The pair file alone tells the scale between pictures without depth: the cat moves a metre, there and back."""
    images = tmp_path / "images"
    images.mkdir()
    for name, x in (("a-before", 0.0), ("a", -1.0)):
        cat = {
            "id": "cat",
            "centre": [x, 0.2, 3.0],
            "extent": [1, 1, 1],
            "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
            "box": [10, 10, 60, 60],
        }
        document = {
            "format": "genspace-scene/1",
            "width": 200,
            "height": 200,
            "camera": {"fov_deg": 60, "pitch_deg": 0, "roll_deg": 0},
            "objects": [cat],
        }
        (images / f"{name}.scene.json").write_text(json.dumps(document))
    pair = {"format": "genspace-pair/1", "before": "a-before.scene.json", "after": "a.scene.json"}
    known = {"camera": "static", "depth_scale": 1.0}
    (images / "a.pair.json").write_text(json.dumps(pair | known))
    rows = [
        {
            "item_id": "a", "image": "a.png", "image_before": "a-before.png",
            "predicate": "move_object(cat, direction=left, value_m=1)",
        }
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "items.csv", index=False)
    study = open_study(tmp_path)
    judge = make_judge(JudgeSpec(name="truth", kind="scene"), study_context(study))
    found = certify(study, judge, "truth", ["undone"])
    (row,) = found.document.result.ways
    assert (row.answered, row.yes_to_both) == (1, 1)


def test_boxes_in_two_dimensions_are_mirrored(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(QUICKSTART, folder)
    opened = open_study(folder)
    found = certify(opened, make_judge(JudgeSpec(name="b", kind="box2d"), JudgeContext(study=opened)), "b")
    mirror = found.document.result.ways[0]
    assert mirror.answered >= 3
    assert mirror.contradictions.value == 0


def test_the_command_the_files_and_the_report(tmp_path: Path, genspace: Callable[..., object]) -> None:
    folder = tmp_path / "study"
    shutil.copytree(QUICKSTART, folder)
    options = [str(folder), "--judge", "noisy-perception"]
    told = genspace("certify", *options, "--dry-run")
    assert told.code == 0, told.out + told.err
    assert "279 items to judge" in (told.out + told.err)
    told = genspace("certify", *options, "--out", str(tmp_path / "out"))
    assert told.code == 0, told.out + told.err
    assert "Whatever the truth is, at least" in (told.out + told.err)
    names = {
        "certificate.tex",
        "certificate.json",
        "certificate.csv",
        "certificate.md",
        "certificate.html",
        "contradictions.csv",
    }
    assert {p.name for p in (tmp_path / "out").iterdir()} == names
    document = json.loads((tmp_path / "out" / "certificate.json").read_text())
    again = Certificate.from_dict(document)
    assert again.to_dict() == document
    table = pd.read_csv(tmp_path / "out" / "contradictions.csv")
    assert len(table) == len(document["contradictions"]) > 0
    mirror = table[table["way"] == "mirror"]
    share = document["result"]["ways"][0]["contradictions"]["value"]
    assert len(mirror) == round(share * document["result"]["ways"][0]["answered"])
    as_json = json.loads(genspace("certify", *options, "--json").out)
    assert as_json[0]["result"] == document["result"]

    genspace("judge", str(folder), "--judge", "noisy-perception", "--judge", "depth-and-masks")
    compared = genspace("compare", str(folder), "--out", str(tmp_path / "report"), "--draws", "50")
    assert compared.code == 0, compared.out + compared.err
    bound = document["result"]["least_error"]["value"]
    assert f"by contradictions alone: noisy-perception {bound:.1%}" in " ".join(
        (compared.out + compared.err).split()
    )
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "How often each judge contradicts itself" in page
    assert f"{bound:.1%}" in page


def test_mistakes_of_the_command(study: Study, genspace: Callable[..., object]) -> None:
    told = genspace("certify", str(study.root), "--judge", "scene", "--way", "sideways")
    assert told.code == 2
    assert "sideways" in (told.out + told.err)
    told = genspace("certify", str(study.root), "--judge", "scene", "--by", "sub_domian")
    assert told.code == 2
    assert "no column 'sub_domian' (did you mean 'sub_domain'?)" in told.err.replace("\n", " ")


def test_a_judge_that_gives_scores_alone_says_yes_from_a_half(study: Study) -> None:
    class Scores:
        fingerprint = "scores alone"

        def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
            for request in requests:
                mirrored = (request.item.image or "").startswith("mirror/")
                yield Verdict.decided(request, score=0.49 if mirrored else 0.5)

    found = certify(study, Scores(), "scores", ["mirror"])
    mirror = found.document.result.ways[0]
    assert (mirror.answered, mirror.contradictions.value, mirror.yes_to_both, mirror.no_to_both) == (
        12,
        1.0,
        0,
        0,
    )
    assert {(c.first, c.second, c.passed) for c in found.document.contradictions} == {(0.5, 0.49, True)}


def test_a_certificate_that_cannot_be_written_says_why(study: Study) -> None:
    found = certify(study, Answering(lambda _: True), "yes", ["mirror"])
    (study.root / "certify" / "yes.json").mkdir()
    with pytest.raises(InputError, match=r"yes\.json: cannot be written \(Is a directory\)"):
        keep(found, study)


def test_several_judges_are_asked_the_same_versions(study: Study) -> None:
    made = varied(study, ["mirror"])
    found = [
        certify(study, Answering(lambda _: True, name), name, ["mirror"], made=made) for name in ("a", "b")
    ]
    assert [f.document.result.answered for f in found] == [12, 12]


class Ordered:
    """A judge that is asked for one of several in both orders, and takes the first with some liking."""

    fingerprint = "planted, in both orders"

    def __init__(self, liking: float, *, pairwise: bool = False) -> None:
        self.liking, self.pairwise = liking, pairwise

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        for n, request in enumerate(requests):
            sees = 0.7 if n % 2 else 0.3
            first, last = (min(1.0, max(0.0, sees + sign * self.liking)) for sign in (1, -1))
            details = {"orders_agree": (first >= 0.5) == (last >= 0.5)}
            yield Verdict.decided(request, score=(first + last) / 2, details=details)


@pytest.mark.parametrize("pairwise", [False, True])
def test_who_takes_the_first_option_contradicts_itself_in_the_other_order(
    study: Study, pairwise: bool
) -> None:
    """Of an item, and of two pictures of one prompt; a liking that never decides is no contradiction."""
    for liking, share in ((0.1, 0.0), (0.4, 1.0)):
        judge = Ordered(liking, pairwise=pairwise)
        judge.fingerprint += str(liking)
        found = certify(study, judge, "ordered", ["order"]).document
        (row,) = found.result.ways
        assert (row.way, row.asked, row.contradictions.value) == ("order", 6 if pairwise else 12, share)
        assert found.result.least_error.value == share / 2, "one of two answers is wrong"
        assert len(found.contradictions) == share * row.asked


def test_who_is_asked_in_one_order_has_no_row_of_it(study: Study) -> None:
    judge = Answering(lambda _: True)
    assert "order" not in {row.way for row in certify(study, judge, "yes").document.result.ways}
    with pytest.raises(InputError, match="yes: it is asked in one order alone"):
        certify(study, judge, "yes", ["order"])
