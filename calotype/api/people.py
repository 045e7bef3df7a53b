"""People and faces. Everybody has people of their own; sharing an album shares nobody."""

from typing import Annotated

from starlette.responses import Response

from calotype.accounts import access, users
from calotype.api import files
from calotype.api.call import Reading, Writing
from calotype.api.files import Served
from calotype.api.marks import Query
from calotype.api.op import Door
from calotype.core.errors import Invalid, Missing, Offline, Problem
from calotype.core.ids import AssetId
from calotype.people import merge as merging
from calotype.people import people as verbs
from calotype.people import person_store, store, tally_store
from calotype.people.person import LARGEST_PIXEL
from calotype.wire import people as wire
from calotype.wire.base import Uuid4

people = Door("People")
faces = Door("Faces")

NOBODY = "Person not found"


@people.get("/people", may="person.read")
async def get_all_people(ask: Reading, query: Annotated[wire.PeopleQuery, Query()]) -> wire.People:
    """Whoever is on the timeline: named or seen often enough; with `closest…` the most alike first."""
    near = None
    if query.closest_person_id is not None:
        near = await person_store.feature(ask.look, query.closest_person_id, ask.caller.user_id)
        if near is None:
            raise Missing(NOBODY)
    elif query.closest_asset_id is not None:  # a face, whatever its name says; an unknown one is nobody's neighbour
        now = ask.world.clock.now()
        known = await access.allowed(ask.look, ask.caller, "face.delete", [query.closest_asset_id], now=now)
        near = query.closest_asset_id if known else None
    preferences = await users.my_preferences(ask.look, ask.caller.user_id)
    size = query.size or 500
    found = await person_store.page(
        ask.look,
        ask.caller.user_id,
        size=size,
        offset=((query.page or 1) - 1) * size,
        with_hidden=bool(query.with_hidden),
        min_faces=preferences["people"]["minimumFaces"],
        near_face_id=near,
    )
    return wire.people(found, ask.world.config.data)


@people.post("/people", may="person.create")
async def create_person(ask: Writing, body: wire.PersonCreate) -> wire.Person:
    """Somebody without a face; they are listed once they have one."""
    today = ask.world.clock.now().date()
    return wire.person(await verbs.create(ask.tx, ask.caller.user_id, body.wish(), today), ask.world.config.data)


@people.put("/people", may="person.update")
async def update_people(ask: Writing, body: wire.PeopleUpdate) -> list[wire.Bulk]:
    """Change many; each by itself."""
    results: list[wire.Bulk] = []
    for item in body.people:
        try:
            async with ask.tx.savepoint():
                await _change(ask, item.id, item)
            results.append(wire.Bulk(id=item.id, success=True))
        except Offline:
            raise
        except Problem:
            results.append(wire.Bulk(id=item.id, success=False, error="unknown"))
    return results


@people.delete("/people", may="person.delete")
async def delete_people(ask: Writing, body: wire.Ids) -> None:
    """Forget people, all or none. Their faces stay and are nobody's."""
    await ask.require("person.delete", body.ids)
    if body.ids:
        await verbs.delete(ask.tx, ask.world, ask.caller.user_id, body.ids)


@people.post("/people/merge", may="person.merge", status=200)
async def merge_people(ask: Writing, body: wire.Ids) -> list[wire.Bulk]:
    """The first of them takes over all others."""
    if not body.ids:
        raise Invalid("ids: name the person who stays, then those who are merged into them.")
    return await _merge(ask, body.ids[0], body.ids[1:])


@people.get("/people/{id}", may="person.read")
async def get_person(ask: Reading, id: Uuid4) -> wire.Person:
    found = await person_store.one(ask.look, id, ask.caller.user_id)
    if found is None:
        raise Invalid("Not found or no person.read access")
    return wire.person(found, ask.world.config.data)


@people.put("/people/{id}", may="person.update", also=("PATCH",))
async def update_person(ask: Writing, id: Uuid4, body: wire.PersonUpdate) -> wire.Person:
    """Name, birth date, colour, favourite, hidden, and which photo stands for them."""
    return await _change(ask, id, body)


@people.delete("/people/{id}", may="person.delete")
async def delete_person(ask: Writing, id: Uuid4) -> None:
    """Forget somebody. Their faces stay and are nobody's."""
    await ask.require("person.delete", [id])
    await verbs.delete(ask.tx, ask.world, ask.caller.user_id, [id])


@people.get("/people/{id}/statistics", may="person.statistics")
async def get_person_statistics(ask: Reading, id: Uuid4) -> wire.Statistics:
    """On how many photos of the timeline they are."""
    await ask.require("person.statistics", [id])
    return wire.Statistics(assets=await tally_store.assets(ask.look, id, ask.caller.user_id))


@people.get("/people/{id}/thumbnail", may="person.read")
async def get_person_thumbnail(ask: Reading, id: Uuid4) -> Response:
    """The portrait."""
    path = await person_store.portrait(ask.look, id, ask.caller.user_id)
    if path is None:
        raise Missing(files.NOT_THERE)
    served = Served("image/jpeg", cache=files.REVALIDATE)
    return await files.send_local(ask.request, f"{ask.world.config.data}/{path}", served)


@people.put("/people/{id}/reassign", may="person.reassign")
async def reassign_faces(ask: Writing, id: Uuid4, body: wire.Reassign) -> list[wire.Person]:
    """The faces that others have on these photos are this person's. Once for each item: the person."""
    await ask.require("person.update", [id])
    owner = ask.caller.user_id
    for item in body.data:
        found = await person_store.faces_on(ask.tx, item.asset_id, item.person_id, owner, is_elevated=ask.is_elevated)
        if found:
            await verbs.say_who(ask.tx, owner, found, id)
    now_is = await person_store.one(ask.tx, id, owner)
    if now_is is None:
        raise Invalid("Not found or no person.update access")
    return [wire.person(now_is, ask.world.config.data)] * len(body.data)


@people.post("/people/{id}/merge", may="person.merge", status=200, name="mergePersonLegacy")
async def merge_person(ask: Writing, id: Uuid4, body: wire.Ids) -> list[wire.Bulk]:
    """Take over others."""
    return await _merge(ask, id, body.ids)


@people.post("/calotype/people/{id}/split", may="person.reassign")
async def split_person(ask: Writing, id: Uuid4, body: wire.Split) -> wire.Person:
    """Some faces of a person are somebody else: a new person, whom the machine never joins with this one again."""
    await ask.require("person.update", [id])
    await ask.require("person.create", body.face_ids)
    made = await verbs.part(ask.tx, ask.caller.user_id, id, body.face_ids, (body.name or "").replace("\0", ""))
    return wire.person(made, ask.world.config.data)


async def _change(ask: Writing, id: Uuid4, body: wire.PersonUpdate) -> wire.Person:
    await ask.require("person.update", [id])
    wish = body.wish()
    if wish.feature_asset_id is not None:
        await ask.require("asset.read", [wish.feature_asset_id])
    today = ask.world.clock.now().date()
    return wire.person(await verbs.change(ask.tx, ask.caller.user_id, id, wish, today), ask.world.config.data)


async def _merge(ask: Writing, id: Uuid4, ids: list[Uuid4]) -> list[wire.Bulk]:
    await ask.require("person.update", [id])
    now = ask.world.clock.now()
    async with ask.world.glancing() as look:
        allowed = await access.allowed(look, ask.caller, "person.merge", ids, now=now)
    results = await merging.merge(ask.tx, ask.world, ask.caller.user_id, id, ids, allowed)
    return [wire.bulk(each) for each in results]


# Faces --------------------------------------------------------------------------------------------------------------


@faces.get("/faces", may="face.read")
async def get_faces(ask: Reading, query: Annotated[wire.FaceQuery, Query()]) -> list[wire.Face]:
    """The faces of a photo, from left to right. In photos of others they are nobody."""
    await ask.require("asset.read", [query.id])
    found = await store.shown(ask.look, AssetId(query.id), ask.caller.user_id)
    return [wire.face(each, ask.world.config.data) for each in found]


@faces.post("/faces", may="face.create")
async def create_face(ask: Writing, body: wire.FaceCreate) -> None:
    """A face that somebody drew."""
    await ask.require("asset.update", [body.asset_id])
    await ask.require("person.read", [body.person_id])
    box = body.box()
    for field, value in (
        ("imageWidth", box.width),
        ("imageHeight", box.height),
        ("x", box.x1),
        ("y", box.y1),
        ("width", box.x2),
        ("height", box.y2),
    ):
        if abs(value) > LARGEST_PIXEL:
            raise Invalid(f"{field}: no picture reaches that far.")
    await verbs.draw(ask.tx, ask.caller.user_id, AssetId(body.asset_id), body.person_id, box)


@faces.put("/faces/{id}", may="face.update")
async def reassign_faces_by_id(ask: Writing, id: Uuid4, body: wire.FaceChoice) -> wire.Person:
    """The face in the body is the person in the path."""
    await ask.require("person.update", [id])
    await ask.require("person.create", [body.id])
    await verbs.say_who(ask.tx, ask.caller.user_id, [body.id], id)
    found = await person_store.one(ask.tx, id, ask.caller.user_id)
    if found is None:
        raise Invalid("Not found or no person.update access")
    return wire.person(found, ask.world.config.data)


@faces.delete("/faces/{id}", may="face.delete")
async def delete_face(ask: Writing, id: Uuid4, body: wire.FaceDelete) -> None:
    """A face that is none. Without `force` it is remembered, so that it is not found again."""
    await ask.require("face.delete", [id])
    await verbs.take_away(ask.tx, ask.caller.user_id, id, for_good=body.force, now=ask.world.clock.now())
