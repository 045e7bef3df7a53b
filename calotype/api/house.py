"""Our own operations, which no other server has: health for orchestrators and banners, what is being worked on and what
failed, and how a visit of the web UI begins."""

import json
from datetime import date

from starlette.responses import JSONResponse, Response

from calotype.accounts import users
from calotype.api import answers
from calotype.api.call import Reading, Writing
from calotype.api.op import Door
from calotype.core.ids import AssetId
from calotype.seeing import progress
from calotype.server import about, doctor, failures, health, history
from calotype.timeline import buckets
from calotype.timeline.scope import TIMELINE, Asked
from calotype.wire import house as house_wire
from calotype.wire import seeing as seeing_wire
from calotype.wire import server as wire
from calotype.wire import users as users_wire

door = Door("Calotype")

# The wall that the web UI opens with.
OPENING = Asked(visibility=TIMELINE, with_stacked=True)


@door.get("/calotype/health/live", public=True)
async def is_live(ask: Reading) -> wire.Alive:
    return wire.Alive(status="ok")


@door.get("/calotype/health/ready", public=True)
async def is_ready(ask: Reading) -> Response:
    """200 while requests can be answered, 503 while the database is away."""
    if await health.database_answers(ask.world):
        return JSONResponse({"status": "ok"})
    return JSONResponse({"status": "down"}, 503, headers={"retry-after": "5"})


@door.get("/calotype/health", public=True)
async def get_health(ask: Reading) -> wire.Health:
    return wire.Health.model_validate(await health.look(ask.world))


@door.get("/calotype/activity", may="any")
async def get_activity(ask: Reading) -> wire.Activity:
    return wire.Activity(processing=await health.busy(ask.world))


@door.get("/calotype/doctor", may="all", admin=True)
async def get_doctor(ask: Reading) -> list[wire.Finding]:
    """What Calotype stands on, as `calotype doctor` prints it."""
    found = [each async for each in doctor.examine(ask.world.config, ask.world.files)]
    return [wire.Finding(name=each.subject, ok=each.level != "error", sentence=each.words) for each in found]


@door.get("/calotype/opening", may="asset.read", shape=house_wire.Opening)
async def get_opening(ask: Reading) -> Response:
    """Who asks, what the server can do, the months of their timeline and the photos of the first: the first screen
    needs all of it, and each question alone would be a way there and back."""
    look, world = ask.look, ask.world
    scope = await buckets.scope_of(look, ask.caller, OPENING, now=world.clock.now())
    months = await buckets.months_of(look, scope)
    parts = {
        "user": answers.to_bytes(users_wire.full(await users.get(look, ask.caller.user_id), world.config.data)),
        "config": answers.to_bytes(wire.ServerConfig.model_validate(await about.config(world))),
        "features": answers.to_bytes(wire.Features.model_validate(await about.features(world))),
        "months": months,
        "first": b"null",
    }
    newest = next(iter(json.loads(months)), None)
    if newest is not None:
        month = newest["timeBucket"]
        columns, _ = await buckets.bucket_of(look, world.cache, scope, date.fromisoformat(month))
        parts["first"] = b'{"timeBucket":"%s","columns":%s}' % (month.encode(), columns)
    body = b"{" + b",".join(b'"%s":%s' % (name.encode(), part) for name, part in parts.items()) + b"}"
    return await answers.json_response(ask.request, body)


@door.get("/calotype/failures", may="queueJob.read", admin=True)
async def get_failures(ask: Reading) -> house_wire.FailureList:
    """Photos that could not be prepared and jobs that gave up, each with its reason."""
    return house_wire.failures(await failures.listed(ask.world, ask.look, ask.caller.user_id))


@door.post("/calotype/failures/retry", may="queueJob.create", admin=True)
async def retry_failures(ask: Writing, wanted: house_wire.FailureRetry) -> house_wire.Retried:
    """Forget failures and try again: those named, or all of them."""
    assets = None if wanted.asset_ids is None else [AssetId(each) for each in wanted.asset_ids]
    jobs = None if wanted.jobs is None else [(each.queue, each.id) for each in wanted.jobs]
    return house_wire.Retried(count=await failures.try_again(ask.world, ask.tx, assets, jobs))


@door.get("/calotype/history", may="server.statistics", admin=True)
async def get_history(ask: Reading) -> house_wire.History:
    """What arrived in the last 90 days, and how much waited in the queues of the last day."""
    return house_wire.history(await history.uploads(ask.world, ask.look), await history.depths(ask.world))


@door.get("/calotype/models", may="systemConfig.read", admin=True)
async def get_models(ask: Reading) -> seeing_wire.Seeing:
    """Who looks at pictures, with which models and under which terms, and how far they are."""
    return seeing_wire.Seeing.model_validate(await progress.look(ask.world))
