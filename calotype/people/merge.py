"""Several people who are one."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from calotype.core.errors import Invalid
from calotype.core.ids import UserId
from calotype.core.tx import Tx
from calotype.core.world import World
from calotype.outside import derivatives
from calotype.people import person_store, renamed_store
from calotype.people.person import MERGED_INTO_SELF, NamesChanged, PeopleChanged


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one of the people. `error` as clients know it; `None` when it worked."""

    id: UUID
    error: str | None = None


async def merge(
    tx: Tx, world: World, owner: UserId, primary: UUID, ids: Sequence[UUID], allowed: set[UUID]
) -> list[Result]:
    """Give everything of the people to `primary`, in their order. `allowed`: those the gate let through.

    Name and birth date are taken from the first who has them, where the primary has none. Raises `Invalid` when the primary
    is among them.
    """
    if primary in ids:
        raise Invalid(MERGED_INTO_SELF)
    await person_store.bump(tx, owner)
    held = await person_store.hold(tx, [primary, *sorted(allowed)], owner)
    if primary not in held:
        raise Invalid("Not found or no person.update access")
    merged = [held[primary]]
    results: list[Result] = []
    gone: list[str] = []
    for id in ids:
        if id not in allowed:
            results.append(Result(id, "no_permission"))
        elif id not in held:
            results.append(Result(id, "not_found"))
        else:
            merged.append(held.pop(id))
            gone += await person_store.absorb(tx, primary, merged[-1])
            results.append(Result(id))
    await person_store.anchor(tx, [primary])
    await person_store.mend(tx, [primary])
    tx.after(lambda: derivatives.remove(world.config.data, gone))
    if any(person["name"] for person in merged):
        await renamed_store.rename(tx, [primary])
        tx.tell(NamesChanged(owner))
    tx.tell(PeopleChanged(owner, (primary,)))
    return results
