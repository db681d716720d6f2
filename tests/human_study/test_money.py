"""Money follows the outcome: each way of ending a visit has its page, its code and its row, right to the person.

Longer than 400 lines: it has a case for every way of ending a visit.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from small_studies import Clock, write_study
from visits import Visitor, prolific

from genspace.human_study.exchange.exporting import export_text
from genspace.human_study.exchange.reconcile import reconcile
from genspace.human_study.reading import answers
from genspace.human_study.store.housekeeping import forget, reclaim
from genspace.human_study.visit.platforms import PLATFORMS
from genspace.human_study.web._site import Site
from genspace.human_study.web.app import open_site

DESIGN = """\
raters_per_item = 1
{more}
[gold]
file = "gold.csv"
every = 3
[repeats]
every = 0
[crowd]
platform = "prolific"
currency = "GBP"
[outcomes.complete]
code = "DONE1"
pay = 3.0
[outcomes.screened_out]
code = "SORRY"
pay = 0.2
[outcomes.nothing_left]
code = "EMPTY"
pay_per_picture = 0.05
[outcomes.returned]
[limits]
requests_per_minute = 100000
"""


@contextmanager
def opened(root: Path, more: str = "", tables: str = "", items: int = 6) -> Iterator[Site]:
    write_study(root, items + 3, design=DESIGN.format(more=more) + tables)
    (root / "gold.csv").write_text("item_id,value,use\ni0,1,gold\ni1,1,gold\ni2,1,training\n")
    with open_site(root) as site:
        yield site


def payments(site: Site) -> dict[str, dict[str, str]]:
    """The payment list by participant."""
    text = export_text(site.store, site.material, "payments.csv")
    return {row["external_id"]: row for row in csv.DictReader(io.StringIO(text))}


def pid(n: int) -> str:
    return prolific(n)["PROLIFIC_PID"]


def test_each_way_of_ending_a_visit_has_its_page_code_and_row(tmp_path: Path) -> None:
    with opened(tmp_path / "s", "items_per_rater = 4", items=4) as site:
        complete, refused, late, returned = (Visitor(site) for _ in range(4))
        complete.come(**prolific(1)).agree()
        assert complete.work() == 5  # a practice picture, then four
        assert "You have answered everything" in complete.text
        assert "DONE1" in complete.text
        assert "You get 3.00 GBP" in complete.text
        assert 'href="https://app.prolific.com/submissions/complete?cc=DONE1"' in complete.last.text

        refused.come(**prolific(2)).decline()
        assert refused.at == "/done"
        assert "Only your identifiers on the platform and that you declined" in refused.text
        assert "SORRY" in refused.text

        returned.come(**prolific(3)).agree()
        returned.work(2)
        returned.last = returned.client.get("/leave")
        assert "Do you want to stop?" in returned.text
        returned.post("/leave")
        assert "You have handed your work back" in returned.text
        assert "Please return your submission on the platform" in returned.text

        last = Visitor(site).come(**prolific(4)).agree()
        assert last.work() >= 2
        assert "Others have answered the rest" in last.text
        assert "EMPTY" in last.text

        late.come(**prolific(5))
        assert late.at == "/done", "who comes too late is told before consent"
        assert "There is nothing left to do" in late.text
        assert "You get" not in late.text

        paid = payments(site)
        assert {p: (row["outcome"], row["completion_code"], row["pay"]) for p, row in paid.items()} == {
            pid(1): ("complete", "DONE1", "3.00"),
            pid(2): ("consent_refused", "SORRY", "0.20"),
            pid(3): ("returned", "", ""),
            pid(4): ("nothing_left", "EMPTY", f"{0.05 * int(paid[pid(4)]['pictures']):.2f}"),
            pid(5): ("nothing_left", "EMPTY", "0.00"),
        }
        assert [paid[pid(n)]["currency"] for n in (1, 3)] == ["GBP", ""]
        assert paid[pid(1)]["sessions"] == prolific(1)["SESSION_ID"]
        assert sum(int(row["pictures"]) for row in paid.values()) == 4


def test_one_gold_picture_does_not_earn_the_full_code(tmp_path: Path) -> None:
    with opened(tmp_path / "s", items=1) as site:
        Visitor(site).come(**prolific(1)).agree()  # is at work, so that the second comes in
        second = Visitor(site).come(**prolific(2)).agree()
        first = Visitor(site)
        second.work()
        assert payments(site)[pid(2)]["outcome"] == "complete"
        first.come(**prolific(3))
        assert payments(site)[pid(3)]["outcome"] == "nothing_left"
    with opened(tmp_path / "t", items=2) as site:
        one, two = (Visitor(site).come(**prolific(n)).agree() for n in (1, 2))
        for visitor in (one, two):
            while (shown := visitor.look())["practice"]:
                visitor.answer(shown)
        # Both hold a picture; the first then takes the other item as well.
        one.work()
        two.work()
        rows = payments(site)
        assert {rows[pid(n)]["outcome"] for n in (1, 2)} <= {"nothing_left", "complete"}
        for n in (1, 2):
            full = rows[pid(n)]["completion_code"] == "DONE1"
            assert full == (rows[pid(n)]["pictures"] == "2"), "the full code is for all of it"


def test_what_is_promised_to_raters_at_work_is_not_promised_again(tmp_path: Path) -> None:
    """Six pictures, three a rater: the third comes too late, though three pictures have nobody yet."""
    design = "raters_per_item = 1\nitems_per_rater = 3\n[repeats]\nevery = 0\n"
    with open_site(write_study(tmp_path / "s", 6, design=design)) as site:
        first = Visitor(site).come().agree()
        first.work(2)
        first.look()  # has all three in hand, so that only three are left
        assert Visitor(site).come().agree().at == "/instructions"
        assert "There is nothing left to do" in Visitor(site).come().text


def test_a_picture_that_came_twice_is_paid_once(tmp_path: Path) -> None:
    design = (
        "raters_per_item = 1\n[repeats]\nevery = 2\ngap = 1\n[outcomes.complete]\npay_per_picture = 0.1\n"
    )
    with open_site(write_study(tmp_path / "s", 8, design=design)) as site:
        visitor = Visitor(site).come().agree()
        assert visitor.work() > 8
        assert "You get 0.80" in visitor.text
        (row,) = csv.DictReader(io.StringIO(export_text(site.store, site.material, "payments.csv")))
        assert (row["pictures"], row["pay"], row["outcome"]) == ("8", "0.80", "complete")


def test_complete_from_says_from_when_a_visit_counts(tmp_path: Path) -> None:
    with opened(tmp_path / "s", "complete_from = 3", items=3) as site:
        visitor = Visitor(site).come(**prolific(1)).agree()
        visitor.work()
        assert "DONE1" in visitor.text


def test_training_failed_checks_failed_and_time_out(tmp_path: Path) -> None:
    tables = "[training]\npass_mark = 1.0\nattempts = 2\n[checks]\nwarn_after = 1\nstop_after = 2\n"
    with opened(tmp_path / "s", "time_limit_minutes = 30", tables, items=12) as site:
        site.store.clock = clock = Clock()
        failing = Visitor(site).come(**prolific(1)).agree()
        shown = failing.look()
        reply = failing.answer(shown, "no")
        assert reply["feedback"]["right"] is False
        assert reply["next"]["again"] == "In the last round 0 of 1 answers were right. Here is another round."
        failing.answer(reply["next"], "no")
        failing.last = failing.client.get("/done")
        assert "The practice pictures were hard to tell" in failing.text
        assert "SORRY" in failing.text

        careless = Visitor(site).come(**prolific(2)).agree()
        warnings = 0
        while (shown := careless.look())["status"] == "assignment":
            reply = careless.answer(shown, "yes" if shown["practice"] else "no")
            warnings += bool(reply.get("warning"))
        careless.last = careless.client.get("/done")
        assert warnings == 1, "a warning comes before the stop"
        assert "Several of your answers were not right" in careless.text

        slow = Visitor(site).come(**prolific(3)).agree()
        slow.work(3)
        clock.now += 31 * 60
        slow.last = slow.client.get("/work")
        assert slow.look()["status"] == "finished"
        slow.last = slow.client.get("/done")
        assert "The time for this study is over" in slow.text
        outcomes = {p: r["outcome"] for p, r in payments(site).items()}
        assert outcomes == {pid(1): "training_failed", pid(2): "checks_failed", pid(3): "timed_out"}


@pytest.mark.parametrize("missing", ["PROLIFIC_PID", "STUDY_ID", "SESSION_ID"])
def test_identifiers_of_the_platform_are_required_and_checked(tmp_path: Path, missing: str) -> None:
    with opened(tmp_path / "s") as site:
        for query in (
            {k: v for k, v in prolific(1).items() if k != missing},
            prolific(1) | {missing: "me"},
            prolific(1) | {missing: "{{%" + missing + "%}}"},
            prolific(1) | {missing: "G" * 24},
            {},
        ):
            visitor = Visitor(site).come(**query)
            assert visitor.last.status_code == 403
            assert "This link is incomplete" in visitor.text
        assert payments(site) == {}


def test_who_knows_a_participants_identifier_reaches_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "s") as site:
        owner = Visitor(site).come(**prolific(1)).agree()
        owner.work(2)
        thief = Visitor(site).come(**prolific(1))
        assert thief.last.status_code == 409
        assert "You have begun in another browser" in thief.text
        assert not thief.client.cookies
        owner.come(**prolific(1, visit=1))
        assert owner.at == "/work", "the first browser goes on, also from another session of the platform"
        site.store.release(pid(1))
        elsewhere = Visitor(site).come(**prolific(1))
        assert elsewhere.at == "/work", (
            "released by the researcher, the participant may go on in another browser"
        )
        assert payments(site)[pid(1)]["sessions"].split() == [prolific(1, v)["SESSION_ID"] for v in (0, 1)]
        elsewhere.come(**prolific(2))
        assert elsewhere.at == "/welcome", "another participant in that browser is another person"


def test_a_platform_of_another_name_sends_one_identifier(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 3, design='[crowd]\nparameter = "worker"\ncompletion_code = "OLD"\n')
    with open_site(root) as site:
        assert Visitor(site).come().last.status_code == 403, "leaving it out is no way in"
        assert Visitor(site).come(worker="../x").last.status_code == 403
        visitor = Visitor(site).come(worker="me").agree()
        visitor.work()
        assert "OLD" in visitor.text


def test_mechanical_turk_and_personal_codes(tmp_path: Path) -> None:
    design = (
        'raters_per_item = 2\n[crowd]\nplatform = "mturk"\n[outcomes.complete]\ncode = "T-{personal}"\npay = 1\n'
        "[repeats]\nevery = 0\n"
    )
    root = write_study(tmp_path / "s", 3, design=design)
    ids = {"workerId": "A1B2C3D4E5F6G7", "hitId": "3" * 30, "assignmentId": "9" * 30}
    with open_site(root) as site:
        preview = ids | {"assignmentId": "ASSIGNMENT_ID_NOT_AVAILABLE"}
        assert Visitor(site).come(**preview).last.status_code == 403, "a preview is no visit"
        codes = set()
        for n in range(2):
            visitor = Visitor(site).come(**ids | {"workerId": f"A1B2C3D4E5F6G{n}"}).agree()
            visitor.work()
            (code,) = [w for w in visitor.text.split() if w.startswith("T-")]
            assert payments(site)[f"A1B2C3D4E5F6G{n}"]["completion_code"] == code
            codes.add(code)
        assert len(codes) == 2, "nobody can pass their code on"
        rows = [
            f"h,{p},a{n},Submitted,{r['completion_code']}" for n, (p, r) in enumerate(payments(site).items())
        ]
        rows[1] = rows[1][:-1] + ("Y" if rows[1].endswith("X") else "X")
        (tmp_path / "batch.csv").write_text(
            "HITId,WorkerId,AssignmentId,AssignmentStatus,Answer.surveycode\n" + "\n".join(rows)
        )
        found = reconcile(site.store, site.material, tmp_path / "batch.csv", platform="mturk")
        assert (found.matched, found.wrong_code) == (tuple(payments(site)), ("A1B2C3D4E5F6G1",))


def test_a_plain_link_stores_nothing_of_who_declines_or_comes_too_late(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 1, design="raters_per_item = 1\n")
    with open_site(root) as site:
        declined = Visitor(site).come().decline()
        assert "Nothing about you has been stored" in declined.text
        Visitor(site).come().agree().work()
        late = Visitor(site).come()
        assert "Enough people have taken part already" in late.text
        assert not late.client.cookies
        assert len(payments(site)) == 1


def test_invited_raters_stand_in_the_list_and_may_come_back(tmp_path: Path) -> None:
    root = write_study(
        tmp_path / "s", 2, design="raters_per_item = 1\nlease_minutes = 1\n[repeats]\nevery = 0\n"
    )
    with open_site(root) as site:
        site.store.clock = clock = Clock()
        ((rater_id, secret), _) = site.store.invite(2)
        other = Visitor(site).come().agree()
        other.look()
        visitor = Visitor(site)
        visitor.last = visitor.client.get(f"/i/{secret}")
        visitor.agree().work()
        assert "Others have answered the rest" in visitor.text
        clock.now += 61
        assert visitor.look()["status"] == "assignment", (
            "what came back is there for who came by a personal link"
        )
        visitor.work()
        text = export_text(site.store, site.material, "payments.csv")
        row = next(r for r in csv.DictReader(io.StringIO(text)) if r["rater_id"] == rater_id)
        assert (row["source"], row["outcome"], row["answered"]) == ("invited", "complete", "2")


def listed(path: Path, *rows: tuple[str, str, str, str]) -> Path:
    lines = ["Submission id,Participant id,Status,Completion code", *(",".join(r) for r in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("turned", [False, True])
def test_prolifics_list_with_several_rows_a_person(tmp_path: Path, turned: bool) -> None:
    """Whatever their order: the session that began here counts, and of several the one in best standing."""
    with opened(tmp_path / "s", "items_per_rater = 3", items=12) as site:
        for n in (1, 2, 3):
            Visitor(site).come(**prolific(n)).agree().work(None if n < 3 else 2)
        rows = [
            (prolific(1)["SESSION_ID"], pid(1), "APPROVED", "DONE1"),
            (prolific(1, 7)["SESSION_ID"], pid(1), "RETURNED", ""),
            (prolific(2)["SESSION_ID"], pid(2), "RETURNED", "OTHER"),
            (prolific(2, 7)["SESSION_ID"], pid(2), "APPROVED", "DONE1"),
            (prolific(3)["SESSION_ID"], pid(3), "TIMED-OUT", ""),
            (prolific(8)["SESSION_ID"], pid(8), "AWAITING REVIEW", ""),
        ]
        path = listed(tmp_path / "pro.csv", *(rows[::-1] if turned else rows))
        found = reconcile(site.store, site.material, path, platform="prolific")
        assert found.finished_here_not_there == (pid(2),), (
            "the session that began here stands, no other one does"
        )
        assert (set(found.several_rows), found.wrong_code) == ({pid(1), pid(2)}, (pid(2),))
        assert found.unknown_here == (pid(8),)
        rows = payments(site)
        assert {p: (r["outcome"], r["platform_status"]) for p, r in rows.items()} == {
            pid(1): ("complete", "APPROVED"), pid(2): ("complete", "RETURNED"), pid(3): ("timed_out", "TIMED-OUT"),
        }  # fmt: skip


def test_items_of_returned_and_excluded_raters_are_asked_again_and_their_answers_marked(
    tmp_path: Path, genspace: Callable[..., Any]
) -> None:
    more = "items_per_rater = 6"
    tables = "[exclusion]\nmin_gold = 2\n"
    with opened(tmp_path / "s", more, tables, items=8) as site:
        spammer = Visitor(site).come(**prolific(1)).agree()
        spammer.work(choice="no")
        returned = Visitor(site).come(**prolific(2)).agree()
        returned.work(3)
        assert reclaim(site.store).answers == 4, "the spammer's four items; the other is still at work"
        returned.post("/leave")
        again = reclaim(site.store, dry_run=True)
        assert again.answers == sum(int(r["pictures"]) for r in payments(site).values()) - 4
        told = json.loads(genspace("annotate", "reclaim", tmp_path / "s", "--json").out)
        assert told == {"raters": list(again.raters), "answers": again.answers}
        assert reclaim(site.store).answers == 0
        careful = Visitor(site).come(**prolific(3)).agree()
        assert careful.work() == 7
        units = site.store.snapshot().units
        frame = answers(tmp_path / "s").query("role == 'main'")
        kept = frame[frame["excluded"] == ""]
        assert kept["item_id"].is_unique
        assert set(frame.loc[frame["reclaimed"], "excluded"].str.partition(":")[0]) == {
            "known answers",
            "handed the work back",
        }
        assert len(kept) == 4, "six pictures, two of them gold"
        forget(site.store, pid(1))
        assert site.store.snapshot().units == units, "what was asked for again is not asked for a third time"


def test_nothing_is_asked_again_of_a_rater_at_work(tmp_path: Path) -> None:
    """Who breaks a rule now may keep it in the end; once the visit is over, the figures stand."""
    with opened(tmp_path / "s", "items_per_rater = 8", "[exclusion]\nmin_gold = 2\n", items=8) as site:
        visitor = Visitor(site).come(**prolific(1)).agree()
        visitor.work(7, choice="no")  # a practice picture, then six, two of them gold
        (figures,) = site.store.snapshot().recorded.raters()
        assert figures.excluded == ("known answers: 0%, at least 70% wanted",)
        assert reclaim(site.store).answers == 0
        visitor.work(choice="no")
        assert reclaim(site.store).answers == 6


def test_codes_and_addresses_in_the_researchers_status(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    with opened(tmp_path / "s", "items_per_rater = 3") as site:
        Visitor(site).come(**prolific(1)).agree().work()
    status = json.loads(genspace("annotate", "status", tmp_path / "s", "--json").out)
    assert status["outcomes"]["complete"] == {
        "raters": 1, "code": "DONE1", "pay": 3.0, "pay_per_picture": None, "owed": 3.0,
    }  # fmt: skip
    assert status["outcomes"]["checks_failed"]["code"] == "SORRY"
    assert "1 complete (3.00 GBP)" in genspace("annotate", "status", tmp_path / "s").out
    renamed = genspace("annotate", "export", tmp_path / "s", tmp_path / "raters.csv")
    assert renamed.code == 0, "the list's earlier name still works"


def test_the_platforms_placeholders_are_in_the_link() -> None:
    assert PLATFORMS["prolific"].query() == (
        "?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"
    )
