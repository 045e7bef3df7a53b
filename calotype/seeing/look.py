"""A picture is looked at once for everything that is due, and each room keeps its part of the answer.

Three jobs of three queues lead here. Whichever comes first claims the picture and asks for all that is due in one
request, so that it is sent and decoded once; the others find it claimed, or their step done. A claim is renewed while its
holder lives; should it die, the queue runs its job again, which waits until the claim runs out.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

from calotype.assets import facts_store
from calotype.core.errors import Invalid, Offline
from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import Done, Later, Outcome, Skip
from calotype.core.ports import Seen, Wanted
from calotype.core.tx import Tx
from calotype.core.world import World
from calotype.media import store as media_store
from calotype.people import detect
from calotype.search import embed, text
from calotype.seeing import store
from calotype.seeing.steps import QUEUE, Known, due, wanted
from calotype.settings import current
from calotype.settings.settings import MachineLearning

CLAIM_S = 30  # what a worker that died has claimed is free after this
RENEW_S = 10
ASK_AGAIN_S = 30
REST_S = 60  # for how long a step that could not be answered is not asked for beside others

Answers = dict[str, Seen | Invalid | Offline]


async def look(world: World, id: AssetId, step: str, *, force: bool = False) -> Outcome:
    """See what `step` asks for, and whatever else is due of this picture."""
    learning = (await current.read(world)).machine_learning
    if step not in learning.steps:
        return Skip("switched off in the settings")
    async with _claim(world, id, step) as is_ours:
        if not is_ours:
            must_wait = force or await _must_wait(world, id, step)
            return Later(5, "it is being looked at") if must_wait else Skip("it is being looked at")
        known = await _known(world, id, learning)
        if isinstance(known, Skip):
            return known
        steps = due(known, learning.steps, step, force=force)
        if not steps:
            return Skip("done already")
        others = [other for other in steps[1:] if await _may_come_along(world, other)]
        return await _see(world, known, [step, *others], learning)


async def _must_wait(world: World, id: AssetId, step: str) -> bool:
    """Who has claimed it asks for our step too, unless that rests. For our own step it was claimed by this very job, before
    its worker died; a second look at what is done waits for its turn in any case."""
    return await world.cache.get(_holder(id)) == step.encode() or await world.cache.get(_rest(step)) is not None


def _key(id: AssetId) -> str:
    return f"looking:{id}"


def _holder(id: AssetId) -> str:
    return f"looking-for:{id}"


@asynccontextmanager
async def _claim(world: World, id: AssetId, step: str) -> AsyncGenerator[bool]:
    """Whether the picture is ours to look at, for the length of the block."""
    # 0: the cache is away. Then two may look at the same picture, which costs time and nothing else.
    if await world.cache.count(_key(id), ttl_s=CLAIM_S) > 1:
        yield False
        return
    await world.cache.put(_holder(id), step.encode(), ttl_s=CLAIM_S)
    renewing = asyncio.create_task(_renew(world, id, step))
    try:
        yield True
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        await world.cache.forget(_key(id), _holder(id))


async def _renew(world: World, id: AssetId, step: str) -> None:
    while True:
        await asyncio.sleep(RENEW_S)
        await world.cache.put(_key(id), b"1", ttl_s=CLAIM_S)
        await world.cache.put(_holder(id), step.encode(), ttl_s=CLAIM_S)


async def _may_come_along(world: World, step: str) -> bool:
    return not await world.queue.is_paused(QUEUE[step]) and await world.cache.get(_rest(step)) is None


def _rest(step: str) -> str:
    return f"looking-rests:{step}"


async def _known(world: World, id: AssetId, learning: MachineLearning) -> Known | Skip:
    async with world.glancing() as glance:
        row = await store.to_see(glance, id, learning.clip.model_name)
    if row is None:
        return Skip("the asset is gone")
    if row["visibility"] == "hidden":
        return Skip("hidden assets are not looked at")
    if row["preview"] is None:
        return Skip("there is no preview yet")
    done = {"embedding": row["has_embedding"], "faces": row["has_faces"], "text": row["has_text"]}
    lags = row["used_model"] if row["used_model"] != learning.clip.model_name and not row["has_used"] else None
    return Known(
        id,
        UserId(row["owner_id"]),
        row["preview"],
        frozenset(step for step, is_done in done.items() if is_done),
        frozenset(row["problems"]),
        lags,
    )


async def _see(world: World, known: Known, steps: Sequence[str], learning: MachineLearning) -> Outcome:
    try:
        picture = await asyncio.to_thread((world.config.data / known.preview).read_bytes)
    except FileNotFoundError:
        return Skip("the preview file is gone")
    answers = await _ask(world, picture, steps, learning)
    away = {step: answer for step, answer in answers.items() if isinstance(answer, Offline)}
    for step in away:
        await world.cache.put(_rest(step), b"1", ttl_s=REST_S)
    later = Later(ASK_AGAIN_S, away[steps[0]].sentence, for_all=True) if steps[0] in away else None
    if later is not None and len(away) == len(steps):
        return later
    old = await _ask_old(world, picture, known) if "embedding" in steps and "embedding" not in away else None
    async with world.writing() as tx:
        if not await facts_store.hold(tx, known.id):
            return Skip("the asset is gone")
        for step, answer in answers.items():
            if not isinstance(answer, Offline):
                await _keep(world, tx, known, step, answer, learning)
        if old is not None and known.lags_behind is not None:
            with suppress(Invalid):
                await embed.keep(tx, known.id, known.owner_id, model=known.lags_behind, vector=old)
    if later is not None:
        return later
    failed = [answer.sentence for answer in answers.values() if isinstance(answer, Invalid)]
    return Skip(failed[0]) if len(failed) == len(steps) else Done()


async def _ask(world: World, picture: bytes, steps: Sequence[str], learning: MachineLearning) -> Answers:
    """One request; when that is refused, one for each step: a model that is not there yet must not keep text from
    being read."""
    try:
        seen = await world.vision.see(picture, wanted(steps, learning))
    except (Invalid, Offline) as refusal:
        if len(steps) == 1:
            return {steps[0]: refusal}
        return {step: (await _ask(world, picture, [step], learning))[step] for step in steps}
    return dict.fromkeys(steps, seen)


async def _ask_old(world: World, picture: bytes, known: Known) -> str | None:
    """While a new model is on its way, the one that still answers searches sees new pictures too, if it can."""
    if known.lags_behind is None:
        return None
    try:
        return (await world.vision.see(picture, Wanted(clip=known.lags_behind))).vector
    except (Offline, Invalid):
        return None


async def _keep(
    world: World, tx: Tx, known: Known, step: str, answer: Seen | Invalid, learning: MachineLearning
) -> None:
    """Into its own room; a refusal is kept beside the asset, so that nobody tries for ever in silence."""
    try:
        if isinstance(answer, Invalid):
            raise answer
        match step:
            case "embedding":
                assert answer.vector is not None
                await embed.keep(tx, known.id, known.owner_id, model=learning.clip.model_name, vector=answer.vector)
            case "faces":
                assert answer.faces is not None
                named = learning.facial_recognition.model_name
                await detect.keep(tx, known.id, known.owner_id, answer.width, answer.height, answer.faces, named)
            case _:
                assert answer.lines is not None
                await text.keep(tx, known.id, answer.lines, now=world.clock.now())
    except Invalid as refusal:
        await media_store.note_problem(tx, known.id, step, refusal.sentence)
    else:
        await media_store.solve(tx, known.id, step)
