"""Nobody learns of what is locked, thrown away or another's: not by any operation, not by comparing its answers."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from calotype.accounts import sessions
from calotype.accounts.device import Device
from calotype.core.ids import UserId
from tests.security.examples import UUID_TEXT, Example, example, filled, kind_of, served, slim

# The owner without the PIN is told of a locked photo only when holding its very bytes: uploading it again would make a
# second one otherwise, and clients skip what is there. Other people are not: a checksum is looked up among one's own.
TOLD_BY_CHECKSUM = {"checkBulkUpload", "uploadAsset"}

THUMBHASH = b"sesame-thumbhash-of-the-locked"


@dataclass
class Caller:
    """Somebody who asks. `hidden`: by kind, ids that must look to them as if they did not exist."""

    name: str
    headers: Callable[[], Any]
    hidden: dict[str, list[str]]


@dataclass
class Scene:
    """Ada's photos, and everybody who may be curious about them."""

    house: Any
    ids: dict[str, str]
    secrets: list[str]
    callers: dict[str, Caller]
    known: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: int = 0

    async def ask(self, caller: Caller, each: Example) -> httpx.Response:
        if caller.name not in self.known or each.op.tag in ("Authentication", "Sessions"):  # some of them end a session
            self.known[caller.name] = await caller.headers()
        headers = dict(self.known[caller.name])
        content = None
        if each.body is not None:
            content, headers["content-type"] = json.dumps(each.body), "application/json"
        answer = await self.client.request(
            each.op.method, each.address, params=each.query, content=content, headers=headers
        )
        self.asked += 1
        if each.op.method != "GET" and answer.is_success:
            await self.put_back()
        return answer

    @property
    def client(self) -> httpx.AsyncClient:
        return self.house._stranger

    async def put_back(self) -> None:
        """Undo what a permitted change did."""
        await self.house.sql(
            """UPDATE asset SET visibility = given.visibility::asset_visibility, status = given.status::asset_status,
                      deleted_at = CASE given.status WHEN 'trashed' THEN now() END
                 FROM unnest($1::uuid[], $2::text[], $3::text[]) AS given(id, visibility, status)
                WHERE asset.id = given.id AND (asset.status::text, asset.visibility::text)
                      IS DISTINCT FROM (given.status, given.visibility)""",
            [UUID(self.ids[name]) for name in ("locked", "archived", "trashed", "plain")],
            ["locked", "archive", "timeline", "timeline"],
            ["active", "active", "trashed", "active"],
        )


@pytest.fixture
async def scene(house, ada, eve) -> Scene:
    house._stranger = house.client()
    pat, boss = await house.person(), await house.person(is_admin=True)
    ids = {
        "locked": await ada.asset(b"the locked one", "sesame-locked.jpg"),
        "archived": await ada.asset(b"the archived one", "archived.jpg"),
        "trashed": await ada.asset(b"the trashed one", "trashed.jpg"),
        "plain": await ada.asset(b"the plain one", "plain.jpg"),
        "foreign": await eve.asset(b"the foreign one", "foreign.jpg"),
        "user": str(ada.id),
    }
    rows = await house.sql("SELECT original_key, checksum FROM asset WHERE id = $1", ids["locked"])
    key, checksum = rows[0].values()
    await house.sql(
        """UPDATE asset SET thumbhash = $2, city = 'Sesame City', country = 'Sesame Country', make = 'Sesame Make',
                  latitude = 1, longitude = 1, rating = 5, description = 'Sesame words' WHERE id = $1""",
        ids["locked"],
        THUMBHASH,
    )
    await house.sql(
        "INSERT INTO partner (shared_by_id, shared_with_id, in_timeline) VALUES ($1, $2, true)", ada.id, pat.id
    )
    for name in ("album", "tag"):
        ids[name] = str(uuid4())
    await house.sql("INSERT INTO album (id, name) VALUES ($1, 'all')", ids["album"])
    await house.sql("INSERT INTO album_user (album_id, user_id, role) VALUES ($1, $2, 'owner')", ids["album"], ada.id)
    await house.sql("INSERT INTO tag (id, owner_id, value) VALUES ($1, $2, 'all')", ids["tag"], ada.id)
    photos = [ids[name] for name in ("locked", "archived", "trashed", "plain")]
    await house.sql("INSERT INTO album_asset (album_id, asset_id) SELECT $1, unnest($2::uuid[])", ids["album"], photos)
    await house.sql("INSERT INTO tag_asset (tag_id, asset_id) SELECT $1, unnest($2::uuid[])", ids["tag"], photos)
    key_made = (await ada.client.post("/api-keys", json={"name": "all", "permissions": ["all"]})).json()
    ids["api_key"], ids["session"] = key_made["apiKey"]["id"], str(ada.session_id)
    (row,) = await house.sql(
        "INSERT INTO notification (user_id, level, type, title) VALUES ($1, 'info', 'Custom', 'hello') RETURNING id",
        ada.id,
    )
    ids["notification"] = str(row["id"])

    async def link(album: str | None) -> dict[str, str]:
        kind, secret = ("ALBUM" if album else "INDIVIDUAL"), uuid4().bytes * 3
        (row,) = await house.sql(
            "INSERT INTO shared_link (user_id, album_id, key, type, allow_upload) VALUES ($1, $2, $3, $4, true) RETURNING id",
            ada.id, album, secret, kind,
        )  # fmt: skip
        if album is None:
            await house.sql(
                "INSERT INTO shared_link_asset (shared_link_id, asset_id) SELECT $1, unnest($2::uuid[])",
                row["id"],
                photos,
            )
        return {"x-immich-share-key": base64.urlsafe_b64encode(secret).decode().rstrip("=")}

    def fixed(headers: dict[str, str]) -> Callable[[], Any]:
        async def give() -> dict[str, str]:
            return headers

        return give

    def signed_in(user: UUID) -> Callable[[], Any]:
        async def give() -> dict[str, str]:
            async with house.world.writing() as tx:
                _, token = await sessions.issue(tx, UserId(user), Device())
            return {"authorization": f"Bearer {token}"}

        return give

    own = {"asset": [ids["locked"], ids["foreign"]]}
    others = {kind: [ids[kind]] for kind in ("album", "tag", "api_key", "session", "notification")}
    shown = {"asset": [ids["locked"], ids["trashed"], ids["foreign"]], **others}
    callers = [
        Caller("the owner without the PIN", signed_in(ada.id), own),
        Caller("the owner's key", fixed({"x-api-key": key_made["secret"]}), own),
        Caller("the partner", signed_in(pat.id), {"asset": [*shown["asset"], ids["archived"]], **others}),
        Caller("another user", signed_in(eve.id), {"asset": photos, **others}),
        Caller("an administrator", signed_in(boss.id), {"asset": photos, **others}),
        Caller("a link to the album", fixed(await link(ids["album"])), {**shown, "album": []}),
        Caller("a link to photos", fixed(await link(None)), shown),
        Caller("a stranger", fixed({}), {}),
    ]
    secrets = ["sesame", "Sesame", ids["locked"], key, base64.b64encode(checksum).decode(), checksum.hex()]
    secrets.append(base64.b64encode(THUMBHASH).decode())
    made = Scene(house, ids, secrets, {each.name: each for each in callers})
    await made.put_back()
    return made


def comparable(answer: httpx.Response) -> tuple[int, str]:
    text = re.sub(r'"reference": "\w+"', "", UUID_TEXT.sub("an id", answer.text))
    return answer.status_code, text if answer.is_error or answer.request.method == "GET" else ""


def operations() -> list[Example]:
    """One of each handler: a twin under another method does the same."""
    every = [example(op) for op in served() if not op.raw]
    return list({each.op.handler: each for each in every}.values())


def leaks(scene: Scene, answer: httpx.Response, *, named: bool) -> list[str]:
    seen = answer.text + json.dumps(answer.headers.multi_items())
    return [secret for secret in scene.secrets if secret in seen and not (named and secret == scene.ids["locked"])]


def naming(each: Example) -> tuple[Example, set[str]]:
    """Only what must be there and what names things, with the kinds of these things."""
    given = {**each.path, **each.query, **(each.body if isinstance(each.body, dict) else {})}
    naming = {key for key, value in given.items() if UUID_TEXT.search(json.dumps(value))}
    kept = slim(each)
    if isinstance(kept.body, dict):
        kept.body |= {key: each.body[key] for key in naming & set(each.body)}
    kept.query |= {key: each.query[key] for key in naming & set(each.query)}
    return kept, {kind_of(each, key) for key in naming}


async def test_what_is_hidden_looks_like_what_does_not_exist(scene):
    wrong = []
    for each, kinds in map(naming, operations()):
        for caller in scene.callers.values():
            tries = [(kind, id) for kind in sorted(kinds & set(caller.hidden)) for id in caller.hidden[kind]]
            if not tries or each.op.name in TOLD_BY_CHECKSUM:
                continue
            expected = comparable(await scene.ask(caller, filled(each, lambda kind: str(uuid4()))))
            for kind, id in tries:
                asked = filled(each, lambda k, kind=kind, id=id: id if k == kind else str(uuid4()))
                answer = await scene.ask(caller, asked)
                if comparable(answer) != expected or leaks(scene, answer, named=True):
                    name = next(name for name, each_id in scene.ids.items() if each_id == id)
                    got = f"{comparable(answer)}, unknown: {expected}"
                    wrong.append(f"{each.op.method} {each.op.path}, {caller.name}, {name}: {got}")
    assert scene.asked > 500
    assert not wrong, "\n".join(wrong)


async def test_no_answer_tells_of_a_locked_photo(scene):
    """Each operation with what it must be given, and then with each further key alone."""
    wrong = []
    curious = {"the owner without the PIN", "the partner", "a link to the album"}
    for each in operations():
        keys = [*each.query, *(each.body if isinstance(each.body, dict) else ())]
        for caller in scene.callers.values():
            asks = [""] + ([key for key in keys if key not in each.required] if caller.name in curious else [])
            for key in asks:
                asked = filled(slim(each, key), lambda kind: scene.ids.get(kind, str(uuid4())))
                answer = await scene.ask(caller, asked)
                if leaks(scene, answer, named=False):
                    wrong.append(
                        f"{each.op.method} {each.op.path} {key}, {caller.name}: {leaks(scene, answer, named=False)}"
                    )
    assert not wrong, "\n".join(wrong)
    assert scene.asked > 500


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"visibility": {"eq": "locked", "ne": "hidden"}}},
        {"visibility": "locked", "filter": {"visibility": {"notIn": ["hidden"]}}},
        {"filter": {"visibility": {"ne": "hidden"}, "or": [{"visibility": {"in": ["locked"]}}]}},
    ],
)
async def test_a_second_operator_does_not_open_the_locked_folder(scene, body):
    owner = scene.callers["the owner without the PIN"]
    for path in ("metadata", "random", "statistics", "large-assets"):
        answer = await scene.client.post(f"/search/{path}", json=body, headers=await owner.headers())
        assert not leaks(scene, answer, named=False)
        if path == "statistics":
            assert answer.status_code == 401 or answer.json() == {"total": 0}


async def test_the_moving_part_is_locked_with_its_photo(scene):
    """Somebody may have learned its id while the photo was still shown."""
    house = scene.house
    await house.sql(
        "UPDATE asset SET live_video_id = $2 WHERE id = $1", UUID(scene.ids["locked"]), UUID(scene.ids["archived"])
    )
    video = scene.ids["archived"]
    await house.sql("UPDATE asset SET visibility = 'hidden', type = 'VIDEO' WHERE id = $1", UUID(video))
    for caller in scene.callers.values():
        headers = await caller.headers()
        for path in ("", "/thumbnail", "/original", "/video/playback"):
            answer = await scene.client.get(f"/assets/{video}{path}", headers=headers)
            assert answer.status_code in (400, 401, 404), f"{caller.name} {path}"
        for body in ({"id": video}, {"visibility": "hidden"}):
            answer = await scene.client.post("/search/metadata", json=body, headers=headers)
            assert video not in answer.text, caller.name
