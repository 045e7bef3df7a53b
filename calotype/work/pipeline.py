"""What follows what: the only file that turns events into jobs, and into messages for those who are looking."""

import logging
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from calotype.accounts import sessions, users
from calotype.assets import asset, live_store
from calotype.assets.store import media_root
from calotype.core import log
from calotype.core.errors import Problem
from calotype.core.events import Event
from calotype.core.jobs import REGISTRY
from calotype.core.ports import Job
from calotype.core.world import World
from calotype.media import events as media
from calotype.people import missing as people_missing
from calotype.people import person as people
from calotype.search import embed
from calotype.server import notices
from calotype.settings.current import SettingsChanged
from calotype.storage.root import RootOffline, RootOnline

E = TypeVar("E", bound=Event)
Follow = Callable[[Any], list[Job]]
Tell = Callable[[World, Any], Awaitable[None]]

FOLLOWS: dict[type[Event], Follow] = {}
TELLS: dict[type[Event], Tell] = {}


def start(name: str, **data: Any) -> Job:
    """A job by its public name; ids in `data` become text."""
    texts = {key: str(value) if isinstance(value, UUID) else value for key, value in data.items()}
    return Job(name, QUEUE_OF[name], texts)


# Where each job runs, known to every process, although only the worker imports the handlers.
QUEUE_OF = {
    "AssetExtractMetadata": "metadataExtraction",
    "AssetGenerateThumbnails": "thumbnailGeneration",
    "AssetEncodeVideo": "videoConversion",
    "AssetDelete": "backgroundTask",
    "AssetEmptyTrash": "backgroundTask",
    "FileDelete": "backgroundTask",
    "SidecarWrite": "sidecar",
    "SidecarCheck": "sidecar",
    "AssetDeleteCheck": "backgroundTask",
    "UserDelete": "backgroundTask",
    "UserDeleteCheck": "backgroundTask",
    "SessionCleanup": "backgroundTask",
    "NotificationsCleanup": "backgroundTask",
    "AuditTableCleanup": "backgroundTask",
    "UserSyncUsage": "backgroundTask",
    "ScrapsDelete": "backgroundTask",
    "DerivativesCheck": "backgroundTask",
    "Sweep": "backgroundTask",
    "SmartSearch": "smartSearch",
    "AssetDetectFaces": "faceDetection",
    "Ocr": "ocr",
    "EmbeddingsTidy": "search",
    "FacialRecognition": "facialRecognition",
    "FacialRecognitionQueueAll": "facialRecognition",
    "PersonGenerateThumbnail": "thumbnailGeneration",
    "PeopleFromFile": "facialRecognition",
    "PeopleToFiles": "sidecar",
    "PersonCleanup": "backgroundTask",
    "AssetDetectDuplicates": "duplicateDetection",
}
TO_SEE = {"embedding": "SmartSearch", "faces": "AssetDetectFaces", "text": "Ocr"}


def check_registry() -> None:
    """Every job named here is declared with the same queue. Raises `RuntimeError` for one that is not."""
    for name, queue in QUEUE_OF.items():
        if name not in REGISTRY or REGISTRY[name].queue != queue:
            raise RuntimeError(f"The pipeline starts {name} on {queue}, but no such job is declared.")


FOLLOWS.update(
    {
        asset.AssetUploaded: lambda e: [start("AssetExtractMetadata", id=e.asset_id, source="upload")],
        media.FactsRead: lambda e: (
            ([start("AssetGenerateThumbnails", id=e.asset_id, source=e.source)] if e.wants_previews else [])
            + ([start("AssetEncodeVideo", id=e.asset_id)] if e.wants_encoding else [])
        ),
        # What looks alike is gathered for a moment and compared together: see `duplicates/missing.py`.
        media.PreviewsMade: lambda e: [start(TO_SEE[step], id=e.asset_id) for step in e.to_see],
        embed.Embedded: lambda e: [start("AssetDetectDuplicates", id=e.asset_id)],
        people.FacesDetected: lambda e: [people_missing.recognition(e.owner_id)] if e.new_face_ids else [],
        media.FacesNamed: lambda e: [start("PeopleFromFile", id=e.asset_id)],
        people.NamesChanged: lambda _: [people_missing.names()],
        people.PeopleChanged: lambda e: [start("PersonGenerateThumbnail", id=id) for id in e.person_ids],
        people.PeopleToFind: lambda e: [start("FacialRecognition", ownerId=e.owner_id, force=e.force)],
        embed.ModelReplaced: lambda _: [start("EmbeddingsTidy")],
        media.MotionPartFound: lambda e: [start("AssetExtractMetadata", id=e.part_id, source="upload")],
        media.SidecarWritten: lambda e: [start("AssetExtractMetadata", id=e.asset_id, source="sidecar-write")],
        asset.AssetsEdited: lambda e: [start("SidecarWrite", id=id) for id in e.asset_ids],
        asset.SidecarReplaced: lambda e: [start("AssetExtractMetadata", id=e.asset_id)],
        asset.AssetsDeleted: lambda e: [start("AssetDelete", id=id) for id in e.asset_ids],
        asset.TrashEmptied: lambda _: [start("AssetEmptyTrash")],
        asset.FilesDiscarded: lambda e: [start("FileDelete", id=str(e.leftover_id))],
        users.UserRemoved: lambda e: [start("UserDelete", id=e.user_id, force=True)],
        RootOnline: lambda _: [start("Sweep")],
    }
)

# Nothing follows, and nobody needs to hear of it at once.
SILENT: frozenset[type[Event]] = frozenset({media.VideoEncoded, users.UserChanged})


async def publish(world: World, events: Sequence[Event]) -> None:
    """Queue what follows and tell who is looking. Never raises: what is lost here, the sweep finds again.

    The rows are committed; a fault of ours in here must not make what was done look as if it had failed.
    """
    with _forgiving("jobs-not-queued"):
        jobs = [job for event in events if type(event) in FOLLOWS for job in FOLLOWS[type(event)](event)]
        if jobs:
            await world.queue.put(jobs)
    for event in events:
        tell = TELLS.get(type(event))
        if tell is not None:
            with _forgiving("message-not-sent"):
                await tell(world, event)


@contextmanager
def _forgiving(what: str) -> Generator[None]:
    try:
        yield
    except Problem as problem:
        log.say(what, level=logging.WARNING, reason=problem.sentence)
    except Exception as error:
        log.say(what, level=logging.ERROR, error=error)


def tells(kind: type[E]) -> Callable[[Callable[[World, E], Awaitable[None]]], Callable[[World, E], Awaitable[None]]]:
    """Declare the message for an event."""

    def register(tell: Callable[[World, E], Awaitable[None]]) -> Callable[[World, E], Awaitable[None]]:
        TELLS[kind] = tell
        return tell

    return register


@tells(media.PreviewsMade)
async def _ready(world: World, event: media.PreviewsMade) -> None:
    if event.source != "upload":
        return
    async with world.glancing() as look:
        shown = await live_store.shown(look, event.asset_id, media_root(world.files))
    if shown is None or shown.visibility not in ("timeline", "archive"):
        return
    owner = str(shown.owner_id)
    await world.push.to_user(owner, "on_upload_success", shown.asset)
    await world.push.to_user(owner, "AssetUploadReadyV2", {"asset": shown.sync_asset, "exif": shown.sync_exif})


@tells(media.FactsRead)
async def _changed(world: World, event: media.FactsRead) -> None:
    if event.source == "upload":
        return
    async with world.glancing() as look:
        shown = await live_store.shown(look, event.asset_id, media_root(world.files))
    if shown is not None and shown.visibility in ("timeline", "archive"):
        await world.push.to_user(str(shown.owner_id), "on_asset_update", shown.asset)


@tells(asset.AssetsTrashed)
async def _trashed(world: World, event: asset.AssetsTrashed) -> None:
    await world.push.to_user(str(event.owner_id), "on_asset_trash", [str(id) for id in event.asset_ids])


@tells(asset.AssetsRestored)
async def _restored(world: World, event: asset.AssetsRestored) -> None:
    await world.push.to_user(str(event.owner_id), "on_asset_restore", [str(id) for id in event.asset_ids])


@tells(asset.AssetGone)
async def _removed(world: World, event: asset.AssetGone) -> None:
    await world.push.to_user(str(event.owner_id), "on_asset_delete", str(event.asset_id))


@tells(asset.AssetHidden)
async def _hidden(world: World, event: asset.AssetHidden) -> None:
    await world.push.to_user(str(event.owner_id), "on_asset_hidden", str(event.asset_id))


@tells(sessions.SessionEnded)
async def _signed_out(world: World, event: sessions.SessionEnded) -> None:
    await world.push.to_session(str(event.session_id), "on_session_delete", str(event.session_id))


@tells(users.UserErased)
async def _user_gone(world: World, event: users.UserErased) -> None:
    await world.push.to_all("on_user_delete", str(event.user_id))


@tells(SettingsChanged)
async def _settings(world: World, event: SettingsChanged) -> None:
    await world.push.to_all("on_config_update")


@tells(people.PortraitMade)
async def _portrait(world: World, event: people.PortraitMade) -> None:
    await world.push.to_user(str(event.owner_id), "on_person_thumbnail", str(event.person_id))


@tells(notices.Noticed)
async def _noticed(world: World, event: notices.Noticed) -> None:
    await world.push.to_user(str(event.user_id), "on_notification", event.message)


@tells(RootOffline)
async def _root_offline(world: World, event: RootOffline) -> None:
    await world.push.to_all("calotype_storage", {"state": event.state, "sentence": event.sentence})


@tells(RootOnline)
async def _root_online(world: World, event: RootOnline) -> None:
    await world.push.to_all("calotype_storage", {"state": "online", "sentence": ""})
