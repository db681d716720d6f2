"""With the first answer everything a rater sees or the rules use is fixed by content; a change is on record, and apart."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_studies import Desk, nothing_left_to_chance, open_desk, picture, write_study

from genspace.errors import InputError
from genspace.human_study.design import Design, load_design
from genspace.human_study.material import load_material
from genspace.human_study.reading import answers, read_recorded
from genspace.human_study.store.answer_store import AnswerStore
from genspace.human_study.store.registration import Registration, changes, register
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


@pytest.fixture(scope="module")
def answered_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study after a first visit, to be copied."""
    root = write_whole_study(tmp_path_factory.mktemp("answered") / "s")
    with nothing_left_to_chance():
        answered(root).store.close()
    return root


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_content_is_named_and_needs_a_reason(
    tmp_path: Path, answered_once: Path, what: str
) -> None:
    fresh = write_whole_study(tmp_path / "fresh")
    desk_of(fresh).store.close()
    CHANGES[what](fresh)
    desk_of(fresh).store.close()  # before the first answer everything may change
    root = Path(shutil.copytree(answered_once, tmp_path / "s"))
    CHANGES[what](root)
    with pytest.raises(InputError) as caught:
        desk_of(root)
    assert what in str(caught.value)
    assert "--amend" in str(caught.value)
    for path in answered_once.rglob("*.*"):
        if path.is_file() and not path.name.startswith("answers.sqlite"):
            shutil.copyfile(path, root / path.relative_to(answered_once))
    desk_of(root).store.close()  # undone, nothing has changed


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
    assert "under 2 registrations" in " ".join(genspace("check", root).out.split())
    amended.store.close()


def update_of_genspace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an update may do: other words of questions, other drawings, other texts, a new text."""
    from genspace.human_study import texts
    from genspace.human_study.material import _questions
    from genspace.human_study.questions import PlainQuestion
    from genspace.human_study.store import registration

    shipped = {**texts._shipped("en"), "new": {"text": "Once more"}}
    shipped["work"] = {**shipped["work"], "comment": "Anything to say?", "back": "To the one before"}
    monkeypatch.setattr(texts, "_shipped", lambda code: shipped)
    monkeypatch.setattr(_questions, "plain_question", lambda *_, **__: PlainQuestion("Is it so?"))
    monkeypatch.setattr(registration, "concept_svg", lambda *_: "<svg>other</svg>")


def test_an_update_of_genspace_is_told_and_needs_no_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, genspace: Callable[..., Any]
) -> None:
    root = write_whole_study(tmp_path / "s")
    answered(root).store.close()
    before = read_recorded(root).registration
    update_of_genspace(monkeypatch)
    with open_site(root) as site:
        (told, *_) = site.remarks
        first, second = site.store.registrations()
        assert "changed by an update of genspace" in [what for _, what, _ in site.store.log()]
    assert told.startswith("An update of genspace changed what raters see: questions: ")
    assert "texts: en.work.comment, en.new.text" in told
    assert "drawings: " in told
    assert "en.work.back" not in told, "the study words it itself"
    assert (first.after, second.before, second.reason, second.answers_before) == (before, before, "", 8)
    status = json.loads(genspace("annotate", "status", root, "--json").out)["registration"]
    assert (status["digest"], status["amendments"]) == (second.after, [])
    assert [u["after"] for u in status["updates"]] == [second.after]
    assert "changed by an update of genspace: questions" in genspace("annotate", "status", root).out
    assert "an update of genspace changed after 8 pictures" in genspace("annotate", "describe", root).out
    desk = desk_of(root)  # once more, nothing is new
    assert len(desk.store.registrations()) == 2
    late = desk.join()
    desk.submissions, desk.clock.now = 100, 2_000_000.0
    while isinstance(given := desk.claim(late), Assignment):
        desk.answer(late, given, 1.0)
    desk.store.close()
    assert read_recorded(root).registrations == (first.after, second.after)


def test_a_setting_that_an_update_brings_is_no_change(
    tmp_path: Path, answered_once: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(shutil.copytree(answered_once, tmp_path / "s"))
    real = Design.registered
    monkeypatch.setattr(Design, "registered", lambda design: real(design) | {"colours": 3})
    desk_of(root).store.close()
    monkeypatch.setattr(
        Design, "registered", lambda design: real(design) | {"colours": 3, "raters_per_item": 9}
    )
    with pytest.raises(InputError, match=r"design: raters_per_item\."):
        desk_of(root)


@pytest.mark.parametrize("what", ["questions: i4 (en)", "texts: en.work.back", "design: gold.every"])
def test_a_change_of_the_study_s_own_beside_an_update_needs_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    root = write_whole_study(tmp_path / "s")
    answered(root).store.close()
    CHANGES[what](root)
    update_of_genspace(monkeypatch)
    with pytest.raises(InputError) as caught:
        desk_of(root)
    own, _, updated = str(caught.value).partition("by an update of genspace: ")
    assert what in own
    assert what not in updated
    assert "en.work.comment" in updated
    desk = desk_of(root, amend="asked for")
    assert [a.reason for a in desk.store.registrations()] == ["", "asked for"]
    desk.store.close()


def test_a_registration_without_what_pieces_are_made_from_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_whole_study(tmp_path / "s")
    now = register(load_material(root))
    update_of_genspace(monkeypatch)
    found = changes(Registration(now.design, now.sections), register(load_material(root)))
    assert found.by_study == ()
    assert "kept no record" in found.by_update[-1]


def test_drawings_and_questions_are_made_once_for_what_is_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashes kept for equal predicates are those of each item's own drawing and question, in each language."""
    from genspace.human_study import drawings
    from genspace.human_study.store import registration

    root = write_study(tmp_path / "s", 40, design='languages = ["en", "de"]')
    lines = (root / "items.csv").read_text().splitlines()
    calls = ["allocentric(cow, chair, relation=left)", "allocentric(dog, sofa, relation=left)",
             "egocentric(cow, chair, relation=left)", "object_distance(cow, chair, value_m=2)",
             "object_distance(dog, cow, value_m=3)"]  # fmt: skip
    rows = [line.rpartition(',"')[0] + f',"{calls[n % 5]}"' for n, line in enumerate(lines[1:])]
    (root / "items.csv").write_text("\n".join([lines[0], *rows]) + "\n")
    material = load_material(root)
    drawn = []
    real = registration.concept_svg
    monkeypatch.setattr(registration, "concept_svg", lambda *a: drawn.append(a) or real(*a))
    found = register(material).sections
    assert len(drawn) == 2 * 4
    for unit in material.units:
        for code, texts in material.texts.items():
            piece = f"{unit.key[0]} ({code})"
            svg = drawings.drawing_of_unit(material, unit.key, texts)
            assert found["drawings"][piece] == registration._hashed(svg)
            asked = [[a.name, a.text, a.note, a.answers.name] for a in material.questions(unit.key, code)]
            assert found["questions"][piece] == registration._hashed(asked)


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
        (before,) = site.store.snapshot().raters
    reword("consent.md", "About", "What we do with your answers")(root)
    with open_site(root, amend="the board asked for clearer words") as site:
        visitor = TestClient(create_app(site), cookies=jar)
        assert visitor.get("/api/next").status_code == 403
        page = visitor.get("/work")
        assert page.url.path == "/welcome"
        assert "This form has changed" in page.text
        visitor.post("/welcome", data={"csrf": token, "agreed": "0"})
        assert visitor.get("/work").url.path == "/work"
        (after,) = site.store.snapshot().raters
        assert after.consented_at == before.consented_at, "the time limit runs from the first consent"
        assert after.consent_digest == site.consent_digest != before.consent_digest


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
    assert [entry.before for entry in desk.store.registrations()] == [""]
    assert desk.store.snapshot().recorded.kinds == {"": "binary"}
    desk.store.close()
