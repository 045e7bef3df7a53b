"""Database and media folder that do not belong together are told apart before anything is written."""

import asyncio
import shutil
from pathlib import Path
from uuid import UUID

import pytest

from calotype.core.errors import Offline
from calotype.core.world import World
from calotype.outside.keys import MARKER
from calotype.storage import epoch
from calotype.storage.epoch import Initialise, Refuse, Resume, StayAway, WrongStorage, decide
from calotype.storage.root import UNREADABLE, Identity, State, marker_bytes, read_marker
from calotype.storage.roots import GuardedFiles

OURS, THEIRS, NEW = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.mark.parametrize(
    ("ours", "marker", "holds_media", "decision"),
    [
        # A bare machine.
        (None, None, False, Initialise(Identity(NEW, 1))),
        # An ordinary start, and one after a start that was cut off between database and marker.
        (Identity(OURS, 5), Identity(OURS, 5), False, Resume(Identity(OURS, 6))),
        (Identity(OURS, 5), Identity(OURS, 4), False, Resume(Identity(OURS, 5))),
        (Identity(OURS, 1), Identity(OURS, 0), False, Resume(Identity(OURS, 1))),
        # The share is not mounted: the folder is empty, or somebody put other files there.
        (Identity(OURS, 5), None, False, StayAway()),
        (Identity(OURS, 5), None, True, StayAway()),
    ],
)
def test_what_belongs_together_starts(ours, marker, holds_media, decision):
    assert decide(ours, marker, holds_media=holds_media, new=NEW) == decision


@pytest.mark.parametrize(
    ("ours", "marker", "holds_media", "because"),
    [
        (None, Identity(THEIRS, 9), False, "database is new"),
        (None, None, True, "database is new"),
        (None, UNREADABLE, True, "marker file is damaged"),
        (Identity(OURS, 5), UNREADABLE, True, "marker file is damaged"),
        (Identity(OURS, 5), Identity(THEIRS, 5), True, "another installation"),
        (Identity(OURS, 5), Identity(OURS, 6), True, "database is older"),
        (Identity(OURS, 5), Identity(OURS, 60), True, "database is older"),
        (Identity(OURS, 5), Identity(OURS, 3), True, "media folder is older"),
    ],
)
def test_what_does_not_is_refused_with_a_way_out(ours, marker, holds_media, because):
    decision = decide(ours, marker, holds_media=holds_media, new=NEW)
    assert isinstance(decision, Refuse)
    assert because in decision.sentence
    assert epoch.ACCEPT in decision.sentence


@pytest.mark.parametrize(
    "content", [b"", b"\0\0", b"[]", b"null", b'{"instance": 1}', b'{"instance": "x", "epoch": 1}']
)
def test_a_damaged_marker_is_nobodys(content):
    assert read_marker(content) == UNREADABLE


def test_a_marker_reads_back_as_written():
    assert read_marker(marker_bytes(Identity(OURS, 7))) == Identity(OURS, 7)
    assert read_marker(None) is None


async def start(world: World) -> State:
    assert isinstance(world.files, GuardedFiles)
    return await epoch.start(world, world.files.root)


def marker_of(media: Path) -> Identity:
    marker = read_marker((media / MARKER).read_bytes())
    assert marker is not None
    return marker


async def test_a_new_installation_marks_its_folder_and_every_start_raises_the_epoch(installation):
    assert await start(await installation.world()) is State.ONLINE
    first = marker_of(installation.media)
    assert first.epoch == 1
    assert await start(await installation.world()) is State.ONLINE
    assert marker_of(installation.media) == Identity(first.id, 2)


async def test_the_same_folder_is_refused_to_a_new_database_and_left_alone(installation):
    await start(await installation.world())
    before = (installation.media / MARKER).read_bytes()
    await installation.execute("TRUNCATE instance")
    with pytest.raises(WrongStorage, match="Restore the"):
        await start(await installation.world())
    assert (installation.media / MARKER).read_bytes() == before


async def test_photos_without_a_marker_are_not_taken_over_by_a_new_database(installation):
    (installation.media / "upload/ada").mkdir(parents=True)
    (installation.media / "upload/ada/1.jpg").write_bytes(b"1")
    with pytest.raises(WrongStorage, match="already holds photos"):
        await start(await installation.world())
    assert not (installation.media / MARKER).exists()


async def test_an_empty_mount_at_boot_is_recognised_never_written_to_and_taken_up_when_it_returns(installation):
    await start(await installation.world())
    installation.media.rename(installation.folder / "unplugged")
    installation.media.mkdir()
    world = await installation.world()
    assert await start(world) is State.ABSENT
    with pytest.raises(Offline) as refusal:
        await world.files.begin("upload/ada/1.jpg")
    assert "previews still open" in refusal.value.sentence
    assert refusal.value.retry_after_s > 0
    assert list(installation.media.iterdir()) == []
    installation.media.rmdir()
    (installation.folder / "unplugged").rename(installation.media)
    assert (await world.files.root.probe()).state is State.ONLINE
    await (await world.files.begin("upload/ada/1.jpg")).abort()


async def test_a_restored_older_database_is_refused(installation):
    await start(await installation.world())
    await start(await installation.world())
    await installation.execute("UPDATE instance SET epoch = 1")
    with pytest.raises(WrongStorage, match="database is older"):
        await start(await installation.world())


async def test_an_older_copy_of_the_media_folder_is_refused(installation):
    await start(await installation.world())
    shutil.copytree(installation.media, installation.folder / "snapshot")
    for _ in range(2):
        await start(await installation.world())
    with pytest.raises(WrongStorage, match="media folder is older"):
        await start(await installation.world(media=installation.folder / "snapshot"))


async def test_an_older_folder_that_returns_while_running_is_left_alone(installation):
    await start(await installation.world())
    shutil.copytree(installation.media, installation.folder / "snapshot")
    for _ in range(2):
        await start(await installation.world())
    world = await installation.world(media=installation.folder / "snapshot")
    assert (await world.files.root.probe()).state is State.STALE


async def test_another_installations_folder_is_refused(installation):
    await start(await installation.world())
    (installation.media / MARKER).write_bytes(marker_bytes(Identity(THEIRS, 1)))
    with pytest.raises(WrongStorage, match="another installation"):
        await start(await installation.world())
    assert (await (await installation.world()).files.root.probe()).state is State.FOREIGN


async def test_a_process_that_is_running_follows_the_epoch_of_one_that_starts_beside_it(installation):
    first = await installation.world()
    await start(first)
    await start(await installation.world())
    await start(await installation.world())
    assert (await first.files.root.probe()).state is State.ONLINE


@pytest.mark.parametrize(
    "trouble", ["UPDATE instance SET epoch = 1", "UPDATE instance SET epoch = 90", "TRUNCATE instance"]
)
async def test_a_person_may_accept_the_pair_and_it_starts_from_then_on(installation, trouble: str):
    for _ in range(3):
        await start(await installation.world())
    await installation.execute(trouble)
    world = await installation.world()
    with pytest.raises(WrongStorage):
        await start(world)
    said = await epoch.accept(world, world.files.root)
    assert said.startswith(("Database and media", "The media folder"))
    assert await start(await installation.world()) is State.ONLINE


async def test_a_person_may_accept_an_empty_folder(installation):
    await start(await installation.world())
    shutil.rmtree(installation.media)
    world = await installation.world()
    assert await start(world) is State.ABSENT
    await epoch.accept(world, world.files.root)
    assert await start(await installation.world()) is State.ONLINE


async def test_many_processes_starting_at_once_agree(installation):
    await start(await installation.world())
    worlds = [await installation.world() for _ in range(6)]
    assert set(await asyncio.gather(*(start(world) for world in worlds))) == {State.ONLINE}
    assert await start(await installation.world()) is State.ONLINE
