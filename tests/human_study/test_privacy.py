"""Nobody else on the machine reads the answers, links can be renewed, studies keep apart, pictures tell nothing."""

from __future__ import annotations

import io
import json
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from small_studies import open_desk, write_study
from starlette.testclient import TestClient
from visits import Visitor, prolific

from genspace.human_study.exchange.exporting import export_text
from genspace.human_study.reading import answers
from genspace.human_study.web.app import create_app, open_site
from genspace.human_study.web.pictures import for_browsers

SECRET = "made by gen-alpha, prompt 17"


@pytest.mark.skipif(os.name == "nt", reason="no modes")
def test_the_answers_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        desk = open_desk(write_study(tmp_path / "s", 3))
        rater = desk.join()
        desk.answer(rater, desk.take(rater), 1.0)
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "s").glob("answers.sqlite*")}
        assert modes == dict.fromkeys(("answers.sqlite", "answers.sqlite-shm", "answers.sqlite-wal"), 0o600)
        desk.store.close()
        (tmp_path / "s" / "answers.sqlite").chmod(0o644)  # as an earlier version left it
        open_desk(tmp_path / "s").store.close()
        assert stat.S_IMODE((tmp_path / "s" / "answers.sqlite").stat().st_mode) == 0o600
    finally:
        os.umask(old)


def test_links_are_renewed(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    root = write_study(tmp_path / "s", 3)
    with open_site(root) as site:
        researcher = TestClient(create_app(site))
        researcher.get(f"/researcher/enter/{site.store.secret('researcher_token')}")
        rater = Visitor(site).come().agree()
        before = json.loads(genspace("annotate", "links", root, "--json").out)
        told = genspace("annotate", "links", root, "--renew", "raters", "--renew", "researcher", "--json")
        after = json.loads(told.out)
        assert not set(before.values()) & set(after.values())
        stranger = TestClient(create_app(site))
        for old in before.values():
            assert stranger.get(old.partition(":8000")[2]).status_code == 403
        assert researcher.get("/researcher/api/status").status_code == 403, (
            "sessions of the old link have ended"
        )
        assert rater.look()["status"] == "assignment", "raters at work go on"
        assert stranger.get(after["researcher"].partition(":8000")[2]).status_code == 200


def test_two_studies_on_one_host_keep_their_people(tmp_path: Path) -> None:
    """Cookies are shared by all ports of a host, so each study's bear its own name."""
    with (
        open_site(write_study(tmp_path / "a", 3)) as first,
        open_site(write_study(tmp_path / "b", 3)) as second,
    ):
        assert first.cookie("rater") != second.cookie("rater")
        one = Visitor(first).come().agree()
        two = Visitor(second)
        two.client.cookies = one.client.cookies  # one browser
        two.come().agree()
        assert one.look()["status"] == two.look()["status"] == "assignment"
        assert first.study_id.startswith("a-")


def png() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", SECRET)
    info.add_itxt("Software", SECRET, zip=True)
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(buffer, "PNG", pnginfo=info, exif=exif(), dpi=(72, 72))
    return buffer.getvalue() + SECRET.encode()


def exif(orientation: int = 1) -> Image.Exif:
    found = Image.Exif()
    found[0x0131] = SECRET
    found[0x0112] = orientation
    return found


def jpeg(**options: Any) -> bytes:
    buffer = io.BytesIO()
    picture = Image.merge(
        "RGB", [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L")]
    )
    picture.save(buffer, "JPEG", exif=options.pop("exif", exif()), comment=SECRET.encode(), **options)
    return buffer.getvalue() + SECRET.encode()


def webp(**options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.radial_gradient("L").convert("RGBA").save(
        buffer, "WEBP", exif=exif(), xmp=SECRET.encode(), **options
    )
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (png(), "image/png"), (jpeg(), "image/jpeg"), (jpeg(progressive=True, quality=95), "image/jpeg"),
        (jpeg(icc_profile=b"profile" * 9000), "image/jpeg"), (webp(), "image/webp"), (webp(lossless=True), "image/webp"),
    ],
    ids=["png", "jpeg", "progressive", "icc", "webp", "lossless"],
)  # fmt: skip
def test_pictures_lose_their_metadata_and_no_pixel(content: bytes, kind: str) -> None:
    assert b"gen-alpha" in content
    clean, media_type = for_browsers(content)
    assert media_type == kind
    assert b"gen-alpha" not in clean
    with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(clean)) as after:
        assert after.mode == before.mode
        assert after.tobytes() == before.tobytes()
        assert after.info.get("icc_profile") == before.info.get("icc_profile")
        assert not after.getexif()


def test_a_picture_that_its_metadata_turns_is_shown_as_before() -> None:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((40, 20)).save(buffer, "PNG", exif=exif(orientation=6))
    clean, kind = for_browsers(buffer.getvalue())
    with Image.open(io.BytesIO(clean)) as after:
        assert (after.size, kind, len(after.getexif())) == ((20, 40), "image/png", 0)
    turned, kind = for_browsers(jpeg(exif=exif(orientation=3)))
    assert (kind, b"gen-alpha" in turned) == ("image/png", False)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP", b"GIF89a", b"<svg/>"]
)
def test_what_is_no_picture_is_an_os_error(content: bytes) -> None:
    with pytest.raises(OSError, match=r".*"):
        for_browsers(content)


def test_a_picture_cut_short_tells_nothing_either() -> None:
    for content in (png(), jpeg(), webp()):
        for end in range(10, len(content), 997):
            try:
                clean, _ = for_browsers(content[:end])
            except OSError:
                continue
            assert b"gen-alpha" not in clean


def test_pictures_of_a_study_are_served_clean(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 1)
    (root / "images" / "i0.png").write_bytes(png())
    with open_site(root) as site:
        visitor = Visitor(site).come().agree()
        reply = visitor.client.get(visitor.look()["pictures"][0]["url"])
        assert reply.status_code == 200
        assert b"gen-alpha" not in reply.content


def test_logs_hold_no_codes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a failing request nor a failing database writes down who was asking, or what was answered."""
    design = '[crowd]\nplatform = "prolific"\n'
    with open_site(write_study(tmp_path / "s", 2, design=design)) as site, caplog.at_level(logging.DEBUG):
        visitor = Visitor(site).come(**prolific(1)).agree()
        shown = visitor.look()
        with site.store.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE answers RENAME TO elsewhere")
        visitor.answer(shown, comment="a telling comment")
        assert visitor.last.status_code == 503
        rater_id = site.store.session(visitor.client.cookies[site.cookie("rater")]).rater_id
        secrets = (prolific(1)["PROLIFIC_PID"], rater_id, "a telling comment", visitor.token)
        text = "\n".join(
            r.getMessage() + str(r.exc_text or "") for r in caplog.records if r.name.startswith("genspace")
        )
        assert "no such table" in text
        assert not [s for s in secrets if s in text]


def test_surveys_stay_beside_the_answers(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 2, design='[surveys]\nbefore = "b.toml"\n[repeats]\nevery = 0\n')
    (root / "b.toml").write_text(
        '[[questions]]\nname = "tongue"\nkind = "text"\ntext = "Your first language?"\n'
    )
    with open_site(root) as site:
        visitor = Visitor(site).come().agree()
        assert visitor.at == "/before"
        visitor.post("/survey", moment="before", **{"q-tongue": "Sorbian"}).work()
        for name in ("answers.csv", "answers.jsonl", "label-studio.json", "payments.csv"):
            assert "Sorbian" not in export_text(site.store, site.material, name)
        assert "Sorbian" in export_text(site.store, site.material, "survey.csv")
        assert "Sorbian" not in answers(root).to_csv()
