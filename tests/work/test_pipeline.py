"""What follows what, and that nothing is forgotten."""

import importlib
import pkgutil
import sys
from dataclasses import replace
from uuid import uuid4

import pytest

import calotype
from calotype.assets.asset import AssetsDeleted, AssetsEdited, AssetUploaded, TrashEmptied
from calotype.core.events import Event
from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import REGISTRY
from calotype.core.ports import Job
from calotype.media.events import FactsRead, MotionPartFound, PreviewsMade
from calotype.settings.current import SettingsChanged
from calotype.storage.root import RootOffline, RootOnline
from calotype.work import pipeline, worker
from tests.fakes import Message
from tests.working import picture

ID, OWNER = AssetId(uuid4()), UserId(uuid4())


def every_event() -> set[type[Event]]:
    for module in pkgutil.walk_packages(calotype.__path__, "calotype."):
        if not module.name.endswith("__main__") and ".schema" not in module.name:
            importlib.import_module(module.name)
    # Classes with slots are made twice; only the second has a place in its module.
    return {kind for kind in Event.__subclasses__() if vars(sys.modules[kind.__module__]).get(kind.__name__) is kind}


def test_every_event_has_consequences_or_is_silent_on_purpose():
    followed = pipeline.FOLLOWS.keys() | pipeline.TELLS.keys()
    assert every_event() == followed | pipeline.SILENT
    assert followed & pipeline.SILENT == set()


def test_every_job_that_is_started_is_declared_on_its_queue():
    worker.load_jobs()
    pipeline.check_registry()
    assert {name: REGISTRY[name].queue for name in pipeline.QUEUE_OF} == pipeline.QUEUE_OF


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (AssetUploaded(ID, OWNER), ["AssetExtractMetadata"]),
        (FactsRead(ID, OWNER, "upload", True, False), ["AssetGenerateThumbnails"]),
        (FactsRead(ID, OWNER, "upload", True, True), ["AssetGenerateThumbnails", "AssetEncodeVideo"]),
        (FactsRead(ID, OWNER, "sidecar-write", False, False), []),
        (MotionPartFound(ID, ID), ["AssetExtractMetadata"]),
        (AssetsEdited(OWNER, (ID, ID)), ["SidecarWrite", "SidecarWrite"]),
        (AssetsDeleted(OWNER, (ID,)), ["AssetDelete"]),
        (TrashEmptied(OWNER), ["AssetEmptyTrash"]),
        (RootOnline(), ["Sweep"]),
    ],
)
def test_what_follows(event: Event, names: list[str]):
    jobs = pipeline.FOLLOWS[type(event)](event)
    assert [job.name for job in jobs] == names
    assert all(job.queue == pipeline.QUEUE_OF[job.name] for job in jobs)


async def test_jobs_carry_ids_as_text(house):
    await pipeline.publish(house.world, [AssetUploaded(ID, OWNER)])
    assert house.jobs == [Job("AssetExtractMetadata", "metadataExtraction", {"id": str(ID), "source": "upload"})]


async def test_a_broker_that_is_away_fails_nobody_and_the_messages_still_leave(house, ada):
    house.world.queue.is_away = True
    answer = await ada.upload(picture())
    assert answer.status_code == 201
    await pipeline.publish(house.world, [AssetUploaded(ID, OWNER), SettingsChanged()])
    assert house.heard == [Message("everybody", "on_config_update", ())]
    house.world.queue.is_away = False
    assert house.jobs == []


class NoPool:
    async def acquire(self):
        raise ConnectionRefusedError

    async def release(self, connection) -> None: ...


async def test_neither_does_a_database_that_went_away_after_the_commit(house):
    world = replace(house.world, pool=NoPool())
    await pipeline.publish(world, [PreviewsMade(ID, OWNER, "upload"), SettingsChanged()])
    assert [message.event for message in house.heard] == ["on_config_update"]


class BrokenPush:
    async def to_all(self, event: str, *arguments) -> None:
        raise RuntimeError("a bug")


async def test_nor_a_bug_of_ours(house):
    await pipeline.publish(replace(house.world, push=BrokenPush()), [SettingsChanged(), AssetUploaded(ID, OWNER)])
    assert len(house.jobs) == 1


async def test_everybody_hears_of_the_storage(house):
    await pipeline.publish(house.world, [RootOffline("absent", "The photo storage is not reachable."), RootOnline()])
    assert [message.arguments[0]["state"] for message in house.heard] == ["absent", "online"]


@pytest.mark.parametrize("visibility", ["hidden", "locked"])
async def test_what_is_not_shown_is_not_announced(house, ada, visibility: str):
    await ada.asset(picture(), visibility=visibility)
    await house.work()
    assert house.heard == []


async def test_an_archived_photo_is_announced(house, ada):
    await ada.asset(picture(), visibility="archive")
    await house.work()
    assert {message.event for message in house.heard} == {"on_upload_success", "AssetUploadReadyV2"}
