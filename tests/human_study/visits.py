"""Visitors without a browser: they follow links, agree, answer surveys and pictures, and read the page they end on."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

from starlette.testclient import TestClient

from genspace.human_study.web._security import form_token
from genspace.human_study.web._site import Site
from genspace.human_study.web.app import create_app

PROLIFIC = {"STUDY_ID": "5" * 24}


def prolific(n: int, visit: int = 0) -> dict[str, str]:
    """Identifiers as Prolific sends them: 24 hexadecimal digits each."""
    return {"PROLIFIC_PID": f"{n:024x}", "SESSION_ID": f"{16 * n + visit:024x}", **PROLIFIC}


@dataclass
class Visitor:
    """One browser."""

    site: Site
    client: TestClient = field(init=False)
    last: Any = None

    def __post_init__(self) -> None:
        # Making an application takes longer than a visit, so a site has one.
        app = vars(self.site).get("app") or vars(self.site).setdefault("app", create_app(self.site))
        self.client = TestClient(app, raise_server_exceptions=False)

    @property
    def token(self) -> str:
        return form_token(self.site.csrf_key, self.client.cookies[self.site.cookie("rater")])

    @property
    def text(self) -> str:
        """The page's words."""
        words = re.sub(r"<(script|style).*?</\1>", " ", self.last.text, flags=re.DOTALL)
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", words)))

    @property
    def at(self) -> str:
        """The page's path."""
        return str(self.last.url.path)

    def come(self, **query: str) -> Visitor:
        self.last = self.client.get(f"/r/{self.site.store.secret('join_token')}", params=query)
        return self

    def post(self, path: str, **form: Any) -> Visitor:
        self.last = self.client.post(path, data={"csrf": self.token, **form})
        return self

    def agree(self) -> Visitor:
        return self.post("/welcome", agreed=["0"])

    def decline(self) -> Visitor:
        return self.post("/decline")

    def look(self) -> dict[str, Any]:
        """What /api/next says."""
        return dict(self.client.get("/api/next").json())

    def answer(self, shown: dict[str, Any], choice: str = "yes", **more: Any) -> dict[str, Any]:
        body = {
            "submission": f"{shown['id']:08d}-{shown['revision']}", "revision": shown["revision"], "seconds": 4.0,
            "choices": {q["name"]: choice for q in shown["questions"]}, **more,
        }  # fmt: skip
        path = f"/api/assignments/{shown['id']}/answer"
        self.last = self.client.post(path, json=body, headers={"x-csrf-token": self.token})
        return dict(self.last.json())

    def work(self, pictures: int | None = None, choice: str = "yes") -> int:
        """Answer until nothing is left, or so many pictures; return how many, then look at the page of the end."""
        done, shown = 0, self.look()
        while shown["status"] == "assignment" and done != pictures:
            shown = self.answer(shown, choice)["next"]
            done += 1
        self.last = self.client.get("/done")
        return done
