"""One's own consent form and surveys: read, checked, put before raters, stored, deleted, described."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_studies import Clock, open_desk, write_study
from visits import Visitor, prolific

from genspace.errors import InvalidFilesError
from genspace.human_study.design import parse_design
from genspace.human_study.exchange.exporting import export_text
from genspace.human_study.material.consent import consent_forms
from genspace.human_study.material.surveys import load_surveys
from genspace.human_study.store.housekeeping import forget, purge
from genspace.human_study.texts import load_texts
from genspace.human_study.web.app import open_site

TEXTS = load_texts(("en", "de"), {}, Path())


def form(root: Path, source: str) -> Any:
    root.mkdir(exist_ok=True)
    (root / "c.md").write_text(source)
    return consent_forms(root, parse_design({"consent": {"form": "c.md"}}), {"en": TEXTS["en"]})["en"]


def test_ticks_are_the_lists_of_the_form_and_markdown_is_safe(tmp_path: Path) -> None:
    found = form(
        tmp_path / "s",
        "# Title\n\n<b>raw</b> [x](javascript:alert(1)) ![p](x.png) [ok](https://example.org)\n\n"
        "- [ ] **First** <i>\n* [] second\n- [x] no tick, it is ticked\n",
    )
    assert found.ticks == ("<strong>First</strong> &lt;i&gt;", "second")
    assert "<h1>Title</h1>" in found.body
    for unsafe in ("<b>", 'href="javascript', "<img"):
        assert unsafe not in found.body
    assert '<a href="https://example.org">' in found.body


@pytest.mark.parametrize(
    ("consent", "words"),
    [
        ({"form": "none.md"}, "no such file"), ({"form": "../c.md"}, "outside the study"),
        ({"form": "empty.md"}, "nothing to tick"), ({"form": "latin.md"}, "UTF-8"),
        ({"form": {"en": "ok.md"}}, "no form for de"),
    ],
)  # fmt: skip
def test_forms_that_cannot_be_shown_are_refused(tmp_path: Path, consent: dict[str, Any], words: str) -> None:
    root = tmp_path / "s"
    root.mkdir()
    (root / "empty.md").write_text("Just words.\n")
    (root / "ok.md").write_text("- [ ] I agree\n")
    (root / "latin.md").write_bytes("- [ ] Ich stimme für alles\n".encode("latin-1"))
    with pytest.raises(InvalidFilesError, match=words):
        consent_forms(root, parse_design({"consent": consent}), TEXTS)


def survey(root: Path, text: str) -> Any:
    root.mkdir(exist_ok=True)
    (root / "b.toml").write_text(text)
    return load_surveys(root, parse_design({"surveys": {"before": "b.toml"}}))["before"]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ('kind = "choice"', "options"), ('kind = "text"\noptions = ["a"]', "options"), ('kind = "number"\nlow = 3\nhigh = 3', "low"),
        ('kind = "scale"\nlow = 0.5', "whole number"), ('kind = "scale"\nhigh = 90', "eleven"), ('kind = "dance"', "kind"),
        ('kind = "text"\nseveral = true', "several"), ('kind = "text"\nlength = 3', "no such setting"),
    ],
)  # fmt: skip
def test_surveys_with_mistakes_are_refused_naming_them(tmp_path: Path, question: str, words: str) -> None:
    with pytest.raises(InvalidFilesError, match=words):
        survey(tmp_path / "s", f'[[questions]]\nname = "q"\ntext = "Q"\n{question}\n')


def test_two_surveys_do_not_share_a_name(tmp_path: Path) -> None:
    question = '[[questions]]\nname = "q"\ntext = "Q"\nkind = "text"\n'
    root = tmp_path / "s"
    root.mkdir()
    for name in ("b.toml", "a.toml"):
        (root / name).write_text(question)
    with pytest.raises(InvalidFilesError, match="other survey"):
        load_surveys(root, parse_design({"surveys": {"before": "b.toml", "after": "a.toml"}}))


SURVEY = """\
[[questions]]
name = "age"
kind = "choice"
text = { en = "Age", de = "Alter" }
options = [{ en = "young", de = "jung" }, { en = "old", de = "alt" }]
[[questions]]
name = "words"
kind = "text"
text = "Words"
required = false
longest = 5
[[questions]]
name = "n"
kind = "number"
text = "Number"
low = 0
high = 9
"""


def test_answers_are_checked_and_stored_in_the_studys_first_language(tmp_path: Path) -> None:
    design = 'languages = ["en", "de"]\n[surveys]\nbefore = "b.toml"\n[repeats]\nevery = 0\n'
    root = write_study(tmp_path / "s", 1, design=design)
    (root / "b.toml").write_text(SURVEY)
    with open_site(root) as site:
        visitor = Visitor(site)
        visitor.client.headers["accept-language"] = "de"
        visitor.come().agree()
        assert "Alter" in visitor.text
        assert "jung" in visitor.text
        good = {"q-age": "1", "q-n": "4.5", "q-words": ""}
        for wrong in (
            {"q-age": "2"}, {"q-age": "x"}, {"q-age": ""}, {"q-age": ["0", "1"]}, {"q-n": "10"}, {"q-n": "x"}, {"q-n": "nan"},
            {"q-words": "too long"},
        ):  # fmt: skip
            visitor.post("/survey", moment="before", **(good | wrong))
            assert "Einige Antworten fehlen" in visitor.text, wrong
            assert visitor.client.get("/work").url.path == "/before", "nothing was stored"
        visitor.post("/survey", moment="before", **good)
        assert visitor.at == "/instructions"
        text = export_text(site.store, site.material, "survey.csv")
        assert text.splitlines()[0] == "rater_id,age,words,n"
        assert text.splitlines()[1].endswith(",old,,4.5")
        assert visitor.client.get("/before").url.path == "/work", "it is asked once"
        assert visitor.client.post("/survey", data={"moment": "before"}).status_code == 403, (
            "forms carry a token"
        )


def test_free_texts_go_with_purge_and_all_of_it_with_forget(tmp_path: Path) -> None:
    root = write_study(
        tmp_path / "s", 2, design='[surveys]\nbefore = "b.toml"\n[crowd]\nplatform = "prolific"\n'
    )
    (root / "b.toml").write_text(SURVEY)
    with open_site(root) as site:
        site.store.clock = clock = Clock()
        visitor = Visitor(site).come(**prolific(1)).agree()
        visitor.post("/survey", moment="before", **{"q-age": "0", "q-n": "1", "q-words": "telly"})
        clock.now += 100 * 86_400
        assert purge(site.store, days=90)["comments"] == 1
        assert export_text(site.store, site.material, "survey.csv").splitlines() == [
            "rater_id,age,words,n", f"{visitor.client and _only_rater(site)},young,,1",
        ]  # fmt: skip
        for path in root.glob("answers.sqlite*"):
            assert b"telly" not in path.read_bytes()
            assert prolific(1)["SESSION_ID"].encode() not in path.read_bytes()
        forget(site.store, _only_rater(site))
        assert export_text(site.store, site.material, "survey.csv") == "rater_id,age,words,n\n"


def _only_rater(site: Any) -> str:
    (rater,) = site.store.snapshot().raters
    return str(rater.rater_id)


def test_describe_is_the_paragraph_of_a_paper(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    design = (
        "raters_per_item = 2\nitems_per_rater = 4\n[repeats]\nevery = 0\n[training]\nexamples = true\n[crowd]\n"
        'platform = "prolific"\ncurrency = "GBP"\n[outcomes.complete]\ncode = "C"\npay = 1.0\n[consent]\n'
        'version = "3"\nethics = "Approved by the board of X (17/26)."\n[exclusion]\nmin_answers = 4\n'
    )
    root = write_study(tmp_path / "s", 4, design=design)
    with open_site(root) as site:
        site.store.clock = Clock(1_780_000_000.0)  # 28 May 2026
        for n in (1, 2):
            visitor = Visitor(site).come(**prolific(n)).agree()
            while (shown := visitor.look())["status"] == "assignment":
                site.store.clock.now += 6
                visitor.answer(shown, "yes" if shown["id"] % 3 else "no", seconds=6.0 if n == 1 else 0.5)
            visitor.client.get("/done")
        Visitor(site).come(**prolific(3)).decline()
    told = genspace("annotate", "describe", root)
    assert told.code == 0
    parts = json.loads(genspace("annotate", "describe", root, "--json").out)
    assert parts["participants"] == (
        "3 people came on 2026-05-28 (3 through Prolific): 2 completed the study, 1 found nothing left to do."
    )
    assert parts["consent"] == (
        "2 people agreed to the consent form, version 3, before they saw a picture. Approved by the board of X (17/26)."
    )
    # Two were paid 1 GBP each; the first looked for 60 s (10 pictures of 6 s), the second for 5 s, listed as 0.1 min.
    assert parts["payment"] == (
        "We paid 1.00 GBP to anyone who completed the study; 2.00 GBP in all. For those who completed the study this was "
        "330.00 GBP an hour of looking at pictures (median)."
    )
    assert parts["exclusions"].endswith(
        "1 of 2 raters broke a rule and were left out (answers under 1 s: 1)."
    )
    assert "registered as" in parts["exclusions"]
    assert "a practice round of 6 pictures with feedback" in parts["task"]
    assert parts["agreement"].startswith("Raters agreed with one another with Krippendorff's alpha (nominal)")
    assert "with all raters" in parts["agreement"]
    for name, text in parts.items():
        assert f"**{name.capitalize()}.** {text}" in told.out
    empty = write_study(tmp_path / "t", 2)
    assert genspace("annotate", "describe", empty).code == 0


def test_links_release_and_the_state_on_the_command_line(
    tmp_path: Path, genspace: Callable[..., Any]
) -> None:
    root = write_study(tmp_path / "s", 2, design='[crowd]\nplatform = "prolific"\n')
    open_desk(root, crowd={"platform": "prolific"}).store.close()
    told = genspace("annotate", "links", root, "--public-url", "https://x.org/lab/")
    assert "https://x.org/lab/r/" in told.out
    assert "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID=" in told.out
    assert genspace("annotate", "release", root, "nobody").code == 2
