"""What strangers and careless or hostile raters can do: nothing but answer their own pictures."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_studies import write_study
from starlette.testclient import TestClient

from genspace.errors import InputError
from genspace.human_study.reading import answers
from genspace.human_study.web._security import RateLimit, form_token
from genspace.human_study.web._site import Site
from genspace.human_study.web.app import create_app, open_site

TRAVERSALS = (
    "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//....//etc/passwd", "/etc/passwd",
    "..\\..\\windows\\win.ini", "file:///etc/passwd", "%00", "items.csv", "answers.sqlite", "..%252fetc%252fpasswd",
)  # fmt: skip
INJECTIONS = (
    "' OR '1'='1", "1; DROP TABLE answers;--", '"><script>alert(1)</script>', "{{7*7}}", "${7*7}", "=cmd|'/c calc'!A1",
    "\u0000", "\ud7ff", "a" * 5000, "../../../etc/passwd", "%s%n", "\r\nSet-Cookie: x=y", "<!--#exec cmd='ls'-->",
)  # fmt: skip
LIMITS = "[limits]\nrequests_per_minute = 100000\njoins_per_minute = 100000\n[repeats]\nevery = 0\n"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    root = write_study(tmp_path / "s", 6, design=LIMITS)
    (tmp_path / "secret.txt").write_text("top secret")
    with open_site(root) as opened:
        yield opened


def client(site: Site, *, openapi: bool = False) -> TestClient:
    return TestClient(create_app(site, openapi=openapi), raise_server_exceptions=False)


def rater(site: Site) -> tuple[TestClient, dict[str, str]]:
    """A rater who has agreed to take part, and the header that carries the form token."""
    visitor = client(site)
    visitor.get(f"/r/{site.store.secret('join_token')}")
    token = form_token(site.store.secret("csrf_key"), visitor.cookies[site.cookie("rater")])
    visitor.post("/welcome", data={"csrf": token, "agreed": "0"})
    return visitor, {"x-csrf-token": token}


def body(**change: object) -> dict[str, object]:
    return {"submission": "0123456789abcdef", "revision": 0, "choices": {"": "yes"}, "seconds": 2.0, **change}


def test_nobody_gets_in_without_a_link(site: Site) -> None:
    stranger = client(site)
    pages = ("/welcome", "/instructions", "/work", "/done", "/api/next", "/api/assignments/1", "/image/1/image",
             "/drawing/1.svg", "/drawing/example.svg", "/researcher", "/researcher/api/status",
             "/researcher/export/answers.csv", "/r/wrong", "/i/wrong", "/researcher/enter/wrong")  # fmt: skip
    assert {p: stranger.get(p).status_code for p in pages} == dict.fromkeys(pages, 403)
    posts = ("/welcome", "/decline", "/language", "/api/assignments/1/answer", "/researcher/api/state")
    for page in posts:
        sent = {"state": "closed"} if "state" in page else body()
        assert stranger.post(page, json=sent).status_code in {403, 422}
    assert site.store.state() == "open"
    assert answers(site.material.root).empty


def test_forged_tokens_are_refused(site: Site) -> None:
    good = site.store.secret("researcher_token")
    for forged in (good[:-1], good + "x", good.swapcase(), "", "null", "é", *INJECTIONS[:6]):
        assert client(site).get(f"/researcher/enter/{forged}").status_code in {403, 404}
    visitor, _ = rater(site)
    visitor.cookies.set(site.cookie("researcher"), visitor.cookies[site.cookie("rater")])
    assert visitor.get("/researcher/api/status").status_code == 403, (
        "a rater's session opens no researcher's page"
    )
    for cookie in ("x" * 43, "x" * 4000, "' OR 1=1"):
        forged_client = client(site)
        forged_client.cookies.set(site.cookie("rater"), cookie)
        assert forged_client.get("/api/next").status_code == 403


def test_forms_of_other_sites_are_refused(site: Site) -> None:
    visitor, header = rater(site)
    assignment = visitor.get("/api/next").json()["id"]
    address = f"/api/assignments/{assignment}/answer"
    other = form_token(site.store.secret("csrf_key"), "another session")
    for wrong in (
        {},
        {"x-csrf-token": ""},
        {"x-csrf-token": other},
        {**header, "sec-fetch-site": "cross-site"},
    ):
        assert visitor.post(address, json=body(), headers=wrong).status_code == 403
    assert visitor.post(address, json=body(), headers=header).status_code == 200


def test_a_rater_reaches_only_what_was_handed_to_them(site: Site) -> None:
    first, header = rater(site)
    second, _ = rater(site)
    mine = first.get("/api/next").json()["id"]
    assert first.get(f"/image/{mine}/image").status_code == 200
    assert second.get(f"/image/{mine}/image").status_code == 404
    assert second.get(f"/api/assignments/{mine}").status_code == 404
    assert first.get(f"/image/{mine}/left").status_code == 404
    stolen = second.post(f"/api/assignments/{mine}/answer", json=body(), headers=header)
    assert stolen.status_code == 403


def test_no_path_of_a_url_reaches_the_file_system(site: Site) -> None:
    visitor, _ = rater(site)
    mine = visitor.get("/api/next").json()["id"]
    for name in TRAVERSALS:
        for address in (f"/image/{mine}/{name}", f"/image/{name}/image", f"/static/{name}", f"/drawing/{name}.svg",
                        f"/{name}", f"/researcher/export/{name}", f"/r/{name}"):  # fmt: skip
            reply = visitor.get(address)
            assert 400 <= reply.status_code < 500, address
            assert b"root:" not in reply.content
            assert b"SQLite" not in reply.content


def test_an_image_name_that_leaves_the_study_is_not_served(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 1, design=LIMITS)
    (tmp_path / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\nsecret")
    with open_site(root) as site:
        (root / "images" / "i0.png").unlink()
        (root / "images" / "i0.png").symlink_to(tmp_path / "secret.png")
        visitor, _ = rater(site)
        reply = visitor.get(f"/image/{visitor.get('/api/next').json()['id']}/image")
    assert reply.status_code == 404
    assert b"secret" not in reply.content
    with pytest.raises(InputError, match=r"'i0\.png' is a link that leaves the study"), open_site(root):
        pass


def test_hostile_answers_are_refused_or_kept_as_plain_text(site: Site) -> None:
    visitor, header = rater(site)
    for text in INJECTIONS:
        assignment = visitor.get("/api/next").json()
        if assignment["status"] != "assignment":
            visitor, header = rater(site)
            assignment = visitor.get("/api/next").json()
        address = f"/api/assignments/{assignment['id']}/answer"
        for wrong in (
            {"choices": {"": text}}, {"choices": {text: "yes"}}, {"submission": text}, {"revision": text},
            {"seconds": text}, {"surprise": text}, {"choices": {}}, {"revision": -1}, {"seconds": -1},
            {"choices": {"": "yes", "other": "no"}},
        ):  # fmt: skip
            reply = visitor.post(address, json=body(**wrong), headers=header)
            assert reply.status_code == 422, wrong
            assert "Traceback" not in reply.text
            assert "pydantic" not in reply.text
        unique = f"{abs(hash(text)):016x}"
        reply = visitor.post(address, json=body(comment=text, submission=unique), headers=header)
        assert reply.status_code == (422 if len(text) > 2000 else 200)
    with sqlite3.connect(site.material.root / "answers.sqlite") as connection:
        kept = {row[0] for row in connection.execute("SELECT comment FROM submissions")}
    assert kept == {t.replace("\0", "") for t in INJECTIONS if len(t) <= 2000}


def test_formulas_are_neutralised_in_exports(site: Site) -> None:
    visitor, header = rater(site)
    assignment = visitor.get("/api/next").json()["id"]
    visitor.post(f"/api/assignments/{assignment}/answer", json=body(comment="=1+1"), headers=header)
    researcher = client(site)
    researcher.get(f"/researcher/enter/{site.store.secret('researcher_token')}")
    assert ",'=1+1," in researcher.get("/researcher/export/answers.csv").text


def test_oversized_bodies_are_refused_before_they_are_read(site: Site) -> None:
    visitor, header = rater(site)
    assignment = visitor.get("/api/next").json()["id"]
    address = f"/api/assignments/{assignment}/answer"
    big = json.dumps(body(comment="x" * 70_000)).encode()
    typed = {**header, "content-type": "application/json"}
    assert visitor.post(address, content=big, headers=typed).status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 1000

    assert visitor.post(address, content=pieces(), headers=typed).status_code == 413
    assert visitor.post("/welcome", content=b"a=" + b"x" * 70_000).status_code == 413
    assert visitor.post(address, content=big, headers={**typed, "content-length": "abc"}).status_code in {
        400,
        413,
    }


def test_answers_come_no_faster_than_the_limit_and_guesses_neither(tmp_path: Path) -> None:
    design = "[limits]\nrequests_per_minute = 5\njoins_per_minute = 4\n"
    with open_site(write_study(tmp_path / "s", 3, design=design)) as site:
        site.requests.clock = site.joins.clock = lambda: 0.0  # nothing is refilled, however slow the machine
        visitor, _ = rater(site)
        codes = [visitor.get("/api/next").status_code for _ in range(8)]
        assert codes.count(200) <= 5
        assert codes[-1] == 429
        guesses = [client(site).get("/r/guess").status_code for _ in range(6)]
        assert guesses[0] == 403
        assert guesses[-1] == 429


def test_rate_limit_refills_and_forgets() -> None:
    now = [0.0]
    limit = RateLimit(per_minute=60, clock=lambda: now[0], most_keys=2)
    assert all(limit.allows("a") for _ in range(60))
    assert not limit.allows("a")
    now[0] = 1.0
    assert [limit.allows("a"), limit.allows("a")] == [True, False]
    limit.allows("b")
    limit.allows("c")
    assert limit.allows("a"), "of many keys the oldest is forgotten"


def test_every_reply_carries_the_security_headers(site: Site) -> None:
    visitor, _ = rater(site)
    for page in ("/work", "/nothing", "/api/next", "/static/work.js", "/researcher"):
        headers = visitor.get(page).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers or "uvicorn" not in headers["server"]
    assert visitor.get("/work").headers["cache-control"] == "no-store"
    joined = client(site).get(f"/r/{site.store.secret('join_token')}", follow_redirects=False)
    assert {"HttpOnly", "SameSite=lax"} <= set(re.split("; ", joined.headers["set-cookie"]))


def test_cookies_are_secure_behind_https(site: Site) -> None:
    site.https = True
    joined = client(site).get(f"/r/{site.store.secret('join_token')}", follow_redirects=False)
    assert "Secure" in joined.headers["set-cookie"]
    assert "strict-transport-security" in joined.headers


def test_nothing_gives_the_generator_or_the_file_away(site: Site) -> None:
    visitor, header = rater(site)
    for _ in range(6):
        shown = visitor.get("/api/next")
        if shown.json()["status"] != "assignment":
            break
        assert "gen0" not in shown.text
        assert ".png" not in shown.text
        assert not re.search(r'"i\d"', shown.text), "not even the item's name"
        given = shown.json()
        image = visitor.get(given["pictures"][0]["url"])
        assert not {"content-disposition", "last-modified"} & set(image.headers)
        visitor.post(
            f"/api/assignments/{given['id']}/answer",
            json=body(submission=f"{given['id']:08d}"),
            headers=header,
        )


def test_nothing_about_the_visitor_is_stored_but_a_pseudonym(site: Site) -> None:
    visitor, _ = rater(site)
    visitor.get("/api/next", headers={"user-agent": "a-telling-browser", "x-forwarded-for": "203.0.113.77"})
    stored = b"".join(p.read_bytes() for p in site.material.root.glob("answers.sqlite*"))
    for trace in (
        b"testclient",
        b"a-telling-browser",
        b"203.0.113.77",
        visitor.cookies[site.cookie("rater")].encode(),
    ):
        assert trace not in stored


def test_random_calls_break_nothing(site: Site) -> None:
    """Schemathesis on the OpenAPI description: no 5xx, no leak, whatever is sent."""
    import hypothesis
    import schemathesis

    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(site, openapi=True))
    visitor, header = rater(site)
    researcher = client(site)
    researcher.get(f"/researcher/enter/{site.store.secret('researcher_token')}")
    visitor.get("/api/next")
    cookie = "; ".join(
        f"{name}={value}" for jar in (visitor, researcher) for name, value in jar.cookies.items()
    )
    called = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @hypothesis.settings(
            max_examples=25, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )  # fmt: skip
        @hypothesis.given(case=operation.as_strategy(), signed=hypothesis.strategies.booleans())
        def check(case: schemathesis.Case, signed: bool) -> None:
            nonlocal called
            case.headers = {**(case.headers or {}), "cookie": cookie, **(header if signed else {})}
            reply = case.call()
            called += 1
            assert reply.status_code < 500
            assert "Traceback" not in reply.text
            assert str(site.material.root) not in reply.text

        check()
    assert called >= 60
