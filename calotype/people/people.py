"""What somebody does with people: name them, hide them, say who a face is. The machine never undoes it."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from calotype.core.errors import Invalid
from calotype.core.ids import AssetId, UserId, new_id
from calotype.core.tx import Tx
from calotype.core.world import World
from calotype.media import names_store
from calotype.outside import derivatives
from calotype.people import person_store, renamed_store, store
from calotype.people.person import NO_FEATURE, Box, NamesChanged, PeopleChanged, Person, Wish, check_birth_date
from calotype.people.store import NewFace

NO_PERSON = "Not found or no {permission} access"


async def create(tx: Tx, owner: UserId, wish: Wish, today: date) -> Person:
    """Somebody new, without a face yet. Raises `Invalid` for somebody born tomorrow."""
    check_birth_date(wish.birth_date, today)
    return await person_store.add(tx, owner, wish)


async def change(tx: Tx, owner: UserId, id: UUID, wish: Wish, today: date) -> Person:
    """Change a person; an empty wish only bumps the version. The caller has asked the gate.

    Raises `Invalid` for somebody born tomorrow, and for a photo that does not show them.
    """
    check_birth_date(wish.birth_date, today)
    before = await person_store.hold(tx, [id], owner)
    found = await person_store.change(tx, id, owner, wish)
    if found is None:
        raise Invalid(NO_PERSON.format(permission="person.update"))
    if found.name != before[id]["name"]:
        await renamed_store.rename(tx, [id])
        tx.tell(NamesChanged(owner))
    if wish.feature_asset_id is not None:
        face = await person_store.face_on(tx, wish.feature_asset_id, id)
        if face is None:
            raise Invalid(NO_FEATURE)
        await person_store.set_feature(tx, id, face)
        tx.tell(PeopleChanged(owner, (id,)))
        found = await person_store.one(tx, id, owner) or found
    if wish != Wish():
        await person_store.bump(tx, owner)
    return found


async def delete(tx: Tx, world: World, owner: UserId, ids: Sequence[UUID]) -> None:
    """Forget people. Their faces stay and are nobody's; files are removed after commit."""
    await person_store.bump(tx, owner)
    await names_store.mark_photos_of_people(tx, ids)
    tx.tell(NamesChanged(owner))
    gone = await person_store.delete(tx, ids)
    tx.after(lambda: derivatives.remove(world.config.data, gone))


async def say_who(tx: Tx, owner: UserId, face_ids: Sequence[UUID], person_id: UUID) -> None:
    """These faces are this person. Faces that stood for others are replaced there."""
    await person_store.bump(tx, owner)
    former = await person_store.persons_of(tx, face_ids)
    await person_store.move_faces(tx, face_ids, person_id)
    touched = sorted({*former, person_id})
    await person_store.anchor(tx, touched)
    await person_store.mend(tx, touched)
    await names_store.mark_photos_of_faces(tx, face_ids)
    tx.tell(PeopleChanged(owner, tuple(touched)))
    tx.tell(NamesChanged(owner))


async def part(tx: Tx, owner: UserId, id: UUID, face_ids: Sequence[UUID], name: str) -> Person:
    """Some faces of a person are somebody else, who is new. Raises `Invalid` when one is not a face of theirs."""
    await person_store.bump(tx, owner)
    wanted = sorted(set(face_ids))
    if set(wanted) - set(await store.faces_of_person(tx, id, wanted)):
        raise Invalid("faceIds: each must be a face of this person.")
    made = await person_store.add(tx, owner, Wish(name=name))
    await say_who(tx, owner, wanted, made.id)
    return await person_store.one(tx, made.id, owner) or made


async def draw(tx: Tx, owner: UserId, asset_id: AssetId, person_id: UUID, box: Box) -> None:
    """A face that somebody drew into a photo. Raises `Invalid` for a photo whose size is not known yet."""
    asset = await store.hold_asset(tx, asset_id)
    if asset is None or not asset["width"] or not asset["height"]:
        raise Invalid("Asset does not have valid dimensions")
    await person_store.bump(tx, owner)
    face = NewFace(new_id(), box, "manual", person_id=person_id, is_pinned=True)
    await store.add(tx, asset_id, owner, asset["place"], [face])
    await person_store.anchor(tx, [person_id])
    await person_store.mend(tx, [person_id])
    await names_store.mark(tx, [asset_id])
    tx.tell(PeopleChanged(owner, (person_id,)))
    tx.tell(NamesChanged(owner))


async def take_away(tx: Tx, owner: UserId, face_id: UUID, *, for_good: bool, now: datetime) -> None:
    """A face that is none. Unless it goes `for_good`, it is kept to know it by when it is found again."""
    await person_store.bump(tx, owner)
    persons = await person_store.persons_of(tx, [face_id])
    await names_store.mark_photos_of_faces(tx, [face_id], named_only=True)
    if for_good:
        await store.remove(tx, [face_id])
    else:
        await store.soft_delete(tx, face_id, now)
    await person_store.mend(tx, persons)
    tx.tell(PeopleChanged(owner, tuple(persons)))
    tx.tell(NamesChanged(owner))
