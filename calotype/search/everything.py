"""One box for everything: when, where, who, which words in or about a photo, and what it shows.

What is named (a time, a place, a person, a tag) narrows; what is left is looked for in the words and in the meaning. Each
way gives a list, and the lists are merged by rank (reciprocal rank fusion), because their scores cannot be compared.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal
from uuid import UUID

from calotype.accounts.caller import Caller
from calotype.assets.store import media_root
from calotype.core.errors import Invalid, Offline
from calotype.core.ids import AssetId, UserId
from calotype.core.tx import Look, Row
from calotype.core.world import World
from calotype.search import everything_store, phrase, smart, store
from calotype.search.find import Page, reach_of
from calotype.search.phrase import Phrase, fold
from calotype.search.query import Condition, Filters, Reach

DEEPEST = 300  # photos of each list
RANK_PLUS = (
    60  # Cormack, Clarke and Büttcher (2009): small enough that the first ranks count, large enough that not only they
)
NAMES_S = 60  # how long the names of a library are remembered
SHORTEST_NAME = 3  # characters of a file name

Kind = Literal["date", "place", "person", "tag", "words"]
Meaning = Literal["on", "off", "away", "unseen"]


@dataclass(frozen=True, slots=True)
class Known:
    """Something a library knows by name."""

    kind: Kind
    name: str
    id: UUID | None = None

    def condition(self) -> Condition:
        """What must hold of a photo with it."""
        match self.kind:
            case "person":
                return Condition("personIds", "all", [self.id])
            case "tag":
                return Condition("tagIds", "all", [self.id])
            case _:
                return Condition("place", "eq", self.name)


@dataclass(frozen=True, slots=True)
class Understood:
    """How a question was read. `left`: the words that name nothing we know."""

    phrase: Phrase
    named: tuple[Known, ...]
    left: tuple[str, ...]

    def days(self) -> tuple[Condition, ...]:
        """When it was, by the wall clock of the place."""
        if self.phrase.span is not None:
            span = self.phrase.span
            return Condition("localDay", "gte", span.first), Condition("localDay", "lte", span.last)
        return (Condition("localMonth", "eq", self.phrase.month),) if self.phrase.month else ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a photo was found: the piece of it that matched, or how near it is in meaning (0–1)."""

    kind: Literal["date", "place", "person", "tag", "text", "description", "name", "meaning"]
    text: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A photo (JSON text) and why it is there."""

    asset: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of hits. `meaning`: whether what photos show was looked at, or why not."""

    hits: list[Hit]
    understood: Understood
    meaning: Meaning
    has_more: bool


async def search(
    world: World, caller: Caller, text: str, asked: Filters, part: Page, *, language: str | None, with_exif: bool
) -> Answer:
    """A page of what fits best. Works without inference. Raises `Invalid` when nothing is asked."""
    if not text.strip():
        raise Invalid("There is nothing to look for: `query` is empty.")
    if "visibility" not in asked.fields():
        asked = replace(asked, conditions=(*asked.conditions, Condition("visibility", "in", ["timeline", "archive"])))
    async with world.glancing() as look:
        reach = await reach_of(look, caller, asked, now=world.clock.now())
        understood = await understand(world, look, reach, text)
        lists = await _by_words(world, look, understood, asked, reach)
    near, meaning = await _by_meaning(world, caller, understood, asked, reach, language)
    order = fused([*lists, *((weight, list(found)) for weight, found in near)])
    shown = order[part.offset : part.offset + part.size]
    nearness = {id: 1 - distance for _, found in near for id, distance in found.items()}
    async with world.glancing() as look:
        hits = await _hits(world, look, shown, understood, nearness, reach, with_exif=with_exif)
    return Answer(hits, understood, meaning, len(order) > part.offset + part.size)


def fused(lists: Iterable[tuple[float, list[AssetId]]]) -> list[AssetId]:
    """One order out of several lists, each with its weight: who is high in many is first."""
    scores: dict[AssetId, float] = {}
    for weight, ids in lists:
        for rank, id in enumerate(ids, 1):
            scores[id] = scores.get(id, 0.0) + weight / (RANK_PLUS + rank)
    return sorted(scores, key=lambda id: -scores[id])  # stable: among equals the earlier list decides


# Understanding -----------------------------------------------------------------------------------------------------------


async def understand(world: World, look: Look, reach: Reach, text: str) -> Understood:
    """Which time, places, people and tags a question names, and what else it says."""
    read = phrase.read(text, world.clock.now().date())
    return split(read, await _names(world, look, reach))


def split(read: Phrase, names: dict[str, Known]) -> Understood:
    """The longest runs of words that are names come first; no word is used twice."""
    words, taken, named = read.rest, set[int](), list[Known]()
    for start, end in phrase.stretches(words):
        known = names.get(fold(" ".join(words[start:end])).strip(".,;!?\"'"))
        if known is not None and taken.isdisjoint(range(start, end)) and known not in named:
            taken.update(range(start, end))
            named.append(known)
    left = tuple(word for at, word in enumerate(words) if at not in taken and fold(word) not in phrase.GLUE)
    return Understood(read, tuple(named), left)


async def _names(world: World, look: Look, reach: Reach) -> dict[str, Known]:
    """Folded name → what it is. A person's first name does as well, unless something else is called so."""
    found: dict[str, Known] = {}
    for row in await everything_store.tags(look, reach.viewer):
        for name in (row["value"].rpartition("/")[2], row["value"]):
            found[fold(name)] = Known("tag", row["value"], row["id"])
    for name in await _places(world, look, reach):
        found[fold(name)] = Known("place", name)
    people = await everything_store.people(look, reach.viewer)
    for row in people:
        found.setdefault(fold(row["name"].split()[0]), Known("person", row["name"], row["id"]))
    found.update((fold(row["name"]), Known("person", row["name"], row["id"])) for row in people)
    return {name: known for name, known in found.items() if name not in phrase.GLUE}


async def _places(world: World, look: Look, reach: Reach) -> list[str]:
    owners: list[UserId] = [reach.viewer, *reach.partners]
    key = f"places:{reach.viewer}:{','.join(sorted(str(owner) for owner in owners))}"
    kept = await world.cache.get(key)
    if kept is not None:
        return json.loads(kept)
    found = await everything_store.places(look, owners, reach.viewer)
    names = list(dict.fromkeys([*found["country"], *found["state"], *found["city"]]))
    await world.cache.put(key, json.dumps(names).encode(), ttl_s=NAMES_S)
    return names


# Lists -------------------------------------------------------------------------------------------------------------------


async def _by_words(
    world: World, look: Look, understood: Understood, asked: Filters, reach: Reach
) -> list[tuple[float, list[AssetId]]]:
    """What is named, what is written in the picture, what is written about it."""
    root, days = media_root(world.files), understood.days()
    words = understood.phrase.words
    lists: list[tuple[float, tuple[Condition, ...]]] = []
    named = tuple(known.condition() for known in understood.named)
    if named or (days and not words):
        # Complete when nothing else was said; else only the half of an answer.
        lists.append((0.5 if understood.left else 2.0, (*days, *named)))
    if len(named) > 1:
        lists += [(0.3, (*days, condition)) for condition in named]
    if words:
        lists.append((1.5, (*days, Condition("ocr", "matches", " ".join(words)))))
        lists.append((1.5, (*days, *(Condition("description", "like", word) for word in words))))
    if len(understood.phrase.text) >= SHORTEST_NAME:
        lists.append((1.0, (Condition("originalFileName", "like", understood.phrase.text),)))
    return [
        (
            weight,
            await everything_store.newest(look, _with(asked, conditions), reach, media_root=root, size=DEEPEST),
        )
        for weight, conditions in lists
    ]


def _with(asked: Filters, conditions: tuple[Condition, ...]) -> Filters:
    return replace(asked, conditions=(*asked.conditions, *conditions))


async def _by_meaning(
    world: World, caller: Caller, understood: Understood, asked: Filters, reach: Reach, language: str | None
) -> tuple[list[tuple[float, dict[AssetId, float]]], Meaning]:
    """What photos show: among those with what was named, and among all. Each list: photo → distance, nearest first."""
    words, days = understood.phrase.words, understood.days()
    named = tuple(known.condition() for known in understood.named)
    searches: list[tuple[float, tuple[str, ...], tuple[Condition, ...]]] = []
    if understood.left and named:
        searches.append((2.0, understood.left, (*days, *named)))
    if understood.left:  # what is named completely needs no guess
        searches.append((1.0, words, days))
    found: list[tuple[float, dict[AssetId, float]]] = []
    try:
        await smart.require_on(world)
        for weight, said, conditions in searches:
            question = smart.Question(" ".join(said), language=language)
            near = await smart.nearest(world, caller, question, _with(asked, conditions), reach, size=DEEPEST)
            if near is None:
                return [], "unseen"
            found.append((weight, {each.id: each.distance for each in near}))
    except Invalid:
        return [], "off"
    except Offline:
        return [], "away"
    return found, "on"


# Reasons -----------------------------------------------------------------------------------------------------------------


async def _hits(
    world: World,
    look: Look,
    ids: list[AssetId],
    understood: Understood,
    nearness: dict[AssetId, float],
    reach: Reach,
    *,
    with_exif: bool,
) -> list[Hit]:
    named = understood.named
    facts = await everything_store.why(
        look,
        ids,
        people=[known.id for known in named if known.kind == "person" and known.id],
        tags=[known.id for known in named if known.kind == "tag" and known.id],
        words=" ".join(understood.phrase.words),
    )
    items = await store.items_by_id(
        look, ids, viewer=reach.viewer, media_root=media_root(world.files), with_exif=with_exif
    )
    return [
        Hit(items[id], reasons(understood, facts[id], nearness.get(id))) for id in ids if id in items and id in facts
    ]


def reasons(understood: Understood, fact: Row, nearness: float | None) -> tuple[Reason, ...]:
    """What of the question is true of a photo, the surest first."""
    found: list[Reason] = []
    for known in understood.named:
        is_true = {
            "person": known.id in fact["people"],
            "tag": known.id in fact["tags"],
            "place": known.name in (fact["city"], fact["state"], fact["country"]),
        }
        if known.kind in ("person", "tag", "place") and is_true[known.kind]:
            found.append(Reason(known.kind, known.name))
    if _is_then(understood.phrase, fact["day"]):
        found.append(Reason("date", understood.phrase.said_month or fact["day"].isoformat()))
    words = [fold(word) for word in understood.phrase.words]
    if words and fact["line"]:
        found.append(Reason("text", fact["line"]))
    if words and all(word in fold(fact["description"]) for word in words):
        found.append(Reason("description", _around(fact["description"], words[0])))
    if len(understood.phrase.text) >= SHORTEST_NAME and fold(understood.phrase.text) in fold(fact["original_name"]):
        found.append(Reason("name", fact["original_name"]))
    if nearness is not None:
        found.append(Reason("meaning", " ".join(understood.left or understood.phrase.words), round(nearness, 4)))
    return tuple(found)


def _is_then(asked: Phrase, day: date) -> bool:
    if asked.span is not None:
        return asked.span.first <= day <= asked.span.last
    return asked.month is not None and day.month == asked.month


def _around(text: str, word: str, reach: int = 60) -> str:
    """The piece of a text around a word."""
    at = max(0, fold(text).find(word))
    start, end = max(0, at - reach), at + len(word) + reach
    return ("…" if start else "") + text[start:end].strip() + ("…" if end < len(text) else "")


# Suggestions -------------------------------------------------------------------------------------------------------------

SUGGESTED = 10


async def suggestions(world: World, look: Look, caller: Caller, typed: str) -> list[Known]:
    """People, places, tags and a time that the last words typed may become, those that begin with them first."""
    reach = await reach_of(look, caller, Filters(), now=world.clock.now())
    names = await _names(world, look, reach)
    read = phrase.read(typed, world.clock.now().date())
    found = [Known("date", read.span.said)] if read.span else []
    words = typed.split()
    for start in range(max(0, len(words) - 4), len(words)):
        begun = fold(" ".join(words[start:]))
        # "a" after other words joins them; alone it begins a name.
        if start > 0 and begun in phrase.GLUE:
            continue
        fits = {known: name for name, known in names.items() if name.startswith(begun) or f" {begun}" in name}
        order = sorted(fits, key=lambda known: (not fits[known].startswith(begun), known.kind, fold(known.name)))
        found += [known for known in order if known not in found]
    return found[:SUGGESTED]
