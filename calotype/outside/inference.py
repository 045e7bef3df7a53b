"""The inference service, seen from outside: whether it answers."""

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
