"""Faces for tests: boxes in photos, and vectors of people who can be told apart."""

import itertools
import json
import math
import random

from calotype.core.ids import AssetId
from calotype.core.ports import SeenFace
from calotype.people import detect, people, tally_store
from calotype.people.person import Wish
from tests.world import House, Person

SIZE = 64
NOWHERE = "11111111-1111-4111-8111-111111111111"
_places = itertools.count()


def seen(x1, y1, x2, y2, *, vector=None, score=0.9) -> SeenFace:
    """What a detector says of one face."""
    return SeenFace(x1, y1, x2, y2, score, json.dumps(vector if vector is not None else somebody(x1)))


def somebody(who, *, like: float = 1.0, seed: int = 0) -> list[float]:
    """What somebody looks like; `like` less than one is a picture that does them less justice."""
    mine, noise = random.Random(str(who)), random.Random(f"{who}-{seed}")
    me, other = [mine.gauss(0, 1) for _ in range(SIZE)], [noise.gauss(0, 1) for _ in range(SIZE)]
    rest = math.sqrt(max(0.0, 1 - like * like))
    return [like * a / _length(me) + rest * b / _length(other) for a, b in zip(me, other, strict=True)]


def _length(vector: list[float]) -> float:
    return math.sqrt(sum(x * x for x in vector))


class Faces:
    """Puts faces into photos."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def keep(
        self, asset: str, *faces: SeenFace, width: int = 1000, height: int = 800, model: str = "toy"
    ) -> None:
        """These are the faces of the photo."""
        row = await self.house.row(asset)
        async with self.house.world.writing() as tx:
            await detect.keep(tx, AssetId(row["id"]), row["owner_id"], width, height, faces, model)

    async def photo(self, owner: Person, *who: str, like: float = 0.9, **columns: str) -> str:
        """A new photo of somebody, or of several; side by side in the order they are named."""
        asset = await owner.asset(name=f"{'-'.join(who) or 'nobody'}.jpg")
        every = [
            seen(100 * n, 10, 100 * n + 80, 100, vector=somebody(each, like=like, seed=next(_places)))
            for n, each in enumerate(who)
        ]
        for column, value in columns.items():
            await self.house.sql(f"UPDATE asset SET {column} = '{value}' WHERE id = $1", asset)
        await self.keep(asset, *every)
        return asset


async def face_of(house, asset, number=0):
    """The id of a face in a photo, counted from the left."""
    rows = await house.sql("SELECT id FROM face WHERE asset_id = $1 ORDER BY x1", asset)
    return str(rows[number]["id"])


async def is_on(house, owner, faces, person, count=1, **columns):
    """Somebody on so many new photos."""
    photos = []
    for _ in range(count):
        asset = await faces.photo(owner, "somebody", **columns)
        await house.sql("UPDATE face SET person_id = $1 WHERE asset_id = $2", person, asset)
        photos.append(asset)
    return photos


async def made(house, owner, name):
    """Somebody with a name and without a face."""
    async with house.world.writing() as tx:
        return (await people.create(tx, owner.id, Wish(name=name), house.world.clock.now().date())).id


async def fold(house):
    """What changed is counted and written down."""
    async with house.world.writing() as tx:
        await tally_store.fold(tx)


async def is_on_while_counting(house, person, asset):
    """Somebody is on a photo by a change that is committed only after a worker has counted."""
    connection = await house.world.pool.acquire()
    try:
        await connection.execute("BEGIN")
        await connection.execute("UPDATE face SET person_id = $1 WHERE asset_id = $2", person, asset)
        await fold(house)
        await connection.execute("COMMIT")
    finally:
        await house.world.pool.release(connection)


async def listed(client, **query):
    """A page of people."""
    answer = await client.get("/people", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer, sentence, status=400):
    """The answer is a refusal with exactly this sentence."""
    assert (answer.status_code, answer.json()["message"]) == (status, sentence), answer.text
