"""Doors for the worker."""

from typing import Any
from uuid import UUID

from calotype.core.ids import AssetId
from calotype.core.jobs import Done, Outcome, Skip, job
from calotype.core.world import World
from calotype.media import extract, likeness, previews, scraps, sidecar_check, vanished, videos, write_back


def _id(data: dict[str, Any]) -> AssetId:
    return AssetId(UUID(data["id"]))


@job("AssetExtractMetadata", queue="metadataExtraction")
async def read_facts(world: World, data: dict[str, Any]) -> Outcome:
    """Read date, place, camera and the rest from the file and its sidecar into the row."""
    return await extract.read_facts(world, _id(data), source=data.get("source"))


@job("AssetGenerateThumbnails", queue="thumbnailGeneration")
async def make_previews(world: World, data: dict[str, Any]) -> Outcome:
    """Make preview, thumbnail and thumbhash, and a full-size picture for what browsers cannot show."""
    return await previews.make_previews(world, _id(data), source=data.get("source"))


@job("AssetMakeLikeness", queue="thumbnailGeneration")
async def make_likeness(world: World, data: dict[str, Any]) -> Outcome:
    """Note how a photo looks whose previews are older than that question."""
    return await likeness.make_likeness(world, _id(data))


@job("AssetEncodeVideo", queue="videoConversion")
async def encode_video(world: World, data: dict[str, Any]) -> Outcome:
    """Encode a video that browsers would not play, as the settings say."""
    return await videos.encode(world, _id(data))


@job("SidecarWrite", queue="sidecar")
async def write_sidecar(world: World, data: dict[str, Any]) -> Outcome:
    """Write a person's edits into the sidecar."""
    return await write_back.write_sidecar(world, _id(data))


@job("SidecarCheck", queue="sidecar")
async def check_sidecar(world: World, data: dict[str, Any]) -> Outcome:
    """Look for a sidecar beside the original, and have it read."""
    return await sidecar_check.check(world, _id(data))


@job("ScrapsDelete", queue="backgroundTask")
async def clear_scraps(world: World, data: dict[str, Any]) -> Outcome:
    """Remove half-made previews and videos whose maker was killed."""
    return Done() if await scraps.clear(world) else Skip("nothing was left behind")


@job("DerivativesCheck", queue="backgroundTask")
async def check_derivatives(world: World, data: dict[str, Any]) -> Outcome:
    """Make previews and encoded videos again whose files are gone or not whole. A part of all; the rest follows."""
    return await vanished.check(world, AssetId(UUID(data["after"])) if "after" in data else vanished.FIRST)
