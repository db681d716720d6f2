"""What a server's error means. The rules, each with its source: errors.toml."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

ErrorKind = Literal["stops", "doubts", "fails", "abstains", "refuses", "waits"]

CODE_KEYS = {"code", "type", "status", "reason", "quotaId", "error_code", "errorCode", "blockReason"}
WORD_KEYS = {
    "message",
    "msg",
    "detail",
    "error",
    "error_msg",
    "status_msg",
    "raw",
    "reasons",
    "errors",
    "blockReason",
}
"""Where servers put their words; a copy of the request stands elsewhere, and is no sign."""
LONGEST = 4000
"""Characters of a server's words that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What a server says of an error."""

    status: int
    """HTTP status; of an error inside a 200 the status that stands in it."""
    codes: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    """Parameters that it names as such."""
    words: str = ""
    finish: str = ""
    """`finish_reason`, or in parentheses what a completion lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A parameter that a server refuses."""

    parameter: str
    at_most: int | None = None
    """The most that it takes, where it says so."""


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One row of the table."""

    name: str
    kind: ErrorKind
    source: str
    status: frozenset[int]
    code: re.Pattern[str] | None
    finish: re.Pattern[str] | None
    text: re.Pattern[str] | None

    def fits(self, signs: Signs) -> bool:
        """Whether all signs of the rule are there."""
        if self.status and signs.status not in self.status:
            return False
        if not (self.code or self.finish or self.text):
            return True
        return bool(
            (self.code and any(self.code.fullmatch(code) for code in signs.codes))
            or (self.finish and self.finish.fullmatch(signs.finish))
            or (self.text and self.text.search(signs.words))
        )


@cache
def rules() -> tuple[ErrorRule, ...]:
    """Return the table, in its order."""

    def pattern(signs: Sequence[str] | None) -> re.Pattern[str] | None:
        return re.compile("|".join(signs), re.IGNORECASE) if signs else None

    return tuple(
        ErrorRule(
            row["name"], row["kind"], row["source"], frozenset(row.get("status", ())),
            pattern(row.get("code")), pattern(row.get("finish")), pattern(row.get("text")),
        )
        for row in _table()["rules"]
    )  # fmt: skip


def rule_of(
    signs: Signs, body: Mapping[str, Any], insisted: Sequence[str] = ()
) -> tuple[ErrorRule, Refusal | None]:
    """Return the first rule that fits, and which parameter of the body is refused if that is its kind.

    `insisted` names parameters that the user has set: these are never left out.
    """
    for rule in rules():
        if rule.fits(signs):
            refusal = _refusal(signs, body, insisted) if rule.kind == "refuses" else None
            if rule.kind != "refuses" or refusal is not None:
                return rule, refusal
    raise AssertionError("the last rule fits everything")


def _refusal(signs: Signs, body: Mapping[str, Any], insisted: Sequence[str]) -> Refusal | None:
    for name, named, said in _parameters():
        if name in insisted or not _holds(body, name):
            continue
        if any(named.fullmatch(param.rpartition(".")[2]) for param in signs.params) or said.search(
            signs.words
        ):
            counted = "top_logprobs" if name == "logprobs" else name
            most = next((int(m[1]) for p in _limits() if (m := p.search(signs.words))), None)
            if most and isinstance(sent := body.get(counted), int) and most < sent:
                return Refusal(parameter=counted, at_most=most)
            return Refusal(parameter=name)
    return None


def _holds(body: Mapping[str, Any], name: str) -> bool:
    messages = body.get("messages", ())
    if name == "system":
        return any(message["role"] == "system" for message in messages)
    if name == "detail":
        parts = [part for m in messages if isinstance(m["content"], list) for part in m["content"]]
        return any("detail" in part.get("image_url", {}) for part in parts)
    return name in body


@cache
def _parameters() -> list[tuple[str, re.Pattern[str], re.Pattern[str]]]:
    """Return each parameter's name, the pattern of its names, and the pattern of what refuses it."""
    found = []
    for name, names in _table()["parameters"].items():
        named = f"(?:{'|'.join(names)})"
        # Neither a part of a longer name, nor followed by a value.
        alone = rf"(?<![\w.]){named}(?!\w)(?![\"\'\s]*[:=]\s*[\"\'\d{{\[tfTFN])"
        said = "|".join(p.replace("PARAMETER", alone) for p in _table()["refused"]["patterns"])
        found.append((name, re.compile(named, re.IGNORECASE), re.compile(said, re.IGNORECASE)))
    return found


def next_step(name: str, value: int) -> int | None:
    """Return the value that is tried below one that is refused; None: it is left out."""
    steps: list[int] = _table()["refused"]["steps"].get(name, [])
    return next((step for step in steps if step < value), None)


@cache
def _limits() -> list[re.Pattern[str]]:
    return [re.compile(pattern, re.IGNORECASE) for pattern in _table()["refused"]["limits"]]


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("genspace.judges.vlm").joinpath("errors.toml").read_text(encoding="utf-8"))


def signs_of(status: int, text: str, finish: str = "") -> Signs:
    """Return what the body of an error says, in whichever form.

    >>> signs_of(400, '{"error": {"message": "no", "code": "bad", "param": "seed"}}')
    Signs(status=400, codes=('bad',), params=('seed',), words='no', finish='')
    >>> signs_of(422, '{"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}').params
    ('body.seed',)
    """
    leaves = list(_leaves("", _parsed(text)))
    codes = [str(value) for key, value in leaves if key in CODE_KEYS]
    inner = [int(code) for code in codes if re.fullmatch("[45]\\d\\d", code)]
    words = dict.fromkeys(
        " ".join(str(v).split()) for k, v in leaves if k in WORD_KEYS and isinstance(v, str)
    )
    return Signs(
        status=inner[0] if status == 200 and inner else status,
        codes=tuple(dict.fromkeys(codes)),
        params=tuple(str(value) for key, value in leaves if key in {"param", "loc"} and value),
        words="; ".join(word for word in words if word)[:LONGEST]
        if leaves
        else " ".join(text.split())[:LONGEST],
        finish=finish,
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _leaves(key: str, node: Any) -> Iterator[tuple[str, Any]]:
    """Yield (key, value) of everything in a document; JSON inside its texts is looked into."""
    if isinstance(node, str) and node.lstrip()[:1] in {"{", "["} and (inner := _parsed(node)) is not None:
        node = inner
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _leaves(name, value)
    elif isinstance(node, list) and key == "loc":
        yield key, ".".join(map(str, node))
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(key, value)
    elif node is not None:
        yield key, node


def shortened(text: str, longest: int = 300) -> str:
    """Return a text as one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
