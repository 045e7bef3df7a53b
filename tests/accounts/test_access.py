"""The gate: who may touch what."""

from datetime import timedelta
from uuid import uuid4

import pytest

from calotype.accounts import access
from calotype.accounts.caller import Caller, KeyCredential, SessionCredential
from calotype.accounts.permission import GATES, PERMISSIONS
from calotype.core.errors import Invalid, Unauthenticated
from calotype.core.ids import ApiKeyId, SessionId

SEEING = ("asset.read", "asset.view", "asset.download")
OWNING = ("asset.update", "asset.delete", "asset.copy", "asset.edit.create", "asset.edit.get", "asset.derive")
EDITING = ("album.update", "album.share", "albumAsset.create", "albumAsset.delete", "albumUser.create")


def session(user, *, elevated_until=None) -> Caller:
    return Caller(user.id, user.is_admin, session=SessionCredential(SessionId(uuid4()), elevated_until))


async def opens(house, caller, permission, *ids) -> bool:
    async with house.world.glancing() as look:
        found = await access.allowed(look, caller, permission, ids, now=house.clock.now())
    assert found <= set(ids)
    return found == set(ids)


def test_every_gate_guards_a_permission_that_exists() -> None:
    assert set(GATES) <= set(PERMISSIONS)


async def test_an_owner_may_do_everything_with_their_photo(house) -> None:
    ada = await house.person("Ada")
    photo = await house.asset(ada)
    for permission in (*SEEING, *OWNING, "asset.share"):
        assert await opens(house, session(ada), permission, photo), permission


async def test_a_stranger_may_do_nothing_not_even_an_administrator(house) -> None:
    photo = await house.asset(await house.person("Ada"))
    admin = await house.person("Eve", is_admin=True)
    for permission in (*SEEING, *OWNING, "asset.share"):
        assert not await opens(house, session(admin), permission, photo), permission


async def test_one_foreign_id_refuses_the_whole_request_and_says_nothing_more(house) -> None:
    ada, eve = await house.person("Ada"), await house.person("Eve")
    own, foreign = await house.asset(eve), await house.asset(ada)
    async with house.world.glancing() as look:
        for asked in (foreign, uuid4()):
            with pytest.raises(Invalid) as refusal:
                await access.require(look, session(eve), "asset.read", [own, asked], now=house.clock.now())
            assert refusal.value.sentence == "Not found or no asset.read access"


async def test_locked_photos_need_the_pin_even_from_their_owner(house) -> None:
    ada = await house.person()
    photo = await house.asset(ada, visibility="locked")
    now = house.clock.now()
    assert not await opens(house, session(ada), "asset.read", photo)
    assert not await opens(house, session(ada, elevated_until=now - timedelta(seconds=1)), "asset.read", photo)
    elevated = session(ada, elevated_until=now + timedelta(minutes=1))
    assert await opens(house, elevated, "asset.read", photo)
    assert await opens(house, elevated, "asset.update", photo)
    assert not await opens(house, elevated, "asset.share", photo)  # what is locked is never shared
    key = Caller(ada.id, False, key=KeyCredential(ApiKeyId(uuid4()), frozenset({"all"})))
    assert not await opens(house, key, "asset.read", photo)


async def test_trashed_photos_stay_their_owners_and_deleted_ones_are_nobodys(house) -> None:
    ada = await house.person()
    now = house.clock.now()
    trashed = await house.asset(ada, status="trashed", deleted_at=now)
    deleted = await house.asset(ada, status="deleted", deleted_at=now)
    assert await opens(house, session(ada), "asset.delete", trashed)
    assert not await opens(house, session(ada), "asset.read", deleted)


@pytest.mark.parametrize("role", ["editor", "viewer"])
async def test_members_of_an_album_see_its_photos_and_change_none(house, role: str) -> None:
    ada, bob = await house.person("Ada"), await house.person("Bob")
    video = await house.asset(ada, visibility="hidden", type="VIDEO")
    live = await house.asset(ada, live_video_id=video)
    archived = await house.asset(ada, visibility="archive")
    album = await house.album(ada, live, archived, members={bob.id: role})
    for permission in SEEING:
        assert await opens(house, session(bob), permission, live, archived, video), permission
    for permission in (*OWNING, "asset.share"):
        assert not await opens(house, session(bob), permission, live), permission
    assert await opens(house, session(bob), "album.read", album)
    assert await opens(house, session(bob), "album.download", album)
    for permission in EDITING:
        assert await opens(house, session(bob), permission, album) is (role == "editor"), permission
    assert not await opens(house, session(bob), "album.delete", album)
    assert await opens(house, session(ada), "album.delete", album)


async def test_an_album_shows_nothing_that_is_trashed_or_locked(house) -> None:
    ada, bob = await house.person("Ada"), await house.person("Bob")
    trashed = await house.asset(ada, status="trashed", deleted_at=house.clock.now())
    locked = await house.asset(ada, visibility="locked")
    await house.album(ada, trashed, locked, members={bob.id: "viewer"})
    assert not await opens(house, session(bob), "asset.read", trashed)
    assert not await opens(house, session(bob), "asset.read", locked)
    assert not await opens(house, session(ada), "asset.read", locked)  # nor does her own album open her locked folder


async def test_an_album_is_closed_when_it_or_its_owner_is_gone(house) -> None:
    ada, bob = await house.person("Ada"), await house.person("Bob")
    photo = await house.asset(ada)
    album = await house.album(ada, photo, members={bob.id: "viewer"})
    await house.execute("UPDATE users SET deleted_at = now(), status = 'deleted' WHERE id = $1", ada.id)
    assert not await opens(house, session(bob), "asset.read", photo)
    assert not await opens(house, session(bob), "album.read", album)
    await house.execute("UPDATE users SET deleted_at = NULL, status = 'active' WHERE id = $1", ada.id)
    assert await opens(house, session(bob), "album.read", album)
    await house.execute("UPDATE album SET deleted_at = now() WHERE id = $1", album)
    assert not await opens(house, session(bob), "asset.read", photo)


async def test_a_partner_sees_the_timeline_and_nothing_else(house) -> None:
    ada, bob = await house.person("Ada"), await house.person("Bob")
    await house.row("partner", shared_by_id=ada.id, shared_with_id=bob.id)
    seen = [await house.asset(ada), await house.asset(ada, visibility="hidden")]
    unseen = [
        await house.asset(ada, visibility="archive"),
        await house.asset(ada, visibility="locked"),
        await house.asset(ada, status="trashed", deleted_at=house.clock.now()),
    ]
    for permission in (*SEEING, "asset.share"):
        assert await opens(house, session(bob), permission, *seen)
        for photo in unseen:
            assert not await opens(house, session(bob), permission, photo)
    assert not await opens(house, session(bob), "asset.update", seen[0])
    assert await opens(house, session(bob), "timeline.read", bob.id, ada.id)
    assert not await opens(house, session(bob), "timeline.download", ada.id)
    assert not await opens(house, session(bob), "archive.read", ada.id)
    assert await opens(house, session(bob), "partner.update", ada.id)
    assert not await opens(house, session(ada), "timeline.read", bob.id)  # sharing goes one way
    assert not await opens(house, session(ada), "asset.read", await house.asset(bob))


async def test_a_link_shows_what_it_holds_and_nothing_of_its_maker(house) -> None:
    ada = await house.person()
    video = await house.asset(ada, visibility="hidden", type="VIDEO")
    shown, other = await house.asset(ada, live_video_id=video), await house.asset(ada)
    stranger = await house.link(ada, shown)
    assert await opens(house, stranger, "asset.read", shown, video)
    assert await opens(house, stranger, "asset.download", shown)
    for permission in OWNING:
        assert not await opens(house, stranger, permission, shown), permission
    assert not await opens(house, stranger, "asset.share", shown)
    assert not await opens(house, stranger, "asset.read", other)
    assert not await opens(house, stranger, "timeline.read", ada.id)


async def test_a_link_to_an_album_opens_that_album_as_far_as_it_allows(house) -> None:
    ada = await house.person()
    shown = await house.asset(ada)
    album, other = await house.album(ada, shown), await house.album(ada)
    closed = await house.link(ada, album=album, allow_download=False)
    assert await opens(house, closed, "album.read", album)
    assert await opens(house, closed, "asset.view", shown)
    assert not await opens(house, closed, "asset.download", shown)
    assert not await opens(house, closed, "album.download", album)
    assert not await opens(house, closed, "albumAsset.create", album)
    assert not await opens(house, closed, "album.read", other)
    with pytest.raises(Unauthenticated, match="Unauthorized"):
        access.require_upload(closed)
    welcoming = await house.link(ada, album=album, allow_upload=True)
    access.require_upload(welcoming)
    assert await opens(house, welcoming, "albumAsset.create", album)
    assert not await opens(house, welcoming, "albumAsset.delete", album)


async def test_sessions_tags_and_stacks_are_their_owners_alone(house) -> None:
    ada, eve = await house.person("Ada"), await house.person("Eve")
    caller, _ = await house.login(ada)
    tag = await house.row("tag", id=uuid4(), owner_id=ada.id, value="Animals")
    stack = await house.row("stack", id=uuid4(), owner_id=ada.id, primary_asset_id=await house.asset(ada))
    for permission, id in (
        ("session.update", caller.session.id),
        ("authDevice.delete", caller.session.id),
        ("tag.update", tag),
        ("tag.asset", tag),
        ("stack.delete", stack),
    ):
        assert await opens(house, session(ada), permission, id), permission
        assert not await opens(house, session(eve), permission, id), permission


async def test_nothing_asked_is_nothing_refused(house) -> None:
    async with house.world.glancing() as look:
        await access.require(look, session(await house.person()), "asset.delete", [], now=house.clock.now())
