"""Doors for the worker."""

from typing import Any
from uuid import UUID

from calotype.core.ids import AssetId
from calotype.core.jobs import Done, Outcome, Skip, job
from calotype.core.ports import Job
from calotype.core.world import World
from calotype.people import detect
from calotype.search import vectors
from calotype.seeing import look, missing


def _id(data: dict[str, Any]) -> AssetId:
    return AssetId(UUID(data["id"]))


@job("SmartSearch", queue="smartSearch")
async def embed(world: World, data: dict[str, Any]) -> Outcome:
    """Make the picture findable by meaning."""
    return await look.look(world, _id(data), "embedding", force=bool(data.get("force")))


@job("Ocr", queue="ocr")
async def read_text(world: World, data: dict[str, Any]) -> Outcome:
    """Read what is written in the picture."""
    return await look.look(world, _id(data), "text", force=bool(data.get("force")))


@job("AssetDetectFaces", queue="faceDetection")
async def detect_faces(world: World, data: dict[str, Any]) -> Outcome:
    """Find the faces in the picture."""
    return await look.look(world, _id(data), "faces", force=bool(data.get("force")))


@job("SmartSearchQueueAll", queue="smartSearch")
async def embed_all(world: World, data: dict[str, Any]) -> Outcome:
    """Queue every picture without an embedding; `force`: every picture. Searches go on with what is there."""
    force = bool(data.get("force"))
    return await _queued(world, "embedding", every=force, force=force)


@job("OcrQueueAll", queue="ocr")
async def read_all(world: World, data: dict[str, Any]) -> Outcome:
    """Queue every picture that was not read yet; `force`: every picture."""
    force = bool(data.get("force"))
    return await _queued(world, "text", every=force, force=force)


@job("AssetDetectFacesQueueAll", queue="faceDetection")
async def detect_all(world: World, data: dict[str, Any]) -> Outcome:
    """Queue every picture that was not searched for faces yet.

    `force` true: all of them, after forgetting what was found but nobody confirmed. Not given: all of them once more,
    and faces that are found again stay whose they are. Either way people without a face go.
    """
    force = data.get("force")
    if force is not False:
        async with world.writing() as tx:
            await detect.forget(tx, world, faces_too=force is True)
    outcome = await _queued(world, "faces", every=False, force=False)
    if force is not False:
        await world.queue.put([Job("PersonCleanup", "backgroundTask", {})])
    return outcome


async def _queued(world: World, step: str, *, every: bool, force: bool) -> Outcome:
    found = await missing.queue_all(world, step, every=every, force=force)
    return Done() if found else Skip("nothing is missing")


@job("EmbeddingsTidy", queue="search", attempts=1)
async def tidy(world: World, data: dict[str, Any]) -> Outcome:
    """Remove what a replaced model left, and keep the indexes of large libraries in step with them."""
    return Done() if await vectors.tidy(world) else Skip("everything is in order")
