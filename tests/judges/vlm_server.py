"""A real HTTP server that speaks the chat completions API, for the tests: `python vlm_server.py PORT [CHECKPOINT]`.

The path chooses how it behaves, /WAY/v1/chat/completions, and the model what it answers:

    WAY      good: log-probabilities, structured outputs; plain: refuses both (HTTP 400); mute: ignores both;
             few: gives at most eight alternatives;
             faulty: three calls in ten go wrong, in turn in every way; stutter: right only when asked again;
             slow: 200 ms before each answer; a number: that HTTP status;
             row-R-P-O: as row R of behaviours.toml says, for every P-th item from item O on; an item's number is the
             green of the first pixel of its image
    MODEL    yes: always yes; first: prefers what is shown first; coin: heads or tails; copy: reads the answer from
             the first pixel of the last image (of both, when two are compared); tiny: the model in CHECKPOINT;
             learner: as copy, once it
             has been shown a yes and a no; obey: says whatever the prompt tells it to say; planted-W: sees one of four sides, with a
             weakness W (see `planted`); thinker: thinks as many tokens as the green of the first
             pixel, most of them the wrong answer, then answers as copy does

GET /log tells what came in, POST /reset forgets it.

Longer than 400 lines: it plays every model and every fault that the tests need.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import math
import random
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from PIL import Image

app = FastAPI()
BEHAVIOURS = tomllib.loads(Path(__file__).with_name("behaviours.toml").read_text(encoding="utf-8"))[
    "behaviours"
]
log: dict[str, Any] = {}
tiny: Any = None

FAULTS = (
    "rate-limit-seconds", "rate-limit", "server-error", "unavailable", "slow-body", "cut", "broken-json",
    "nonsense", "empty", "wrong-schema", "refusal", "filter",
)  # fmt: skip


def reset() -> None:
    log.update(
        calls=0,
        asked=Counter(),
        answered=0,
        images=[],
        bodies=[],
        faults=Counter(),
        in_flight=0,
        most_in_flight=0,
        keys=set(),
        items=Counter(),
        headers=[],
        addresses=[],
    )
    app.state.random = random.Random(0)


@app.get("/log")
def read_log() -> dict[str, Any]:
    return {k: sorted(v) if isinstance(v, set) else v for k, v in log.items()}


@app.post("/reset")
def forget() -> None:
    reset()


@app.post("/{way}/v1/chat/completions")
async def complete(way: str, request: Request) -> Response:
    body = await request.json()
    log["calls"] += 1
    log["asked"][hashlib.sha256(await request.body()).hexdigest()] += 1
    log["keys"].add(request.headers.get("authorization", ""))
    log["headers"] = [*log["headers"][-9:], dict(request.headers)]
    log["addresses"] = [*log["addresses"][-9:], str(request.url)]
    log["in_flight"] += 1
    log["most_in_flight"] = max(log["most_in_flight"], log["in_flight"])
    try:
        return await respond(way, body)
    finally:
        log["in_flight"] -= 1


async def respond(way: str, body: dict[str, Any]) -> Response:
    if way.isdigit():
        return error(int(way), "as you wished")
    if way.startswith("row-"):
        return behave(*(int(n) for n in way.split("-")[1:]), body)
    if way == "slow":
        await asyncio.sleep(0.2)
        return JSONResponse(completion(body, answer(body)))
    if way == "plain":
        for name in ("logprobs", "response_format"):
            if name in body:
                return error(400, f"Unsupported parameter: '{name}' is not supported with this model.")
    if way == "few" and body.get("top_logprobs", 0) > 8:
        return error(400, "top_logprobs must be at most 8")
    if body["model"] == "thinker":
        return JSONResponse(thought(body))
    images = [base64.b64decode(url.partition(",")[2]) for url in image_urls(body)]
    log["images"].append([hashlib.sha256(i).hexdigest() for i in images])
    log["bodies"] = [*log["bodies"][-9:], without_images(body)]
    if way == "faulty" and app.state.random.random() < 0.3:
        return await fault(FAULTS[sum(log["faults"].values()) % len(FAULTS)], body)
    if way == "stutter" and not any(m["role"] == "assistant" for m in body["messages"]):
        return await fault("nonsense", body)
    if way in {"plain", "mute"}:
        body = {k: v for k, v in body.items() if k not in {"logprobs", "response_format"}}
    log["answered"] += 1
    return JSONResponse(completion(body, answer(body)))


def behave(row: int, period: int, offset: int, body: dict[str, Any]) -> Response:
    """Answer as a row of behaviours.toml says, where it concerns the item."""
    image = Image.open(io.BytesIO(base64.b64decode(image_urls(body)[-1].partition(",")[2]))).convert("RGB")
    item = image.getpixel((0, 0))[1]
    behaviour = BEHAVIOURS[row]
    log["items"][item] += 1
    first = log["items"][item] == 1
    if item % period != offset or not (first or behaviour.get("lasts") or "needs" in behaviour):
        return JSONResponse(completion(body, answer(body)))
    needs = behaviour.get("needs", "")
    has_system = body["messages"][0]["role"] == "system"
    met = {"": True, "system": has_system, "top_logprobs > 5": body.get("top_logprobs", 0) > 5}
    if not met.get(needs, needs in body):
        return JSONResponse(completion(body, answer(body)))
    usual = completion(body, answer(body))
    said = usual["choices"][0]["message"]["content"]
    if "body" in behaviour:
        text = (
            behaviour["body"]
            .replace("ANSWER", said)
            .replace("LOGPROBS", json.dumps(usual["choices"][0]["logprobs"]))
        )
        return Response(
            text,
            behaviour.get("status", 200),
            headers=behaviour.get("headers"),
            media_type="application/json",
        )
    choice = usual["choices"][0]
    choice["finish_reason"] = behaviour.get("finish", "stop")
    if "message" in behaviour:
        choice["message"] |= behaviour["message"]
        choice["logprobs"] = None
        return JSONResponse(usual)
    before, _, after = behaviour["text"].partition("ANSWER")
    weighed = choice["logprobs"]["content"] if choice["logprobs"] and "ANSWER" in behaviour["text"] else []
    tokens = [*certain(before), *weighed, *certain(after)]
    choice["message"]["content"] = behaviour["text"].replace("ANSWER", said)
    kind = behaviour.get("logprobs")
    if kind == "alone":
        tokens = [{"token": said, "logprob": -0.1, "top_logprobs": []}]
    elif kind == "-9999":
        others = [{"token": t, "logprob": -9999.0} for t in ("#", "no" if said == "Yes" else "Yes")]
        tokens = [{"token": said, "logprob": 0.0, "top_logprobs": [{"token": said, "logprob": 0.0}, *others]}]
    choice["logprobs"] = {"none": None, "legacy": {"tokens": [said], "token_logprobs": [-0.1]}}.get(
        kind, {"content": tokens}
    )
    return JSONResponse(usual)


def thought(body: dict[str, Any]) -> dict[str, Any]:
    """A completion that is cut off where the thought is as long as the limit of tokens."""
    image = Image.open(io.BytesIO(base64.b64decode(image_urls(body)[-1].partition(",")[2]))).convert("RGB")
    red, length, _ = image.getpixel((0, 0))
    right, wrong = ("Yes", "no") if red >= 128 else ("No", "yes")
    usual = completion({**body, "logprobs": False}, right)
    cut = length >= body["max_tokens"]
    thinking = "<think>" + " ".join([f"answer: {wrong}"] * length)
    usual["choices"][0]["message"]["content"] = thinking if cut else f"{thinking}</think>{right}"
    usual["choices"][0]["finish_reason"] = "length" if cut else "stop"
    usual["usage"]["completion_tokens"] = min(length + 1, body["max_tokens"])
    return usual


def certain(text: str) -> list[dict[str, Any]]:
    words = [" " * (i > 0) + word for i, word in enumerate(text.split(" ")) if word]
    return [{"token": w, "logprob": 0.0, "top_logprobs": [{"token": w, "logprob": 0.0}]} for w in words]


async def fault(kind: str, body: dict[str, Any]) -> Response:
    log["faults"][kind] += 1
    right = completion(body, answer(body))
    text = json.dumps(right).encode()
    if kind == "rate-limit-seconds":
        return error(429, "slow down", {"retry-after": "0.05"})
    if kind == "rate-limit":
        return error(429, "slow down")
    if kind == "server-error":
        return error(500, "something broke")
    if kind == "unavailable":
        return error(503, "overloaded")
    if kind == "slow-body":
        return StreamingResponse(dripping(text), headers={"content-length": str(len(text))})
    if kind == "cut":
        return StreamingResponse(cut_short(text), headers={"content-length": str(len(text))})
    if kind == "broken-json":
        return Response(text[:-20], media_type="application/json")
    if kind == "wrong-schema":
        return JSONResponse({"object": "chat.completion", "choices": "none"})
    message: dict[str, Any] = {"role": "assistant", "content": {"nonsense": "purple", "empty": ""}.get(kind)}
    if kind == "refusal":
        message["refusal"] = "I will not judge this picture."
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "content_filter" if kind == "filter" else "stop",
    }
    return JSONResponse({**right, "choices": [choice]})


async def dripping(text: bytes) -> Any:
    for byte in text:
        yield bytes([byte])
        await asyncio.sleep(0.5)


async def cut_short(text: bytes) -> Any:
    yield text[: len(text) // 2]


def error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"message": message, "type": "test"}}, status_code=status, headers=headers)


def parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    user = next(
        m for m in reversed(body["messages"]) if m["role"] == "user" and isinstance(m["content"], list)
    )
    return user["content"]


def image_urls(body: dict[str, Any]) -> list[str]:
    return [p["image_url"]["url"] for p in parts(body) if p["type"] == "image_url"]


def without_images(body: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(body), object_hook=lambda o: {**o, "url": "…"} if "url" in o else o)


def answer(body: dict[str, Any]) -> float | Any:
    """The probability of "yes" or "A", or the document to be written."""
    if body["model"] == "tiny":
        return tiny.answer(body)
    text = parts(body)[-1]["text"]
    if body["model"] == "obey":
        return text.partition("SAY ")[2].partition("”")[0]
    if body["model"].startswith("planted-"):
        return planted(body, text)
    share = {
        "learner": lambda: learned(body, text),
        "yes": lambda: 0.9,
        "first": lambda: 0.8,
        "coin": flip,
        "copy": lambda: copied(body, text),
    }
    probability = share[body["model"]]()
    if "JSON" in text:
        return json.dumps({"reason": "as told", "rating": 100 * probability})
    return probability


SIDES = ("front", "behind", "left", "right")
BEARINGS = (0.0, 180.0, -90.0, 90.0)
BOX, ARROW = (0x00, 0x72, 0xB2), (0xB8, 0x4A, 0x00)
"""Colours of the first numbered box, and of the arrow out of a front."""


def planted(body: dict[str, Any], text: str) -> float | str | dict[str, Any]:
    """A model that takes one side for what is shown, rightly on nine of ten pictures, with one weakness.

    Most weaknesses are the name of what helps: without it the model is right on six of ten, with it as all others are,
    since it reads there which side is shown.
    """
    weakness = body["model"].removeprefix("planted-")
    images = [
        Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")
        for url in image_urls(body)
    ]
    if "call them A and B" in text:
        first, second = (
            float(seen_in([image], text, body, weakness) == wanted_in(image)) for image in images
        )
        share = (1 + first - second) / 2
        return 0.4 * share + 0.6 if weakness == "first" else share
    seen = seen_in(images, text, body, weakness)
    listed = re.findall(r"([A-E]): (.*?)\.(?= [A-E]:|\n)", text)
    if listed:
        shares = {letter: float(side_in(said) == seen) for letter, said in listed}
        if weakness == "first":
            shares = {letter: 0.4 * share + 0.6 * (letter == "A") for letter, share in shares.items()}
        tops = [{"token": t, "logprob": math.log(max(p, 1e-9))} for t, p in shares.items()]
        best = max(tops, key=lambda t: t["logprob"])
        return {"text": best["token"], "logprobs": {"content": [{**best, "top_logprobs": tops}]}}
    if "Do not answer yet" in text:
        return json.dumps({"reason": f"side {images[0].getpixel((0, 0))[0] // 60} is seen"})
    *_, before, last = ["", *text.splitlines()]
    line = next((line for line in text.splitlines() if "requirement:" in line), before or last)
    right = True if "Is there" in line else side_in(line) == seen
    odds = (3.0 if weakness == "yes" else 0.0) + (2.0 if right else -2.0)
    share = 1 / (1 + math.exp(-odds))
    return json.dumps({"reason": "as seen", "rating": 100 * share}) if "JSON" in text else share


def seen_in(images: list[Image.Image], text: str, body: dict[str, Any], weakness: str) -> int:
    """The side that the model takes for what is shown in the first picture, by what helps it where that is there."""
    red, number, _ = images[0].getpixel((0, 0))
    shown, wanted, k = red // 60, wanted_in(images[0]), number // 2 % 10
    helps = HELPS.get(weakness)
    told = shown if helps is None else helps(images, text, body, shown)
    if weakness == "sides" and "“chair”" in text:
        told = None
    side, mistaken = (shown, k in {1, 3, 6, 8}) if told is None else (told, k == 9)
    return side if not mistaken else wanted if side != wanted else (wanted + 1) % 4


def wanted_in(image: Image.Image) -> int:
    return image.getpixel((0, 0))[2] // 60


def measured(_: list[Image.Image], text: str, __: dict[str, Any], ___: int) -> int | None:
    found = re.search(r"bearing of .*? (-?[\d.]+)°", text)
    if found is None:
        return None
    near = [abs((float(found[1]) - bearing + 180) % 360 - 180) for bearing in BEARINGS]
    return near.index(min(near))


def nearest(images: list[Image.Image], text: str, _: dict[str, Any], __: int) -> int | None:
    """In which strip of the depth map things are nearest."""
    if "estimated depth" not in text:
        return None
    width, height = images[-1].size
    strips = [images[-1].getpixel((width * (2 * side + 1) // 8, height // 2))[0] for side in range(4)]
    return strips.index(max(strips))


def noted(_: list[Image.Image], text: str, __: dict[str, Any], ___: int) -> int | None:
    """What it has written down itself."""
    found = re.search(r"What was seen: “side (\d)", text)
    return int(found[1]) if found else None


def drawn(colour: tuple[int, int, int], told: str) -> Any:
    def found(images: list[Image.Image], text: str, _: dict[str, Any], shown: int) -> int | None:
        return shown if told in text and how_often(images[0], colour) >= 5 else None

    return found


def how_often(image: Image.Image, colour: tuple[int, int, int]) -> int:
    return next((count for count, one in image.getcolors(2**24) if one == colour), 0)


def where(condition: Any) -> Any:
    return lambda images, text, body, shown: shown if condition(text, body) else None


HELPS = {
    "marks": drawn(BOX, "boxes have numbers"),
    "front": drawn(ARROW, "arrows leave"),
    "crops": lambda images, text, _, __: images[1].getpixel((0, 0))[0] // 60 if "a part of" in text else None,
    "depth": nearest,
    "measurements": measured,
    "tolerance": where(lambda text, _: "It still counts as met" in text),
    "shots": where(
        lambda _, body: len({m["content"] for m in body["messages"] if m["role"] == "assistant"}) >= 2
    ),
    "reason": noted,
    "rating": where(lambda text, _: "Rate it" in text),
    "questions": where(lambda text, _: "requirement" not in text and "Answer with one word" in text),
    "vqascore": where(lambda text, _: text.startswith("Does this figure show")),
}


def side_in(text: str) -> int | None:
    return next((i for i, side in enumerate(SIDES) if side in text), None)


def flip() -> float:
    return float(app.state.random.random() < 0.5)


def learned(body: dict[str, Any], text: str) -> float:
    """Copies once it has seen a yes and a no; else says yes."""
    seen = {m["content"] for m in body["messages"] if m["role"] == "assistant"}
    return copied(body, text) if {"yes", "no"} <= seen else 0.9


def copied(body: dict[str, Any], text: str) -> float:
    reds = []
    for url in image_urls(body):
        image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")
        reds.append(image.getpixel((0, 0))[0] / 255)
    if "A or B" in text:
        return (1 + reds[-2] - reds[-1]) / 2
    return reds[-1]


def completion(body: dict[str, Any], answered: float | str | dict[str, Any]) -> dict[str, Any]:
    usage = {"prompt_tokens": 100, "completion_tokens": 2, "total_tokens": 102}
    logprobs = None
    if isinstance(answered, dict):
        text, logprobs = answered["text"], answered["logprobs"]
    elif isinstance(answered, str):
        text = answered
        logprobs = {"content": [{"token": text, "logprob": 0.0, "top_logprobs": []}]}
    else:
        yes, no = ("A", "B") if "A or B" in parts(body)[-1]["text"] else ("Yes", "no")
        text = yes if app.state.random.random() < answered else no
        # A hair goes to a third word, and "yes" is spelled in two ways.
        weights = {yes: 0.6 * answered, f" {yes.lower()}": 0.4 * answered, no: 1 - answered, "Maybe": 0.01}
        if yes == "A":
            weights = {"A": answered, "B": 1 - answered, "Maybe": 0.01}
        tops = [{"token": t, "logprob": math.log(max(w, 1e-9) / 1.01)} for t, w in weights.items()]
        logprobs = {"content": [{"token": text, "logprob": 0.0, "top_logprobs": tops}]}
        logprobs["content"][0]["logprob"] = next(t["logprob"] for t in tops if t["token"] == text)
    return {
        "id": "1", "object": "chat.completion", "created": 0, "model": body["model"], "usage": usage,
        "choices": [{
            "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text},
            "logprobs": logprobs if body.get("logprobs") else None,
        }],
    }  # fmt: skip


if __name__ == "__main__":
    reset()
    if len(sys.argv) > 2:
        from tiny_vlm import Tiny

        tiny = Tiny(sys.argv[2])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
