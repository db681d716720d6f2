"""Platforms that send raters: the identifiers in their links, how these look, and where raters go at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from genspace.human_study.design import Crowd
from genspace.human_study.store.answer_store import AnswerStore

__all__ = ["NO_PLATFORM", "PLATFORMS", "Identified", "Links", "Platform", "platform_of"]

_ANY = r"[A-Za-z0-9_.:@-]{1,128}"


@dataclass(frozen=True, slots=True)
class Identified:
    """Who comes, by the platform's identifiers; empty without a platform."""

    participant: str = ""
    study: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    """What a platform puts into its links."""

    name: str
    parameters: Mapping[str, str]
    """Name of the parameter for each role (participant, study, session) that the platform sends."""
    forms: Mapping[str, str]
    """Pattern of a well-formed identifier of each role."""
    placeholders: Mapping[str, str]
    """What the platform replaces in the study's link, by role."""
    completion_url: str | None = None
    """Page to which raters go with their code; None: they type it in."""

    @property
    def sends(self) -> bool:
        """Whether raters come with identifiers at all."""
        return bool(self.parameters)

    def read(self, query: Mapping[str, str]) -> Identified | None:
        """Return who comes with a link's query, or None when an identifier is missing or malformed.

        >>> PLATFORMS["prolific"].read({"PROLIFIC_PID": "me"}) is None
        True
        """
        found = {role: query.get(name, "") for role, name in self.parameters.items()}
        if not all(re.fullmatch(self.forms.get(role, _ANY), value) for role, value in found.items()):
            return None
        return Identified(**found)

    def query(self) -> str:
        """Return the query of the study's link, with the platform's placeholders; "" without any."""
        parts = [
            f"{name}={self.placeholders.get(role, 'IDENTIFIER')}" for role, name in self.parameters.items()
        ]
        return "?" + "&".join(parts) if parts else ""


NO_PLATFORM = Platform("none", {}, {}, {})

PLATFORMS: Mapping[str, Platform] = {
    p.name: p
    for p in (
        # Prolific's link parameters and the page for codes: docs.prolific.com, "The study object".
        Platform(
            "prolific",
            {"participant": "PROLIFIC_PID", "study": "STUDY_ID", "session": "SESSION_ID"},
            dict.fromkeys(("participant", "study", "session"), r"[0-9a-f]{24}"),
            {"participant": "{{%PROLIFIC_PID%}}", "study": "{{%STUDY_ID%}}", "session": "{{%SESSION_ID%}}"},
            "https://app.prolific.com/submissions/complete?cc={code}",
        ),
        # An external question of Mechanical Turk is called with these: AWS Mechanical Turk API reference,
        # "ExternalQuestion". A preview sends ASSIGNMENT_ID_NOT_AVAILABLE, which is not a visit.
        Platform(
            "mturk",
            {"participant": "workerId", "study": "hitId", "session": "assignmentId"},
            {
                "participant": r"A[A-Z0-9]{5,31}",
                "study": r"[A-Z0-9]{10,64}",
                "session": r"(?!ASSIGNMENT_ID)[A-Z0-9]{10,64}",
            },
            {"participant": "WORKER", "study": "HIT", "session": "ASSIGNMENT"},
        ),
    )
}
"""Platforms whose identifiers are known."""


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses of a study."""

    store: AnswerStore
    crowd: Crowd
    base: str = ""
    """Address of the study, without a slash at the end."""

    @property
    def rater(self) -> str:
        """For everybody who should take part, with the placeholders of the platform where there is one."""
        return f"{self.base}/r/{self.store.secret('join_token')}{platform_of(self.crowd).query()}"

    @property
    def researcher(self) -> str:
        """For the researcher alone."""
        return f"{self.base}/researcher/enter/{self.store.secret('researcher_token')}"

    def personal(self, invitation: str) -> str:
        """For one invited rater."""
        return f"{self.base}/i/{invitation}"


def platform_of(crowd: Crowd) -> Platform:
    """Return the platform that a design declares; a platform of another name sends one identifier."""
    if crowd.platform is not None and crowd.platform in PLATFORMS:
        return PLATFORMS[crowd.platform]
    if not crowd.parameter:
        return NO_PLATFORM
    placeholder = f"{{{{%{crowd.parameter}%}}}}"
    return Platform(
        "other", {"participant": crowd.parameter}, {"participant": _ANY}, {"participant": placeholder}
    )
