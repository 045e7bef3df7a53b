"""Whose faces are these? New ones are sorted as they come; now and then everything is compared with everything.

What a worker remembers of an owner's clusters can be made again from Postgres at any time. It carries the version of what
it was made from: when somebody named, merged or parted people meanwhile, nothing is written and it is made again. A worker
that is killed between two steps has either written all of a batch or nothing of it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import WeakKeyDictionary

from calotype.core import log
from calotype.core.ids import UserId
from calotype.core.jobs import Done, Later, Outcome, Skip
from calotype.core.tx import Row, Tx
from calotype.core.world import World
from calotype.outside import derivatives
from calotype.people import cluster_store, person_store, to_files
from calotype.people.cluster_store import Placed
from calotype.people.neighbours import Neighbour, Verdict, judge
from calotype.people.person import PeopleChanged
from calotype.settings import current
from calotype.settings.settings import FacialRecognition

if TYPE_CHECKING:  # numpy is loaded when the first face comes: most workers never see one
    from calotype.people.clusters import Clusters, Seen

BATCH = 512
PAGE = 4096
LEAST_UNMERGED = 500  # new faces before all clusters are compared, or a twentieth of all faces
MEMORY_BYTES = 192 << 20
TRIES = 5


@dataclass(slots=True)
class _Memory:
    """The clusters of an owner, as they were at a version."""

    version: int
    model: str
    clusters: "Clusters"
    faces: int


@dataclass(slots=True)
class _Memories:
    """Of the owners that were asked about last."""

    kept: OrderedDict[UserId, _Memory] = field(default_factory=OrderedDict[UserId, _Memory])
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def keep(self, owner: UserId, memory: _Memory) -> None:
        self.kept[owner] = memory
        self.kept.move_to_end(owner)
        while len(self.kept) > 1 and sum(each.clusters.bytes for each in self.kept.values()) > MEMORY_BYTES:
            self.kept.popitem(last=False)


_memories: "WeakKeyDictionary[Any, _Memories]" = WeakKeyDictionary()  # by pool: one per process, one per test


async def recognise(world: World, owner: UserId, *, tidy: bool = False) -> Outcome:
    """Sort every face of the owner that waits. `tidy`: compare everything afterwards, however little is new."""
    settings = await current.read(world)
    asked = settings.machine_learning.facial_recognition
    if not (settings.machine_learning.enabled and asked.enabled):
        return Skip("facial recognition is switched off")
    if asked.clustering == "neighbours":
        return await _by_neighbours(world, owner, asked)
    memories = _memories.setdefault(world.pool, _Memories())
    found = 0
    async with memories.turn:
        for _ in range(TRIES):
            done = await _sort_waiting(world, memories, owner, asked)
            if done is None:
                memories.kept.pop(owner, None)
                continue
            found += done
            memory = memories.kept.get(owner)
            async with world.glancing() as look:
                _, unmerged = await person_store.state(look, owner)
            due = memory is not None and unmerged >= max(LEAST_UNMERGED, memory.faces // 20)
            if not (due or (tidy and unmerged)):
                return Done() if found else Skip("no face waits")
            if await _tidy(world, memories, owner, asked):
                return Done()
            memories.kept.pop(owner, None)
    return Later(5, "people are being changed by somebody right now")


async def _sort_waiting(world: World, memories: _Memories, owner: UserId, asked: FacialRecognition) -> int | None:
    """How many faces were sorted; `None` when who is who changed meanwhile."""
    found = 0
    while True:
        async with world.glancing() as look:
            rows = await cluster_store.waiting(look, owner, asked.model_name, BATCH)
        if not rows:
            return found
        memory = await _remembered(world, memories, owner, asked.model_name)
        if memory is None:
            return found
        rows, odd = _fitting(rows, memory.clusters.dimensions)
        keys = await asyncio.to_thread(_assigned, memory.clusters, rows) if rows else []
        # What is in memory is ahead of Postgres from here on: unless all of it is written, it is made again.
        del memories.kept[owner]
        travels = (await current.read(world)).metadata.faces.import_
        async with world.writing() as tx:
            state = await person_store.hold_state(tx, owner)
            if state["version"] != memory.version:
                return None
            placed = _placed(memory, [row["id"] for row in rows], keys)
            count = await cluster_store.place(tx, placed, world.clock.now())
            if odd:
                await cluster_store.place(tx, Placed(odd, [None] * len(odd), [None] * len(odd)), world.clock.now())
            await _promote(tx, owner, memory, keys, asked.min_faces)
            await to_files.found(tx, owner, placed.ids, travels=travels)
            memory.version = await person_store.set_state(tx, owner, unmerged=state["unmerged"] + count)
        memory.faces += count
        found += count + len(odd)
        if count == len(rows):
            memories.keep(owner, memory)


async def _promote(tx: Tx, owner: UserId, memory: _Memory, keys: Sequence[UUID], min_faces: int) -> None:
    """Clusters that have become large enough are people, and every new person gets a face that stands for them."""
    from calotype.people.clusters import LOOSE, PERSON  # numpy

    clusters = memory.clusters
    there = {key for key in keys if clusters.size(key)}
    fresh = sorted(key for key in there if clusters.rank(key) == LOOSE and clusters.size(key) >= min_faces)
    await cluster_store.begin_people(tx, owner, fresh)
    for key in fresh:
        clusters.raise_to(key, PERSON)
    bare = await cluster_store.featureless(tx, sorted({clusters.person_of(key) for key in there}))
    await person_store.mend(tx, bare)
    if bare:
        tx.tell(PeopleChanged(owner, tuple(bare)))


def _placed(memory: _Memory, ids: Sequence[UUID], keys: Sequence[UUID]) -> Placed:
    from calotype.people.clusters import LOOSE  # numpy

    clusters = memory.clusters
    persons = [None if clusters.rank(key) == LOOSE else clusters.person_of(key) for key in keys]
    return Placed(list(ids), persons, [key if key != who else None for key, who in zip(keys, persons, strict=True)])


async def _tidy(world: World, memories: _Memories, owner: UserId, asked: FacialRecognition) -> bool:
    """Join what is alike, and let faces go where they fit better. False when who is who changed meanwhile."""
    memory = await _remembered(world, memories, owner, asked.model_name)
    if memory is None:
        return True
    clusters = memory.clusters
    joined = await asyncio.to_thread(clusters.merge)
    into = _ends(joined)
    moves: dict[UUID, UUID] = {}
    after = UUID(int=0)
    while True:
        async with world.glancing() as look:
            rows = await cluster_store.movable(look, owner, asked.model_name, after, PAGE)
        if not rows:
            break
        after = rows[-1]["id"]
        fitting, _ = _fitting(rows, clusters.dimensions)
        keys: list[UUID] = [row["key"] for row in fitting]
        own = [into.get(key, key) for key in keys]
        moved = await asyncio.to_thread(_reconsidered, clusters, fitting, own)
        moves |= {fitting[index]["id"]: key for index, key in moved}
    again = await asyncio.to_thread(clusters.merge)
    into = _ends([*joined, *again])
    del memories.kept[owner]
    travels = (await current.read(world)).metadata.faces.import_
    async with world.writing() as tx:
        state = await person_store.hold_state(tx, owner)
        if state["version"] != memory.version:
            return False
        known = await _write_tidied(tx, world, owner, memory, into, moves, asked.min_faces)
        await to_files.found(tx, owner, known, travels=travels)
        memory.version = await person_store.set_state(tx, owner, unmerged=0)
    clusters.compact()
    memories.keep(owner, memory)
    log.say("people-compared", clusters=len(clusters), joined=len(into), moved=len(moves))
    return True


async def _write_tidied(
    tx: Tx,
    world: World,
    owner: UserId,
    memory: _Memory,
    into: dict[UUID, UUID],
    moves: dict[UUID, UUID],
    min_faces: int,
) -> list[UUID]:
    """Which faces are somebody else's now, or somebody's at all."""
    from calotype.people.clusters import LOOSE  # numpy

    clusters = memory.clusters
    # A cluster that everything else joined may have been left by all its faces since.
    alive = {gone: end for gone, end in into.items() if clusters.size(end)}
    loose = {gone: end for gone, end in alive.items() if clusters.rank(end) == LOOSE}
    await cluster_store.join_loose(tx, list(loose), list(loose.values()))
    joined = {gone: (clusters.person_of(end), end) for gone, end in alive.items() if gone not in loose}
    looks = [end if end != who else None for who, end in joined.values()]
    known = await cluster_store.join_people(tx, list(joined), [who for who, _ in joined.values()], looks)
    ends = [into.get(key, key) for key in moves.values()]
    kept = [(id, end) for id, end in zip(moves, ends, strict=True) if clusters.size(end)]
    await cluster_store.move(tx, _placed(memory, [id for id, _ in kept], [end for _, end in kept]))
    touched = sorted({*alive.values(), *(end for _, end in kept)})
    await _promote(tx, owner, memory, touched, min_faces)
    await person_store.mend(tx, await person_store.unfit(tx, owner))
    gone = await cluster_store.drop_faceless(tx, owner)
    tx.after(lambda: derivatives.remove(world.config.data, gone))
    people = tuple(sorted({clusters.person_of(key) for key in touched if clusters.rank(key) != LOOSE}))
    if people:
        tx.tell(PeopleChanged(owner, people))
    return [*known, *(id for id, _ in kept)]


def _ends(joined: Sequence[tuple[UUID, UUID]]) -> dict[UUID, UUID]:
    """For everyone who is no more, who they are in the end."""
    ends: dict[UUID, UUID] = {}
    for gone, into in reversed(joined):
        ends[gone] = ends.get(into, into)
    return ends


# What is remembered -----------------------------------------------------------------------------------------------------


async def _remembered(world: World, memories: _Memories, owner: UserId, model: str) -> _Memory | None:
    """The clusters of the owner as they are now; `None` while no face has a vector of this model."""
    async with world.glancing() as look:
        version, _ = await person_store.state(look, owner)
    known = memories.kept.get(owner)
    if known is not None and known.version == version and known.model == model:
        return known
    async with world.looking() as look:
        version, _ = await person_store.state(look, owner)
        dimensions = await cluster_store.dimensions(look, owner, model)
        if dimensions is None:
            return None
        rows = await cluster_store.clusters(look, owner, model, dimensions)
    clusters = await asyncio.to_thread(_rebuilt, rows, dimensions)
    made = _Memory(version, model, clusters, sum(row["faces"] for row in rows))
    memories.keep(owner, made)
    return made


def _rebuilt(rows: Sequence[Row], dimensions: int) -> "Clusters":
    import numpy as np  # late, see above

    from calotype.people.clusters import ANCHOR, LOOSE, PERSON, Clusters, Look  # numpy

    clusters = Clusters(dimensions)
    for key, group in groupby(rows, key=lambda row: row["key"]):
        every = list(group)
        rank = ANCHOR if every[0]["is_anchor"] else PERSON if every[0]["is_person"] else LOOSE
        looks: list[Look] = []
        for row in every:
            mean = np.frombuffer(row["mean"], ">f4", offset=4).astype(np.float32)
            looks.append(Look(row["look"], mean * row["faces"], row["faces"], set(row["photos"])))
        clusters.put_person(key, looks, rank=rank, born=every[0]["born"])
    return clusters


def _assigned(clusters: "Clusters", rows: Sequence[Row]) -> list[UUID]:
    return clusters.assign(_seen(rows))


def _reconsidered(clusters: "Clusters", rows: Sequence[Row], own: Sequence[UUID]) -> list[tuple[int, UUID]]:
    return clusters.reconsider(_seen(rows), own)


def _fitting(rows: Sequence[Row], dimensions: int) -> tuple[list[Row], list[UUID]]:
    """Rows whose vector has the usual size, and the ids of the others, which nothing can be compared with."""
    usual = [row for row in rows if len(row["vector"]) == 4 + 2 * dimensions]
    return usual, [row["id"] for row in rows if len(row["vector"]) != 4 + 2 * dimensions]


def _seen(rows: Sequence[Row]) -> "Seen":
    import numpy as np  # late, see above

    from calotype.people.clusters import Seen  # numpy

    bytes = b"".join(row["vector"][4:] for row in rows)
    vectors = np.frombuffer(bytes, ">f2").reshape(len(rows), -1).astype(np.float32)
    return Seen(vectors, [row["photo"] for row in rows], np.array([row["taken"] for row in rows], np.int64))


# The other rule ---------------------------------------------------------------------------------------------------------


async def _by_neighbours(world: World, owner: UserId, asked: FacialRecognition) -> Outcome:
    """Every waiting face once, then those that had too few neighbours once more."""
    found, late = 0, list[Row]()
    while True:
        async with world.glancing() as look:
            rows = await cluster_store.waiting(look, owner, asked.model_name, BATCH)
        if not rows:
            break
        for row in rows:
            if await _ask_neighbours(world, owner, asked, row, is_second_time=False):
                late.append(row)
        found += len(rows)
    for row in late:
        await _ask_neighbours(world, owner, asked, row, is_second_time=True)
    return Done() if found else Skip("no face waits")


async def _ask_neighbours(
    world: World, owner: UserId, asked: FacialRecognition, row: Row, *, is_second_time: bool
) -> bool:
    """One face; whether it is to be asked about again."""
    travels = (await current.read(world)).metadata.faces.import_
    async with world.writing() as tx:
        state = await person_store.hold_state(tx, owner)
        near = await cluster_store.nearest(
            tx,
            owner,
            asked.model_name,
            row["id"],
            taken=row["taken"],
            within=asked.max_distance,
            limit=asked.min_faces,
        )
        verdict, person = judge(
            [Neighbour(each["distance"], each["person_id"]) for each in near],
            min_faces=asked.min_faces,
            is_on_timeline=row["place"] == b"t",
            is_second_time=is_second_time,
        )
        if verdict in (Verdict.BEGIN, Verdict.LOOK_FURTHER):
            further = await cluster_store.nearest(
                tx,
                owner,
                asked.model_name,
                row["id"],
                taken=row["taken"],
                within=asked.max_distance,
                limit=1,
                known_only=True,
            )
            person = further[0]["person_id"] if further else None
            if person is None and verdict is Verdict.BEGIN:
                person = row["id"]
                await cluster_store.begin_people(tx, owner, [person])
        await cluster_store.place(tx, Placed([row["id"]], [person], [None]), world.clock.now())
        if person is not None:
            await to_files.found(tx, owner, [row["id"]], travels=travels)
            await person_store.mend(tx, bare := await cluster_store.featureless(tx, [person]))
            if bare:
                tx.tell(PeopleChanged(owner, tuple(bare)))
        await person_store.set_state(tx, owner, unmerged=state["unmerged"] + 1)
        return verdict is Verdict.LATER


# All of it again --------------------------------------------------------------------------------------------------------


async def begin_again(world: World, owner: UserId) -> None:
    """Forget what the machine thought about the owner's faces; what somebody said stays."""
    async with world.writing() as tx:
        await person_store.bump(tx, owner)
        await cluster_store.unsort(tx, owner)
        gone = await cluster_store.drop_faceless(tx, owner)
        await person_store.mend(tx, await person_store.unfit(tx, owner))
        tx.after(lambda: derivatives.remove(world.config.data, gone))
