"""A stand-in for a vision-language model on rendered probes, behind an OpenAI-compatible endpoint on this machine.

It knows what the probes show and has stated weaknesses: it says yes too readily, and its sight is poor, less so where
things are marked with boxes. What each step of tuning should gain is thereby known.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import threading
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from PIL import Image

from genspace import open_study
from genspace.geometry.evaluate import evaluate
from genspace.geometry.predicates import bind, rivals
from genspace.judges.prompts import meaning_of
from genspace.judges.scene import find_scene
from genspace.records import Item, fingerprint

SEES, BIAS = 1.5, 4.0
"""Log-odds by which a statement that holds is told from one that does not, and those added to every yes."""
BLUR = {False: 3.0, True: 1.5}
"""Standard deviation of its errors in log-odds, without and with marked boxes."""
THUMB = (24, 24)


def thumbnail(data: bytes) -> np.ndarray:
    """The picture, small: what it looks like, whatever is drawn on it."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB").resize(THUMB), dtype=float)


class PlantedModel:
    """Answers questions about the pictures of one study, which it knows by their looks."""

    def __init__(self, folder: str | Path) -> None:
        study = open_study(folder)
        self.files = study.files
        self.items = [item for item in study.iter_items() if item.predicate and item.image]

    @cached_property
    def looks(self) -> np.ndarray:
        """Thumbnails of all items."""
        return np.stack([thumbnail(self.files.read(item.image or "")) for item in self.items])

    def log_odds(self, picture: bytes, text: str) -> float:
        """Log-odds of yes to the statement in the question about the picture."""
        item = self.items[int(np.abs(self.looks - thumbnail(picture)).mean(axis=(1, 2, 3)).argmin())]
        asked = next((said for said in self.statements(item) if said[1] in text), None)
        if asked is None:
            return BIAS
        call, statement = asked
        holds = evaluate(find_scene(item, self.files), call).passed
        return (
            BIAS
            + (SEES if holds else -SEES)
            + BLUR["boxes have numbers" in text] * luck(item.item_id, statement)
        )

    def statements(self, item: Item) -> list[tuple[str, str]]:
        """The item's predicate and what cannot hold with it, as calls and in words."""
        bound = bind(item.predicate or "")
        found = []
        for said in (bound, *rivals(bound)):
            meaning = meaning_of(Item(item_id="", predicate=said.text, image_before=item.image_before))
            found += [(said.text, meaning.statement)] if meaning else []
        return found


def luck(*key: str) -> float:
    """A draw from the standard normal distribution that is always the same for a key."""
    return NormalDist().inv_cdf((int(fingerprint({"key": key}), 16) + 0.5) / 16**16)


def completion(model: PlantedModel, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request, with log-probabilities."""
    *pictures, said = body["messages"][-1]["content"]
    shown = [p["image_url"]["url"].partition(",")[2] for p in pictures]
    # the last picture is the one that is judged
    odds = model.log_odds(base64.b64decode(shown[-1]), said["text"])
    yes = 1 / (1 + math.exp(-odds))
    tops = [{"token": t, "logprob": math.log(max(p, 1e-12))} for t, p in (("yes", yes), ("no", 1 - yes))]
    best = max(tops, key=lambda t: t["logprob"])
    choice = {
        "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": best["token"]},
        "logprobs": {"content": [{**best, "top_logprobs": tops}]},
    }  # fmt: skip
    usage = {"prompt_tokens": 300 * len(shown) + len(said["text"]) // 4, "completion_tokens": 1}
    return {"object": "chat.completion", "choices": [choice], "usage": usage}


def serve(folder: str | Path) -> str:
    """Serve the model in a thread of this process, and return its base URL."""
    model, known = PlantedModel(folder), {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            key = hashlib.sha256(data).hexdigest()
            if key not in known:
                known[key] = json.dumps(completion(model, json.loads(data))).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(known[key])))
            self.end_headers()
            self.wfile.write(known[key])

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1"
