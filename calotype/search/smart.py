"""Finding by meaning: words, a picture, or both, compared with what the model made of each photo."""

import hashlib
import json
import math
from dataclasses import dataclass

from calotype.accounts import access
from calotype.accounts.caller import Caller
from calotype.assets.store import media_root
from calotype.core.errors import Invalid, Offline
from calotype.core.ids import AssetId
from calotype.core.world import World
from calotype.search import embed, embedding_store, store, vectors
from calotype.search.embedding_store import Model
from calotype.search.find import Page, reach_of
from calotype.search.query import Filters, Reach
from calotype.search.vector_store import Near
from calotype.settings import current

WORDS_S = 24 * 3600  # how long the embedding of words is remembered
MEANING_IS_AWAY = (
    "Searching by meaning is not possible now, because the inference service does not answer. "
    "Searching by text, date and place works."
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for: `words`, what resembles `asset`, or what is near both."""

    words: str = ""
    asset: AssetId | None = None
    language: str | None = None


async def page(
    world: World,
    caller: Caller,
    question: Question,
    asked: Filters,
    part: Page,
    *,
    with_exif: bool,
    with_people: bool = False,
) -> store.Found:
    """A page of what matches, the nearest in meaning first. There is no threshold: everything follows sooner or later.

    Raises `Invalid` where smart search is off or nothing is asked, `Offline` when words cannot be understood now.
    """
    await require_on(world)
    if not question.words.strip() and question.asset is None:
        raise Invalid("Either `query` or `queryAssetId` must be set")
    async with world.glancing() as look:
        reach = await reach_of(look, caller, asked, now=world.clock.now())
    found = await nearest(world, caller, question, asked, reach, size=part.offset + part.size + 1) or []
    shown = found[part.offset : part.offset + part.size]
    async with world.glancing() as look:
        items = await store.items(
            look,
            [each.id for each in shown],
            viewer=reach.viewer,
            media_root=media_root(world.files),
            with_exif=with_exif,
            data_root=f"{world.config.data}/" if with_people else None,
        )
    return store.Found(items, len(shown), None, has_more=len(found) > part.offset + part.size)


async def require_on(world: World) -> None:
    """Raises `Invalid` where an administrator has switched searching by meaning off."""
    if "embedding" not in (await current.read(world)).machine_learning.steps:
        raise Invalid("Smart search is not enabled")


async def nearest(
    world: World, caller: Caller, question: Question, asked: Filters, reach: Reach, *, size: int
) -> list[Near] | None:
    """The nearest photos within reach, `None` before any photo was looked at.

    Raises `Invalid` for an asset without embedding, `Offline`.
    """
    async with world.glancing() as look:
        if question.asset is not None:
            await access.require(look, caller, "asset.read", [question.asset], now=world.clock.now())
        model = await embedding_store.used(look)
        picture = await embedding_store.vector_of(look, question.asset, model) if question.asset and model else None
    if question.asset is not None and picture is None:
        raise Invalid(f"Asset {question.asset} has no embedding")
    if model is None:
        return None
    words = await _words(world, question, model) if question.words.strip() else None
    sought = [vector for vector in (words, picture) if vector is not None]
    query = sought[0] if len(sought) == 1 else between(*sought)
    return await vectors.near(world, model, query, asked, reach, media_root=media_root(world.files), size=size)


def between(*several: str) -> str:
    """The direction in the middle of vectors, each counting the same whatever its length."""
    directions = [json.loads(vector) for vector in several]
    sizes = [math.hypot(*direction) for direction in directions]
    middle = [
        sum(number / size for number, size in zip(numbers, sizes, strict=True))
        for numbers in zip(*directions, strict=True)
    ]
    return json.dumps(middle)


async def _words(world: World, question: Question, model: Model) -> str:
    """The embedding of the words, remembered for a while."""
    text = " ".join(question.words.split())
    told = json.dumps([model.name, question.language, text])
    key = f"words:{hashlib.sha256(told.encode()).hexdigest()}"
    kept = await world.cache.get(key)
    if kept is not None:
        return kept.decode()
    try:
        vector = await world.vision.words(text, model=model.name, language=question.language)
    except Offline as away:
        raise Offline(MEANING_IS_AWAY, retry_after_s=away.retry_after_s, part="inference") from away
    _require_fit(vector, model)
    await world.cache.put(key, vector.encode(), ttl_s=WORDS_S)
    return vector


def _require_fit(vector: str, model: Model) -> None:
    try:
        fits = embed.length(vector) == model.dimensions
    except Invalid:
        fits = False
    if not fits:
        raise Offline(MEANING_IS_AWAY, part="inference")
