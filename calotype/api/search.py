"""Finding by what is known: metadata, counts, random ones, the largest, suggestions."""

from collections.abc import Sequence
from typing import Annotated
from uuid import uuid4

from pydantic_core import to_json

from calotype.api.call import Reading
from calotype.api.marks import Query
from calotype.api.op import Door
from calotype.assets.store import media_root
from calotype.core.ids import AssetId
from calotype.core.tx import Row
from calotype.people import person_store
from calotype.search import everything, explore, find, smart, store
from calotype.search.query import Cursor, Order
from calotype.wire import assets as wire_assets
from calotype.wire import everything as wire_everything
from calotype.wire import people as wire_people
from calotype.wire import search as wire
from calotype.wire.base import Wire

search = Door("Search")

PAGE = 250
SMART_PAGE = 100


@search.post("/search/metadata", may="asset.read", link=True, status=200, name="searchAssets", shape=wire.SearchAnswer)
async def search_metadata(ask: Reading, body: wire.MetadataSearch) -> bytes:
    """Photos that match, a page at a time: by `page` and `size`, or behind a `cursor`."""
    order = body.sorted_by()
    cursor = Cursor.read(body.cursor, order) if body.cursor else None
    part = find.Page(body.size or PAGE, body.page or 1, cursor)
    found = await find.page(
        ask.look,
        ask.caller,
        body.asked(),
        part,
        now=ask.world.clock.now(),
        media_root=media_root(ask.world.files),
        order=order,
        with_exif=bool(body.with_exif),
        data_root=_data_root(ask, body),
    )
    return _answer(found, part)


def _data_root(ask: Reading, body: wire.Shown) -> str | None:
    """Where portraits lie, when the body asks for people. A link shows nobody."""
    return f"{ask.world.config.data}/" if body.with_people and ask.caller.link is None else None


def _answer(found: store.Found, part: find.Page) -> bytes:
    has_more = found.cursor is not None or found.has_more
    page = to_json(str(part.number + 1) if has_more else None)
    behind = to_json(found.cursor.text() if found.cursor else None)
    count = b"%d" % found.count
    return b"".join(
        (
            b'{"albums":{"total":0,"count":0,"items":[],"facets":[]},"assets":{"total":' + count + b',"count":' + count,
            b',"items":[' + found.items,
            b'],"facets":[],"nextPage":' + page + b',"nextCursor":' + behind + b"}}",
        )
    )


@search.post("/search/smart", may="asset.read", status=200, shape=wire.SearchAnswer)
async def search_smart(ask: Reading, body: wire.SmartSearch) -> bytes:
    """Photos by what they show: the nearest in meaning to words, to a photo, or to both come first."""
    part = find.Page(body.size or SMART_PAGE, body.page or 1)
    question = smart.Question(
        body.query or "", AssetId(body.query_asset_id) if body.query_asset_id else None, body.language
    )
    found = await smart.page(
        ask.world,
        ask.caller,
        question,
        body.asked(),
        part,
        with_exif=bool(body.with_exif),
        with_people=bool(body.with_people),
    )
    return _answer(found, part)


@search.post("/search/statistics", may="asset.statistics", status=200, name="searchAssetStatistics")
async def search_statistics(ask: Reading, body: wire.StatisticsSearch) -> wire.Total:
    """How many photos match over all pages."""
    total = await find.count(
        ask.look, ask.caller, body.asked(), now=ask.world.clock.now(), media_root=media_root(ask.world.files)
    )
    return wire.Total(total=total)


@search.post("/search/random", may="asset.read", status=200, shape=list[wire_assets.Asset])
async def search_random(ask: Reading, body: wire.RandomSearch) -> bytes:
    """Random photos of those that match."""
    items = await find.some(
        ask.look,
        ask.caller,
        body.asked(),
        now=ask.world.clock.now(),
        media_root=media_root(ask.world.files),
        size=body.size or PAGE,
        pivot=uuid4(),
        with_exif=bool(body.with_exif),
        data_root=_data_root(ask, body),
    )
    return f"[{','.join(items)}]".encode()


@search.post("/search/large-assets", may="asset.read", status=200, shape=list[wire_assets.Asset])
async def search_large_assets(ask: Reading, query: Annotated[wire.LargeAssets, Query()]) -> bytes:
    """The biggest files first."""
    found = await find.page(
        ask.look,
        ask.caller,
        query.asked(),
        find.Page(query.size or PAGE),
        now=ask.world.clock.now(),
        media_root=media_root(ask.world.files),
        order=Order("fileSizeInBytes"),
        with_exif=True,
    )
    return b"[" + found.items + b"]"


@search.get("/search/suggestions", may="asset.read", shape=list[str | None])
async def get_search_suggestions(ask: Reading, query: Annotated[wire.Suggestions, Query()]) -> bytes:
    """Values a filter may take, narrowed by the other filters."""
    found = await find.suggestions(
        ask.look,
        ask.caller,
        query.type,
        country=query.country,
        state=query.state,
        make=query.make,
        model=query.model,
        lens_model=query.lens_model,
    )
    return to_json([*found, None] if query.include_null else found)


@search.get("/search/person", may="person.read")
async def search_person(ask: Reading, query: Annotated[wire.PersonName, Query()]) -> list[wire_people.Person]:
    """People of about that name, the most alike first."""
    found = await person_store.named(ask.look, ask.caller.user_id, query.name, with_hidden=bool(query.with_hidden))
    return [wire_people.person(each, ask.world.config.data) for each in found]


@search.get("/search/places", may="asset.read")
async def search_places(ask: Reading, query: Annotated[wire.PlaceName, Query()]) -> list[wire.Place]:
    """Places of the world by name, best first."""
    return [wire.place(found) for found in await explore.places(ask.world, query.name)]


@search.get("/search/cities", may="asset.read", shape=list[wire_assets.Asset])
async def get_assets_by_city(ask: Reading) -> bytes:
    """One photo of each city."""
    items = await explore.cities(ask.look, ask.caller, media_root=media_root(ask.world.files))
    return f"[{','.join(items)}]".encode()


@search.get("/search/explore", may="asset.read", shape=list[wire.Explored])
async def get_explore_data(ask: Reading) -> bytes:
    """Cities with several photos, and what came last."""
    groups = await explore.explore(ask.look, ask.caller, media_root=media_root(ask.world.files))
    parts = [
        f'{{"fieldName":"{name}","items":[{",".join(_explored(row) for row in rows)}]}}'
        for name, rows in groups.items()
    ]
    return f"[{','.join(parts)}]".encode()


def _explored(row: Row) -> str:
    return f'{{"value":{to_json(row["value"]).decode()},"data":{row["item"]}}}'


@search.post("/calotype/search", may="asset.read", status=200, shape=wire_everything.EverythingAnswer)
async def search_everything(ask: Reading, body: wire_everything.Everything) -> bytes:
    """One box for times, places, people, tags, words in and about photos, and meaning; each hit says why it is there."""
    part = find.Page(body.size or SMART_PAGE, body.page or 1)
    found = await everything.search(
        ask.world,
        ask.caller,
        body.query,
        body.asked(),
        part,
        language=body.language,
        with_exif=bool(body.with_exif),
    )
    items = [
        f'{{"asset":{hit.asset},"reasons":{_told([wire_everything.reason(each) for each in hit.reasons])}}}'
        for hit in found.hits
    ]
    page = to_json(str(part.number + 1) if found.has_more else None).decode()
    return (
        f'{{"items":[{",".join(items)}],"understood":{_told(wire_everything.understood(found.understood))},'
        f'"meaning":"{found.meaning}","nextPage":{page}}}'
    ).encode()


def _told(shapes: Sequence[Wire]) -> str:
    """Without the keys that were left out."""
    return to_json([shape.model_dump(exclude_unset=True) for shape in shapes]).decode()


@search.get("/calotype/search/suggestions", may="asset.read")
async def suggest(
    ask: Reading, query: Annotated[wire_everything.BoxSuggestions, Query()]
) -> list[wire_everything.Understood]:
    """People, places, tags and times that what was typed may become."""
    found = await everything.suggestions(ask.world, ask.look, ask.caller, query.query)
    return [wire_everything.suggestion(each) for each in found]
