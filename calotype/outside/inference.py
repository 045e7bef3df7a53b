"""The inference service, seen from outside: whether it answers."""

from calotype.core.errors import Offline
from calotype.core.ports import Seen, Wanted

TIMEOUT_S = 2.0


async def answers(url: str) -> bool:
    """Whether the service at `url` says pong within two seconds."""
    import httpx  # 0.3 s and 10 MB that a start without such a service need not pay

    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            reply = await client.get(f"{url.rstrip('/')}/ping")
    except httpx.HTTPError:
        return False
    return reply.status_code == 200


class NoVision:
    """Nobody looks at pictures here: no inference service is configured."""

    async def see(self, picture: bytes, wanted: Wanted) -> Seen:
        raise Offline("No inference service is configured.")

    async def words(self, text: str, *, model: str, language: str | None = None) -> str:
        raise Offline("No inference service is configured.")
