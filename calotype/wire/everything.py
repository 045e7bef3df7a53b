"""Shapes of the one box: a question as people type it, what was read out of it, and why each photo was found."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from calotype.search.everything import Known, Meaning
from calotype.search.everything import Reason as Why
from calotype.search.everything import Understood as Question
from calotype.wire.assets import Asset
from calotype.wire.base import Int, IsoDate, Maybe, Wire
from calotype.wire.search import Shown


class Everything(Shown):
    """The body of /calotype/search: a question as people type it, narrowed by the filters of the other searches."""

    query: str
    language: Maybe[str] = None
    page: Maybe[Annotated[Int, Field(ge=1)]] = None
    size: Maybe[Annotated[Int, Field(ge=1, le=1000)]] = None


class Understood(Wire):
    """A part of the question that names something. `first` and `last`: days, for a time."""

    kind: Literal["date", "place", "person", "tag", "words"]
    text: str
    id: Maybe[UUID] = None
    first: Maybe[IsoDate] = None
    last: Maybe[IsoDate] = None


class Reason(Wire):
    """Why a photo was found. `score`: how near it is in meaning, at most 1."""

    kind: Literal["date", "place", "person", "tag", "text", "description", "name", "meaning"]
    text: str
    score: Maybe[float] = None


class Hit(Wire):
    asset: Asset
    reasons: list[Reason]


class EverythingAnswer(Wire):
    """`meaning`: `on`; `off` where smart search is switched off; `away` while the inference service does not answer;
    `unseen` before any photo was looked at."""

    items: list[Hit]
    understood: list[Understood]
    meaning: Meaning
    next_page: str | None


def understood(of: Question) -> list[Understood]:
    """What was read out of a question, then the words that are left."""
    found: list[Understood] = []
    if of.phrase.span is not None:
        span = of.phrase.span
        found.append(Understood(kind="date", text=span.said, first=span.first, last=span.last))
    elif of.phrase.month is not None:
        found.append(Understood(kind="date", text=of.phrase.said_month))
    for known in of.named:
        keys: dict[str, Any] = {} if known.id is None else {"id": known.id}
        found.append(Understood(kind=known.kind, text=known.name, **keys))
    if of.left:
        found.append(Understood(kind="words", text=" ".join(of.left)))
    return found


def suggestion(of: Known) -> Understood:
    """A thing that may be asked for by its name."""
    keys: dict[str, Any] = {} if of.id is None else {"id": of.id}
    return Understood(kind=of.kind, text=of.name, **keys)


def reason(of: Why) -> Reason:
    """The score only where there is one."""
    keys: dict[str, Any] = {} if of.score is None else {"score": of.score}
    return Reason(kind=of.kind, text=of.text, **keys)


class BoxSuggestions(Wire):
    """The query of /calotype/search/suggestions: what was typed so far."""

    query: str
