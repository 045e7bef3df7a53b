"""Who is asking: the first credential that is present decides, even if another one would be good."""

from collections.abc import Mapping

from starlette.requests import Request

from calotype.accounts import api_keys, links, sessions
from calotype.accounts.caller import Caller
from calotype.api.origin import is_forged
from calotype.core.errors import Forbidden, Unauthenticated
from calotype.core.world import World

SESSION_COOKIE = "immich_access_token"
NOTHING: dict[str, str] = {}
FORGED = "This request was sent by another website."


async def identify(request: Request, *, required: bool) -> Caller | None:
    """The caller of a request; `None` for a public operation, which does not look at credentials at all.

    So a public operation answers while the database is away. Raises `Unauthenticated` with the contract's sentence, and
    `Forbidden` for a change that another website made a browser send.
    """
    if not required:
        if is_forged(request.method, request.headers):
            raise Forbidden(FORGED)
        return None
    world: World = request.app.state.world
    headers = request.headers
    query: Mapping[str, str] = request.query_params if request.scope["query_string"] else NOTHING
    cookies: Mapping[str, str] = request.cookies if "cookie" in headers else NOTHING
    return await identify_headers(world, headers, query, cookies, method=request.method)


async def identify_headers(
    world: World,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    cookies: Mapping[str, str],
    *,
    method: str = "GET",
) -> Caller:
    """The caller behind headers (looked up in lower case), query and cookies. An empty credential counts as absent.

    Raises `Unauthenticated` when there is no credential, or the one that decides is bad.
    """
    if key := headers.get("x-immich-share-key") or query.get("key"):
        async with world.glancing() as look:
            return _known(await links.by_key(look, key, world.clock.now()), "Invalid share key")
    if slug := headers.get("x-immich-share-slug") or query.get("slug"):
        async with world.glancing() as look:
            return _known(await links.by_slug(look, slug, world.clock.now()), "Invalid share slug")
    if token := (
        headers.get("x-immich-user-token")
        or headers.get("x-immich-session-token")
        or query.get("sessionKey")
        or _bearer(headers.get("authorization", ""))
    ):
        return _known(await sessions.recognise(world, token, headers), "Invalid user token")
    if token := cookies.get(SESSION_COOKIE):
        if is_forged(method, headers):
            raise Forbidden(FORGED)
        return _known(await sessions.recognise(world, token, headers), "Invalid user token")
    if key := headers.get("x-api-key") or query.get("apiKey"):
        return _known(await api_keys.recognise(world, key), "Invalid API key")
    raise Unauthenticated("Authentication required")


def _bearer(authorization: str) -> str:
    """The token, if the scheme is Bearer; other schemes belong to a proxy before us."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _known(caller: Caller | None, refusal: str) -> Caller:
    if caller is None:
        raise Unauthenticated(refusal)
    return caller
