"""Our own operations, which no other server has: health for orchestrators and banners, and what is being worked on."""

from starlette.responses import JSONResponse, Response

from calotype.api.call import Reading
from calotype.api.op import Door
from calotype.server import doctor, health
from calotype.wire import server as wire

door = Door("Calotype")


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
