"""Every route by which a file of the user's, or a key, could leave for where a stranger's study wants it: none does."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from vlm_support import Recorder, VlmServer, png, requests_for

from genspace.errors import InputError
from genspace.judges import JudgeContext, JudgeSpec, make_judge
from genspace.judges.prompts import TooLongError, Wordings
from genspace.judges.prompts._templates import LONGEST_TEXT
from genspace.judges.vlm._endpoint import find_endpoint
from genspace.judges.vlm._secrets import Redactor

KEY = "sk-very-secret-0123456789"


@pytest.fixture
def write_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a stranger's study, with one judge; the user has keys, and has allowed nothing."""
    monkeypatch.setenv("GENSPACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GENSPACE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai-0123456789")
    monkeypatch.setenv("MINE_API_KEY", KEY)

    def write(toml: str = "", top: str = "") -> Path:
        root = tmp_path / "study"
        (root / "images").mkdir(parents=True, exist_ok=True)
        (root / "items.csv").write_text("item_id,prompt\na,a cow\nb,a cow\n", encoding="utf-8")
        for name in "ab":
            (root / "images" / f"{name}.png").write_bytes(png(255))
        (root / "study.toml").write_text(
            f'{top}[judges.v]\nkind = "vlm"\nmodel = "m"\n{toml}', encoding="utf-8"
        )
        return root

    return write


# ---- files: templates ----


def test_a_template_lies_inside_the_study_and_ends_in_j2(
    write_study: Callable[..., Path], recorder: Recorder, genspace: Callable[..., Any], tmp_path: Path
) -> None:
    root = write_study()
    for place in (root, tmp_path, Path.cwd()):
        assert not (place / ".env").exists()
    (root / ".env").write_text("OPENAI_API_KEY=sk-of-openai", encoding="utf-8")
    (tmp_path / "outside.j2").write_text("secret {{ prompt }}", encoding="utf-8")
    (root / "linked.j2").symlink_to(tmp_path / "outside.j2")
    (root / "env.j2").symlink_to(root / ".env")
    (root / "long.j2").write_text("x" * 70_000, encoding="utf-8")
    (root / "bytes.j2").write_bytes(b"\xff\xfe")
    names = [
        ".env", "../outside.j2", str(tmp_path / "outside.j2"), "linked.j2", "env.j2", "images/a.png", "items.csv",
        "/etc/passwd", "long.j2", "bytes.j2", "absent.j2", "images",
    ]  # fmt: skip
    for name in names:
        write_study(f'base_url = "{recorder.url}"\ntemplate = {json.dumps(name)}\n')
        result = genspace("judge", root, "--judge", "v")
        assert result.code == 2, name
        assert "template = " in result.err
        assert "sk-of-openai" not in result.err
    assert recorder.seen == []


def test_the_working_directory_is_no_place_for_a_studys_template(
    write_study: Callable[..., Path],
    genspace: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.j2").write_text("{{ prompt }} Yes or no?", encoding="utf-8")
    root = write_study('base_url = "http://127.0.0.1:9/v1"\ntemplate = "mine.j2"\n')
    assert "no such file" in genspace("judge", root, "--judge", "v").err


ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize(
    "source",
    [
        ENDLESS,
        "{% for a in range(99999) %}{{ prompt }}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
        "{{ 'x' * 999999999 }}", "{{ 2 ** 999999999 }}", "{{ ''.join }}", "{{ prompt.format() }}", "{{ range(9) }}",
        "{{ 'x'|center(999999999) }}", "{{ prompt|replace('a', 'aaaa') }}", "{{ prompt|batch(2) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% set x = prompt %}{{ x }}",
        '{% include "yes-no.j2" %}', "{% include prompt %}", '{% include ["task.j2"] %}', '{% include "../x" %}',
        '{% extends "task.j2" %}', '{% import "task.j2" as t %}', "{{ cycler }}", "{{ self }}", "{{ prompt[0] }}",
        "{{ promt }}", "{% if %}", "{{ 'x' ~ ('y' * 9) }}",
    ],
)  # fmt: skip
def test_a_template_neither_loops_nor_calls(tmp_path: Path, source: str) -> None:
    (tmp_path / "own.j2").write_text(source, encoding="utf-8")
    started = time.monotonic()
    with pytest.raises(InputError, match=r"own\.j2"):
        Wordings.load("yes-no", "own.j2", root=tmp_path, where="study.toml: judge 'v'")
    assert time.monotonic() - started < 20, "it is refused without being rendered"


def test_a_template_may_hold_text_variables_and_conditions(tmp_path: Path) -> None:
    source = (
        '{# a note #}{% include "task.j2" %}{% if edit %}After{% elif prompt and not terms %}Look at {{ prompt|upper }}'
        '{% else %}x{% endif %} {{ "A" if shared == "" else "B" }}{{ prompt ~ "!" }} Answer with one word: yes or no.'
    )
    (tmp_path / "own.j2").write_text(source, encoding="utf-8")
    wordings = Wordings.load("yes-no", "own.j2", root=tmp_path, where="")
    (request,) = requests_for([0], prompt="a cow")
    text = wordings.render("yes-no", wordings.variables(request.item))
    assert text.endswith("Look at “A COW” A“a cow”! Answer with one word: yes or no.")


def test_the_length_of_a_question_is_bounded(server: VlmServer, tmp_path: Path) -> None:
    """Sixty thousand variables of a long prompt each would be gigabytes."""
    (tmp_path / "own.j2").write_text("{{prompt}}" * 6_000, encoding="utf-8")
    wordings = Wordings.load("yes-no", "own.j2", root=tmp_path, where="")
    (request,) = requests_for([0], prompt="cow " * 100_000)
    with pytest.raises(TooLongError, match="100,000 characters"):
        wordings.render("yes-no", wordings.variables(request.item))
    options = {"base_url": server.url()}
    judge = make_judge(JudgeSpec(name="v", kind="vlm", model="copy", options=options), JudgeContext())
    requests = [*requests_for([0, 255], prompt="a cow"), request]
    found = {v.item_id + str(v.status): v for v in judge.judge(requests[1:])}
    assert f"{LONGEST_TEXT:,} characters" in (found["0failed"].reason or "")
    assert found["1decided"].score == pytest.approx(1, abs=1e-6), "no other item is lost"


def test_images_of_the_users_go_to_no_strangers_host(
    write_study: Callable[..., Path], genspace: Callable[..., Any], tmp_path: Path
) -> None:
    """`images` may name any folder; a study that names a folder of the user's and a host of its own gets nothing."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "a.png").write_bytes(png(7))
    for images in (str(tmp_path / "private"), "memory://bucket/images"):
        root = write_study(
            'base_url = "https://stranger.example/v1"\ntries = 1\n', f"images = {json.dumps(images)}\n"
        )
        result = genspace("judge", root, "--judge", "v")
        assert result.code == 2
        assert f"images of {images}, outside its folder, sent to stranger.example" in result.err


# ---- keys: where they go ----


def test_a_key_goes_to_a_host_of_the_studys_only_when_the_user_allows_it(
    write_study: Callable[..., Path], recorder: Recorder, genspace: Callable[..., Any], tmp_path: Path
) -> None:
    recorder.says("Yes")
    root = write_study(
        f'base_url = "{recorder.url}"\napi_key_env = "MINE_API_KEY"\nprobabilities = "samples"\nsamples = 1\n'
    )

    def run(*options: str) -> Any:
        return genspace("judge", root, "--judge", "v", "--retry", "all", *options)

    refused = run()
    assert refused.code == 2
    assert f"the key in MINE_API_KEY sent to {recorder.host}" in refused.err
    assert f"--allow-host {recorder.host}" in refused.err
    assert recorder.seen == []
    assert genspace("judge", root, "--judge", "v", "--dry-run").code == 0, "a dry run sends nothing"
    assert run("--allow-host", "other.example").code == 2
    assert run("--allow-host", recorder.host).code == 0
    assert recorder.seen.pop()[1]["authorization"] == f"Bearer {KEY}"
    assert run("-o", f"base_url={recorder.url}").code == 0, "on the command line it is the user who names it"
    (tmp_path / "config.toml").write_text('allow_hosts = ["127.0.0.1"]', encoding="utf-8")
    assert run().code == 0
    (tmp_path / "config.toml").write_text("allow_hosts = 3", encoding="utf-8")
    assert "expected one entry" in run().err


def test_no_other_variable_is_sent_and_no_provider_is_robbed() -> None:
    for variable in ("PATH", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        with pytest.raises(InputError):
            find_endpoint("https://stranger.example/v1", variable, where="", from_study={"base_url"})
    own = find_endpoint("https://openrouter.ai/api/v1", None, where="", from_study={"base_url"})
    assert own.with_key({"OPENROUTER_API_KEY": "k"}).key == "k", "a provider's key may go to the provider"
    azure = {"provider": "azure", "deployment": "d", "from_study": {"base_url"}}
    resource = find_endpoint("https://stranger.openai.azure.com", None, where="", **azure)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="`allow_host` stranger"):  # anybody may have a resource there
        resource.with_key({"AZURE_OPENAI_API_KEY": "k"})


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.5/v1", "http://192.168.1.2:8000/v1", "http://gateway.local/v1", "http://x.example/v1"],
)
def test_over_plain_http_a_key_stays_on_this_machine(url: str) -> None:
    with pytest.raises(InputError, match="plain http"):
        find_endpoint(url, "MINE_API_KEY", where="")
    for here in ("http://localhost:1/v1", "http://127.0.0.2/v1", "http://[::1]:1/v1"):
        assert find_endpoint(here, "MINE_API_KEY", where="").with_key({"MINE_API_KEY": "k"}).key == "k"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_what_is_not_encrypted_passes_no_proxy(
    recorder: Recorder, server: VlmServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, f"http://{recorder.host}")
    monkeypatch.setenv("MINE_API_KEY", KEY)
    options = {"base_url": server.url(), "api_key_env": "MINE_API_KEY"}
    judge = make_judge(JudgeSpec(name="v", kind="vlm", model="copy", options=options), JudgeContext())
    assert [v.status for v in judge.judge(requests_for([0]))] == ["decided"]
    assert recorder.seen == []
    assert server.log()["keys"] == [f"Bearer {KEY}"]


def test_nothing_else_of_the_users_environment_is_sent(
    server: VlmServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The client library would send organisation, project, further headers and the platform; a .netrc holds passwords."""
    environment = {
        "OPENAI_API_KEY": KEY, "OPENAI_ADMIN_KEY": "sk-admin", "OPENAI_ORG_ID": "org-mine", "OPENAI_PROJECT_ID": "proj-mine",
        "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer sk-custom\nX-Mine: mine", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "OPENAI_WEBHOOK_SECRET": "whsec-mine", "AZURE_OPENAI_API_KEY": "sk-azure",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine-too\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    options = {"base_url": server.url(), "extra_headers": {"X-Route": "a"}, "extra_query": {"region": "eu"}}
    judge = make_judge(JudgeSpec(name="v", kind="vlm", model="copy", options=options), JudgeContext())
    assert [v.status for v in judge.judge(requests_for([0]))] == ["decided"]
    (headers,) = server.log()["headers"]
    sent = {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent"}
    assert headers.keys() == sent | {"x-route", "x-stainless-raw-response"}
    assert not any("mine" in value or "sk-" in value for value in headers.values())
    assert server.log()["addresses"][0].endswith("/chat/completions?region=eu")


def test_a_redirection_takes_nothing_elsewhere(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Recorder()
    monkeypatch.setenv("MINE_API_KEY", KEY)
    recorder.answer = lambda _: (307, {"location": f"{elsewhere.url}/chat/completions"}, "")
    options = {"base_url": recorder.url, "api_key_env": "MINE_API_KEY", "tries": 2}
    judge = make_judge(JudgeSpec(name="v", kind="vlm", model="copy", options=options), JudgeContext())
    with pytest.raises(InputError, match="answers 307"):
        list(judge.judge(requests_for([0, 1])))
    assert elsewhere.seen == []
    elsewhere.close()


# ---- keys: what is kept ----


@pytest.fixture
def mine(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """The user has a key, and logs everything."""
    caplog.set_level(logging.DEBUG, "genspace")
    monkeypatch.setenv("MINE_API_KEY", KEY)
    return caplog


FORMS = {
    "plain": KEY, "quoted": f"Bearer {KEY}", "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 in a pair": base64.b64encode(f"user:{KEY}!".encode()).decode(), "hex": KEY.encode().hex(),
    "percent": quote(KEY, safe=""), "backwards": KEY[::-1], "capitals": KEY.upper(),
    "urlsafe": base64.urlsafe_b64encode(f"??{KEY}".encode()).decode(),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["answer", "refusal", "error", "error in a 200", "page"])
def test_a_key_that_comes_back_is_kept_nowhere(
    recorder: Recorder,
    mine: pytest.LogCaptureFixture,
    tmp_path: Path,
    form: str,
    place: str,
) -> None:
    echo = f"you sent {FORMS[form]}; yes"
    {
        "answer": lambda: recorder.says(f"<answer>yes</answer> {echo}"),
        "refusal": lambda: recorder.says("", refusal=echo),
        "error": lambda: setattr(
            recorder, "answer", lambda _: (422, {}, json.dumps({"error": {"message": echo}}))
        ),
        "error in a 200": lambda: setattr(
            recorder, "answer", lambda _: (200, {}, json.dumps({"error": {"message": echo, "code": 400}}))
        ),
        "page": lambda: setattr(recorder, "answer", lambda _: (418, {}, f"<html>{echo}</html>")),
    }[place]()
    options = {"base_url": recorder.url, "api_key_env": "MINE_API_KEY", "samples": 1, "tries": 1}
    judge = make_judge(
        JudgeSpec(name="v", kind="vlm", model="m", options=options), JudgeContext(cache_dir=tmp_path)
    )
    (verdict,) = judge.judge(requests_for([0]))
    assert KEY in recorder.seen[0][1]["authorization"]
    kept = [json.dumps(verdict.to_json(), ensure_ascii=False), mine.text, repr(vars(judge))]
    kept += [p.read_bytes().decode("utf-8", "replace") for p in tmp_path.rglob("*") if p.is_file()]
    core = {"base64 in a pair": FORMS[form][8:-4], "urlsafe": FORMS[form][4:-4]}.get(form, FORMS[form])
    for text in kept:
        assert core.removeprefix("Bearer ") not in text
        assert KEY not in text
    assert "***" in kept[0]


def test_a_key_in_a_header_of_ones_own_is_a_key() -> None:
    endpoint = find_endpoint(
        "http://localhost:1/v1", None, where="", headers={"X-Api-Key": "header-secret", "X-Route": "eu-west-1"},
        query={"code": "query-secret", "region": "eu"},
    )  # fmt: skip
    assert endpoint.redact("header-secret query-secret eu-west-1") == "*** *** eu-west-1"
    assert "header-secret" not in repr(endpoint)
    assert "secret" not in json.dumps(endpoint.identity)


def test_words_that_are_no_keys_are_left_alone() -> None:
    assert Redactor(["", "k", "yes"])("yes, k") == "yes, k"
