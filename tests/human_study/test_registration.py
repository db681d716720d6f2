"""With the first answer everything a rater sees or the rules use is fixed by content; a change is on record, and apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_studies import Desk, open_desk, picture, write_study

from genspace.errors import InputError
from genspace.human_study.design import load_design
from genspace.human_study.material import load_material
from genspace.human_study.reading import answers, read_recorded
from genspace.human_study.store import AnswerStore
from genspace.human_study.store.registration import register
from genspace.human_study.visit.assignment import Assignment
from genspace.human_study.web.app import open_site

DESIGN = """\
raters_per_item = 2
languages = ["en"]
texts = { en = "texts.en.toml" }
[gold]
file = "gold.csv"
every = 2
[repeats]
every = 0
[exclusion]
min_gold = 2
[consent]
form = "consent.md"
[surveys]
before = "before.toml"
"""


def write_whole_study(root: Path) -> Path:
    """A study with everything that is registered."""
    write_study(root, 8, design=DESIGN)
    (root / "gold.csv").write_text(
        "item_id,value,use,explanation\ni0,yes,gold,\ni1,yes,gold,\ni2,yes,training,Look\n"
    )
    (root / "consent.md").write_text("# About\n\n- [ ] I take part\n")
    (root / "texts.en.toml").write_text('[work]\nback = "One back"\n')
    (root / "before.toml").write_text(
        '[[questions]]\nname = "age"\nkind = "number"\ntext = "How old?"\nhigh = 99\n'
    )
    return root


def answered(root: Path) -> Desk:
    """The study after a first answer."""
    desk = desk_of(root)
    rater = desk.join()
    while isinstance(given := desk.claim(rater), Assignment):
        desk.answer(rater, given, 1.0)
    return desk


def desk_of(root: Path, **prepare: Any) -> Desk:
    from small_studies import Clock

    material = load_material(root)
    store = AnswerStore(root, material.design, Clock())
    store.prepare(material, **prepare)
    return Desk(store, material, Clock())


def reword(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


CHANGES = {
    "prompts: i3": reword("items.csv", "i3,i3.png,A cow on the left", "i3,i3.png,A calf on the left"),
    "images: i3.png": lambda root: (root / "images" / "i3.png").write_bytes(picture("#000000", "#3b6fb5")),
    "known answers: i0": reword("gold.csv", "i0,yes", "i0,no"),
    "known answers: i2": reword("gold.csv", "Look", "Look twice"),
    "questions: i4 (en)": reword("items.csv", 'p4,gen0,"allocentric(cow, chair, relation=left)"',
                                 'p4,gen0,"allocentric(cow, chair, relation=right)"'),
    "drawings: i4 (en)": reword("items.csv", 'p4,gen0,"allocentric(cow, chair, relation=left)"',
                                'p4,gen0,"allocentric(cow, chair, relation=front)"'),
    "texts: en.work.back": reword("texts.en.toml", "One back", "Go back"),
    "consent: en": reword("consent.md", "About", "About this study"),
    "surveys: before": reword("before.toml", "How old?", "How old are you?"),
    "units: i9": lambda root: (
        (root / "images" / "i9.png").write_bytes(picture("#111111", "#222222")),
        (root / "items.csv").write_text((root / "items.csv").read_text() + "i9,i9.png,A hen,p9,gen0,\n"),
    ),
    "design: exclusion.min_gold": reword("annotate.toml", "min_gold = 2", "min_gold = 3"),
    "design: gold.every": reword("annotate.toml", "every = 2", "every = 4"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_content_is_named_and_needs_a_reason(tmp_path: Path, what: str) -> None:
    root = write_whole_study(tmp_path / "s")
    original = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}

    def undo() -> None:
        for path, content in original.items():
            path.write_bytes(content)

    CHANGES[what](root)
    desk_of(root).store.close()  # before the first answer everything may change
    undo()
    answered(root).store.close()
    CHANGES[what](root)
    with pytest.raises(InputError) as caught:
        desk_of(root)
    assert what in str(caught.value)
    assert "--amend" in str(caught.value)
    undo()
    desk_of(root).store.close()


def test_flipped_known_answers_change_nobody_s_past_without_a_word(
    tmp_path: Path, genspace: Callable[..., Any]
) -> None:
    root = write_whole_study(tmp_path / "s")
    desk = answered(root)
    (careful,) = [r.rater_id for r in read_recorded(root).raters()]
    assert read_recorded(root).raters()[0].gold_accuracy == 1.0
    desk.store.close()
    reword("gold.csv", "yes,gold", "no,gold")(root)
    with pytest.raises(InputError, match="known answers: i0, i1"):
        desk_of(root)
    amended = desk_of(root, amend="the table was for another study")
    # The answers before keep the known answers that they were given under; new ones meet the new ones.
    assert read_recorded(root).raters()[0].gold_accuracy == 1.0
    newcomer = amended.join()
    amended.submissions, amended.clock.now = 100, 2_000_000.0
    while isinstance(given := amended.claim(newcomer), Assignment):
        amended.answer(newcomer, given, 1.0)
    accuracy = {r.rater_id: r.gold_accuracy for r in read_recorded(root).raters()}
    assert accuracy == {careful: 1.0, newcomer: 0.0}
    first, second = read_recorded(root).registrations
    frame = answers(root)
    assert set(frame.loc[frame["rater_id"] == careful, "registration"]) == {first}
    assert set(frame.loc[frame["rater_id"] == newcomer, "registration"]) == {second}
    assert "under 2 registrations" in genspace("check", root).err
    amended.store.close()


def test_a_mistake_in_the_known_answers_is_put_right_from_the_start(tmp_path: Path) -> None:
    root = write_whole_study(tmp_path / "s")
    reword("gold.csv", "i0,yes", "i0,no")(root)
    answered(root).store.close()
    assert read_recorded(root).raters()[0].gold_accuracy == 0.5
    reword("gold.csv", "i0,no", "i0,yes")(root)
    desk_of(root, amend="i0 was keyed wrongly", from_the_start=True).store.close()
    assert read_recorded(root).raters()[0].gold_accuracy == 1.0


def test_amendments_stand_in_status_and_log(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    root = write_whole_study(tmp_path / "s")
    answered(root).store.close()
    before = json.loads(genspace("annotate", "status", root, "--json").out)["registration"]
    assert (before["by"], before["amendments"], len(before["digest"])) == ("content", [], 16)
    reword("annotate.toml", "min_gold = 2", "min_gold = 1")(root)
    told = genspace("annotate", "import", root, root / "none.csv")
    assert (told.code, "design: exclusion.min_gold" in told.err) == (2, True)
    desk = desk_of(root, amend="one known answer is enough")
    desk.store.close()
    after = json.loads(genspace("annotate", "status", root, "--json").out)
    (amendment,) = after["registration"]["amendments"]
    assert amendment["reason"] == "one known answer is enough"
    assert (amendment["before"], amendment["after"]) == (before["digest"], after["registration"]["digest"])
    assert amendment["answers_before"] == 8  # practice, two gold, five main
    assert amendment["changed"] == "design: exclusion.min_gold"
    assert [e["what"] for e in after["log"]].count("amended") == 1
    assert "amended: one known answer is enough" in genspace("annotate", "status", root).out


def test_the_digest_is_the_content_s_alone(tmp_path: Path) -> None:
    """Two copies of a study in two places register alike, so that answers can go from one to the other."""
    first, second = (write_whole_study(tmp_path / name) for name in ("a", "b"))
    assert register(load_material(first)).digest == register(load_material(second)).digest
    reword("consent.md", "About", "about")(second)
    assert register(load_material(first)).digest != register(load_material(second)).digest
    title = load_design(first).model_copy(update={"title": "Another title", "lease_minutes": 5.0})
    assert register(load_material(first, title)).digest == register(load_material(first)).digest


def test_a_changed_consent_form_is_put_before_the_rater_again(tmp_path: Path) -> None:
    from starlette.testclient import TestClient

    from genspace.human_study.web._security import form_token
    from genspace.human_study.web.app import create_app, open_site

    root = write_whole_study(tmp_path / "s")
    jar = {}
    with open_site(root) as site:
        visitor = TestClient(create_app(site))
        visitor.get(f"/r/{site.store.secret('join_token')}")
        token = form_token(site.store.secret("csrf_key"), visitor.cookies[site.cookie("rater")])
        visitor.post("/welcome", data={"csrf": token, "agreed": "0"})
        visitor.post("/survey", data={"csrf": token, "moment": "before", "q-age": "30"})
        shown = visitor.get("/api/next").json()
        body = {"submission": "0123456789", "revision": 0, "choices": {"": "yes"}, "seconds": 2.0}
        path = f"/api/assignments/{shown['id']}/answer"
        assert visitor.post(path, json=body, headers={"x-csrf-token": token}).status_code == 200
        jar = dict(visitor.cookies)
    reword("consent.md", "About", "What we do with your answers")(root)
    with open_site(root, amend="the board asked for clearer words") as site:
        visitor = TestClient(create_app(site), cookies=jar)
        assert visitor.get("/api/next").status_code == 403
        page = visitor.get("/work")
        assert page.url.path == "/welcome"
        assert "This form has changed" in page.text
        visitor.post("/welcome", data={"csrf": token, "agreed": "0"})
        assert visitor.get("/work").url.path == "/work"


def test_a_study_whose_pictures_cannot_be_read_is_not_served(tmp_path: Path) -> None:
    root = write_whole_study(tmp_path / "s")
    (root / "images" / "i3.png").unlink()
    assert register(load_material(root)).unreadable_pictures == ["i3.png"]
    with (
        pytest.raises(InputError, match=r"^a picture cannot be read: there is no file 'i3\.png'"),
        open_site(root),
    ):
        pass
    (root / "images" / "i2.png").unlink()
    (root / "images" / "i2.png").symlink_to("/etc/hostname")
    with (
        pytest.raises(InputError, match=r"^2 pictures .* 'i2\.png' is a link that leaves the study"),
        open_site(root),
    ):
        pass


def test_open_desk_registers_what_it_is_given(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 2))
    assert desk.store.registered_design()["kinds"] == {"": "binary"}
    desk.store.close()
