"""A version of a video that every browser plays, where the original is not one."""

import asyncio
import os

from calotype.assets import facts_store
from calotype.core.errors import Full, Missing
from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import Done, Outcome, Skip
from calotype.core.world import World
from calotype.media import store, transcode
from calotype.media.events import VideoEncoded
from calotype.outside import video
from calotype.settings import current
from calotype.storage import paths, roots


async def encode(world: World, id: AssetId) -> Outcome:
    """Decide by the policy, encode where it asks for it, and forget an encoded file that is no longer wanted."""
    async with world.glancing() as look:
        row = await facts_store.to_process(look, id)
        if row is None or row["type"] != "VIDEO":
            return Skip("there is no video")
        before = await store.files(look, id)
    if not row["video"]:
        return Skip("its facts are not known")
    facts = video.VideoFacts.from_json(row["video"])
    settings = (await current.read(world)).ffmpeg
    verdict = transcode.decide(facts, settings)
    data = world.config.data
    if not verdict.is_needed:
        async with world.writing() as tx:
            for path in await store.forget_files(tx, id, ["encoded_video"]):
                tx.after(lambda path=path: asyncio.to_thread((data / path).unlink, missing_ok=True))
            await facts_store.save_transcode(tx, id, now=world.clock.now())
            await store.solve(tx, id, "transcode")
            tx.tell(VideoEncoded(id))
        return Done()
    roots.require_room(world.config)
    target = paths.encoded_video_path(data, UserId(row["owner_id"]), id)
    os.makedirs(target.parent, exist_ok=True)
    tries = transcode.attempts(facts, settings, verdict, video.devices())
    try:
        async with world.files.local(row["original_key"]) as path:
            await video.encode(world.config, path, target, tries, duration_s=facts.duration_s)
    except (video.EncodeFailed, Missing) as fault:
        async with world.writing() as tx:
            await store.note_problem(tx, id, "transcode", str(fault))
        return Skip("it could not be encoded")
    except OSError as error:
        if error.errno == 28:  # ENOSPC
            raise Full("The data volume is full.") from error
        raise
    made = store.MadeFile("encoded_video", target.relative_to(data).as_posix(), target.stat().st_size)
    async with world.writing() as tx:
        await store.save_files(tx, id, [made])
        await facts_store.save_transcode(tx, id, now=world.clock.now())
        await store.solve(tx, id, "transcode")
        tx.tell(VideoEncoded(id))
    old = before.get("encoded_video")
    if old is not None and old != made.path:
        (data / old).unlink(missing_ok=True)
    return Done()
