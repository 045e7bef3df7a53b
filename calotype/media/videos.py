"""A version of a video that every browser plays, where the original is not one."""

import asyncio
import os
from pathlib import Path

from calotype.assets import facts_store
from calotype.core.errors import Missing
from calotype.core.ids import AssetId, UserId, new_id
from calotype.core.jobs import Done, Later, Outcome, Skip
from calotype.core.tx import Row
from calotype.core.world import World
from calotype.media import store, transcode
from calotype.media.attempt import attempt, note
from calotype.media.events import VideoEncoded
from calotype.outside import derivatives, video
from calotype.settings import current
from calotype.settings.settings import Ffmpeg
from calotype.storage import paths, roots

WAIT_FOR_FACTS_S = 10


async def encode(world: World, id: AssetId) -> Outcome:
    """Decide by the policy, encode where it asks for it, and forget an encoded file that is no longer wanted."""
    async with world.glancing() as look:
        row = await facts_store.to_process(look, id)
        if row is None or row["type"] != "VIDEO":
            return Skip("there is no video")
        if row["metadata_at"] is None and not await store.has_problem(look, id, "metadata"):
            return Later(WAIT_FOR_FACTS_S, "its facts are not read yet")
    if not row["video"]:
        return Skip("its facts cannot be read")
    facts = video.VideoFacts.from_json(row["video"])
    settings = (await current.read(world)).ffmpeg
    verdict = transcode.decide(facts, settings)
    if not verdict.is_needed:
        return await _keep(world, row, None)
    roots.require_room(world.config)
    async with attempt(world, id, "transcode", row["original_key"]):
        try:
            target = await _encode(world, row, facts, settings, verdict)
        except (video.EncodeFailed, Missing) as fault:
            await note(world, id, "transcode", f"The video could not be converted: {fault}")
            return Skip("it could not be converted")
        return await _keep(world, row, target)


async def _encode(
    world: World, row: Row, facts: video.VideoFacts, settings: Ffmpeg, verdict: transcode.Verdict
) -> Path:
    target = paths.encoded_video_path(world.config.data, UserId(row["owner_id"]), AssetId(row["id"]))
    # A name of its own until it is whole: the same job may run twice at once.
    fresh = target.with_name(f".{target.name}.{new_id().hex}.part")
    await asyncio.to_thread(os.makedirs, target.parent, exist_ok=True)
    tries = transcode.attempts(facts, settings, verdict, video.devices())
    async with world.files.local(row["original_key"]) as path:
        await video.encode(world.config, path, fresh, tries, duration_s=facts.duration_s)
    await asyncio.to_thread(fresh.replace, target)
    return target


async def _keep(world: World, row: Row, target: Path | None) -> Outcome:
    """Note the encoded file, or (`None`) that the original needs none; the one of before goes if it is another."""
    data, id = world.config.data, AssetId(row["id"])
    made = None if target is None else await asyncio.to_thread(_made, target, data)
    async with world.writing() as tx:
        is_there = await facts_store.save_transcode(tx, id, now=world.clock.now())
        old = await store.forget_files(tx, id, ["encoded_video"])
        if made is not None and is_there:
            await store.save_files(tx, id, [made])
            old = [path for path in old if path != made.path]
        elif made is not None:
            old.append(made.path)
        tx.after(lambda: derivatives.remove(data, old))
        if not is_there:
            return Skip("the asset is gone")
        await store.solve(tx, id, "transcode")
        tx.tell(VideoEncoded(id))
    return Done()


def _made(target: Path, data: Path) -> store.MadeFile:
    return store.MadeFile("encoded_video", target.relative_to(data).as_posix(), target.stat().st_size)
