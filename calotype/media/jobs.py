"""Doors for the worker."""

from typing import Any
from uuid import UUID

from calotype.core.ids import AssetId
from calotype.core.jobs import Done, Outcome, Skip, job
from calotype.core.world import World
from calotype.media import extract, previews, scraps, videos, write_back


def _id(data: dict[str, Any]) -> AssetId:
    return AssetId(UUID(data["id"]))


@job("AssetExtractMetadata", queue="metadataExtraction")
async def read_facts(world: World, data: dict[str, Any]) -> Outcome:
    return await extract.read_facts(world, _id(data), source=data.get("source"))


@job("AssetGenerateThumbnails", queue="thumbnailGeneration")
async def make_previews(world: World, data: dict[str, Any]) -> Outcome:
    return await previews.make_previews(world, _id(data), source=data.get("source"))


@job("AssetEncodeVideo", queue="videoConversion")
async def encode_video(world: World, data: dict[str, Any]) -> Outcome:
    return await videos.encode(world, _id(data))


@job("SidecarWrite", queue="sidecar")
async def write_sidecar(world: World, data: dict[str, Any]) -> Outcome:
    return await write_back.write_sidecar(world, _id(data))


@job("ScrapsDelete", queue="backgroundTask")
async def clear_scraps(world: World, data: dict[str, Any]) -> Outcome:
    return Done() if await scraps.clear(world) else Skip("nothing was left behind")
